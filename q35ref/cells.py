"""The exact nearest entry of a learned table for many points at once.

The plane around the table is cut into unit cells, and each cell lists the entries that can be nearest to a point in it:
one for most cells, a few along the borders of the entries' regions. A pair of weights reads its cell's list, and only
where it has two entries or more are distances compared, and then exactly.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from q35ref import formats

Doubles = NDArray[np.float64]
Codes = NDArray[np.uint8]

EDGE = 256
"""Cells cover [-EDGE, EDGE) squared. Candidates reach 2048/12 = 171 where the step rounds by 1/2^11 or less; points
beyond the cells come from steps that saturate or have only a bit or two, and all entries are compared for them."""

REACH = 0.7072  # more than the half diagonal of a unit cell, sqrt(1/2) = 0.70711, by far more than doubles round


class Cells(NamedTuple):
    """For each cell, how many entries can be nearest in it and their codes, ascending, padded with 0."""

    counts: NDArray[np.uint8]  # [cells]
    codes: Codes  # [cells, most]


@cache
def cells_of(scheme: str) -> Cells:
    """The cells of a scheme's table.

    With c a cell's middle, any point of the cell is within REACH of c, so an entry further from c than the nearest one
    by more than 2 * REACH is nearest to no point of the cell.
    """
    table, _ = _entries(scheme)
    middle = np.arange(-EDGE, EDGE) + 0.5
    second = (middle[:, None] - table[:, 1]) ** 2
    members = []
    for row, x in enumerate(middle):
        distance = np.sqrt((x - table[:, 0]) ** 2 + second)
        column, code = np.nonzero(distance <= distance.min(axis=1, keepdims=True) + 2 * REACH)
        members.append((row * len(middle) + column, code))
    cell, code = (np.concatenate(part) for part in zip(*members, strict=True))
    counts = np.bincount(cell)
    rank = np.arange(len(cell)) - (np.cumsum(counts) - counts)[cell]
    codes = np.zeros((len(counts), counts.max()), np.uint8)
    codes[cell, rank] = code
    return Cells(counts.astype(np.uint8), codes)


@cache
def _entries(scheme: str) -> tuple[Doubles, Doubles]:
    """A scheme's table `[128, 2]` and the squared lengths of its entries `[128]`."""
    table = formats.table(scheme).astype(np.float64)
    return table, (table**2).sum(axis=1)


def sign_of_sum(a: Doubles, b: Doubles, c: Doubles) -> Doubles:
    """The exact sign (-1, 0 or 1) of a + b + c, element by element, for doubles whose sums do not overflow.

    Each two-sum splits a sum into its rounding and its error without loss (Knuth); folding the third number into the
    first sum and its error gives three parts that do not overlap (Shewchuk's Grow-Expansion), so the largest that is
    not 0 decides the sign.
    """
    high, low = _two_sum(a, b)
    carry, smallest = _two_sum(c, low)
    largest, middle = _two_sum(carry, high)
    return np.sign(np.where(largest != 0, largest, np.where(middle != 0, middle, smallest)))


def _two_sum(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def nearest(scheme: str, weights: Doubles, d: Doubles) -> Codes:
    """The code nearest to each exact quotient `weights / d`, ties to the lower code.

    weights: float64 `[n, 2]` holding float32 values; d: float64 `[n]` holding float16 values, none of them 0; the codes
    are uint8 `[n]`.
    """
    x = weights / d[:, None]
    inside = np.abs(x).max(axis=1, initial=0.0) < EDGE - 1
    at = np.floor(np.where(inside[:, None], x, 0.0)).astype(np.int32) + EDGE
    # A quotient that rounding moves into the next cell lies within 2^-44 of it, far less than REACH has to spare.
    counts, lists = cells_of(scheme)
    cell = at[:, 0] * (2 * EDGE) + at[:, 1]
    codes: Codes = lists[cell, 0]
    for rival in range(1, lists.shape[1]):
        unsettled = np.flatnonzero(inside & (counts[cell] > rival))
        _keep_closer(scheme, codes, lists[cell[unsettled], rival], unsettled, weights, d)
    outside = np.flatnonzero(~inside)
    if not len(outside):
        return codes
    codes[outside] = 0
    for code in range(1, formats.CODES):
        _keep_closer(scheme, codes, np.full(len(outside), code, np.uint8), outside, weights, d)
    return codes


def _keep_closer(scheme: str, codes: Codes, rivals: Codes, at: NDArray[np.intp], weights: Doubles, d: Doubles) -> None:
    """Replaces `codes[at]` by `rivals`, which are higher codes, where these are strictly closer to `weights / d`.

    With N the squared length of an entry T, the difference of two squared distances from w / d, times d^2 / |d|, is
    |d| (N' - N) - 2 sign(d) (w0 (T0' - T0) + w1 (T1' - T1)). Each of its three terms is exact in double precision
    (11 + 16 bits; 24 + 9 bits), and `sign_of_sum` adds them exactly.
    """
    if not len(at):
        return
    table, length = _entries(scheme)
    old = codes[at]
    size, side = np.abs(d[at]), 2 * np.sign(d[at])
    move = side[:, None] * weights[at] * (table[rivals] - table[old])
    closer = sign_of_sum(size * (length[rivals] - length[old]), -move[:, 0], -move[:, 1]) < 0
    codes[at[closer]] = rivals[closer]
