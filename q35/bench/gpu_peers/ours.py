"""Our Triton kernels: Q35 weights with float16, bfloat16 and int8 activations, and MXFP4 weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import q35kernels
from q35.bench.gpu_contenders import Device, GpuWeights, Operands
from q35.bench.problem import Floats, repeat_rows
from q35kernels.triton.launcher import Weights
from q35kernels.triton.linear import linear
from q35kernels.triton.linear_float import linear_float
from q35kernels.triton.mx_dequantize import mx_dequantize
from q35kernels.triton.mx_linear import mx_linear
from q35kernels.triton.mx_quantize import mx_quantize

BLOCK_SIZE = 64

ACTIVATIONS: dict[str, tuple[str, Operands]] = {
    "fp16": ("float16", "f16"),
    "bf16": ("bfloat16", "bf16"),
    "int8": ("float16", "s8"),
}
"""The activations that a contender is given, and what its matrix instructions multiply."""


def prepare(device: Device, variant: str, weights: Floats, outputs: int) -> GpuWeights:
    """See `Prepare`; `variant` is mxfp4 or a scheme, and the activations: codebook-int8."""
    scheme, activations = variant.split("-")
    if scheme == "mxfp4":
        return _prepare_mx(device, weights, outputs)
    table = q35kernels.scheme_named(scheme).table
    codes, steps, _ = q35kernels.quantize(weights, scheme, BLOCK_SIZE)
    stored = q35kernels.dequantize(codes, steps, table, BLOCK_SIZE, weights.shape[1])
    tiled = q35kernels.tile_weights(
        repeat_rows(codes, outputs), repeat_rows(steps, outputs), table, BLOCK_SIZE, weights.shape[1]
    )
    # A copy, since torch takes no read-only array; the table is no weight, and stays in the cache as in a model.
    multiply = partial(_multiply, device.tensor(table.copy()), outputs, activations == "int8", scheme == "block")
    name, operands = ACTIVATIONS[activations]
    details = {"activations": "quantized inside the call"} if activations == "int8" else {}
    return GpuWeights((device.tensor(tiled.data.copy()),), multiply, stored, name, operands, details)


def _multiply(table: Any, outputs: int, int8: bool, arithmetic: bool, x: Any, tiled: Any) -> Any:
    weights = Weights(tiled, table, outputs, x.shape[1], BLOCK_SIZE, "stream", arithmetic)
    return linear(x, weights).to(x.dtype) if int8 else linear_float(x, weights)


def _prepare_mx(device: Device, weights: Floats, outputs: int) -> GpuWeights:
    data = mx_quantize(device.tensor(weights), "e2m1")
    stored = device.array(mx_dequantize(data, "e2m1", weights.shape[1]))
    repeated = data.repeat(-(-outputs // len(data)), 1)[:outputs].contiguous()
    return GpuWeights((repeated,), lambda x, rows: mx_linear(x, rows, "e2m1"), stored)
