"""What the specification says of elements, scales and slots, as bit-vector terms.

Values are exact rationals, computed from the widths in `spec/formats.json`. A decoder is stated as a look-up of all its
values. An encoder is stated by thresholds: a code is right for a number that has reached the middle between its value
and the one below, and not that between its value and the one above; ties go to the even code, which is the definition
of rounding, since codes are in the order of their values. Nothing here shares code with the references or the kernels;
the values are tested against Lean's vectors, the statements against the exact reference.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import z3

from conformance import formats
from conformance.machine_code.operations import Bits

Size = Fraction | float
"""A number without its sign, infinity (`math.inf`) or NaN (`math.nan`)."""


@dataclass(frozen=True)
class Format:
    """A floating-point format of the specification."""

    exponent_bits: int
    mantissa_bits: int
    bias: int
    specials: str

    @property
    def sign_bit(self) -> int:
        return 1 << (self.exponent_bits + self.mantissa_bits)

    @property
    def width(self) -> int:
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def numbers(self) -> int:
        """How many numbers there are without a sign: the bits from here on are infinity and NaN."""
        return self.sign_bit - {"none": 0, "nan": 1, "ieee": 1 << self.mantissa_bits}[self.specials]

    def size(self, bits: int) -> Size:
        """What bits without a sign stand for."""
        if bits >= self.numbers:
            return math.inf if self.specials == "ieee" and bits == self.numbers else math.nan
        exponent, mantissa = divmod(bits, 1 << self.mantissa_bits)
        significand = Fraction(mantissa, 1 << self.mantissa_bits) + (exponent > 0)
        return significand * Fraction(2) ** (max(exponent, 1) - self.bias)

    def bits(self, size: Size) -> int:
        """The bits of a number, which the format has, or of an infinity or NaN, of which it has at least one."""
        if not isinstance(size, Fraction):
            return self.numbers + (1 if math.isnan(size) and self.specials == "ieee" else 0)
        found = bisect_left(range(self.numbers), size, key=lambda bits: Fraction(self.size(bits)))
        assert found < self.numbers, f"{size} is beyond the format"
        assert self.size(found) == size, f"{size} is between two numbers of the format"
        return found


@cache
def float_format(name: str) -> Format:
    row = next(row for row in formats.formats()["floats"] if row["id"] == name)
    return Format(row["exponent_bits"], row["mantissa_bits"], row["bias"], row["specials"])


def chosen(index: Bits, entries: Sequence[int], width: int) -> Bits:
    """Entry number `index`, of `width` bits; there is one for each value of the index."""
    assert len(entries) == 1 << index.size()
    terms = [z3.BitVecVal(entry, width) for entry in entries]
    for place in range(index.size()):
        first = z3.Extract(place, place, index) == 0
        terms = [a if a.eq(b) else z3.If(first, a, b) for a, b in zip(terms[::2], terms[1::2], strict=True)]
    return terms[0]


def decoded(name: str, target: str, code: Bits) -> Bits:
    """The bits in the format `target` of what a code of the format `name` stands for."""
    source, wide = float_format(name), float_format(target)
    sizes = [wide.bits(source.size(bits)) for bits in range(source.sign_bit)]
    entries = sizes + [size | wide.sign_bit for size in sizes]
    return chosen(z3.Extract(source.width - 1, 0, code), entries, wide.width)


def scale(target: str, byte: Bits) -> Bits:
    """The bits in the format `target` of an E8M0 scale."""
    stated, wide = formats.formats()["mx"]["scale"], float_format(target)
    values = [math.nan if bits == stated["nan"] else Fraction(2) ** (bits - stated["bias"]) for bits in range(256)]
    return chosen(byte, [wide.bits(value) for value in values], wide.width)


def same_float(name: str, got: Bits, want: Bits) -> Any:
    """The same bits, or both any NaN of an IEEE format."""
    kind = float_format(name)
    assert kind.specials == "ieee"

    def is_nan(bits: Bits) -> Any:
        return z3.UGT(z3.Extract(kind.width - 2, 0, bits), kind.numbers)

    return z3.If(is_nan(want), is_nan(got), got == want)


FLOAT32 = float_format("float32")
EXPONENT, SIGNIFICAND = 12, 24
"""Bits of the two parts that a number is compared by."""


@dataclass(frozen=True)
class Number:
    """A size significand * 2^exponent above 0, with its leading one in bit 23 of the significand."""

    exponent: Bits
    significand: Bits

    def reaches(self, other: Number) -> Any:
        same = z3.And(self.exponent == other.exponent, z3.UGE(self.significand, other.significand))
        return z3.Or(self.exponent > other.exponent, same)

    def times_two_to(self, power: Bits | int) -> Number:
        """It times 2^power; `power` has the bits of an exponent, or is a number."""
        return Number(self.exponent + power, self.significand)


def number(size: Bits) -> Number:
    """The number whose float32 bits without a sign these 31 are, if it is finite and not 0."""
    field, mantissa = z3.Extract(30, 23, size), z3.Extract(22, 0, size)
    least = 1 - FLOAT32.bias - FLOAT32.mantissa_bits
    exponent = z3.ZeroExt(EXPONENT - 8, field) + (least - 1)
    significand = z3.Concat(z3.BitVecVal(1, 1), mantissa)
    for place in range(23):
        # a subnormal with its leading one in this place
        here = z3.And(field == 0, z3.Extract(22, place, mantissa) == 1)
        exponent = z3.If(here, z3.BitVecVal(least + place - 23, EXPONENT), exponent)
        significand = z3.If(here, z3.ZeroExt(1, mantissa) << (23 - place), significand)
    return Number(exponent, significand)


def power_of_scale(scale: Bits) -> Bits:
    """The exponent of the scale that is not NaN."""
    return z3.ZeroExt(EXPONENT - 8, scale) - formats.formats()["mx"]["scale"]["bias"]


def _parts(value: Fraction, inclusive: bool = True) -> tuple[int, int]:
    """Exponent and significand of a value above 0; of the next number of 24 bits, if the value is not included."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length() - SIGNIFICAND
    exponent += value >= Fraction(2) ** (exponent + SIGNIFICAND)
    significand = value / Fraction(2) ** exponent
    assert significand.denominator == 1, f"{value} has more than {SIGNIFICAND} bits"
    assert inclusive or significand % 2 == 0, f"{value} has no room for what is just beyond it"
    return exponent, int(significand) + (not inclusive)


def _chosen_number(index: Bits, parts: Sequence[tuple[int, int]]) -> Number:
    """One of many numbers; what has no parts is (0, 0)."""
    padded = [*parts, *[(0, 0)] * ((1 << index.size()) - len(parts))]
    exponents, significands = zip(*padded, strict=True)
    return Number(chosen(index, exponents, EXPONENT), chosen(index, significands, SIGNIFICAND))


def _middles(sizes: Sequence[Fraction]) -> list[tuple[int, int]]:
    """The least numbers that round to each of ascending sizes, the first one aside: the middle itself does if the
    size's number is even."""
    middles = [(low + high) / 2 for low, high in pairwise(sizes)]
    return [(0, 0), *(_parts(middle, place % 2 == 0) for place, middle in enumerate(middles, start=1))]


def _is_nearest(found: Number, sizes: Sequence[Fraction], power: Bits | int, place: Bits) -> Any:
    """Whether the size in that place of ascending ones, times 2^power, is nearest to a number, ties to even; beyond the
    largest one it is that."""
    starts = _middles(sizes)
    largest = len(sizes) - 1
    begun = z3.Or(place == 0, found.reaches(_chosen_number(place, starts).times_two_to(power)))
    ended = z3.And(place != largest, found.reaches(_chosen_number(place + 1, starts).times_two_to(power)))
    return z3.And(z3.ULE(place, largest), begun, z3.Not(ended))


def is_quotient(name: str, size: Bits, scale: Bits, element: Bits) -> Any:
    """Whether these are the bits without a sign of the element nearest to a finite float32 over 2^(scale - 127)."""
    kind = float_format(name)
    sizes = [Fraction(kind.size(bits)) for bits in range(kind.numbers)]
    nearest = _is_nearest(number(size), sizes, power_of_scale(scale), element)
    return z3.If(size == 0, element == 0, nearest)


def is_slot(size: Bits, negative: Any, low: int, high: int, slot: Bits) -> Any:
    """Whether that int8 is the integer from `low` to `high` that is nearest to a finite float32."""
    found = number(size)

    def nearest(largest: int, whole: Bits) -> Any:
        return _is_nearest(found, [Fraction(number) for number in range(largest + 1)], 0, whole)

    of_number = z3.If(negative, nearest(-low, -slot), nearest(high, slot))
    return z3.If(size == 0, slot == 0, of_number)


def _least(rule: str, name: str) -> tuple[Fraction, bool]:
    """Of which numbers the scale of an element format is 1 or more by a rule: of those beyond a value, and whether of
    that value itself. From the statements of `scale_rule` in `spec/formats.json`."""
    kind = float_format(name)
    emax = next(row["emax"] for row in formats.formats()["mx"]["elements"] if row["id"] == name)
    top = Fraction(2) ** emax
    return {
        "floor": (top, True),
        "ceil": (top / 2, False),
        "rceil": (Fraction(kind.size(kind.numbers - 1)) / 2, False),
        "even": (top / 2 * (2 - Fraction(1, 2 << kind.mantissa_bits)), True),
    }[rule]


def is_scale(rule: str, name: str, size: Bits, beyond: Bits, of_zeros: Bits, scale: Bits) -> Any:
    """Whether these are the scale bits for a block's largest float32 without its sign: the largest that it reaches.

    `beyond`: the bits for what reaches more than the largest scale, `of_zeros`: those for a block of zeros.
    """
    nan, found = formats.formats()["mx"]["scale"]["nan"], number(size)
    exponent, significand = _parts(*_least(rule, name))
    least = Number(z3.BitVecVal(exponent, EXPONENT), z3.BitVecVal(significand, SIGNIFICAND))

    def reaches(bits: Bits) -> Any:
        return found.reaches(least.times_two_to(power_of_scale(bits)))

    largest = z3.And(z3.Or(scale == 0, reaches(scale)), z3.ULT(scale, nan), z3.Not(reaches(scale + 1)))
    finite = z3.If(reaches(z3.BitVecVal(nan, 8)), scale == beyond, largest)
    finite = z3.If(size == 0, scale == of_zeros, finite)
    return z3.If(z3.UGE(size, FLOAT32.numbers), scale == nan, finite)


def is_product(name: str, code: Bits, scale: Bits, product: Bits) -> Any:
    """Whether these are the float32 bits of element times scale: exactly, or infinity from 2^128 on."""
    kind = float_format(name)
    element, size = z3.Extract(kind.width - 2, 0, code), z3.Extract(30, 0, product)
    sizes = [kind.size(bits) for bits in range(kind.sign_bit)]
    parts = [_parts(size) if isinstance(size, Fraction) and size else (0, 0) for size in sizes]
    want, got = _chosen_number(element, parts).times_two_to(power_of_scale(scale)), number(size)

    def is_one_of(kept: Callable[[Size], bool]) -> Any:
        return z3.Or(False, *[element == bits for bits, size in enumerate(sizes) if kept(size)])

    exact = z3.And(got.exponent == want.exponent, got.significand == want.significand)
    exact = z3.And(z3.ULT(size, FLOAT32.numbers), size != 0, exact)
    infinite = z3.Or(is_one_of(math.isinf), want.exponent >= FLOAT32.bias + 1 - FLOAT32.mantissa_bits)
    of_number = z3.If(is_one_of(lambda size: size == 0), size == 0, z3.If(infinite, size == FLOAT32.numbers, exact))
    sign = z3.Extract(31, 31, product) == z3.Extract(kind.width - 1, kind.width - 1, code)
    is_nan = z3.Or(scale == formats.formats()["mx"]["scale"]["nan"], is_one_of(math.isnan))
    return z3.If(is_nan, z3.UGT(size, FLOAT32.numbers), z3.And(sign, of_number))
