"""The bound of a matrix product: the Lean definitions of `proofs/Q35/MatMul.lean`, exactly, under the same names, and a
version in doubles for whole layers.

`matmulRow_error_le` proves that one output as the kernels compute it is off from the exact product of the original
activations and weights by at most `matmul_bound`; `matmul_any_order_error_le` that this holds for every other order of
the float operations too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from q35ref import exact, float_sum, vectorized
from q35ref.errors import InputError
from q35ref.float_sum import Rounding
from q35ref.floats import float32
from q35ref.formats import Table

Operands = Sequence[tuple[Fraction, int]]
"""For each block of a row the step and the integer dot product."""


@dataclass(frozen=True)
class ProductBlock:
    """One block of a row of weights with the activations that it meets.

    weights: as they were. errors: how far from each of them the weight can be that comes back. step, entries: `step *
    entry` is that weight. activations: as they were. ints: the int8 numbers that stand for them.
    """

    weights: Sequence[Fraction]
    errors: Sequence[Fraction]
    step: Fraction
    entries: Sequence[int]
    activations: Sequence[Fraction]
    ints: Sequence[int]

    @property
    def dot(self) -> int:
        """The dot product of the integers."""
        return sum(a * t for a, t in zip(self.ints, self.entries, strict=True))

    @property
    def exact_product(self) -> Fraction:
        """What the block adds to the exact output."""
        return sum((x * w for x, w in zip(self.activations, self.weights, strict=True)), Fraction(0))

    def quantization_bound(self, s: Fraction) -> Fraction:
        """What quantizing the block's weights and activations can change."""
        of_weights = (abs(x) * e for x, e in zip(self.activations, self.errors, strict=True))
        off = activation_errors(s, self.activations, self.ints)
        of_activations = (e * abs(self.step * t) for e, t in zip(off, self.entries, strict=True))
        return sum(of_weights, Fraction(0)) + sum(of_activations, Fraction(0))

    @property
    def valid(self) -> bool:
        """Whether the errors are bounds of the weights' errors, and each activation has its integer."""
        restored = [self.step * t for t in self.entries]
        return within(self.errors, self.weights, restored) and len(self.activations) == len(self.ints)


def within(errors: Sequence[Fraction], xs: Sequence[Fraction], ys: Sequence[Fraction]) -> bool:
    """Whether two lists of the same length agree up to the errors at each place."""
    return len(errors) == len(xs) == len(ys) and all(abs(x - y) <= e for e, x, y in zip(errors, xs, ys, strict=True))


def activation_errors(s: Fraction, xs: Sequence[Fraction], qs: Sequence[int]) -> list[Fraction]:
    """The absolute values of x - s q."""
    return [abs(x - s * q) for x, q in zip(xs, qs, strict=True)]


def quantize_activations(s: Fraction, xs: Sequence[Fraction]) -> list[int]:
    """The nearest int8 numbers of activations with the scale `s`, ties to even."""
    return [exact.quantize_slot(*exact.INT8_RANGE, x / s) for x in xs]


def exact_row(row: Sequence[ProductBlock]) -> Fraction:
    """The exact output."""
    return sum((block.exact_product for block in row), Fraction(0))


def operands(row: Sequence[ProductBlock]) -> list[tuple[Fraction, int]]:
    """What the kernel sees of a row."""
    return [(block.step, block.dot) for block in row]


def block_terms(blocks: Operands) -> list[Fraction]:
    """For each block the step times the integer dot product."""
    return [step * dot for step, dot in blocks]


def accumulate(fl: Rounding, acc: Fraction, blocks: Operands) -> Fraction:
    """The accumulator after the blocks in order: `acc = fl(acc + fl(step * dot))`."""
    for step, dot in blocks:
        acc = fl(acc + fl(step * dot))
    return acc


def matmul_row(fl: Rounding, s: Fraction, blocks: Operands) -> Fraction:
    """One output as the kernels compute it: the blocks in order from 0, then the activation scale."""
    return fl(accumulate(fl, Fraction(0), blocks) * s)


def quantization_bound(s: Fraction, row: Sequence[ProductBlock]) -> Fraction:
    """The quantization part of the bound of an output."""
    return sum((block.quantization_bound(s) for block in row), Fraction(0))


def rounding_bound(u: Fraction, eta: Fraction, s: Fraction, blocks: Operands) -> Fraction:
    """The floating-point part of the bound of an output."""
    count = len(blocks)
    magnitude = sum((abs(term) for term in block_terms(blocks)), Fraction(0))
    return abs(s) * float_sum.sum_error_bound(u, eta, count + 2, 2 * count, magnitude) + eta


def matmul_bound(u: Fraction, eta: Fraction, s: Fraction, row: Sequence[ProductBlock]) -> Fraction:
    """The bound of an output: what quantization and what floating point can change."""
    return quantization_bound(s, row) + rounding_bound(u, eta, s, operands(row))


def matmul_bounds(
    activations: NDArray[np.float32],
    a: NDArray[np.int8],
    a_scale: NDArray[np.float32],
    codes: NDArray[np.uint8],
    steps: NDArray[np.float16],
    table: Table,
    block_size: int,
    errors: NDArray[np.float64],
) -> NDArray[np.float64]:
    """`matmul_bound` of every output of a layer in float32, never less than the exact one: float64 `[M, N]`.

    activations: float32 `[M, K]` as they were; a, a_scale: int8 `[M, K]` and float32 `[M]` that stand for them; codes
    `[N, ceil(K / 2)]`; steps float16 `[N, blocks]`, all finite; errors: float64 `[N, K]`, what each weight can be off
    by. Raises `InputError` where the shapes do not fit or K is more than 4096.

    Why the result covers its own rounding: all that is added and multiplied is not negative, so every rounding on the
    way of a term, and there are fewer than 2^13, makes it smaller by at most a factor of 1 - 2^-53: together by less
    than a factor of 1 - 2^-40, and the last line multiplies by 1 + 2^-40 + 2^-50. What products below the smallest
    double lose is less than 2^-1000, and the bound holds `eta`, which is 2^-150.
    """
    rows, cols = errors.shape
    if cols > 4096 or activations.shape != a.shape or a.shape[1:] != (cols,) or a_scale.shape != a.shape[:1]:
        raise InputError(f"activations {activations.shape} and errors {errors.shape} do not fit, or are too long")
    if len(codes) != rows:
        raise InputError(f"{len(codes)} rows of codes do not fit errors {errors.shape}")
    dots = vectorized.block_dots(a, codes, table, block_size)
    blocks = dots.shape[2]
    values = np.abs(steps.astype(np.float64))
    # Exact: a float32 product of a float16 and an int8 number, a double one of a float32 and an int8 number.
    entries = np.abs(table[codes].reshape(rows, -1)[:, :cols].astype(np.float64))
    restored = entries * np.repeat(values, block_size, axis=1)[:, :cols]
    scales = np.abs(a_scale.astype(np.float64))[:, None]
    off = np.abs(activations.astype(np.float64) - a_scale.astype(np.float64)[:, None] * a)
    growth = (1 + float32.unit_roundoff) ** (blocks + 2)
    underflow = 2 * blocks * growth * float32.underflow_error
    magnitude = np.einsum("mnb,nb->mn", np.abs(dots.astype(np.float64)), values)
    rounding = scales * (float(growth - 1) * magnitude + float(underflow)) + float(float32.underflow_error)
    total = np.abs(activations.astype(np.float64)) @ errors.T + off @ restored.T + rounding
    return np.asarray(total * (1 + 2.0**-40 + 2.0**-50), np.float64)
