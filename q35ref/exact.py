"""The exact reference: the Lean definitions of `proofs/Q35`, on integers and fractions, under the same names.

Nothing here rounds except where a definition says so. A code is an int of 0..127, a float16 its 16 bits as an int, a
weight an exact number. Functions that Lean gives the type `Option` return None where Lean returns `none`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from q35ref import floats, formats
from q35ref.errors import InputError
from q35ref.floats import Number, round_half_even
from q35ref.formats import (
    CODES,
    HI_RANGE,
    LO_BITS,
    LO_RANGE,
    AbsmaxStep,
    ArithmeticTable,
    RangeStep,
    Scheme,
    SearchedStep,
)

Pair = tuple[int, int]
Point = tuple[Number, Number]
Table = Sequence[Pair]

CODE_BITS = 7
INT32_RANGE = (-(1 << 31), (1 << 31) - 1)
INT8_RANGE = (-128, 127)


# The code (Q35/Code.lean)


def _signed(value: int, low: int, high: int) -> int:
    """The two's complement reading of a bit pattern whose values run from `low` to `high`."""
    return value if value <= high else value + 2 * low


def hi(code: int) -> int:
    """Bits 6..3 as 4-bit two's complement, -8..7."""
    return _signed(code >> LO_BITS, *HI_RANGE)


def lo(code: int) -> int:
    """Bits 2..0 as 3-bit two's complement, -4..3."""
    return _signed(code & ((1 << LO_BITS) - 1), *LO_RANGE)


def decode(code: int) -> Pair:
    """`(hi code, lo code)`."""
    return hi(code), lo(code)


def encode(pair: Pair) -> int | None:
    """The code that decodes to `pair`; None outside [-8, 7] x [-4, 3]."""
    high, low = pair
    if not (HI_RANGE[0] <= high <= HI_RANGE[1] and LO_RANGE[0] <= low <= LO_RANGE[1]):
        return None
    return (high % 16) << LO_BITS | low % 8


def decode_byte(byte: int) -> Pair | None:
    """The pair that a byte stands for; None for 128 and above."""
    return decode(byte) if 0 <= byte < CODES else None


# Storage (Q35/Stream.lean)


def stream_size(count: int) -> int:
    """Bytes of the stream of `count` codes: ceil(7 * count / 8)."""
    return (CODE_BITS * count + 7) // 8


def pack_stream(codes: Sequence[int]) -> list[int]:
    """The stream's bytes: code i takes bits 7i..7i+6, bit j is bit j mod 8 of byte j div 8, the tail is zero."""
    whole = sum(code << CODE_BITS * i for i, code in enumerate(codes))
    return list(whole.to_bytes(stream_size(len(codes)), "little"))


def unpack_stream(count: int, data: Sequence[int]) -> list[int] | None:
    """The `count` codes of a stream; None for a wrong length, a byte out of 0..255 or a non-zero tail."""
    if len(data) != stream_size(count) or not all(0 <= byte < 256 for byte in data):
        return None
    whole = int.from_bytes(bytes(data), "little")
    if whole >> CODE_BITS * count:
        return None
    return [whole >> CODE_BITS * i & (CODES - 1) for i in range(count)]


def pack_bytes(codes: Sequence[int]) -> list[int]:
    """One code a byte."""
    return list(codes)


def unpack_bytes(data: Sequence[int]) -> list[int] | None:
    """The codes of the byte layout; None where a byte is not a code."""
    return list(data) if all(0 <= byte < CODES for byte in data) else None


def stream_of_bytes(data: Sequence[int]) -> list[int] | None:
    """The stream that holds the codes of a byte layout; None where a byte is not a code."""
    codes = unpack_bytes(data)
    return None if codes is None else pack_stream(codes)


def bytes_of_stream(count: int, data: Sequence[int]) -> list[int] | None:
    """The byte layout that holds the codes of a stream; None where `unpack_stream` is."""
    codes = unpack_stream(count, data)
    return None if codes is None else pack_bytes(codes)


# float16 (Q35/Half.lean) and slots (Q35/Slot.lean); rounding itself is in q35ref/floats.py


def half_to_rat(bits: int) -> Fraction | None:
    """The value of a float16; None for NaN, infinity and what is no 16 bits."""
    return floats.float16.to_rat(bits)


def rat_to_half(x: Number) -> int:
    """The nearest float16's bits, ties to even, saturating at +-65504; what rounds to zero is +0."""
    return floats.float16.of_rat("positive", x)


def clamp(low: int, high: int, value: int) -> int:
    """The number of `low..high` nearest to `value`."""
    return max(low, min(high, value))


def quantize_slot(low: int, high: int, x: Number) -> int:
    """`x` rounded half to even, then clamped."""
    return clamp(low, high, round_half_even(x))


# Tables (Q35/Table.lean)


def table_of(scheme: Scheme) -> list[Pair]:
    """The scheme's table as pairs of ints in code order."""
    return [(int(first), int(second)) for first, second in formats.table(scheme.id)]


def arithmetic_table(lo_scale: int) -> list[Pair]:
    """Entry of code c: `(hi c, lo_scale * lo c)`."""
    return [(hi(code), lo_scale * lo(code)) for code in range(CODES)]


row_table: Table = table_of(formats.scheme("row-absmax"))
block_table: Table = table_of(formats.scheme("block"))
codebook_table: Table = table_of(formats.scheme("codebook"))


def dist_sq(point: Point, entry: Pair) -> Number:
    """The squared Euclidean distance."""
    return (point[0] - entry[0]) ** 2 + (point[1] - entry[1]) ** 2


def nearest(table: Table, point: Point) -> int:
    """The code of the entry nearest to `point`, ties to the lower code.

    Distances are compared over the coordinates' common denominator: the same order as `dist_sq`, on integers.
    """
    first, second = Fraction(point[0]), Fraction(point[1])
    unit = lcm(first.denominator, second.denominator)
    x, y = int(first * unit), int(second * unit)
    return min(range(len(table)), key=lambda c: (x - unit * table[c][0]) ** 2 + (y - unit * table[c][1]) ** 2)


def quantize_slots(lo_scale: int, point: Point) -> Pair:
    """Both slots rounded half-even and clamped, the lo slot in units of `lo_scale`."""
    return quantize_slot(*HI_RANGE, point[0]), quantize_slot(*LO_RANGE, Fraction(point[1]) / lo_scale)


def encode_arithmetic(lo_scale: int, point: Point) -> int:
    """The code of `quantize_slots`: a nearest entry of the arithmetic table."""
    code = encode(quantize_slots(lo_scale, point))
    assert code is not None, "clamped slots have a code"
    return code


def dequantize(table: Table, d: Number, code: int) -> Point:
    """`d * table[code]`."""
    return d * table[code][0], d * table[code][1]


# Blocks (Q35/Block.lean)


def encode_pair(scheme: Scheme, d: Number, pair: Point) -> int:
    """The code of two weights under the step `d`; 0 where the step is 0."""
    if d == 0:
        return 0
    point = Fraction(pair[0]) / d, Fraction(pair[1]) / d
    if isinstance(scheme.table, ArithmeticTable):
        return encode_arithmetic(scheme.table.lo_scale, point)
    return nearest(table_of(scheme), point)


def pairs_of(weights: Sequence[Number]) -> list[Point]:
    """Consecutive weights in twos, an odd number of them padded with one zero."""
    padded = [*weights, 0] if len(weights) % 2 else list(weights)
    return list(zip(padded[::2], padded[1::2], strict=True))


def encode_block(scheme: Scheme, d: Number, weights: Sequence[Number]) -> list[int]:
    """The codes of a block's weights under the step `d`."""
    return [encode_pair(scheme, d, pair) for pair in pairs_of(weights)]


def squared_error(table: Table, d: Number, codes: Sequence[int], weights: Sequence[Number]) -> Number:
    """The sum over a block of (w - w')^2, the padding zero of an odd block included."""
    return sum(
        (w0 - v0) ** 2 + (w1 - v1) ** 2
        for (w0, w1), (v0, v1) in zip(pairs_of(weights), (dequantize(table, d, c) for c in codes), strict=True)
    )


def step_candidates(scheme: Scheme, largest: Number) -> list[int]:
    """The float16 bits of the steps to try for a block whose largest absolute value is `largest`, in order."""
    rule = _searched(scheme)
    sizes = [Fraction(largest) * p / rule.denominator for p in rule.numerators]
    signs = (1, -1) if rule.signed else (1,)
    return [rat_to_half(sign * size) for size in sizes for sign in signs]


def best_step(scheme: Scheme, weights: Sequence[Number]) -> tuple[int, list[int]]:
    """The candidate of least exact squared error, ties to the first, as float16 bits, and the codes it gives.

    A block whose largest absolute value is 0 has step 0 and codes 0.
    """
    _searched(scheme)
    largest = max((abs(Fraction(w)) for w in weights), default=Fraction(0))
    if largest == 0:
        return 0, [0] * len(pairs_of(weights))
    table = table_of(scheme)
    best: tuple[Number, int, list[int]] | None = None
    for bits in step_candidates(scheme, largest):
        d = finite(bits)
        codes = encode_block(scheme, d, weights)
        error = squared_error(table, d, codes, weights)
        if best is None or error < best[0]:
            best = error, bits, codes
    assert best is not None, "a scheme has at least one numerator"
    return best[1], best[2]


def finite(bits: int) -> Fraction:
    """The value of a step. Raises `InputError` for NaN and infinity, which are not steps."""
    value = half_to_rat(bits)
    if value is None:
        raise InputError(f"float16 bits {bits:#06x} are not a finite step")
    return value


def _searched(scheme: Scheme) -> SearchedStep:
    if not isinstance(scheme.step, SearchedStep):
        raise InputError(f"scheme {scheme.id!r} does not search for its step")
    return scheme.step


# The published schemes


def row_absmax(scheme: Scheme, weights: Sequence[Number]) -> tuple[int, list[int]]:
    """A row's step bits, half(max |w| / divisor), and its codes."""
    if not isinstance(scheme.step, AbsmaxStep):
        raise InputError(f"scheme {scheme.id!r} does not take its step from the row's largest absolute value")
    largest = max((abs(Fraction(w)) for w in weights), default=Fraction(0))
    bits = rat_to_half(Fraction(largest) / scheme.step.divisor)
    return bits, encode_block(scheme, finite(bits), weights)


def affine_step(low: int, high: int, least: Number, greatest: Number) -> Fraction:
    """The exact step that spreads `least` to `greatest` over the slot."""
    return Fraction(greatest - least) / (high - low)


def zero_point(low: int, s: Number, least: Number) -> int:
    """The integer that stands for 0 when the slot's lower end stands for `least`: round(low - least / s)."""
    return round_half_even(low - Fraction(least) / s)


def affine_parameters(low: int, high: int, least: Number, greatest: Number) -> tuple[int, int]:
    """Step bits and zero point for weights from `least` to `greatest`, widened to hold 0, in a slot `low..high`.

    The zero point is that of the rounded step, clamped to the slot; 0 where the step is 0.
    """
    least, greatest = min(least, 0), max(greatest, 0)
    bits = rat_to_half(affine_step(low, high, least, greatest))
    s = finite(bits)
    return bits, clamp(low, high, zero_point(low, s, least)) if s else 0


def quantize_affine(low: int, high: int, s: Number, z: int, weight: Number) -> int:
    """The slot's q for `weight`: clamp(round(weight / s + z)); 0 where the step is 0. It reads back as s (q - z)."""
    return quantize_slot(low, high, Fraction(weight) / s + z) if s else 0


def slot_range(column: int) -> Pair:
    """The range of the slot that a column's weights take: hi for even columns, lo for odd ones."""
    return LO_RANGE if column % 2 else HI_RANGE


def row_affine(rows: Sequence[Sequence[Number]], columns: int) -> tuple[list[int], list[int], list[list[int]]]:
    """Step bits and zero points `[columns]` and codes `[rows][pairs]` of a matrix of weights."""
    parameters = []
    for column in range(columns):
        values = [row[column] for row in rows]
        parameters.append(affine_parameters(*slot_range(column), min(values, default=0), max(values, default=0)))
    codes = []
    for row in rows:
        values = [
            quantize_affine(*slot_range(column), finite(bits), z, row[column])
            for column, (bits, z) in enumerate(parameters)
        ]
        # A padding column has step 0, zero point 0 and value 0.
        slots = [(int(first), int(second)) for first, second in pairs_of(values)]
        codes.append([code for pair in slots if (code := encode(pair)) is not None])
    return [bits for bits, _ in parameters], [z for _, z in parameters], codes


# Accumulation (Q35/Accumulate.lean)


def wrap32(value: int) -> int:
    """The int32 number that is left of `value` when only 32 bits are kept."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def sum32(values: Sequence[int]) -> int:
    """A sum in int32 arithmetic: every addition keeps 32 bits."""
    total = 0
    for value in values:
        total = wrap32(total + value)
    return total


def dot_pair(activations: Pair, entry: Pair) -> int:
    """What one code adds to an integer dot product."""
    return activations[0] * entry[0] + activations[1] * entry[1]


def products(table: Table, activations: Sequence[int], codes: Sequence[int]) -> list[int]:
    """What each code of a row adds; one int8 activation for each true weight, an odd number padded with one 0."""
    padded = [(int(first), int(second)) for first, second in pairs_of(activations)]
    return [dot_pair(pair, table[code]) for pair, code in zip(padded, codes, strict=True)]


def dot(table: Table, activations: Sequence[int], codes: Sequence[int]) -> int:
    """The exact dot product of int8 activations and a row of codes."""
    return sum(products(table, activations, codes))


def dot32(table: Table, activations: Sequence[int], codes: Sequence[int]) -> int:
    """The dot product as an int32 accumulator computes it."""
    return sum32(products(table, activations, codes))


def dot_int(a: Sequence[int], b: Sequence[int]) -> int:
    """The dot product of two lists of integers (`Q35/Linear.lean`); what is over in the longer one counts nothing."""
    return sum(x * y for x, y in zip(a, b, strict=False))


def least_product(t: int) -> int:
    """The least product of an int8 number and `t`."""
    return min(a * t for a in INT8_RANGE)


def greatest_product(t: int) -> int:
    """The greatest product of an int8 number and `t`."""
    return max(a * t for a in INT8_RANGE)


def least_pair(table: Table) -> int:
    """The least contribution of a code of the table."""
    return min(least_product(first) + least_product(second) for first, second in table)


def greatest_pair(table: Table) -> int:
    """The greatest contribution of a code of the table."""
    return max(greatest_product(first) + greatest_product(second) for first, second in table)


def max_safe_pairs(table: Table) -> int:
    """The largest number of pairs that int32 holds whatever the codes and the int8 activations are."""
    low, high = INT32_RANGE
    return min(-low // max(1, -least_pair(table)), high // max(1, greatest_pair(table)))


def max_safe_k(table: Table) -> int:
    """The largest number of weights for which no dot product, nor a part of one, leaves int32.

    It is twice `max_safe_pairs`, and one more where the first slot of one more pair still fits.
    """
    low, high = INT32_RANGE
    pairs = max_safe_pairs(table)
    least = pairs * least_pair(table) + min(least_product(first) for first, _ in table)
    greatest = pairs * greatest_pair(table) + max(greatest_product(first) for first, _ in table)
    return 2 * pairs + int(low <= least and greatest <= high)


# Sizes (Q35/Size.lean)


def bits_per_weight(code_bits: int, step_bits: int, block_size: int) -> Fraction:
    """Bits a weight of codes of `code_bits` for two weights and one step of `step_bits` for `block_size` weights."""
    return Fraction(code_bits, 2) + Fraction(step_bits, block_size)


def pair_count(count: int) -> int:
    """Codes of a row of `count` weights."""
    return (count + 1) // 2


def block_count(block_size: int, count: int) -> int:
    """Blocks of a row of `count` weights; the last may be short."""
    return (count + block_size - 1) // block_size


def stream_row_bytes(block_size: int, count: int) -> int:
    """Bytes of a row of `count` weights as a stream, its float16 steps included."""
    return stream_size(pair_count(count)) + 2 * block_count(block_size, count)


def byte_row_bytes(block_size: int, count: int) -> int:
    """Bytes of a row of `count` weights in the byte layout, its float16 steps included."""
    return pair_count(count) + 2 * block_count(block_size, count)


def steps_count(scheme: Scheme, block_size: int | None, rows: int, columns: int) -> int:
    """How many steps a `rows` x `columns` tensor stores."""
    size = formats.check_block_size(scheme.id, block_size)
    if size is not None:
        return rows * block_count(size, columns)
    return rows if isinstance(scheme.step, AbsmaxStep) else columns


def stored_bytes(scheme: Scheme, block_size: int | None, storage: str, rows: int, columns: int) -> int:
    """Bytes of a quantized tensor: codes, float16 steps and, for `row-affine`, an int8 zero point a column."""
    pairs = pair_count(columns)
    row_bytes = stream_size(pairs) if formats.storage_bits(storage) == CODE_BITS else pairs
    zero_points = columns if isinstance(scheme.step, RangeStep) else 0
    return rows * row_bytes + 2 * steps_count(scheme, block_size, rows, columns) + zero_points
