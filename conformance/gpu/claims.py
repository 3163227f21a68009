"""Claims about the functions of integers that the GPU kernels decode and encode with, each stated for all inputs.

Terms are z3 bit vectors, arguments and results by position. What the specification says is in `definition` and in
`machine_code.statement`; here is only how the functions carry it in 32-bit words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import z3

from conformance import formats
from conformance.gpu import definition
from conformance.gpu.header import Entry
from conformance.machine_code import layout, statement
from conformance.machine_code.operations import Bits, joined, lanes

Condition = Any
"""A z3 truth value."""
ELEMENTS = tuple(name for name in formats.ELEMENTS if name != "int8")
FLOATS = {"f16": "float16", "bf16": "bfloat16", "f32": "float32"}


@dataclass(frozen=True)
class Claim:
    """The results of a function are as `stated(*arguments, *results)` says wherever `known(*arguments)` holds."""

    function: str
    stated: Callable[..., Condition]
    known: Callable[..., Condition] = lambda *arguments: z3.BoolVal(True)
    split: Callable[..., list[Condition]] = lambda *arguments: []
    """Proved where each of these holds of the arguments and where none does, one after the other: each is easier."""
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.function} {self.label}".strip()

    def cases(self, arguments: Sequence[Any]) -> list[Condition]:
        """Conditions, one of which holds of any arguments that are known."""
        known, parts = self.known(*arguments), self.split(*arguments)
        return [z3.And(known, part) for part in [*parts, z3.Not(z3.Or(False, *parts))]]


@dataclass(frozen=True)
class TritonClaim(Claim):
    """A function in a file of `kernels/triton`, called with scalars of these types and with constants."""

    file: str = field(kw_only=True)
    types: Mapping[str, str] = field(kw_only=True)
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return " ".join([super().name, *map(str, self.constants.values())])


@dataclass(frozen=True)
class HeaderClaim(Claim):
    """A function of `kernels/hip/decode.hpp`, called by a function with C's types."""

    entry: Entry = field(kw_only=True)


def low(bits: int, term: Bits) -> Bits:
    return z3.Extract(bits - 1, 0, term)


def below(*limits: int) -> Callable[..., Condition]:
    return lambda *terms: z3.And(*[z3.ULT(term, limit) for term, limit in zip(terms, limits, strict=False)])


def same(stated: Callable[..., Bits]) -> Callable[..., Condition]:
    """The one result is a term of the arguments."""
    return lambda *terms: terms[-1] == stated(*terms[:-1])


# Codes of Q35


def eighth(words: Sequence[Bits]) -> Bits:
    """The word of vector 7: in each byte, bit v is bit 7 of the byte in the same lane of word v."""
    tops = [[z3.Extract(7, 7, lane) for lane in lanes(word, 8)] for word in words]
    return joined([bit for lane in range(4) for bit in (*(top[lane] for top in tops), z3.BitVecVal(0, 1))])


def code_of_stored(byte: Bits) -> Bits:
    """`storedCode` back; bit 7 of the byte belongs to another code."""
    return z3.ZeroExt(1, low(7, byte)) ^ layout.OFFSET


def slot(number: int) -> Callable[[Bits], Bits]:
    return lambda code: z3.SignExt(24, statement.slots(low(8, code))[number])


def each_byte(stated: Callable[[Bits], Bits]) -> Callable[[Bits], Bits]:
    return lambda word: joined([stated(byte) for byte in lanes(word, 8)])


def entries_of_block(code: Bits, table: Any, first: Bits, second: Bits) -> Condition:
    """The table (hi, 2 lo)."""
    hi, lo = statement.entry("block", low(8, code))
    return z3.And(first == hi, second == lo)


WORDS = {f"w{number}": "u32" for number in range(7)}
CODES = 1 << statement.code_bits()
DECODE = [
    TritonClaim("eighth_word", same(lambda *words: eighth(words)), file="decode.py", types=WORDS),
    TritonClaim("codes_of_word", same(each_byte(code_of_stored)), file="decode.py", types={"word": "u32"}),
    *(
        TritonClaim(
            "code_of_word", same(lambda codes, j=j: z3.ZeroExt(24, lanes(codes, 8)[j])),
            file="decode.py", types={"codes": "u32"}, constants={"j": j},
        )
        for j in range(4)
    ),
    TritonClaim("decode_hi", same(slot(0)), below(CODES), file="decode.py", types={"code": "i32"}),
    TritonClaim("decode_lo", same(slot(1)), below(CODES), file="decode.py", types={"code": "i32"}),
    TritonClaim(
        "decode_codes", entries_of_block, below(CODES),
        file="decode.py", types={"codes": "i32", "table": "i32"}, constants={"ARITHMETIC": True},
    ),
    TritonClaim("first_of_pair", same(lambda pair: low(8, pair)), file="decode.py", types={"pair": "i16"}),
    TritonClaim("second_of_pair", same(lambda pair: lanes(pair, 8)[1]), file="decode.py", types={"pair": "i16"}),
]  # fmt: skip


# Elements and scales of the MX formats


def as_float(name: str, stated: Callable[[Bits], Bits]) -> Callable[..., Condition]:
    """The bits of a float, in the lower bits of a word whose others are zero."""
    width = definition.float_format(name).width

    def holds(*terms: Bits) -> Condition:
        *arguments, word = terms
        found = definition.same_float(name, low(width, word), stated(*arguments))
        return found if word.size() == width else z3.And(z3.LShR(word, width) == 0, found)

    return holds


def element_bits(element: str, target: str) -> Callable[..., Condition]:
    return as_float(target, lambda code: definition.decoded(element, target, code))


def scale_bits(scale: Bits) -> Bits:
    return definition.scale("float32", low(8, scale))


def product_bits(element: str) -> Callable[..., Condition]:
    width = definition.float_format(element).width
    return lambda code, scale, bits: definition.is_product(element, low(width, code), low(8, scale), bits)


def nearest_bfloat16(bits: Bits) -> Bits:
    """As z3's own theory of floating-point numbers rounds."""
    return z3.fpToIEEEBV(z3.fpToFP(z3.RNE(), z3.fpBVToFP(bits, z3.Float32()), z3.FPSort(8, 8)))


def widened(kind: Any) -> Callable[[Bits], Bits]:
    """To float32, likewise."""
    return lambda bits: z3.fpToIEEEBV(z3.fpToFP(z3.RNE(), z3.fpBVToFP(bits, kind), z3.Float32()))


def patterns(element: str) -> int:
    return 1 << definition.float_format(element).width


MX_DECODE = [
    *(
        TritonClaim(
            f"element_to_{short}_bits", element_bits(element, target), below(patterns(element)),
            file="mx_decode.py", types={"code": "i32"}, constants={"FORMAT": element},
        )
        for (short, target), element in product(FLOATS.items(), ELEMENTS)
    ),
    TritonClaim(
        "scale_to_f32_bits", as_float("float32", scale_bits), below(256), file="mx_decode.py", types={"scale": "i32"}
    ),
    *(
        TritonClaim(
            "product_to_f32_bits", product_bits(element), below(patterns(element), 256),
            file="mx_decode.py", types={"code": "i32", "scale": "i32"}, constants={"FORMAT": element},
        )
        for element in ELEMENTS
    ),
    TritonClaim(
        "f32_bits_to_bf16_bits", as_float("bfloat16", nearest_bfloat16), file="mx_decode.py", types={"bits": "i32"}
    ),
    TritonClaim("bits_to_f32", same(lambda bits: bits), file="mx_decode.py", types={"bits": "i32"}),
    *(
        TritonClaim(
            "bits_as_f32", as_float("float32", widened(kind)), label=name, file="mx_decode.py", types={"x": name}
        )
        for name, kind in (("fp32", z3.Float32()), ("fp16", z3.Float16()), ("bf16", z3.FPSort(8, 8)))
    ),
    TritonClaim("f32_to_bits", same(lambda bits: bits), file="mx_decode.py", types={"x": "fp32"}),
    TritonClaim(
        "bf16_to_f32_bits", same(lambda bits: z3.Concat(bits, z3.BitVecVal(0, 16))),
        file="mx_decode.py", types={"x": "bf16"},
    ),
    *(
        TritonClaim(
            "bits_to_16", same(lambda bits: low(16, bits)), below(1 << 16),
            file="mx_decode.py", types={"bits": "i32"}, constants={"KIND": name},
        )
        for name in ("float16", "bfloat16")
    ),
]  # fmt: skip


# From float32 numbers


def is_scale(rule: str, element: str) -> Callable[..., Condition]:
    def holds(size: Bits, last: Bits, beyond: Bits, of_zeros: Bits, scale: Bits) -> Condition:
        size, (beyond, of_zeros, byte) = low(31, size), (low(8, term) for term in (beyond, of_zeros, scale))
        return z3.And(scale == z3.ZeroExt(24, byte), definition.is_scale(rule, element, size, beyond, of_zeros, byte))

    return holds


def with_numbers_of(rule: str, element: str) -> Callable[..., Condition]:
    """The kernels get a rule as a number, which `MxPolicy` makes of it."""

    def known(size: Bits, last: Bits, beyond: Bits, of_zeros: Bits) -> Condition:
        from q35kernels.triton.mx_format import MxPolicy, format_named

        shipped = MxPolicy(scale_rule=rule).numbers(format_named(element))[0]
        return z3.And(size >= 0, last == shipped, z3.ULT(beyond, 256), z3.ULT(of_zeros, 256))

    return known


def is_element(element: str) -> Callable[..., Condition]:
    """A negative number, which 0 is not, has the sign bit unless it becomes zero and zeros are positive."""
    kind = definition.float_format(element)

    def holds(bits: Bits, scale: Bits, keep_sign: Bits, code: Bits) -> Condition:
        size, found = low(31, bits), low(kind.width - 1, code)
        signed = z3.And(bits < 0, size != 0, z3.Or(found != 0, keep_sign != 0))
        upper = z3.LShR(code, kind.width - 1) == z3.If(signed, z3.BitVecVal(1, 32), 0)
        return z3.And(upper, definition.is_quotient(element, size, low(8, scale), found))

    return holds


def is_finite(bits: Bits, *rest: Bits) -> Condition:
    return z3.ULT(low(31, bits), definition.FLOAT32.numbers)


def in_a_block(bits: Bits, scale: Bits, keep_sign: Bits) -> Condition:
    """`keep_sign` is all zeros or all ones."""
    return z3.And(is_finite(bits), z3.ULT(scale, 255), z3.Or(keep_sign == 0, keep_sign == -1))


def is_normal(bits: Bits, *rest: Bits) -> list[Condition]:
    return [z3.Extract(30, 23, bits) != 0]


def is_slot(least: int, largest: int) -> Callable[..., Condition]:
    def holds(bits: Bits, found: Bits) -> Condition:
        nearest = definition.is_slot(low(31, bits), bits < 0, least, largest, low(8, found))
        return z3.And(found == z3.SignExt(24, low(8, found)), nearest)

    return holds


MX_ENCODE = [
    *(
        TritonClaim(
            "scale_of_largest", is_scale(rule, element), with_numbers_of(rule, element), label=rule,
            file="mx_encode.py", types=dict.fromkeys(("size", "last", "beyond", "of_zeros"), "i32"),
            constants={"FORMAT": element},
        )
        for rule, element in product(formats.RULES, ELEMENTS)
    ),
    *(
        TritonClaim(
            "element_of_quotient", is_element(element), in_a_block, is_normal,
            file="mx_encode.py", types=dict.fromkeys(("bits", "scale", "keep_sign"), "i32"),
            constants={"FORMAT": element},
        )
        for element in ELEMENTS
    ),
    *(
        TritonClaim(
            "slot_of", is_slot(*ends), is_finite,
            file="mx_encode.py", types={"bits": "i32"}, constants=dict(zip(("LOW", "HIGH"), ends, strict=True)),
        )
        for ends in ((-8, 7), (-4, 3))
    ),
]  # fmt: skip


def rounded_quotients(bits: Bits) -> list[tuple[Condition, Bits]]:
    """The integer nearest to a double below 256, ties to even, in 16 bits: by the double's exponent field, as the
    fraction is what is shifted out of its significand."""
    sign, field, significand = z3.Extract(63, 63, bits), z3.Extract(62, 52, bits), z3.Extract(51, 0, bits)
    significand = z3.Concat(z3.BitVecVal(1, 12), significand)
    found = [(z3.ULT(field, 1022), z3.BitVecVal(0, 16))]
    for exponent in range(-1, 8):
        places = 52 - exponent
        whole, rest, half = low(16, z3.LShR(significand, places)), low(places, significand), 1 << (places - 1)
        up = z3.Or(z3.UGT(rest, half), z3.And(rest == half, low(1, whole) == 1))
        size = whole + z3.If(up, z3.BitVecVal(1, 16), z3.BitVecVal(0, 16))
        found.append((field == 1023 + exponent, z3.If(sign == 1, -size, size)))
    return found


def is_rounded(x: Bits, scale: Bits, quotient: Bits, integer: Bits) -> Condition:
    cases = rounded_quotients(quotient)
    return z3.And(*[z3.Implies(case, z3.SignExt(8, integer) == rounded) for case, rounded in cases])


def has_room(x: Bits, scale: Bits, quotient: Bits) -> Condition:
    cases = rounded_quotients(quotient)
    return z3.Or(*[z3.And(case, rounded >= -128, rounded <= 127) for case, rounded in cases])


ACTIVATIONS = [
    TritonClaim(
        "magnitude_bits", same(lambda bits: z3.ZeroExt(1, low(31, bits))), file="activations.py", types={"x": "fp32"}
    ),
    TritonClaim(
        "nearest_int8", is_rounded, has_room, lambda *terms: [case for case, _ in rounded_quotients(terms[-1])],
        file="activations.py", types={"x": "fp32", "scale": "fp32"},
    ),
]  # fmt: skip


# The C++ kernels


def stored_slot(number: int, factor: int) -> Callable[[Bits], Bits]:
    return lambda byte: statement.slots(code_of_stored(byte))[number] * factor


def magic(value: Bits, bits: Bits) -> Condition:
    """In fp16 as in IEEE 754, the number minus the magic one is the integer."""
    half, nearest = z3.Float16(), z3.RNE()
    difference = z3.fpSub(nearest, z3.fpBVToFP(bits, half), z3.FPVal(1024 + 128, half))
    return z3.fpToIEEEBV(difference) == z3.fpToIEEEBV(z3.fpSignedToFP(nearest, value, half))


def step(bits: Bits) -> Bits:
    """An infinity or a NaN is no step."""
    return z3.If(z3.Extract(14, 10, bits) == 31, definition.FLOAT32.numbers + 1, widened(z3.Float16())(bits))


def step_bits(bits: Bits) -> Bits:
    return z3.If(z3.Extract(14, 10, bits) == 31, definition.float_format("float16").numbers + 1, bits)


def of_word(stated: Callable[[Bits], Bits]) -> Callable[..., Condition]:
    return same(each_byte(stated))


_WORDS = "({ const uint32_t words[7] = {uint32_t(a), uint32_t(a >> 32), uint32_t(b), uint32_t(b >> 32), uint32_t(c), "
HEADER = [
    HeaderClaim("decode_hi", same(slot(0)), below(CODES), entry=Entry("decode_hi(a)", (32,), 32)),
    HeaderClaim("decode_lo", same(slot(1)), below(CODES), entry=Entry("decode_lo(a)", (32,), 32)),
    HeaderClaim(
        "code_of_stored", same(lambda byte: z3.ZeroExt(24, code_of_stored(low(8, byte)))), below(256),
        entry=Entry("code_of_stored(a)", (32,), 32),
    ),
    HeaderClaim(
        "eighth_vector", same(lambda *words: eighth([half for word in words for half in lanes(word, 32)])),
        entry=Entry(_WORDS + "uint32_t(c >> 32), d}; eighth_vector(words); })", (64, 64, 64, 32), 32),
    ),
    HeaderClaim("stored_hi", of_word(stored_slot(0, 1)), entry=Entry("stored_hi(a)", (32,), 32)),
    *(
        HeaderClaim(
            "stored_lo", of_word(stored_slot(1, factor)), label=f"times {factor}",
            entry=Entry(f"stored_lo<{factor}>(a)", (32,), 32),
        )
        for factor in (1, 2, 4, 8, 16)
    ),
    HeaderClaim("step_value", as_float("float32", step), entry=Entry("bits_of_float(step_value(a))", (16,), 32)),
    HeaderClaim("step_bits", as_float("float16", step_bits), entry=Entry("step_bits(a)", (16,), 16)),
    HeaderClaim("magic_half_bits", magic, entry=Entry("magic_half_bits(int8_t(a))", (8,), 16)),
    *(
        HeaderClaim(
            "element_to_float_bits", element_bits(element, "float32"), label=element,
            entry=Entry(f"element_to_float_bits<{element.upper()}>(a)", (32,), 32),
        )
        for element in ELEMENTS
    ),
    HeaderClaim(
        "scale_to_float_bits", as_float("float32", scale_bits), below(256),
        entry=Entry("scale_to_float_bits(a)", (32,), 32),
    ),
]  # fmt: skip
TRITON = [*DECODE, *MX_DECODE, *MX_ENCODE, *ACTIVATIONS]
