"""Products with tiled weights: the bits of the declared order, for every shape, width and number of threads."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance import truth
from conformance.formats import TABLES, scheme
from conformance.ledger import Ledger
from conformance.subjects import PRODUCT_ISAS, kernels, machine_lacks, reference
from conformance.test_accumulate import exact_dots, extreme, float32_matmul, operands

MODEL: dict[str, Any] = {"truth": "float32-model", "level": "sampled"}
EXACT: dict[str, Any] = {"truth": "exact-rational", "level": "sampled"}
EXPECTED: dict[str, Any] = {"truth": "expected-outcome", "level": "sampled"}
SIZES = (32, 64, 128, 256)
WIDTHS = ("stream", "byte")


@pytest.fixture(params=PRODUCT_ISAS)
def isa(request: pytest.FixtureRequest) -> str:
    if reason := machine_lacks(request.param):
        pytest.skip(reason)
    return str(request.param)


def steps_of(seed: int, rows: int, blocks: int) -> NDArray[np.float16]:
    """Of very different sizes and both signs, so that another order of summation gives other bits; some are zero."""
    random = np.random.default_rng(seed)
    steps = np.ldexp(random.normal(size=(rows, blocks)), random.integers(-20, 9, (rows, blocks)))
    return np.where(random.random((rows, blocks)) < 0.1, 0, steps).astype(np.float16)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TABLES)
@given(
    m=st.integers(1, 20),
    n=st.integers(1, 70),
    k=st.integers(1, 300),
    size=st.sampled_from(SIZES),
    threads=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_any_shape(
    name: str, width: str, m: int, n: int, k: int, size: int, threads: int, seed: int, isa: str, compared: Ledger
) -> None:
    table = scheme(name).array()
    a, codes = operands(seed, m, n, k)
    steps = steps_of(seed, n, -(-k // size))
    scales = np.random.default_rng(seed).normal(size=m).astype(np.float32)
    dots = kernels().block_dots(a, codes, table, size, isa="scalar").astype(np.int64)  # judged by test_accumulate
    tiled = kernels().tile_weights(codes, steps, table, size, k, width=width)
    got = kernels().linear_int8(a, scales, tiled, isa=isa, threads=threads)
    compared.bits(got, float32_matmul(dots, scales, steps), subject=f"kernel-{isa}", **MODEL)


@pytest.mark.parametrize("name", TABLES)
def test_every_code_in_every_place_of_a_unit(name: str, isa: str, compared: Ledger) -> None:
    """Each code at each of the 16 places of a unit, met by one activation in its first and in its second slot."""
    table = scheme(name).array()
    steps = np.ones((128, 1), np.float16)
    for place in range(16):
        codes = np.full((128, 16), 127 - place, np.uint8)
        codes[:, place] = np.arange(128)
        a = np.zeros((2, 32), np.int8)
        a[0, 2 * place], a[1, 2 * place + 1] = 127, -128
        want = np.stack([127.0 * table[:, 0], -128.0 * table[:, 1]]).astype(np.float32)
        for width in WIDTHS:
            tiled = kernels().tile_weights(codes, steps, table, 32, width=width)
            got = kernels().linear_int8(a, np.ones(2, np.float32), tiled, isa=isa)
            assert np.array_equal(got, want), f"place {place}, {width}"
    count = 16 * 2 * 128 * len(WIDTHS)
    compared.count(count, subject=f"kernel-{isa}", truth="exact-rational", level="exhaustive", domain=count)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", TABLES)
def test_extremes_of_a_block(name: str, sign: int, isa: str, compared: Ledger) -> None:
    """The largest and the least sum of a block, which a float32 holds exactly, for several rows of activations."""
    table = scheme(name).array()
    for size in SIZES:
        a, codes, total = extreme(table, size, sign)
        tiled = kernels().tile_weights(np.repeat(codes, 33, axis=0), np.ones((33, 1), np.float16), table, size)
        for m in (1, 2, 4, 8, 15):
            got = kernels().linear_int8(np.repeat(a, m, axis=0), np.ones(m, np.float32), tiled, isa=isa)
            compared.equal(got.astype(np.int64).ravel().tolist(), [total] * (33 * m), subject=f"kernel-{isa}", **EXACT)


@pytest.mark.parametrize("whole", [True, False], ids=["power-of-two", "any-scale"])
@given(seed=st.integers(0, 2**32), cols=st.integers(1, 70), exponent=st.integers(-149, 100))
def test_activations_are_the_nearest(
    whole: bool, seed: int, cols: int, exponent: int, isa: str, compared: Ledger
) -> None:
    """Halves of the scale and their neighbours: ties to even where there is a tie, and none where a quotient in single
    precision would show one.
    """
    random = np.random.default_rng(seed)
    largest = np.float32(np.ldexp(127 if whole else random.uniform(64, 128), exponent))
    scale = largest / np.float32(127)
    x = (random.integers(-253, 254, cols) / 2 * float(scale)).astype(np.float32)
    x = np.where(random.random(cols) < 0.6, x, np.nextafter(x, random.normal(size=cols).astype(np.float32)))
    x = x.clip(-largest, largest)
    x[random.integers(cols)] = largest
    a, scales = kernels().quantize_activations(x[None, :], isa=isa)
    assert scales[0] == scale
    want = [round_activation(value, scale) for value in x]
    compared.equal(a[0].tolist(), want, subject=f"kernel-{isa}", **EXACT)


def round_activation(value: np.float32, scale: np.float32) -> int:
    """quantizeActivations of one value; zero without a scale."""
    if scale == 0:
        return 0
    quotient = Fraction(float(value)) / Fraction(float(scale))
    return truth.quantize_slot(-128, 127, quotient.numerator, quotient.denominator)


def test_rows_without_a_scale(isa: str, compared: Ledger) -> None:
    """A row of zeros gives zeros, a row with a NaN or an infinity gives NaN, and neither touches the rows beside it."""
    table = scheme("codebook").array()
    codes = np.random.default_rng(5).integers(0, 128, (40, 33)).astype(np.uint8)
    tiled = kernels().tile_weights(codes, np.full((40, 2), 0.25, np.float16), table, 64, 66)
    x = np.random.default_rng(6).normal(size=(4, 66)).astype(np.float32)
    alone = kernels().linear(x[3:], tiled, isa=isa)
    x[0], x[1, 65], x[2, 0] = 0, np.nan, -np.inf
    y = kernels().linear(x, tiled, isa=isa)
    assert not y[0].any()
    assert np.isnan(y[1:3]).all()
    compared.count(120, subject=f"kernel-{isa}", **EXPECTED)
    compared.bits(y[3:], alone, subject=f"kernel-{isa}", **EXPECTED)


def test_linear_quantizes_and_multiplies(isa: str, compared: Ledger) -> None:
    table = scheme("block").array()
    codes = np.random.default_rng(7).integers(0, 128, (45, 50)).astype(np.uint8)
    tiled = kernels().tile_weights(codes, steps_of(7, 45, 4), table, 32, 99)
    for m in (1, 3, 8, 11):
        x = np.random.default_rng(m).normal(size=(m, 99)).astype(np.float32)
        out = np.empty((m, 45), np.float32)
        assert kernels().linear(x, tiled, isa=isa, out=out, threads=2) is out
        want = kernels().linear_int8(*kernels().quantize_activations(x, isa="scalar"), tiled, isa="scalar")
        compared.bits(out, want, subject=f"kernel-{isa}", **MODEL)


def refusals() -> dict[str, Any]:
    """What must be refused, with a word that its message must hold."""
    table = scheme("block").array()
    codes, steps = np.zeros((3, 32), np.uint8), np.ones((3, 1), np.float16)
    bad_code, bad_step = codes.copy(), steps.copy()
    bad_code[2, 5], bad_step[1, 0] = 128, np.inf
    tile = kernels().tile_weights
    tiled = tile(codes, steps, table, 64)
    linear, x = kernels().linear, np.zeros((2, 64), np.float32)
    return {
        "code": (lambda: tile(bad_code, steps, table, 64), "(2, 5)"),
        "step": (lambda: tile(codes, bad_step, table, 64), "(1, 0)"),
        "block": (lambda: tile(codes, np.ones((3, 2), np.float16), table, 48), "48"),
        "steps": (lambda: tile(codes, np.ones((3, 2), np.float16), table, 64), "[3, 2]"),
        "width": (lambda: tile(codes, steps, table, 64, width="nibble"), "nibble"),
        "cols": (lambda: linear(x[:, :63], tiled), "[2, 63]"),
        "dtype": (lambda: linear(x.astype(np.float64), tiled), "float64"),
        "threads": (lambda: linear(x, tiled, threads=0), "0 threads"),
        "out": (lambda: linear(x, tiled, out=np.zeros((2, 4), np.float32)), "[2, 3]"),
        "isa": (lambda: linear(x, tiled, isa="sse2"), "sse2"),
    }


@pytest.mark.parametrize("name", ["code", "step", "block", "steps", "width", "cols", "dtype", "threads", "out", "isa"])
def test_refuses(name: str, compared: Ledger) -> None:
    from q35.errors import InputError

    call, word = refusals()[name]
    compared.refused(call, InputError, [word], subject="kernel-scalar", **EXPECTED)


def test_exact_dots_agree_with_the_kernels_that_are_used_here(compared: Ledger) -> None:
    """`test_any_shape` takes its integers from the scalar `block_dots`: once more against Python's."""
    table = scheme("codebook").array()
    a, codes = operands(3, 4, 9, 131)
    want = np.array(exact_dots(a, codes, table, 64), np.int64)
    got = kernels().block_dots(a, codes, table, 64, isa="scalar").astype(np.int64)
    compared.bits(got, want, subject="kernel-scalar", **EXACT)


@pytest.mark.parametrize("kind", ["e2m1", "e2m3", "e3m2"])
@given(m=st.integers(1, 12), n=st.integers(1, 70), k=st.integers(1, 150), seed=st.integers(0, 2**32))
def test_mx_weights(kind: str, m: int, n: int, k: int, seed: int, isa: str, compared: Ledger) -> None:
    """Every scale byte, NaN too, and every element, as numbers of units that the exact reference gives them."""
    element = reference("mx").element(kind)
    random = np.random.default_rng(seed)
    blocks = -(-k // 32)
    elements = random.integers(0, 1 << element.width, (n, k)).astype(np.uint8)
    scales = np.where(random.random((n, blocks)) < 0.3, random.integers(0, 256, (n, blocks)), 127).astype(np.uint8)
    units = np.array([element.units(bits) for bits in range(1 << element.width)])
    a = random.integers(-128, 128, (m, k)).astype(np.int8)
    weights = np.zeros((n, 32 * blocks), np.int64)
    weights[:, :k] = units[elements]
    values = np.zeros((m, 32 * blocks), np.int64)
    values[:, :k] = a
    dots = np.einsum("mbk,nbk->mnb", values.reshape(m, blocks, 32), weights.reshape(n, blocks, 32))
    steps = np.ldexp(1.0, np.minimum(scales, 254).astype(np.int64) - 127).astype(np.float32) / np.float32(
        element.units_of_one
    )
    steps[scales == 255] = np.nan
    of_rows = random.normal(size=m).astype(np.float32)
    total = np.zeros((m, n), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for block in range(blocks):
            total = total + steps[:, block] * dots[:, :, block].astype(np.float32)
        want = total * of_rows[:, None]
    tiled = kernels().tile_mx(elements, scales, kind)
    back = kernels().untile_mx(tiled)
    assert np.array_equal(back[0], elements)
    assert np.array_equal(back[1], scales)
    got = kernels().linear_int8(a, of_rows, tiled, isa=isa, threads=1 + m % 3)
    nan = np.isnan(want)
    assert np.array_equal(np.isnan(got), nan)
    compared.bits(np.where(nan, 0, got), np.where(nan, 0, want), subject=f"kernel-{isa}", **MODEL)


def test_mx_elements_with_too_many_bits_are_refused(compared: Ledger) -> None:
    from q35.errors import InputError

    for kind, limit in (("e2m1", 16), ("e2m3", 64), ("e3m2", 64)):
        elements = np.zeros((2, 3), np.uint8)
        elements[1, 2] = limit
        call = partial(kernels().tile_mx, elements, np.full((2, 1), 127, np.uint8), kind)
        compared.refused(call, InputError, ["(1, 2)"], subject="kernel-scalar", **EXPECTED)
    call = partial(kernels().tile_mx, np.zeros((2, 3), np.uint8), np.zeros((2, 1), np.uint8), "e4m3")
    compared.refused(call, InputError, ["e4m3"], subject="kernel-scalar", **EXPECTED)
