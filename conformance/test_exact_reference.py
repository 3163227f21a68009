"""The exact reference, one definition after the other, against integers computed here."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance import inputs, truth
from conformance.formats import BLOCK_SCHEMES, TABLES, scheme
from conformance.hard import hard_cases, unclipped_blocks
from conformance.ledger import Ledger
from conformance.subjects import exact_reference

SUBJECT: dict[str, Any] = {"subject": "reference", "truth": "exact-rational"}
SAMPLED: dict[str, Any] = SUBJECT | {"level": "sampled"}
TINY = Fraction(1, 2**80)


@pytest.fixture
def exact() -> Any:
    return exact_reference()


def fractions_of(weights: NDArray[np.float32]) -> list[Fraction]:
    return [Fraction(value, 2**truth.FLOAT32_UNIT) for value in truth.float32_ints(weights)]


def table_named(exact: Any, name: str) -> Any:
    return {"row-absmax": exact.row_table, "block": exact.block_table, "codebook": exact.codebook_table}[name]


def test_all_codes(exact: Any, compared: Ledger) -> None:
    for code in range(128):
        assert (exact.hi(code), exact.lo(code)) == exact.decode(code) == exact.decode_byte(code) == truth.CODES[code]
        assert exact.encode(truth.CODES[code]) == code
    compared.count(128, **SUBJECT, level="exhaustive", domain=128)


def test_bytes_that_are_not_codes_and_pairs_without_a_code(exact: Any, compared: Ledger) -> None:
    compared.equal([exact.decode_byte(byte) for byte in range(128, 256)], [None] * 128, **SAMPLED)
    compared.equal([exact.unpack_bytes([1, byte, 2]) for byte in range(128, 256)], [None] * 128, **SAMPLED)
    outside = [(hi, lo) for hi in range(-20, 20) for lo in range(-10, 10) if (hi, lo) not in truth.CODE_OF]
    compared.equal([exact.encode(pair) for pair in outside], [None] * len(outside), **SAMPLED)


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str, exact: Any, compared: Ledger) -> None:
    table = [tuple(entry) for entry in table_named(exact, name)]
    compared.equal(table, list(scheme(name).table), **SUBJECT, level="exhaustive", domain=128)


def test_every_half(exact: Any, compared: Ledger) -> None:
    """The value of every fp16 pattern, and back."""
    for bits in range(65536):
        units = truth.half_int(bits)
        value = exact.half_to_rat(bits)
        assert value == (None if units is None else Fraction(units, 2**truth.HALF_UNIT)), f"{bits:#06x}"
        assert value is None or exact.rat_to_half(value) == (0 if bits == 0x8000 else bits), f"{bits:#06x}"
    compared.count(65536, **SUBJECT, level="exhaustive", domain=65536)


def test_every_middle_of_two_halves(exact: Any, compared: Ledger) -> None:
    """Rounding at every tie, and just below and above it, of both signs; then beyond the largest half."""
    for bits in range(truth.LARGEST_HALF_BITS):
        low, high = truth.HALF_MAGNITUDES[bits], truth.HALF_MAGNITUDES[bits + 1]
        middle = Fraction(low + high, 2 ** (truth.HALF_UNIT + 1))
        want = (bits, bits + bits % 2, bits + 1)
        assert tuple(exact.rat_to_half(middle + x) for x in (-TINY, 0, TINY)) == want, f"{bits:#06x}"
        negative = tuple(b | 0x8000 if b else 0 for b in want)
        assert tuple(exact.rat_to_half(-middle - x) for x in (-TINY, 0, TINY)) == negative, f"-{bits:#06x}"
    compared.count(6 * truth.LARGEST_HALF_BITS, **SUBJECT, level="exhaustive", domain=6 * truth.LARGEST_HALF_BITS)


def test_both_ends_of_the_halves(exact: Any, compared: Ledger) -> None:
    """What is too large saturates, also where it would round to infinity; what is too small is +0 of either sign."""
    for huge in (65504, 65519, 65520, 65536, 10**9, 10**60):
        compared.equal((exact.rat_to_half(huge), exact.rat_to_half(-huge)), (0x7BFF, 0xFBFF), **SAMPLED)
    for tiny in (Fraction(0), Fraction(1, 2**25), Fraction(1, 2**26), Fraction(1, 10**60)):
        compared.equal((exact.rat_to_half(tiny), exact.rat_to_half(-tiny)), (0, 0), **SAMPLED)
    least = Fraction(1, 2**25) + TINY
    compared.equal((exact.rat_to_half(least), exact.rat_to_half(-least)), (1, 0x8001), **SAMPLED)


@given(numerator=st.integers(-(10**9), 10**9), denominator=st.integers(1, 10**4))
def test_rounding(numerator: int, denominator: int, exact: Any, compared: Ledger) -> None:
    for n, d in ((numerator, denominator), (2 * numerator + 1, 2)):
        compared.equal(exact.round_half_even(Fraction(n, d)), truth.round_half_even(n, d), **SAMPLED)
        for low, high in ((-8, 7), (-4, 3)):
            got = exact.quantize_slot(low, high, Fraction(n, 1000 * d))
            compared.equal(got, truth.quantize_slot(low, high, n, 1000 * d), **SAMPLED)


@given(numerator=st.integers(-(10**6), 10**6), denominator=st.integers(1, 10**4), bits=st.integers(2, 8))
def test_slots_twice_and_negated(numerator: int, denominator: int, bits: int, exact: Any, compared: Ledger) -> None:
    """Again, and after a wider slot: the same integer. In a symmetric slot the negative of it for the negative."""
    for n, d in ((numerator, denominator), (2 * numerator + 1, 2)):
        x, high = Fraction(n, d), 2 ** (bits - 1) - 1
        narrow, wide = (-high - 1, high), (-2 * high - 2, 2 * high + 1)
        want = truth.quantize_slot(*narrow, n, d)
        for first in (narrow, wide):
            again = exact.quantize_slot(*narrow, Fraction(exact.quantize_slot(*first, x)))
            compared.equal(again, want, **SAMPLED)
        compared.equal(exact.quantize_slot(-high, high, -x), -truth.quantize_slot(-high, high, n, d), **SAMPLED)


@pytest.mark.parametrize("name", TABLES)
def test_all_codes_at_all_steps(name: str, exact: Any, compared: Ledger) -> None:
    """Steps as integers, in units of 2^-24: the product is exact, so the unit does not matter."""
    table, entries = table_named(exact, name), scheme(name).table
    count = 0
    for bits in range(65536):
        step = truth.half_int(bits)
        if step is None:
            continue
        want = [(step * a, step * b) for a, b in entries]
        assert [exact.dequantize(table, step, code) for code in range(128)] == want, f"{bits:#06x}"
        count += 128
    compared.count(count, **SUBJECT, level="exhaustive", domain=128 * 2 * 31 * 1024)


@given(codes=st.lists(st.integers(0, 127), max_size=200))
def test_streams(codes: list[int], exact: Any, compared: Ledger) -> None:
    stream = truth.pack_stream(codes)
    assert exact.stream_size(len(codes)) == len(stream)
    assert exact.pack_stream(codes) == stream
    assert exact.unpack_stream(len(codes), stream) == codes
    assert exact.unpack_stream(len(codes), [*stream, 0]) is None
    used = 7 * len(codes) % 8
    for bit in range(used, 8) if used else ():
        assert exact.unpack_stream(len(codes), [*stream[:-1], stream[-1] | 1 << bit]) is None
    compared.count(1 + len(codes), **SAMPLED)


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(sorted(inputs.KINDS)),
    step_bits=st.integers(0, 0xFBFF).filter(lambda bits: bits & 0x7C00 != 0x7C00),
)
def test_nearest(name: str, seed: int, kind: str, step_bits: int, exact: Any, compared: Ledger) -> None:
    weights = inputs.make(kind, (6, 2), seed)
    pairs = truth.as_pairs(truth.float32_ints(weights))
    want = scheme(name).codes(weights.astype(np.float64), pairs, step_bits)
    values = fractions_of(weights)
    step = exact.half_to_rat(step_bits)
    form = exact.formats.scheme(name)
    got = [exact.encode_pair(form, step, pair) for pair in zip(values[::2], values[1::2], strict=True)]
    compared.equal(got, want, **SAMPLED)


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_nearest_at_ties(name: str, exact: Any, compared: Ledger) -> None:
    """Exact ties at step 1: the even value in an arithmetic slot, the lower code of a learned table."""
    weights, want = hard_cases(name, 0x3C00)
    chosen = np.random.default_rng(8).choice(len(want), 1500, replace=False)
    form = exact.formats.scheme(name)
    for index in chosen:
        pair = tuple(fractions_of(weights[index]))
        assert exact.encode_pair(form, 1, pair) == want[index], pair
    compared.count(len(chosen), **SAMPLED)


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
@pytest.mark.parametrize("kind", sorted(inputs.KINDS))
def test_best_step(name: str, kind: str, exact: Any, compared: Ledger) -> None:
    """The first candidate of least exact error, and its codes."""
    form = scheme(name)
    for seed in range(3):
        weights = inputs.make(kind, (1, (32, 17, 1)[seed]), seed)
        padded = np.append(weights, np.zeros(weights.size % 2, np.float32))
        pairs = truth.as_pairs(truth.float32_ints(padded))
        floats = padded.astype(np.float64).reshape(-1, 2)
        largest = max(abs(w) for pair in pairs for w in pair)
        candidates = truth.step_candidates(largest, form.numerators, form.denominator)
        want, _ = truth.best_step(floats, pairs, candidates, form.table) if largest else (0, 0)
        got, codes = exact.best_step(exact.formats.scheme(name), fractions_of(weights))
        compared.equal((got, codes), (want, form.codes(floats, pairs, want)), **SAMPLED)


def test_the_first_of_equal_steps(exact: Any, compared: Ledger) -> None:
    """Blocks that no step clips have the same error at +d and -d: the positive one comes first."""
    for weights in unclipped_blocks():
        floats, pairs = weights.astype(np.float64).reshape(-1, 2), truth.as_pairs(truth.float32_ints(weights))
        form = scheme("block")
        candidates = truth.step_candidates(max(truth.float32_ints(np.abs(weights))), form.numerators, form.denominator)
        want, error = truth.best_step(floats, pairs, candidates, form.table)
        other = form.codes(floats, pairs, want ^ 0x8000)
        assert truth.squared_error(pairs, want ^ 0x8000, other, form.table) == error, "the block has no tie to break"
        compared.equal(exact.best_step(exact.formats.scheme("block"), fractions_of(weights))[0], want, **SAMPLED)


@given(weights=inputs.weights(max_rows=1, max_cols=40))
def test_row_absmax(weights: NDArray[np.float32], exact: Any, compared: Ledger) -> None:
    values = truth.float32_ints(weights)
    bits = truth.ratio_to_half(max(map(abs, values)), 7 << truth.FLOAT32_UNIT)
    codes = [truth.arithmetic_code(pair, truth.half_int(bits) or 0, 1) for pair in truth.as_pairs(values)]
    got = exact.row_absmax(exact.formats.scheme("row-absmax"), fractions_of(weights))
    compared.equal(got, (bits, codes), **SAMPLED)


@given(weights=inputs.weights(max_rows=6, max_cols=5))
def test_row_affine(weights: NDArray[np.float32], exact: Any, compared: Ledger) -> None:
    steps, zeros, codes = truth.affine_matrix(weights)
    got = exact.row_affine([fractions_of(row) for row in weights], weights.shape[1])
    compared.equal(got, (steps.tolist(), zeros.tolist(), codes.tolist()), **SAMPLED)


@pytest.mark.parametrize("name", TABLES)
@given(k=st.integers(1, 80), seed=st.integers(0, 2**32))
def test_dot(name: str, k: int, seed: int, exact: Any, compared: Ledger) -> None:
    random = np.random.default_rng(seed)
    a, codes = random.integers(-128, 128, k).tolist(), random.integers(0, 128, -(-k // 2)).tolist()
    entries = [t for code in codes for t in scheme(name).table[code]][:k]
    want = sum(x * t for x, t in zip(a, entries, strict=True))
    compared.equal(exact.dot(table_named(exact, name), a, codes), want, **SAMPLED)


@pytest.mark.parametrize("name", TABLES)
def test_max_safe_k(name: str, exact: Any, compared: Ledger) -> None:
    compared.equal(exact.max_safe_k(table_named(exact, name)), truth.max_safe_k(scheme(name).table), **SAMPLED)
