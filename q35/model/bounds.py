"""How far a reconstruction can be from its weight: the bound that Lean proves for each scheme, evaluated on real
weights.

Arithmetic tables hold every multiple of the slot's scale between its ends, so a weight inside the region is within
half a scale of its entry (in steps), and one outside is further by what lies outside. The learned table has one
covering radius r on a polygon around the origin. A pair p outside it is drawn towards the origin until it reaches the
border in q = p/t; then |p - q| <= (|x| + |y|) (1 - 1/t), and the nearest entry is within r plus that. Where the step
is 0 all of a weight is error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# The theorem behind each scheme's bound, by the scheme's id. Where the step is 0 the weight is the error, and the
# bound.
THEOREMS = {
    "row-absmax": "Q35.slotError_le",
    "row-affine": "Q35.affineError_le",
    "block": "Q35.block_error_le",
    "codebook": "Q35.codebook_error_le",
}
# Bounds computed in doubles are good to a few parts in 2^53; all that come this close to the largest are computed
# exactly.
CLOSE = 1 - 2.0**-40

Doubles = NDArray[np.float64]
Places = NDArray[np.intp]


class Promise(Protocol):
    """A scheme's bound."""

    def evaluate(self, weights: Doubles, steps: Doubles) -> tuple[int, Fraction]:
        """How many `weights` `[rows, cols]` lie outside the region, and the largest of all bounds, both exact.

        `steps` broadcasts to `weights`.
        """

    def each(self, weights: Doubles, steps: Doubles) -> Doubles:
        """The bound of every weight `[rows, cols]`, rounded up; `steps` broadcasts to `weights`."""


@dataclass(frozen=True)
class SlotPromise:
    """Each slot on its own: `radius` steps on [`low`, `high`], arrays of one dyadic double a column."""

    low: Doubles
    high: Doubles
    radius: tuple[Fraction, Fraction]

    def evaluate(self, weights: Doubles, steps: Doubles) -> tuple[int, Fraction]:
        """See `Promise`. A double holds step * edge (11 + 12 bits) exactly: comparing decides which weights lie
        outside.
        """
        sizes = np.atleast_2d(abs(steps))
        bound = max(Fraction(float(sizes[:, slot::2].max(initial=0.0))) * self.radius[slot] for slot in (0, 1))
        far = abs(weights) > sizes * np.minimum(abs(self.low), abs(self.high))
        rows, columns = np.nonzero(far)
        outside = self._excess(weights, steps, rows, columns) > 0
        rows, columns = rows[outside], columns[outside]
        return len(rows), max(bound, self._largest_bound(weights, steps, rows, columns)) if len(rows) else bound

    def each(self, weights: Doubles, steps: Doubles) -> Doubles:
        """See `Promise`."""
        radius = np.resize(np.array([float(radius) for radius in self.radius]), weights.shape[1])
        excess = self._excess(weights, steps, *np.nonzero(np.ones(weights.shape, bool)))
        return np.asarray((abs(steps) * radius + excess.reshape(weights.shape)) / CLOSE, np.float64)

    def _excess(self, weights: Doubles, steps: Doubles, rows: Places, columns: Places) -> Doubles:
        """By how much those weights lie outside their scaled region, rounded; the sign is exact."""
        step = np.broadcast_to(steps, weights.shape)[rows, columns]
        one, other = step * self.low[columns], step * self.high[columns]
        weight = weights[rows, columns]
        return np.maximum(np.maximum(np.minimum(one, other) - weight, weight - np.maximum(one, other)), 0.0)

    def _largest_bound(self, weights: Doubles, steps: Doubles, rows: Places, columns: Places) -> Fraction:
        """The largest bound among those weights: rounded to find the few that can be it, then exactly."""
        step = np.broadcast_to(steps, weights.shape)[rows, columns]
        size = abs(step) * np.array([float(radius) for radius in self.radius])[columns % 2]
        size += self._excess(weights, steps, rows, columns)
        close = size >= size.max() * CLOSE
        return max(
            self._bound(float(weights[row, column]), float(d), column)
            for row, column, d in zip(rows[close].tolist(), columns[close].tolist(), step[close], strict=True)
        )

    def _bound(self, weight: float, step: float, column: int) -> Fraction:
        """The bound of one weight outside, exactly."""
        low, high = sorted(Fraction(step) * Fraction(float(edge[column])) for edge in (self.low, self.high))
        return abs(Fraction(step)) * self.radius[column % 2] + max(low - Fraction(weight), Fraction(weight) - high)


@dataclass(frozen=True)
class PairPromise:
    """Pairs together: `radius` steps on the polygon with `sides` (a, b, c): a x + b y <= c, small integers, c > 0."""

    sides: Sequence[tuple[int, int, int]]
    radius: Fraction

    def evaluate(self, weights: Doubles, steps: Doubles) -> tuple[int, Fraction]:
        """See `Promise`. Pairs inside a square that the polygon holds need no closer look."""
        cols = weights.shape[1]
        steps = np.broadcast_to(steps, weights.shape)[:, 0::2]
        bound = Fraction(float(abs(steps).max())) * self.radius
        inner = min(c / (abs(a) + abs(b)) for a, b, c in self.sides) * CLOSE
        near = abs(steps) * inner
        far = abs(weights[:, 0::2]) > near
        far[:, : cols // 2] |= abs(weights[:, 1::2]) > near[:, : cols // 2]
        row, pair = np.nonzero(far)
        second = 2 * pair + 1 < cols
        x = weights[row, 2 * pair]
        y = np.where(second, weights[row, np.where(second, 2 * pair + 1, 0)], 0.0)
        d = steps[row, pair]
        outside = self._outside(x, y, d)
        count = int(np.count_nonzero(outside)) + int(np.count_nonzero(outside & second))
        return count, max(bound, self._largest_bound(x[outside], y[outside], d[outside])) if count else bound

    def _outside(self, x: Doubles, y: Doubles, d: Doubles) -> NDArray[np.bool_]:
        """Which pairs (x, y)/d lie outside, exactly; the products are exact in doubles, a sum of three may need
        fractions.
        """
        outside, unsure = np.zeros(len(x), bool), np.zeros(len(x), bool)
        sign, size = np.where(d < 0, -1.0, 1.0), abs(d)
        for a, b, c in self.sides:
            beyond = (a * x + b * y) * sign - c * size
            margin = (abs(a * x) + abs(b * y) + c * size) * 2.0**-50
            outside |= beyond > margin
            unsure |= abs(beyond) <= margin
        for i in np.flatnonzero(unsure & ~outside).tolist():
            outside[i] = self._inverse_stretch(*_fractions(x[i], y[i], d[i])) < 1
        return outside

    def each(self, weights: Doubles, steps: Doubles) -> Doubles:
        """See `Promise`. Where a pair is near the border, what 1 - 1/t loses is small beside the radius."""
        cols = weights.shape[1]
        pairs = np.pad(weights, ((0, 0), (0, cols % 2)))
        d = np.broadcast_to(steps, weights.shape)[:, 0::2]
        sizes = self._sizes(pairs[:, 0::2], pairs[:, 1::2], d) / CLOSE
        return np.repeat(sizes, 2, axis=1)[:, :cols]

    def _sizes(self, x: Doubles, y: Doubles, d: Doubles) -> Doubles:
        """The bounds of pairs, rounded."""
        sign, size = np.where(d < 0, -1.0, 1.0), abs(d)
        inverse = np.ones(x.shape)
        for a, b, c in self.sides:
            reach = (a * x + b * y) * sign
            inverse = np.minimum(inverse, np.divide(c * size, reach, out=np.ones(x.shape), where=reach > 0))
        return size * float(self.radius) + (abs(x) + abs(y)) * (1 - inverse)

    def _largest_bound(self, x: Doubles, y: Doubles, d: Doubles) -> Fraction:
        """The largest bound among those pairs, all outside: rounded to find the few that can be it, then exactly."""
        sizes = self._sizes(x, y, d)
        close = sizes >= sizes.max() * CLOSE
        return max(self._bound(*_fractions(*case)) for case in zip(x[close], y[close], d[close], strict=True))

    def _inverse_stretch(self, x: Fraction, y: Fraction, d: Fraction) -> Fraction:
        """1/t for the least t >= 1 with (x, y)/d in t times the polygon."""
        sign = -1 if d < 0 else 1
        reaches = [(c * abs(d), (a * x + b * y) * sign) for a, b, c in self.sides]
        return min((edge / reach for edge, reach in reaches if reach > edge), default=Fraction(1))

    def _bound(self, x: Fraction, y: Fraction, d: Fraction) -> Fraction:
        return abs(d) * self.radius + (abs(x) + abs(y)) * (1 - self._inverse_stretch(x, y, d))


def _fractions(*values: float) -> tuple[Fraction, Fraction, Fraction]:
    x, y, d = (Fraction(float(value)) for value in values)
    return x, y, d
