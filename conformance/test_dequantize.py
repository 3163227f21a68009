"""Dequantize: every code at every fp16 step, bit for bit, and bytes that are not codes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import truth
from conformance.formats import BLOCK_SCHEMES, BLOCK_SIZES, TABLES, scheme
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject, Kernel

CHUNK = 4096
CODES = np.arange(128, dtype=np.uint8)


@pytest.fixture(scope="module")
def products() -> NDArray[np.uint32]:
    return truth.product_bits()


def expected(products: NDArray[np.uint32], table: NDArray[np.int8], steps: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """float32 bits [len(steps), 256] of every code of a table, in code order, at each step."""
    rows = table.astype(np.int64).reshape(-1) + 128
    return np.ascontiguousarray(products[rows][:, steps].T)


def agree(got: NDArray[np.float32], want: NDArray[np.uint32], finite: NDArray[np.bool_]) -> None:
    """Bit equality where the step is a number, NaN everywhere where it is not."""
    assert got.dtype == np.float32
    assert got.shape == want.shape
    wrong = (got.view(np.uint32) != want) & finite[:, None] | ~np.isnan(got) & ~finite[:, None]
    if wrong.any():
        row, weight = (int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{int(wrong.sum())} weights differ; first: step row {row}, code {weight // 2}, slot {weight % 2}: "
            f"{got[row, weight]!r} instead of {want.view(np.float32)[row, weight]!r}, or NaN if the step is not finite"
        )


@pytest.mark.parametrize("name", TABLES)
def test_all_codes_at_all_steps(
    name: str, array_subject: ArraySubject, products: NDArray[np.uint32], compared: Ledger
) -> None:
    table = scheme(name).array()
    finite = truth.finite_steps()
    for first in range(0, 65536, CHUNK):
        bits = np.arange(first, first + CHUNK, dtype=np.uint16)
        steps = np.repeat(bits.view(np.float16)[:, None], 4 if name in BLOCK_SCHEMES else 1, axis=1)
        got = array_subject.dequantize(np.tile(CODES, (CHUNK, 1)), steps, name, 64, 256)
        agree(got, expected(products, table, bits), finite[bits])
    compared.count(
        128 * 65536, subject=array_subject.name, truth="exact-rational", level="exhaustive", domain=128 * 65536
    )


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_each_block_has_its_own_step(
    block_size: int, array_subject: ArraySubject, products: NDArray[np.uint32], compared: Ledger
) -> None:
    """Rows of every length up to two and a half blocks, so that the last block is short in every way."""
    random = np.random.default_rng(block_size)
    table = scheme("codebook").array()
    for cols in range(1, 5 * block_size // 2):
        pairs, blocks = -(-cols // 2), -(-cols // block_size)
        codes = random.integers(0, 128, (3, pairs), dtype=np.uint8)
        bits = random.integers(0, 0x7C00, (3, blocks), dtype=np.uint16) | random.choice([0, 0x8000], (3, blocks))
        steps = bits.astype(np.uint16)
        got = array_subject.dequantize(codes, steps.view(np.float16), "codebook", block_size, cols)
        entries = table[codes].reshape(3, -1)[:, :cols].astype(np.int64) + 128
        own = np.repeat(steps, block_size, axis=1)[:, :cols]
        compared.bits(
            got, products[entries, own].view(np.float32), subject=array_subject.name, truth="exact-rational",
            level="sampled",
        )  # fmt: skip


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_bytes_that_are_not_codes_are_refused(where: str, array_subject: ArraySubject, compared: Ledger) -> None:
    at = {"first": 0, "middle": 40, "last": 74}[where]
    for byte in range(128, 256):
        codes = np.tile(CODES[:75], (2, 1))
        codes[1, at] = byte
        compared.refused(
            partial(array_subject.dequantize, codes, np.ones((2, 3), np.float16), "block", 64, 150),
            array_subject.errors,
            subject=array_subject.name, truth="exact-rational", level="exhaustive", domain=128,
        )  # fmt: skip


def shapes() -> dict[str, dict[str, Any]]:
    """Arguments that do not fit together, each differing from good ones in one place."""
    return {
        "one code too few": {"codes": np.zeros((2, 31), np.uint8)},
        "one code too many": {"codes": np.zeros((2, 33), np.uint8)},
        "one step too few": {"steps": np.ones((2, 1), np.float16), "cols": 65, "codes": np.zeros((2, 33), np.uint8)},
        "one step too many": {"steps": np.ones((2, 2), np.float16)},
        "another number of rows": {"steps": np.ones((3, 1), np.float16)},
        "a block size of zero": {"block_size": 0},
        "another block size": {"block_size": 32},
    }


@pytest.mark.parametrize("case", shapes())
def test_shapes_that_do_not_fit_are_refused(case: str, array_subject: ArraySubject, compared: Ledger) -> None:
    good: dict[str, Any] = {
        "codes": np.zeros((2, 32), np.uint8),
        "steps": np.ones((2, 1), np.float16),
        "scheme": "block",
        "block_size": 64,
        "cols": 64,
    }
    array_subject.dequantize(**good)
    compared.refused(
        lambda: array_subject.dequantize(**good | shapes()[case]),
        array_subject.errors,
        subject=array_subject.name, truth="expected-outcome", level="sampled",
    )  # fmt: skip


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_dequantize_from_the_stream(
    block_size: int, kernel: Kernel, products: NDArray[np.uint32], compared: Ledger
) -> None:
    """Kernels read the stream layout directly: the same weights, and tail bits are refused."""
    random = np.random.default_rng(block_size + 1)
    table = scheme("codebook").array()
    for cols in range(1, 5 * block_size // 2, 3):
        codes = random.integers(0, 128, (2, -(-cols // 2)), dtype=np.uint8)
        streams = np.array([truth.pack_stream(row) for row in codes.tolist()], np.uint8)
        bits = random.integers(0, 0x7C00, (2, -(-cols // block_size)), dtype=np.uint16)
        steps = bits.view(np.float16)
        got = kernel.dequantize_stream(streams, steps, "codebook", block_size, cols)
        entries = table[codes].reshape(2, -1)[:, :cols].astype(np.int64) + 128
        own = np.repeat(bits, block_size, axis=1)[:, :cols]
        claim: dict[str, Any] = {"subject": kernel.name, "truth": "exact-rational", "level": "sampled"}
        compared.bits(got, products[entries, own].view(np.float32), **claim)
        if 7 * codes.shape[1] % 8:
            streams[1, -1] |= 0x80
            call = partial(kernel.dequantize_stream, streams, steps, "codebook", block_size, cols)
            compared.refused(call, kernel.errors, **claim)
