"""The tiled layout: Lean's vectors, every place, and the kernels' tiling against both."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import formats, truth, vectors
from conformance.ledger import Ledger
from conformance.subjects import kernels, reference
from conformance.vectors import expect, octets

WIDTHS = {"stream": "tiled", "byte": "tiled_bytes"}
"""Each width with the field of the vectors that holds its bytes."""

SHAPES = [
    *((rows, 70, 32) for rows in (1, 31, 32, 33, 65)),
    *((33, cols, 64) for cols in (1, 2, 63, 64, 65, 129)),
    *((2, 257, block_size) for block_size in (32, 64, 96, 128, 160, 256)),
    (96, 384, 64),
]
"""Rows, columns and block sizes: one row, tiles and blocks that are full, nearly full and just begun, odd columns."""


def matrices() -> tuple[vectors.Row, ...]:
    return vectors.having("tiled", "block_size", "cols", "matrix_codes", "matrix_steps", *WIDTHS.values())


def shape_of(row: vectors.Row, width: str) -> Any:
    return reference("tiled").TiledShape(len(row["matrix_codes"]), row["cols"], row["block_size"] // 32, width)


def test_stored_codes(compared: Ledger) -> None:
    tiled = reference("tiled")
    for row in vectors.having("tiled", "code", "stored"):
        expect(tiled.stored_code(row["code"]), row["stored"], row, "reference", compared)
    for byte in range(256):
        hi, lo = truth.slots(tiled.code_of_stored(byte))
        assert 8 * (hi + 8) + lo + 4 == byte % 128
    compared.count(256, subject="reference", truth="exact-rational", level="exhaustive", domain=256)


@pytest.mark.parametrize("width", WIDTHS)
def test_layout(width: str, compared: Ledger) -> None:
    tiled = reference("tiled")
    for row in matrices():
        shape, codes, steps = shape_of(row, width), row["matrix_codes"], row["matrix_steps"]
        data = octets(row[WIDTHS[width]])
        assert len(data) == shape.bytes
        expect(tiled.tile_matrix(shape, codes, steps), data, row, "reference", compared)
        expect(tiled.untile_matrix(shape, data), (codes, steps), row, "reference", compared)


def test_every_place(compared: Ledger) -> None:
    """Every code of two units of a tile lies where the layout's sentence says, and every place has its code."""
    tiled = reference("tiled")
    seen = set()
    for h in range(2):
        for r in range(16):
            for unit in range(2):
                for q in range(4):
                    for i in range(4):
                        row, pair, place = 16 * h + r, 16 * unit + 4 * q + i, (unit, 2 * q + h, 4 * r + i)
                        assert tiled.tile_place(row, pair) == place
                        assert tiled.place_code(*place) == (row, pair)
                        seen.add(place)
    compared.count(len(seen), subject="reference", truth="exact-rational", level="exhaustive", domain=2 * 8 * 64)


def test_every_bit_of_a_lane(compared: Ledger) -> None:
    """Each bit of each of the 8 codes of a lane is one bit of its 7 bytes, and the bytes give the codes back."""
    tiled = reference("tiled")
    for vector in range(8):
        for bit in range(7):
            codes = [0] * 8
            codes[vector] = 1 << bit
            data = [tiled.lane_byte("stream", codes, v) for v in range(7)]
            assert data == ([0] * bit + [128] + [0] * (6 - bit) if vector == 7 else codes[:7])
            assert [tiled.lane_code("stream", data, v) for v in range(8)] == codes
    compared.count(56, subject="reference", truth="exact-rational", level="exhaustive", domain=56)


@pytest.mark.parametrize(("rows", "cols", "block_size"), [(32, 64, 64), (64, 96, 32)])
def test_whole_tiles_waste_no_bit(rows: int, cols: int, block_size: int, compared: Ledger) -> None:
    """Any bytes whose steps are finite, which only the kernels ask for, come back from the matrix that they hold."""
    tiled = reference("tiled")
    shape = tiled.TiledShape(rows, cols, block_size // 32, "stream")
    data = np.random.default_rng(cols).integers(0, 256, shape.bytes, dtype=np.uint8)
    data.reshape(-1, shape.block_bytes)[:, 1:64:2] &= 0xBF
    table = formats.scheme("block").array()
    claim = {"truth": "exact-rational", "level": "sampled"}
    again = tiled.tile_matrix(shape, *tiled.untile_matrix(shape, data.tolist()))
    compared.equal(again, data.tolist(), subject="reference", **claim)
    held = kernels().TiledWeights(data, rows, cols, block_size, table, "stream")
    kernels_again = kernels().tile_weights(*kernels().untile_weights(held), table, block_size).data
    compared.bits(kernels_again, data, subject="kernel-scalar", **claim)


def test_four_elements_in_three_bytes(compared: Ledger) -> None:
    """Every byte, which is any element with any two bits of the fourth, and what is read back from the three."""
    tiled = reference("tiled")
    for v in range(3):
        for element in range(64):
            for fourth in range(64):
                elements = [63 - element] * 3 + [fourth]
                elements[v] = element
                data = [tiled.fold_four(elements, k) for k in range(3)]
                assert data[v] == element | (fourth >> 2 * v & 3) << 6
                assert [tiled.unfold_four(data, k) for k in range(4)] == elements
    count = 3 * 64 * 64
    compared.count(count, subject="reference", truth="exact-rational", level="exhaustive", domain=count)


def test_operands(compared: Ledger) -> None:
    """The operands of every byte, with bit 7 and without: its table entries, scaled and from an offset on."""
    product, tables = reference("tiled_product"), {name: formats.scheme(name).table for name in ("block", "codebook")}
    for byte in range(256):
        code = reference("tiled").code_of_stored(byte)
        hi, lo = truth.slots(code)
        assert product.arithmetic_operands(byte) == (8 * hi + 64, 8 * (2 * lo) + 64)
        for table in tables.values():
            assert product.table_operands(table, byte) == tuple(entry + 128 for entry in table[code])
    compared.count(256, subject="reference", truth="exact-rational", level="exhaustive", domain=256)


@pytest.mark.parametrize("count", [1, 2, 31, 64, 255, 256])
def test_dots(count: int, compared: Ledger) -> None:
    """Sums with operands, without their offset, are the dot products with the entries: extremes and random values."""
    tiled, product, random = reference("tiled"), reference("tiled_product"), np.random.default_rng(count)
    for scheme in ("block", "codebook"):
        table = formats.scheme(scheme).table
        for low, high in ((-128, -127), (127, 128), (-128, 128)):
            activations = random.integers(low, high, count).tolist()
            codes = random.integers(0, 128, -(-count // 2)).tolist()
            data = [tiled.stored_code(code) + 128 * (code % 3 % 2) for code in codes]
            entries = [entry for code in codes for entry in table[code]]
            want = sum(a * entry for a, entry in zip(activations, entries, strict=False))
            claim = {"subject": "reference", "truth": "exact-rational", "level": "sampled"}
            compared.equal(product.table_entries(table, codes), entries, **claim)
            compared.equal(product.table_dot(table, activations, data), want, **claim)
            if scheme == "block":
                compared.equal(product.arithmetic_dot(activations, data), want, **claim)


@pytest.mark.parametrize("width", WIDTHS)
def test_kernels_on_vectors(width: str, compared: Ledger) -> None:
    table = formats.scheme("block").array()
    for row in matrices():
        codes = np.array(row["matrix_codes"], np.uint8)
        steps = np.array(row["matrix_steps"], np.uint16)
        found = kernels().tile_weights(
            codes, steps.view(np.float16), table, row["block_size"], row["cols"], width=width
        )
        expect(found.data.tolist(), octets(row[WIDTHS[width]]), row, "kernel-scalar", compared)
        codes_again, steps_again = kernels().untile_weights(found)
        again = codes_again.tolist(), steps_again.view(np.uint16).tolist()
        expect(again, (row["matrix_codes"], row["matrix_steps"]), row, "kernel-scalar", compared)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("rows", "cols", "block_size"), SHAPES)
def test_kernels_on_shapes(rows: int, cols: int, block_size: int, width: str, compared: Ledger) -> None:
    tiled, table = reference("tiled"), formats.scheme("codebook").array()
    shape = tiled.TiledShape(rows, cols, block_size // 32, width)
    random = np.random.default_rng((rows, cols, block_size))
    codes = random.integers(0, 128, (rows, shape.pairs), dtype=np.uint8)
    steps = random.standard_normal((rows, shape.blocks)).astype(np.float16)
    found = kernels().tile_weights(codes, steps, table, block_size, cols, width=width)
    want = np.array(tiled.tile_matrix(shape, codes.tolist(), steps.view(np.uint16).tolist()), np.uint8)
    claim = {"subject": "kernel-scalar", "truth": "exact-rational", "level": "sampled"}
    compared.bits(found.data, want, **claim)
    codes_again, steps_again = kernels().untile_weights(found)
    compared.bits(codes_again, codes, **claim)
    compared.bits(steps_again, steps, **claim)


@pytest.mark.parametrize("kind", ["e2m1", "e2m3", "e3m2"])
def test_kernels_on_mx_elements(kind: str, compared: Ledger) -> None:
    """After the 32 scales of a block, each lane has a quarter of its vectors for two elements of rows 16 apart."""
    tiled, random = reference("tiled"), np.random.default_rng(32)
    elements = random.integers(0, 16 if kind == "e2m1" else 64, (33, 70), dtype=np.uint8)
    scales = random.integers(0, 256, (33, 3), dtype=np.uint8)
    filled, filled_scales = np.zeros((64, 96), np.uint8), np.zeros((64, 3), np.uint8)
    filled[:33, :70], filled_scales[:33] = elements, scales
    want: list[int] = []
    for tile in range(2):
        for unit in range(3):
            want += filled_scales[32 * tile : 32 * tile + 32, unit].tolist()
            for quarter in range(4):
                four = [lane_elements(filled, tile, unit, quarter, lane) for lane in range(64)]
                if kind == "e2m1":
                    want += [lane[2 * half] + 16 * lane[2 * half + 1] for half in range(2) for lane in four]
                else:
                    want += [tiled.fold_four(lane, v) for v in range(3) for lane in four]
    found = kernels().tile_mx(elements, scales, kind)
    claim = {"subject": "kernel-scalar", "truth": "exact-rational", "level": "sampled"}
    compared.bits(found.data, np.array(want, np.uint8), **claim)
    elements_again, scales_again = kernels().untile_mx(found)
    compared.bits(elements_again, elements, **claim)
    compared.bits(scales_again, scales, **claim)


def lane_elements(elements: NDArray[np.uint8], tile: int, unit: int, quarter: int, lane: int) -> list[int]:
    """The four elements in a lane of two vectors of a unit: both of a pair, for two rows."""
    places = [reference("tiled").place_code(unit, 2 * quarter + half, lane) for half in range(2)]
    return [int(elements[32 * tile + row, 2 * pair + slot]) for row, pair in places for slot in range(2)]


def test_what_cannot_be_tiled(compared: Ledger) -> None:
    """The last code or the last step of a matrix is none: the error says where it stands."""
    claim = {"subject": "kernel-scalar", "truth": "expected-outcome", "level": "sampled"}
    refused = kernels().BadValue
    for byte in (128, 255):
        codes = np.zeros((33, 20), np.uint8)
        codes[32, 19] = byte
        compared.refused(partial(tile, codes, np.ones((33, 2), np.float16)), refused, ("(32, 19)",), **claim)
    for step in (np.inf, -np.inf, np.nan):
        steps = np.ones((33, 2), np.float16)
        steps[32, 1] = step
        compared.refused(partial(tile, np.zeros((33, 20), np.uint8), steps), refused, ("(32, 1)",), **claim)


def tile(codes: NDArray[np.uint8], steps: NDArray[np.float16]) -> Any:
    return kernels().tile_weights(codes, steps, formats.scheme("block").array(), 32)
