"""TTIR of a function of scalars, as bit-vector terms: what it computes for all arguments at once.

An operation that is not listed here is refused, so nothing is guessed. A value has two terms: its bits, and whether it
is defined at all: a shift by the width or more, or the integer of a float that is too large, is nothing that can be
relied on (poison, in the words of MLIR). What selects between values is defined if the chosen one is.

Source: the dialects `arith` and `tt` of MLIR and Triton. Types carry no sign there, so that Triton's own front end has
already decided every promotion, extension and kind of shift.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import z3

from conformance.machine_code.operations import COMPARISONS, Bits, Unsupported, bit

if TYPE_CHECKING:
    from conformance.gpu.claims import Claim

WIDTHS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "f16": 16, "bf16": 16, "f32": 32, "f64": 64}
"""Bits of a scalar type; a float is its bits."""
FLOATS = {"f16": z3.Float16(), "f32": z3.Float32(), "f64": z3.Float64()}
"""The types that are computed with; every operation rounds to nearest, ties to even."""

BINARY: dict[str, Callable[[Bits, Bits], Bits]] = {
    "addi": lambda x, y: x + y,
    "subi": lambda x, y: x - y,
    "muli": lambda x, y: x * y,
    "andi": lambda x, y: x & y,
    "ori": lambda x, y: x | y,
    "xori": lambda x, y: x ^ y,
    "shli": lambda x, y: x << y,
    "shrui": z3.LShR,
    "shrsi": lambda x, y: x >> y,
    "minui": lambda x, y: z3.If(z3.ULT(x, y), x, y),
    "maxui": lambda x, y: z3.If(z3.UGT(x, y), x, y),
    "minsi": lambda x, y: z3.If(x < y, x, y),
    "maxsi": lambda x, y: z3.If(x > y, x, y),
}
PREDICATES = {
    **{"eq": "EQ", "ne": "NE", "slt": "LTS", "sle": "LES", "sgt": "GTS"},
    **{"ult": "LTU", "ule": "LEU", "ugt": "GTU"},
}
"""Comparisons of `arith.cmpi` by their name; "at least" is the other way round."""
SUMS: dict[str, Callable[..., Any]] = {"addf": z3.fpAdd, "subf": z3.fpSub}
WIDER: dict[str, Callable[[int, Bits], Bits]] = {"extui": z3.ZeroExt, "extsi": z3.SignExt}

_TYPE = r"(?P<type>\w+)"
LINES = (
    rf"arith\.(?P<binary>{'|'.join(BINARY)}) (?P<x>\S+), (?P<y>\S+) : {_TYPE}",
    rf"arith\.cmpi (?P<predicate>\w+), (?P<x>\S+), (?P<y>\S+) : {_TYPE}",
    rf"arith\.select (?P<chooser>\S+), (?P<x>\S+), (?P<y>\S+) : {_TYPE}",
    rf"arith\.(?P<wider>{'|'.join(WIDER)}) (?P<x>\S+) : \w+ to {_TYPE}",
    rf"arith\.(?P<narrower>trunci) (?P<x>\S+) : \w+ to {_TYPE}",
    rf"(?P<same>tt\.bitcast|arith\.bitcast) (?P<x>\S+) : \w+ (?:->|to) {_TYPE}",
    rf"arith\.constant (?P<number>-?\d+|0x\w+) : {_TYPE}",
    r"arith\.constant (?P<truth>true|false)",
    rf"arith\.(?P<sum>{'|'.join(SUMS)}) (?P<x>\S+), (?P<y>\S+) : {_TYPE}",
    rf"arith\.(?P<quotient>divf) (?P<x>\S+), (?P<y>\S+) : {_TYPE}",
    rf"arith\.extf (?P<x>\S+) : (?P<float>\w+) to {_TYPE}",
    rf"arith\.fptosi (?P<x>\S+) : (?P<whole>\w+) to {_TYPE}",
)
"""The operations that are understood, each as its line of text stands."""


@dataclass(frozen=True)
class Value:
    bits: Bits
    defined: Any


@dataclass(frozen=True)
class Function:
    """What a function returns, and for which arguments all of it is defined.

    A quotient of floats is a symbol of its own, beside what it is: claims are proved for any quotient, since a division
    is beyond a solver.
    """

    parameters: list[Bits]
    results: list[Bits]
    defined: Any
    quotients: list[tuple[Bits, Bits]] = field(default_factory=list)

    @property
    def symbols(self) -> list[Bits]:
        return [*self.parameters, *(symbol for symbol, _ in self.quotients)]

    def counterexample(self, claim: Claim) -> list[int] | None:
        """Arguments for which a claim does not hold or the results are not defined; None: it is proved, there are none.

        Raises Unsupported where the solver gives up.
        """
        wrong = z3.Not(z3.And(self.defined, claim.stated(*self.symbols, *self.results)))
        for case in claim.cases(self.symbols):
            solver = z3.Solver()
            solver.set("timeout", 120_000)
            solver.add(case, wrong)
            found = solver.check()
            if found == z3.sat:
                model = solver.model()
                return [model.eval(parameter, model_completion=True).as_long() for parameter in self.parameters]
            if found != z3.unsat:
                raise Unsupported(f"the solver gave up on {claim.name}")
        return None

    def on(self, arguments: Sequence[int]) -> list[int]:
        """The bits of what it returns for these arguments."""
        found: list[int] = [self._of(arguments, result).as_long() for result in self.results]
        return found

    def is_defined(self, arguments: Sequence[int]) -> bool:
        return bool(z3.is_true(self._of(arguments, self.defined)))

    def is_right(self, claim: Claim, arguments: Sequence[int], results: Sequence[int]) -> bool:
        """Whether results, of whatever made them, are as claimed for these arguments."""
        found = [z3.BitVecVal(bits, result.size()) for bits, result in zip(results, self.results, strict=True)]
        return bool(z3.is_true(self._of(arguments, claim.stated(*self.symbols, *found))))

    def _of(self, arguments: Sequence[int], term: Any) -> Any:
        pairs = zip(self.parameters, arguments, strict=True)
        given = [(parameter, z3.BitVecVal(bits, parameter.size())) for parameter, bits in pairs]
        return z3.simplify(z3.substitute(z3.substitute(term, *self.quotients), *given))


def of_ttir(text: str) -> Function:
    """The one function of a module of TTIR; raises Unsupported for anything that is not understood."""
    lines = [line.strip() for line in text.strip().splitlines()]
    head = re.fullmatch(r"tt\.func public @\w+\((.*)\) -> .* attributes \{noinline = false\} \{", lines[1])
    tail = re.fullmatch(r"tt\.return (.*) : .*", lines[-3])
    if lines[0] != "module {" or head is None or tail is None or lines[-2:] != ["}", "}"]:
        raise Unsupported(f"a module that is not one function: {text}")
    declared = [parameter.split(": ") for parameter in head[1].split(", ")]
    if not all(kind in WIDTHS for _, kind in declared):
        raise Unsupported(f"the parameters {head[1]}")
    parameters = [z3.BitVec(name, WIDTHS[kind]) for name, kind in declared]
    values = {str(parameter): Value(parameter, z3.BoolVal(True)) for parameter in parameters}
    quotients: list[tuple[Bits, Bits]] = []
    for line in lines[2:-3]:
        name, _, operation = line.partition(" = ")
        values[name] = _value(operation, values, quotients)
    results = [values[name] for name in tail[1].split(", ")]
    defined = z3.simplify(z3.And(*[value.defined for value in results]))
    return Function(parameters, [value.bits for value in results], defined, quotients)


def _value(operation: str, values: dict[str, Value], quotients: list[tuple[Bits, Bits]]) -> Value:
    found = next((match for pattern in LINES if (match := re.fullmatch(pattern, operation))), None)
    if found is None:
        raise Unsupported(f"the operation {operation}")
    parts = {name: part for name, part in found.groupdict().items() if part is not None}
    operands = [values[parts[name]] for name in ("x", "y") if name in parts]
    bits, defined = [value.bits for value in operands], z3.And(True, *[value.defined for value in operands])
    match parts:
        case {"binary": name}:
            if name.startswith("sh"):
                defined = z3.And(defined, z3.ULT(bits[1], bits[1].size()))
            return Value(BINARY[name](*bits), defined)
        case {"predicate": name}:
            if name in ("sge", "uge"):
                bits, name = bits[::-1], f"{name[0]}le"
            return Value(bit(COMPARISONS[PREDICATES[name]](*bits)), defined)
        case {"chooser": name}:
            chooser, (x, y) = values[name], operands
            first = chooser.bits == 1
            return Value(z3.If(first, *bits), z3.And(chooser.defined, z3.If(first, x.defined, y.defined)))
        case {"truth": truth}:
            return Value(z3.BitVecVal(truth == "true", 1), defined)
        case {"number": number, "type": kind}:
            return Value(z3.BitVecVal(int(number, 0), WIDTHS[kind]), defined)
        case {"wider": name, "type": kind}:
            return Value(WIDER[name](WIDTHS[kind] - bits[0].size(), bits[0]), defined)
        case {"narrower": _, "type": kind}:
            return Value(z3.Extract(WIDTHS[kind] - 1, 0, bits[0]), defined)
        case {"sum": name, "type": kind}:
            return Value(_bits(SUMS[name](z3.RNE(), *(_float(kind, term) for term in bits))), defined)
        case {"quotient": _, "type": kind}:
            exact = _bits(z3.fpDiv(z3.RNE(), *(_float(kind, term) for term in bits)))
            quotients.append((z3.BitVec(f"quotient {len(quotients)}", WIDTHS[kind]), exact))
            return Value(quotients[-1][0], defined)
        case {"float": source, "type": kind}:
            return Value(_bits(z3.fpToFP(z3.RNE(), _float(source, bits[0]), FLOATS[kind])), defined)
        case {"whole": source, "type": kind}:
            number, width = _float(source, bits[0]), WIDTHS[kind]
            fits = z3.And(z3.fpGT(number, -(2.0 ** (width - 1)) - 1), z3.fpLT(number, 2.0 ** (width - 1)))
            return Value(z3.fpToSBV(z3.RTZ(), number, z3.BitVecSort(width)), z3.And(defined, fits))
    return Value(bits[0], defined)


def _float(kind: str, bits: Bits) -> Any:
    return z3.fpBVToFP(bits, FLOATS[kind])


def _bits(number: Any) -> Bits:
    """The bits of a float; of a NaN one of many, since no claim is about which."""
    mantissa, width = number.sort().sbits() - 1, number.sort().ebits() + number.sort().sbits()
    nan = (1 << (width - 1)) - (1 << (mantissa - 1))
    return z3.If(z3.fpIsNaN(number), z3.BitVecVal(nan, width), z3.fpToIEEEBV(number))
