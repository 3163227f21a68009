"""Rounding and the floating-point formats (`proofs/Q35/Round.lean`, `Float.lean`), exact, under the names of Lean.

The rows of `spec/formats.json` are the formats; no format has code of its own. Bits are ints, values are fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import q35spec

Number = Fraction | int
Specials = Literal["none", "nan", "ieee"]
ZeroSign = Literal["positive", "kept"]


def round_half_even(x: Number) -> int:
    """The nearest integer, ties to the even one."""
    return round(Fraction(x))


def float_units(mantissa_bits: int, a: int) -> int:
    """The size, in units, of the bits `a` without a sign: the exponent field 0 has no leading 1."""
    field, mantissa = divmod(a, 1 << mantissa_bits)
    return mantissa if field == 0 else ((1 << mantissa_bits) + mantissa) << field - 1


def float_spacing(mantissa_bits: int, y: Number) -> int:
    """Around `y` >= 0 units numbers are 2^this units apart."""
    return max(int(y).bit_length() - 1 - mantissa_bits, 0)


def float_bits(mantissa_bits: int, y: Number) -> int:
    """The bits of the number nearest to `y` >= 0 units, ties to even, if there were no largest number."""
    spacing = float_spacing(mantissa_bits, y)
    return (spacing << mantissa_bits) + round_half_even(Fraction(y) / (1 << spacing))


@dataclass(frozen=True)
class FloatFormat:
    """A binary format: one sign bit, then the exponent field, then the mantissa field.

    `bias` is what the exponent field is more than the exponent. `specials` says what the highest bit patterns are:
    numbers (`none`), one NaN of each sign (`nan`), or infinity and NaNs as in IEEE 754 (`ieee`).
    """

    exponent_bits: int
    mantissa_bits: int
    bias: int
    specials: Specials

    @property
    def unit_exponent(self) -> int:
        """The unit, the smallest positive number, is 2^-this."""
        return self.bias + self.mantissa_bits - 1

    @property
    def units_of_one(self) -> int:
        """How many units are 1."""
        return 1 << self.unit_exponent

    @property
    def sign_bit(self) -> int:
        """The sign bit, as a number."""
        return 1 << self.exponent_bits + self.mantissa_bits

    @property
    def largest_bits(self) -> int:
        """The bits of the largest number."""
        taken = {"none": 0, "nan": 1, "ieee": 1 << self.mantissa_bits}
        return self.sign_bit - 1 - taken[self.specials]

    def magnitude(self, a: int) -> Fraction:
        """The value of the bits `a` without a sign."""
        return Fraction(float_units(self.mantissa_bits, a), self.units_of_one)

    @property
    def largest(self) -> Fraction:
        """The largest number."""
        return self.magnitude(self.largest_bits)

    @property
    def smallest_normal(self) -> Fraction:
        """The smallest number with a leading 1."""
        return self.magnitude(1 << self.mantissa_bits)

    def to_rat(self, bits: int) -> Fraction | None:
        """The value of bits; None for infinities, NaNs and numbers that have too many bits."""
        size = bits % self.sign_bit
        if not 0 <= bits < 2 * self.sign_bit or size > self.largest_bits:
            return None
        return self.magnitude(size) if bits < self.sign_bit else -self.magnitude(size)

    def size_bits(self, x: Number) -> int:
        """The bits of the size nearest to that of `x`: ties to even, at most the largest number."""
        return min(self.largest_bits, float_bits(self.mantissa_bits, abs(Fraction(x)) * self.units_of_one))

    def of_rat(self, zero: ZeroSign, x: Number) -> int:
        """The bits of the number nearest to `x`: ties to even, saturating.

        A negative `x` whose size rounds to zero has the sign bit exactly where `zero` is `kept`.
        """
        size = self.size_bits(x)
        return self.sign_bit + size if x < 0 and (size or zero == "kept") else size

    def round(self, x: Number) -> Fraction:
        """`x` rounded to the nearest number, ties to even, if there were no largest number."""
        size = self.magnitude(float_bits(self.mantissa_bits, abs(Fraction(x)) * self.units_of_one))
        return -size if x < 0 else size

    @property
    def unit_roundoff(self) -> Fraction:
        """The largest relative error of rounding a number with a leading 1."""
        return Fraction(1, 2 << self.mantissa_bits)

    @property
    def underflow_error(self) -> Fraction:
        """The largest error of rounding a number below the smallest one with a leading 1: half the unit."""
        return Fraction(1, 2 * self.units_of_one)


FORMATS: dict[str, FloatFormat] = {
    row["id"]: FloatFormat(row["exponent_bits"], row["mantissa_bits"], row["bias"], row["specials"])
    for row in q35spec.formats()["floats"]
}
"""Every format by its id, in the order of `spec/formats.json`."""

float32 = FORMATS["float32"]
float16 = FORMATS["float16"]
bfloat16 = FORMATS["bfloat16"]
e2m1 = FORMATS["e2m1"]
e2m3 = FORMATS["e2m3"]
e3m2 = FORMATS["e3m2"]
e4m3 = FORMATS["e4m3"]
e5m2 = FORMATS["e5m2"]
