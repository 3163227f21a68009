"""Equations that are true by construction: a random term, and what random steps of known equations make of it.

A theory is a table: its variables by sort, its operations as `name : sorts -> sort : Lean text`, and equations in
prefix notation, read in both directions (`and a or a b = a`; single letters `a` … `d` stand for any term).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Term = tuple["Term | str", ...] | str
"""A variable or pattern letter, or an operation and its arguments."""

_MOST = 24
"""Operations in a term, at most."""


@dataclass(frozen=True)
class Operation:
    """Takes terms of the sorts `takes`, gives one of sort `gives`; `text` has a `{}` for each."""

    takes: tuple[str, ...]
    gives: str
    text: str


@dataclass(frozen=True)
class Theory:
    """`variables`: for each sort the Lean type (None: no variables) and the names; `starts`: sorts of equations."""

    family: str
    variables: Mapping[str, tuple[str, str]]
    starts: tuple[str, ...]
    operations: Mapping[str, Operation]
    equations: tuple[tuple[Term, Term], ...]

    def equation(self, rng: random.Random, steps: int) -> tuple[Term, Term]:
        """Two terms with variables that differ and are equal, by at most `steps` steps."""
        while True:
            left = self.random_term(rng, rng.choice(self.starts), 2)
            right = left
            for _ in range(steps):
                right = self._step(rng, right)
            if left != right and any(True for _ in variables(left)):
                return left, right

    def statement(self, left: Term, right: Term, constants: Mapping[str, object]) -> str:
        """The equation in Lean, with its variables bound; `constants` for the `{name}`s in texts."""
        names = sorted({*variables(left), *variables(right)})
        bound = [
            f"({' '.join(own)} : {lean})"
            for lean, all_names in self.variables.values()
            if (own := [name for name in all_names.split() if name in names])
        ]
        said = f"{self.text(left)} = {self.text(right)}"
        extra = [binder for binder, mark in _EXTRA if mark in said]
        return " ".join([*extra, *bound, ":", said]).format_map(dict(constants)).lstrip()

    def text(self, term: Term) -> str:
        """The term in Lean, in brackets."""
        if isinstance(term, str):
            return term
        operation = self.operations[str(term[0])]
        text = operation.text
        for argument in term[1:]:
            text = text.replace("{}", self.text(argument), 1)
        return text if not operation.takes else f"({text})"

    def random_term(self, rng: random.Random, sort: str, depth: int) -> Term:
        """A term of the sort with at most `depth` operations on top of one another, where it has variables."""
        lean_and_names = self.variables.get(sort)
        if lean_and_names and (depth == 0 or rng.random() < 0.2):
            return rng.choice(lean_and_names[1].split())
        fitting = [name for name, operation in self.operations.items() if operation.gives == sort]
        if depth <= 0:
            fitting = [name for name in fitting if len(self.operations[name].takes) <= 1]
        name = rng.choice(fitting)
        return (name, *(self.random_term(rng, taken, depth - 1) for taken in self.operations[name].takes))

    def _step(self, rng: random.Random, term: Term) -> Term:
        """The term after one equation, somewhere in it; itself if none of those tried applies or keeps it small."""
        places = [place for place in _places(term) if not isinstance(_at(term, place), str)] or [()]
        for _ in range(20):
            place = rng.choice(places)
            left, right = rng.choice(self.equations)
            if rng.random() < 0.4:
                left, right = right, left
            found: dict[str, Term] = {}
            if isinstance(left, str) or not _matches(left, _at(term, place), found):
                continue
            changed = _replaced(term, place, self._filled(rng, right, found, None))
            if sum(1 for _ in _places(changed)) <= _MOST:
                return changed
        return term

    def _filled(self, rng: random.Random, pattern: Term, found: dict[str, Term], sort: str | None) -> Term:
        """The pattern with what was found for its letters; a letter without anything gets a small random term."""
        if isinstance(pattern, str):
            if pattern not in found:
                found[pattern] = self.random_term(rng, sort or self.starts[0], 0)
            return found[pattern]
        takes = self.operations[str(pattern[0])].takes
        parts = zip(pattern[1:], takes, strict=True)
        return (pattern[0], *(self._filled(rng, part, found, taken) for part, taken in parts))


# Functions are bound where they are used.
_EXTRA = (("(p : Int → Bool)", ".filter p"),)


def theory(
    family: str, variables: Mapping[str, tuple[str, str]], starts: str, operations: str, equations: str
) -> Theory:
    """A theory from its tables."""
    parsed: dict[str, Operation] = {}
    for line in operations.strip().splitlines():
        name, sorts, text = (part.strip() for part in line.split(" : ", 2))
        takes, gives = sorts.split("->")
        parsed[name] = Operation(tuple(takes.split()), gives.strip(), text)
    pairs = [line.split(" = ") for line in equations.strip().splitlines()]
    return Theory(
        family,
        variables,
        tuple(starts.split()),
        parsed,
        tuple((_parsed(left, parsed), _parsed(right, parsed)) for left, right in pairs),
    )


def _parsed(text: str, operations: Mapping[str, Operation]) -> Term:
    words = iter(text.split())

    def term() -> Term:
        word = next(words)
        if word not in operations:
            return word
        return (word, *(term() for _ in operations[word].takes))

    return term()


def variables(term: Term) -> Iterator[str]:
    """The variables of a term, as often as they stand there."""
    if isinstance(term, str):
        yield term
    else:
        for part in term[1:]:
            yield from variables(part)


def _places(term: Term, here: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """The way down to each part of a term."""
    yield here
    if not isinstance(term, str):
        for index, part in enumerate(term[1:], 1):
            yield from _places(part, (*here, index))


def _at(term: Term, place: tuple[int, ...]) -> Term:
    for index in place:
        term = term[index]
    return term


def _replaced(term: Term, place: tuple[int, ...], by: Term) -> Term:
    if not place:
        return by
    return (*term[: place[0]], _replaced(term[place[0]], place[1:], by), *term[place[0] + 1 :])


def _matches(pattern: Term, term: Term, found: dict[str, Term]) -> bool:
    if isinstance(pattern, str):
        return found.setdefault(pattern, term) == term
    if isinstance(term, str) or len(term) != len(pattern) or term[0] != pattern[0]:
        return False
    return all(_matches(part, own, found) for part, own in zip(pattern[1:], term[1:], strict=True))
