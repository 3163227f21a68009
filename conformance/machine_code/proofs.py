"""The claims about the compiled kernels, and their proofs.

A claim is one kernel at one length: the arrays and numbers it is called with, what is known of them, and what every
byte of its output or its result must be. Only the output may be written, so a run that ends left the inputs unchanged.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import z3

from conformance import formats
from conformance.machine_code import statement
from conformance.machine_code.binary import Binary
from conformance.machine_code.machine import Machine, OutOfBounds, Region, State
from conformance.machine_code.operations import Bits, Unsupported, bit, joined, numeral

__all__ = ["Binary", "OutOfBounds", "Unsupported"]

Inputs = dict[str, bytes]
"""What each array holds before the call, by name."""
ARRAY = z3.Array("table", z3.BitVecSort(64), z3.BitVecSort(8))
TABLE_BYTES = 256
AT_ONCE = 256
"""Terms that are evaluated together, as one number."""
RESULT_BITS = {"dot": 32, "first_invalid_code": 64}
"""Kernels that return a number; the others write an array."""


@dataclass(frozen=True)
class Claim:
    """One kernel at one length."""

    slot: str
    length: int
    arguments: list[Region | int]
    known: list[Any]
    stated: list[Bits]
    """The bytes of the arrays that it writes, or the number that it returns."""

    @property
    def arrays(self) -> list[Region]:
        return [argument for argument in self.arguments if isinstance(argument, Region)]

    @property
    def outputs(self) -> list[Region]:
        return [region for region in self.arrays if region.writable]

    @property
    def inputs(self) -> list[Region]:
        """The arrays that may hold anything that is known of them."""
        return [region for region in self.arrays if not region.writable and region.content is None]


def pack(length: int) -> Claim:
    codes = Region("codes", length)
    stream = Region("stream", statement.stream_size(length), writable=True)
    known = [statement.is_code(code) for code in codes.before()]
    return Claim("pack", length, [codes, length, stream], known, statement.packed(codes.before()))


def unpack(length: int) -> Claim:
    stream = Region("stream", statement.stream_size(length))
    codes = Region("codes", length, writable=True)
    return Claim("unpack", length, [stream, length, codes], [], statement.unpacked(stream.before(), length))


def decode(length: int) -> Claim:
    """Of any table: the two values of each code are its entries in the table's two halves."""
    codes, table = Region("codes", length), Region("table", TABLE_BYTES, table=ARRAY)
    values = Region("values", 2 * length, writable=True)
    known = [statement.is_code(code) for code in codes.before()]
    stated = [
        z3.Select(ARRAY, z3.ZeroExt(56, code) + half * (TABLE_BYTES // 2))
        for code in codes.before()
        for half in range(2)
    ]
    return Claim("decode", length, [codes, length, table, values], known, stated)


def decode_of(scheme: str) -> Claim:
    """Of one code with a scheme's table: its values are what the specification says of the code itself."""
    chosen, claim = formats.scheme(scheme), decode(1)
    known = list(claim.known)
    for code, entry in enumerate(chosen.table):
        for half, value in enumerate(entry):
            known.append(z3.Select(ARRAY, z3.BitVecVal(code + half * (TABLE_BYTES // 2), 64)) == value)
    return replace(claim, known=known, stated=list(statement.entry(scheme, claim.arrays[0].byte(0))))


def stated_slots(code: int) -> tuple[int, int]:
    """`hi` and `lo` of a code, as the statement has them."""
    hi, lo = (z3.simplify(slot).as_signed_long() for slot in statement.slots(z3.BitVecVal(code, 8)))
    return hi, lo


def first_invalid_code(length: int) -> Claim:
    codes = Region("codes", length)
    return Claim("first_invalid_code", length, [codes, length], [], [statement.first_bad(codes.before())])


def dot(length: int) -> Claim:
    a, b = Region("a", length), Region("b", length)
    return Claim("dot", length, [a, b, length], [], [statement.dot(a.before(), b.before())])


CLAIMS: dict[str, Callable[[int], Claim]] = {
    make.__name__: make for make in (first_invalid_code, pack, unpack, decode, dot)
}


def paths(claim: Claim, binary: Binary) -> tuple[Machine, list[State]]:
    machine = Machine(binary, list(claim.arguments), claim.known)
    return machine, machine.run(binary.functions[claim.slot])


def answer(claim: Claim, state: State) -> list[Bits]:
    """What the code computed on a path, in the form of `claim.stated`."""
    if claim.outputs:
        return [byte for region in claim.outputs for byte in state.array(region)]
    return [z3.simplify(z3.Extract(RESULT_BITS[claim.slot] - 1, 0, state.register("rax")))]


@cache
def _products_fit() -> None:
    """The lemma of `narrowed`, for all pairs of int8: their product in 32 bits is the one in 16 bits, extended."""
    x, y = z3.BitVecs("x y", 8)
    wide, narrow = z3.SignExt(24, x) * z3.SignExt(24, y), z3.SignExt(8, x) * z3.SignExt(8, y)
    solver = z3.Solver()
    solver.add(wide != z3.SignExt(16, narrow))
    assert solver.check() == z3.unsat


def narrowed(term: Bits) -> Bits:
    """The same value with every 32-bit product of two int8 numbers written as a 16-bit one, sign-extended: the form
    that vector instructions compute, so that equal sums become equal terms."""
    _products_fit()
    term = z3.simplify(term)
    pairs, seen, waiting = [], set(), [term]
    while waiting:
        part = waiting.pop()
        if part.get_id() in seen:
            continue
        seen.add(part.get_id())
        waiting += part.children()
        if part.decl().kind() == z3.Z3_OP_BMUL and part.size() == 32:
            x, y = (_extended_byte(factor) for factor in part.children())
            if x is not None and y is not None:
                pairs.append((part, z3.SignExt(16, z3.SignExt(8, x) * z3.SignExt(8, y))))
    return z3.simplify(z3.substitute(term, *pairs))


def _extended_byte(term: Bits) -> Bits | None:
    """The byte whose sign extension a term is."""
    byte = term.children()[-1] if term.decl().kind() == z3.Z3_OP_CONCAT else term
    if byte.size() != 8 or not z3.simplify(z3.SignExt(term.size() - 8, byte)).eq(term):
        return None
    return byte


def counterexample(claim: Claim, binary: Binary) -> Inputs | None:
    """Inputs on which the code does not do what is stated; None is a proof that there are none.

    Raises Unsupported where the code cannot be modelled or the solver gives up, and OutOfBounds for a load or store
    outside the arrays.
    """
    machine, states = paths(claim, binary)
    for state in states:
        pairs = zip(answer(claim, state), claim.stated, strict=True)
        same = [z3.simplify(narrowed(got) == narrowed(want)) for got, want in pairs]
        found = machine.solver.check(*state.path, z3.Not(z3.And(*same))) if same else z3.unsat
        if found == z3.sat:
            model = machine.solver.model()
            return {
                region.name: bytes(model.eval(byte, model_completion=True).as_long() for byte in region.before())
                for region in claim.inputs
            }
        if found != z3.unsat:
            raise Unsupported(f"the solver gave up on {claim.slot} of {claim.length}")
    return None


def _given(claim: Claim, inputs: Inputs, terms: list[Bits]) -> list[int]:
    """The numbers that terms are on given inputs."""
    pairs = []
    for region in claim.inputs:
        content = inputs.get(region.name, b"")
        if region.table is not None:
            filled = z3.K(z3.BitVecSort(64), z3.BitVecVal(0, 8))
            for index, byte in enumerate(content):
                filled = z3.Store(filled, numeral(index, 64), numeral(byte, 8))
            pairs.append((region.table, filled))
        else:
            pairs += [(region.byte(index), numeral(byte, 8)) for index, byte in enumerate(content)]
    values: list[int] = []
    for start in range(0, len(terms), AT_ONCE):
        some = terms[start : start + AT_ONCE]
        found = z3.simplify(z3.substitute(joined(some), *pairs))
        assert z3.is_bv_value(found), found
        number = found.as_long()
        for term in some:
            values.append(number & ((1 << term.size()) - 1))
            number >>= term.size()
    return values


def stated_on(claim: Claim, inputs: Inputs) -> list[int]:
    """What the specification says of given inputs."""
    return _given(claim, inputs, claim.stated)


def lifted_on(claim: Claim, states: list[State], inputs: Inputs) -> list[int]:
    """What the lifted code computes on given inputs."""
    chosen = _given(claim, inputs, [bit(z3.And(True, *state.path)) for state in states])
    assert sum(chosen) == 1, f"{sum(chosen)} paths for one input"
    return _given(claim, inputs, answer(claim, states[chosen.index(1)]))


def native_on(claim: Claim, binary: Binary, inputs: Inputs) -> list[int]:
    """What the processor computes on given inputs."""
    contents = inputs | {region.name: region.content for region in claim.arrays if region.content is not None}
    buffers = {
        region.name: ctypes.create_string_buffer(contents.get(region.name, b"\xa5" * region.size), max(region.size, 1))
        for region in claim.arrays
    }
    kinds = [ctypes.c_void_p if isinstance(argument, Region) else ctypes.c_size_t for argument in claim.arguments]
    width = RESULT_BITS.get(claim.slot)
    result = {None: None, 32: ctypes.c_uint32, 64: ctypes.c_uint64}[width]
    values = [buffers[a.name] if isinstance(a, Region) else a for a in claim.arguments]
    returned = binary.native(claim.slot, result, *kinds)(*values)
    if not claim.outputs:
        return [int(returned)]
    return [byte for region in claim.outputs for byte in buffers[region.name].raw[: region.size]]
