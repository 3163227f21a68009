"""Triton's `linear_float`: exact where no rounding can happen, and else within the proved bound for every order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance.formats import BLOCK_SCHEMES, BLOCK_SIZES, scheme
from conformance.gpu import subjects
from conformance.gpu.subjects import covers, every_place, examples, module, subject, tensor, weights
from conformance.ledger import Ledger
from conformance.subjects import reference
from conformance.test_accumulate import operands

EXACT: dict[str, Any] = {"truth": "exact-rational", "level": "sampled"}
EXPECTED: dict[str, Any] = {"truth": "expected-outcome", "level": "sampled"}
COUNTS = (1, 2, 17, 130)
NO_BFLOAT16 = pytest.mark.skipif(subjects.DEVICE == "cpu", reason="Triton's interpreter has no products of bfloat16")
TYPES = ("float16", pytest.param("bfloat16", marks=NO_BFLOAT16))
GROUP = 8
"""How many products the kernel for one row adds before it multiplies the sum by the step."""


def product(x: NDArray[Any], held: Any, dtype: str = "float16", bias: NDArray[np.float32] | None = None) -> Any:
    """`linear_float` of numbers that the type holds, as float32 `[M, N]`."""
    import torch

    of_x = tensor(x.astype(np.float32)).to(getattr(torch, dtype))
    y = module("linear_float").linear_float(of_x, held, None if bias is None else tensor(bias))
    assert y.dtype == of_x.dtype
    return y.float().cpu().numpy()


def unit() -> Any:
    """What is assumed of the additions."""
    import torch

    bounds = reference("linear_float_bound")
    if subjects.DEVICE == "cpu":
        return bounds.IEEE
    return bounds.MFMA if torch.version.hip else bounds.TENSOR_CORE


@covers("linear_float", values=True)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("name", "m"), [("codebook", 1), ("block", 1), ("codebook", 16)])
def test_every_code_in_every_place_of_a_unit(name: str, m: int, dtype: str, compared: Ledger) -> None:
    """Four blocks of 64 a row of activations, which are powers of two: their sums are exact in float32."""
    table, codes = scheme(name).array(), every_place()
    signs = np.where(np.arange(64) % 3, 1, -1)
    blocks = np.arange(16)[:, None] == np.arange(64)[None, :] % 16
    x = (blocks[:, :, None] * (2.0 ** (np.arange(64) % 4 - 2) * signs)).reshape(16, 4096)
    want = rounded((x @ table[codes].reshape(32, 4096).T.astype(float)).astype(np.float32), dtype)
    held = weights(codes, np.ones((32, 64), np.float16), table, 64, 4096, arithmetic=name == "block")
    got = np.concatenate([product(x[row : row + m], held, dtype) for row in range(0, 16, m)])
    compared.bits(got, want, subject=subject(), **EXACT)


def rounded(exact: NDArray[np.float32], dtype: str) -> NDArray[np.float32]:
    """float32 numbers rounded to a narrower type, as float32."""
    import torch

    found: NDArray[np.float32] = torch.from_numpy(exact).to(getattr(torch, dtype)).float().numpy()
    return found


@covers("linear_float", values=True)
@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_each_weight_alone(block_size: int, m: int, compared: Ledger) -> None:
    """One activation that is not zero: the output is the weight, whose block's step no other block has."""
    cols, rows = 2 * block_size + 7, 37
    codes = np.random.default_rng(3).integers(0, 128, (rows, -(-cols // 2))).astype(np.uint8)
    steps = (2.0 ** -np.arange(3)[None, :] * (1 + np.arange(rows) % 7)[:, None]).astype(np.float16)
    table = scheme("codebook").array()
    held = weights(codes, steps, table, block_size, cols)
    entries = table[codes].reshape(rows, -1)[:, :cols].astype(np.float32)
    wide = np.repeat(steps, block_size, axis=1)[:, :cols].astype(np.float32)
    places = np.unique([0, 1, 31, block_size - 1, block_size, 2 * block_size - 1, 2 * block_size, cols - 1])
    for place in places:
        x = np.zeros((m, cols))
        x[m - 1, place] = -0.5
        want = np.zeros((m, rows), np.float32)
        want[m - 1] = (entries[:, place] * wide[:, place] * np.float32(-0.5)).astype(np.float16)
        compared.equal(product(x, held).tolist(), want.tolist(), subject=subject(), **EXACT)


@covers("linear_float", values=True)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("m", COUNTS)
@examples(4)
@given(
    n=st.integers(1, 100),
    k=st.integers(1, 300),
    name=st.sampled_from(BLOCK_SCHEMES),
    spread=st.integers(0, 6),
    seed=st.integers(0, 2**32),
)
def test_within_the_proved_bound(
    m: int, block_size: int, dtype: str, n: int, k: int, name: str, spread: int, seed: int, compared: Ledger
) -> None:
    bounds, floats = reference("linear_float_bound"), reference("floats")
    random = np.random.default_rng(seed)
    _, codes = operands(seed, m, n, k)
    table = scheme(name).array()
    x = rounded((random.normal(size=(m, k)) * 2.0 ** random.integers(-spread, 1, (m, k))).astype(np.float32), dtype)
    steps = (random.normal(size=(n, -(-k // block_size))) / 64).astype(np.float16)
    bias = random.normal(size=n).astype(np.float32)
    y = product(x, weights(codes, steps, table, block_size, k, arithmetic=name == "block"), dtype, bias)
    expected, bound = bounds.linear_float_bounds(
        x.astype(np.float64),
        codes,
        steps,
        reference("formats").table(name),
        block_size,
        bias,
        output=getattr(floats, dtype),
        unit=unit(),
        group=GROUP if m == 1 else None,
    )
    off = abs(y.astype(np.float64) - expected)
    assert (off <= bound).all(), f"off by {(off / bound).max()} times the bound"
    compared.count(y.size, subject=subject(), **EXACT)


@covers("linear_float")
@pytest.mark.parametrize("m", [1, 2])
def test_sums_are_float32_and_rounded_once(m: int, compared: Ledger) -> None:
    """2048 + 1 + 2^-10 is no tie, but would be one after a rounding of the sum, and is lost in float16 sums."""
    codes = np.zeros((33, 64), np.uint8)
    table = np.ones((128, 2), np.int8)
    x = np.zeros((m, 128))
    x[:, 0], x[:, 63], x[:, 64] = 2048, 0.5, 0.5
    held = weights(codes, np.ones((33, 2), np.float16), table, 64, 128)
    got = product(x, held, bias=np.full(33, 2.0**-10, np.float32))
    compared.equal(got.tolist(), np.full((m, 33), 2050.0).tolist(), subject=subject(), **EXACT)


@covers("linear_float")
@pytest.mark.parametrize("programs", [1, 4, 512])
def test_parts_of_any_size(programs: int, monkeypatch: pytest.MonkeyPatch, compared: Ledger) -> None:
    """Few rows of activations, seven blocks in one, two or seven parts, the last one shorter: sums that are exact."""
    monkeypatch.setattr(module("linear_float"), "PROGRAMS", programs)
    random = np.random.default_rng(9)
    codes, table = random.integers(0, 128, (70, 108)).astype(np.uint8), scheme("block").array()
    x = random.integers(-2, 3, (5, 215)).astype(float)
    bias = random.integers(-9, 9, 70).astype(np.float32)
    steps = (2.0 ** random.integers(-1, 2, (70, 7))).astype(np.float16)
    weighted = table[codes].reshape(70, 216)[:, :215] * np.repeat(steps, 32, axis=1)[:, :215].astype(float)
    want = rounded((x @ weighted.T + bias).astype(np.float32), "float16")
    got = product(x, weights(codes, steps, table, 32, 215), bias=bias)
    compared.bits(got, want, subject=subject(), **EXACT)


@covers("linear_float")
def test_rows_with_nan_touch_no_other(compared: Ledger) -> None:
    codes = np.random.default_rng(5).integers(0, 128, (40, 33)).astype(np.uint8)
    held = weights(codes, np.full((40, 2), 0.25, np.float16), scheme("codebook").array(), 64, 66)
    x = np.random.default_rng(6).integers(-4, 5, (18, 66)).astype(np.float16)
    alone = product(x, held)
    x[3, 65] = np.nan
    y = product(x, held)
    assert np.isnan(y[3]).all()
    compared.bits(np.delete(y, 3, 0), np.delete(alone, 3, 0), subject=subject(), **EXPECTED)


@covers("linear_float")
def test_refuses(compared: Ledger) -> None:
    from q35.errors import InputError

    held = weights(np.zeros((3, 32), np.uint8), np.ones((3, 1), np.float16), scheme("block").array(), 64, 64)
    linear, x = module("linear_float").linear_float, tensor(np.zeros((2, 64), np.float16))
    for call, word in (
        (lambda: linear(x.float(), held), "float32"),
        (lambda: linear(x[:, 1:], held), "[2, 63]"),
        (lambda: linear(x.to("meta"), held), "meta"),
        (lambda: linear(x, held, x[0]), "[64]"),
    ):
        compared.refused(call, InputError, [word], subject=subject(), **EXPECTED)
    compared.equal(list(linear(x[:0], held).shape), [0, 3], subject=subject(), **EXPECTED)
