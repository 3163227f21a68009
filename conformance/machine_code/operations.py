"""The operations of the lifter's intermediate language (VEX) as bit-vector terms.

An operation's name is its definition (`Iop_Add8x16`: sixteen sums of 8 bits); a name that is not understood is refused,
so nothing is ever guessed. The 128-bit integer and the vector of the same size are one thing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import z3

Bits = Any
"""A z3 bit vector."""
Operation = Callable[..., Bits]


class Unsupported(Exception):
    """Code that these modules do not model: it is not proved, and not refuted."""


@cache
def variable(name: str, width: int) -> Bits:
    """The symbol of that name; made once, since most are met again and again."""
    return z3.BitVec(name, width)


@cache
def numeral(value: int, width: int) -> Bits:
    return z3.BitVecVal(value, width)


def size_in_bytes(value: Bits) -> int:
    """What `value.size()` says, without the Python object of its type, which takes several times as long."""
    return int(z3.Z3_get_bv_sort_size(value.ctx_ref(), z3.Z3_get_sort(value.ctx_ref(), value.as_ast()))) // 8


def lanes(value: Bits, width: int) -> list[Bits]:
    """The parts of a value, the lowest first."""
    return [z3.Extract(low + width - 1, low, value) for low in range(0, value.size(), width)]


def joined(parts: list[Bits]) -> Bits:
    """The value whose parts these are, the lowest first."""
    return z3.Concat(*reversed(parts)) if len(parts) > 1 else parts[0]


def bit(condition: Any) -> Bits:
    return z3.If(condition, z3.BitVecVal(1, 1), z3.BitVecVal(0, 1))


def _mask(how: str, x: Bits, y: Bits) -> Bits:
    """All bits set where the comparison holds. "0 > y" is written as what it is, y's sign in every bit: beside y it is
    then recognised as y's sign extension."""
    width = x.size()
    if how == "GTS" and z3.is_bv_value(z3.simplify(x)) and z3.simplify(x).as_long() == 0:
        return z3.SignExt(width - 1, z3.Extract(width - 1, width - 1, y))
    return z3.If(COMPARISONS[how](x, y), z3.BitVecVal(-1, width), z3.BitVecVal(0, width))


def _resized(amount: Bits, width: int) -> Bits:
    """A shift's amount (8 bits) in the width of what is shifted; its instructions keep it below that width."""
    return z3.ZeroExt(width - amount.size(), amount) if width > amount.size() else amount


ARITHMETIC: dict[str, Operation] = {
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y,
    "And": lambda x, y: x & y,
    "Or": lambda x, y: x | y,
    "Xor": lambda x, y: x ^ y,
}
SHIFTS: dict[str, Operation] = {
    "Shl": lambda x, n: x << _resized(n, x.size()),
    "Shr": lambda x, n: z3.LShR(x, _resized(n, x.size())),
    "Sar": lambda x, n: x >> _resized(n, x.size()),
}
COMPARISONS: dict[str, Callable[[Bits, Bits], Any]] = {
    "EQ": lambda x, y: x == y,
    "NE": lambda x, y: x != y,
    "LTS": lambda x, y: x < y,
    "LES": lambda x, y: x <= y,
    "LTU": z3.ULT,
    "LEU": z3.ULE,
    "GTS": lambda x, y: x > y,
    "GTU": z3.UGT,
}


def _extended(value: Bits, width: int, sign: str) -> Bits:
    extend = z3.SignExt if sign == "S" else z3.ZeroExt
    return extend(width - value.size(), value)


def _long_product(x: Bits, y: Bits, sign: str) -> Bits:
    width = 2 * x.size()
    return _extended(x, width, sign) * _extended(y, width, sign)


def _high_product(x: Bits, y: Bits, sign: str) -> Bits:
    return z3.Extract(2 * x.size() - 1, x.size(), _long_product(x, y, sign))


def _divided(x: Bits, y: Bits) -> Bits:
    """Quotient and remainder side by side. (Instructions stop where the quotient has no room.)"""
    wide = z3.ZeroExt(x.size() - y.size(), y)
    quotient, rest = z3.UDiv(x, wide), z3.URem(x, wide)
    return z3.Concat(z3.Extract(y.size() - 1, 0, rest), z3.Extract(y.size() - 1, 0, quotient))


def _lanewise(width: int, operation: Operation) -> Operation:
    def apply(x: Bits, y: Bits) -> Bits:
        return joined([operation(a, b) for a, b in zip(lanes(x, width), lanes(y, width), strict=True)])

    return apply


def _shift_lanes(width: int, operation: Operation) -> Operation:
    return lambda x, amount: joined([operation(lane, amount) for lane in lanes(x, width)])


def _interleaved(half: str, width: int) -> Operation:
    """The lanes of one half of both values in turn, the second value's first."""

    def apply(x: Bits, y: Bits) -> Bits:
        pairs = list(zip(lanes(y, width), lanes(x, width), strict=True))
        chosen = pairs[len(pairs) // 2 :] if half == "HI" else pairs[: len(pairs) // 2]
        return joined([lane for pair in chosen for lane in pair])

    return apply


def _narrowed(source: int, target: int, sign: str | None) -> Operation:
    """Both values' lanes, each cut or saturated to `target` bits: the second value's lanes are the lower ones."""
    low, high = {"S": (-(1 << target - 1), (1 << target - 1) - 1), "U": (0, (1 << target) - 1)}.get(sign or "", (0, 0))

    def narrow(lane: Bits) -> Bits:
        cut = z3.Extract(target - 1, 0, lane)
        if sign is None:
            return cut
        small, large = z3.BitVecVal(low, target), z3.BitVecVal(high, target)
        return z3.If(lane < low, small, z3.If(lane > high, large, cut))

    return lambda x, y: joined([narrow(lane) for value in (y, x) for lane in lanes(value, source)])


def _lowest_float(operation: Callable[..., Any]) -> Operation:
    """Of the lowest float32 of two vectors, to nearest; the rest is the first one's."""

    def apply(x: Bits, y: Bits) -> Bits:
        a, b = (z3.fpBVToFP(z3.Extract(31, 0, value), z3.Float32()) for value in (x, y))
        return z3.Concat(z3.Extract(127, 32, x), z3.fpToIEEEBV(operation(z3.RNE(), a, b)))

    return apply


def _patterns() -> list[tuple[str, Callable[..., Operation]]]:
    widths = r"(1|8|16|32|64|128)"
    return [
        (rf"(Add|Sub|And|Or|Xor){widths}", lambda name, _: ARITHMETIC[name]),
        (rf"Mul{widths}", lambda _: ARITHMETIC["Mul"]),
        (rf"(Shl|Shr|Sar){widths}", lambda name, _: SHIFTS[name]),
        (rf"Not{widths}", lambda _: lambda x: ~x),
        (rf"(?:Cas|Exp)?Cmp(EQ|NE){widths}", lambda how, _: lambda x, y: bit(COMPARISONS[how](x, y))),
        (rf"Cmp(LT|LE){widths}(S|U)", lambda how, _, sign: lambda x, y: bit(COMPARISONS[how + sign](x, y))),
        (rf"Mull(S|U){widths}", lambda sign, _: lambda x, y: _long_product(x, y, sign)),
        (r"DivModU128to64", lambda: _divided),
        (rf"{widths}(U|S)to{widths}", lambda _, sign, to: lambda x: _extended(x, int(to), sign)),
        (rf"{widths}to{widths}", lambda _, to: lambda x: z3.Extract(int(to) - 1, 0, x)),
        (rf"{widths}HIto{widths}", lambda _, to: lambda x: z3.Extract(x.size() - 1, x.size() - int(to), x)),
        (rf"{widths}HLto{widths}", lambda *_: z3.Concat),
        (r"Set128lo(32|64)", lambda _: lambda x, y: z3.Concat(z3.Extract(127, y.size(), x), y)),
        (r"ZeroHI(64|96|112|120)of128", lambda n: lambda x: z3.ZeroExt(int(n), z3.Extract(127 - int(n), 0, x))),
        (r"(Add|Sub)(8|16|32|64)x\d+", lambda name, width: _lanewise(int(width), ARITHMETIC[name])),
        (r"Mul(16|32)x\d+", lambda width: _lanewise(int(width), ARITHMETIC["Mul"])),
        (r"(Sub|Mul)32F0x4", lambda name: _lowest_float({"Sub": z3.fpSub, "Mul": z3.fpMul}[name])),
        (r"MulHi16(S|U)x8", lambda sign: _lanewise(16, lambda x, y: _high_product(x, y, sign))),
        (
            r"Cmp(EQ|GT)(8|16|32|64)(S|U)?x\d+",
            lambda how, width, sign: _lanewise(int(width), lambda x, y: _mask(how + (sign or ""), x, y)),
        ),
        (r"(Shl|Shr|Sar)N(8|16|32|64)x\d+", lambda name, width: _shift_lanes(int(width), SHIFTS[name])),
        (r"Interleave(HI|LO)(8|16|32|64)x\d+", lambda half, width: _interleaved(half, int(width))),
        (r"NarrowBin(16|32)to(8|16)x\d+", lambda source, target: _narrowed(int(source), int(target), None)),
        (
            r"QNarrowBin(16|32)Sto(8|16)(S|U)x\d+",
            lambda source, target, sign: _narrowed(int(source), int(target), sign),
        ),
    ]


FLAGS_OF = ("COPY", "ADD", "SUB", "ADC", "SBB", "LOGIC", "INC", "DEC", "SHL", "SHR")
"""What the flags were last set by, as the lifter numbers it: one number for "copy", then four (8 to 64 bits) each."""


def _flags_of(number: int) -> tuple[str, int]:
    return FLAGS_OF[(number + 3) // 4], 8 << (number + 3) % 4


def flag_condition(code: int, flags_of: int, first: Bits, second: Bits) -> Bits:
    """`amd64g_calculate_condition` of a result that is zero or not, which is what lifting itself leaves of it."""
    kind, width = _flags_of(flags_of)
    if kind not in ("ADD", "SUB", "LOGIC", "INC", "DEC", "SHL", "SHR") or code not in (4, 5):
        raise Unsupported(f"condition {code} of the flags of {kind}")
    result = {"ADD": first + second, "SUB": first - second}.get(kind, first)
    zero = bit(z3.Extract(width - 1, 0, result) == 0)
    return z3.ZeroExt(63, zero if code == 4 else ~zero)


def carry(flags_of: int, first: Bits, second: Bits) -> Bits:
    """`amd64g_calculate_rflags_c` after a subtraction: whether it borrowed."""
    kind, width = _flags_of(flags_of)
    if kind != "SUB":
        raise Unsupported(f"the carry of {kind}")
    return z3.ZeroExt(63, bit(z3.ULT(z3.Extract(width - 1, 0, first), z3.Extract(width - 1, 0, second))))


@cache
def operation(name: str) -> Operation:
    """The meaning of an operation; raises Unsupported for one that is not modelled."""
    plain = name.removeprefix("Iop_").replace("V128", "128")
    for pattern, make in _patterns():
        if found := re.fullmatch(pattern, plain):
            return make(*found.groups())
    raise Unsupported(f"the operation {name}")
