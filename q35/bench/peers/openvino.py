"""OpenVINO: unsigned 4-bit weights with zero point 8 and a float16 scale for 32 of them, decompressed by the plug-in.

OpenVINO itself has no quantizer; the rule is that of NNCF's INT4_SYM: the weight of largest magnitude over -8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13

from q35.bench.problem import Floats, repeat_rows

GROUP = 32
SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
"""All else as the plug-in chooses: with float32 inside it was slower on every machine tried."""


@dataclass(frozen=True, eq=False)
class OpenvinoWeights:
    """The decompression of constant weights, to be multiplied with an input of any number of rows."""

    decompressed: Any
    packed: NDArray[np.uint8]  # whose memory the constant uses
    inputs: int
    outputs: int
    weights: Floats
    bits_per_weight: float
    details: dict[str, str]

    def product(self, activations: Floats, threads: int) -> Callable[[], Floats]:
        """See `Prepared.product`."""
        x = opset13.parameter(activations.shape, np.float32, "x")
        y = opset13.matmul(x, self.decompressed, False, True)
        settings = {**SETTINGS, "INFERENCE_NUM_THREADS": str(threads)}
        compiled = openvino.Core().compile_model(openvino.Model([y], [x]), "CPU", settings)
        request = compiled.create_infer_request()
        result = np.empty((len(activations), self.outputs), np.float32)
        request.set_input_tensor(openvino.Tensor(activations, shared_memory=True))
        request.set_output_tensor(openvino.Tensor(result, shared_memory=True))

        def call() -> Floats:
            request.infer(share_inputs=True, share_outputs=True)
            return result

        return call


def prepare(variant: str, weights: Floats, outputs: int) -> OpenvinoWeights:
    """See `Prepare`; there is one variant."""
    rows, inputs = weights.shape
    groups = weights.reshape(rows, -1, GROUP)
    largest = np.take_along_axis(groups, np.abs(groups).argmax(-1, keepdims=True), -1)
    scales = (largest / -8).astype(np.float16)
    wide = scales.astype(np.float32)
    codes = np.clip(np.rint(np.divide(groups, wide, out=np.zeros_like(groups), where=wide != 0)) + 8, 0, 15)
    stored: Floats = ((codes - 8) * wide).reshape(rows, inputs)
    nibbles = codes.astype(np.uint8).reshape(rows, inputs // 2, 2)
    packed = repeat_rows(nibbles[:, :, 0] | nibbles[:, :, 1] << 4, outputs)
    shape = openvino.Shape([outputs, inputs // GROUP, GROUP])
    constant = opset13.constant(openvino.Tensor(packed, shape, openvino.Type.u4))
    centred = opset13.subtract(opset13.convert(constant, "f16"), opset13.constant(np.array(8, np.float16)))
    scaled = opset13.multiply(centred, opset13.constant(repeat_rows(scales, outputs)))
    flat = opset13.reshape(scaled, opset13.constant(np.array([outputs, inputs])), False)
    decompressed = opset13.convert(flat, "f32")
    precision = openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT").get_type_name()
    details = {**SETTINGS, "INFERENCE_PRECISION_HINT": precision}
    return OpenvinoWeights(decompressed, packed, inputs, outputs, stored, 4 + 16 / GROUP, details)
