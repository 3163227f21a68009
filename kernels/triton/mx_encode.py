"""From the bits of float32 numbers to Microscaling (MX) scales and elements, and to slots of Q35.

The tricks are functions of integers alone, int32 everywhere, so that a solver can prove each for all inputs: no
logarithm and no quotient of floats. `size` is the bits of a float32 without its sign. `FORMAT` is an `MxFormat`; the
run-time numbers of a policy are those of `MxPolicy.numbers`.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def bit_length(n):
    """How many bits 0 <= n < 2^24 has; 0 for 0. Three halvings leave 3 bits, whose lengths are digits of a number."""
    twelve = (n >= 1 << 12).to(tl.int32) * 12
    n = n >> twelve
    six = (n >= 1 << 6).to(tl.int32) * 6
    n = n >> six
    three = (n >= 1 << 3).to(tl.int32) * 3
    n = n >> three
    return twelve + six + three + ((0x33332210 >> (4 * n)) & 7)


@triton.jit
def written_significand(size):
    """The significand of a finite float32 as it is written: a subnormal has no leading one."""
    return (size & 0x7FFFFF) + tl.where(size >> 23 == 0, 0, 0x800000)


@triton.jit
def significand_of(size):
    """A finite float32 -> its significand, in [2^23, 2^24) or 0: the number is significand * 2^power (`power_of`)."""
    written = written_significand(size)
    return written << (24 - bit_length(written))


@triton.jit
def power_of(size):
    """A finite float32 -> the power of two that belongs to `significand_of`."""
    field = size >> 23
    return tl.where(field == 0, 1, field) - 174 + bit_length(written_significand(size))


@triton.jit
def rounded(significand, right):
    """significand / 2^right to the nearest integer, ties to even; 0 <= significand < 2^24, right > 0.

    Half a unit, less one where the integer below is even, carries into the integer. From 25 on nothing is left.
    """
    right = tl.where(right > 25, 25, right)
    below_half = (1 << (right - 1)) - 1
    return (significand + below_half + ((significand >> right) & 1)) >> right


@triton.jit
def scale_of_largest(size, last, beyond, of_zeros, FORMAT: tl.constexpr):
    """A block's largest size -> the scale's bits 0..255; 255 (NaN) for an infinity or a NaN."""
    up = (significand_of(size) > last).to(tl.int32)
    scale = power_of(size) + 23 - FORMAT.emax + up + 127
    scale = tl.where(scale > 254, beyond, tl.where(scale < 0, 0, scale))
    scale = tl.where(size == 0, of_zeros, scale)
    return tl.where(size >= 0x7F800000, 255, scale)


@triton.jit
def element_of_quotient(bits, scale, keep_sign, FORMAT: tl.constexpr):
    """The bits of a finite float32, over 2^(scale - 127) -> the nearest element, ties to even, saturating.

    A negative number that becomes 0 has a sign if the bits of `keep_sign` are ones, none if they are zeros.

    The quotient is significand * 2^power smallest elements. Elements around it are 2^spacing of these apart; each
    spacing more is one more in the exponent field, and a carry out of the mantissa goes there by itself.
    """
    size = bits & 0x7FFFFFFF
    significand = significand_of(size)
    power = power_of(size) - (scale - 127) + FORMAT.unit_exponent
    spacing = power + (23 - FORMAT.mantissa_bits)
    spacing = tl.where(spacing < 0, 0, spacing)
    code = (spacing << FORMAT.mantissa_bits) + rounded(significand, spacing - power)
    code = tl.where(code > FORMAT.largest, FORMAT.largest, code)
    return tl.where((bits < 0) & ((code | (size & keep_sign)) != 0), code | FORMAT.sign_bit, code)


@triton.jit
def slot_of(bits, LOW: tl.constexpr, HIGH: tl.constexpr):
    """The bits of a finite float32 -> the nearest integer of [LOW, HIGH], ties to even; |LOW|, HIGH below 16."""
    size = bits & 0x7FFFFFFF
    field = size >> 23
    whole = rounded((size & 0x7FFFFF) | 0x800000, tl.where(field > 130, 20, 150 - field))
    whole = tl.where(field > 130, 16, whole)
    integer = tl.where(bits < 0, -whole, whole)
    return tl.where(integer < LOW, LOW, tl.where(integer > HIGH, HIGH, integer))


# Blocks in memory


@triton.jit
def store_blocks(data, block, mask, scales, codes, FORMAT: tl.constexpr):
    """Stores `scales` int32 `[B]` and `codes` int32 `[B, 32]` where `mask` `[B]` is true, as they are loaded."""
    start = data + block.to(tl.int64) * FORMAT.block_bytes
    tl.store(start, scales.to(tl.uint8), mask)
    body, mask = (start + 1)[:, None], mask[:, None]
    BLOCKS: tl.constexpr = block.shape[0]
    if FORMAT.width == 4:
        low, high = tl.split(tl.reshape(codes, (BLOCKS, 16, 2)))
        tl.store(body + tl.arange(0, 16)[None, :], (low | (high << 4)).to(tl.uint8), mask)
    elif FORMAT.width == 6:
        even, odd = tl.split(tl.reshape(codes, (BLOCKS, 8, 2, 2)))
        e0, e2 = tl.split(even)
        e1, e3 = tl.split(odd)
        four = body + 3 * tl.arange(0, 8)[None, :]
        tl.store(four, (e0 | ((e1 & 3) << 6)).to(tl.uint8), mask)
        tl.store(four + 1, ((e1 >> 2) | ((e2 & 15) << 4)).to(tl.uint8), mask)
        tl.store(four + 2, ((e2 >> 4) | (e3 << 2)).to(tl.uint8), mask)
    else:
        tl.store(body + tl.arange(0, 32)[None, :], codes.to(tl.uint8), mask)
