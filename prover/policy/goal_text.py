"""A printed goal, read: its hypotheses, and its propositions as terms, with Lean's operators and their precedences.

Printed text says less than the term it stands for, so this is a reading for heuristics: what it does not know it takes
for an atom, and it never fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import lru_cache

RELATIONS = ("=", "≠", "≤", "<", "≥", ">", "∣", "∈", "∉", "≍", "⊆", "<+", "<+:")
_INFIX = {
    **dict.fromkeys(["↔", "<|>"], (20, 21)),
    **dict.fromkeys(["→"], (26, 25)),
    **dict.fromkeys(["∨", "||"], (31, 30)),
    "^^": (33, 34),
    **dict.fromkeys(["∧", "&&", "×"], (36, 35)),
    **dict.fromkeys([*RELATIONS, "==", "!=", ":"], (51, 51)),
    **dict.fromkeys(["|||"], (55, 56)),
    **dict.fromkeys(["^^^"], (58, 59)),
    **dict.fromkeys(["&&&"], (60, 61)),
    **dict.fromkeys(["++", "+", "-"], (65, 66)),
    "::": (68, 67),
    **dict.fromkeys(["*", "/", "%"], (70, 71)),
    **dict.fromkeys(["<<<", ">>>"], (75, 76)),
    "^": (76, 75),
    "∘": (91, 90),
}
"""How tightly an operator binds on its left and on its right."""
_PREFIX = {"¬": 40, "!": 40, "-": 75, "↑": 100, "~~~": 100, "@": 100}
_BINDERS = ("∀", "∃", "fun", "λ", "let", "have", "match")
_CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "#[": "]", "|": "|"}
_TOKEN = re.compile(
    r"\s+|(?P<field>(?<=[\w)\]⟩'✝?!])\.(?:[^\W\d][\w'!?✝]*|\d+))|(?P<index>(?<=[\w)\]'✝])\[)"
    r"|(?P<word>[^\W\d][\w'!?✝]*(?:\.[^\W\d][\w'!?✝]*)*|\?[\w.]+|\d+(?:\.\d+)?(?:#[\w']+)?|\"[^\"]*\"|'[^']*')"
    r"|(?P<sign>&&&|\|\|\||\^\^\^|\^\^|~~~|<\|>|<<<|>>>|<\+:|<\+|\+\+|::|:=|=>|==|!=|&&|\|\||#\[|[^\w\s])"
)


@dataclass(frozen=True)
class Hypothesis:
    """A variable or hypothesis in scope; `value` is what a `let` gives it."""

    name: str
    type: str
    value: str | None = None

    @property
    def accessible(self) -> bool:
        """Whether a tactic can name it."""
        return "✝" not in self.name


@dataclass(frozen=True)
class Term:
    """A term of the text. `head` is the operator, `if`, a binder word, `()` for an application, or an atom's word."""

    head: str
    arguments: tuple[Term, ...]
    text: str

    def subterms(self) -> Iterator[Term]:
        """This term and all terms in it, outermost first."""
        waiting = [self]
        while waiting:
            term = waiting.pop()
            yield term
            waiting += reversed(term.arguments)


@dataclass(frozen=True)
class GoalText:
    """What stands before and after the turnstile."""

    hypotheses: tuple[Hypothesis, ...]
    target: str

    @property
    def propositions(self) -> list[Hypothesis]:
        """The hypotheses that state something, as far as their text tells, or, by custom, names that begin with h."""
        predicates = {h.name for h in self.hypotheses if h.type.endswith("Prop")}
        return [h for h in self.hypotheses if states(h.type, predicates) or re.match(r"i?h", h.name)]

    @property
    def types(self) -> dict[str, str]:
        """The type of each name."""
        return {h.name: h.type for h in self.hypotheses}


@lru_cache(maxsize=4096)
def read_goal(text: str) -> GoalText:
    """Read what `ppGoal` printed."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and lines:
            lines[-1] += " " + line.strip()
        elif not line.startswith("case "):
            lines.append(line)
    hypotheses, target = [], ""
    for line in lines:
        if line.startswith("⊢"):
            target = line[1:].strip()
            continue
        names, _, rest = line.partition(" : ")
        kind, _, value = rest.partition(" := ")
        hypotheses += [Hypothesis(name, kind, value or None) for name in names.split()]
    return GoalText(tuple(hypotheses), target)


def states(text: str, predicates: Set[str] = frozenset()) -> bool:
    """Whether a type's text is that of a proposition: what it says outermost relates, connects or is a predicate."""
    term = read_term(text)
    while term.head in ("→", "∀"):
        term = term.arguments[-1]
    if term.head == "()":
        term = term.arguments[0]
    return term.head in ("∃", "¬", "∧", "∨", "↔", "True", "False", *RELATIONS) or term.head in predicates


@lru_cache(maxsize=16384)
def read_term(text: str) -> Term:
    """Read a printed term. What is nested too deeply for this reader is an atom."""
    try:
        return _Reader(text).whole()
    except RecursionError:
        return Term("", (), text)


class _Reader:
    """Operator-precedence parser (Pratt 1973) over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [m for m in _TOKEN.finditer(text) if not m[0].isspace()]
        self.at = 0

    def whole(self) -> Term:
        parts = []
        while self.at < len(self.tokens):
            parts.append(self.term(0))
            self.at += self.word() in (")", "]", "}", "⟩", "|", ",", ":=", "=>")
        return parts[0] if len(parts) == 1 else Term("", tuple(parts), self.text)

    def word(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def made(self, head: str, start: int, *arguments: Term) -> Term:
        """A term of the tokens from the `start`-th on."""
        if start >= len(self.tokens) or self.at <= start:
            return Term(head, arguments, "")
        return Term(head, arguments, self.text[self.tokens[start].start() : self.tokens[self.at - 1].end()])

    def term(self, least: int) -> Term:
        start = self.at
        left = self.prefixed()
        while (binding := _INFIX.get(self.word())) and binding[0] >= least and self.at > start:
            operator = self.word()
            self.at += 1
            right = self.term(binding[1])
            left = self.made(operator, start, left, right)
        return left

    def prefixed(self) -> Term:
        start, word = self.at, self.word()
        if word in _BINDERS:
            return self.bound(word)
        if word == "if":
            return self.conditional()
        if word in _PREFIX:
            self.at += 1
            return self.made(word, start, self.term(_PREFIX[word]))
        return self.applied()

    def bound(self, word: str) -> Term:
        """A binder: its variables are one atom, its body reaches as far as it can."""
        start = self.at
        self.at += 1
        ends = {"∀": (",",), "∃": (",",), "let": (";",), "have": (";",), "match": ("with",)}.get(word, ("=>", "↦"))
        depth, first = 0, self.at
        while self.word() and (depth or self.word() not in ends):
            depth += (self.word() in ("(", "[", "{", "⟨", "#[")) - (self.word() in (")", "]", "}", "⟩"))
            if depth < 0:
                break
            self.at += 1
        variables = self.made("binders", first)
        self.at += self.word() in ends
        body = self.term(0)
        while word == "match" and self.word() in ("|", ",", "=>"):
            self.at += 1
            body = Term("alternatives", (body, self.term(0)), "")
        return self.made(word, start, variables, body)

    def conditional(self) -> Term:
        start, parts = self.at, []
        for keyword in ("if", "then", "else"):
            self.at += self.word() == keyword
            parts.append(self.term(0))
        return self.made("if", start, *parts)

    def applied(self) -> Term:
        start = self.at
        parts = [self.atom()]
        while self.starts_atom():
            parts.append(self.atom())
        return parts[0] if len(parts) == 1 else self.made("()", start, *parts)

    def starts_atom(self) -> bool:
        word = self.word()
        if not word or word in _BINDERS or word in ("if", "then", "else", "with", "|"):
            return False
        return bool(self.tokens[self.at]["word"]) or word in ("(", "[", "{", "⟨", "#[", "↑", "·")

    def atom(self) -> Term:
        start, word = self.at, self.word()
        if not word:
            return Term("", (), "")
        if word == "↑":
            return self.prefixed_atom()
        self.at += 1
        if word in _CLOSING and word != "|":
            inner = self.listed(_CLOSING[word])
            single = word == "(" and len(inner) == 1
            term = inner[0] if single else self.made(word, start, *inner)
        else:
            # An operator without operands is no operation: rules may rely on its arguments.
            term = self.made(word if self.tokens[start]["word"] else "", start)
        return self.followed(term, start)

    def prefixed_atom(self) -> Term:
        start = self.at
        self.at += 1
        return self.made("↑", start, self.atom())

    def followed(self, term: Term, start: int) -> Term:
        """Fields and indices that stand directly behind."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token["field"]:
                term = self.made(token[0], start, term)
            elif token["index"]:
                inner = self.listed("]")
                optional = self.word() in ("?", "!")
                self.at += optional
                term = self.made("[]?" if optional else "[]", start, term, *inner)
            else:
                self.at -= 1
                break
        return term

    def listed(self, closing: str) -> list[Term]:
        inner = []
        while self.word() and self.word() != closing:
            before = self.at
            inner.append(self.term(0))
            self.at += self.word() in (",", "|", ":=", "=>") or self.at == before
        self.at += bool(self.word())
        return inner
