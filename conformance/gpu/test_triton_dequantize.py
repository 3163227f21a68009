"""Triton's `dequantize`: every code in every place of a unit, every kind of step, any shape, the nearest float16."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance import truth
from conformance.formats import BLOCK_SIZES, TABLES, scheme
from conformance.gpu import subjects
from conformance.gpu.subjects import covers, every_place, examples, module, subject, weights
from conformance.ledger import Ledger


def dequantized(weights: Any, dtype: str = "float32") -> Any:
    """The weights as a tensor on the CPU."""
    import torch

    return module("dequantize").dequantize(weights, getattr(torch, dtype)).cpu()


def exact_bits(codes: NDArray[np.uint8], steps: NDArray[np.float16], table: NDArray[np.int8]) -> NDArray[np.uint32]:
    """float32 bits `[rows, 2 pairs]` of the exact products, in integers."""
    entries = table[codes].reshape(len(codes), -1).astype(int)
    of_steps = np.repeat(steps.view(np.uint16).astype(int), entries.shape[1] // steps.shape[1], axis=1)
    return truth.product_bits(entries, of_steps)


@covers("dequantize", values=True)
@pytest.mark.parametrize("name", TABLES)
def test_every_code_in_every_place_of_a_unit(name: str, compared: Ledger) -> None:
    table, codes = scheme(name).array(), every_place()
    found = dequantized(weights(codes, np.ones((32, 32), np.float16), table, 128, 4096)).numpy()
    want = table[codes].reshape(32, 4096).astype(np.float32)
    claim = {"truth": "exact-rational", "level": "exhaustive", "domain": want.size}
    compared.bits(found, want, subject=subject(), **claim)


def steps_to_judge() -> NDArray[np.float16]:
    """Every finite step on a device; in the interpreter every exponent and sign with 32 fractions."""
    bits = np.flatnonzero(truth.finite_steps()).astype(np.uint16)
    fraction = bits & 0x3FF
    chosen = bits if subjects.DEVICE == "cuda" else bits[(fraction < 16) | (fraction >= 0x3F0)]
    return chosen.view(np.float16)


@covers("dequantize", values=True)
def test_steps_of_every_size(compared: Ledger) -> None:
    """Each step with codes whose entries are the extremes and numbers between, and the nearest float16 of each."""
    steps = steps_to_judge()[:, None]
    random = np.random.default_rng(1)
    table = random.integers(-128, 128, (128, 2)).astype(np.int8)
    table[:4] = [[-128, 127], [0, -1], [1, 0], [127, -128]]
    codes = random.integers(0, 128, (len(steps), 16)).astype(np.uint8)
    codes[:, :4] = np.arange(4)
    held = weights(codes, steps, table, 32, 32)
    found, half = dequantized(held).numpy(), dequantized(held, "float16").numpy()
    level = "exhaustive" if subjects.DEVICE == "cuda" else "sampled"
    domain = found.size if level == "exhaustive" else None
    claim: dict[str, Any] = {"truth": "exact-rational", "subject": subject()}
    compared.bits(found.view(np.uint32), exact_bits(codes, steps, table), level=level, domain=domain, **claim)
    with np.errstate(over="ignore"):
        nearest = exact_bits(codes, steps, table).view(np.float32).astype(np.float16)
    compared.bits(half, nearest, level="sampled", **claim)
    for at in random.integers(0, found.size, 300):  # NumPy's own rounding, once more in integers
        row, col = divmod(int(at), 32)
        entry = int(table[codes[row, col // 2], col % 2])
        units = truth.half_int(int(steps[row, 0].view(np.uint16)))
        assert units is not None
        if abs(units * entry) < 65520 << truth.HALF_UNIT and units * entry:
            want = truth.ratio_to_half(units * entry, 1 << truth.HALF_UNIT)
            compared.equal(int(half[row, col].view(np.uint16)), want, level="sampled", **claim)


@covers("dequantize")
def test_bfloat16(compared: Ledger) -> None:
    """The nearest bfloat16, ties to even."""
    if subjects.DEVICE == "cpu":
        pytest.skip("Triton's interpreter cuts float32 off where a device rounds to bfloat16")
    steps = steps_to_judge()[:, None]
    codes = np.random.default_rng(2).integers(0, 128, (len(steps), 16)).astype(np.uint8)
    table = scheme("codebook").array()
    found = dequantized(weights(codes, steps, table, 32, 32), "bfloat16").view(__import__("torch").int16).numpy()
    bits = exact_bits(codes, steps, table).astype(np.uint64)
    want = (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype(np.uint16)
    compared.bits(found.view(np.uint16), want, subject=subject(), truth="exact-rational", level="sampled")


@covers("dequantize")
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@examples(6)
@given(rows=st.integers(1, 100), cols=st.integers(1, 200), seed=st.integers(0, 2**32))
def test_any_shape(block_size: int, rows: int, cols: int, seed: int, compared: Ledger) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 128, (rows, -(-cols // 2))).astype(np.uint8)
    blocks = -(-cols // block_size)
    steps = random.normal(size=(rows, blocks)).astype(np.float16)
    table = scheme("codebook").array()
    found = dequantized(weights(codes, steps, table, block_size, cols)).numpy()
    padded = np.zeros((rows, blocks * block_size // 2), np.uint8)
    padded[:, : codes.shape[1]] = codes
    want = exact_bits(padded, steps, table)[:, :cols].view(np.float32)
    compared.bits(found, want, subject=subject(), truth="exact-rational", level="sampled")


@covers("dequantize")
def test_refuses(compared: Ledger) -> None:
    from dataclasses import replace

    import torch

    from q35.errors import InputError

    held = weights(np.zeros((3, 32), np.uint8), np.ones((3, 1), np.float16), scheme("block").array(), 64, 64)
    for change, word in (
        ({"block_size": 256}, "256"),
        ({"width": "byte"}, "byte"),
        ({"tiled": held.tiled[1:]}, "tiled"),
        ({"tiled": held.tiled.view(torch.int8)}, "int8"),
        ({"table": held.table[:64]}, "[64, 2]"),
        ({"tiled": held.tiled.to("meta")}, "meta"),
        ({"table": held.table.to("meta")}, "meta"),
    ):
        call = lambda change=change: dequantized(replace(held, **change))  # noqa: E731
        compared.refused(call, InputError, [word], subject=subject(), truth="expected-outcome", level="sampled")
    compared.refused(
        lambda: dequantized(held, "float64"), InputError, ["float64"], subject=subject(), truth="expected-outcome",
        level="sampled",
    )  # fmt: skip
