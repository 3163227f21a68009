"""The kernels' matrix products on a model's own layers against the exact ones, and the bound that Lean proves for them.

The bound of an output is `matmulBound` of `proofs/Q35/MatMul.lean`, with the scheme's proved error for each weight. The
exact product is the double one with its own rounding error added to what is measured, so that a measured error is
never too small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import q35kernels
from q35.errors import InputError
from q35.model.bounds import Doubles
from q35.model.safetensors_io import Model
from q35.model.scheme import Part, Scheme, make_scheme
from q35.model.select import matrix_shape, select
from q35kernels.tiled import TiledWeights
from q35ref.matmul_bound import matmul_bounds

Floats = NDArray[np.float32]
Ints = NDArray[np.int8]

SEED = 35
RANDOM_ROWS = 64
ROWS_AT_ONCE = 256
LARGEST = 127
SCALE = 2.0**-7
"""Of the adversarial activations: a power of two, so that they are int8 numbers times it and none is rounded."""


@dataclass(frozen=True)
class Activations:
    """Rows of activations float32 `[M, K]` and what the kernels get for them: int8 `[M, K]`, float32 scales `[M]`."""

    kind: str
    values: Floats
    ints: Ints
    scales: Floats


@dataclass(frozen=True)
class Layer:
    """A quantized layer: its weights, what they became, also in the order of the products, and what each can be off by
    and is (float64 `[N, K]`).
    """

    name: str
    weights: Floats
    part: Part
    tiled: TiledWeights
    bounds: Doubles
    errors: Doubles


@dataclass
class Comparison:
    """A layer's outputs for one kind of activations (`random`, `one-hot`, `signs`).

    error: the largest; bound: the proved one at that output. largest_ratio: of error and bound, over all outputs;
    largest_own_ratio: the same where the bound has the errors that the layer's weights really have, in place of those
    that the scheme promises. beyond: how many errors exceed either bound.
    """

    layer: str
    shape: tuple[int, ...]
    activations: str
    outputs: int
    error: float = 0.0
    bound: float = 0.0
    largest_ratio: float = 0.0
    largest_own_ratio: float = 0.0
    beyond: int = 0

    def add(self, errors: Doubles, bounds: Doubles, own_bounds: Doubles) -> None:
        """Take more outputs into account."""
        worst = np.unravel_index(errors.argmax(), errors.shape)
        if errors[worst] > self.error:
            self.error, self.bound = float(errors[worst]), float(bounds[worst])
        self.largest_ratio = max(self.largest_ratio, float((errors / bounds).max()))
        self.largest_own_ratio = max(self.largest_own_ratio, float((errors / own_bounds).max()))
        self.beyond += int(np.count_nonzero(~((errors <= bounds) & (errors <= own_bounds))))


def layer_errors(model: Path, count: int, scheme: str | None, block_size: int | None) -> list[Comparison]:
    """Measured and proved errors of the products of `count` layers, spread evenly over those of the model.

    For each layer one comparison for each kind of activations. Raises `InputError` for a scheme without blocks, a model
    that cannot be read, and one without a linear layer: a comparison of nothing must not pass.
    """
    chosen = make_scheme(scheme, block_size, None)
    if chosen.block_size is None:
        raise InputError(f"scheme {chosen.id!r} has no blocks, and the kernels' products no bound here")
    with Model(model) as opened:
        infos = [info for info in select(opened, (), ()) if len(info.shape) == 2]
        if not infos:
            raise InputError("the model has no linear layer to multiply with", str(model))
        count = min(count, len(infos))
        rows = []
        for info in (infos[i * len(infos) // count] for i in range(count)):
            n, k = matrix_shape(info.shape)
            weights = next(opened.float_rows(info.name, k, n))[1]
            layer = _quantized(info.name, weights, chosen, chosen.block_size)
            rows += [_compare(layer, chosen, chosen.block_size, inputs) for inputs in _activations(layer)]
    return rows


def _quantized(name: str, weights: Floats, scheme: Scheme, block_size: int) -> Layer:
    q35kernels.check_finite(weights)
    cols = weights.shape[1]
    part = scheme.quantize(weights, None)
    exact = weights.astype(np.float64)
    bounds = scheme.promise(cols, None).each(exact, scheme.spread(part.steps, cols))
    tiled = q35kernels.tile_weights(part.codes, part.steps, scheme.table, block_size, cols)
    return Layer(name, weights, part, tiled, bounds, exact - scheme.dequantize(part, cols))


def _activations(layer: Layer) -> Iterator[Activations]:
    """Random rows, rounded to int8; and for each output the weight that comes closest to its bound alone, and all
    weights with the signs of their errors, so that the errors add up.
    """
    rows, cols = layer.weights.shape
    values = np.random.default_rng(SEED).standard_normal((RANDOM_ROWS, cols)).astype(np.float32)
    yield Activations("random", values, *q35kernels.quantize_activations(values))
    one_hot = np.zeros((rows, cols), np.int8)
    closeness = np.divide(abs(layer.errors), layer.bounds, out=np.zeros((rows, cols)), where=layer.bounds > 0)
    one_hot[np.arange(rows), closeness.argmax(axis=1)] = LARGEST
    signs = (LARGEST * np.sign(layer.errors)).astype(np.int8)
    for kind, ints in (("one-hot", one_hot), ("signs", signs)):
        yield Activations(kind, ints * np.float32(SCALE), ints, np.full(rows, SCALE, np.float32))


def _compare(layer: Layer, scheme: Scheme, block_size: int, inputs: Activations) -> Comparison:
    row = Comparison(layer.name, layer.weights.shape, inputs.kind, len(inputs.values) * len(layer.weights))
    for first in range(0, len(inputs.values), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        x, a, scale = inputs.values[rows], inputs.ints[rows], inputs.scales[rows]
        quantized = layer.part.codes, layer.part.steps, scheme.table, block_size
        errors = _measured(x, layer.weights, q35kernels.linear_int8(a, scale, layer.tiled))
        row.add(
            errors,
            matmul_bounds(x, a, scale, *quantized, layer.bounds),
            matmul_bounds(x, a, scale, *quantized, np.nextafter(abs(layer.errors), np.inf)),
        )
    return row


def _measured(x: Floats, weights: Floats, y: Floats) -> Doubles:
    """How far `y` `[M, N]` is from the exact product of float32 `x` `[M, K]` and `weights` `[N, K]`, never too small.

    A double holds each product exactly; adding K of them in any order loses at most K * 2^-53 of the sum of their
    sizes (twice that is taken, as that sum and the difference are rounded too).
    """
    left, right = x.astype(np.float64), weights.astype(np.float64).T
    slack = (abs(left) @ abs(right) + abs(y)) * ((x.shape[1] + 4) * 2.0**-52)
    return np.asarray(abs(left @ right - y) + slack, np.float64)
