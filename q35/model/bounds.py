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
        one, other = steps * self.low, steps * self.high
        low, high = np.minimum(one, other), np.maximum(one, other)
        excess = np.maximum(np.maximum(low - weights, weights - high), 0.0)
        size = np.atleast_2d(abs(steps))
        inside = max(Fraction(float(size[:, slot::2].max(initial=0.0))) * self.radius[slot] for slot in (0, 1))
        outside = int(np.count_nonzero(excess))
        return outside, max(inside, self._largest_outside(weights, steps, excess)) if outside else inside

    def _largest_outside(self, weights: Doubles, steps: Doubles, excess: Doubles) -> Fraction:
        """The largest bound among the weights that lie outside or whose partner does."""
        rows, columns = np.nonzero(_pair_sums(excess) if self.joint else excess)
        step = np.broadcast_to(steps, weights.shape)[rows, columns]
        radius = np.array([float(r) for r in self.radius])[columns % 2]
        size = abs(step) * radius + (_pair_sums(excess) if self.joint else excess)[rows, columns]
        close = size >= size.max() * CLOSE
        return max(self._bound(weights[row], float(d), column)
                   for row, column, d in zip(rows[close].tolist(), columns[close].tolist(), step[close], strict=True))

    def _bound(self, row: Doubles, step: float, column: int) -> Fraction:
        """The bound of weight `column` of `row`, exactly."""
        bound = abs(Fraction(step)) * self.radius[column % 2]
        pair = {column, column ^ 1} if self.joint else {column}
        return bound + sum(self._excess(row, step, each) for each in pair if each < len(row))

    def _excess(self, row: Doubles, step: float, column: int) -> Fraction:
        """How far weight `column` lies outside the scaled region, exactly."""
        weight = Fraction(float(row[column]))
        low, high = sorted(Fraction(step) * Fraction(float(edge[column])) for edge in (self.low, self.high))
        return max(low - weight, weight - high, Fraction())


def _pair_sums(values: Doubles) -> Doubles:
    """For each column, the sum of its pair's two values; a last lone column is its own sum."""
    sums = values.copy()
    even = values.shape[1] // 2 * 2
    sums[:, 0:even:2] += values[:, 1:even:2]
    sums[:, 1:even:2] = sums[:, 0:even:2]
    return sums
