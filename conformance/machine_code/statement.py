"""What the specification says of codes, streams and dot products, as bit-vector terms.

Written from `spec/formats.json` (the widths) and the Lean definitions that are named beside each function. It shares no
code with the references or the kernels, and is itself tested against the vectors that Lean exported.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import z3

from conformance import formats
from conformance.machine_code.operations import Bits, joined


@cache
def _widths() -> tuple[int, int]:
    code: dict[str, Any] = formats.formats()["code"]
    return code["hi_bits"], code["lo_bits"]


@cache
def code_bits() -> int:
    stated: int = formats.formats()["code"]["bits"]
    return stated


def is_code(byte: Bits) -> Any:
    """`decodeByte`: the bytes that are codes."""
    return z3.ULT(byte, 1 << code_bits())


def first_bad(data: list[Bits]) -> Bits:
    """Index of the first byte that is no code, or how many there are (64 bits)."""
    answer = z3.BitVecVal(len(data), 64)
    for index, byte in reversed(list(enumerate(data))):
        answer = z3.If(is_code(byte), answer, z3.BitVecVal(index, 64))
    return answer


def slots(code: Bits) -> tuple[Bits, Bits]:
    """`hi` and `lo`: two's complement of the upper and the lower bits of a code, as int8."""
    hi_bits, lo_bits = _widths()
    hi, lo = z3.Extract(hi_bits + lo_bits - 1, lo_bits, code), z3.Extract(lo_bits - 1, 0, code)
    return z3.SignExt(8 - hi_bits, hi), z3.SignExt(8 - lo_bits, lo)


def entry(scheme: str, code: Bits) -> tuple[Bits, Bits]:
    """A scheme's table at a code: multiples of the slots where it is arithmetic, else the listed pairs."""
    table = next(row["table"] for row in formats.formats()["schemes"] if row["id"] == scheme)
    if table["kind"] == "arithmetic":
        hi, lo = slots(code)
        return hi * table["hi_scale"], lo * table["lo_scale"]
    first, second = z3.BitVecVal(0, 8), z3.BitVecVal(0, 8)
    for number, (a, b) in enumerate(formats.codebook()):
        first, second = z3.If(code == number, a, first), z3.If(code == number, b, second)
    return first, second


def stream_size(count: int) -> int:
    """`streamSize`."""
    return -(-code_bits() * count // 8)


def packed(codes: list[Bits]) -> list[Bits]:
    """`packStream`: the codes are the digits of one number, least significant first, and the bytes are the digits of
    the same number in base 256."""
    if not codes:
        return []
    number = joined([z3.Extract(code_bits() - 1, 0, code) for code in codes])
    number = z3.ZeroExt(8 * stream_size(len(codes)) - number.size(), number)
    return [z3.Extract(8 * k + 7, 8 * k, number) for k in range(stream_size(len(codes)))]


def unpacked(stream: list[Bits], count: int) -> list[Bits]:
    """The codes that `unpackStream` reads from a stream of `count` codes."""
    width = code_bits()
    if not count:
        return []
    number = joined(stream)
    return [z3.ZeroExt(8 - width, z3.Extract(width * i + width - 1, width * i, number)) for i in range(count)]


def dot(a: list[Bits], b: list[Bits]) -> Bits:
    """`dot32`: the sum of the products of int8 numbers, in 32-bit two's complement."""
    total = z3.BitVecVal(0, 32)
    for x, y in zip(a, b, strict=True):
        total = total + z3.SignExt(24, x) * z3.SignExt(24, y)
    return total
