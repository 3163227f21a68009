"""The siblings of the 7-bit code and streams of any width: Lean's vectors and every code, asked of the reference."""

from __future__ import annotations

import pytest

from conformance import vectors
from conformance.ledger import Ledger
from conformance.subjects import exact_reference, reference
from conformance.vectors import expect, octets, rational

SIBLINGS = {"5": (8, 4), "3": (4, 2)}
"""Slot counts of the codes of 5 and 3 bits."""
COUNTS = ("hi_count", "lo_count")


def test_codes(compared: Ledger) -> None:
    siblings = reference("siblings")
    for row in vectors.having("siblings", "code", "encoded", "hi", "lo", *COUNTS):
        pair = siblings.decode_slots(row["hi_count"], row["lo_count"], row["code"])
        got = (pair, siblings.encode_slots(row["hi_count"], row["lo_count"], pair))
        expect(got, ((row["hi"], row["lo"]), row["encoded"]), row, "reference", compared)
    for row in vectors.having("siblings", "code", "pair", *COUNTS):
        got_code = siblings.encode_slots(row["hi_count"], row["lo_count"], tuple(row["pair"]))
        expect(got_code, row["code"], row, "reference", compared)


def test_points(compared: Ledger) -> None:
    """The code of a point and its distance; the whole table searched has no nearer entry."""
    siblings, exact = reference("siblings"), exact_reference()
    for row in vectors.having("siblings", "code", "distance_squared", "lo_scale", "x", "y", *COUNTS):
        sizes = (row["hi_count"], row["lo_count"], row["lo_scale"])
        point, table = (rational(row["x"]), rational(row["y"])), siblings.slot_table(*sizes)
        code = siblings.encode_slot_table(*sizes, point)
        got = (code, exact.dist_sq(point, table[code]), exact.dist_sq(point, table[exact.nearest(table, point)]))
        distance = rational(row["distance_squared"])
        expect(got, (row["code"], distance, distance), row, "reference", compared)


def test_largest_safe_pairs(compared: Ledger) -> None:
    siblings, exact = reference("siblings"), exact_reference()
    for row in vectors.having("siblings", "greatest", "least", "lo_scale", "max_safe_pairs", *COUNTS):
        table = siblings.slot_table(row["hi_count"], row["lo_count"], row["lo_scale"])
        got = (exact.least_pair(table), exact.greatest_pair(table), exact.max_safe_pairs(table))
        expect(got, (row["least"], row["greatest"], row["max_safe_pairs"]), row, "reference", compared)


def test_streams(compared: Ledger) -> None:
    bits = reference("bits")
    for row in vectors.having("siblings", "codes", "read", "stream", "width"):
        stream = bits.pack_bits(row["width"], row["codes"])
        got = (stream, bits.unpack_bits(row["width"], len(row["codes"]), stream))
        expect(got, (octets(row["stream"]), row["read"]), row, "reference", compared)
        first, rest = row["codes"][:8], row["codes"][8:]
        if rest:  # eight codes fill whole bytes
            parts = bits.pack_bits(row["width"], first) + bits.pack_bits(row["width"], rest)
            expect(parts, octets(row["stream"]), row, "reference", compared)
    for row in vectors.having("siblings", "codes", "count", "stream", "width"):
        got_codes = bits.unpack_bits(row["width"], row["count"], octets(row["stream"]))
        expect(got_codes, row["codes"], row, "reference", compared)


@pytest.mark.parametrize("bits", SIBLINGS)
def test_every_code_of_a_sibling(bits: str, compared: Ledger) -> None:
    """Decoding is a bijection onto the two slots, and every entry of both tables encodes to its own code."""
    siblings = reference("siblings")
    hi_count, lo_count = SIBLINGS[bits]
    count = hi_count * lo_count
    decode, encode = getattr(siblings, f"decode{bits}"), getattr(siblings, f"encode{bits}")
    slots = [(hi, lo) for hi in range(-hi_count // 2, hi_count // 2) for lo in range(-lo_count // 2, lo_count // 2)]
    assert sorted(decode(code) for code in range(count)) == slots
    for code in range(count):
        assert encode(decode(code)) == code
        for lo_scale, table in ((1, f"row_table{bits}"), (2, f"block_table{bits}")):
            entry = getattr(siblings, table)[code]
            assert entry == (decode(code)[0], lo_scale * decode(code)[1])
            assert getattr(siblings, f"encode_table{bits}")(lo_scale, entry) == code
    compared.count(count, subject="reference", truth="exact-rational", level="exhaustive", domain=count)
