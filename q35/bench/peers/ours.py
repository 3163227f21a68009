"""The Q35 schemes, with activations quantized inside the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import q35kernels
from q35.bench.problem import Floats, repeat_rows

BLOCK_SIZE = 64


@dataclass(frozen=True, eq=False)
class OurWeights:
    """Weights in the tiled layout, 7 bits a code."""

    tiled: q35kernels.TiledWeights
    weights: Floats
    bits_per_weight: float
    details: dict[str, str]

    def product(self, activations: Floats, threads: int) -> Callable[[], Floats]:
        """See `Prepared.product`."""
        result = np.empty((len(activations), self.tiled.rows), np.float32)
        return lambda: q35kernels.linear(activations, self.tiled, out=result, threads=threads)


def prepare(variant: str, weights: Floats, outputs: int) -> OurWeights:
    """See `Prepare`; `variant` is the scheme."""
    table = q35kernels.scheme_named(variant).table
    codes, steps, _ = q35kernels.quantize(weights, variant, BLOCK_SIZE)
    stored = q35kernels.dequantize(codes, steps, table, BLOCK_SIZE, weights.shape[1])
    tiled = q35kernels.tile_weights(
        repeat_rows(codes, outputs), repeat_rows(steps, outputs), table, BLOCK_SIZE, weights.shape[1]
    )
    details = {"instruction set": q35kernels.resolve_isa(), "kernel sources": q35kernels.source_sha256()}
    return OurWeights(tiled, stored, tiled.bits_per_weight, details)
