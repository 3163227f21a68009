"""PyTorch: dense weights in float16 and bfloat16 (cuBLAS), int8 with a scale a row, int4 in groups of 128."""

from __future__ import annotations

from typing import Any

import torch

from q35.bench.gpu_contenders import Device, GpuWeights, Operands
from q35.bench.peers.torch import int4_groups
from q35.bench.problem import Floats, repeat_rows

GROUP = 128
INNER_K_TILES = 8
"""How `_weight_int4pack_mm` lays its weights out."""

LEAST_INT8_ROWS = 32
"""`_int_mm` takes more than 16 rows of activations: fewer are padded."""


def prepare(device: Device, variant: str, weights: Floats, outputs: int) -> GpuWeights:
    """See `Prepare`; `variant` is fp16, bf16, int8 or int4."""
    if variant == "int8":
        return _prepare_int8(device, weights, outputs)
    if variant == "int4":
        return _prepare_int4(device, weights, outputs)
    name, operands = _DENSE[variant]
    stored = torch.from_numpy(weights).to(getattr(torch, name)).float().numpy()
    dense = device.tensor(repeat_rows(stored, outputs), name)
    return GpuWeights((dense,), torch.nn.functional.linear, stored, name, operands)


_DENSE: dict[str, tuple[str, Operands]] = {"fp16": ("float16", "f16"), "bf16": ("bfloat16", "bf16")}


def _prepare_int8(device: Device, weights: Floats, outputs: int) -> GpuWeights:
    """The largest weight of a row is 127 steps."""
    rows = torch.from_numpy(weights)
    steps = rows.abs().amax(1, keepdim=True) / 127
    codes = (rows / steps).round().to(torch.int8)
    tensors = (device.tensor(repeat_rows(codes.numpy(), outputs)), device.tensor(repeat_rows(steps.numpy(), outputs)))
    details = {"activations": "a scale a row, quantized inside the call", "rows": f"at least {LEAST_INT8_ROWS}"}
    return GpuWeights(tensors, _multiply_int8, (codes * steps).numpy(), operands="s8", details=details)


def _multiply_int8(x: Any, codes: Any, steps: Any) -> Any:
    scales = x.abs().amax(1, keepdim=True).float() / 127
    a = (x / scales).round().to(torch.int8)
    padded = torch.nn.functional.pad(a, (0, 0, 0, max(0, LEAST_INT8_ROWS - len(a))))
    dots = torch._int_mm(padded, codes.t())[: len(a)]
    return (dots * scales * steps.t()).to(x.dtype)


def _prepare_int4(device: Device, weights: Floats, outputs: int) -> GpuWeights:
    codes, scale, zero, stored = int4_groups(weights, GROUP)
    nibbles = device.tensor(repeat_rows(codes[:, ::2] << 4 | codes[:, 1::2], outputs))
    packed = torch.ops.aten._convert_weight_to_int4pack(nibbles, INNER_K_TILES)
    pairs = repeat_rows(torch.cat([scale, zero], -1).numpy(), outputs)
    scales = device.tensor(pairs, "bfloat16").transpose(0, 1).contiguous()
    return GpuWeights((packed, scales), _multiply_int4, stored, "bfloat16", "bf16", {"group": str(GROUP)})


def _multiply_int4(x: Any, packed: Any, scales: Any) -> Any:
    return torch.ops.aten._weight_int4pack_mm(x, packed, GROUP, scales)
