"""Encode at a given step: the nearest entry, exactly, where it is hardest: ties, bisectors and their float32 neighbours."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance import inputs, truth
from conformance.formats import BLOCK_SCHEMES, Scheme, scheme
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject

STEPS = (0x3C00, 0xBC00, 0x2E66, 0xAE67, 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x5555, 0x1FFF)
"""Ordinary, least and largest subnormal, least normal and largest halves, of both signs."""
INFINITY = np.float32(np.inf)


def with_neighbours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [3 n]: predecessors, values, successors; those that leave the finite range are dropped."""
    with np.errstate(over="ignore"):
        every = np.concatenate([np.nextafter(values, -INFINITY), values, np.nextafter(values, INFINITY)])
    return every[np.isfinite(every)]


def around_ties(lo_scale: int, step: float) -> NDArray[np.float32]:
    """float32 [n, 2]: every tie of either slot, inside and outside its range, and its neighbours, in all pairs."""
    halves = np.arange(-23, 24) / 2
    hi = with_neighbours((halves * step).astype(np.float32))
    lo = with_neighbours((halves * lo_scale * step).astype(np.float32))
    return np.stack(np.meshgrid(hi, lo, indexing="ij"), axis=-1).reshape(-1, 2)


@cache
def bisectors(table: tuple[truth.Pair, ...]) -> NDArray[np.float64]:
    """[n, 2] points in units of the step: middles of neighbouring entries, and other points as far from both.

    Two entries are neighbours when both are nearest to their middle. Coordinates are multiples of 1/2, so that points
    times a step are float32 numbers.
    """
    points = []
    for code, a in enumerate(table):
        for b in table[:code]:
            middle = (a[0] + b[0], a[1] + b[1])  # twice the middle
            reach = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
            if all((middle[0] - 2 * t[0]) ** 2 + (middle[1] - 2 * t[1]) ** 2 >= reach for t in table):
                across = (a[1] - b[1], b[0] - a[0])
                points += [(middle[0] + k * across[0], middle[1] + k * across[1]) for k in (-4, -2, -1, 0, 1, 2, 4)]
    return np.array(points, dtype=np.float64) / 2


def around_bisectors(table: tuple[truth.Pair, ...], step: float) -> NDArray[np.float32]:
    """float32 [n, 2]: bisector points, and each with one coordinate moved to its float32 predecessor or successor."""
    points = (bisectors(table) * step).astype(np.float32)
    moved = [points]
    for slot in (0, 1):
        for direction in (-INFINITY, INFINITY):
            other = points.copy()
            other[:, slot] = np.nextafter(points[:, slot], direction)
            moved.append(other)
    return np.concatenate(moved)


def hard_weights(form: Scheme, step_bits: int) -> NDArray[np.float32]:
    step = float(np.uint16(step_bits).view(np.float16))
    if form.lo_scale is None:
        return around_bisectors(form.table, step)
    return around_ties(form.lo_scale, step)


@cache
def hard_cases(name: str, step_bits: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Hard weights [n, 2] at a step and their exactly nearest codes [n], computed once for all subjects."""
    form = scheme(name)
    weights = hard_weights(form, step_bits)
    pairs = truth.as_pairs(truth.float32_ints(weights))
    return weights, np.array(form.codes(weights.astype(np.float64), pairs, step_bits), dtype=np.uint8)


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
