"""Exact figures of a quantized tensor, in integers.

Every float16, bfloat16 and float32 is an integer multiple of 2^-149. A chunk of weights is put on a common grid 2^E, fine
enough for nearly all of them and coarse enough for int64; the few pairs that are off the grid take the same code in Python
integers on the grid 2^-149. Nothing is ever rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

FINEST = -149  # exponent of the smallest positive float32
_FIELDS = {"F32": ("<u4", 8, 23), "F16": ("<u2", 5, 10), "BF16": ("<u2", 8, 7)}  # container, exponent bits, fraction bits

Integers = NDArray[Any]  # int64, or object for Python integers


@dataclass(frozen=True)
class Floats:
    """Finite binary floats as exact pairs: value = mantissa * 2^exponent, |mantissa| < 2^24."""

    mantissa: NDArray[np.int64]
    exponent: NDArray[np.int64]

    def on_grid(self, unit: int) -> NDArray[np.int64]:
        """The values in units of 2^unit, for those that are multiples of it; the others are not meaningful."""
        return self.mantissa << np.maximum(self.exponent - unit, 0)

    def off_grid(self, unit: int) -> NDArray[np.bool_]:
        """Which values may not be multiples of 2^unit."""
        return (self.exponent < unit) & (self.mantissa != 0)

    def python_integers(self, where: NDArray[np.bool_]) -> Integers:
        """The values at `where` in units of 2^FINEST, as Python integers."""
        mantissa, exponent = self.mantissa[where].ravel().tolist(), self.exponent[where].ravel().tolist()
        values = np.empty(len(mantissa), object)
        values[:] = [m << (e - FINEST) for m, e in zip(mantissa, exponent, strict=True)]
        return values


def split_floats(raw: NDArray[np.uint8], dtype: str, shape: tuple[int, ...]) -> tuple[Floats, NDArray[np.bool_]]:
    """Decode little-endian F32, F16 or BF16 bytes by their bit fields; also says which are NaN or infinite."""
    container, exponent_bits, fraction_bits = _FIELDS[dtype]
    bits = np.frombuffer(raw.tobytes(), container).reshape(shape).astype(np.int64)
    fraction = bits & ((1 << fraction_bits) - 1)
    power = (bits >> fraction_bits) & ((1 << exponent_bits) - 1)
    negative = bits >> (fraction_bits + exponent_bits)
    magnitude = fraction | ((power > 0).astype(np.int64) << fraction_bits)
    bias = (1 << (exponent_bits - 1)) - 1
    exponent = np.maximum(power, 1) - (bias + fraction_bits)
    return Floats(np.where(negative == 1, -magnitude, magnitude), exponent), power == (1 << exponent_bits) - 1


@dataclass(frozen=True)
class Rule:
    """What a scheme promises of each slot, all integers, broadcastable to `[rows, pairs, 2]`.

    Its table has covering radius `radius` on the interval [`low`, `high`] (all three times `denominator`). `joint`: the
    radius is one of the pair, and what lies outside in either slot adds to the bound of both. `spacing` is the distance
    of neighbouring entries, `first` and `last` the ends of the slot's integers; a spacing of 0 stands for a learned table.
    """

    low: Integers
    high: Integers
    radius: Integers
    denominator: int
    joint: bool
    spacing: Integers
    first: Integers
    last: Integers

    def at(self, where: NDArray[np.bool_]) -> Rule:
        """The rule of the pairs at `where` (`[rows, pairs]`), in Python integers."""
        def pick(values: Integers) -> Integers:
            return np.broadcast_to(values, (*where.shape, 2))[where].astype(object)
        return Rule(pick(self.low), pick(self.high), pick(self.radius), self.denominator, self.joint,
                    pick(self.spacing), pick(self.first), pick(self.last))


@dataclass
class Figures:
    """What a certificate states of a tensor; squares are in units of 2^-298, errors in units of 2^-149."""

    weights: int = 0
    squared_error: int = 0
    squared_weight: int = 0
    largest_error: int = 0
    outside: int = 0
    bound: Fraction = field(default_factory=Fraction)

    def add(self, other: Figures) -> None:
        """Take the figures of more weights in."""
        self.weights += other.weights
        self.squared_error += other.squared_error
        self.squared_weight += other.squared_weight
        self.outside += other.outside
        self.largest_error = max(self.largest_error, other.largest_error)
        self.bound = max(self.bound, other.bound)


@dataclass(frozen=True)
class Chunk:
    """Rows of a tensor: weights, slot integers and table entries `[rows, pairs, 2]`, steps broadcastable to that.

    A weight's reconstruction is step * entry. `real` (broadcastable) is False for padding, which no figure counts.
    """

    weights: Floats
    steps: Floats
    slots: NDArray[np.int64]
    entries: NDArray[np.int64]
    real: NDArray[np.bool_]


def measure(chunk: Chunk, rule: Rule) -> tuple[Figures, int | None]:
    """The figures of a chunk, and the flat index of its first slot that is not the nearest one, or None."""
    weights, steps, shape = chunk.weights, chunk.steps, chunk.entries.shape
    # 24 bits of a weight; 11 of a step and 8 of an entry or an edge; the bound adds three such terms.
    top = max(int(weights.exponent.max()) + 24, int(steps.exponent.max()) + 19)
    unit = max(top + 3 + rule.denominator.bit_length() - 62, FINEST)
    rough = (weights.off_grid(unit) | steps.off_grid(unit)).any(axis=-1)
    fine = ~rough[..., None]
    weight, step = np.where(fine, weights.on_grid(unit), 0), np.where(fine, steps.on_grid(unit), 0)
    total = _figures(weight, step, chunk.entries, rule, chunk.real, unit)
    wrong = fine & _misplaced(weight, step, chunk.slots, chunk.entries, rule)
    if rough.any():
        wide = Floats(np.broadcast_to(steps.mantissa, shape), np.broadcast_to(steps.exponent, shape))
        weight = weights.python_integers(rough).reshape(-1, 2)
        step = wide.python_integers(rough).reshape(-1, 2)
        entries, part = chunk.entries[rough].astype(object), rule.at(rough)
        total.add(_figures(weight, step, entries, part, np.broadcast_to(chunk.real, shape)[rough], FINEST))
        wrong[rough] = _misplaced(weight, step, chunk.slots[rough].astype(object), entries, part)
    total.weights = int(np.count_nonzero(np.broadcast_to(chunk.real, shape)))
    return total, int(wrong.argmax()) if wrong.any() else None


def _figures(weight: Integers, step: Integers, entry: Integers, rule: Rule, real: NDArray[np.bool_], unit: int) -> Figures:
    """The figures of weights and steps that are integers in units of 2^unit."""
    error = np.where(real, abs(weight - step * entry), 0)
    scaled = weight * rule.denominator
    one, other = step * rule.low, step * rule.high
    excess = np.maximum(np.maximum(scaled - np.maximum(one, other), np.minimum(one, other) - scaled), 0)
    bound = abs(step) * rule.radius + (excess.sum(axis=-1, keepdims=True) if rule.joint else excess)
    scale = unit - FINEST
    return Figures(
        squared_error=sum_of_squares(error) << 2 * scale,
        squared_weight=sum_of_squares(abs(weight)) << 2 * scale,
        largest_error=int(error.max()) << scale,
        outside=int(np.count_nonzero(excess)),
        bound=Fraction(int(np.where(real, bound, 0).max()), rule.denominator) * Fraction(2) ** unit,
    )


def _misplaced(weight: Integers, step: Integers, slot: Integers, entry: Integers, rule: Rule) -> NDArray[np.bool_]:
    """Which slots do not hold the nearest integer (ties to even, clamped to the slot); none for a learned table."""
    above = 2 * (weight - step * entry) * np.sign(step)  # twice the way from the entry to the weight, in steps' direction
    span = abs(step) * rule.spacing
    odd = slot % 2 == 1
    up = ((above > span) | ((above == span) & odd)) & (slot != rule.last)
    down = ((-above > span) | ((-above == span) & odd)) & (slot != rule.first)
    return ((up | down) & (rule.spacing != 0)) | ((step == 0) & (slot != 0) & (rule.spacing != 0))


def sum_of_squares(values: Integers) -> int:
    """The exact sum of the squares of non-negative integers below 2^62 (or of any, as Python integers)."""
    if values.dtype == object:
        return int((values * values).sum())
    value = values.astype(np.uint64)
    high, low = value >> np.uint64(32), value & np.uint64(0xFFFFFFFF)
    return (_sum(high * high) << 64) + (_sum(high * low) << 33) + _sum(low * low)


def _sum(values: NDArray[np.uint64]) -> int:
    """The exact sum of at most 2^32 unsigned 64-bit integers."""
    return (int((values >> np.uint64(32)).sum()) << 32) + int((values & np.uint64(0xFFFFFFFF)).sum())


def dyadic_text(value: int, unit: int) -> str:
    """value * 2^unit as "n*2^e" with n odd, or "0*2^0"."""
    if value == 0:
        return "0*2^0"
    twos = (value & -value).bit_length() - 1
    return f"{value >> twos}*2^{unit + twos}"


def rational_text(value: Fraction) -> str:
    """A fraction in lowest terms, "n/d"."""
    return f"{value.numerator}/{value.denominator}"


def root_text(numerator: int, denominator: int, places: int = 12) -> str:
    """sqrt(numerator / denominator) to `places` decimals, halves up; 0 when the denominator is 0."""
    doubled = isqrt(4 * 10 ** (2 * places) * numerator // denominator) if denominator else 0
    digits = f"{(doubled + 1) // 2:0{places + 1}d}"
    return f"{digits[:-places]}.{digits[-places:]}"
