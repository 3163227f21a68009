"""From Microscaling (MX) elements and scales to the bits of floats.

The tricks are functions of integers alone, int32 everywhere, so that a solver can prove each for all inputs.
`FORMAT` is an `MxFormat`.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def with_leading_one(size, FORMAT: tl.constexpr):
    """An element above 0, without a sign -> exponent and mantissa field of the same number with a leading one.

    A number whose exponent field is 0, below 2^mantissa_bits <= 8, gets the exponent 1 - z, z being how far its leading
    one is from the place of the others': ((1 - z) << m) + ((size << z) - (1 << m)). The exponent may be negative.
    """
    z = FORMAT.mantissa_bits - (size >= 2).to(tl.int32) - (size >= 4).to(tl.int32)
    return tl.where(size >> FORMAT.mantissa_bits == 0, (size << z) - (z << FORMAT.mantissa_bits), size)


@triton.jit
def element_to_float_bits(code, FORMAT: tl.constexpr, BITS: tl.constexpr, MANTISSA: tl.constexpr, BIAS: tl.constexpr):
    """An element -> the bits of the same number in an IEEE format of `BITS` bits; infinities and NaNs likewise."""
    size = code & (FORMAT.sign_bit - 1)
    if FORMAT.bias == BIAS:  # the leading bits of the wider number, in all its classes
        wide = size << (MANTISSA - FORMAT.mantissa_bits)
    else:
        INFINITY: tl.constexpr = ((1 << BITS - 1) - 1) >> MANTISSA << MANTISSA
        one = with_leading_one(size, FORMAT)
        wide = (one << (MANTISSA - FORMAT.mantissa_bits)) + ((BIAS - FORMAT.bias) << MANTISSA)
        wide = tl.where(size == 0, 0, wide)
        wide = tl.where(size > FORMAT.largest, INFINITY + (1 << MANTISSA - 1), wide)
        wide = tl.where(size == FORMAT.infinity, INFINITY, wide)
    return wide | ((code & FORMAT.sign_bit) << (BITS - FORMAT.width))


@triton.jit
def element_to_f16_bits(code, FORMAT: tl.constexpr):
    """An element -> the bits of the same float16."""
    return element_to_float_bits(code, FORMAT, 16, 10, 15)


@triton.jit
def element_to_bf16_bits(code, FORMAT: tl.constexpr):
    """An element -> the bits of the same bfloat16."""
    return element_to_float_bits(code, FORMAT, 16, 7, 127)


@triton.jit
def element_to_f32_bits(code, FORMAT: tl.constexpr):
    """An element -> the bits of the same float32."""
    return element_to_float_bits(code, FORMAT, 32, 23, 127)


@triton.jit
def scale_to_f32_bits(scale):
    """A scale 0..255 -> the bits of 2^(scale - 127) as float32: 2^-127 is a subnormal, 255 is NaN."""
    return tl.where(scale == 0, 0x400000, tl.where(scale == 255, 0x7FC00000, scale << 23))


@triton.jit
def product_to_f32_bits(code, scale, FORMAT: tl.constexpr):
    """Element times scale -> the bits of the exact product as float32; an infinity from 2^128 on.

    Where the product is subnormal its leading one is written out and shifted in; only zeros fall off. A NaN scale
    makes one and the same NaN of every element.
    """
    bits = element_to_f32_bits(code, FORMAT)
    size = bits & 0x7FFFFFFF
    field = (size >> 23) + scale - 127
    shift = tl.where(field < 1, 1 - field, 0)
    product = (((size & 0x7FFFFF) | 0x800000) >> shift) + ((field + shift - 1) << 23)
    product = tl.where(field > 254, 0x7F800000, product)
    product = tl.where((size == 0) | (size >= 0x7F800000), size, product)
    return tl.where(scale == 255, 0x7FC00000, product | (bits ^ size))


@triton.jit
def f32_bits_to_bf16_bits(bits):
    """The bits of a float32 -> those of the nearest bfloat16, ties to even, 0..65535."""
    size = bits & 0x7FFFFFFF
    rounded = (size + 0x7FFF + ((size >> 16) & 1)) >> 16
    return tl.where(size > 0x7F800000, 0x7FC0, rounded) | ((bits >> 16) & 0x8000)


@triton.jit
def bits_to_f32(bits):
    """int32 bits -> the float32."""
    return bits.to(tl.float32, bitcast=True)


@triton.jit
def bits_to_16(bits, KIND: tl.constexpr):
    """int32 bits 0..65535 -> the float16 or bfloat16, whichever `KIND` is."""
    return bits.to(tl.int16).to(KIND, bitcast=True)


@triton.jit
def f32_to_bits(x):
    """float32 -> its bits, int32."""
    return x.to(tl.int32, bitcast=True)


@triton.jit
def bf16_to_f32_bits(x):
    """bfloat16 -> the bits of the same float32, int32: it is the leading half."""
    return x.to(tl.int16, bitcast=True).to(tl.int32) << 16


@triton.jit
def bits_as_f32(x):
    """A float32, float16 or bfloat16 -> the bits of the same float32, int32."""
    if x.dtype == tl.bfloat16:  # the interpreter's own conversion loses subnormals
        bits = bf16_to_f32_bits(x)
    else:
        bits = f32_to_bits(x.to(tl.float32))
    return bits


# Blocks in memory: a byte of scale, then 32 elements as a little-endian stream


@triton.jit
def load_scales(data, block, mask, MISSING: tl.constexpr, FORMAT: tl.constexpr):
    """The scales int32 of blocks, `MISSING` where `mask` is false; `block` int: where in `data` each is, in blocks."""
    return tl.load(data + block.to(tl.int64) * FORMAT.block_bytes, mask, MISSING).to(tl.int32)


@triton.jit
def load_codes(data, block, mask, FORMAT: tl.constexpr):
    """The elements int32 `[B, 32]` of the blocks `block` int `[B]`, 0 where `mask` `[B]` is false."""
    body = (data + 1 + block.to(tl.int64) * FORMAT.block_bytes)[:, None]
    mask = mask[:, None]
    BLOCKS: tl.constexpr = block.shape[0]
    if FORMAT.width == 4:
        two = tl.load(body + tl.arange(0, 16)[None, :], mask, 0).to(tl.int32)
        codes = tl.reshape(tl.join(two & 15, two >> 4), (BLOCKS, 32))
    elif FORMAT.width == 6:
        four = body + 3 * tl.arange(0, 8)[None, :]
        b0 = tl.load(four, mask, 0).to(tl.int32)
        b1 = tl.load(four + 1, mask, 0).to(tl.int32)
        b2 = tl.load(four + 2, mask, 0).to(tl.int32)
        even = tl.join(b0 & 63, (b1 >> 4) | ((b2 & 3) << 4))
        odd = tl.join((b0 >> 6) | ((b1 & 15) << 2), b2 >> 2)
        codes = tl.reshape(tl.join(even, odd), (BLOCKS, 32))
    else:
        codes = tl.load(body + tl.arange(0, 32)[None, :], mask, 0).to(tl.int32)
    return codes
