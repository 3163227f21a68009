"""Exact figures of a quantized tensor, in integers.

Every float16, bfloat16 and float32 is an integer multiple of 2^-149. A chunk of weights is put on a common grid 2^E,
fine enough for nearly all of them and coarse enough for int64; the few pairs that are off the grid take the same code
in Python integers on the grid 2^-149. Nothing is ever rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

FINEST = -149  # exponent of the smallest positive float32
_FIELDS = {
    "F32": ("<u4", 8, 23),
    "F16": ("<u2", 5, 10),
    "BF16": ("<u2", 8, 7),
}  # container, exponent bits, fraction bits

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
        return np.asarray((self.exponent < unit) & (self.mantissa != 0))

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
class SlotRule:
    """What an arithmetic table promises of each slot; integers broadcastable to `[rows, pairs, 2]`.

    Within [`low`, `high`] halves of a step an entry is at most `spacing` halves away. `first` and `last` are the ends
    of the slot's integers, `spacing` is the distance of neighbouring entries.
    """

    low: Integers
    high: Integers
    spacing: Integers
    first: Integers
    last: Integers
    headroom: int = 5  # bits that the sums below need on top of a weight

    def at(self, where: NDArray[np.bool_]) -> SlotRule:
        """The rule of the pairs at `where` (`[rows, pairs]`), in Python integers."""

        def pick(values: Integers) -> Integers:
            return np.broadcast_to(values, (*where.shape, 2))[where].astype(object)

        return SlotRule(pick(self.low), pick(self.high), pick(self.spacing), pick(self.first), pick(self.last))

    def bound(self, weight: Integers, step: Integers, real: NDArray[np.bool_]) -> tuple[int, Fraction]:
        """How many real weights lie outside, and the largest bound of any, in the integers' unit."""
        one, other = step * self.low, step * self.high
        excess = np.maximum(np.maximum(2 * weight - np.maximum(one, other), np.minimum(one, other) - 2 * weight), 0)
        largest = np.where(real, abs(step) * self.spacing + excess, 0).max()
        return int(np.count_nonzero(excess)), Fraction(int(largest), 2)

    def misplaced(self, weight: Integers, step: Integers, slot: Integers, entry: Integers) -> NDArray[np.bool_]:
        """Which slots do not hold the nearest integer (ties to even, clamped to the slot)."""
        above = 2 * (weight - step * entry) * np.sign(step)  # twice the way from entry to weight, along the step
        span, odd = abs(step) * self.spacing, slot % 2 == 1
        up = ((above > span) | ((above == span) & odd)) & (slot != self.last)
        down = ((-above > span) | ((-above == span) & odd)) & (slot != self.first)
        return np.asarray(up | down | ((step == 0) & (slot != 0)))


@dataclass(frozen=True)
class PairRule:
    """What the learned table promises of a pair p = w/d: an entry within `radius` where a x + b y <= c for all `sides`.

    Outside, with t > 1 the least number such that p/t is inside, |p - p/t| <= (|x| + |y|) (1 - 1/t) comes on top.
    """

    sides: tuple[tuple[int, int, int], ...]
    radius: Fraction

    @property
    def headroom(self) -> int:
        """Bits that the sums below need on top of a weight, or of a step times 2^8."""
        return 3 + max(max((abs(a) + abs(b)).bit_length(), c.bit_length() - 8) for a, b, c in self.sides)

    def at(self, where: NDArray[np.bool_]) -> PairRule:
        """The rule of some of the pairs."""
        return self

    def bound(self, weight: Integers, step: Integers, real: NDArray[np.bool_]) -> tuple[int, Fraction]:
        """How many real weights lie in pairs outside, and the largest bound of any, in the integers' unit."""
        x, y = weight[..., 0], weight[..., 1]
        d = np.broadcast_to(step, weight.shape)[..., 0]
        sign, size = np.where(d < 0, -1, 1), abs(d)
        largest = int(size.max()) * self.radius
        outside = np.zeros(x.shape, bool)
        for a, b, c in self.sides:
            outside |= ((a * x + b * y) * sign > c * size).astype(bool)
        if not outside.any():
            return 0, largest
        cases = [values[outside] for values in (x * sign, y * sign, size)]
        for i in self._candidates(*(values.astype(np.float64) for values in cases)).tolist():
            largest = max(largest, self._bound(*(int(values[i]) for values in cases)))
        return int(np.count_nonzero(outside[..., None] & real)), largest

    def _candidates(self, x: NDArray[np.float64], y: NDArray[np.float64], d: NDArray[np.float64]) -> NDArray[np.intp]:
        """Those whose bound, computed with rounding errors of some 2^-50, is within 2^-40 of the largest."""
        shrunk = np.full(len(x), 1.0)
        for a, b, c in self.sides:
            reach = a * x + b * y
            shrunk = np.where(reach > c * d, np.minimum(shrunk, c * d / np.where(reach > 0, reach, 1.0)), shrunk)
        bounds = d * float(self.radius) + (abs(x) + abs(y)) * (1 - shrunk)
        return np.flatnonzero(bounds >= bounds.max() * (1 - 2.0**-40))

    def _bound(self, x: int, y: int, d: int) -> Fraction:
        """The bound of a pair that is outside, for a step that is not negative."""
        reaches = [(a * x + b * y, c * d) for a, b, c in self.sides]
        shrunk = min(Fraction(edge, reach) for reach, edge in reaches if reach > edge)
        return d * self.radius + (abs(x) + abs(y)) * (1 - shrunk)

    def misplaced(self, weight: Integers, step: Integers, slot: Integers, entry: Integers) -> NDArray[np.bool_]:
        """None: whether the entry is the nearest of the table is for `first_not_nearest`."""
        return np.zeros(weight.shape, bool)


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


def measure(chunk: Chunk, rule: SlotRule | PairRule) -> tuple[Figures, int | None]:
    """The figures of a chunk, and the flat index of its first slot that is not the nearest one, or None."""
    weights, steps, shape = chunk.weights, chunk.steps, chunk.entries.shape
    # 24 bits of a weight; 11 of a step and 8 of an entry or an edge.
    top = max(int(weights.exponent.max()) + 24, int(steps.exponent.max()) + 19)
    unit = max(top + rule.headroom - 62, FINEST)
    rough = np.asarray((weights.off_grid(unit) | steps.off_grid(unit)).any(axis=-1))
    fine = ~rough[..., None]
    weight, step = np.where(fine, weights.on_grid(unit), 0), np.where(fine, steps.on_grid(unit), 0)
    total = _figures(weight, step, chunk.entries, rule, chunk.real, unit)
    wrong = fine & rule.misplaced(weight, step, chunk.slots, chunk.entries)
    if rough.any():
        wide = Floats(np.broadcast_to(steps.mantissa, shape), np.broadcast_to(steps.exponent, shape))
        weight = weights.python_integers(rough).reshape(-1, 2)
        step = wide.python_integers(rough).reshape(-1, 2)
        entries, part = chunk.entries[rough].astype(object), rule.at(rough)
        total.add(_figures(weight, step, entries, part, np.broadcast_to(chunk.real, shape)[rough], FINEST))
        wrong[rough] = part.misplaced(weight, step, chunk.slots[rough].astype(object), entries)
    total.weights = int(np.count_nonzero(np.broadcast_to(chunk.real, shape)))
    return total, int(wrong.argmax()) if wrong.any() else None


def _figures(
    weight: Integers, step: Integers, entry: Integers, rule: SlotRule | PairRule, real: NDArray[np.bool_], unit: int
) -> Figures:
    """The figures of weights and steps that are integers in units of 2^unit."""
    error = np.where(real, abs(weight - step * entry), 0)
    outside, bound = rule.bound(weight, step, real)
    scale = unit - FINEST
    return Figures(
        squared_error=sum_of_squares(error) << 2 * scale,
        squared_weight=sum_of_squares(abs(weight)) << 2 * scale,
        largest_error=int(error.max()) << scale,
        outside=outside,
        bound=bound * Fraction(2) ** unit,
    )


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
