"""The tiled layout of weights: what `tileMatrix` and `untileMatrix` say of a matrix of given shape, and the claims.

A shape is fixed, all codes, steps and bytes are not. See `kernels/cpu/tiled.hpp` and `proofs/Q35/Tiled.lean`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import z3

from conformance.machine_code import statement
from conformance.machine_code.machine import Region
from conformance.machine_code.operations import Bits, joined
from conformance.machine_code.proofs import Claim

TILE_ROWS, UNIT_CODES, LANES, STEP_BYTES = 32, 16, 64, 64
OFFSET = 0x44
"""`storedCode`: what a code is combined with by exclusive or."""


@dataclass(frozen=True)
class Shape:
    """`TiledShape`: a matrix, and how it is tiled. `bits` a code is 7 (the width `stream`) or 8 (`byte`)."""

    rows: int
    cols: int
    block_size: int
    bits: int

    @property
    def pairs(self) -> int:
        return -(-self.cols // 2)

    @property
    def blocks(self) -> int:
        return -(-self.cols // self.block_size)

    @property
    def units(self) -> int:
        """Units of a block."""
        return self.block_size // (2 * UNIT_CODES)

    @property
    def block_bytes(self) -> int:
        return STEP_BYTES + self.units * self.bits * LANES

    @property
    def tiles(self) -> int:
        return -(-self.rows // TILE_ROWS)

    @property
    def bytes(self) -> int:
        return self.tiles * self.blocks * self.block_bytes

    def region(self) -> Region:
        """The struct that the kernels take: rows, columns, block size and width."""
        content = struct.pack("<QQQixxxx", self.rows, self.cols, self.block_size, self.bits - 7)
        return Region("shape", len(content), content=content)

    def unit_offset(self, tile: int, unit: int) -> int:
        block, within = divmod(unit, self.units)
        return (tile * self.blocks + block) * self.block_bytes + STEP_BYTES + within * self.bits * LANES

    def step_offset(self, row: int, block: int) -> int:
        tile, within = divmod(row, TILE_ROWS)
        return (tile * self.blocks + block) * self.block_bytes + 2 * within


def tiled(shape: Shape, code: Callable[[int, int], Bits], step: Callable[[int, int], tuple[Bits, Bits]]) -> list[Bits]:
    """`tileMatrix`: `code(row, pair)` and the two bytes `step(row, block)`, also beyond the matrix."""
    data: list[Bits] = []
    for tile in range(shape.tiles):
        for block in range(shape.blocks):
            for row in range(TILE_ROWS):
                data += step(TILE_ROWS * tile + row, block)
            for unit in range(block * shape.units, (block + 1) * shape.units):
                data += _unit(shape, code, tile, unit)
    return data


def _unit(shape: Shape, code: Callable[[int, int], Bits], tile: int, unit: int) -> list[Bits]:
    """`tileUnit`: vector by vector, lane by lane."""

    def placed(vector: int, lane: int) -> Bits:
        row, pair = 16 * (vector % 2) + lane // 4, 4 * (vector // 2) + lane % 4
        return code(TILE_ROWS * tile + row, UNIT_CODES * unit + pair) ^ OFFSET

    def byte(vector: int, lane: int) -> Bits:
        if shape.bits == 8:
            return placed(vector, lane)
        last = z3.Extract(vector, vector, placed(7, lane))
        return z3.Concat(last, z3.Extract(6, 0, placed(vector, lane)))

    return [byte(vector, lane) for vector in range(shape.bits) for lane in range(LANES)]


def code_at(shape: Shape, data: list[Bits], row: int, pair: int) -> Bits:
    """`codeAt`."""
    tile, within = divmod(row, TILE_ROWS)
    unit, place = divmod(pair, UNIT_CODES)
    vector, lane = 2 * (place // 4) + within // 16, 4 * (within % 16) + place % 4
    first = shape.unit_offset(tile, unit) + lane
    if shape.bits == 7 and vector == 7:
        bits = joined([z3.Extract(7, 7, data[first + LANES * k]) for k in range(7)])
    else:
        bits = z3.Extract(6, 0, data[first + LANES * vector])
    return z3.ZeroExt(1, bits) ^ OFFSET


def tile(shape: Shape) -> Claim:
    codes, steps = Region("codes", shape.rows * shape.pairs), Region("steps", 2 * shape.rows * shape.blocks)
    target = Region("tiled", shape.bytes, writable=True)
    zero = z3.BitVecVal(0, 8)

    def code(row: int, pair: int) -> Bits:
        inside = row < shape.rows and pair < shape.pairs
        return codes.byte(row * shape.pairs + pair) if inside else zero

    def step(row: int, block: int) -> tuple[Bits, Bits]:
        place = 2 * (row * shape.blocks + block)
        return (steps.byte(place), steps.byte(place + 1)) if row < shape.rows else (zero, zero)

    known = [statement.is_code(byte) for byte in codes.before()]
    return Claim("tile_weights", shape.rows, [shape.region(), codes, steps, target], known, tiled(shape, code, step))


def untile(shape: Shape) -> Claim:
    """Of any bytes at all."""
    source = Region("tiled", shape.bytes)
    codes = Region("codes", shape.rows * shape.pairs, writable=True)
    steps = Region("steps", 2 * shape.rows * shape.blocks, writable=True)
    data = source.before()
    stated = [code_at(shape, data, row, pair) for row in range(shape.rows) for pair in range(shape.pairs)]
    for row in range(shape.rows):
        for block in range(shape.blocks):
            stated += data[shape.step_offset(row, block) :][:2]
    return Claim("untile_weights", shape.rows, [shape.region(), source, codes, steps], [], stated)
