"""MX rows to floats and back in Triton: all scales times all elements, every tie, every power of two, every policy."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

from conformance.formats import RULES
from conformance.gpu import mx, subjects
from conformance.gpu.mx import FORMATS, claim
from conformance.gpu.subjects import covers
from conformance.ledger import Ledger
from conformance.subjects import reference
from conformance.test_mx_arrays import groups, ties
from conformance.vectors import octets

OVERFLOWS, ZERO_SCALES, ZEROS = ("clamp", "nan"), ("smallest", "one"), ("kept", "positive")
DTYPES = ("float32", "float16", "bfloat16")


@covers("mx_dequantize", values=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FORMATS)
def test_all_scales_times_all_elements(name: str, dtype: str, compared: Ledger) -> None:
    """float32 exactly, subnormals, infinities and zeros of both signs too; what is narrower is the nearest to that."""
    arrays, kind = reference("mx_vectorized"), reference("mx").element(name)
    scales, codes = mx.all_elements(name)
    blocks = arrays.MxBlocks(scales, codes)
    got = mx.dequantize(arrays.pack(blocks, kind), name, 32, dtype)
    want = mx.narrowed(arrays.dequantize(blocks, kind), dtype)
    truth = "reference-vectorized" if dtype == "float32" else "independent-library"
    compared.bits(mx.one_nan(got), mx.one_nan(want), **claim(truth, "exhaustive", domain=codes.size))


@covers("mx_quantize", "mx_dequantize", values=True)
@pytest.mark.parametrize("name", FORMATS)
def test_blocks_of_lean(name: str, compared: Ledger) -> None:
    """All blocks of a policy as one tensor, so that a wrong stride or a neighbour's scale shows; NaN and infinities."""
    for (element, *choices), rows in groups().items():
        if element != name:
            continue
        values = np.stack([values for _, values in rows])
        data = mx.quantize(values, name, tuple(choices[:4]))
        found = mx.blocks_of(data, name)
        for (row, _), scale, elements in zip(rows, found.scales, found.elements, strict=True):
            got, want = (int(scale), elements.tolist()), (row["scale"], octets(row["elements"]))
            assert got == want, f"{row.place} (detects {', '.join(row.flags)}): {got} instead of Lean's {want}"
        compared.count(values.size, **claim("lean-vector"))
        infinite = np.where(np.isnan(values), np.float32(-np.inf), values)
        compared.bits(mx.quantize(infinite, name, tuple(choices[:4])), data, **claim("lean-vector"))
        compared.bits(mx.one_nan(mx.dequantize(data, name, 32)), mx.one_nan(mx.read_back(data, name, 32)), **claim())


@covers("mx_quantize", values=True)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", FORMATS)
def test_scales_at_every_power_of_two(name: str, rule: str, compared: Ledger) -> None:
    """Every 2^k of float32, its predecessor and successor: logarithms are exact."""
    exact = reference("mx")
    powers = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)
    largest = np.unique([np.nextafter(powers, np.float32(0)), powers, np.nextafter(powers, np.float32(np.inf))])
    largest = largest[largest > 0]
    blocks = np.zeros((len(largest), 32), np.float32)
    blocks[np.arange(len(largest)), np.arange(len(largest)) % 32] = largest
    choices = (rule, "clamp", "smallest", "kept")
    kind, policy = exact.element(name), exact.MxPolicy(*choices, "unused")
    want = [exact.mx_scale_bits(policy, kind, [Fraction(float(m))]) for m in largest]
    data = mx.quantize(blocks, name, choices)
    compared.equal(data[:, 0].tolist(), want, **claim("exact-rational"))
    compared.bits(data, mx.stored(blocks, name, choices), **claim())


@covers("mx_quantize", values=True)
@pytest.mark.parametrize("name", FORMATS)
def test_every_tie_of_the_elements(name: str, compared: Ledger) -> None:
    """And its two neighbours, at scale 1, at a large and at a small scale."""
    at_one = ties(reference("mx"), name)
    blocks = np.concatenate([np.ldexp(at_one, power) for power in (0, 100, -100)]).astype(np.float32)
    for zero in ZEROS:
        choices = ("floor", "clamp", "smallest", zero)
        compared.bits(mx.quantize(blocks, name, choices), mx.stored(blocks, name, choices), **claim())


@covers("mx_quantize", values=True)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", FORMATS)
def test_any_blocks(name: str, rule: str, compared: Ledger) -> None:
    """Any bits, near exponents, subnormals, zeros, no numbers, and from the largest element to beyond its scale."""
    random = np.random.default_rng(35)
    bits = random.integers(0, 1 << 32, (4, 12, 32), dtype=np.uint32)
    exponents = random.integers(10, 240, (12, 1)) + random.integers(0, 12, (12, 32))
    bits[1] = bits[1] & np.uint32(0x807FFFFF) | exponents.astype(np.uint32) << np.uint32(23)
    bits[2] &= 0x81FFFFFF
    bits[3] &= np.where(random.random((12, 32)) < 0.95, 0x80000000, 0xFFFFFFFF).astype(np.uint32)
    values = bits.view(np.float32).reshape(-1, 32)
    values = np.concatenate([values, np.where(np.isfinite(values), values, np.float32(-1))])
    kind = reference("mx").element(name)
    line = np.linspace(float(kind.largest) * 0.97, 2.0 ** (kind.emax + 1) * 0.9999, 16, dtype=np.float32)
    beyond = np.concatenate([line, -line])
    values = np.concatenate([values, *(np.ldexp(beyond, power)[None] for power in (-130, -3, 0, 100))])
    for choices in product((rule,), OVERFLOWS, ZERO_SCALES, ZEROS):
        compared.bits(mx.quantize(values, name, choices), mx.stored(values, name, choices), **claim())


@covers("mx_quantize", "mx_dequantize", values=True)
@pytest.mark.parametrize("name", FORMATS)
def test_rows_end_inside_a_block(name: str, compared: Ledger) -> None:
    """Tails of any length are padded with zeros, and a block never mixes two rows."""
    for cols in (1, 31, 32, 33, 97):
        values = np.random.default_rng(cols).normal(size=(3, cols)).astype(np.float32)
        data = mx.quantize(values, name)
        compared.bits(data, mx.stored(values, name), **claim())
        for dtype in DTYPES:
            want = mx.narrowed(mx.read_back(data, name, cols), dtype)
            compared.bits(mx.dequantize(data, name, cols, dtype), want, **claim())


@covers("mx_quantize", values=True)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_number_of_sixteen_bits(dtype: str, compared: Ledger) -> None:
    """All 65536 patterns as input: each is taken as the float32 that it is, subnormals and NaNs too."""
    import torch

    bits = np.arange(1 << 16, dtype=np.uint16).reshape(-1, 32)
    values = torch.from_numpy(bits.view(np.int16)).view(getattr(torch, dtype))
    want = mx.stored(values.float().numpy(), "e4m3")
    got = mx.quantize(mx.typed(values, dtype), "e4m3", dtype=dtype)
    assert np.array_equal(got, want)
    compared.count(bits.size, **claim(level="exhaustive", domain=bits.size))


@covers("mx_quantize", "mx_dequantize", values=True)
def test_any_number_of_dimensions(compared: Ledger) -> None:
    values = np.random.default_rng(3).normal(size=(2, 3, 4, 40)).astype(np.float32)
    data = mx.quantize(values, "e2m3")
    assert data.shape == (2, 3, 4, 50)
    compared.bits(data.reshape(24, -1), mx.stored(values.reshape(24, -1), "e2m3"), **claim())
    got = mx.dequantize(data[1, :, 2], "e2m3", 40)
    compared.bits(got, mx.read_back(data[1, :, 2], "e2m3", 40), **claim())
    assert mx.quantize(values[:0], "e2m3").shape == (0, 3, 4, 50)
    assert mx.dequantize(data[:0], "e2m3", 40).shape == (0, 3, 4, 40)


@covers("mx_quantize", "mx_dequantize", values=True)
def test_wrong_tensors_are_refused(compared: Ledger) -> None:
    from q35.errors import InputError

    floats, data = np.ones((2, 40), np.float32), np.zeros((2, 34), np.uint8)
    calls: list[tuple[Any, str]] = [
        (partial(mx.quantize, floats, "e1m2"), "e1m2"),
        (partial(mx.quantize, floats.astype(np.float64), "e2m1"), "float64"),
        (partial(mx.quantize, floats[:, :0], "e2m1"), "no rows"),
        (partial(mx.quantize, floats, "e2m1", ("round", "clamp", "smallest", "kept")), "scale_rule 'round'"),
        (partial(mx.dequantize, data, "e2m1", 65), "51"),
        (partial(mx.dequantize, data.astype(np.int8), "e2m1", 64), "int8"),
        (partial(mx.dequantize, data, "e2m1", 64, "float64"), "float64"),
        (partial(subjects.module("mx_quantize").mx_quantize, meta(2, 40), "e2m1"), "meta"),
    ]
    for call, word in calls:
        compared.refused(call, InputError, [word], **claim("expected-outcome"))


def meta(*shape: int) -> Any:
    """A tensor without a device that has kernels."""
    import torch

    return torch.empty(shape, device="meta")
