"""Encode at a given step: the nearest entry, exactly, also at ties, on bisectors and at their float32 neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance import inputs, truth
from conformance.formats import BLOCK_SCHEMES, scheme
from conformance.hard import STEPS, hard_cases
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject


def encode(subject: ArraySubject, weights: NDArray[np.float32], step_bits: int, name: str) -> NDArray[np.uint8]:
    """Codes of weights [n, 2] at one step, in rows of 2 blocks so that vector code runs full and short."""
    row = 90
    padded = np.zeros((-(-len(weights) // row) * row, 2), np.float32)
    padded[: len(weights)] = weights
    steps = np.full((len(padded) // row, 2), step_bits, np.uint16).view(np.float16)
    return subject.encode(padded.reshape(-1, 2 * row), steps, name, 128).reshape(-1)[: len(weights)]


def assert_codes(got: NDArray[np.uint8], want: NDArray[np.uint8], weights: NDArray[np.float32], step_bits: int) -> None:
    wrong = np.flatnonzero(got != want)
    if wrong.size:
        at = int(wrong[0])
        raise AssertionError(
            f"{wrong.size} of {want.size} codes are not the nearest; first: weights {weights[at].tolist()}, "
            f"step {step_bits:#06x}: code {got[at]} instead of {want[at]}"
        )


@pytest.mark.parametrize("step_bits", STEPS, ids=lambda bits: f"{bits:04x}")
@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_nearest_at_ties_and_their_neighbours(
    name: str, step_bits: int, array_subject: ArraySubject, compared: Ledger
) -> None:
    weights, want = hard_cases(name, step_bits)
    assert_codes(encode(array_subject, weights, step_bits, name), want, weights, step_bits)
    compared.count(len(want), subject=array_subject.name, truth="exact-rational", level="sampled")


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(sorted(inputs.KINDS)),
    step_bits=st.integers(0, 0xFBFF).filter(lambda bits: bits & 0x7C00 != 0x7C00 and bits != 0x8000),
)
def test_nearest_for_any_weights_at_any_step(
    name: str, seed: int, kind: str, step_bits: int, array_subject: ArraySubject, compared: Ledger
) -> None:
    """Also steps that no search would choose: weights far outside the table and weights far inside one cell."""
    weights = inputs.make(kind, (40, 2), seed)
    floats, pairs = weights.astype(np.float64), truth.as_pairs(truth.float32_ints(weights))
    want = np.array(scheme(name).codes(floats, pairs, step_bits), dtype=np.uint8)
    assert_codes(encode(array_subject, weights, step_bits, name), want, weights, step_bits)
    compared.count(len(want), subject=array_subject.name, truth="exact-rational", level="sampled")


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_entries_encode_to_themselves(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """Every table entry times every hundredth step, and the steps at the ends: the code comes back."""
    form = scheme(name)
    first = np.array([form.table.index(entry) for entry in form.table], dtype=np.uint8)
    table = np.array(form.table, dtype=np.float32)
    for step_bits in [*range(1, 0x7C00, 101), *range(0x8001, 0xFC00, 103), 0x7BFF, 0xFBFF]:
        weights = table * np.float32(np.uint16(step_bits).view(np.float16))
        assert_codes(encode(array_subject, weights, step_bits, name), first, weights, step_bits)
        compared.count(128, subject=array_subject.name, truth="exact-rational", level="sampled")


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_a_zero_step_encodes_to_code_zero(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    weights = inputs.make("gaussian", (40, 2), 5)
    got = encode(array_subject, weights, 0, name)
    compared.bits(got, np.zeros(40, np.uint8), subject=array_subject.name, truth="exact-rational", level="sampled")
