"""onnxruntime: the operator MatMulNBits with 4-bit weights in blocks of 32 and int8 activations (accuracy level 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import _pybind_state

from q35.bench.problem import Floats, repeat_rows

BLOCK = 32
ACCURACY_LEVEL = 4


@dataclass(frozen=True, eq=False)
class OnnxWeights:
    """A model of one operator, as bytes."""

    model: bytes
    outputs: int
    weights: Floats
    bits_per_weight: float
    details: dict[str, str]

    def product(self, activations: Floats, threads: int) -> Callable[[], Floats]:
        """See `Prepared.product`."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])
        result = np.empty((len(activations), self.outputs), np.float32)
        held = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in (activations, result)]
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", held[0])
        binding.bind_ortvalue_output("y", held[1])

        def call() -> Floats:
            session.run_with_iobinding(binding)
            return result

        call.held = held  # type: ignore[attr-defined]
        return call


def prepare(variant: str, weights: Floats, outputs: int) -> OnnxWeights:
    """See `Prepare`; there is one variant."""
    rows, inputs = weights.shape
    blocks = -(-inputs // BLOCK)
    packed = np.zeros((rows, blocks, BLOCK // 2), np.uint8)
    scales = np.zeros((rows, blocks), np.float32)
    unused = np.zeros((rows, (blocks + 1) // 2), np.uint8)
    columns = np.ascontiguousarray(weights.T)
    _pybind_state.quantize_matmul_4bits(packed, columns, scales, unused, BLOCK, rows, inputs, True)
    details = {"accuracy level": str(ACCURACY_LEVEL), "block": str(BLOCK), "scales": "float32"}
    model = _model(inputs, repeat_rows(packed, outputs), repeat_rows(scales, outputs))
    return OnnxWeights(model, outputs, _stored(packed, scales, inputs), 4 + 32 / BLOCK, details)


def _stored(packed: NDArray[np.uint8], scales: Floats, inputs: int) -> Floats:
    codes = np.stack([packed & 15, packed >> 4], -1).reshape(len(packed), -1, BLOCK).astype(np.float32)
    values: Floats = (codes - 8) * scales[:, :, None]
    return values.reshape(len(packed), -1)[:, :inputs]


def _model(inputs: int, packed: NDArray[np.uint8], scales: Floats) -> bytes:
    """One MatMulNBits operator between the float32 input x and output y."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    sizes = {"K": inputs, "N": len(packed), "bits": 4, "block_size": BLOCK, "accuracy_level": ACCURACY_LEVEL}
    node = helper.make_node("MatMulNBits", ["x", "weights", "scales"], ["y"], domain="com.microsoft", **sizes)
    constants = [onnx.numpy_helper.from_array(packed, "weights"), onnx.numpy_helper.from_array(scales, "scales")]
    ends = [helper.make_tensor_value_info(name, floats, ["M", n]) for name, n in (("x", inputs), ("y", len(packed)))]
    graph = helper.make_graph([node], "product", ends[:1], ends[1:], constants)
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model: Any = helper.make_model(graph, opset_imports=domains, ir_version=10)
    return bytes(model.SerializeToString())
