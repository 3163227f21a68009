"""The tiled layout: the Lean definitions of `proofs/Q35/Tiled.lean`, under the same names, on integers.

A matrix is its tiles of 32 rows. A tile is its blocks in order; a block the 32 steps of its rows (fp16 bits, two bytes
each, the lower one first), then its units; a unit the codes of 32 consecutive weights of each row, as 8 vectors of 64.
Codes and steps are matrices, row by row: `codes` [rows][pairs], `steps` [rows][blocks]; outside them stands 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Matrix = Sequence[Sequence[int]]
Width = Literal["stream", "byte"]

BITS: dict[Width, int] = {"stream": 7, "byte": 8}
"""Bits of a code, which is also the number of vectors that a unit takes (`Width.bits`)."""


def item(values: Sequence[int], index: int) -> int:
    """Element `index` of a list; 0 beyond its end."""
    return values[index] if index < len(values) else 0


def entry(rows: Matrix, i: int, j: int) -> int:
    """Element `j` of row `i` of a matrix; 0 outside it."""
    return item(rows[i], j) if i < len(rows) else 0


def stored_code(code: int) -> int:
    """A code as it is stored: 8 (hi + 8) + (lo + 4) (`storedCode_eq`)."""
    return code ^ 0x44


def code_of_stored(byte: int) -> int:
    """The code of a byte that holds a stored code; bit 7 is not looked at (`storedCode_codeOfStored`)."""
    return (byte ^ 0x44) % 128


def lane_byte(width: Width, codes: Sequence[int], v: int) -> int:
    """The byte of vector `v` in a lane with the 8 stored codes `codes`."""
    return codes[v] + (128 * (codes[7] >> v & 1) if width == "stream" else 0)


def lane_code(width: Width, data: Sequence[int], v: int) -> int:
    """The stored code of vector `v` in a lane with these bytes, 7 or 8 by the width (`laneCode_laneByte`)."""
    if width == "byte":
        return data[v]
    return data[v] % 128 if v < 7 else sum(byte // 128 << k for k, byte in enumerate(data))


def fold_four(elements: Sequence[int], v: int) -> int:
    """Byte `v` of the three that four elements of six bits take (`unfoldFour_foldFour`)."""
    return elements[v] + 64 * (elements[3] >> 2 * v & 3)


def unfold_four(data: Sequence[int], v: int) -> int:
    """Element `v` of the four that three bytes hold (`foldFour_unfoldFour`)."""
    return data[v] % 64 if v < 3 else sum(data[k] // 64 << 2 * k for k in range(3))


def tile_place(row: int, pair: int) -> tuple[int, int, int]:
    """Where a tile has the code of its row `row` and number `pair`: unit, vector and lane (`placeCode_tilePlace`)."""
    return pair // 16, 2 * (pair % 16 // 4) + row // 16, 4 * (row % 16) + pair % 4


def place_code(unit: int, vector: int, lane: int) -> tuple[int, int]:
    """The row of the tile and the number of the code that has this place (`tilePlace_placeCode`)."""
    return 16 * (vector % 2) + lane // 4, 16 * unit + 4 * (vector // 2) + lane % 4


@dataclass(frozen=True)
class TiledShape:
    """A matrix of weights [rows, cols] and how it is tiled: `block_units` units of 32 weights in a block."""

    rows: int
    cols: int
    block_units: int
    width: Width

    @property
    def block_size(self) -> int:
        """Weights of a block."""
        return 32 * self.block_units

    @property
    def tiles(self) -> int:
        """Tiles of 32 rows; the last may be filled up."""
        return -(-self.rows // 32)

    @property
    def blocks(self) -> int:
        """Blocks of a row; the last may be filled up."""
        return -(-self.cols // self.block_size)

    @property
    def pairs(self) -> int:
        """Codes of a row (`pairCount`)."""
        return -(-self.cols // 2)

    @property
    def unit_bytes(self) -> int:
        """Bytes of a unit."""
        return BITS[self.width] * 64

    @property
    def block_bytes(self) -> int:
        """Bytes of a block of a tile: its steps and its units."""
        return 64 + self.block_units * self.unit_bytes

    @property
    def tile_bytes(self) -> int:
        """Bytes of a tile."""
        return self.blocks * self.block_bytes

    @property
    def bytes(self) -> int:
        """Bytes of the matrix (`length_tileMatrix`)."""
        return self.tiles * self.tile_bytes

    def unit_offset(self, tile: int, unit: int) -> int:
        """The first byte of a unit, the units counted through all blocks of the tile."""
        block, rest = divmod(unit, self.block_units)
        return tile * self.tile_bytes + block * self.block_bytes + 64 + rest * self.unit_bytes

    def step_offset(self, row: int, block: int) -> int:
        """The first byte of a step."""
        return row // 32 * self.tile_bytes + block * self.block_bytes + 2 * (row % 32)


def tile_unit(width: Width, codes: Matrix, tile: int, unit: int) -> list[int]:
    """The bytes of a unit of a tile, vector by vector."""
    places = [[place_code(unit, k, lane) for k in range(8)] for lane in range(64)]
    lanes = [[stored_code(entry(codes, 32 * tile + row, pair)) for row, pair in lane] for lane in places]
    return [lane_byte(width, lane, v) for v in range(BITS[width]) for lane in lanes]


def tile_steps(steps: Matrix, tile: int, block: int) -> list[int]:
    """The bytes of the 32 steps of a block of a tile."""
    found = [entry(steps, 32 * tile + row, block) for row in range(32)]
    return [byte for step in found for byte in (step % 256, step // 256)]


def tile_block(shape: TiledShape, codes: Matrix, steps: Matrix, tile: int, block: int) -> list[int]:
    """The bytes of a block of a tile: its steps, then its units."""
    data = tile_steps(steps, tile, block)
    for unit in range(shape.block_units):
        data += tile_unit(shape.width, codes, tile, block * shape.block_units + unit)
    return data


def tile_matrix(shape: TiledShape, codes: Matrix, steps: Matrix) -> list[int]:
    """The `shape.bytes` bytes of a matrix with these codes and these steps (fp16 bits).

    `untile_matrix` reads them back (`untileMatrix_tileMatrix`).
    """
    data = []
    for tile in range(shape.tiles):
        for block in range(shape.blocks):
            data += tile_block(shape, codes, steps, tile, block)
    return data


def code_at(shape: TiledShape, data: Sequence[int], row: int, pair: int) -> int:
    """The code of row `row` and number `pair` in the bytes of a matrix (`codeAt_tileMatrix`)."""
    unit, vector, lane = tile_place(row % 32, pair)
    first = shape.unit_offset(row // 32, unit) + lane
    return code_of_stored(lane_code(shape.width, data[first : first + shape.unit_bytes : 64], vector))


def step_at(shape: TiledShape, data: Sequence[int], row: int, block: int) -> int:
    """The step (fp16 bits) of row `row` and block `block` in the bytes of a matrix (`stepAt_tileMatrix`)."""
    first = shape.step_offset(row, block)
    return item(data, first) + 256 * item(data, first + 1)


def untile_matrix(shape: TiledShape, data: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
    """The codes [rows][pairs] and the steps [rows][blocks] of the `shape.bytes` bytes of a matrix.

    Any bytes are those of a matrix, if its tiles are whole and of seven bits a code (`tileMatrix_untileMatrix`).
    """
    return (
        [[code_at(shape, data, row, pair) for pair in range(shape.pairs)] for row in range(shape.rows)],
        [[step_at(shape, data, row, block) for block in range(shape.blocks)] for row in range(shape.rows)],
    )
