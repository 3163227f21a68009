"""The planar layout: Lean's vectors, and the way from the stream to the planes and back."""

from __future__ import annotations

from conformance import truth, vectors
from conformance.ledger import Ledger
from conformance.subjects import exact_reference, reference
from conformance.vectors import expect, octets


def test_layout(compared: Ledger) -> None:
    planar, exact = reference("planar"), exact_reference()
    for row in vectors.having("planar", "codes", "planar", "read", "stream"):
        codes, stream, planes = row["codes"], octets(row["stream"]), octets(row["planar"])
        got = (planar.pack_planar(codes), planar.unpack_planar(len(codes), planes), exact.pack_stream(codes))
        expect(got, (planes, row["read"], stream), row, "reference", compared)
        both = (planar.planar_of_stream(len(codes), stream), planar.stream_of_planar(len(codes), planes))
        expect(both, (planes, stream), row, "reference", compared)
        assert len(planes) == planar.planar_size(len(codes))


def test_what_is_no_planar_layout(compared: Ledger) -> None:
    planar = reference("planar")
    for row in vectors.having("planar", "codes", "count", "planar"):
        planes = octets(row["planar"])
        expect(planar.unpack_planar(row["count"], planes), row["codes"], row, "reference", compared)
        if row["codes"] is None:
            expect(planar.stream_of_planar(row["count"], planes), None, row, "reference", compared)
    assert planar.unpack_planar(1, [256, 0]) is None


def test_where_every_slot_lies(compared: Ledger) -> None:
    """Every code at each of 16 places: its nibble and its triple, found again by integer arithmetic."""
    planar = reference("planar")
    for code in range(len(truth.CODES)):
        for place in range(16):
            codes = [0] * place + [code] + [0] * (15 - place)
            upper, lower = code // 8 << 4 * place, code % 8 << 3 * place
            assert planar.pack_planar(codes) == list(upper.to_bytes(8, "little") + lower.to_bytes(6, "little"))
    compared.count(128 * 16, subject="reference", truth="exact-rational", level="exhaustive", domain=128 * 16)
