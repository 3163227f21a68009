"""Threads and memory that is given: neither changes a bit of any result, and memory that does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import inputs
from conformance.formats import BLOCK_SCHEMES, scheme
from conformance.ledger import Ledger
from conformance.subjects import Kernel

OUTCOME: dict[str, Any] = {"truth": "expected-outcome", "level": "sampled"}
SCHEMES = (*BLOCK_SCHEMES, "row-absmax", "row-affine")
Writer = Callable[..., NDArray[Any]]


def parts(rows: int, cols: int, seed: int = 5) -> dict[str, NDArray[Any]]:
    """Codes, their streams, steps for blocks of 32, and steps and zero points for columns."""
    random = np.random.default_rng(seed)
    steps = random.integers(0, 0x7C00, (rows, -(-cols // 32)), np.uint16) | random.choice([0, 0x8000], (rows, 1))
    return {
        "codes": random.integers(0, 128, (rows, -(-cols // 2)), np.uint8),
        "steps": steps.astype(np.uint16).view(np.float16),
        "column_steps": random.integers(0, 0x7C00, cols, np.uint16).view(np.float16),
        "zero_points": random.integers(-8, 8, cols).astype(np.int8),
    }


def writers(kernel: Kernel, rows: int, cols: int, repeat: int = 1) -> dict[str, Writer]:
    """The functions that take `out`, by name, each with its inputs bound; `repeat` times the same rows."""
    given = parts(rows, cols)
    codes, steps = np.tile(given["codes"], (repeat, 1)), np.tile(given["steps"], (repeat, 1))
    native, isa, table = kernel.native, kernel.isa, scheme("codebook").array()
    stream = native.pack_stream(codes, isa=isa)
    columns = given["column_steps"], given["zero_points"]
    return {
        "dequantize": lambda **more: native.dequantize(codes, steps, table, 32, cols, isa=isa, **more),
        "stream": lambda **more: native.dequantize_stream(stream, steps, table, 32, cols, isa=isa, **more),
        "row-affine": lambda **more: native.dequantize_row_affine(codes, *columns, isa=isa, **more),
        "pack": lambda **more: native.pack_stream(codes, isa=isa, **more),
        "unpack": lambda **more: native.unpack_stream(stream, codes.shape[1], isa=isa, **more),
    }


WRITERS = ("dequantize", "stream", "row-affine", "pack", "unpack")


def placed(like: NDArray[Any], offset: int) -> NDArray[Any]:
    """Memory for an array that begins `offset` bytes after a cache line, full of ones."""
    memory = np.full(like.nbytes + 128, 0xFF, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    return memory[start : start + like.nbytes].view(like.dtype).reshape(like.shape)


@pytest.mark.parametrize("threads", [2, 3, 40])
@pytest.mark.parametrize("name", SCHEMES)
def test_threads_quantize_alike(name: str, threads: int, kernel: Kernel, compared: Ledger) -> None:
    """Also with more threads than rows; steps, codes and zero points."""
    weights = inputs.make("gaussian", (13, 333), 7)
    alone = kernel.native.quantize(weights, name, isa=kernel.isa)
    together = kernel.native.quantize(weights, name, isa=kernel.isa, threads=threads)
    for want, got in zip(alone, together, strict=True):
        if want is not None:
            compared.bits(got, want, subject=kernel.name, **OUTCOME)


@pytest.mark.parametrize("threads", [2, 3, 40])
@pytest.mark.parametrize("name", WRITERS)
def test_threads_write_alike(name: str, threads: int, kernel: Kernel, compared: Ledger) -> None:
    write = writers(kernel, 13, 333)[name]
    compared.bits(write(threads=threads), write(), subject=kernel.name, **OUTCOME)


@pytest.mark.parametrize("name", SCHEMES)
def test_threads_name_the_first_bad_weight(name: str, kernel: Kernel, compared: Ledger) -> None:
    """Several bad weights, in the rows of several threads: the first one is named, as one thread would."""
    weights = inputs.make("gaussian", (9, 40), 1)
    for bad in ((3, 17), (4, 2), (8, 0)):
        weights[bad] = np.nan
    for threads in (1, 2, 5):
        error = compared.refused(
            partial(kernel.native.quantize, weights, name, isa=kernel.isa, threads=threads),
            kernel.native.BadValue, subject=kernel.name, **OUTCOME,
        )  # fmt: skip
        compared.equal(error.index, (3, 17), subject=kernel.name, **OUTCOME)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", WRITERS)
def test_given_memory_is_written_and_returned(name: str, kernel: Kernel, compared: Ledger) -> None:
    write = writers(kernel, 5, 129)[name]
    want = write()
    for offset in (0, 4, 16, 32):
        out = placed(want, offset)
        assert write(out=out) is out
        compared.bits(out, want, subject=kernel.name, **OUTCOME)


@pytest.mark.parametrize("cols", [2048, 2049, 2050, 2064])
@pytest.mark.parametrize("name", ["dequantize", "stream", "row-affine"])
def test_large_results(name: str, cols: int, kernel: Kernel, compared: Ledger) -> None:
    """Results so large that some are written past the caches, where the rows' places allow that."""
    few, times = writers(kernel, 64, cols)[name](), 64
    write = writers(kernel, 64, cols, times)[name]
    want = np.tile(few, (times, 1))
    assert want.nbytes >= 1 << 25
    for offset, threads in ((0, 1), (0, 2), (4, 1)):
        compared.bits(write(out=placed(want, offset), threads=threads), want, subject=kernel.name, **OUTCOME)


@pytest.mark.parametrize("name", WRITERS)
def test_memory_that_does_not_fit_is_refused(name: str, kernel: Kernel, compared: Ledger) -> None:
    write = writers(kernel, 4, 64)[name]
    want = write()
    read_only, size = want.copy(), want.dtype.itemsize
    read_only.flags.writeable = False
    wrong = [
        want[:-1].copy(),
        want.T.copy(),
        np.asfortranarray(want),
        np.repeat(want, 2, axis=1)[:, ::2],
        read_only,
        want.astype(np.float64),
        want.tolist(),
    ]
    if size > 1:
        wrong.append(placed(want, 1))
    for out in wrong:
        compared.refused(partial(write, out=out), kernel.errors, subject=kernel.name, **OUTCOME)
    for threads in (0, -1, 5000):
        compared.refused(partial(write, threads=threads), kernel.errors, subject=kernel.name, **OUTCOME)
