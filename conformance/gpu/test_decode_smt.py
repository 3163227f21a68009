"""Every trick with bits that the GPU kernels decode and encode with, proved equal to the specification for all inputs.

What is proved is what is shipped: for the Triton kernels the intermediate representation that Triton itself makes of
the function (its types, promotions and shifts are Triton's own decision), for the C++ kernels the header's function as
compiled machine code. The control is two-sided: the same function with a bug planted in its text must be refuted, and
on the solver's counterexample the function with the bug must be wrong and the one without it right, when they are run.

What is left to trust: Triton's compiler from there on (layers c, d and f), that of the C++ kernels for a GPU (d and f),
the translations in `symbolic` and `machine_code` (tested here against Triton's interpreter and the processor), and z3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import formats, vectors
from conformance.ledger import Ledger
from conformance.subjects import exact_reference, reference

NEEDED = ("elftools", "pyvex", "triton", "z3")
MISSING = [name for name in NEEDED if find_spec(name) is None]
if MISSING:
    pytest.skip(f"not covered: nothing is proved without {', '.join(MISSING)}", allow_module_level=True)

import z3  # noqa: E402

from conformance.gpu import definition, symbolic, triton_functions  # noqa: E402
from conformance.gpu.triton_functions import Call  # noqa: E402
from conformance.machine_code import layout, statement  # noqa: E402
from conformance.machine_code.operations import lanes  # noqa: E402

Terms = list[Any]
ELEMENTS = ("e2m1", "e2m3", "e3m2", "e4m3", "e5m2")
CODE = {"code": "i32"}


@dataclass(frozen=True)
class Claim:
    """A function's results are what `stated` says, for all arguments of which `known` holds."""

    file: str
    function: str
    types: Mapping[str, str]
    stated: Callable[..., Any]
    """(arguments and results) -> a condition."""
    known: Callable[..., Any] = lambda *arguments: z3.BoolVal(True)
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return " ".join([self.function, *map(str, self.constants.values())])

    def call(self, folder: Path) -> Call:
        return Call(str(folder / self.file), self.function, self.types, self.constants)


def below(limit: int) -> Callable[..., Any]:
    return lambda code, *rest: z3.ULT(code, limit)


def low(bits: int, term: Any) -> Any:
    return z3.Extract(bits - 1, 0, term)


def eighth(*words: Any) -> Any:
    """Bit v of byte k is the uppermost bit of byte k of word v."""
    tops = [z3.Extract(8 * lane + 7, 8 * lane + 7, word) for lane in range(4) for word in (*words[:7], None) if word is not None]
    return z3.And(*[z3.Extract(8 * lane + v, 8 * lane + v, words[7]) == tops[7 * lane + v] for lane in range(4) for v in range(7)])


def code_of_stored(byte: Any) -> Any:
    """`storedCode` back; the stored byte's bit 7 belongs to another code."""
    return z3.ZeroExt(1, low(7, byte)) ^ layout.OFFSET


def each_byte(stated: Callable[[Any], Any]) -> Callable[..., Any]:
    def holds(word: Any, result: Any) -> Any:
        return z3.And(*[got == stated(byte) for byte, got in zip(lanes(word, 8), lanes(result, 8), strict=True)])

    return holds


def is_slot(number: int) -> Callable[..., Any]:
    return lambda code, result: result == z3.SignExt(24, statement.slots(low(8, code))[number])


W = [f"w{v}" for v in range(7)]
TABLE = "table"


def arithmetic(code: Any, table: Any, first: Any, second: Any) -> Any:
    """`block`."""
    return z3.And(*[got == want for got, want in zip((first, second), statement.entry("block", low(8, code)), strict=True)])


def looked_up(code: Any, table: Any, first: Any, second: Any) -> Any:
    """Of any table: an entry's two bytes."""
    return z3.Concat(second, first) == z3.Select(table, code)


DECODE = [
    Claim("decode.py", "eighth_word", dict.fromkeys(W, "u32"), eighth),
    Claim("decode.py", "codes_of_word", {"word": "u32"}, each_byte(code_of_stored)),
    *(
        Claim("decode.py", "code_of_word", {"codes": "u32"}, lambda codes, code, j=j: code == z3.ZeroExt(24, lanes(codes, 8)[j]), constants={"j": j})
        for j in range(4)
    ),
    Claim("decode.py", "decode_hi", CODE, is_slot(0), below(128)),
    Claim("decode.py", "decode_lo", CODE, is_slot(1), below(128)),
    Claim("decode.py", "first_of_pair", {"pair": "i16"}, lambda pair, entry: entry == low(8, pair)),
    Claim("decode.py", "second_of_pair", {"pair": "i16"}, lambda pair, entry: entry == z3.Extract(15, 8, pair)),
    Claim("decode.py", "decode_code", {"code": "i32", "table": "*i16"}, arithmetic, below(128), {"ARITHMETIC": True}),
    Claim("decode.py", "decode_code", {"code": "i32", "table": "*i16"}, looked_up, below(128), {"ARITHMETIC": False}),
]


def wide(name: str, target: str) -> Callable[..., Any]:
    def holds(code: Any, bits: Any) -> Any:
        width = definition.float_format(target).width
        want = definition.decoded(name, target, code)
        same = definition.same_float(target, low(width, bits), want)
        return z3.And(same, z3.LShR(bits, width) == 0) if width < 32 else same

    return holds


def codes_of(name: str) -> int:
    return 2 * definition.float_format(name).sign_bit


def product(name: str) -> Callable[..., Any]:
    return lambda code, scale, bits: definition.is_product(name, low(definition.float_format(name).width, code), low(8, scale), bits)


def nearest_bfloat16(bits: Any, found: Any) -> Any:
    """As z3's own floating-point theory rounds."""
    number = z3.fpBVToFP(bits, z3.Float32())
    nearest = z3.fpToFP(z3.RNE(), number, z3.FPSort(8, 8))
    got = z3.fpBVToFP(low(16, found), z3.FPSort(8, 8))
    return z3.And(z3.LShR(found, 16) == 0, got == nearest)


TARGETS = {"f16": "float16", "bf16": "bfloat16", "f32": "float32"}
MX_DECODE = [
    *(
        Claim("mx_decode.py", f"element_to_{short}_bits", CODE, wide(name, target), below(codes_of(name)), {"FORMAT": name})
        for short, target in TARGETS.items()
        for name in ELEMENTS
    ),
    Claim("mx_decode.py", "scale_to_f32_bits", {"scale": "i32"}, lambda scale, bits: definition.same_float("float32", bits, definition.scale("float32", low(8, scale))), below(256)),
    *(
        Claim("mx_decode.py", "product_to_f32_bits", {"code": "i32", "scale": "i32"}, product(name), lambda code, scale, name=name: z3.And(z3.ULT(code, codes_of(name)), z3.ULT(scale, 256)), {"FORMAT": name})
        for name in ELEMENTS
    ),
    Claim("mx_decode.py", "f32_bits_to_bf16_bits", {"bits": "i32"}, nearest_bfloat16),
]


def is_scale(rule: str, name: str) -> Callable[..., Any]:
    def holds(size: Any, last: Any, beyond: Any, of_zeros: Any, scale: Any) -> Any:
        stated = definition.is_scale(rule, name, low(31, size), low(8, beyond), low(8, of_zeros), low(8, scale))
        return z3.And(z3.ULT(scale, 256), stated)

    return holds


def of_rule(rule: str, name: str) -> Callable[..., Any]:
    def known(size: Any, last: Any, beyond: Any, of_zeros: Any) -> Any:
        shipped = import_module("q35kernels.triton.mx_format")
        number = shipped.MxPolicy(scale_rule=rule).numbers(shipped.format_named(name))[0]
        return z3.And(size >= 0, last == number, z3.ULT(beyond, 256), z3.ULT(of_zeros, 256))

    return known


def is_element(name: str) -> Callable[..., Any]:
    """Negative numbers other than 0 have the sign bit where they do not round to zero or zeros keep their sign."""

    def holds(bits: Any, scale: Any, keep: Any, code: Any) -> Any:
        kind, size = definition.float_format(name), low(31, bits)
        element = low(kind.width - 1, code)
        signed = z3.And(bits < 0, size != 0, z3.Or(element != 0, keep != 0))
        nearest = definition.is_quotient(name, size, low(8, scale), element)
        return z3.And(z3.LShR(code, kind.width - 1) == z3.If(signed, z3.BitVecVal(1, 32), 0), nearest)

    return holds


def finite(bits: Any) -> Any:
    return z3.ULT(low(31, bits), 0x7F800000)


MX_ENCODE = [
    *(
        Claim("mx_encode.py", "scale_of_largest", dict.fromkeys(("size", "last", "beyond", "of_zeros"), "i32"), is_scale(rule, name), of_rule(rule, name), {"FORMAT": name})
        for rule in formats.RULES
        for name in ELEMENTS
    ),
    *(
        Claim("mx_encode.py", "element_of_quotient", dict.fromkeys(("bits", "scale", "keep_sign"), "i32"), is_element(name),
              lambda bits, scale, keep: z3.And(finite(bits), z3.ULT(scale, 255), z3.ULE(keep, 1)), {"FORMAT": name})
        for name in ELEMENTS
    ),
    *(
        Claim("mx_encode.py", "slot_of", {"bits": "i32"}, lambda bits, slot, ends=ends: z3.And(slot == z3.SignExt(24, low(8, slot)), definition.is_slot(low(31, bits), bits < 0, *ends, low(8, slot))),
              finite, {"LOW": ends[0], "HIGH": ends[1]})
        for ends in ((-8, 7), (-4, 3))
    ),
]
CLAIMS = [*DECODE, *MX_DECODE, *MX_ENCODE]
