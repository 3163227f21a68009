"""The C++ kernels, on the host and on a GPU: all codes, elements, scales and steps, and products bit for bit."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import truth, vectors
from conformance.formats import TABLES, scheme
from conformance.gpu import hip
from conformance.ledger import Ledger
from conformance.subjects import kernels, reference
from conformance.test_accumulate import extreme, float32_matmul, operands
from conformance.test_linear import steps_of
from conformance.test_products import PRODUCT_ROWS, row_of
from conformance.vectors import expect, rational

EXACT: dict[str, Any] = {"truth": "exact-rational", "level": "sampled"}
MODEL: dict[str, Any] = {"truth": "float32-model", "level": "sampled"}
EXPECTED: dict[str, Any] = {"truth": "expected-outcome", "level": "sampled"}
ALL: dict[str, Any] = {"truth": "exact-rational", "level": "exhaustive"}
MX = ("e2m1", "e2m3", "e3m2", "e4m3", "e5m2")

SHAPES = [
    *((1, 1, 1, 32), (1, 33, 2, 32), (1, 70, 300, 64), (1, 95, 257, 160), (1, 31, 2081, 32), (1, 32, 4160, 64)),
    *((2, 1, 1, 64), (3, 31, 63, 64), (5, 96, 257, 128), (2, 97, 511, 256), (64, 64, 128, 64)),
    *((65, 65, 65, 32), (130, 3, 33, 96), (66, 129, 40, 160)),
]
"""M, N, K and block size: of one row and of more, tiles full and just begun, odd columns, more blocks than the kernel
of one row stages at a time."""


def tiled_of(
    codes: NDArray[np.uint8], steps: NDArray[np.float16], table: NDArray[np.int8], size: int, cols: int
) -> Any:
    return kernels().tile_weights(codes, steps, table, size, cols)


# Codes and elements


@hip.on("hip_decode")
def test_every_code(subject: str, compared: Ledger) -> None:
    library = hip.kernels(subject)
    found = library.decode(np.arange(128, dtype=np.uint8))
    assert found.tolist() == [list(truth.slots(code)) for code in range(128)]
    compared.count(256, subject=subject, **ALL, domain=256)
    for row in vectors.having("codes", "code", "encoded", "hi", "lo"):
        got = library.decode(np.array([row["code"]], np.uint8))[0].tolist()
        expect(got, [row["hi"], row["lo"]], row, subject, compared)


@hip.on("hip_decode")
def test_every_byte_that_is_no_code(subject: str, compared: Ledger) -> None:
    """The first of them is named, also behind the first block of threads."""
    from q35kernels import BadValue

    library = hip.kernels(subject)
    for byte in range(128, 256):
        codes = np.resize(np.arange(128, dtype=np.uint8), 600)
        codes[[byte + 200, 599]] = byte
        claim = {"subject": subject, "truth": "expected-outcome", "level": "exhaustive", "domain": 128}
        compared.refused(partial(library.decode, codes), BadValue, [f"byte {byte} ", f"index {byte + 200}"], **claim)


@pytest.mark.parametrize("name", MX)
@hip.on("hip_decode")
def test_every_element_times_every_scale(name: str, subject: str, compared: Ledger) -> None:
    """Bit for bit the product with the sign of its zero; infinity from 2^128 on; NaN where one of them is."""
    kind, count = reference("mx").element(name), 1 << reference("mx").element(name).width
    elements = np.resize(np.arange(count, dtype=np.uint8), (256, max(count, 32)))
    scales = np.arange(256)
    found = hip.kernels(subject).decode_mx(
        name, elements.ravel(), np.repeat(scales, elements.shape[1] // 32).astype(np.uint8)
    )
    values = np.array([element_value(kind, bits) for bits in range(count)])
    with np.errstate(over="ignore", invalid="ignore"):
        exact = np.ldexp(values[elements], scales[:, None] - 127)  # in double, where nothing of this is rounded
        exact[scales == 255] = np.nan
        want = exact.astype(np.float32)
    found = found.reshape(want.shape)
    nan = np.isnan(want)
    assert np.array_equal(np.isnan(found), nan)
    compared.bits(np.where(nan, 0, found), np.where(nan, 0, want), subject=subject, **ALL, domain=want.size)


def element_value(kind: Any, bits: int) -> float:
    """What the exact reference says; -0 and an infinity of the format beside it."""
    value, sign = kind.to_rat(bits), -1.0 if bits >= kind.format.sign_bit else 1.0
    if value is not None:
        return float(np.copysign(float(value), sign))
    infinite = kind.format.specials == "ieee" and bits % kind.format.sign_bit == kind.format.largest_bits + 1
    return sign * np.inf if infinite else np.nan


@pytest.mark.parametrize("name", MX)
@hip.on("hip_decode")
def test_elements_of_lean(name: str, subject: str, compared: Ledger) -> None:
    library = hip.kernels(subject)
    for row in vectors.having("mx_elements", "bits", "element", "units", "value"):
        if row["element"] == name and row["bits"] < 1 << reference("mx").element(name).width:
            found = library.decode_mx(name, np.array([row["bits"]], np.uint8), np.array([127], np.uint8))[0]
            got = float(found) if np.isfinite(found) else None
            expect(got, None if row["value"] is None else float(rational(row["value"])), row, subject, compared)


# Weights


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@hip.on("hip_dequantize")
def test_every_entry_times_every_step(dtype: str, subject: str, compared: Ledger) -> None:
    """All int8 are entries of the table; all finite fp16 are steps: the exact product, or the nearest fp16."""
    steps = np.flatnonzero(truth.finite_steps()).astype(np.uint16)
    table = np.arange(-128, 128).astype(np.int8).reshape(128, 2)
    codes = np.broadcast_to(np.arange(128, dtype=np.uint8), (len(steps), 128))
    tiled = tiled_of(np.ascontiguousarray(codes), steps.view(np.float16)[:, None], table, 256, 256)
    found = hip.kernels(subject).dequantize(tiled, dtype)
    claim = {"truth": "float32-model", "level": "exhaustive", "domain": found.size}
    for start in range(0, len(steps), 1024):
        part = slice(start, start + 1024)
        exact = steps[part, None].view(np.float16).astype(np.float32) * table.reshape(1, 256).astype(np.float32)
        with np.errstate(over="ignore"):
            compared.bits(found[part], exact.astype(dtype), subject=subject, **claim)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@hip.on("hip_dequantize")
def test_what_is_no_step_makes_its_block_nan(dtype: str, subject: str, compared: Ledger) -> None:
    """Every infinity and every NaN, in memory that nobody checked; the row's other block is as it was."""
    bad = np.flatnonzero(~truth.finite_steps()).astype(np.uint16)
    table = scheme("block").array()
    tiled = tiled_of(np.full((len(bad), 32), 9, np.uint8), np.ones((len(bad), 2), np.float16), table, 32, 64)
    data = tiled.data.copy()
    blocks = data.reshape(-1, 2, 64 + 448)  # [tiles, blocks, bytes]: the steps, then a unit
    blocks[:, 1, :64] = np.resize(bad, (len(blocks), 32)).view(np.uint8)
    held = kernels().TiledWeights(data, tiled.rows, 64, 32, table, "stream")
    found = hip.kernels(subject).dequantize(held, dtype)
    assert np.isnan(found[:, 32:]).all()
    assert np.array_equal(found[:, :32], np.broadcast_to(np.tile(table[9], 16), (len(bad), 32)))
    compared.count(found.size, subject=subject, **EXPECTED)


@pytest.mark.parametrize("name", TABLES)
@hip.on("hip_dequantize")
def test_weights_of_any_shape(name: str, subject: str, compared: Ledger) -> None:
    library, table = hip.kernels(subject), scheme(name).array()
    for _, n, k, size in SHAPES:
        codes, steps = operands(k, 1, n, k)[1], steps_of(k, n, -(-k // size))
        entries = table[codes].reshape(n, -1)[:, :k].astype(np.float32)
        want = entries * np.repeat(steps.astype(np.float32), size, axis=1)[:, :k]
        tiled = tiled_of(codes, steps, table, size, k)
        compared.bits(library.dequantize(tiled), want, subject=subject, **MODEL)
        with np.errstate(over="ignore"):
            nearest = want.astype(np.float16)
        compared.bits(library.dequantize(tiled, np.float16), nearest, subject=subject, **MODEL)


# Products


@pytest.mark.parametrize(("m", "n", "k", "size"), SHAPES)
@pytest.mark.parametrize("name", TABLES)
@hip.on("hip_linear")
def test_products_of_any_shape(name: str, m: int, n: int, k: int, size: int, subject: str, compared: Ledger) -> None:
    """Steps of very different sizes: another order of the blocks, or a fused addition, gives other bits."""
    table = scheme(name).array()
    a, codes = operands(k, m, n, k)
    steps = steps_of(k, n, -(-k // size))
    scales = np.random.default_rng(k).normal(size=m).astype(np.float32)
    dots = kernels().block_dots(a, codes, table, size, isa="scalar").astype(np.int64)  # judged by test_accumulate
    found = hip.kernels(subject).linear_int8(a, scales, tiled_of(codes, steps, table, size, k))
    compared.bits(found, float32_matmul(dots, scales, steps), subject=subject, **MODEL)


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("name", TABLES)
@hip.on("hip_linear")
def test_every_code_in_every_place_of_a_unit(name: str, m: int, subject: str, compared: Ledger) -> None:
    """Each code at each of the 16 places of a unit, met by one activation in its first and in its second slot."""
    library, table, one = hip.kernels(subject), scheme(name).array(), np.ones(m, np.float32)
    for place in range(16):
        codes = np.full((128, 16), 127 - place, np.uint8)
        codes[:, place] = np.arange(128)
        tiled = tiled_of(codes, np.ones((128, 1), np.float16), table, 32, 32)
        for slot, value in enumerate((127, -128)):
            a = np.zeros((m, 32), np.int8)
            a[:, 2 * place + slot] = value
            want = np.broadcast_to(float(value) * table[:, slot], (m, 128))
            assert np.array_equal(library.linear_int8(a, one, tiled), want), f"place {place}, slot {slot}"
    count = 16 * 2 * 128 * m
    compared.count(count, subject=subject, **ALL, domain=count)


@pytest.mark.parametrize("m", [1, 2])
@hip.on("hip_linear")
def test_products_with_every_step(m: int, subject: str, compared: Ledger) -> None:
    """Every finite fp16 as a step: -8 times it, exactly."""
    steps = np.flatnonzero(truth.finite_steps()).astype(np.uint16)
    code = truth.CODE_OF[-8, 3]
    tiled = tiled_of(
        np.full((len(steps), 1), code, np.uint8), steps.view(np.float16)[:, None], scheme("block").array(), 32, 1
    )
    found = hip.kernels(subject).linear_int8(np.ones((m, 1), np.int8), np.ones(m, np.float32), tiled)
    products = -8 * steps.view(np.float16).astype(np.float32) + np.float32(0)  # the sum starts with +0
    want = np.ascontiguousarray(np.broadcast_to(products, (m, len(steps))))
    compared.bits(found, want, subject=subject, **ALL, domain=want.size)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", TABLES)
@hip.on("hip_linear")
def test_extremes_of_a_block(name: str, sign: int, subject: str, compared: Ledger) -> None:
    """The largest and the least sum of a block, which a float32 holds exactly."""
    table = scheme(name).array()
    for size in (32, 64, 256):
        a, codes, total = extreme(table, size, sign)
        tiled = tiled_of(np.repeat(codes, 33, axis=0), np.ones((33, 1), np.float16), table, size, size)
        for m in (1, 3):
            found = hip.kernels(subject).linear_int8(np.repeat(a, m, axis=0), np.ones(m, np.float32), tiled)
            compared.equal(found.astype(np.int64).ravel().tolist(), [total] * (33 * m), subject=subject, **EXACT)


@pytest.mark.parametrize("m", [1, 2])
@hip.on("hip_linear")
def test_products_of_lean(m: int, subject: str, compared: Ledger) -> None:
    """Rows of products as Lean computes them, blocks filled up with activations of zero."""
    library, bound = hip.kernels(subject), reference("matmul_bound")
    for row in vectors.having("products", *PRODUCT_ROWS):
        blocks, table = row_of(bound, row["blocks"]), scheme(row["scheme"])
        a, codes = np.zeros((len(blocks), 32), np.int8), np.zeros((len(blocks), 16), np.uint8)
        for index, block in enumerate(blocks):
            a[index, : len(block.ints)] = block.ints
            for place, pair in enumerate(truth.as_pairs(block.entries)):
                whole = 2 * place + 2 <= len(block.entries)
                codes[index, place] = next(
                    code
                    for code, entry in enumerate(table.table)
                    if entry == pair or (not whole and entry[0] == pair[0])
                )
        steps = np.array([[float(block.step) for block in blocks]], np.float16)
        tiled = tiled_of(codes.reshape(1, -1), steps, table.array(), 32, a.size)
        scales = np.full(m, float(rational(row["activation_scale"])), np.float32)
        found = library.linear_int8(np.repeat(a.reshape(1, -1), m, axis=0), scales, tiled)
        expect(found.tolist(), [[float(rational(row["computed"]))]] * m, row, subject, compared)


@hip.on("hip_linear")
def test_a_scale_that_is_nan_makes_its_row_nan(subject: str, compared: Ledger) -> None:
    a, codes = operands(5, 3, 40, 66)
    tiled = tiled_of(codes, steps_of(5, 40, 2), scheme("codebook").array(), 64, 66)
    scales = np.array([1, np.nan, -2], np.float32)
    found = hip.kernels(subject).linear_int8(a, scales, tiled)
    assert np.isnan(found[1]).all()
    whole = hip.kernels(subject).linear_int8(a, np.array([1, 0, -2], np.float32), tiled)
    compared.bits(found[[0, 2]], whole[[0, 2]], subject=subject, **EXPECTED)
    compared.count(40, subject=subject, **EXPECTED)


def refusals(library: Any) -> dict[str, Any]:
    """What must be refused, with a word that its message must hold."""
    codes, steps, table = np.zeros((3, 32), np.uint8), np.ones((3, 1), np.float16), scheme("block").array()
    tiled = kernels().tile_weights(codes, steps, table, 64)
    byte = kernels().tile_weights(codes, steps, table, 64, width="byte")
    short = kernels().TiledWeights(tiled.data[:-64], 3, 64, 64, table, "stream")
    a, scales = np.zeros((2, 64), np.int8), np.ones(2, np.float32)
    return {
        "width": (lambda: library.linear_int8(a, scales, byte), "byte"),
        "data": (lambda: library.dequantize(short), "data"),
        "cols": (lambda: library.linear_int8(a[:, :63].copy(), scales, tiled), "[2, 63]"),
        "scales": (lambda: library.linear_int8(a, scales[:1], tiled), "[1]"),
        "dtype": (lambda: library.dequantize(tiled, np.float64), "float64"),
        "out": (lambda: library.dequantize(tiled, out=np.empty((3, 63), np.float32)), "[3, 64]"),
        "kind": (lambda: library.decode_mx("int8", codes[0], codes[0, :1]), "int8"),
        "element": (lambda: library.decode_mx("e2m1", np.full(3, 16, np.uint8), codes[0, :1]), "byte 16"),
        "blocks": (lambda: library.decode_mx("e2m1", codes[0], codes[0, :2]), "[2]"),
    }


@pytest.mark.parametrize("name", ["width", "data", "cols", "scales", "dtype", "out", "kind", "element", "blocks"])
def test_refuses(name: str, compared: Ledger) -> None:
    from q35.errors import InputError

    call, word = refusals(hip.kernels("simt"))[name]
    compared.refused(call, InputError, [word], subject="simt", **EXPECTED)
