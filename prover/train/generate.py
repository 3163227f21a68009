"""Goals of our own, true by construction, by seed: what expert iteration trains on where Mathlib says nothing.

Five sources: equations from theories (`theories.py`), statements with constants (`templates.py`), linear inequalities
that follow from their hypotheses by a sum of multiples of them (Farkas' lemma), bounds of arithmetic over small
ranges, found by trying all values, and tautologies, found by truth tables.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from q35.files import canonical_json
from q35prover.extract.declarations import binders
from q35prover.extract.near_duplicates import near_duplicates, shape
from q35prover.extract.text import tokens
from q35prover.interface import Problem
from q35prover.train.rewriting import variables
from q35prover.train.templates import TEMPLATES, constants
from q35prover.train.theories import BITS, BOOL, INT, LIST, NAT, OPTION, RAT

SCHEMA = "q35.generated-goals/1"

_AT_ONCE = 256
_ALIKE = 4
"""Goals that differ in nothing but numbers and names of variables, at most."""
TOO_NEAR = 0.5
"""A goal that resembles one of the benchmark so much is left out."""
_MODULES = ("Accumulate", "Bits", "MxScale", "Size", "Slot", "Table")
_OWN = "".join(f"import Q35.{module}\n" for module in _MODULES) + "\nopen Q35\n\n"


@dataclass(frozen=True)
class GeneratedGoal:
    """A statement (`(x : T) : p`), its family, and its difficulty from 1."""

    name: str
    family: str
    difficulty: int
    statement: str

    @property
    def needs_own(self) -> bool:
        """Whether it speaks of this project's definitions."""
        return self.family in ("rat", "round")

    def problem(self, proofs: Path) -> Problem:
        """What the prover works on; `proofs` is the folder of the package with our definitions."""
        header = _OWN if self.needs_own else ""
        package = proofs if self.needs_own else None
        return Problem(self.name, f"{header}theorem {self.name} {self.statement} := by\n  ", "\n", package=package)


def generate(seed: int, count: int, apart_from: Sequence[str] = ()) -> list[GeneratedGoal]:
    """`count` different goals; the first goals of a larger count are the same. None resembles `apart_from`."""
    rng = random.Random(seed)
    goals: list[GeneratedGoal] = []
    seen: set[str] = set()
    alike: Counter[str] = Counter()
    avoid = [shape(statement) for statement in apart_from]
    while len(goals) < count:
        drawn = [_draw(rng) for _ in range(_AT_ONCE)]
        forms = [shape(statement) for _, _, statement in drawn]
        near = near_duplicates(forms, avoid, TOO_NEAR)
        for (family, difficulty, statement), form, twin in zip(drawn, forms, near, strict=True):
            if twin is None and statement not in seen and alike[form] < _ALIKE:
                seen.add(statement)
                alike[form] += 1
                goals.append(GeneratedGoal(f"generated_{seed}_{len(goals)}", family, difficulty, statement))
    return goals[:count]


def document(seed: int, goals: Sequence[GeneratedGoal]) -> bytes:
    """The goals as a JSON document."""
    rows = [
        {"name": goal.name, "family": goal.family, "difficulty": goal.difficulty, "statement": goal.statement}
        for goal in goals
    ]
    return canonical_json({"schema": SCHEMA, "seed": seed, "goals": rows})


def _draw(rng: random.Random) -> tuple[str, int, str]:
    """Family, difficulty and statement of one goal."""
    source = rng.random()
    if source < 0.45:
        family, difficulty, text = rng.choice(TEMPLATES)
        values = constants(rng)
        statement = text.format_map(values)
        if rng.random() < 0.5:
            return family, difficulty + 1, _special_case(rng, statement, values)
        return family, difficulty, statement
    if source < 0.8:
        theory = rng.choice((BITS, BITS, NAT, INT, RAT, RAT, LIST, LIST, BOOL, OPTION))
        difficulty = rng.choice((1, 1, 2, 2, 3, 4))
        return theory.family, difficulty, theory.statement(*theory.equation(rng, difficulty), constants(rng))
    return rng.choice((_linear, _linear, _bound, _tautology))(rng)


def _special_case(rng: random.Random, statement: str, values: Mapping[str, object]) -> str:
    """The statement with a term in place of one of its variables; itself if none has a theory."""
    theories = {f"BitVec {values['w']}": (BITS, "b"), "Nat": (NAT, "n"), "Int": (INT, "i"), "List Int": (LIST, "l")}
    theories["Rat"] = (RAT, "r")
    found = [binder for binder in binders(statement, tokens(statement)) if binder.type in theories]
    if not found:
        return statement
    binder = rng.choice(found)
    name = rng.choice(binder.names)
    theory, sort = theories[binder.type]
    while not set(variables(term := theory.random_term(rng, sort, rng.choice((1, 1, 2))))):
        pass
    fresh = {old: f"t{number}" for number, old in enumerate(sorted(set(variables(term))), 1)}
    text = re.sub(r"\w+", lambda word: fresh.get(word[0], word[0]), theory.text(term).format_map(dict(values)))
    names = [other for other in binder.names if other != name] + list(fresh.values())
    before, after = statement.split(binder.text(binder.names), 1)
    bound = binder.text(tuple(names)) if names else ""
    return (before + bound + re.sub(rf"(?<![\w.]){name}(?!\w)", text, after)).strip()


def _linear(rng: random.Random) -> tuple[str, int, str]:
    """`a ≤ b` that follows from the hypotheses: it is a sum of multiples of them."""
    kind, family = rng.choice((("Rat", "rat"), ("Int", "int"), ("Nat", "nat")))
    names = ["x", "y", "z"][: rng.randint(2, 3)]
    count = rng.randint(1, 3)
    least = 0 if kind == "Nat" else -5
    hypotheses = [([rng.randint(least, 5) for _ in names], rng.randint(0, 20)) for _ in range(count)]
    factors = [rng.randint(1, 3) for _ in hypotheses]
    left = [sum(f * h[0][i] for f, h in zip(factors, hypotheses, strict=True)) for i in range(len(names))]
    right = sum(f * h[1] for f, h in zip(factors, hypotheses, strict=True)) + rng.choice((0, 0, 1, 5))
    bound = " ".join(f"(h{i} : {_sum(own, names)} ≤ {limit})" for i, (own, limit) in enumerate(hypotheses, 1))
    return family, min(count, 3), f"({' '.join(names)} : {kind}) {bound} : {_sum(left, names)} ≤ {right}"


def _sum(factors: Sequence[int], names: Sequence[str]) -> str:
    """`2 * x - y`; `0` if all factors are."""
    text = ""
    for factor, name in zip(factors, names, strict=True):
        if factor:
            size = name if abs(factor) == 1 else f"{abs(factor)} * {name}"
            sign = ("-" if factor < 0 else "") if not text else (" - " if factor < 0 else " + ")
            text += sign + size
    return text or "0"


def _bound(rng: random.Random) -> tuple[str, int, str]:
    """The exact maximum of an expression over all numbers below a bound."""
    size = rng.choice((4, 8, 10, 16, 20, 32))
    a, b, c, d = rng.randint(1, 9), rng.randint(0, 20), rng.randint(2, 19), rng.randint(1, 6)
    forms: tuple[tuple[str, Callable[[int], int]], ...] = (
        (f"(x * {a} + {b}) % {c}", lambda x: (x * a + b) % c),
        (f"x * {a} % {c} + x / {d}", lambda x: x * a % c + x // d),
        (f"(x * x + {b}) % {c} * {d}", lambda x: (x * x + b) % c * d),
        (f"x * ({size} - x) / {d}", lambda x: x * (size - x) // d),
    )
    text, value = rng.choice(forms)
    most = max(value(x) for x in range(size))
    form, difficulty = rng.choice(
        (
            ("∀ x : Nat, x < {size} → {text} ≤ {most}", 1),
            ("(x : Nat) (h : x < {size}) : {text} ≤ {most}", 2),
            ("∃ x : Nat, x < {size} ∧ {text} = {most}", 2),
        )
    )
    statement = form.format(size=size, text=text, most=most)
    return "nat", difficulty, statement if " : " in statement.partition("∀")[0].partition("∃")[0] else f": {statement}"


_Formula = str | tuple["_Formula", ...]


def _tautology(rng: random.Random) -> tuple[str, int, str]:
    """A formula of three propositions that is true whatever they are."""
    while True:
        formula = _formula(rng, 3)
        names = sorted(set(_letters(formula)))
        values = itertools.product((False, True), repeat=len(names))
        if len(names) >= 2 and all(_true(formula, dict(zip(names, row, strict=True))) for row in values):
            return "logic", len(names) - 1, f"({' '.join(names)} : Prop) : {_written(formula)}"


def _formula(rng: random.Random, depth: int) -> _Formula:
    if depth == 0 or rng.random() < 0.15:
        return rng.choice("pqr")
    connective = rng.choice(("∧", "∨", "→", "↔", "¬"))
    parts = [_formula(rng, depth - 1) for _ in range(1 if connective == "¬" else 2)]
    return (connective, *parts) if parts[0] != parts[-1] or connective == "¬" else parts[0]


def _letters(formula: _Formula) -> Iterator[str]:
    if isinstance(formula, str):
        yield formula
    else:
        for part in formula[1:]:
            yield from _letters(part)


def _true(formula: _Formula, values: Mapping[str, bool]) -> bool:
    if isinstance(formula, str):
        return values[formula]
    first, *others = (_true(part, values) for part in formula[1:])
    match formula[0]:
        case "¬":
            return not first
        case "∧":
            return first and others[0]
        case "∨":
            return first or others[0]
        case "→":
            return not first or others[0]
    return first == others[0]


def _written(formula: _Formula) -> str:
    if isinstance(formula, str):
        return formula
    parts = [part if isinstance(part, str) else f"({_written(part)})" for part in formula[1:]]
    return f"¬{parts[0]}" if formula[0] == "¬" else f"{parts[0]} {formula[0]} {parts[1]}"
