"""ggml, the library under llama.cpp: a graph of one product, its weights where llama.cpp itself would put them.

The functions are those of ggml.h, ggml-backend.h and ggml-cpu.h; the library is the one that llama-cpp-python brings.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_bool, c_char_p, c_float, c_int, c_int64, c_size_t, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35.bench.problem import Floats, repeat_rows

F32 = 0
TYPES = {"q4_0": 2, "q3_k": 11, "q4_k": 12, "mxfp4": 39}
"""The numbers of `enum ggml_type`."""

CONTEXT_BYTES = 1 << 20
"""Enough for the description of one product; the arrays lie in buffers of their own."""


class _InitParams(ctypes.Structure):
    _fields_ = [("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool)]


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "ggml_init": (c_void_p, [_InitParams]),
    "ggml_free": (None, [c_void_p]),
    "ggml_row_size": (c_size_t, [c_int, c_int64]),
    "ggml_quantize_chunk": (c_size_t, [c_int, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_void_p]),
    "ggml_new_tensor_2d": (c_void_p, [c_void_p, c_int, c_int64, c_int64]),
    "ggml_mul_mat": (c_void_p, [c_void_p, c_void_p, c_void_p]),
    "ggml_cast": (c_void_p, [c_void_p, c_void_p, c_int]),
    "ggml_get_data": (c_void_p, [c_void_p]),
    "ggml_new_graph": (c_void_p, [c_void_p]),
    "ggml_build_forward_expand": (None, [c_void_p, c_void_p]),
    "ggml_backend_init_by_type": (c_void_p, [c_int, c_char_p]),
    "ggml_backend_dev_by_type": (c_void_p, [c_int]),
    "ggml_backend_dev_backend_reg": (c_void_p, [c_void_p]),
    "ggml_backend_dev_buffer_type": (c_void_p, [c_void_p]),
    "ggml_backend_dev_supports_op": (c_bool, [c_void_p, c_void_p]),
    "ggml_backend_reg_get_proc_address": (c_void_p, [c_void_p, c_char_p]),
    "ggml_backend_buft_name": (c_char_p, [c_void_p]),
    "ggml_backend_alloc_ctx_tensors_from_buft": (c_void_p, [c_void_p, c_void_p]),
    "ggml_backend_buffer_free": (None, [c_void_p]),
    "ggml_backend_tensor_set": (None, [c_void_p, c_void_p, c_size_t, c_size_t]),
    "ggml_backend_graph_compute": (c_int, [c_void_p, c_void_p]),
}


class _Ggml:
    """The library with its CPU backend."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("No module named 'llama_cpp'", name="llama_cpp")
        folder = Path(spec.origin).parent / "lib"
        self._libraries = [ctypes.CDLL(str(folder / f"lib{name}.so")) for name in ("ggml-base", "ggml-cpu", "ggml")]
        cpu = 0  # GGML_BACKEND_DEVICE_TYPE_CPU
        self.backend = self.ggml_backend_init_by_type(cpu, None)
        self.device = self.ggml_backend_dev_by_type(cpu)
        self.registry = self.ggml_backend_dev_backend_reg(self.device)

    def __getattr__(self, name: str) -> Any:
        """The function of that name, from whichever of the libraries has it."""
        function = next(getattr(library, name) for library in self._libraries if hasattr(library, name))
        function.restype, function.argtypes = _SIGNATURES[name]
        setattr(self, name, function)
        return function

    def _procedure(self, name: bytes, kind: Any) -> Any:
        address = self.ggml_backend_reg_get_proc_address(self.registry, name)
        return kind(address) if address else None

    def set_threads(self, threads: int) -> None:
        """How many threads the following graphs run in."""
        self._procedure(b"ggml_backend_set_n_threads", CFUNCTYPE(None, c_void_p, c_int))(self.backend, threads)

    def buffer_types(self) -> list[int]:
        """Where weights may lie, in llama.cpp's order: the CPU's extra types (AMX, repacked), then the ordinary one."""
        kind = CFUNCTYPE(POINTER(c_void_p), c_void_p)
        extra = self._procedure(b"ggml_backend_dev_get_extra_bufts", kind)
        found: list[int] = []
        if extra is not None:
            listed = extra(self.device)
            while listed and listed[len(found)]:
                found.append(listed[len(found)])
        return [*found, self.ggml_backend_dev_buffer_type(self.device)]

    def features(self) -> str:
        """What the library was compiled for, in its own words."""

        class Feature(ctypes.Structure):
            _fields_ = [("name", c_char_p), ("value", c_char_p)]

        listed = self._procedure(b"ggml_backend_get_features", CFUNCTYPE(POINTER(Feature), c_void_p))(self.registry)
        names = []
        for feature in listed:
            if not feature.name:
                break
            names.append(feature.name.decode())
        return " ".join(names)


@cache
def _ggml() -> _Ggml:
    return _Ggml()


class _Tensors:
    """Tensors of one context, in one buffer; both are freed with this object."""

    def __init__(self) -> None:
        self.context = _ggml().ggml_init(_InitParams(CONTEXT_BYTES, None, True))
        self._buffer: int | None = None

    def new(self, kind: int, inner: int, outer: int) -> int:
        """A tensor of `outer` rows of `inner` values."""
        return int(_ggml().ggml_new_tensor_2d(self.context, kind, inner, outer))

    def allocate(self, buffer_type: int) -> None:
        """Gives all tensors so far their memory."""
        self._buffer = _ggml().ggml_backend_alloc_ctx_tensors_from_buft(self.context, buffer_type)
        if not self._buffer:
            raise MemoryError("ggml could not allocate its tensors")

    def compute(self, result: int) -> Callable[[], None]:
        """A call that computes `result`."""
        ggml = _ggml()
        graph = ggml.ggml_new_graph(self.context)
        ggml.ggml_build_forward_expand(graph, result)

        def call() -> None:
            status = ggml.ggml_backend_graph_compute(ggml.backend, graph)
            if status != 0:
                raise RuntimeError(f"ggml_backend_graph_compute returned {status}")

        return call

    def __del__(self) -> None:
        if self._buffer:
            _ggml().ggml_backend_buffer_free(self._buffer)
        _ggml().ggml_free(self.context)


def _set(tensor: int, values: NDArray[Any]) -> None:
    _ggml().ggml_backend_tensor_set(tensor, values.ctypes.data, 0, values.nbytes)


def _view(tensors: _Tensors, tensor: int, shape: tuple[int, int]) -> Floats:
    """The memory of one of the tensors, a float32 one, as an array, which keeps them all."""
    memory: Any = (c_float * (shape[0] * shape[1])).from_address(_ggml().ggml_get_data(tensor))
    memory.held = tensors
    return np.frombuffer(memory, np.float32).reshape(shape)


@dataclass(frozen=True, eq=False)
class GgmlWeights:
    """Quantized weights in a buffer of ggml's CPU backend."""

    held: _Tensors
    tensor: int
    inputs: int
    outputs: int
    weights: Floats
    bits_per_weight: float
    details: dict[str, str]

    def product(self, activations: Floats, threads: int) -> Callable[[], Floats]:
        """See `Prepared.product`."""
        tensors = _Tensors()
        x = tensors.new(F32, self.inputs, len(activations))
        y = _ggml().ggml_mul_mat(tensors.context, self.tensor, x)
        tensors.allocate(_ggml().buffer_types()[-1])
        _set(x, activations)
        compute, result = tensors.compute(y), _view(tensors, y, (len(activations), self.outputs))
        _ggml().set_threads(threads)

        def call() -> Floats:
            compute()
            return result

        return call


def prepare(variant: str, weights: Floats, outputs: int) -> GgmlWeights:
    """See `Prepare`; `variant` is a key of `TYPES`."""
    ggml, kind = _ggml(), TYPES[variant]
    rows, inputs = weights.shape
    quantized = np.empty((rows, ggml.ggml_row_size(kind, inputs)), np.uint8)
    ggml.ggml_quantize_chunk(kind, weights.ctypes.data, quantized.ctypes.data, 0, rows, inputs, None)
    held, tensor, buffer_type = _best_place(kind, inputs, outputs)
    _set(tensor, repeat_rows(quantized, outputs))
    details = {"buffer": buffer_type, "compiled for": ggml.features()}
    bits = 8 * quantized.shape[1] / inputs
    return GgmlWeights(held, tensor, inputs, outputs, _stored(kind, quantized, weights.shape), bits, details)


def _best_place(kind: int, inputs: int, outputs: int) -> tuple[_Tensors, int, str]:
    """Memory for weights in the first buffer type on which the backend multiplies with them, and that type's name."""
    ggml = _ggml()
    for buffer_type in ggml.buffer_types():
        held = _Tensors()
        tensor = held.new(kind, inputs, outputs)
        held.allocate(buffer_type)
        product = ggml.ggml_mul_mat(held.context, tensor, held.new(F32, inputs, 512))
        if ggml.ggml_backend_dev_supports_op(ggml.device, product):
            return held, tensor, ggml.ggml_backend_buft_name(buffer_type).decode()
    raise RuntimeError("ggml's CPU backend does not multiply with this type")


def _stored(kind: int, quantized: NDArray[np.uint8], shape: tuple[int, int]) -> Floats:
    """What quantized rows stand for, converted by ggml."""
    tensors = _Tensors()
    source = tensors.new(kind, shape[1], shape[0])
    result = _ggml().ggml_cast(tensors.context, source, F32)
    tensors.allocate(_ggml().buffer_types()[-1])
    _set(source, quantized)
    tensors.compute(result)()
    return _view(tensors, result, shape).copy()
