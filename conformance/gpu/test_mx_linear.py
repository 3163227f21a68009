"""Products with MX weights in Triton: exact where float32 loses nothing, else inside the proved bound."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.gpu import mx, subjects
from conformance.gpu.mx import FORMATS, TYPES, Bytes, Floats, claim
from conformance.gpu.subjects import covers
from conformance.ledger import Ledger
from conformance.subjects import reference

SHAPES = ((1, 5, 97), (1, 9, 1056), (3, 70, 33), (17, 130, 64), (65, 129, 31))
"""Rows of activations, outputs and inputs: every kernel, and edges of tiles and blocks."""


def linear(x: NDArray[Any], data: Bytes, element: str, dtype: str = "float16") -> NDArray[np.float64]:
    """`x` `[M, K]` as a type's numbers times stored rows, transposed: `[M, N]` of the type, as doubles."""
    import torch

    found = subjects.module("mx_linear").mx_linear(
        subjects.tensor(x).to(getattr(torch, dtype)), subjects.tensor(data), element
    )
    assert str(found.dtype) == f"torch.{dtype}"
    y: NDArray[np.float64] = found.double().cpu().numpy()
    return y


def blocks_between(
    seed: int, element: str, rows: int, cols: int, sizes: tuple[int, int], scales: tuple[int, int]
) -> Any:
    """Blocks of `[rows, cols]` of random elements and scales of some ranges; past a row's end all bits are ones."""
    random, kind = np.random.default_rng(seed), reference("mx").element(element)
    elements = random.integers(*sizes, (rows, -(-cols // 32) * 32))
    elements += random.integers(0, 2, elements.shape) * kind.format.sign_bit
    elements[:, cols:] = (1 << kind.width) - 1
    factors = random.integers(*scales, elements.size // 32)
    return reference("mx_vectorized").MxBlocks(factors.astype(np.uint8), elements.astype(np.uint8).reshape(-1, 32))


@covers("mx_linear", values=True)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORMATS)
def test_products_inside_the_proved_bound(name: str, dtype: str, compared: Ledger) -> None:
    import torch

    bounds, kind = reference("linear_float_bound"), reference("mx").element(name)
    on_device = bounds.MFMA if torch.version.hip else bounds.TENSOR_CORE
    unit = bounds.IEEE if subjects.DEVICE == "cpu" else on_device
    for m, n, k in SHAPES:
        middle = 127 - kind.emax
        blocks = blocks_between(k, name, n, k, (0, kind.format.largest_bits + 1), (middle - 6, middle + 1))
        x = np.random.default_rng(m).normal(size=(m, k))
        x = torch.from_numpy(x).to(getattr(torch, dtype)).double().numpy()
        expected, allowed = bounds.mx_linear_bounds(x, blocks, kind, reference("floats").FORMATS[dtype], unit)
        off = np.abs(linear(x, mx.pack_rows(blocks, name, n), name, dtype) - expected)
        assert (off <= allowed).all(), f"{(m, n, k)}: off by up to {(off / allowed).max():.3g} times the bound"
        compared.count(off.size, **claim("exact-rational"))


@covers("mx_linear", values=True)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORMATS)
def test_sums_without_rounding(name: str, dtype: str, compared: Ledger) -> None:
    """64 small integers a row of activations, and elements of 8 exponents: float32 holds every sum, so bits decide."""
    kind = reference("mx").element(name)
    top, window = kind.format.largest_bits + 1, 8 << kind.mantissa_bits
    for m, n, k in SHAPES:
        subnormals = ((0, min(window, top)), (125, 127))
        largest = ((max(top - window, 0), top), (125 - kind.emax, 127 - kind.emax))
        for sizes, scales in (subnormals, largest):
            data = mx.pack_rows(blocks_between(k, name, n, k, sizes, scales), name, n)
            random = np.random.default_rng(m)
            x = random.integers(-4, 5, (m, k)) * (random.permuted(np.tile(np.arange(k), (m, 1)), axis=1) < 64)
            sums = x @ mx.read_back(data, name, k).astype(np.float64).T
            want = mx.narrowed(sums.astype(np.float32), dtype)
            got = mx.narrowed(linear(x, data, name, dtype).astype(np.float32), dtype)
            compared.bits(got + 0, want + 0, **claim())


@covers("mx_linear", values=True)
@pytest.mark.parametrize("name", FORMATS)
def test_all_scales_times_all_elements(name: str, compared: Ledger) -> None:
    """Each element alone in a sum, times each scale, in float32: subnormals, NaN and infinities too."""
    scales, codes = mx.all_elements(name)
    elements = reference("mx_vectorized").element_values(reference("mx").element(name))[codes].astype(np.float64)
    factors = np.where(scales == 255, np.nan, np.ldexp(1.0, scales.astype(np.int32) - 127))
    x = np.eye(32)
    with np.errstate(over="ignore", invalid="ignore"):
        want = (x @ elements.T * factors).astype(np.float32)
    data = mx.pack_rows(reference("mx_vectorized").MxBlocks(scales, codes), name, len(scales))
    got = in_float32(x, data, f"mx_linear fp16 x {name}, 128 x 64", -(-len(data) // 128), len(x))
    compared.bits(mx.one_nan(got + 0), mx.one_nan(want + 0), **claim())
    every = len(scales) // 256  # the kernel for one row meets one block with each scale, and each element in turn
    some = np.arange(256) * every + np.arange(256) % every
    for place in (0, 31):
        name_of_one = f"mx_linear fp16 x {name}, one row"
        got = in_float32(x[place : place + 1], data[some], name_of_one, 64)
        compared.bits(mx.one_nan(got + 0), mx.one_nan(want[place : place + 1, some] + 0), **claim())


def in_float32(x: NDArray[np.float64], data: Bytes, variant: str, programs: int, *count: int) -> Floats:
    """What a kernel sums up for `x` `[M, 32]`, before it is rounded to float16: float32 `[M, N]`."""
    import torch

    found = next(row for row in subjects.module("mx_linear").VARIANTS if row.name == variant)
    y = torch.empty((len(x), len(data)), dtype=torch.float32, device=subjects.DEVICE)
    tensors = y, subjects.tensor(x.astype(np.float16)), subjects.tensor(data)
    found.launch((programs, 1), *tensors, *count, len(data), 32, 1)
    values: Floats = y.cpu().numpy()
    return values


@covers("mx_linear", values=True)
@pytest.mark.parametrize("m", [1, 3])
def test_any_number_of_dimensions_and_no_numbers(m: int, compared: Ledger) -> None:
    """A NaN or an infinity spoils its own row of outputs alone; a tensor without elements gives one."""
    data = mx.quantize(np.ones((6, 40), np.float32), "e2m1")
    x = np.ones((m, 40), np.float16)
    x[0, 39] = np.inf
    y = linear(np.stack([x, 0 * x[:, ::-1], x]), data, "e2m1")
    assert y.shape == (3, m, 6)
    assert np.isposinf(y[[0, 2], 0]).all()
    assert np.isnan(y[1, 0]).all()
    assert (y[:, 1:] == np.array([40, 0, 40])[:, None, None]).all()
    compared.count(y.size, **claim("expected-outcome"))
    assert linear(x[:0], data, "e2m1").shape == (0, 6)
    assert linear(x, data[:0], "e2m1").shape == (m, 0)


@covers("mx_linear", values=True)
def test_wrong_tensors_are_refused(compared: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from q35.errors import InputError

    x, data = np.ones((2, 40), np.float16), np.zeros((3, 34), np.uint8)
    calls = [
        (partial(linear, x, data, "int8"), "int8"),
        (partial(linear, x, data, "e2m1", "float32"), "float32"),
        (partial(linear, x[:, :20], data, "e2m1"), "17"),
        (partial(linear, x, data[0], "e2m1"), "[34]"),
        (partial(linear, x, data[:, :33], "e2m1"), "[3, 33]"),
    ]
    for call, word in calls:
        compared.refused(call, InputError, [word], **claim("expected-outcome"))
    monkeypatch.setattr(torch.version, "hip", "7.0")
    eight = np.zeros((3, 66), np.uint8)
    compared.refused(partial(linear, x, eight, "e5m2"), InputError, ["bfloat16"], **claim("expected-outcome"))
    assert not linear(x, eight, "e4m3").any()
