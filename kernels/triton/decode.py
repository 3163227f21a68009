"""From the bytes of the tiled layout (`kernels/cpu/tiled.hpp`) to the table's entries.

The tricks are functions of integers alone, so that a solver can prove each for all inputs. A word is four bytes of a
vector, little-endian: the four codes, as stored, that a row has in it.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def eighth_word(w0, w1, w2, w3, w4, w5, w6):
    """uint32 words of vectors 0 to 6 -> that of vector 7: bit 7 of a byte of vector v is bit v of the code there."""
    low = (w0 >> 7) & 0x01010101 | (w1 >> 6) & 0x02020202 | (w2 >> 5) & 0x04040404 | (w3 >> 4) & 0x08080808
    return low | (w4 >> 3) & 0x10101010 | (w5 >> 2) & 0x20202020 | (w6 >> 1) & 0x40404040


@triton.jit
def codes_of_word(word):
    """uint32 stored bytes -> codes, four at once: a code is stored as code ^ 0x44, bit 7 is another vector's."""
    return word & 0x7F7F7F7F ^ 0x44444444


@triton.jit
def code_of_word(codes, j):
    """uint32 of four codes -> code j of them, int32 0..127."""
    return ((codes >> (8 * j)) & 0xFF).to(tl.int32)


@triton.jit
def decode_hi(code):
    """int32 code -> its slot hi, -8..7: bits 6 to 3 in two's complement."""
    return ((code >> 3) ^ 8) - 8


@triton.jit
def decode_lo(code):
    """int32 code -> its slot lo, -4..3: bits 2 to 0 in two's complement."""
    return ((code & 7) ^ 4) - 4


@triton.jit
def first_of_pair(pair):
    """int16 with an entry of a table in each byte -> the first slot's, int8."""
    return pair.to(tl.int8)


@triton.jit
def second_of_pair(pair):
    """int16 with an entry of a table in each byte -> the second slot's, int8."""
    return (pair >> 8).to(tl.int8)


@triton.jit
def load_table(table):
    """The table's pairs, int16 `[128]`, where they are looked up."""
    return tl.load(table + tl.arange(0, 128))


@triton.jit
def decode_codes(codes, table, ARITHMETIC: tl.constexpr):
    """int32 codes -> both slots, int8: entries of `table` (int16 `[128]`, a pair each), or (hi, 2 lo) by arithmetic."""
    if ARITHMETIC:
        first, second = decode_hi(codes).to(tl.int8), (2 * decode_lo(codes)).to(tl.int8)
    else:
        pairs = tl.gather(table, codes, 0)
        first, second = first_of_pair(pairs), second_of_pair(pairs)
    return first, second


@triton.jit
def decode_words(words, table, ARITHMETIC: tl.constexpr):
    """Words uint32 `[R, W]` of stored codes -> the slots that they stand for, both int8 `[R, 4 W]`."""
    rows: tl.constexpr = words.shape[0]
    width: tl.constexpr = words.shape[1]
    four = codes_of_word(words)
    even = tl.join(code_of_word(four, 0), code_of_word(four, 2))
    odd = tl.join(code_of_word(four, 1), code_of_word(four, 3))
    codes = tl.reshape(tl.join(even, odd), (4 * rows * width,))
    first, second = decode_codes(codes, table, ARITHMETIC)
    return tl.reshape(first, (rows, 4 * width)), tl.reshape(second, (rows, 4 * width))


@triton.jit
def load_blocks(words, first_tile, tiles, first_block, blocks, TILES: tl.constexpr, SPAN: tl.constexpr,
                BLOCK: tl.constexpr):  # fmt: skip
    """Of TILES tiles from `first_tile` on, SPAN blocks from `first_block` on: their stored codes and their steps.

    uint32 `[32 TILES, SPAN BLOCK / 8]` in the order of rows and weights, and float16 `[32 TILES, SPAN]`. Tiles from
    `tiles` on and blocks from `blocks` on are not read: their steps are 0.
    """
    UNIT: tl.constexpr = 112  # words of a unit, of which a vector has 16, and the steps as many
    UNITS: tl.constexpr = BLOCK // 32
    block_size: tl.constexpr = 16 + UNITS * UNIT
    half = tl.arange(0, 16 * TILES)
    tile = first_tile + half // 16
    unit = tl.arange(0, SPAN * UNITS)
    block = first_block + unit // UNITS
    place = tile.to(tl.int64) * blocks * block_size + half % 16
    vector = words + place[:, None] + (block * block_size + 16 + unit % UNITS * UNIT)[None, :]
    inside = (tile < tiles)[:, None] & (block < blocks)[None, :]
    w0 = tl.load(vector, inside, 0)
    w1 = tl.load(vector + 16, inside, 0)
    w2 = tl.load(vector + 32, inside, 0)
    w3 = tl.load(vector + 48, inside, 0)
    w4 = tl.load(vector + 64, inside, 0)
    w5 = tl.load(vector + 80, inside, 0)
    w6 = tl.load(vector + 96, inside, 0)
    w7 = eighth_word(w0, w1, w2, w3, w4, w5, w6)
    # Vector 2 q + h holds quad q of rows 16 h .. 16 h + 15 of a tile. A pair of joins counts q as [.., 2, 2].
    upper = tl.reshape(tl.join(tl.join(w0, w4), tl.join(w2, w6)), (16 * TILES, SPAN * UNITS, 4))
    lower = tl.reshape(tl.join(tl.join(w1, w5), tl.join(w3, w7)), (16 * TILES, SPAN * UNITS, 4))
    both = tl.reshape(tl.join(upper, lower), (TILES, 16, SPAN * UNITS, 4, 2))
    stored = tl.reshape(tl.permute(both, (0, 4, 1, 2, 3)), (32 * TILES, SPAN * UNITS * 4))

    row = tl.arange(0, 32 * TILES)
    tile = first_tile + row // 32
    block = first_block + tl.arange(0, SPAN)
    place = 2 * tile.to(tl.int64) * blocks * block_size + row % 32
    halves = words.to(tl.pointer_type(tl.float16), bitcast=True) + place[:, None] + (2 * block * block_size)[None, :]
    steps = tl.load(halves, (tile < tiles)[:, None] & (block < blocks)[None, :], 0)
    return stored, steps


@triton.jit
def load_block(words, table, first_tile, tiles, block, blocks, TILES: tl.constexpr, BLOCK: tl.constexpr):
    """A block of TILES tiles: its entries int8 `[32 TILES, BLOCK]` and its steps float32 `[32 TILES, 1]`."""
    stored, steps = load_blocks(words, first_tile, tiles, block, blocks, TILES, 1, BLOCK)
    first, second = decode_words(stored, table, False)
    return tl.reshape(tl.join(first, second), (32 * TILES, BLOCK)), steps.to(tl.float32)
