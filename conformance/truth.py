"""Truth from integers: every format computed here a second time, sharing no code with what it judges.

Values are Python integers in fixed units, so nothing rounds: a float32 is a multiple of 2^-149 (`FLOAT32_UNIT`), a
half a multiple of 2^-24 (`HALF_UNIT`). A table is a list of 128 pairs of integers. NumPy appears only as integer arrays
for the exhaustive grids, and as float64 to discard table entries that are far from nearest (with a proven margin).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

HALF_UNIT = 24
"""Every finite half is an integer times 2^-24."""
FLOAT32_UNIT = 149
"""Every finite float32 is an integer times 2^-149."""
LARGEST_HALF_BITS = 0x7BFF
SCALE = FLOAT32_UNIT - HALF_UNIT
"""A half's integer shifted left by this is in float32 units."""

EVERY_FACTOR = np.arange(-128, 128, dtype=np.int64)[:, None]
EVERY_STEP = np.arange(65536, dtype=np.int64)[None, :]

Pair = tuple[int, int]
Table = Sequence[Pair]


# Codes


def slots(code: int) -> Pair:
    """(hi, lo) of a code by the definition: bits 6..3 and 2..0 as two's complement."""
    hi, lo = code // 8, code % 8
    return hi - 16 * (hi >= 8), lo - 8 * (lo >= 4)


CODES: list[Pair] = [slots(code) for code in range(128)]
CODE_OF: dict[Pair, int] = {pair: code for code, pair in enumerate(CODES)}


def arithmetic_table(hi_scale: int, lo_scale: int) -> list[Pair]:
    return [(hi_scale * hi, lo_scale * lo) for hi, lo in CODES]


# Streams: one big integer, code i worth 128^i


def pack_stream(codes: Sequence[int]) -> list[int]:
    """The bytes of the 7-bit stream, least significant first."""
    number = 0
    for code in reversed(codes):
        number = number * 128 + code
    return [number >> (8 * k) & 255 for k in range(stream_size(len(codes)))]


def stream_size(count: int) -> int:
    return -(-7 * count // 8)


# Halves and float32s


def half_int(bits: int) -> int | None:
    """The value of fp16 bits in units of 2^-24; None for NaN and infinity."""
    exponent, fraction = bits >> 10 & 31, bits & 1023
    if exponent == 31:
        return None
    magnitude = fraction if exponent == 0 else (1024 + fraction) << (exponent - 1)
    return -magnitude if bits >> 15 else magnitude


HALF_MAGNITUDES: list[int] = [half_int(bits) or 0 for bits in range(LARGEST_HALF_BITS + 1)]


def ratio_to_half(numerator: int, denominator: int) -> int:
    """Bits of the half nearest to a ratio: ties to even, saturating at 65504, and every zero is +0."""
    sign, magnitude = (0x8000, -numerator) if numerator < 0 else (0, numerator)
    scaled = magnitude << HALF_UNIT
    below = bisect_right(HALF_MAGNITUDES, scaled // denominator) - 1
    if below < LARGEST_HALF_BITS:
        # twice the distance to the middle of the two neighbours, in units of 2^-24 / denominator
        excess = 2 * scaled - (HALF_MAGNITUDES[below] + HALF_MAGNITUDES[below + 1]) * denominator
        below += excess > 0 or (excess == 0 and below % 2 == 1)
    return sign | below if below else 0


def float32_int(value: np.float32) -> int:
    """A finite float32 in units of 2^-149."""
    return _float32_bits_int(int(np.float32(value).view(np.uint32)))


def _float32_bits_int(bits: int) -> int:
    exponent, fraction = bits >> 23 & 255, bits & 0x7FFFFF
    assert exponent != 255, "not finite"
    magnitude = fraction if exponent == 0 else (0x800000 + fraction) << (exponent - 1)
    return -magnitude if bits >> 31 else magnitude


def float32_ints(values: NDArray[np.float32]) -> list[int]:
    return [_float32_bits_int(bits) for bits in np.asarray(values, np.float32).ravel().view(np.uint32).tolist()]


def product_bits(
    factors: NDArray[np.int64] = EVERY_FACTOR, step_bits: NDArray[np.int64] = EVERY_STEP
) -> NDArray[np.uint32]:
    """float32 bits of factor * step in integers, for factors -128..127 and bits of fp16 steps that broadcast together.

    By default [256, 65536]: every factor (row t + 128) at every step. |t| * significand has at most 18 bits and the
    least non-zero product is 2^-24, so every product is a normal float32 or a zero, exactly. The sign is the exclusive
    or of the signs, also of a zero. Products with steps that are not finite are garbage: the caller must not use them.
    """
    exponent, fraction = step_bits >> 10 & 31, step_bits & 1023
    significand = np.where(exponent == 0, fraction, fraction + 1024)
    power = np.where(exponent == 0, 1, exponent) - 25
    product = np.abs(factors) * significand
    lengths = _bit_lengths()[product]
    fraction_bits = (product << (24 - np.minimum(lengths, 24))) & 0x7FFFFF
    exponent_bits = (lengths - 1 + power + 127) << 23
    sign_bits = ((step_bits >> 15) ^ (factors < 0)) << 31
    return np.where(product == 0, sign_bits, sign_bits | exponent_bits | fraction_bits).astype(np.uint32)


@cache
def _bit_lengths() -> NDArray[np.int64]:
    """How many bits each product of `product_bits` has."""
    return np.array([number.bit_length() for number in range(2047 * 128 + 1)], dtype=np.int64)


def finite_steps() -> NDArray[np.bool_]:
    """Which of the 65,536 fp16 bit patterns are numbers."""
    return np.asarray((np.arange(65536) >> 10 & 31) != 31)


# Rounding and nearest entries


def round_half_even(numerator: int, denominator: int) -> int:
    """The integer nearest to numerator / denominator (either sign, denominator not 0), ties to even."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    up = 2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1)
    return quotient + up


def clamp(low: int, high: int, value: int) -> int:
    return max(low, min(high, value))


def quantize_slot(low: int, high: int, numerator: int, denominator: int) -> int:
    return clamp(low, high, round_half_even(numerator, denominator))


def arithmetic_code(weights: Pair, step: int, lo_scale: int) -> int:
    """Code of two weights (float32 units) at a step (half units) in the table (hi, lo_scale * lo); step 0: code 0."""
    if step == 0:
        return 0
    unit = step << SCALE
    return CODE_OF[quantize_slot(-8, 7, weights[0], unit), quantize_slot(-4, 3, weights[1], unit * lo_scale)]


def distance(weights: Pair, step: int, entry: Pair) -> int:
    """(w0 - d t0)^2 + (w1 - d t1)^2 in units of 2^-298."""
    unit = step << SCALE
    return (weights[0] - unit * entry[0]) ** 2 + (weights[1] - unit * entry[1]) ** 2


def nearest_code(weights: Pair, step: int, table: Table, among: Sequence[int] | None = None) -> int:
    """The lowest code of those nearest to w / d (all 128, or `among`, ascending); 0 when the step is 0."""
    if step == 0:
        return 0
    return min(range(len(table)) if among is None else among, key=lambda code: distance(weights, step, table[code]))


def _rounded_distances(weights: NDArray[np.float64], d: float, entries: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared distance of each pair `[n, 2]` from each entry times the step, in float64: `[n, entries]`."""
    first, second = (weights[:, axis, None] - d * entries[:, axis] for axis in range(2))
    return first * first + second * second


def nearest_codes(weights: NDArray[np.float64], pairs: Sequence[Pair], step_bits: int, table: Table) -> list[int]:
    """`nearest_code` of many pairs: `weights` [n, 2] and `pairs` are the same values as float64 and as integers.

    float64 only discards: with S = |w0| + |w1| + 256 |d| a computed squared distance is off by less than 2^-49 S^2, so
    an entry more than 2^-40 S^2 above the least computed one is not nearest. Integers decide among the rest.
    """
    step = half_int(step_bits)
    assert step is not None
    if step == 0:
        return [0] * len(pairs)
    d = math.ldexp(step, -HALF_UNIT)
    entries = np.array(table, dtype=np.float64)
    score = _rounded_distances(weights, d, entries)
    size = np.abs(weights).sum(axis=1) + 256 * abs(d)
    near = score <= (score.min(axis=1) + 2.0**-40 * size * size)[:, None]
    return [
        nearest_code(pair, step, table, [int(code) for code in np.flatnonzero(mask)])
        for pair, mask in zip(pairs, near, strict=True)
    ]


# Blocks


def as_pairs(values: Sequence[int]) -> list[Pair]:
    """Neighbours as pairs; an odd last one is paired with a zero."""
    padded = [*values, 0] if len(values) % 2 else list(values)
    return list(zip(padded[::2], padded[1::2], strict=True))


def squared_error(pairs: Sequence[Pair], step_bits: int, codes: Sequence[int], table: Table) -> int:
    """Sum of (w - d t)^2 over a block, in units of 2^-298."""
    step = half_int(step_bits)
    assert step is not None
    return sum(distance(pair, step, table[code]) for pair, code in zip(pairs, codes, strict=True))


def step_candidates(largest: int, numerators: Sequence[int], denominator: int) -> list[int]:
    """fp16 bits of +m p / q and -m p / q for every p in order; `largest` = m in float32 units."""
    bits = []
    for p in numerators:
        for signed in (largest * p, -largest * p):
            bits.append(ratio_to_half(signed, denominator << FLOAT32_UNIT))
    return bits


def best_step(
    weights: NDArray[np.float64], pairs: Sequence[Pair], candidates: Sequence[int], table: Table
) -> tuple[int, int]:
    """The first candidate step of least exact `squared_error` with nearest codes, and that error.

    `weights` and `pairs` are the same values as float64 [n, 2] and as integers. float64 only discards: a sum of at most
    2^10 squares, none negative, is off by a factor of at most 1 +- 2^-40, so candidates whose computed error exceeds
    the least one by more than a factor of 1 + 2^-30 are not the best.
    """
    entries = np.array(table, dtype=np.float64)
    scores: dict[int, float] = {}
    for bits in dict.fromkeys(candidates):
        nearest = _rounded_distances(weights, float(np.uint16(bits).view(np.float16)), entries).min(axis=1).sum()
        scores[bits] = float(nearest) if bits else float((weights * weights).sum())
    limit = min(scores.values()) * (1 + 2.0**-30)
    exact = {
        bits: squared_error(pairs, bits, nearest_codes(weights, pairs, bits, table), table)
        for bits, score in scores.items()
        if score <= limit
    }
    best = min(exact, key=lambda bits: exact[bits])
    return best, exact[best]


# Rows


SLOTS = ((-8, 7), (-4, 3))
"""Range of the slot that even and odd columns take."""


def affine_column(values: Sequence[int], low: int, high: int) -> tuple[int, int, list[int]]:
    """Step bits, zero point and slot values of one column (float32 units) whose slot is [low, high]."""
    least, largest = min(0, *values), max(0, *values)
    bits = ratio_to_half(largest - least, (high - low) << FLOAT32_UNIT)
    step = half_int(bits)
    assert step is not None
    if step == 0:
        return 0, 0, [0] * len(values)
    unit = step << SCALE
    zero = quantize_slot(low, high, low * unit - least, unit)
    return bits, zero, [quantize_slot(low, high, value + zero * unit, unit) for value in values]


def affine_matrix(
    weights: NDArray[np.float32],
) -> tuple[NDArray[np.uint16], NDArray[np.int8], NDArray[np.uint8]]:
    """Step bits and zero points by column, and codes [rows, pairs]; an odd last pair's lo slot encodes a zero."""
    rows, cols = weights.shape
    columns = [affine_column(float32_ints(weights[:, j]), *SLOTS[j % 2]) for j in range(cols)]
    slots = np.array([slots for _, _, slots in columns]).T
    padded = np.concatenate([slots, np.zeros((rows, cols % 2), int)], axis=1).reshape(rows, -1, 2)
    codes = [[CODE_OF[int(hi), int(lo)] for hi, lo in row] for row in padded]
    return (
        np.array([bits for bits, _, _ in columns], np.uint16),
        np.array([zero for _, zero, _ in columns], np.int8),
        np.array(codes, np.uint8),
    )


# Accumulation


def dot_range(entries: Sequence[Sequence[int]]) -> Pair:
    """The least and the largest sum of a_k * t_k over int8 a and over the given entries."""
    least = min(sum(min(-128 * t, 127 * t) for t in entry) for entry in entries)
    largest = max(sum(max(-128 * t, 127 * t) for t in entry) for entry in entries)
    return least, largest


def max_safe_k(table: Table) -> int:
    """The largest number of weights K whose int8 dot products cannot leave int32, whatever codes and activations."""
    pair_least, pair_largest = dot_range(table)
    even_least, even_largest = dot_range([entry[:1] for entry in table])
    k = 2 * min((2**31 - 1) // pair_largest, 2**31 // -pair_least)

    def safe(count: int) -> bool:
        pairs, odd = divmod(count, 2)
        return pairs * pair_largest + odd * even_largest < 2**31 and pairs * pair_least + odd * even_least >= -(2**31)

    while safe(k + 1):
        k += 1
    while not safe(k):
        k -= 1
    return k
