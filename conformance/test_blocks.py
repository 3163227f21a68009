"""Quantize with one step a block: the step is as good as the best candidate, the codes are the nearest, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from conformance import inputs, subjects, truth
from conformance.formats import BLOCK_SCHEMES, BLOCK_SIZES, Scheme, scheme
from conformance.hard import close_blocks, unclipped_blocks
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject

TOLERANCE = 1 + Fraction(1, 2**40)
"""The step search compares sums in double precision, so a candidate this close to the best may win."""


@dataclass(frozen=True)
class Block:
    """One block of a result: its weights (as they are, as float64 pairs and as integers), step bits and codes."""

    weights: bytes
    floats: NDArray[np.float64]
    pairs: list[truth.Pair]
    step: int
    codes: list[int]


def blocks_of(
    weights: NDArray[np.float32], codes: NDArray[np.uint8], steps: NDArray[np.float16], block_size: int
) -> Iterator[Block]:
    rows, cols = weights.shape
    assert codes.dtype == np.uint8
    assert steps.dtype == np.float16
    assert codes.shape == (rows, -(-cols // 2))
    assert steps.shape == (rows, -(-cols // block_size))
    for row in range(rows):
        for block, first in enumerate(range(0, cols, block_size)):
            part = weights[row, first : first + block_size]
            padded = np.append(part, np.float32(0)) if part.size % 2 else part
            own = codes[row, first // 2 : first // 2 + padded.size // 2]
            yield Block(
                padded.tobytes(),
                padded.astype(np.float64).reshape(-1, 2),
                truth.as_pairs(truth.float32_ints(padded)),
                int(steps[row, block].view(np.uint16)),
                own.tolist(),
            )


@cache
def best_of(name: str, weights: bytes) -> tuple[list[int], int]:
    """The candidate steps of a block of float32 weights and its exact least error: once for all subjects."""
    form, block = scheme(name), np.frombuffer(weights, np.float32)
    integers = truth.float32_ints(block)
    largest = max(abs(w) for w in integers)
    candidates = truth.step_candidates(largest, form.numerators, form.denominator) if largest else [0]
    pairs = truth.as_pairs(integers)
    _, least = truth.best_step(block.astype(np.float64).reshape(-1, 2), pairs, candidates, form.table)
    return candidates, least


def assert_best(block: Block, form: Scheme) -> None:
    """The step is a candidate whose exact error is within TOLERANCE of the least, and the codes are the nearest."""
    candidates, least = best_of(form.id, block.weights)
    assert block.step in candidates, f"the step {block.step:#06x} is none of the candidates"
    assert block.codes == form.codes(block.floats, block.pairs, block.step), "a code is not the nearest"
    error = truth.squared_error(block.pairs, block.step, block.codes, form.table)
    assert error <= least * TOLERANCE, (
        f"the error is {float(Fraction(error, least) if least else error)} times the least"
    )


def check(subject: ArraySubject, form: Scheme, weights: NDArray[np.float32], block_size: int, compared: Ledger) -> None:
    codes, steps = subject.quantize(weights, form.id, block_size)
    for block in blocks_of(weights, codes, steps, block_size):
        assert_best(block, form)
        compared.count(len(block.codes) + 1, subject=subject.name, truth="exact-rational", level="sampled")


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("name", BLOCK_SCHEMES)
@given(weights=inputs.weights(max_rows=2, max_cols=200))
def test_any_weights(
    name: str, block_size: int, weights: NDArray[np.float32], array_subject: ArraySubject, compared: Ledger
) -> None:
    check(array_subject, scheme(name), weights, block_size, compared)


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
@pytest.mark.parametrize("kind", sorted(inputs.KINDS))
def test_every_kind_of_weights(name: str, kind: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """Two rows of three blocks, the last short and odd: a wrong neighbour, tail or order shows."""
    for seed in range(3):
        check(array_subject, scheme(name), inputs.make(kind, (2, 157), seed), 64, compared)


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_tails_of_every_length(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    for cols in range(1, 130):
        check(array_subject, scheme(name), inputs.make("gaussian", (1, cols), cols), 64, compared)


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_a_block_knows_nothing_of_its_neighbours(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """A block alone gets the step and codes that it gets within its row, next to a thousand times larger ones."""
    random = np.random.default_rng(3)
    for block_size in BLOCK_SIZES:
        weights = random.normal(size=(2, 4 * block_size + 9)).astype(np.float32)
        weights[:, ::2] *= np.float32(0.25)
        weights[0, block_size : 2 * block_size] *= 1000
        weights[1, : 2 * block_size] *= np.float32(1e6)
        codes, steps = array_subject.quantize(weights, name, block_size)
        for row in range(2):
            for block, first in enumerate(range(0, weights.shape[1], block_size)):
                alone = np.ascontiguousarray(weights[row : row + 1, first : first + block_size])
                one_codes, one_step = array_subject.quantize(alone, name, block_size)
                assert one_step[0, 0].view(np.uint16) == steps[row, block].view(np.uint16)
                assert np.array_equal(one_codes[0], codes[row, first // 2 : first // 2 + one_codes.shape[1]])
                largest = max(truth.float32_ints(np.abs(alone)))
                candidates = truth.step_candidates(largest, scheme(name).numerators, scheme(name).denominator)
                assert int(steps[row, block].view(np.uint16)) in candidates
                compared.count(1, subject=array_subject.name, truth="exact-rational", level="sampled")


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_steps_next_to_a_tie_of_halves(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """Largest weights whose candidates m p / q lie at, just below and just above the middle of two halves."""
    form = scheme(name)
    for p in form.numerators:
        for half in (0x0001, 0x0002, 0x0203, 0x03FF, 0x0400, 0x1234, 0x3C01, 0x5555, 0x7BFE):
            middle = (truth.HALF_MAGNITUDES[half] + truth.HALF_MAGNITUDES[half + 1]) / 2 ** (truth.HALF_UNIT + 1)
            at = np.float32(middle * form.denominator / p)
            for largest in (np.nextafter(at, np.float32(0)), at, np.nextafter(at, np.float32(np.inf))):
                rest = np.array([0.61, -0.37, 0.12, -0.93], dtype=np.float32) * largest
                check(array_subject, form, np.append(rest, largest)[None, :].astype(np.float32), 32, compared)


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_errors_that_float_sums_confuse(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    check(array_subject, scheme(name), close_blocks(name), 32, compared)


def test_the_first_of_equal_steps(array_subject: ArraySubject, compared: Ledger) -> None:
    """Blocks that no step clips have the same error at +d and -d, also in double: the positive one comes first."""
    form = scheme("block")
    for weights in unclipped_blocks():
        floats, pairs = weights.astype(np.float64).reshape(-1, 2), truth.as_pairs(truth.float32_ints(weights))
        candidates = truth.step_candidates(max(truth.float32_ints(np.abs(weights))), form.numerators, form.denominator)
        want, error = truth.best_step(floats, pairs, candidates, form.table)
        other = form.codes(floats, pairs, want ^ 0x8000)
        assert truth.squared_error(pairs, want ^ 0x8000, other, form.table) == error, "the block has no tie to break"
        _, steps = array_subject.quantize(weights[None, :], "block", 32)
        claim = {"subject": array_subject.name, "truth": "exact-rational", "level": "sampled"}
        compared.equal(int(steps[0, 0].view(np.uint16)), want, **claim)


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_zero_blocks(name: str, block_size: int, array_subject: ArraySubject, compared: Ledger) -> None:
    """Blocks of zeros of either sign have step +0 and codes 0, also next to others."""
    weights = np.zeros((3, 3 * block_size + 1), np.float32)
    weights[1] = -0.0
    weights[2, block_size : 2 * block_size] = inputs.make("gaussian", (1, block_size), 1)
    codes, steps = array_subject.quantize(weights, name, block_size)
    zero = steps.view(np.uint16) == 0
    assert zero[:2].all()
    assert zero[2].tolist() == [True, False, True, True]
    assert not codes[:2].any()
    assert not codes[2, : block_size // 2].any()
    assert not codes[2, block_size:].any()
    compared.count(codes.size + steps.size, subject=array_subject.name, truth="exact-rational", level="sampled")


@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_one_element(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    values = [1.0, -1.0, 0.0, -0.0, 2.0**-149, -(2.0**-149), 2.0**-25, 65504.0, 3.4e38, -3.4e38, 1e-8, 7.5, 1 / 3]
    for value in values:
        check(array_subject, scheme(name), np.array([[value]], np.float32), 32, compared)


Quantized = tuple[NDArray[np.uint8], NDArray[np.float16]]


@cache
def quantized_by_the_reference(name: str, block_size: int) -> list[tuple[NDArray[np.float32], Quantized]]:
    """Weights of every kind with the vectorised reference's codes and steps: once for all kernels."""
    reference = subjects.array_subject("reference-vectorized")
    many = [inputs.make(kind, (12, 1000 + index), index) for index, kind in enumerate(sorted(inputs.KINDS))]
    return [(weights, reference.quantize(weights, name, block_size)) for weights in many]


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_kernels_agree_with_the_vectorised_reference(
    name: str, block_size: int, kernel: ArraySubject, compared: Ledger
) -> None:
    """Bit for bit, steps and codes, on more weights than integers can check."""
    for weights, want in quantized_by_the_reference(name, block_size):
        got = kernel.quantize(weights, name, block_size)
        claim = {"subject": kernel.name, "truth": "reference-vectorized", "level": "sampled"}
        compared.bits(got[0], want[0], **claim)
        compared.bits(got[1], want[1], **claim)
