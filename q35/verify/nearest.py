"""Whether each code of a learned table names the nearest entry (the lowest code among equals), decided exactly.

Which entry T is nearest to w/d does not change when d^2 |w/d - T|^2 - |w|^2 = d (d |T|^2 - 2 w.T) is divided by |d|:
the score |d| |T|^2 - 2 sign(d) w.T. Scores in float32, then in float64, settle every pair that has no second entry
within a margin larger than their rounding error; what is left is compared in integers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAIRS_AT_ONCE = 2048
# A score is three products and two sums, each rounded once: its error is below 4 units of 2^-24 (2^-53) of the
# largest terms, and two scores are compared.
MARGIN: dict[type[np.floating[Any]], float] = {np.float32: 2.0**-20, np.float64: 2.0**-48}


def first_not_nearest(
    weights: NDArray[np.float64], steps: NDArray[np.float64], codes: NDArray[np.uint8], table: NDArray[np.int64]
) -> int | None:
    """The first pair (of `weights` `[n, 2]`, `steps` and `codes` `[n]`) whose code is not the nearest entry's, or
    None.
    """
    settled_zero = (steps == 0) & (codes == 0)
    origin = (weights == 0).all(axis=1) & (steps != 0)
    settled_zero |= origin & (codes == (table**2).sum(axis=1).argmin())
    suspects = np.flatnonzero(~settled_zero)
    for precision in MARGIN:
        suspects = _unsettled(weights, steps, codes, table, suspects, precision)
    for i in suspects.tolist():
        if int(codes[i]) != _nearest(Fraction(weights[i, 0]), Fraction(weights[i, 1]), Fraction(steps[i]), table):
            return int(i)
    return None


def _unsettled(
    weights: NDArray[np.float64],
    steps: NDArray[np.float64],
    codes: NDArray[np.uint8],
    table: NDArray[np.int64],
    suspects: NDArray[np.intp],
    precision: type[np.floating[Any]],
) -> NDArray[np.intp]:
    """Those `suspects` whose code is not clearly the nearest one when computed in `precision`."""
    columns: NDArray[Any] = np.stack([(table**2).sum(axis=1), *(-2 * table.T)]).astype(precision)
    largest = abs(columns).max(axis=1)
    left = []
    for start in range(0, len(suspects), PAIRS_AT_ONCE):
        some = suspects[start : start + PAIRS_AT_ONCE]
        d = steps[some]
        along: NDArray[Any] = weights[some] * np.sign(d)[:, None]
        terms: NDArray[Any] = np.column_stack([abs(d), along]).astype(precision)
        with np.errstate(over="ignore", invalid="ignore"):
            scores: NDArray[Any] = terms @ columns
            limit = scores[np.arange(len(some)), codes[some]] + abs(terms) @ largest * precision(MARGIN[precision])
            rivals = np.count_nonzero(scores <= limit[:, None], axis=1)
        left.append(some[(rivals != 1) | (d == 0)])
    return np.concatenate(left) if left else suspects


def _nearest(x: Fraction, y: Fraction, d: Fraction, table: NDArray[np.int64]) -> int:
    """The lowest code among the entries nearest to (x/d, y/d); code 0 when d is 0."""
    if d == 0:
        return 0
    return min(range(len(table)), key=lambda c: ((x / d - int(table[c, 0])) ** 2 + (y / d - int(table[c, 1])) ** 2, c))
