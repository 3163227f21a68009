"""From the tokens of a proof to its tree of tactic steps.

Lean's parser is not at hand, but its rule of layout is: the tactics of a block stand in the column of the first, or
after `;`; what stands further right goes on with a tactic; a closing bracket, a `,`, `then`, `else` or a `|` that the
tactic cannot take ends the block (Lean 4, `Lean.Parser.Tactic.tacticSeq`, `checkColGe`, `checkColGt`).

A step is one tactic as a search runs it: a block nested in it (`by …` in its term, the alternatives of `induction …
with`, `then`/`else`) becomes a hole `?_`, and its tactics are steps of their own in a branch below. Bullets, `case`
and braces are structure, not steps. Tactics that take tactics or term lists as arguments (`simp [h (by omega)]`,
`t <;> s`, `first`, `all_goals`, `conv`) are one step, text and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from q35prover.extract.text import CLOSING, OPENING, Token, words

# Tactics whose term may hold `?_`, which opens a goal.
_TAKE_HOLES = words("exact refine refine' have haveI let letI suffices show obtain rcases calc apply replace convert")
_STRUCTURE = frozenset(["·", ".", "{"])
_NAMED_GOAL = frozenset(["case", "case'", "next", "on_goal"])
_WITH_TACTICS = words(
    "all_goals any_goals try repeat repeat' repeat1 focus iterate fail_if_success success_if_fail classical "
    "first solve conv conv_lhs conv_rhs conv' ( rw_search slice_lhs slice_rhs"
)
_WITH_ALTERNATIVES = frozenset(["induction", "cases", "match", "fun_induction", "fun_cases"])
_TAKE_COMMAS = frozenset(["use", "exists", "existsi", "match", "cases", "induction", "rcases"])
_TAKE_EQUATIONS = frozenset(["|", "have", "haveI", "let", "letI", "replace", "tfae_have"])
_BINDERS = words("∀ ∃ ∄ λ ∑ ∏ ∫ ∮ ⨍ ⨆ ⨅ ⋃ ⋂ ⨁ ⨂ Σ Π ∐")
_NOT_IN_PATTERN = words(":= by ; <;> fun λ with")
_ENDS_PROOF = frozenset(["termination_by", "decreasing_by", "where", "deriving"])
# A line that begins with one of these goes on with the line before, even in the column of the block.
_GOES_ON = words("<;> | with at using generalizing := => from : then else _ + * - / = ≤ < ∧ ∨ → ↔ |>. |> <| ▸ ∘ • ×")
# After one of these at the end of a line the tactic goes on.
_UNFINISHED = words(
    "<;> := => ↦ from calc , fun λ <| |> $ at using in with by then else ← + * - = ≤ < ≥ > ∧ ∨ → ↔ ▸ ∘ • × : ∣ ∈ ≠ ⊆ "
    "show have exact refine apply"
)


class Unparsed(ValueError):
    """The layout of this proof is not understood."""


@dataclass
class Node:
    """A tactic and the blocks below it; structure (a bullet) has no text. `inline` counts tactics within the text."""

    text: str | None
    blocks: list[list[Node]] = field(default_factory=list)
    inline: int = 0


@dataclass(frozen=True)
class ProofStep:
    """A tactic; the steps on its branch before it; those of the longest branch from here on, this one included; and
    in how many blocks it stands."""

    tactic: str
    before: tuple[str, ...]
    remaining: int
    depth: int


def steps(block: list[Node], before: tuple[str, ...] = (), depth: int = 0) -> Iterator[ProofStep]:
    """The steps of a proof in the order of its text."""
    for node, remaining in zip(block, lengths(block), strict=True):
        if node.text is not None:
            yield ProofStep(node.text, before, remaining, depth)
            before = (*before, node.text)
        for inner in node.blocks:
            yield from steps(inner, before, depth + 1)


def lengths(block: list[Node]) -> list[int]:
    """The length of the longest branch from each node of a block on. What follows a bullet is another branch."""
    found: list[int] = []
    rest = 0
    for node in reversed(block):
        rest = max([rest, *(lengths(inner)[0] for inner in node.blocks)]) + (node.text is not None)
        found.append(rest)
    return found[::-1]


def _count(block: list[Node]) -> int:
    """The tactics in a block, those within the text of others included."""
    return sum((node.text is not None) + node.inline + sum(map(_count, node.blocks)) for node in block)


def inline_tactics(block: list[Node]) -> int:
    """Tactics that are part of another's text: `t <;> s`, `simp [h (by omega)]`."""
    return sum(node.inline + sum(inline_tactics(inner) for inner in node.blocks) for node in block)


def parse_block(code: str, tokens: list[Token], start: int) -> list[Node]:
    """The tree of the tactic block that begins at token `start` and reaches to the end of the declaration."""
    block, end = _Parser(code, tokens).block(start, enclosed=False)
    if end < len(tokens) and tokens[end].text not in _ENDS_PROOF:
        raise Unparsed(tokens[end].text)
    return block


def parse_term(code: str, tokens: list[Token], start: int) -> list[Node]:
    """The tree of a proof term with blocks in it: one step `refine …` (equations: `refine fun | …`), and the blocks."""
    node, end = _Parser(code, tokens).tactic(start, column=-1, enclosed=False, term=True)
    if end < len(tokens) and tokens[end].text not in _ENDS_PROOF:
        raise Unparsed(tokens[end].text)
    return [node]


class _Parser:
    """Recursive descent over the tokens of one declaration. Positions are indices of tokens."""

    def __init__(self, code: str, tokens: list[Token]) -> None:
        self.code, self.tokens, self.length = code, tokens, len(tokens)
        self.choosing = False  # within `first | t | s`: a `|` ends `t`

    def block(self, at: int, enclosed: bool) -> tuple[list[Node], int]:
        """Tactics from `at` on; `enclosed`: a bracket is open around the block, so that a `,` may end it."""
        if at >= self.length:
            raise Unparsed("a block without tactics")
        nodes: list[Node] = []
        column = self.tokens[at].column
        while True:
            node, at = self.tactic(at, column, enclosed)
            nodes.append(node)
            while at < self.length and self.tokens[at].text == ";":
                at += 1
                if self.separated(at, column):
                    node, at = self.tactic(at, column, enclosed)
                    nodes.append(node)
            if not self.begins(at, column):
                return nodes, at

    def separated(self, at: int, column: int) -> bool:
        """Whether a tactic follows a `;`: on its line, or below in the block."""
        return at < self.length and self.tokens[at].text not in CLOSING and self.tokens[at].column >= column

    def begins(self, at: int, column: int) -> bool:
        """Whether a tactic of a block in `column` begins here."""
        if at >= self.length:
            return False
        token = self.tokens[at]
        return token.first and token.column == column and token.text not in CLOSING and token.text != "|"

    def tactic(self, at: int, column: int, enclosed: bool, term: bool = False) -> tuple[Node, int]:
        """One tactic of a block in `column`, with all `<;>` that follow."""
        head = self.tokens[at].text
        if not term and head in _STRUCTURE:
            node, end = self.structure(at, enclosed)
        elif not term and head in _NAMED_GOAL:
            node, end = self.named_goal(at, enclosed)
        else:
            node, end = self.plain(at, column, enclosed, term)
        if end < self.length and self.tokens[end].text == "<;>":
            return self.combination(at, end, node, column, enclosed)
        return node, end

    def structure(self, at: int, enclosed: bool) -> tuple[Node, int]:
        """A bullet or braces and the block in it."""
        if self.tokens[at].text != "{":
            block, end = self.block(at + 1, enclosed)
            return Node(None, [block]), end
        block, end = self.block(at + 1, True)
        if end >= self.length or self.tokens[end].text != "}":
            raise Unparsed("{")
        return Node(None, [block]), end + 1

    def named_goal(self, at: int, enclosed: bool) -> tuple[Node, int]:
        """`case tag x y => …`, `next x y => …`: structure; the names that it gives are a step `rename_i x y`."""
        arrow = at
        while arrow < self.length and self.tokens[arrow].text != "=>":
            arrow += 1
        block, end = self.block(arrow + 1, enclosed)
        names = [token.text for token in self.tokens[at + 1 : arrow]]
        if self.tokens[at].text != "next":
            names = names[1:]
        if names and "|" not in names and self.tokens[at].text != "on_goal":
            block = [Node(f"rename_i {' '.join(names)}"), *block]
        return Node(None, [block]), end

    def combination(self, at: int, end: int, node: Node, column: int, enclosed: bool) -> tuple[Node, int]:
        """`t <;> s <;> …`: one step with everything that is in it."""
        count = max(_count([node]), 1)
        while end < self.length and self.tokens[end].text == "<;>":
            end += 1
            if end >= self.length:
                raise Unparsed("<;>")
            if self.tokens[end].text == "[":
                end = self.closing(end) + 1
                count += 1
                continue
            right, end = self.plain(end, min(column, self.tokens[end].column), enclosed, False)
            count += _count([right])
        return Node(self.text(at, end, []), [], count - 1), end

    def closing(self, at: int) -> int:
        """The bracket that closes the one at `at`."""
        depth = 0
        for end in range(at, self.length):
            text = self.tokens[end].text
            depth += (text in OPENING) - (text in CLOSING)
            if depth == 0:
                return end
        raise Unparsed(self.tokens[at].text)

    def plain(self, at: int, column: int, enclosed: bool, term: bool) -> tuple[Node, int]:
        """A tactic that is not structure, up to where it ends."""
        head = self.tokens[at].text
        if head in _WITH_TACTICS and not term:
            return self.with_tactics(at, column, enclosed)
        reading = _Reading(self, at, column, enclosed, term)
        holes: list[tuple[int, int, str]] = []
        blocks: list[list[Node]] = []
        inline = 0
        end = at
        while end < self.length and reading.takes(end):
            text = self.text_at(end)
            reading.note(end)
            end += 1
            if text == "by" and end > at + 1:
                begin, filling = end - 1, self.hole(end - 1)
            elif reading.block_follows(text) and not (self.text_at(end) == "_" or self.text_at(end).startswith("?")):
                begin, filling = end, "?_"
            else:
                continue
            block, end = self.block(end, enclosed or reading.in_brackets)
            if term or head in _TAKE_HOLES or text != "by":
                holes.append((begin, end, filling))
                blocks.append(block)
            else:
                inline += _count(block)
        if end == at or reading.in_brackets:
            raise Unparsed(head)
        written = self.text(at, end, holes)
        if term:
            written = ("refine fun " if head == "|" else "refine ") + written
        elif head == "exact" and holes:
            written = "refine" + written[len("exact") :]
        return Node(written, blocks, inline), end

    def with_tactics(self, at: int, column: int, enclosed: bool) -> tuple[Node, int]:
        """A tactic made of tactics, as one step: `try t`, `(t; s)`, `first | t | s`, `conv => t`."""
        tokens, length = self.tokens, self.length
        head = tokens[at].text
        if head == "(":
            block, end = self.block(at + 1, True)
            if end >= length or tokens[end].text != ")":
                raise Unparsed("(")
            end += 1
        elif head in ("first", "solve"):
            block, end = [], at + 1
            outer, self.choosing = self.choosing, True
            bar = min(column, tokens[end].column) if end < length else column
            while self.text_at(end) == "|" and (not tokens[end].first or tokens[end].column >= bar):
                inner, end = self.block(end + 1, enclosed)
                block += inner
            self.choosing = outer
        else:
            end = at + 1
            if head.startswith(("conv", "slice")):
                while end < length and tokens[end].text != "=>":
                    end = self.closing(end) + 1 if tokens[end].text in OPENING else end + 1
                end += 1
            elif self.text_at(end) == "=>" or (head == "iterate" and self.text_at(end).isdigit()):
                end += 1
            if end >= length or not tokens[end].first or tokens[end].column > column:
                block, end = self.block(end, enclosed)
            else:
                block = []
        count = _count(block)
        return Node(self.text(at, end, []), [], max(count - 1, 0) if head == "(" else count), end

    def text_at(self, at: int) -> str:
        """The token there; empty behind the last."""
        return self.tokens[at].text if at < self.length else ""

    def is_alternative(self, at: int) -> bool:
        """Whether the `|` here begins an alternative (`| pattern => …`) rather than an absolute value or a pattern."""
        depth = 0
        for token in self.tokens[at + 1 : at + 60]:
            if token.text in OPENING:
                depth += 1
            elif token.text in CLOSING:
                depth -= 1
                if depth < 0:
                    return False
            elif depth == 0 and token.text == "=>":
                return True
            elif depth == 0 and (token.text in _NOT_IN_PATTERN or (token.first and token.text != "|")):
                return False
        return False

    def hole(self, at: int) -> str:
        """What stands for the `by` at `at`: `show T by …` has no `from` before its proof."""
        before = self.tokens[at - 1].text
        ends_term = before[-1].isalnum() or before[-1] in "_'" or before in CLOSING
        return "from ?_" if ends_term and before not in ("from", "then", "else") else "?_"

    def text(self, start: int, end: int, holes: list[tuple[int, int, str]]) -> str:
        """The source of the tokens from `start` to `end`, with holes filled in and the indentation of its own."""
        pieces: list[str] = []
        at = self.tokens[start].start
        for first, stop, filling in holes:
            pieces += [self.code[at : self.tokens[first].start], filling]
            at = self.tokens[stop - 1].end
        pieces.append(self.code[at : self.tokens[end - 1].end])
        return _tidy("".join(pieces).replace("(?_)", "?_"))


class _Reading:
    """A tactic while it is read: which brackets, binders and `if`s are open in it, and what it can still take."""

    def __init__(self, parser: _Parser, at: int, column: int, enclosed: bool, term: bool) -> None:
        self.parser, self.start, self.column, self.enclosed, self.term = parser, at, column, enclosed, term
        self.head = parser.text_at(at)
        self.binders = self.conditions = 0
        self.outside: list[tuple[int, int]] = []  # the binders and `if`s open outside each open bracket
        self.alternatives = False  # its alternatives `| pattern => …` hold tactics
        self.takes_bars = self.head in _TAKE_EQUATIONS  # alternatives of it, or of a term in it, may follow
        self.bar: int | None = None  # their column

    @property
    def in_brackets(self) -> bool:
        return bool(self.outside)

    def block_follows(self, text: str) -> bool:
        """Whether tactics come behind this token."""
        if self.in_brackets or self.term:
            return False
        return (text == "=>" and self.alternatives) or (text in ("then", "else") and self.head == "if")

    def takes(self, at: int) -> bool:
        """Whether the token belongs to the tactic."""
        if self.in_brackets or at == self.start:
            return True
        token = self.parser.tokens[at]
        text = token.text
        if text in CLOSING or text == "<;>" or (token.first and token.column <= self.column and not self.goes_on(at)):
            return False
        if text == ";":
            return self.term
        if self.term and token.first and text in _ENDS_PROOF:
            return False
        if text == ",":
            return not self.enclosed or self.binders > 0 or self.head in _TAKE_COMMAS
        if text in ("then", "else"):
            return self.conditions > 0 or self.head == "if"
        if text == "|" and not self.takes_bars:
            return not self.parser.choosing and not self.parser.is_alternative(at)
        return True

    def goes_on(self, at: int) -> bool:
        """Whether a line at or left of the block's column still belongs to the tactic."""
        token = self.parser.tokens[at]
        if token.text == "|":
            return self.takes_bars and self.bar in (None, token.column)
        if self.parser.text_at(at - 1) in _UNFINISHED:
            return True
        return token.column == self.column and token.text in _GOES_ON

    def note(self, at: int) -> None:
        """Keep account of what the token opens, closes and announces."""
        token = self.parser.tokens[at]
        text = token.text
        if text in OPENING:
            self.outside.append((self.binders, self.conditions))
            self.binders = self.conditions = 0
        elif text in CLOSING:
            self.binders, self.conditions = self.outside.pop()
        elif text in _BINDERS:
            self.binders += 1
        elif text == "," and self.binders:
            self.binders -= 1
        elif text == "if":
            self.conditions += 1
        elif text == "else" and self.conditions:
            self.conditions -= 1
        elif self.in_brackets:
            return
        elif text == "|" and token.first and self.bar is None:
            self.bar = token.column
        elif text == "with" and self.head in _WITH_ALTERNATIVES:
            self.alternatives = self.takes_bars = True
        elif text == "match" or (text in ("fun", "λ") and self.parser.text_at(at + 1) == "|"):
            self.takes_bars = True


# Words whose lines cannot be joined without changing what they say.
_LAYOUT = words("calc by do where conv let letI have haveI suffices show ; · {")


def _tidy(text: str) -> str:
    """One line if its lines can be joined, otherwise lines without the indentation that they share."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    words = text.replace("(", " ").replace("{", " { ").split()
    if len(lines) == 1 or not (
        _LAYOUT.intersection(words[1:]) or words[0] in _LAYOUT - {"have", "let", "show"} | _WITH_TACTICS
    ):
        return " ".join(text.split())
    margin = min(len(line) - len(line.lstrip()) for line in lines[1:])
    return "\n".join([lines[0], *("  " + line[margin:] for line in lines[1:])])
