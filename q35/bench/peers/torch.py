"""PyTorch: dense weights in float32 and bfloat16, and int4 in groups of 32 with float activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from q35.bench.problem import Floats, repeat_rows

GROUP = 32


@dataclass(frozen=True, eq=False)
class TorchWeights:
    """Weights of PyTorch and the function that multiplies with them."""

    multiply: Callable[[Any], Any]
    weights: Floats
    bits_per_weight: float
    details: dict[str, str]

    def product(self, activations: Floats, threads: int) -> Callable[[], Floats]:
        """See `Prepared.product`."""
        x = torch.from_numpy(activations)

        def call() -> Floats:
            with torch.inference_mode():
                result: Floats = self.multiply(x).numpy()
            return result

        torch.set_num_threads(threads)
        return call


def prepare(variant: str, weights: Floats, outputs: int) -> TorchWeights:
    """See `Prepare`; `variant` is fp32, bf16 or int4."""
    details = {"instruction set": torch.backends.cpu.get_cpu_capability()}
    if variant == "int4":
        return _prepare_int4(weights, outputs, details)
    distinct = torch.from_numpy(weights)
    if variant == "fp32":
        wide = torch.from_numpy(repeat_rows(weights, outputs))
        return TorchWeights(lambda x: torch.nn.functional.linear(x, wide), weights, 32.0, details)
    narrow = _repeat(distinct.bfloat16(), outputs)
    stored: Floats = distinct.bfloat16().float().numpy()
    return TorchWeights(lambda x: torch.nn.functional.linear(x.bfloat16(), narrow).float(), stored, 16.0, details)


def _repeat(rows: Any, outputs: int) -> Any:
    """As `repeat_rows`, for a tensor of a type that NumPy lacks."""
    return rows.repeat(-(-outputs // len(rows)), 1)[:outputs].contiguous()


def int4_groups(weights: Floats, group: int) -> tuple[NDArray[np.uint8], Any, Any, Floats]:
    """Asymmetric groups as torchao's reference chooses them: 15 steps from the least weight to the largest.

    Codes 0..15 of the shape of the weights, each group's scale and middle [rows, groups, 1], what they stand for.
    """
    groups = torch.from_numpy(weights).reshape(len(weights), -1, group)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    scale = ((high - low) / 15).clamp(min=1e-6).bfloat16().float()
    zero = (low + 8 * scale).bfloat16().float()
    codes = ((groups - zero) / scale + 8).round().clamp(0, 15)
    stored: Floats = ((codes - 8) * scale + zero).reshape(weights.shape).numpy()
    return codes.reshape(weights.shape).to(torch.uint8).numpy(), scale, zero, stored


def _prepare_int4(weights: Floats, outputs: int, details: dict[str, str]) -> TorchWeights:
    codes, scale, zero, stored = int4_groups(weights, GROUP)
    integers = torch.from_numpy(repeat_rows(codes.astype(np.int32), outputs))
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(integers, 1)
    pairs = _repeat(torch.cat([scale, zero], -1).bfloat16().reshape(len(weights), -1), outputs)
    scales_and_zeros = pairs.reshape(outputs, -1, 2).transpose(0, 1).contiguous()

    def multiply(x: Any) -> Any:
        return torch.ops.aten._weight_int4pack_mm_for_cpu(x.bfloat16(), packed, GROUP, scales_and_zeros).float()

    bits = 4 + 32 / GROUP
    return TorchWeights(multiply, stored, bits, {**details, "activations": "bfloat16, converted inside the call"})
