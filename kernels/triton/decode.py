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
def decode_code(code, table, ARITHMETIC: tl.constexpr):
    """int32 code -> both slots, int8: entries of `table` (int16 `[128]`, a pair each), or (hi, 2 lo) by arithmetic."""
    if ARITHMETIC:
        first, second = decode_hi(code).to(tl.int8), (2 * decode_lo(code)).to(tl.int8)
    else:
        pair = tl.load(table + code)
        first, second = first_of_pair(pair), second_of_pair(pair)
    return first, second


@triton.jit
def load_words(words, offset, mask, STREAM: tl.constexpr):
    """Words uint32 `[32 T, 4 UNITS]` of T tiles, in the order of rows and weights.

    `offset` int `[16 T, UNITS]`: where in `words` a unit of a tile has row r of its first vector; `mask` `[16 T, 1]`.
    """
    w0 = tl.load(words + offset, mask, 0)
    w1 = tl.load(words + offset + 16, mask, 0)
    w2 = tl.load(words + offset + 32, mask, 0)
    w3 = tl.load(words + offset + 48, mask, 0)
    w4 = tl.load(words + offset + 64, mask, 0)
    w5 = tl.load(words + offset + 80, mask, 0)
    w6 = tl.load(words + offset + 96, mask, 0)
    if STREAM:
        w7 = eighth_word(w0, w1, w2, w3, w4, w5, w6)
    else:
        w7 = tl.load(words + offset + 112, mask, 0)
    # Vector 2 q + h holds quad q of rows 16 h .. 16 h + 15; [.., 2, 2] of a pair of joins is [.., q].
    rows: tl.constexpr = offset.shape[0]
    units: tl.constexpr = offset.shape[1]
    upper = tl.reshape(tl.join(tl.join(w0, w4), tl.join(w2, w6)), (rows, units, 4))
    lower = tl.reshape(tl.join(tl.join(w1, w5), tl.join(w3, w7)), (rows, units, 4))
    both = tl.reshape(tl.join(upper, lower), (rows // 16, 16, units, 4, 2))
    return tl.reshape(tl.permute(both, (0, 4, 1, 2, 3)), (2 * rows, 4 * units))


@triton.jit
def decode_words(words, table, ARITHMETIC: tl.constexpr):
    """Words uint32 `[R, W]` of stored codes -> the entries that they stand for, int8 `[R, 8 W]`."""
    rows: tl.constexpr = words.shape[0]
    width: tl.constexpr = words.shape[1]
    four = codes_of_word(words)
    even = tl.join(code_of_word(four, 0), code_of_word(four, 2))
    odd = tl.join(code_of_word(four, 1), code_of_word(four, 3))
    codes = tl.reshape(tl.join(even, odd), (rows, 4 * width))
    first, second = decode_code(codes, table, ARITHMETIC)
    return tl.reshape(tl.join(first, second), (rows, 8 * width))


@triton.jit
def block_offset(tile, block, blocks, BLOCK: tl.constexpr, STREAM: tl.constexpr):
    """Where a block of a tile begins, in words (int64): 32 steps of two bytes, then its units."""
    UNIT: tl.constexpr = 112 if STREAM else 128
    return (tile.to(tl.int64) * blocks + block) * (16 + BLOCK // 32 * UNIT)


@triton.jit
def load_block(words, table, first_tile, tiles, block, blocks, TILES: tl.constexpr, BLOCK: tl.constexpr,
               STREAM: tl.constexpr, ARITHMETIC: tl.constexpr):  # fmt: skip
    """A block of TILES tiles from `first_tile` on: entries int8 `[32 TILES, BLOCK]` and steps float16 `[32 TILES]`.

    Those of tiles from `tiles` on are some numbers and steps 0.
    """
    UNIT: tl.constexpr = 112 if STREAM else 128
    half = tl.arange(0, 16 * TILES)
    tile = first_tile + half // 16
    start = block_offset(tile, block, blocks, BLOCK, STREAM) + half % 16
    unit = tl.arange(0, BLOCK // 32)
    stored = load_words(words, start[:, None] + (16 + UNIT * unit)[None, :], (tile < tiles)[:, None], STREAM)
    row = tl.arange(0, 32 * TILES)
    tile = first_tile + row // 32
    place = 2 * block_offset(tile, block, blocks, BLOCK, STREAM) + row % 32
    steps = tl.load(words.to(tl.pointer_type(tl.float16), bitcast=True) + place, tile < tiles, 0)
    return decode_words(stored, table, ARITHMETIC), steps
