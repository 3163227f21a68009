"""The implementations under test behind one interface; nothing of them is imported before a test asks for it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from conformance import formats
from conformance.formats import BLOCK_SCHEMES

KERNEL_ISAS = ("scalar", "avx2", "avx512")
PRODUCT_ISAS = (*KERNEL_ISAS, "amx")
"""Those that have products of their own: "amx" is "avx512" in all else."""

EXCLUDED: set[str] = set()
"""Instruction sets that this session must treat as missing (`--q35-without`)."""

DEVICE = "interpreter"
"""Where this session runs Triton kernels: "interpreter" or "cuda" (`--q35-device`); read it as `subjects.DEVICE`."""

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Int8s = NDArray[np.int8]


class ArraySubject(Protocol):
    """What is judged on arrays. Shapes: weights [rows, cols], codes [rows, pairs], steps [rows, blocks]."""

    name: str
    errors: tuple[type[Exception], ...]
    """What it raises for an input that it must refuse."""

    def quantize(self, weights: Floats, scheme: str, block_size: int) -> tuple[Codes, Halves]: ...
    def encode(self, weights: Floats, steps: Halves, scheme: str, block_size: int) -> Codes: ...
    def dequantize(self, codes: Codes, steps: Halves, scheme: str, block_size: int, cols: int) -> Floats: ...
    def quantize_affine(self, weights: Floats) -> tuple[Codes, Halves, Int8s]: ...
    def dequantize_affine(self, codes: Codes, steps: Halves, zero_points: Int8s) -> Floats: ...
    def pack(self, codes: list[int]) -> list[int]: ...
    def unpack(self, stream: list[int], count: int) -> list[int]: ...
    def max_safe_k(self, table: Int8s) -> int: ...
    def block_dots(self, a: Int8s, codes: Codes, table: Int8s, block_size: int) -> NDArray[np.int32]: ...
    def matmul_int32(self, a: Int8s, codes: Codes, table: Int8s) -> NDArray[np.int32]: ...
    def matmul(
        self, a: Int8s, a_scale: Floats, codes: Codes, steps: Halves, table: Int8s, block_size: int
    ) -> Floats: ...


@cache
def kernels() -> ModuleType:
    import q35kernels

    return q35kernels


def machine_lacks(isa: str | None) -> str | None:
    """Why kernels of an ISA cannot run on this machine, or None when they can (or no ISA is asked for)."""
    if isa is None:
        return None
    if isa in EXCLUDED:
        return f"{isa} was excluded by --q35-without"
    return None if isa in kernels().available_isas() else f"this machine has no {isa}"


class Kernel:
    """The C++ kernels of one instruction set."""

    def __init__(self, isa: str) -> None:
        from q35.errors import InputError

        self.name, self.isa, self.native = f"kernel-{isa}", isa, kernels()
        self.errors: tuple[type[Exception], ...] = (InputError,)

    def quantize(self, weights: Floats, scheme: str, block_size: int) -> tuple[Codes, Halves]:
        size = block_size if scheme in BLOCK_SCHEMES else None
        found = self.native.quantize(weights, scheme, size, isa=self.isa)
        return found.codes, found.steps

    def encode(self, weights: Floats, steps: Halves, scheme: str, block_size: int) -> Codes:
        codes: Codes = self.native.encode_blocks(weights, steps, scheme, block_size, isa=self.isa)
        return codes

    def dequantize(self, codes: Codes, steps: Halves, scheme: str, block_size: int, cols: int) -> Floats:
        table, size = self.table_and_size(scheme, block_size, cols)
        weights: Floats = self.native.dequantize(codes, steps, table, size, cols, isa=self.isa)
        return weights

    def dequantize_stream(self, stream: Codes, steps: Halves, scheme: str, block_size: int, cols: int) -> Floats:
        table, size = self.table_and_size(scheme, block_size, cols)
        weights: Floats = self.native.dequantize_stream(stream, steps, table, size, cols, isa=self.isa)
        return weights

    def table_and_size(self, scheme: str, block_size: int, cols: int) -> tuple[Int8s, int]:
        """The scheme's table, and the block size that makes one block of a row where the scheme has no blocks."""
        size = block_size if scheme in BLOCK_SCHEMES else cols + cols % 2
        return formats.scheme(scheme).array(), size

    def quantize_affine(self, weights: Floats) -> tuple[Codes, Halves, Int8s]:
        found = self.native.quantize(weights, "row-affine", isa=self.isa)
        return found.codes, found.steps, found.zero_points

    def dequantize_affine(self, codes: Codes, steps: Halves, zero_points: Int8s) -> Floats:
        weights: Floats = self.native.dequantize_row_affine(codes, steps, zero_points, isa=self.isa)
        return weights

    def pack(self, codes: list[int]) -> list[int]:
        stream: list[int] = self.native.pack_stream(row_of(codes), isa=self.isa)[0].tolist()
        return stream

    def unpack(self, stream: list[int], count: int) -> list[int]:
        codes: list[int] = self.native.unpack_stream(row_of(stream), count, isa=self.isa)[0].tolist()
        return codes

    def max_safe_k(self, table: Int8s) -> int:
        return int(self.native.max_safe_k(table))

    def block_dots(self, a: Int8s, codes: Codes, table: Int8s, block_size: int) -> NDArray[np.int32]:
        dots: NDArray[np.int32] = self.native.block_dots(a, codes, table, block_size, isa=self.isa)
        return dots

    def matmul_int32(self, a: Int8s, codes: Codes, table: Int8s) -> NDArray[np.int32]:
        dots: NDArray[np.int32] = self.native.matmul_int32(a, codes, table, isa=self.isa)
        return dots

    def matmul(self, a: Int8s, a_scale: Floats, codes: Codes, steps: Halves, table: Int8s, block_size: int) -> Floats:
        y: Floats = self.native.matmul(a, a_scale, codes, steps, table, block_size, isa=self.isa)
        return y


class Vectorized:
    """The NumPy reference."""

    name = "reference-vectorized"

    def __init__(self) -> None:
        from q35ref import errors, vectorized

        self.native = vectorized
        self.errors: tuple[type[Exception], ...] = (errors.InputError,)

    def quantize(self, weights: Floats, scheme: str, block_size: int) -> tuple[Codes, Halves]:
        found = self.native.quantize(weights, scheme, block_size if scheme in BLOCK_SCHEMES else None)
        return found.codes, found.steps

    def encode(self, weights: Floats, steps: Halves, scheme: str, block_size: int) -> Codes:
        codes: Codes = self.native.encode_blocks(weights, steps, scheme, block_size)
        return codes

    def dequantize(self, codes: Codes, steps: Halves, scheme: str, block_size: int, cols: int) -> Floats:
        size = block_size if scheme in BLOCK_SCHEMES else None
        parts = self.native.QuantizedTensor(codes, steps, None, (len(codes), cols), scheme, size)
        return self.native.dequantize(parts)

    def quantize_affine(self, weights: Floats) -> tuple[Codes, Halves, Int8s]:
        found = self.native.quantize(weights, "row-affine")
        assert found.zero_points is not None
        return found.codes, found.steps, found.zero_points

    def dequantize_affine(self, codes: Codes, steps: Halves, zero_points: Int8s) -> Floats:
        shape = len(codes), len(steps)
        return self.native.dequantize(self.native.QuantizedTensor(codes, steps, zero_points, shape, "row-affine", None))

    def pack(self, codes: list[int]) -> list[int]:
        stream: list[int] = self.native.pack_stream(row_of(codes))[0].tolist()
        return stream

    def unpack(self, stream: list[int], count: int) -> list[int]:
        codes: list[int] = self.native.unpack_stream(count, row_of(stream))[0].tolist()
        return codes

    def max_safe_k(self, table: Int8s) -> int:
        return int(exact_reference().max_safe_k([tuple(entry) for entry in table.tolist()]))

    def block_dots(self, a: Int8s, codes: Codes, table: Int8s, block_size: int) -> NDArray[np.int32]:
        return self.native.block_dots(a, codes, table, block_size)

    def matmul_int32(self, a: Int8s, codes: Codes, table: Int8s) -> NDArray[np.int32]:
        return self.native.matmul_int32(a, codes, table)

    def matmul(self, a: Int8s, a_scale: Floats, codes: Codes, steps: Halves, table: Int8s, block_size: int) -> Floats:
        return self.native.matmul(a, a_scale, codes, steps, table, block_size)


def row_of(values: list[int]) -> Codes:
    """uint8 [1, n]."""
    return np.array(values, dtype=np.uint8).reshape(1, -1)


ARRAY_SUBJECTS = (Vectorized.name, *(f"kernel-{isa}" for isa in KERNEL_ISAS))


@cache
def array_subject(name: str) -> ArraySubject:
    """The subject of that name; for a kernel whose ISA the machine has."""
    return Vectorized() if name == Vectorized.name else Kernel(name.removeprefix("kernel-"))


@cache
def reference(name: str) -> Any:
    """The module `q35ref.<name>`."""
    return import_module(f"q35ref.{name}")


@cache
def exact_reference() -> Any:
    """The module of exact definitions."""
    return reference("exact")
