"""Triton's `quantize_activations` and `linear`: the bits of the declared order, for every shape."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance.formats import BLOCK_SCHEMES, BLOCK_SIZES, TABLES, scheme
from conformance.gpu.subjects import covers, every_place, examples, module, subject, tensor, weights
from conformance.ledger import Ledger
from conformance.test_accumulate import exact_dots, extreme, float32_matmul, operands
from conformance.test_linear import round_activation, steps_of

MODEL: dict[str, Any] = {"truth": "float32-model", "level": "sampled"}
EXACT: dict[str, Any] = {"truth": "exact-rational", "level": "sampled"}
EXPECTED: dict[str, Any] = {"truth": "expected-outcome", "level": "sampled"}
COUNTS = (1, 2, 17, 130)
"""Rows of activations: for each kernel, and for a second group of rows."""


def quantized(x: NDArray[Any], stride: int | None = None) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    a, scales = module("activations").quantize_activations(tensor(x), stride)
    return a.cpu().numpy(), scales.cpu().numpy()


def product(a: NDArray[np.int8], scales: NDArray[np.float32], held: Any) -> NDArray[np.float32]:
    """`linear_int8` of activations `[M, K]`."""
    whole = np.zeros((len(a), held.padded_cols), np.int8)
    whole[:, : a.shape[1]] = a
    y: NDArray[np.float32] = module("linear").linear_int8(tensor(whole), tensor(scales), held).cpu().numpy()
    return y


@covers("quantize_activations", values=True)
@pytest.mark.parametrize("whole", [True, False], ids=["power-of-two", "any-scale"])
@examples(8)
@given(seed=st.integers(0, 2**32), exponent=st.integers(-149, 100))
def test_activations_are_the_nearest(whole: bool, seed: int, exponent: int, compared: Ledger) -> None:
    """Halves of the scale and their neighbours, in four rows of 70."""
    random = np.random.default_rng(seed)
    largest = np.ldexp(127 if whole else random.uniform(64, 128, (4, 1)), exponent).astype(np.float32)
    largest = np.broadcast_to(largest, (4, 1))
    scale = largest / np.float32(127)
    x = (random.integers(-253, 254, (4, 70)) / 2 * scale.astype(float)).astype(np.float32)
    x = np.where(random.random(x.shape) < 0.6, x, np.nextafter(x, random.normal(size=x.shape).astype(np.float32)))
    x = x.clip(-largest, largest)
    x[:, 7] = largest[:, 0]
    a, scales = quantized(x, 96)
    compared.bits(scales, scale[:, 0], subject=subject(), **MODEL)
    want = [[round_activation(value, step) for value in row] for row, step in zip(x, scales, strict=True)]
    compared.equal(a[:, :70].ravel().tolist(), np.ravel(want).tolist(), subject=subject(), **EXACT)
    assert not a[:, 70:].any()


@covers("quantize_activations")
def test_long_rows_and_narrow_types(compared: Ledger) -> None:
    """Rows longer than what a program takes at a time, whose largest value is at the end; float16 is taken exactly."""
    x = np.random.default_rng(4).normal(size=(3, 5001)).astype(np.float16)
    x[:, 5000] = [-9, 7, 9]
    for values in (x, x.astype(np.float32)):
        a, scales = quantized(values)
        step = np.abs(x).max(axis=1).astype(np.float32) / np.float32(127)
        compared.bits(scales, step, subject=subject(), **MODEL)
        want = [[round_activation(np.float32(v), s) for v in row] for row, s in zip(x, step, strict=True)]
        compared.equal(a.ravel().tolist(), np.ravel(want).tolist(), subject=subject(), **EXACT)


@covers("quantize_activations")
def test_rows_without_a_scale(compared: Ledger) -> None:
    """A row of zeros has scale 0, a row with NaN or an infinity zeros and the scale NaN; the rows beside are whole."""
    x = np.ones((5, 67), np.float32)
    x[0], x[1, 66], x[2, 0], x[3, 5] = 0, np.nan, -np.inf, np.inf
    a, scales = quantized(x)
    want = np.zeros((5, 67), np.int8)
    want[4] = 127
    compared.bits(a, want, subject=subject(), **EXPECTED)
    assert np.isnan(scales[1:4]).all()
    compared.equal(
        scales[[0, 4]].tolist(), [0.0, float(np.float32(1) / np.float32(127))], subject=subject(), **EXPECTED
    )


@covers("linear")
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("m", COUNTS)
@examples(4)
@given(
    n=st.integers(1, 100),
    k=st.integers(1, 300),
    name=st.sampled_from(TABLES),
    seed=st.integers(0, 2**32),
)
def test_any_shape(block_size: int, m: int, n: int, k: int, name: str, seed: int, compared: Ledger) -> None:
    table = scheme(name).array()
    a, codes = operands(seed, m, n, k)
    steps = steps_of(seed, n, -(-k // block_size))
    scales = np.random.default_rng(seed).normal(size=m).astype(np.float32)
    held = weights(codes, steps, table, block_size, k, arithmetic=name == "block")
    entries = np.zeros((n, held.padded_cols), np.int64)
    entries[:, :k] = table[codes].reshape(n, -1)[:, :k]
    values = np.zeros((m, held.padded_cols), np.int64)
    values[:, :k] = a
    dots = np.einsum("mbk,nbk->mnb", *(part.reshape(len(part), -1, block_size) for part in (values, entries)))
    compared.bits(product(a, scales, held), float32_matmul(dots, scales, steps), subject=subject(), **MODEL)


@covers("linear")
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_long_rows_in_the_declared_order(block_size: int, compared: Ledger) -> None:
    """More blocks than the kernel for one row takes at a time."""
    a, codes = operands(11, 2, 33, 2100)
    table, steps = scheme("codebook").array(), steps_of(11, 33, -(-2100 // block_size))
    scales = np.array([0.37, -1.1], np.float32)
    held = weights(codes, steps, table, block_size, 2100)
    want = float32_matmul(np.array(exact_dots(a, codes, table, block_size)), scales, steps)
    for rows in (slice(0, 1), slice(0, 2)):
        compared.bits(product(a[rows], scales[rows], held), want[rows], subject=subject(), **MODEL)


@covers("linear", values=True)
@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_every_code_in_every_place_of_a_unit(name: str, m: int, compared: Ledger) -> None:
    """One block of 64 in a thousand: with a step of 1 and all others 0, sums of sixteen places each that are unlike."""
    table, codes = scheme(name).array(), every_place()
    entries = table[codes].reshape(32, 64, 64).astype(np.int64)
    a = np.random.default_rng(m).integers(-128, 128, (m, 4096)).astype(np.int8)
    steps = np.ones((32, 64), np.float16)
    dots = np.einsum("mbk,nbk->mnb", a.reshape(m, 64, 64).astype(np.int64), entries)
    held = weights(codes, steps, table, 64, 4096, arithmetic=name == "block")
    want = float32_matmul(dots, np.ones(m, np.float32), steps)
    compared.bits(product(a, np.ones(m, np.float32), held), want, subject=subject(), **MODEL)


@covers("linear", values=True)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", BLOCK_SCHEMES)
def test_extremes_of_a_block(name: str, sign: int, compared: Ledger) -> None:
    """The largest and the least sum of a block, which a float32 holds exactly."""
    table = scheme(name).array()
    for block_size in BLOCK_SIZES:
        a, codes, total = extreme(table, block_size, sign)
        held = weights(np.repeat(codes, 33, axis=0), np.ones((33, 1), np.float16), table, block_size, block_size)
        for m in (1, 3):
            got = product(np.repeat(a, m, axis=0), np.ones(m, np.float32), held)
            compared.equal(got.astype(np.int64).ravel().tolist(), [total] * (33 * m), subject=subject(), **EXACT)


@covers("linear", "quantize_activations")
@pytest.mark.parametrize("m", COUNTS)
def test_linear_quantizes_and_multiplies(m: int, compared: Ledger) -> None:
    """The bits of the C++ kernel; rows of zeros give zeros, rows with NaN or infinity NaN, and touch no other row."""
    import q35kernels

    table, codes = scheme("codebook").array(), np.random.default_rng(7).integers(0, 128, (45, 50)).astype(np.uint8)
    steps, bias = steps_of(7, 45, 2), np.random.default_rng(8).normal(size=45).astype(np.float32)
    x = np.random.default_rng(m).normal(size=(m, 99)).astype(np.float32)
    if m > 16:
        x[3], x[5, 98], x[16, 0] = 0, np.nan, -np.inf
    linear = partial(module("linear").linear, tensor(x), weights(codes, steps, table, 64, 99))
    want = q35kernels.linear(x, q35kernels.tile_weights(codes, steps, table, 64, 99), isa="scalar")
    got, biased = linear().cpu().numpy(), linear(tensor(bias)).cpu().numpy()
    assert np.isnan(want).any() == (m > 16)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    numbers = ~np.isnan(want)
    compared.bits(got[numbers], want[numbers], subject=subject(), **MODEL)
    compared.bits(biased[numbers], (want + bias)[numbers], subject=subject(), **MODEL)


@covers("linear")
def test_without_a_bias_a_negative_zero_stays(compared: Ledger) -> None:
    codes, steps = np.zeros((5, 16), np.uint8), np.zeros((5, 1), np.float16)
    held = weights(codes, steps, scheme("codebook").array(), 32, 32)
    for m in (1, 2):
        got = product(np.ones((m, 32), np.int8), np.full(m, -1, np.float32), held)
        compared.bits(got, np.full((m, 5), -0.0, np.float32), subject=subject(), **MODEL)


@covers("linear")
def test_nothing_to_multiply(compared: Ledger) -> None:
    held = weights(np.zeros((5, 16), np.uint8), np.zeros((5, 1), np.float16), scheme("codebook").array(), 32, 32)
    y = module("linear").linear(tensor(np.zeros((0, 32), np.float32)), held)
    compared.equal(list(y.shape), [0, 5], subject=subject(), **EXPECTED)


@covers("linear", "quantize_activations")
def test_refuses(compared: Ledger) -> None:
    from q35.errors import InputError

    held = weights(np.zeros((3, 32), np.uint8), np.ones((3, 1), np.float16), scheme("block").array(), 64, 64)
    linear, x = module("linear"), tensor(np.zeros((2, 64), np.float32))
    scales = tensor(np.ones(2, np.float32))
    for call, word in (
        (lambda: linear.linear(x.double(), held), "float64"),
        (lambda: linear.linear(x[:, 1:], held), "[2, 63]"),
        (lambda: linear.linear(x[0], held), "[64]"),
        (lambda: linear.linear(x.to("meta"), held), "meta"),
        (lambda: linear.linear(x, held, scales), "[2]"),
        (lambda: linear.linear_int8(x, scales, held), "float32"),
        (lambda: linear.linear_int8(x.char(), scales[1:], held), "[1]"),
        (lambda: linear.linear_int8(x.char(), scales.double(), held), "float64"),
    ):
        compared.refused(call, InputError, [word], subject=subject(), **EXPECTED)
