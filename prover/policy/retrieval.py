"""Premise selection: which theorems speak of what a goal speaks of.

Goals and theorems are bags of constants, weighted by inverse document frequency; a theorem's score is the cosine of
the two. The idea is that of MePo (Meng and Paulson, "Lightweight relevance filtering for machine-generated resolution
problems", 2009), in the vector form of information retrieval (Salton and Buckley, 1988).
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from q35.lean.package import load_package, parse_header
from q35prover.interface import Problem
from q35prover.library import Library
from q35prover.policy.goal_text import GoalText, Term, read_term

Role = Literal["rewrite", "conclude", "fact"]
"""What a theorem is wanted for: to rewrite with (its left side begins like a part of the target), to apply (its
conclusion begins like the target), or as a fact for a tactic that finds out itself how to use it."""
ROLES: tuple[Role, ...] = get_args(Role)

_CONSTANTS = {
    "+": "HAdd.hAdd", "*": "HMul.hMul", "/": "HDiv.hDiv", "%": "HMod.hMod", "^": "HPow.hPow", "∣": "Dvd.dvd",
    "&&&": "HAnd.hAnd", "|||": "HOr.hOr", "^^^": "HXor.hXor", "~~~": "Complement.complement",
    "<<<": "HShiftLeft.hShiftLeft", ">>>": "HShiftRight.hShiftRight", "++": "HAppend.hAppend", "::": "List.cons",
    "∧": "And", "∨": "Or", "¬": "Not", "↔": "Iff", "=": "Eq", "≠": "Ne", "≤": "LE.le", "<": "LT.lt", "≥": "GE.ge",
    ">": "GT.gt", "∃": "Exists", "∈": "Membership.mem", "∉": "Membership.mem", "&&": "Bool.and", "||": "Bool.or",
    "!": "Bool.not", "==": "BEq.beq", "!=": "bne", "if": "ite", "[": "List.cons", "[]": "GetElem.getElem",
    "[]?": "GetElem?.getElem?", "∘": "Function.comp", "×": "Prod", "⟨": "Prod.mk", "some": "Option.some",
    "none": "Option.none", "true": "Bool.true", "false": "Bool.false", "max": "Max.max", "min": "Min.min",
}  # fmt: skip
_CASTS = (("Int", "Nat.cast"), ("Rat", "Int.cast"), ("Rat", "Nat.cast"), ("Fin", "Fin.val"))
"""What `↑` may stand for where a type is spoken of."""
_UNPRINTED = ("Nat.cast", "Int.cast", "OfNat.ofNat", "Bool.true")
"""What a theorem's conclusion may speak of although the text that it fits does not."""
_CONNECTIVES = frozenset({"→", "∀", "∃", "¬", "∧", "∨", "↔", "", "binders", "fun", "λ", "let", "have", "match"})
_OF_HYPOTHESES = 0.5
"""The weight of a constant that stands in hypotheses only, of the goal or of the theorem."""
_NEAR = 1.4
"""The factor of theorems of the file and of its package: they are there because they are used."""
_DECLARATION = re.compile(
    r"^(?:@\[[^\]]*\]\s*|(?:private|protected|public|scoped|noncomputable|meta)\s+)*(?P<kind>theorem|lemma|def|abbrev)\s+"
    r"(?P<name>[^\s({\[:]+)(?P<statement>(?:(?!:=)[\s\S])*)",
    re.MULTILINE,
)
_NAMESPACE = re.compile(r"^(?:namespace|open)\s+([^\n(]+)", re.MULTILINE)


@dataclass(frozen=True)
class Premise:
    """A theorem that may help; `score` is between 0 and about 1."""

    name: str
    score: float
    simp: bool = False
    supposed: int | None = None
    """How many hypotheses it has; None: not known."""
    equation: bool = False
    """Whether its conclusion is an equation or equivalence."""


@dataclass(frozen=True)
class _Local:
    """A theorem of the problem's own file, before the problem."""

    name: str
    head: str
    rewritten: str
    symbols: Mapping[str, float]


@dataclass(frozen=True)
class _Heads:
    """The constants of which a theorem's field is to be one."""

    field: Literal["head", "rewritten"]
    names: frozenset[str]


@dataclass(frozen=True)
class Context:
    """What a problem's file offers: theorems and definitions before the problem.

    `prefixes` are what a short name may lack: nothing, or the name of a namespace that is open.
    """

    theorems: tuple[_Local, ...]
    definitions: tuple[str, ...]
    prefixes: tuple[str, ...]


class Retrieval:
    """Ranks the theorems of a library, and of a problem's file, by how much they have in common with a goal."""

    def __init__(self, library: Library) -> None:
        self.library = library
        count, size = len(library), len(library.constants)
        owner, constant, weight = _entries(library)
        frequency = np.bincount(constant, minlength=size)
        self._idf = np.log((count + 1) / (frequency + 0.5)).astype(np.float32)
        value = weight * self._idf[constant]
        norm = np.sqrt(np.bincount(owner, weights=value**2, minlength=count))
        self._usable = ~(library.auxiliary | library.deprecated) & (norm > 0)
        order = np.argsort(constant, kind="stable")
        self._owner, self._value = owner[order], (value / np.maximum(norm, 1e-9)[owner])[order]
        self._start = np.concatenate([[0], np.cumsum(frequency)])
        own = self._of_package = np.array([not m.startswith(("Init.", "Std.")) for m in library.modules])[
            library.module
        ]
        # Types, which by custom begin with a capital letter, are often left out where a term is printed.
        self._printed = np.array([name.rpartition(".")[2][:1].islower() for name in library.constants], dtype=bool)
        self._of_field: dict[str, list[str]] = {}
        for name in library.constants:
            self._of_field.setdefault(name.rpartition(".")[2], []).append(name)
        self._definitions = frozenset(library.definitions)
        # By custom a package's definitions lie in the namespaces of its theorems, and Lean's own in those of Lean's.
        roots = [{library.names[i].partition(".")[0] for i in np.flatnonzero(m).tolist()} for m in (own, ~own)]
        self._package_definitions = {d for d in library.definitions if d.partition(".")[0] in roots[0] - roots[1]}

    def rank(self, goal: GoalText, problem: Problem, count: int) -> dict[Role, list[Premise]]:
        """For each role the `count` best theorems, without those that the problem forbids and itself."""
        context = self.context(problem)
        query = {name: weight * self._weight(name) for name, weight in self._query(goal, context).items()}
        scores = self._scores(query)
        scores[~self._usable] = 0
        scores[~self._imported(problem)] = 0
        scores[[self.library.place[name] for name in problem.forbidden if name in self.library.place]] = 0
        if problem.theorem in self.library.place:
            scores[self.library.place[problem.theorem]] = 0
        local = [(theorem, _NEAR * self._cosine(theorem.symbols, query)) for theorem in context.theorems]
        spoken = {*self.constants(read_term(goal.target), goal, context), *_UNPRINTED}
        # Of what type a field is, the text does not tell.
        fields = {part.head[1:] for part in read_term(goal.target).subterms() if part.head.startswith(".")}
        spoken.update(itertools.chain.from_iterable(self._of_field.get(field, ()) for field in fields))
        return {
            role: self._best(
                scores, local, self._wanted(goal, context, role), spoken if role == "conclude" else None, count
            )
            for role in ROLES
        }

    def _imported(self, problem: Problem) -> npt.NDArray[np.bool_]:
        """For each theorem of the library, whether the problem's file imports it."""
        names = frozenset(item.module for item in parse_header(problem.before)[1])
        return _imported(self, problem.package, names)

    def context(self, problem: Problem) -> Context:
        """What the text before the problem declares and opens."""
        return _context(problem.before, problem.theorem.rpartition(".")[0], self)

    def definitions(self, goal: GoalText, problem: Problem) -> list[str]:
        """The definitions, of the file and of its package, that the goal speaks of; those of the target first."""
        context = self.context(problem)
        found = dict.fromkeys(word for text in _texts(goal) for word in self._resolved_words(text, goal, context))
        return [name for name in found if name in context.definitions or name in self._package_definitions]

    def is_own(self, word: str, problem: Problem) -> bool:
        """Whether the word names a definition of the problem's file or package."""
        context = self.context(problem)
        own = {*context.definitions, *self._package_definitions}
        return not own.isdisjoint(self._full([word], context))

    def spoken(
        self,
        theorem: str,
        words: Iterable[str],
        problem: Problem,
        part: Literal["conclusion", "hypotheses"] = "conclusion",
    ) -> list[str]:
        """The words that name constants of a part of the theorem, the rarest first; for one of the file, all."""
        if (place := self.library.place.get(theorem)) is None:
            return list(words)
        start, end = getattr(self.library, f"{part}_start")[place : place + 2]
        has = {self.library.constants[number] for number in getattr(self.library, part)[start:end].tolist()}
        context = self.context(problem)
        named = {word: name for word in words for name in self._full([word], context) if name in has}
        return sorted(named, key=lambda word: -self._weight(named[word]))

    def _query(self, goal: GoalText, context: Context) -> dict[str, float]:
        """The goal's constants with the weights of their places."""
        query = dict.fromkeys(self.constants(read_term(goal.target), goal, context), 1.0)
        for hypothesis in goal.hypotheses:
            for name in self.constants(read_term(hypothesis.type), goal, context):
                query.setdefault(name, _OF_HYPOTHESES)
        return query

    def _wanted(self, goal: GoalText, context: Context, role: Role) -> _Heads | None:
        """With what a theorem for the role must begin; None: with anything."""
        target = read_term(goal.target)
        if role == "fact":
            return None
        if role == "rewrite":
            return _Heads("rewritten", frozenset(self.constants(target, goal, context)) - {"Eq", "Iff"})
        while target.head in ("∀", "→"):
            target = target.arguments[-1]
        return _Heads("head", frozenset(self._heads(target, goal, context)))

    def _heads(self, term: Term, goal: GoalText, context: Context) -> list[str]:
        if term.head in (">", "≥"):
            return ["LT.lt", "LE.le", _CONSTANTS[term.head]]
        if term.head in _CONSTANTS:
            return [_CONSTANTS[term.head]]
        return self.constants(term, goal, context)[:1]

    def constants(self, term: Term, goal: GoalText, context: Context) -> list[str]:
        """The names of the constants that a term speaks of, as far as its text tells, without repetition."""
        found: dict[str, None] = {}
        types = goal.types
        spoken = {read_head(kind) for kind in types.values()} | {"Nat"}
        for part in term.subterms():
            head = part.head
            if head in _CONSTANTS:
                found[_CONSTANTS[head]] = None
                if head in (">", "≥"):
                    found["LT.lt" if head == ">" else "LE.le"] = None
            elif head == "-":
                found["HSub.hSub" if len(part.arguments) == 2 else "Neg.neg"] = None
            elif head == "↑":
                found.update(dict.fromkeys(cast for kind, cast in _CASTS if kind in spoken))
            elif head.startswith("."):
                found.update(dict.fromkeys(self._full((f"{kind}{head}" for kind in sorted(spoken)), context)))
            elif "#" in head and head[0].isdigit():
                found.update({"BitVec": None, "BitVec.ofNat": None})
            elif head and head[0].isdigit():
                found["OfNat.ofNat"] = None
            elif head not in _CONNECTIVES and head != "()" and not part.arguments:
                found.update(dict.fromkeys(self._resolved(head, types, context)))
        return list(found)

    def _resolved(self, word: str, types: Mapping[str, str], context: Context) -> list[str]:
        """The constants that a word of the text stands for; a variable stands for its type."""
        first, _, fields = word.partition(".")
        if first not in types:
            return self._full([word], context)
        kind = read_head(types[first])
        return self._full([kind, *(f"{kind}.{field}" for field in fields.split(".")[:1])], context)

    def _full(self, words: Iterable[str], context: Context) -> list[str]:
        """The full names of those words that name a constant in one of the open namespaces."""
        found = []
        for word in words:
            names = (prefix + word for prefix in context.prefixes)
            found += list(itertools.islice((name for name in names if self._known(name, context)), 1))
        return found

    def _resolved_words(self, text: str, goal: GoalText, context: Context) -> list[str]:
        return [name for name in self.constants(read_term(text), goal, context) if self._known(name, context)]

    def _known(self, name: str, context: Context) -> bool:
        return name in self.library.constant or name in self._definitions or name in context.definitions

    def _scores(self, query: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """The cosine of the query and each theorem of the library."""
        numbers = [(self.library.constant[name], weight) for name, weight in query.items() if self._numbered(name)]
        if not numbers:
            return np.zeros(len(self.library))
        places = [slice(self._start[number], self._start[number + 1]) for number, _ in numbers]
        owners = np.concatenate([self._owner[place] for place in places])
        parts = [self._value[place] * weight for place, (_, weight) in zip(places, numbers, strict=True)]
        scores = np.bincount(owners, weights=np.concatenate(parts), minlength=len(self.library)) / _norm(query)
        scores[self._of_package] *= _NEAR
        return scores

    def _best(
        self,
        scores: npt.NDArray[np.float64],
        local: Sequence[tuple[_Local, float]],
        heads: _Heads | None,
        spoken: Set[str] | None,
        count: int,
    ) -> list[Premise]:
        """The best with one of the heads, of which nothing but what is `spoken` of is concluded (None: no matter)."""
        found = [
            Premise(theorem.name, score)
            for theorem, score in local
            if heads is None or getattr(theorem, heads.field) in heads.names
        ]
        places = np.flatnonzero(scores)
        if heads:
            allowed = [self.library.constant[name] for name in heads.names if self._numbered(name)]
            places = places[np.isin(getattr(self.library, heads.field)[places], allowed)]
        if spoken is not None:
            places = places[self._concludes_of(spoken)[places]]
        if len(places) > count:
            places = places[np.argpartition(-scores[places], count)[:count]]
        for i in places.tolist():
            name, simp, supposed = self.library.names[i], self.library.simp[i], self.library.supposed[i]
            equation = bool(self.library.rewritten[i] >= 0)
            found.append(Premise(name, float(scores[i]), bool(simp), int(supposed), equation))
        return sorted(found, key=lambda premise: (-premise.score, premise.name))[:count]

    def _concludes_of(self, spoken: Set[str]) -> npt.NDArray[np.bool_]:
        """For each theorem, whether its conclusion has no other constants than these."""
        foreign = self._printed.copy()
        foreign[[self.library.constant[name] for name in spoken if self._numbered(name)]] = False
        count = np.concatenate([[0], np.cumsum(foreign[self.library.conclusion])])
        concluded = np.diff(count[self.library.conclusion_start])
        return np.equal(concluded, 0)

    def _numbered(self, name: str) -> bool:
        return name in self.library.constant

    def _weight(self, name: str) -> float:
        """Inverse document frequency; what the library has no theorem on is as telling as can be."""
        number = self.library.constant.get(name)
        return math.log(2 * len(self.library) + 2) if number is None else float(self._idf[number])

    def _cosine(self, symbols: Mapping[str, float], query: Mapping[str, float]) -> float:
        own = {name: weight * self._weight(name) for name, weight in symbols.items()}
        return sum(weight * query.get(name, 0.0) for name, weight in own.items()) / (_norm(own) * _norm(query))


def _norm(weights: Mapping[str, float]) -> float:
    return math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0


def read_head(kind: str) -> str:
    """The head symbol of a type: `List` of `List Nat`."""
    term = read_term(kind)
    return term.arguments[0].head if term.head == "()" else term.head


def _texts(goal: GoalText) -> Iterable[str]:
    yield goal.target
    for hypothesis in goal.propositions:
        yield hypothesis.type


def _entries(
    library: Library,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """All pairs of a theorem and a constant that it speaks of, and the weight of its place."""
    count, size = len(library), max(len(library.constants), 1)
    owners = [
        np.repeat(np.arange(count), np.diff(start)) for start in (library.conclusion_start, library.hypotheses_start)
    ]
    pairs = [
        owner * size + constant
        for owner, constant in zip(owners, (library.conclusion, library.hypotheses), strict=True)
    ]
    only = np.setdiff1d(pairs[1], pairs[0])
    joined = np.concatenate([pairs[0], only])
    weight = np.concatenate([np.ones(len(pairs[0])), np.full(len(only), _OF_HYPOTHESES)])
    return joined // size, (joined % size).astype(np.int32), weight.astype(np.float32)


@lru_cache(maxsize=16)
def _imported(retrieval: Retrieval, package: Path | None, imports: Set[str]) -> npt.NDArray[np.bool_]:
    """For each theorem of the library, whether a file of the package with these imports may use it."""
    library, reached = retrieval.library, set[str]()
    if package:
        lake = load_package(package)
        own = [name for name in imports if lake.owns(name)]
        reached = {module.name for module in lake.closure(own)} if own else reached
    roots = {"Init"} if package is None and not imports else {"Init", "Std"}
    return np.array([name in reached or name.partition(".")[0] in roots for name in library.modules])[library.module]


@lru_cache(maxsize=64)
def _context(before: str, inside: str, retrieval: Retrieval) -> Context:
    namespaces = dict.fromkeys(name for found in _NAMESPACE.findall(before) for name in found.split())
    nested = [".".join(list(namespaces)[: n + 1]) for n in range(len(namespaces))]
    declared = list(_DECLARATION.finditer(before))
    definitions = tuple(m["name"] for m in declared if m["kind"] in ("def", "abbrev"))
    # `namespace A.B` opens A too, and a theorem `B.c` in A opens A.B.
    words = [name.split(".") for name in [inside, *namespaces, *nested] if name]
    opened = [".".join(parts[:n]) for parts in words for n in range(len(parts), 0, -1)]
    prefixes = tuple(dict.fromkeys(["", *(f"{name}." for name in opened)]))
    context = Context((), definitions, prefixes)
    theorems = [_local(m, retrieval, context) for m in declared[:-1] if m["kind"] in ("theorem", "lemma")]
    return Context(tuple(theorems), definitions, prefixes)


def _local(declared: re.Match[str], retrieval: Retrieval, context: Context) -> _Local:
    """A theorem of the file from its text: binders, a colon outside of all brackets, the conclusion."""
    text, depth, colon = declared["statement"], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([{⦃") - (letter in ")]}⦄")
        if letter == ":" and depth == 0:
            colon = place
            break
    binders, conclusion = text[:colon], read_term(text[colon + 1 :].strip())
    goal = GoalText((), "")
    symbols = dict.fromkeys(retrieval.constants(conclusion, goal, context), 1.0)
    for name in retrieval.constants(read_term(binders), goal, context):
        symbols.setdefault(name, _OF_HYPOTHESES)
    while conclusion.head in ("∀", "→"):
        conclusion = conclusion.arguments[-1]
    heads = retrieval._heads(conclusion, goal, context)
    left = conclusion.arguments[0] if conclusion.head in ("=", "↔") else None
    rewritten = retrieval._heads(left.arguments[0] if left.head == "()" else left, goal, context) if left else []
    return _Local(declared["name"], "".join(heads[:1]), "".join(rewritten[:1]), symbols)
