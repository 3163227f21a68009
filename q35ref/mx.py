"""The Microscaling (MX) formats (`proofs/Q35/MxScale.lean`, `MxElement.lean`, `MxBlock.lean`), exact.

A block is one scale, a power of two, and 32 elements that it multiplies. Values are fractions, and None stands for an
infinity or a NaN; scales and elements are bits, as ints. Where the standard is silent, `MxPolicy` has a field; its
choices and defaults are the parameters of `spec/formats.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import q35spec
from q35ref import floats
from q35ref.errors import InputError
from q35ref.floats import FloatFormat, Number, ZeroSign, round_half_even

ScaleRule = Literal["floor", "ceil", "rceil", "even"]
ScaleOverflow = Literal["clamp", "nan"]
ZeroScale = Literal["smallest", "one"]
Int8Lowest = Literal["used", "unused"]
Value = Number | None

_MX = q35spec.formats()["mx"]

SCALE_BIAS: int = _MX["scale"]["bias"]
SCALE_NAN: int = _MX["scale"]["nan"]
"""The scale bits that stand for NaN."""
mx_block_size: int = _MX["block_size"]
"""How many elements share a scale."""
INT8_UNITS = 64
"""How many units of MXINT8 are 1."""


# Powers of two and the scale (Q35/MxScale.lean)


def two_pow(e: int) -> Fraction:
    """2^e."""
    return Fraction(2) ** e


def floor_log2(x: Number) -> int:
    """The exponent of the largest power of two that is at most `x` > 0."""
    x = Fraction(x)
    guess = x.numerator.bit_length() - x.denominator.bit_length()
    return guess if two_pow(guess) <= x else guess - 1


def ceil_log2(x: Number) -> int:
    """The exponent of the smallest power of two that is at least `x` > 0."""
    below = floor_log2(x)
    return below if x <= two_pow(below) else below + 1


def scale_to_rat(bits: int) -> Fraction | None:
    """The value of scale bits, 2^(bits - 127); None for NaN and for what is no eight bits."""
    return two_pow(bits - SCALE_BIAS) if 0 <= bits < SCALE_NAN else None


def scale_bits(overflow: ScaleOverflow, e: int) -> int:
    """The scale bits for 2^e: an exponent below -127 becomes -127, one above 127 what `overflow` says."""
    if e <= SCALE_BIAS:
        return max(e + SCALE_BIAS, 0)
    return SCALE_NAN - 1 if overflow == "clamp" else SCALE_NAN


def scale_exponent(rule: ScaleRule, emax: int, largest: Fraction, mantissa_bits: int, m: Number) -> int:
    """The exponent of the scale for the largest absolute value `m` > 0.

    The elements have the largest power of two 2^emax, the largest number `largest` and `mantissa_bits` mantissa bits.
    """
    if rule == "floor":
        return floor_log2(m) - emax
    if rule == "ceil":
        return ceil_log2(m) - emax
    if rule == "rceil":
        return ceil_log2(Fraction(m) / largest)
    e = floor_log2(m)
    rounds_up = two_pow(e) * (2 - two_pow(-(mantissa_bits + 1))) <= m
    return e - emax + rounds_up


# Elements (Q35/MxElement.lean)


def int8_to_rat(bits: int) -> Fraction | None:
    """The value of eight bits of MXINT8: two's complement in units of 1/64; None for what is no eight bits."""
    return Fraction(bits if bits < 128 else bits - 256, INT8_UNITS) if 0 <= bits < 256 else None


def int8_units(lowest: Int8Lowest, x: Number) -> int:
    """`x` in units of MXINT8: ties to even, clamped at both ends; -128 only where `lowest` is `used`."""
    return max(-128 if lowest == "used" else -127, min(127, round_half_even(Fraction(x) * INT8_UNITS)))


def int8_of_rat(lowest: Int8Lowest, x: Number) -> int:
    """The bits of the nearest MXINT8 number: ties to even, saturating."""
    return int8_units(lowest, x) % 256


@dataclass(frozen=True)
class MxElement:
    """An element format: `format` is its floating-point format, None for MXINT8; `width` bits; largest power 2^emax."""

    id: str
    format: FloatFormat | None
    width: int
    emax: int

    @property
    def mantissa_bits(self) -> int:
        """Bits after the leading one of the largest elements."""
        return self.format.mantissa_bits if self.format else 6

    @property
    def largest(self) -> Fraction:
        """The largest element."""
        return self.format.largest if self.format else Fraction(127, INT8_UNITS)

    @property
    def units_of_one(self) -> int:
        """How many units are 1: every element is a whole number of units."""
        return self.format.units_of_one if self.format else INT8_UNITS

    def to_rat(self, bits: int) -> Fraction | None:
        """The value of the bits of an element; None for infinities, NaNs and numbers that have too many bits."""
        return self.format.to_rat(bits) if self.format else int8_to_rat(bits)

    def of_rat(self, zero: ZeroSign, lowest: Int8Lowest, x: Number) -> int:
        """The bits of the element nearest to `x`: ties to even, saturating at the largest."""
        return self.format.of_rat(zero, x) if self.format else int8_of_rat(lowest, x)

    def units(self, bits: int) -> int:
        """The signed number of units of an element; 0 where it is no number."""
        value = self.to_rat(bits)
        return 0 if value is None else int(value * self.units_of_one)

    @property
    def largest_units(self) -> int:
        """The largest number of units of an element, without its sign."""
        return int(self.format.largest * self.units_of_one) if self.format else 128

    @property
    def top_spacing(self) -> Fraction:
        """The distance of the largest elements from each other."""
        return two_pow(self.emax - self.mantissa_bits)

    @property
    def clip_gap(self) -> Fraction:
        """The distance from the largest element to the power of two after it."""
        return two_pow(self.emax + 1) - self.largest


ELEMENTS: dict[str, MxElement] = {
    row["id"]: MxElement(row["id"], floats.FORMATS.get(row["id"]), row["width"], row["emax"]) for row in _MX["elements"]
}
"""Every element format by its id, in the order of `spec/formats.json`."""


def element(name: str) -> MxElement:
    """The element format called `name`. Raises `InputError`, which lists the valid names."""
    if name not in ELEMENTS:
        raise InputError(f"unknown element {name!r}: the elements are {', '.join(ELEMENTS)}")
    return ELEMENTS[name]


# Blocks (Q35/MxBlock.lean)


@dataclass(frozen=True)
class MxPolicy:
    """Every choice that the standard leaves to the quantizer (`mx.parameters` of `spec/formats.json`)."""

    rule: ScaleRule
    overflow: ScaleOverflow
    zero_scale: ZeroScale
    zero: ZeroSign
    lowest: Int8Lowest


standard = MxPolicy(
    **{
        field: _MX["parameters"][name]["default"]
        for field, name in (
            ("rule", "scale_rule"),
            ("overflow", "scale_overflow"),
            ("zero_scale", "zero_block_scale"),
            ("zero", "zero_sign"),
            ("lowest", "int8_lowest"),
        )
    }
)
"""The standard's scale rule, and the most common choice where it is silent."""


@dataclass(frozen=True)
class MxBlock:
    """The bits of a block: of its scale, and of each element."""

    scale: int
    elements: list[int]


def mx_max_abs(values: Sequence[Value]) -> Fraction | None:
    """The largest absolute value of a block, 0 for an empty one; None if one of the values is no number."""
    numbers = [abs(Fraction(value)) for value in values if value is not None]
    return max(numbers, default=Fraction(0)) if len(numbers) == len(values) else None


def mx_scale_bits(policy: MxPolicy, kind: MxElement, values: Sequence[Value]) -> int:
    """The scale bits of a block of values: NaN if one of them is no number."""
    m = mx_max_abs(values)
    if m is None:
        return SCALE_NAN
    if m == 0:
        return 0 if policy.zero_scale == "smallest" else SCALE_BIAS
    e = scale_exponent(policy.rule, kind.emax, kind.largest, kind.mantissa_bits, m)
    return scale_bits(policy.overflow, e)


def mx_element_bits(policy: MxPolicy, kind: MxElement, scale: int, value: Value) -> int:
    """The element bits of a value in a block with the given scale bits; 0 where there is no number or no scale."""
    factor = scale_to_rat(scale)
    if factor is None or value is None:
        return 0
    return kind.of_rat(policy.zero, policy.lowest, value / factor)


def quantize_block_mx(policy: MxPolicy, kind: MxElement, values: Sequence[Value]) -> MxBlock:
    """A block of values as scale bits and element bits."""
    scale = mx_scale_bits(policy, kind, values)
    return MxBlock(scale, [mx_element_bits(policy, kind, scale, value) for value in values])


def mx_value(kind: MxElement, scale: int, bits: int) -> Fraction | None:
    """What scale bits and element bits stand for together: the product; None if one of them is no number."""
    factor, value = scale_to_rat(scale), kind.to_rat(bits)
    return None if factor is None or value is None else factor * value


def dequantize_block_mx(kind: MxElement, block: MxBlock) -> list[Fraction | None]:
    """The values of a block."""
    return [mx_value(kind, block.scale, bits) for bits in block.elements]


def restore_block_mx(policy: MxPolicy, kind: MxElement, values: Sequence[Value]) -> list[Fraction | None]:
    """What a block of values comes back as."""
    return dequantize_block_mx(kind, quantize_block_mx(policy, kind, values))


def mx_units(kind: MxElement, block: MxBlock) -> list[int]:
    """The elements of a block as integers, in units."""
    return [kind.units(bits) for bits in block.elements]


# Sizes


def mx_block_bits(kind: MxElement) -> int:
    """Bits of a block: the elements and the scale."""
    return mx_block_size * kind.width + 8


def mx_row_bytes(kind: MxElement, count: int) -> int:
    """Bytes of a row of `count` values, whole blocks."""
    return -(-count // mx_block_size) * (mx_block_bits(kind) // 8)


def mx_kv_cache_bytes(kind: MxElement, layers: int, heads: int, dim: int, tokens: int) -> int:
    """Bytes of a key-value cache: a key and a value of `dim` numbers for each layer, head and token."""
    return 2 * layers * heads * tokens * mx_row_bytes(kind, dim)


def fp16_kv_cache_bytes(layers: int, heads: int, dim: int, tokens: int) -> int:
    """Bytes of the same cache in fp16."""
    return 2 * layers * heads * tokens * (2 * dim)
