"""Streams and the byte layout: pack and unpack against one big integer, and what must be refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import truth
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject

codes_of = st.lists(st.integers(0, 127), min_size=1, max_size=400)


@given(codes=codes_of)
def test_streams_against_a_big_integer(codes: list[int], array_subject: ArraySubject, compared: Ledger) -> None:
    claim = {"subject": array_subject.name, "truth": "exact-rational", "level": "sampled"}
    compared.equal(array_subject.pack(codes), truth.pack_stream(codes), **claim)
    compared.equal(array_subject.unpack(truth.pack_stream(codes), len(codes)), codes, **claim)


@pytest.mark.parametrize("start", range(0, 128, 16))
def test_every_code_at_every_position(start: int, array_subject: ArraySubject, compared: Ledger) -> None:
    """One code in a stream of zeros and of ones, at each of the 70 positions that cover vector widths and tails."""
    for code in range(start, start + 16):
        for position in range(70):
            for filler in (0, 127):
                codes = [filler] * 70
                codes[position] = code
                want = truth.pack_stream(codes)
                assert array_subject.pack(codes) == want, (code, position, filler)
                assert array_subject.unpack(want, 70) == codes, (code, position, filler)
    compared.count(
        16 * 70 * 2, subject=array_subject.name, truth="exact-rational", level="exhaustive", domain=16 * 70 * 2
    )


def test_streams_of_every_length(array_subject: ArraySubject, compared: Ledger) -> None:
    random = np.random.default_rng(7)
    claim = {"subject": array_subject.name, "truth": "exact-rational", "level": "sampled"}
    for count in range(1, 600):
        codes = random.integers(0, 128, count).tolist()
        stream = truth.pack_stream(codes)
        compared.equal(array_subject.pack(codes), stream, **claim)
        compared.equal(array_subject.unpack(stream, count), codes, **claim)


@given(codes=st.lists(st.integers(0, 127), min_size=16, max_size=400))
def test_blocks_of_eight_codes_are_packed_one_by_one(
    codes: list[int], array_subject: ArraySubject, compared: Ledger
) -> None:
    cut = 8 * (len(codes) // 16)
    parts = array_subject.pack(codes[:cut]) + array_subject.pack(codes[cut:])
    claim = {"subject": array_subject.name, "truth": "exact-rational", "level": "sampled"}
    compared.equal(parts, truth.pack_stream(codes), **claim)


def test_non_zero_tail_bits_are_refused(array_subject: ArraySubject, compared: Ledger) -> None:
    """Every tail bit of every length 1..64, one at a time."""
    cases = [(count, bit) for count in range(1, 65) for bit in range(7 * count, 8 * truth.stream_size(count))]
    for count, bit in cases:
        stream = truth.pack_stream([count % 128] * count)
        stream[bit // 8] |= 1 << bit % 8
        compared.refused(
            partial(array_subject.unpack, stream, count),
            array_subject.errors,
            subject=array_subject.name, truth="exact-rational", level="exhaustive", domain=len(cases),
        )  # fmt: skip


def test_wrong_lengths_are_refused(array_subject: ArraySubject, compared: Ledger) -> None:
    for count in range(65):
        size = truth.stream_size(count)
        for wrong in {size - 1, size + 1, size + 7} - {-1}:
            compared.refused(
                partial(array_subject.unpack, [0] * wrong, count),
                array_subject.errors,
                subject=array_subject.name, truth="exact-rational", level="sampled",
            )  # fmt: skip


def test_bytes_that_are_not_codes_cannot_be_packed(array_subject: ArraySubject, compared: Ledger) -> None:
    for byte in range(128, 256):
        for position in (0, 15, 69):
            codes = [5] * 70
            codes[position] = byte
            compared.refused(
                partial(array_subject.pack, codes),
                array_subject.errors,
                subject=array_subject.name, truth="exact-rational", level="exhaustive", domain=3 * 128,
            )  # fmt: skip
