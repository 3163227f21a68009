"""The Microscaling (MX) formats on float32 arrays, with the bits that the exact definitions give.

Everything that decides a bit is integer arithmetic on the bits of the floats: no logarithm, no quotient and no product
of floats. A float32 number is `significand * 2^power` with a significand below 2^24. A scale is known from the place of
the leading one of the largest number and from one comparison of its significand; division by a power of two is a shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from q35ref.errors import InputError
from q35ref.mx import SCALE_BIAS, SCALE_NAN, MxElement, MxPolicy, mx_block_bits, mx_block_size, two_pow

NibbleOrder = Literal["low-first", "halves"]
Floats = NDArray[np.float32]
Octets = NDArray[np.uint8]
Ints = NDArray[np.int64]

SIGNIFICAND_BITS = 24
ONE = 1 << SIGNIFICAND_BITS - 1
"""The normalised significand that stands for 1."""
INFINITY_BITS = 0x7F800000


@dataclass(frozen=True)
class MxBlocks:
    """Blocks: the bits of their scales, uint8 `[blocks]`, and of their elements, uint8 `[blocks, 32]`."""

    scales: Octets
    elements: Octets


def blocks_of(rows: Floats) -> Floats:
    """The blocks `[rows * ceil(cols / 32), 32]` of `[rows, cols]`: each row is padded with zeros to whole blocks."""
    missing = -rows.shape[1] % mx_block_size
    return np.pad(rows, [(0, 0), (0, missing)]).reshape(-1, mx_block_size)


def quantize(values: Floats, kind: MxElement, policy: MxPolicy) -> MxBlocks:
    """Blocks of float32 `[blocks, 32]`, bit for bit as `quantize_block_mx`; -0 is the number 0.

    A NaN or an infinity makes its block's scale NaN and its elements 0. Raises `InputError` for another shape or type.
    """
    _check(values, np.float32, mx_block_size)
    bits = np.ascontiguousarray(values).view(np.uint32).astype(np.int64)
    sizes = bits & 0x7FFFFFFF
    scales = _scales(sizes.max(axis=1), kind, policy)
    elements = _elements(sizes, bits != sizes, scales, kind, policy)
    elements[scales == SCALE_NAN] = 0
    return MxBlocks(scales.astype(np.uint8), elements.astype(np.uint8))


def _split(sizes: Ints) -> tuple[Ints, Ints]:
    """Significand and power of float32 numbers without sign; a subnormal has the power of the smallest normals."""
    field, fraction = sizes >> SIGNIFICAND_BITS - 1, sizes & (ONE - 1)
    return fraction + np.where(field == 0, 0, ONE), np.maximum(field, 1) - 150


def _bit_length(n: Ints) -> Ints:
    """How many bits the integers 0 <= n < 2^32 have; 0 for 0."""
    length = np.zeros_like(n)
    for step in (16, 8, 4, 2, 1):
        wide = n >> step > 0
        length += np.where(wide, step, 0)
        n = np.where(wide, n >> step, n)
    return length + n


def _last_without_step(kind: MxElement, policy: MxPolicy) -> int:
    """The largest normalised significand for which a rule still takes the lower one of two neighbouring scales."""
    if policy.rule == "ceil":
        return ONE
    if policy.rule == "rceil":
        return int(kind.largest / two_pow(kind.emax) * ONE)
    if policy.rule == "even":
        return int((2 - two_pow(-(kind.mantissa_bits + 1))) * ONE) - 1
    return 2 * ONE


def _scales(largest: Ints, kind: MxElement, policy: MxPolicy) -> Ints:
    """The scale bits `[blocks]` for the bits of each block's largest absolute value."""
    significand, power = _split(largest)
    length = _bit_length(significand)
    normalised = significand << SIGNIFICAND_BITS - length
    up = normalised > _last_without_step(kind, policy)
    exponent = length - 1 + power - kind.emax + up
    beyond = SCALE_NAN - 1 if policy.overflow == "clamp" else SCALE_NAN
    scales = np.where(exponent > SCALE_BIAS, beyond, np.maximum(exponent + SCALE_BIAS, 0))
    scales = np.where(largest == 0, 0 if policy.zero_scale == "smallest" else SCALE_BIAS, scales)
    return np.where(largest >= INFINITY_BITS, SCALE_NAN, scales)


def _elements(sizes: Ints, negative: NDArray[np.bool_], scales: Ints, kind: MxElement, policy: MxPolicy) -> Ints:
    """The element bits `[blocks, 32]` of numbers given by size and sign, in blocks with the given scale bits."""
    significand, power = _split(sizes)
    # In units of the element a quotient is significand * 2^power.
    power = power - (scales[:, None] - SCALE_BIAS) + (kind.units_of_one.bit_length() - 1)
    if kind.format is None:
        units = np.where(negative, -1, 1) * _rounded(significand, power)
        signed = units.clip(-128 if policy.lowest == "used" else -127, 127)
        return np.asarray(signed & 255)
    spacing = np.maximum(_bit_length(significand) - 1 + power - kind.format.mantissa_bits, 0)
    bits = (spacing << kind.format.mantissa_bits) + _rounded(significand, power - spacing)
    bits = np.minimum(bits, kind.format.largest_bits)
    signed_zero = (significand > 0) if policy.zero == "kept" else (bits > 0)
    return np.asarray(bits + np.where(negative & signed_zero, kind.format.sign_bit, 0))


def _rounded(significand: Ints, power: Ints) -> Ints:
    """significand * 2^power to the nearest integer, ties to even; the significand is below 2^24.

    It fits 64 bits: no quotient in a block is larger than twice the largest element.
    """
    # 2^24 / 2^26 is less than half of 1, so that a longer shift to the right changes nothing.
    right = np.clip(-power, 0, SIGNIFICAND_BITS + 2)
    whole = (significand << np.maximum(power, 0)) >> right
    rest = significand - (whole << right)
    # Twice the rest is compared with one whole: above, or equal and odd, rounds up.
    return np.asarray(whole + ((power < 0) & (2 * rest + (whole & 1) > 1 << right)))


@cache
def element_values(kind: MxElement) -> Floats:
    """What each bit pattern of an element stands for, float32 `[2^width]`, read-only: infinities, NaNs and -0 too."""
    values = np.empty(1 << kind.width, np.float32)
    for bits in range(len(values)):
        value = kind.to_rat(bits)
        if value is not None:
            values[bits] = float(value)
        else:
            assert kind.format is not None
            infinite = kind.format.specials == "ieee" and bits % kind.format.sign_bit == kind.format.largest_bits + 1
            values[bits] = np.inf if infinite else np.nan
        if kind.format and bits >= kind.format.sign_bit:
            values[bits] = -abs(values[bits])
    values.setflags(write=False)
    return values


def dequantize(blocks: MxBlocks, kind: MxElement) -> Floats:
    """The values float32 `[blocks, 32]`: exact products, except that one of 2^128 or more is an infinity.

    A NaN scale makes NaN of its block; so does a NaN element of itself, and an infinite one is infinite. Raises
    `InputError` for another shape or type and for bits that no element has.
    """
    _check(blocks.elements, np.uint8, mx_block_size)
    if blocks.scales.shape != blocks.elements.shape[:1] or blocks.scales.dtype != np.uint8:
        raise InputError(f"scales {blocks.scales.dtype} {blocks.scales.shape} do not fit {len(blocks.elements)} blocks")
    if blocks.elements.size and blocks.elements.max() >> kind.width:
        raise InputError(f"element bits {blocks.elements.max()} have more than {kind.width} bits")
    values = element_values(kind)[blocks.elements].astype(np.float64)
    # Exact in double: an element of at most 8 bits times 2^-127 to 2^127; to float32 only what overflows changes.
    scales = np.ldexp(1.0, blocks.scales.astype(np.int32) - SCALE_BIAS)
    scales = np.where(blocks.scales == SCALE_NAN, np.nan, scales)
    with np.errstate(over="ignore"):
        return (values * scales[:, None]).astype(np.float32)


# Storage


def pack(blocks: MxBlocks, kind: MxElement, nibble_order: NibbleOrder = "low-first") -> Octets:
    """The bytes of blocks, uint8 `[blocks, 1 + 4 * width]`: the scale, then the elements.

    MXFP4 takes 17 bytes a block; two elements share a byte, 2j and 2j + 1 (`low-first`, as torch) or j and j + 16
    (`halves`, as ggml), the first in the low nibble. MXFP6 takes 25: a little-endian stream of 6 bits an element.
    """
    elements = blocks.elements
    if kind.width == 4:
        low, high = _nibbles(elements, nibble_order)
        elements = (low | high << 4).astype(np.uint8)
    elif kind.width == 6:
        codes = np.unpackbits(elements[:, :, None], axis=2, count=6, bitorder="little")
        elements = np.packbits(codes.reshape(len(elements), -1), axis=1, bitorder="little")
    return np.concatenate([blocks.scales[:, None], elements], axis=1)


def unpack(data: Octets, kind: MxElement, nibble_order: NibbleOrder = "low-first") -> MxBlocks:
    """The blocks of bytes uint8 `[blocks, 1 + 4 * width]`, the inverse of `pack`. Raises `InputError`."""
    _check(data, np.uint8, mx_block_bits(kind) // 8)
    body = data[:, 1:]
    if kind.width == 4:
        elements: Octets = np.empty((len(data), mx_block_size), np.uint8)
        low, high = _nibbles(elements, nibble_order)
        low[:], high[:] = body & 15, body >> 4
    elif kind.width == 6:
        codes = np.unpackbits(body, axis=1, bitorder="little").reshape(len(data), mx_block_size, 6)
        elements = np.packbits(codes, axis=2, bitorder="little")[:, :, 0]
    else:
        elements = body.copy()
    return MxBlocks(data[:, 0].copy(), elements)


def _nibbles(elements: Octets, order: NibbleOrder) -> tuple[Octets, Octets]:
    """Views of the elements in the low and in the high nibbles, `[blocks, 16]` each."""
    if order == "low-first":
        return elements[:, 0::2], elements[:, 1::2]
    half = mx_block_size // 2
    return elements[:, :half], elements[:, half:]


def _check(array: NDArray[Any], dtype: type[np.generic], width: int) -> None:
    if array.ndim != 2 or array.dtype != dtype or array.shape[1] != width:
        expected = f"{dtype.__name__} [blocks, {width}]"
        raise InputError(f"{array.dtype.name} {list(array.shape)} given: {expected} is expected")
