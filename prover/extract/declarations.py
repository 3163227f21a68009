"""The theorems of a file: full names, statements with the `variable`s that they use, and trees of tactic steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from q35prover.extract.tactics import Node, Unparsed, parse_block, parse_term
from q35prover.extract.text import CLOSING, NAME, OPENING, Token, commands, tokens, without_comments

Proof = Literal["tactics", "term with tactics", "term", "recursive or fields", "not understood"]

_NAME = re.compile(NAME)
_MODIFIERS = frozenset(
    ["private", "protected", "noncomputable", "nonrec", "public", "meta", "local", "scoped", "unsafe"]
)
_BEFORE_IN = frozenset(["open", "set_option", "omit", "include", "variable", "attribute"])
_CLOSES = {"(": ")", "{": "}", "[": "]", "⦃": "⦄"}


@dataclass(frozen=True)
class Theorem:
    """A theorem or lemma: `statement` is the `variable`s that it uses, its own binders, `:`, and its type.

    `name` is the full name; `namespace` is the one that the theorem stands in.
    """

    name: str
    namespace: str
    statement: str
    proof: Proof
    steps: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Binder:
    """`(a b : T)`: the names (none in `[C a]`), and the names that its type mentions."""

    bracket: str
    names: tuple[str, ...]
    type: str
    mentions: frozenset[str]

    def text(self, names: tuple[str, ...]) -> str:
        """The binder of these of its names."""
        bound = f"{' '.join(names)} : {self.type}" if names else self.type
        return f"{self.bracket}{bound}{_CLOSES[self.bracket]}"


@dataclass
class _Scope:
    """A `namespace` (its last component) or `section`, and what was in force outside."""

    namespace: str | None
    variables: int


def theorems(source: str) -> Iterator[Theorem]:
    """The theorems and lemmas of a Lean file, in order."""
    scopes: list[_Scope] = []
    variables: list[Binder] = []
    once: list[Binder] = []  # `variable … in`
    for command in commands(without_comments(source)):
        word, _, rest = command.partition(" ")
        if word == "namespace":
            scopes += [_Scope(part, len(variables)) for part in rest.strip().split(".")]
        elif re.match(r"(?:public |noncomputable |meta )*section\b|mutual\b", command):
            name = command.partition("section")[2].strip()
            scopes += [_Scope(None, len(variables)) for _ in (name.split(".") if name else [""])]
        elif command.split(None, 1)[0] == "end":
            for _ in (command[3:].strip() or "_").split("."):
                if scopes:
                    del variables[scopes.pop().variables :]
        elif word.startswith("variable"):
            parsed = tokens(command)
            if parsed[-1].text == "in":
                once = binders(command, parsed[1:-1])
            elif "in" not in [token.text for token in parsed]:
                variables += binders(command, parsed[1:])
        elif _THEOREM.search(command):
            namespace = [scope.namespace for scope in scopes if scope.namespace]
            if found := _theorem(command, namespace, [*variables, *once]):
                yield found
            once = []


_THEOREM = re.compile(r"(?<![\w.])(?:theorem|lemma)\s")


def _theorem(command: str, namespace: list[str], variables: list[Binder]) -> Theorem | None:
    """The theorem that a command declares, if it does."""
    parsed = tokens(command)
    at = 0
    while at < len(parsed) and (word := parsed[at].text) not in ("theorem", "lemma"):
        if word == "@[":
            at = _closing(parsed, at) + 1
        elif word in _BEFORE_IN:
            while at < len(parsed) and parsed[at].text != "in":
                at += 1
            at += 1
        elif word in _MODIFIERS:
            at += 1
        else:
            return None
    at += 1
    if at >= len(parsed) or not _NAME.fullmatch(parsed[at].text):
        return None
    name = parsed[at].text
    name = name.removeprefix("_root_.") if name.startswith("_root_.") else ".".join([*namespace, name])
    at += 1
    if at + 1 < len(parsed) and parsed[at].text == "." and parsed[at + 1].text == "{":
        at = _closing(parsed, at + 1) + 1
    end = _statement_end(parsed, at)
    if end is None:
        return None
    own = {name for binder in binders(command, parsed[at : _colon(parsed, at, end)]) for name in binder.names}
    statement = " ".join([*_used(variables, own, parsed[at:end]), _flat(command, parsed[at:end])])
    return Theorem(name, ".".join(namespace), statement, *_proof(command, parsed, end, name))


def _proof(command: str, parsed: list[Token], at: int, name: str) -> tuple[Proof, list[Node]]:
    """How the theorem is proved, from its `:=`, `|` or `where` on, and the steps."""
    kind = parsed[at].text
    try:
        if kind == ":=" and at + 1 < len(parsed) and parsed[at + 1].text == "by":
            return "tactics", parse_block(command, parsed, at + 2)
        words = {token.text for token in parsed[at:]}
        if "by" not in words:
            return "term", []
        if kind == "where" or (kind == "|" and not words.isdisjoint((name, name.rpartition(".")[2], "termination_by"))):
            return "recursive or fields", []
        return "term with tactics", parse_term(command, parsed, at if kind == "|" else at + 1)
    except Unparsed:
        return "not understood", []


def _statement_end(parsed: list[Token], at: int) -> int | None:
    """The `:=`, `|` or `where` that ends the statement which begins at `at`; None if there is none."""
    depth = definitions = 0
    for end in range(at, len(parsed)):
        text = parsed[end].text
        if text in OPENING:
            depth += 1
        elif text in CLOSING:
            depth -= 1
        elif depth:
            continue
        elif text in ("let", "have", "letI", "haveI"):
            definitions += 1
        elif text == ":=" and definitions:
            definitions -= 1
        elif text == ":=" or (text == "where" and end > at) or (text == "|" and _is_equation(parsed, end)):
            return end
    return None


def _colon(parsed: list[Token], at: int, end: int) -> int:
    """The `:` between binders and type; `end` if there is none."""
    while at < end and parsed[at].text != ":":
        at = _closing(parsed, at) + 1
    return at


def _is_equation(parsed: list[Token], at: int) -> bool:
    """Whether the `|` begins an equation `| pattern => …` (and not an absolute value)."""
    depth = 0
    for token in parsed[at + 1 :]:
        if token.text in OPENING:
            depth += 1
        elif token.text in CLOSING:
            depth -= 1
        elif depth == 0 and (token.text in ("=>", ":=", "fun", "λ") or (token.text == "|" and token.first)):
            return token.text == "=>" or (token.text == "|" and parsed[at].first)
    return False


def binders(code: str, parsed: list[Token]) -> list[Binder]:
    """The binders in a row of bracketed groups; groups without a type (`variable {α}`) only change how one is bound."""
    found: list[Binder] = []
    at = 0
    while at < len(parsed):
        if parsed[at].text not in _CLOSES:
            at += 1
            continue
        end = _closing(parsed, at)
        inside = parsed[at + 1 : end]
        colon = next((i for i, token in enumerate(inside) if token.text == ":"), None)
        bracket = parsed[at].text
        if colon is None:
            if bracket == "[" and inside:
                found.append(Binder(bracket, (), _flat(code, inside), _mentions(inside)))
        elif colon + 1 < len(inside):
            names = tuple(token.text for token in inside[:colon])
            found.append(Binder(bracket, names, _flat(code, inside[colon + 1 :]), _mentions(inside[colon + 1 :])))
        at = end + 1
    return found


def _used(variables: list[Binder], own: set[str], statement: list[Token]) -> list[str]:
    """The variables that Lean would add to a statement that binds its `own` names: those that it names, those that
    these name, and the instances on them."""
    used, bound = set(_mentions(statement)), set(own)
    texts: list[str] = []
    visible: list[tuple[Binder, tuple[str, ...]]] = []
    for variable in reversed(variables):  # the later of two variables of one name hides the earlier
        names = tuple(name for name in variable.names if name not in bound)
        visible.append((variable, names))
        bound.update(names)
        if variable.bracket != "[" and not used.isdisjoint(names):
            used |= variable.mentions
    for variable, names in reversed(visible):
        if variable.bracket == "[":
            if (needed := variable.mentions & bound) and needed <= used:
                texts.append(variable.text(variable.names))
        elif chosen := tuple(name for name in names if name in used):
            texts.append(variable.text(chosen))
    return texts


def _mentions(parsed: list[Token]) -> frozenset[str]:
    """The first components of the names among tokens."""
    return frozenset(token.text.partition(".")[0] for token in parsed)


def _closing(parsed: list[Token], at: int) -> int:
    """The bracket that closes the one at `at` (itself if it is none); the last token if none does."""
    depth = 0
    for end in range(at, len(parsed)):
        depth += (parsed[end].text in OPENING) - (parsed[end].text in CLOSING)
        if depth == 0:
            return end
    return len(parsed) - 1


def _flat(code: str, parsed: list[Token]) -> str:
    """The source of tokens on one line."""
    return " ".join(code[parsed[0].start : parsed[-1].end].split()) if parsed else ""
