"""Lean source as text: comments taken out, cut into commands, and a command into tokens with their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

OPENING = frozenset([*"([{⟨⦃⟪⟦‹⌊⌈⁅", "@[", "![", "#["])
CLOSING = frozenset(")]}⟩⦄⟫⟧›⌋⌉⁆")

_STRING = r'r(?P<fence>#*)".*?"(?P=fence)|"(?:\\.|[^"\\])*"'
# A quote after a letter or another quote is part of a name (`h'`) or of a notation (`f '' s`).
_CHARACTER = r"(?<![\w'⁻¹])'(?:\\.[^'\n]*|[^\\'\n])'"
_COMMENT_OR_TEXT = re.compile(rf"{_STRING}|{_CHARACTER}|--[^\n]*|/-", re.DOTALL)
_BLOCK_COMMENT = re.compile(r"/-|-/")


def words(text: str) -> frozenset[str]:
    """The words of a list written with spaces."""
    return frozenset(text.split())


_COMMANDS = words(
    "theorem lemma def instance abbrev example structure class inductive opaque axiom alias irreducible_def "
    "namespace section end mutual open export variable universe attribute set_option include omit "
    "private protected public meta noncomputable nonrec partial unsafe local scoped deprecated "
    "macro macro_rules syntax elab elab_rules notation notation3 infix infixl infixr prefix postfix simproc "
    "simproc_decl declare_syntax_cat initialize builtin_initialize register_simp_attr initialize_simps_projections "
    "add_decl_doc library_note assert_not_exists assert_exists suppress_compilation unsuppress_compilation "
    "run_cmd run_meta deriving import module compile_inductive compile_def proof_wanted unif_hint "
    "recall add_aesop_rules erase_aesop_rules extend_docs binder_predicate"
)
_COMMAND = re.compile(rf"^(?:@\[|#|(?:{'|'.join(sorted(_COMMANDS))})(?![\w'!?.]))", re.MULTILINE)

_NAME = r"(?:«[^»\n]*»|[^\W\d][\w'!?]*)"
NAME = rf"{_NAME}(?:\.(?:{_NAME}|\d+))*"
_TOKEN = re.compile(
    rf"(?P<newline>\n)|[ \t\r]+|(?P<token>{_STRING}|{_CHARACTER}|''|⁻¹'|⁻¹|\?{_NAME}|{NAME}|\d+(?:\.\d+)?\w*"
    r"|<;>|:=|=>|<\|>|<\||\|>\.|\|>|@\[|!\[|#\[|\.\.|←|->|<-|.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """A token, where it starts, its column (in characters), and whether it is the first on its line."""

    text: str
    start: int
    column: int
    first: bool

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def without_comments(source: str) -> str:
    """`source` with each comment turned into blanks, so that code keeps its columns.

    Code that follows a comment which began at column 0 (`/-- … -/ theorem …`) is moved to column 0: it is a command.
    """
    pieces: list[str] = []
    done = 0
    while match := _COMMENT_OR_TEXT.search(source, done):
        start, end = match.span()
        pieces.append(source[done:start])
        done = end
        if source.startswith("--", start):
            continue
        if source[start:end] != "/-":
            pieces.append(source[start:end])
            continue
        depth = 1
        while depth and (mark := _BLOCK_COMMENT.search(source, done)):
            depth += 1 if mark[0] == "/-" else -1
            done = mark.end()
        if depth:
            done = len(source)
        at_start = start == 0 or source[start - 1] == "\n"
        comment = source[start:done]
        lines = comment.count("\n")
        pieces.append("\n" * lines)
        if at_start:
            while source.startswith(" ", done):
                done += 1
        else:
            pieces.append(" " * (len(comment) - comment.rfind("\n") - 1))
    pieces.append(source[done:])
    return "".join(pieces)


def commands(code: str) -> Iterator[str]:
    """The commands of a file without comments: a command starts with its keyword, or an attribute, at column 0."""
    starts = [match.start() for match in _COMMAND.finditer(code)]
    for start, end in zip(starts, [*starts[1:], len(code)], strict=True):
        yield code[start:end].rstrip()


def tokens(code: str) -> list[Token]:
    """The tokens of a text without comments."""
    found: list[Token] = []
    line, first = 0, True
    for match in _TOKEN.finditer(code):
        if match["newline"]:
            line, first = match.end(), True
        elif text := match["token"]:
            start = match.start()
            found.append(Token(text, start, start - line, first))
            first = False
            if "\n" in text:  # a string over several lines
                line = start + text.rfind("\n") + 1
    return found
