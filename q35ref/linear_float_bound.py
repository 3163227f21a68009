"""The bound of a product of fp16 or bfloat16 activations with quantized weights on matrix units, as in
`proofs/Q35/LinearFloat.lean`: exactly under the same names, and in doubles for whole layers.

A kernel takes the dot product of each block of activations and table entries (or MX elements) on a matrix unit, in any
order, multiplies it by the block's step and adds the blocks in float32, in any order. `linearFloat_error_le` proves how
far that can be from the exact product with the stored weights, `linearFloat_output_error_le` with the output rounded to
fp16 or bfloat16 as well. What a matrix unit does is not proved: `MatrixUnit` is the assumption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35ref import mx_vectorized
from q35ref.errors import InputError
from q35ref.floats import FloatFormat, float32
from q35ref.formats import Table
from q35ref.mx import SCALE_BIAS, SCALE_NAN, MxElement, mx_block_size, two_pow
from q35ref.mx_vectorized import MxBlocks
from q35ref.vectorized import Codes, Doubles, Halves


@dataclass(frozen=True)
class MatrixUnit:
    """What is assumed of a matrix unit: an ASSUMPTION about hardware, to be justified for each device.

    An adder of `k` operands is as good as `k - 1` roundings with the errors `u` and `eta` (`AdderTree.Obeys`); products
    are exact; an activation smaller than `flushed_below` may be read as 0.
    """

    u: Fraction
    eta: Fraction
    flushed_below: float = 0.0


IEEE = MatrixUnit(float32.unit_roundoff, float32.underflow_error)
"""float32 additions or fused operations, rounded to nearest: the interpreter, scalar code, the SIMT shim."""

TENSOR_CORE = MatrixUnit(two_pow(-23), two_pow(-126))
"""NVIDIA from sm_80 on: operands aligned and cut off, at least 4 at a time with at least 24 bits after the leading one
of the largest, and the result cut off to float32; `alignedAdder_obeys` proves that this is such a unit. That devices
do so is measured by others, not documented: Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor
cores", 2021; Li et al., "FTTN", 2024; Khattak, Mikaitis, "Accurate models of NVIDIA tensor cores", 2025.
"""

MFMA = MatrixUnit(two_pow(-23), two_pow(-126), 2.0**-14)
"""AMD MI200: sums are rounded, and subnormal inputs (of fp16 below 2^-14) and outputs are flushed to zero, as AMD
documents for MFMA_F16 and MFMA_BF16.
"""


@dataclass(frozen=True)
class FloatBlock:
    """One block of a row of weights as stored, with its activations.

    step * entry is a stored weight; entries are a table's int8 numbers or MX elements; dot is what the unit gave.
    """

    step: Fraction
    entries: Sequence[Fraction]
    activations: Sequence[Fraction]
    dot: Fraction

    @property
    def exact_dot(self) -> Fraction:
        """The exact dot product of the block."""
        return sum((x * t for x, t in zip(self.activations, self.entries, strict=True)), Fraction(0))

    @property
    def magnitude(self) -> Fraction:
        """The sum of the sizes of the block's products."""
        return sum((abs(x * t) for x, t in zip(self.activations, self.entries, strict=True)), Fraction(0))


def stored_row(row: Sequence[FloatBlock]) -> Fraction:
    """The exact output with the stored weights."""
    return sum((block.step * block.exact_dot for block in row), Fraction(0))


def float_terms(row: Sequence[FloatBlock]) -> list[Fraction]:
    """What is added up after the matrix units: for each block the step times the dot product."""
    return [block.step * block.dot for block in row]


def row_magnitude(row: Sequence[FloatBlock]) -> Fraction:
    """The sum of the sizes of activations times stored weights."""
    return sum((abs(block.step) * block.magnitude for block in row), Fraction(0))


def step_sizes(row: Sequence[FloatBlock]) -> Fraction:
    """The sum of the sizes of the steps."""
    return sum((abs(block.step) for block in row), Fraction(0))


def linear_float_bound(
    unit: MatrixUnit, levels: int, groups: int, size: Fraction, steps: Fraction, others: Fraction
) -> Fraction:
    """The bound of an output before it is rounded to its format.

    levels: through how many levels a product goes on the matrix unit; groups: how many sums of products are multiplied
    by a step; size: `row_magnitude`; steps: `step_sizes`; others: the size of what else is added, as a bias is.
    """
    growth = (1 + float32.unit_roundoff) ** (groups + 2)
    of_unit = (1 + unit.u) ** levels * (size + levels * unit.eta * steps)
    return growth * (of_unit + others + 3 * (groups + 1) * float32.underflow_error) - size - others


def output_bound(form: FloatFormat, bound: Fraction, exact: Fraction) -> Fraction:
    """The bound of an output that is rounded to a format, `exact` being what it stands for."""
    return (1 + form.unit_roundoff) * bound + form.unit_roundoff * abs(exact) + form.underflow_error


def linear_float_bounds(
    x: NDArray[Any],
    codes: Codes,
    steps: Halves,
    table: Table,
    block_size: int,
    bias: NDArray[Any] | None = None,
    output: FloatFormat = float32,
    unit: MatrixUnit = TENSOR_CORE,
    group: int | None = None,
) -> tuple[Doubles, Doubles]:
    """The outputs with the stored weights, and how far a kernel's may be from them: float64 `[M, N]` each.

    x: finite fp16 or bfloat16 numbers `[M, K]` of any float type; codes uint8 `[N, ceil(K / 2)]`; steps float16
    `[N, ceil(K / block_size)]`, finite; bias: float32 numbers `[N]`, added before the sum is rounded to `output`.
    group: how many of a block's products are summed before the sum is multiplied by the step; by default all, else a
    divisor of block_size. A kernel conforms where `abs(outputs - expected) <= bounds`, in float64. Raises `InputError`
    where shapes do not fit, a number is not finite, or a sum could overflow.
    """
    cols = x.shape[-1]
    if steps.shape != (len(codes), -(-cols // block_size)) or codes.shape[1:] != (-(-cols // 2),):
        raise InputError(f"codes {codes.shape} and steps {steps.shape} do not fit activations {x.shape}")
    if group is not None and block_size % group:
        raise InputError(f"a group of {group} does not divide a block of {block_size}")
    entries = table[codes].reshape(len(codes), -1)[:, :cols].astype(np.float64)
    return _bounds(x, entries, steps.astype(np.float64), block_size, group or block_size, bias, output, unit)


def mx_linear_bounds(
    x: NDArray[Any], blocks: MxBlocks, kind: MxElement, output: FloatFormat = float32, unit: MatrixUnit = TENSOR_CORE
) -> tuple[Doubles, Doubles]:
    """`linear_float_bounds` for MX weights: the blocks of `[N, K]`, row after row (`mx_vectorized.blocks_of`).

    The scales, powers of two, are the steps, and the elements the entries; NaN scales and elements are refused.
    """
    per_row = -(-x.shape[-1] // mx_block_size)
    if len(blocks.scales) % max(per_row, 1):
        raise InputError(f"{len(blocks.scales)} blocks are no rows of {per_row}")
    if (blocks.scales == SCALE_NAN).any():
        raise InputError("a block's scale is NaN")
    entries = mx_vectorized.element_values(kind)[blocks.elements].astype(np.float64)
    scales = np.ldexp(1.0, blocks.scales.astype(np.int32) - SCALE_BIAS)
    entries = entries.reshape(-1, per_row * mx_block_size)[:, : x.shape[-1]]
    return _bounds(x, entries, scales.reshape(-1, per_row), mx_block_size, mx_block_size, None, output, unit)


def _bounds(
    x: NDArray[Any],
    entries: Doubles,
    steps: Doubles,
    block_size: int,
    group: int,
    bias: NDArray[Any] | None,
    output: FloatFormat,
    unit: MatrixUnit,
) -> tuple[Doubles, Doubles]:
    """Outputs and bounds for steps times entries `[N, K]`.

    Why the bounds cover the rounding of this function: a product of activation, step and entry has at most 11 + 11 + 8
    bits, so it is exact. The sums have at most 2^15 + 1 terms, so `expected` is off by less than 2^-37 of `size`, and
    every other sum by a factor of at least 1 - 2^-37; the last line adds 2^-36 of both. What is subnormal in double is
    less than 2^-1000, and the bound holds 2^-150.
    """
    cols = x.shape[-1]
    if x.ndim != 2 or entries.shape[1] != cols or cols > 1 << 15:
        raise InputError(f"activations {x.shape} and weights {entries.shape} do not fit, or are too long")
    numbers = x.astype(np.float64)
    added = np.zeros(len(entries)) if bias is None else bias.astype(np.float64)
    if not all(np.isfinite(array).all() for array in (numbers, steps, entries, added)):
        raise InputError("an activation, a step, an element or a bias is not finite")
    weights = entries * np.repeat(steps, block_size, axis=1)[:, :cols]
    expected, size = numbers @ weights.T + added, np.abs(numbers) @ np.abs(weights).T
    steps_of_groups = np.abs(steps).sum(axis=1) * (block_size // group)
    total = _affine(unit, group, -(-cols // group), size, steps_of_groups, np.abs(added))
    if unit.flushed_below:
        total = total + np.where(np.abs(numbers) < unit.flushed_below, np.abs(numbers), 0.0) @ np.abs(weights).T
    size = size + np.abs(added)
    largest = float(float32.largest)
    in_a_block = np.abs(numbers).max(initial=0.0) * np.abs(entries).max(initial=0.0) * block_size
    if (size + total > largest).any() or 2 * in_a_block > largest:
        raise InputError("a sum can overflow float32")
    if output != float32:
        u, eta = float(output.unit_roundoff), float(output.underflow_error)
        total = (1 + u) * total + u * np.abs(expected) + eta
        if (np.abs(expected) + total > float(output.largest)).any():
            raise InputError("an output can overflow its format")
    return np.asarray(expected), np.asarray(total * (1 + 2.0**-36) + size * 2.0**-36, np.float64)


def _affine(
    unit: MatrixUnit, levels: int, groups: int, size: Doubles, steps: Doubles, others: Doubles
) -> NDArray[np.float64]:
    """`linear_float_bound`, which is affine in the three sizes, in doubles."""
    zero, *units = (
        linear_float_bound(unit, levels, groups, Fraction(a), Fraction(b), Fraction(c))
        for a, b, c in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    )
    of_size, of_steps, of_others = (float(value - zero) for value in units)
    return np.asarray(of_size * size + of_steps * steps + of_others * others + float(zero))
