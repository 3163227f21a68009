"""How far a reconstruction can be from its weight: the bound that Lean proves for each scheme, evaluated on real weights.

Arithmetic tables hold every multiple of the slot's scale between its ends, so a weight inside the region is within half a
scale of its entry (in steps), and one outside is further by what lies outside. The learned table has one covering radius for
its pairs on a box; what lies outside in either slot adds to the bound of both weights of the pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

# The theorem behind each scheme's bound, by the scheme's id.
THEOREMS = {
    "row-absmax": "Q35.TBD",
    "row-affine": "Q35.TBD",
    "block": "Q35.TBD",
    "codebook": "Q35.TBD",
}
# Bounds computed in doubles are good to a few parts in 2^53; all that come this close to the largest are computed exactly.
CLOSE = 1 - 2.0**-40

Doubles = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Promise:
    """A scheme's bound in steps: `radius` of each slot on [`low`, `high`], arrays of one dyadic double a column.

    A `joint` radius is one of the pair, and what lies outside in either slot adds to the bound of both.
    """

    low: Doubles
    high: Doubles
    radius: tuple[Fraction, Fraction]
    joint: bool

    def evaluate(self, weights: Doubles, steps: Doubles) -> tuple[int, Fraction]:
        """How many `weights` `[rows, cols]` lie outside the region, and the largest of their bounds, both exact.

        `steps` broadcasts to `weights`. A double holds step * edge (11 + 12 bits) exactly, so that plain comparison
        decides which weights lie outside.
        """
        sizes = np.atleast_2d(abs(steps))
        bound = max(Fraction(float(sizes[:, slot::2].max(initial=0.0))) * self.radius[slot] for slot in (0, 1))
        far = abs(weights) > sizes * np.minimum(abs(self.low), abs(self.high))
        rows, columns = np.nonzero(far)
        outside = self._excess(weights, steps, rows, columns) > 0
        rows, columns = rows[outside], columns[outside]
        return len(rows), max(bound, self._largest_bound(weights, steps, rows, columns)) if len(rows) else bound

    def _excess(self, weights: Doubles, steps: Doubles, rows: Places, columns: Places) -> Doubles:
        """By how much those weights lie outside their scaled region, rounded; the sign is exact. 0 beyond the last column."""
        there = columns < weights.shape[1]
        columns = np.where(there, columns, 0)
        step = np.broadcast_to(steps, weights.shape)[rows, columns]
        one, other = step * self.low[columns], step * self.high[columns]
        weight = weights[rows, columns]
        excess = np.maximum(np.minimum(one, other) - weight, weight - np.maximum(one, other))
        return np.where(there, np.maximum(excess, 0.0), 0.0)

    def _largest_bound(self, weights: Doubles, steps: Doubles, rows: Places, columns: Places) -> Fraction:
        """The largest bound among those weights: rounded to find the few that can be it, then exactly."""
        step = np.broadcast_to(steps, weights.shape)[rows, columns]
        size = abs(step) * np.array([float(radius) for radius in self.radius])[columns % 2]
        size += self._excess(weights, steps, rows, columns)
        if self.joint:
            size += self._excess(weights, steps, rows, columns ^ 1)
        close = size >= size.max() * CLOSE
        return max(self._bound(weights[row], float(d), column)
                   for row, column, d in zip(rows[close].tolist(), columns[close].tolist(), step[close], strict=True))

    def _bound(self, row: Doubles, step: float, column: int) -> Fraction:
        """The bound of weight `column` of `row`, exactly."""
        bound = abs(Fraction(step)) * self.radius[column % 2]
        for each in (column, column ^ 1) if self.joint else (column,):
            if each < len(row):
                weight = Fraction(float(row[each]))
                low, high = sorted(Fraction(step) * Fraction(float(edge[each])) for edge in (self.low, self.high))
                bound += max(low - weight, weight - high, Fraction())
        return bound
