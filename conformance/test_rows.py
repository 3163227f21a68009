"""The published schemes: one step a row, and one step and zero point a column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from conformance import inputs, truth
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject

Weights = NDArray[np.float32]


def check_absmax(subject: ArraySubject, weights: Weights, compared: Ledger) -> None:
    codes, steps = subject.quantize(weights, "row-absmax", 64)
    assert codes.shape == (weights.shape[0], -(-weights.shape[1] // 2))
    assert steps.shape == (weights.shape[0], 1)
    claim = {"subject": subject.name, "truth": "exact-rational", "level": "sampled"}
    for row in range(len(weights)):
        values = truth.float32_ints(weights[row])
        bits = truth.ratio_to_half(max(map(abs, values)), 7 << truth.FLOAT32_UNIT)
        step = truth.half_int(bits) or 0
        compared.equal(int(steps[row, 0].view(np.uint16)), bits, **claim)
        want = [truth.arithmetic_code(pair, step, 1) for pair in truth.as_pairs(values)]
        compared.equal(codes[row].tolist(), want, **claim)


@given(weights=inputs.weights(max_rows=4, max_cols=150))
def test_row_absmax(weights: Weights, array_subject: ArraySubject, compared: Ledger) -> None:
    check_absmax(array_subject, weights, compared)


def test_row_absmax_steps_next_to_a_tie_of_halves(array_subject: ArraySubject, compared: Ledger) -> None:
    """Largest weights that are 7 times the middle of two halves, and their neighbours, also where it saturates."""
    halves = np.arange(0, truth.LARGEST_HALF_BITS, 257)
    magnitudes = np.array(truth.HALF_MAGNITUDES, dtype=np.float64) / 2**truth.HALF_UNIT
    middles = (7 * (magnitudes[halves] + magnitudes[halves + 1]) / 2).astype(np.float32)
    ends = np.array([7 * 65504, 7 * 65519, 7 * 65520, 7 * 65536, 3e38], np.float32)
    for largest in np.concatenate([middles, ends]):
        near = [np.nextafter(largest, np.float32(0)), largest, np.nextafter(largest, np.float32(np.inf))]
        rows = np.array([[m, -0.4 * m, 0.07 * m] for m in near], np.float32)
        check_absmax(array_subject, rows, compared)


def check_affine(subject: ArraySubject, weights: Weights, compared: Ledger) -> None:
    codes, steps, zeros = subject.quantize_affine(weights)
    claim = {"subject": subject.name, "truth": "exact-rational", "level": "sampled"}
    want_steps, want_zeros, want_codes = truth.affine_matrix(weights)
    compared.bits(steps.view(np.uint16), want_steps, **claim)
    compared.bits(zeros, want_zeros, **claim)
    compared.bits(codes, want_codes, **claim)


@given(weights=inputs.weights(max_rows=40, max_cols=9))
def test_row_affine(weights: Weights, array_subject: ArraySubject, compared: Ledger) -> None:
    check_affine(array_subject, weights, compared)


@pytest.mark.parametrize("kind", sorted(inputs.KINDS))
def test_row_affine_of_every_kind(kind: str, array_subject: ArraySubject, compared: Ledger) -> None:
    for seed in range(4):
        check_affine(array_subject, inputs.make(kind, (33, 11), seed), compared)


def test_row_affine_dequantize(array_subject: ArraySubject, compared: Ledger) -> None:
    """s * (q - z), exactly, for every slot value and zero point, at a hundred steps and the ends."""
    rows = np.arange(128, dtype=np.uint8)[:, None]
    zeros = np.array([[hi, lo] for hi in range(-8, 8) for lo in range(-4, 4)], np.int8).reshape(-1)
    codes = np.repeat(rows, 128, axis=1)
    products = truth.product_bits()
    slots = np.tile(np.array(truth.CODES), (1, 128))
    factors = slots - zeros.astype(int)[None, :]
    for bits in [0, 1, 0x3FF, 0x400, 0x7BFF, *range(7, 0x7C00, 331)]:
        steps = np.full(256, bits, np.uint16)
        got = array_subject.dequantize_affine(codes, steps.view(np.float16), zeros)
        want = products[factors + 128, bits]
        # q - z is an integer, and the integer zero has no sign
        compared.bits(got, want.view(np.float32), subject=array_subject.name, truth="exact-rational", level="sampled")


def test_row_affine_ranges_next_to_a_tie_of_halves(array_subject: ArraySubject, compared: Ledger) -> None:
    """Ranges that are the slot's width times the middle of two halves, give or take what no double can hold."""
    for half in (0x0001, 0x03FF, 0x1234, 0x3C00, 0x5555, 0x7BFE):
        middle = (truth.HALF_MAGNITUDES[half] + truth.HALF_MAGNITUDES[half + 1]) / 2 ** (truth.HALF_UNIT + 1)
        for tiny in (0.0, -(2.0**-149), -1e-30):
            ends = np.array([[middle * 15, middle * 7], [tiny, tiny]], np.float32)
            for weights in (ends, -ends, np.nextafter(ends, np.float32(0)), np.nextafter(ends, np.float32(np.inf))):
                check_affine(array_subject, weights, compared)
