"""Codes of two slots of any size: the Lean definitions of `proofs/Q35/Code.lean` (slots), `SlotTable.lean` and
`Siblings.lean`, under the same names, on integers and fractions.

A slot has a number of patterns, its count; a code of two slots is one of 0..hi_count * lo_count - 1. The 7-bit code has
the counts 16 and 8, its siblings of 5 and 3 bits 8 and 4, 4 and 2.
"""

from __future__ import annotations

from fractions import Fraction

from q35ref.exact import Pair, Point, quantize_slot


def signed(count: int, pattern: int) -> int:
    """The number of a pattern in two's complement with `count` patterns: the upper half is negative."""
    return pattern if 2 * pattern < count else pattern - count


def unsigned(count: int, value: int) -> int:
    """The pattern of a number."""
    return value % count


def slot_low(count: int) -> int:
    """The least number of a slot."""
    return -(count // 2)


def slot_high(count: int) -> int:
    """The greatest number of a slot."""
    return (count - 1) // 2


def decode_slots(hi_count: int, lo_count: int, code: int) -> Pair:
    """The two numbers of a code (`encodeSlots_decodeSlots`)."""
    return signed(hi_count, code // lo_count), signed(lo_count, code % lo_count)


def encode_slots(hi_count: int, lo_count: int, pair: Pair) -> int | None:
    """The code of two numbers; None if one lies outside its slot (`encodeSlots_eq_none_iff`)."""
    for count, value in zip((hi_count, lo_count), pair, strict=True):
        if not slot_low(count) <= value <= slot_high(count):
            return None
    return unsigned(hi_count, pair[0]) * lo_count + unsigned(lo_count, pair[1])


def slot_table(hi_count: int, lo_count: int, lo_scale: int) -> list[Pair]:
    """Entry of code c: its upper number, and `lo_scale` times its lower one."""
    pairs = (decode_slots(hi_count, lo_count, code) for code in range(hi_count * lo_count))
    return [(first, lo_scale * second) for first, second in pairs]


def quantize_pair(hi_count: int, lo_count: int, lo_scale: int, point: Point) -> Pair:
    """Both slots rounded half-even and clamped, the lo slot in units of `lo_scale`."""
    return (
        quantize_slot(slot_low(hi_count), slot_high(hi_count), point[0]),
        quantize_slot(slot_low(lo_count), slot_high(lo_count), Fraction(point[1]) / lo_scale),
    )


def encode_slot_table(hi_count: int, lo_count: int, lo_scale: int, point: Point) -> int:
    """The code of `quantize_pair`: a nearest entry of the table (`encodeSlotTable_nearest`)."""
    code = encode_slots(hi_count, lo_count, quantize_pair(hi_count, lo_count, lo_scale, point))
    assert code is not None, "clamped slots have a code"
    return code


row_table5 = slot_table(8, 4, 1)
block_table5 = slot_table(8, 4, 2)
row_table3 = slot_table(4, 2, 1)
block_table3 = slot_table(4, 2, 2)


def decode5(code: int) -> Pair:
    """The two numbers of a 5-bit code: -4..3 and -2..1."""
    return decode_slots(8, 4, code)


def decode3(code: int) -> Pair:
    """The two numbers of a 3-bit code: -2..1 and -1..0."""
    return decode_slots(4, 2, code)


def encode5(pair: Pair) -> int | None:
    """The 5-bit code of a pair; None outside [-4, 3] x [-2, 1]."""
    return encode_slots(8, 4, pair)


def encode3(pair: Pair) -> int | None:
    """The 3-bit code of a pair; None outside [-2, 1] x [-1, 0]."""
    return encode_slots(4, 2, pair)


def encode_table5(lo_scale: int, point: Point) -> int:
    """The 5-bit code of a point (`encodeTable5_nearest`)."""
    return encode_slot_table(8, 4, lo_scale, point)


def encode_table3(lo_scale: int, point: Point) -> int:
    """The 3-bit code of a point (`encodeTable3_nearest`)."""
    return encode_slot_table(4, 2, lo_scale, point)
