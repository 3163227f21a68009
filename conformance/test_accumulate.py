"""int8 x Q35 dot products: integers bit for bit up to the largest safe length, floats in the declared order."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance import truth
from conformance.formats import BLOCK_SIZES, TABLES, scheme
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject

EXACT: dict[str, Any] = {"truth": "exact-rational", "level": "sampled"}


def operands(seed: int, m: int, n: int, k: int) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    random = np.random.default_rng(seed)
    a = random.integers(-128, 128, (m, k)).astype(np.int8)
    codes = random.integers(0, 128, (n, -(-k // 2))).astype(np.uint8)
    return a, codes


def entries_of(codes: NDArray[np.uint8], table: NDArray[np.int8], k: int) -> list[list[int]]:
    """Per row of codes the k table values as Python integers."""
    pairs: list[list[int]] = [[int(t) for entry in row for t in entry][:k] for row in table[codes]]
    return pairs


def exact_dots(a: NDArray[np.int8], codes: NDArray[np.uint8], table: NDArray[np.int8], size: int) -> list[Any]:
    """[m][n][block] sums of a_k * t_k as Python integers."""
    k = a.shape[1]
    left, right = a.tolist(), entries_of(codes, table, k)
    return [
        [
            [sum(x * t for x, t in zip(u[i : i + size], v[i : i + size], strict=True)) for i in range(0, k, size)]
            for v in right
        ]
        for u in left
    ]


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("name", TABLES)
@given(m=st.integers(1, 5), n=st.integers(1, 5), k=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_block_dots(
    name: str, block_size: int, m: int, n: int, k: int, seed: int, array_subject: ArraySubject, compared: Ledger
) -> None:
    a, codes = operands(seed, m, n, k)
    table = scheme(name).array()
    want = np.array(exact_dots(a, codes, table, block_size), dtype=np.int64)
    got = array_subject.block_dots(a, codes, table, block_size)
    assert got.dtype == np.int32
    compared.bits(got.astype(np.int64), want, subject=array_subject.name, **EXACT)


@pytest.mark.parametrize("name", TABLES)
@given(m=st.integers(1, 5), n=st.integers(1, 5), k=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_matmul_int32(
    name: str, m: int, n: int, k: int, seed: int, array_subject: ArraySubject, compared: Ledger
) -> None:
    a, codes = operands(seed, m, n, k)
    table = scheme(name).array()
    want = np.array(exact_dots(a, codes, table, k), dtype=np.int64)[:, :, 0]
    got = array_subject.matmul_int32(a, codes, table)
    assert got.dtype == np.int32
    compared.bits(got.astype(np.int64), want, subject=array_subject.name, **EXACT)


@pytest.mark.parametrize("name", TABLES)
def test_every_code_times_every_activation(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """Each code against each int8 in the even slot and in the odd slot, alone in its row."""
    table = scheme(name).array()
    codes = np.arange(128, dtype=np.uint8)[:, None]
    values = np.arange(-128, 128)
    for slot in (0, 1):
        a = np.zeros((256, 2), np.int8)
        a[:, slot] = values
        want = values[:, None] * table[:, slot].astype(np.int64)[None, :]
        got = array_subject.block_dots(a, codes, table, 32)[:, :, 0]
        assert np.array_equal(got, want), f"slot {slot}"
    compared.count(
        2 * 256 * 128, subject=array_subject.name, truth="exact-rational", level="exhaustive", domain=2 * 256 * 128
    )


def extreme(table: NDArray[np.int8], k: int, sign: int) -> tuple[NDArray[np.int8], NDArray[np.uint8], int]:
    """Activations and codes of length k with the largest (sign 1) or least (-1) sum there is, and that sum."""

    def best(entry: list[int]) -> int:
        return max(sum(max(-128 * sign * t, 127 * sign * t) for t in entry), 0)

    rows = table.tolist()
    code = max(range(128), key=lambda c: best(rows[c]))
    last = max(range(128), key=lambda c: best(rows[c][:1])) if k % 2 else code
    activation = [-128 if sign * t < 0 else 127 for t in rows[code]]
    a = np.tile(np.array(activation, np.int8), -(-k // 2))[:k]
    codes = np.full(-(-k // 2), code, np.uint8)
    total = sign * best(rows[code]) * (k // 2)
    if k % 2:
        codes[-1] = last
        a[-1] = -128 if sign * rows[last][0] < 0 else 127
        total += sign * best(rows[last][:1])
    return a[None, :], codes[None, :], total


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", TABLES)
def test_extremes_at_the_largest_safe_length(
    name: str, sign: int, array_subject: ArraySubject, compared: Ledger
) -> None:
    table = scheme(name).array()
    safe = truth.max_safe_k(scheme(name).table)
    for k in (safe, safe - 1):
        a, codes, total = extreme(table, k, sign)
        got = array_subject.matmul_int32(a, codes, table)
        compared.equal(int(got[0, 0]), total, subject=array_subject.name, **EXACT)


@pytest.mark.parametrize("name", TABLES)
def test_one_more_than_the_largest_safe_length_is_refused(
    name: str, array_subject: ArraySubject, compared: Ledger
) -> None:
    safe = truth.max_safe_k(scheme(name).table)
    for k in (safe + 1, safe + 2):
        a, codes = np.zeros((1, k), np.int8), np.zeros((1, -(-k // 2)), np.uint8)
        compared.refused(
            partial(array_subject.matmul_int32, a, codes, scheme(name).array()),
            array_subject.errors,
            subject=array_subject.name, **EXACT,
        )  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_largest_safe_length(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """Also of tables that are not the formats': one entry at the ends of int8, and random ones."""
    random = np.random.default_rng(11)
    tables = [scheme(name).array(), np.full((128, 2), -128, np.int8), np.full((128, 2), 127, np.int8)]
    tables += [random.integers(-128, 128, (128, 2)).astype(np.int8) for _ in range(20)]
    for table in tables:
        want = truth.max_safe_k([(int(a), int(b)) for a, b in table])
        compared.equal(array_subject.max_safe_k(table), want, subject=array_subject.name, **EXACT)


@pytest.mark.parametrize("name", TABLES)
def test_int16_would_overflow(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """Constant extremes at every length up to 600: a 16-bit accumulator wraps within one block."""
    table = scheme(name).array()
    for k in range(1, 600):
        for sign in (1, -1):
            a, codes, total = extreme(table, k, sign)
            got = array_subject.block_dots(a, codes, table, 128)
            compared.equal(int(got.astype(np.int64).sum()), total, subject=array_subject.name, **EXACT)


def float32_matmul(
    dots: NDArray[np.int64], a_scale: NDArray[np.float32], steps: NDArray[np.float16]
) -> NDArray[np.float32]:
    """The declared order in single precision: acc = acc + d_b * dot_b over blocks in order, then acc * a_scale."""
    total = np.zeros(dots.shape[:2], np.float32)
    for block in range(dots.shape[2]):
        step = steps[:, block].astype(np.float32)[None, :]
        total = total + step * dots[:, :, block].astype(np.float32)
    return np.asarray(total * a_scale[:, None], np.float32)


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("name", TABLES)
def test_matmul_in_the_declared_order(
    name: str, block_size: int, array_subject: ArraySubject, compared: Ledger
) -> None:
    """Steps of very different sizes and both signs, so that another order of summation gives other bits."""
    table = scheme(name).array()
    for k in (1, 2, 31, 64, 65, 129, 640, 1001):
        a, codes = operands(k, 6, 17, k)
        random = np.random.default_rng(k)
        shape = (17, -(-k // block_size))
        steps = np.ldexp(random.normal(size=shape), random.integers(-9, 9, shape)).astype(np.float16)
        a_scale = random.normal(size=6).astype(np.float32)
        dots = np.array(exact_dots(a, codes, table, block_size), dtype=np.int64)
        got = array_subject.matmul(a, a_scale, codes, steps, table, block_size)
        want = float32_matmul(dots, a_scale, steps)
        compared.bits(got, want, subject=array_subject.name, truth="float32-model", level="sampled")
