"""Lean text as tokens, read with suspicion: what Lean's own lexer might read as code is never taken for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

HASH_COMMANDS = ("#check", "#eval", "#exit", "#guard", "#print", "#reduce", "#synth", "#where")

# Only letters that Lean knows as such: λ, Π and Σ are symbols, and what is no letter here ends a word.
_LETTER = "A-Za-z_\u0391-\u039f\u03a1\u03a2\u03a4-\u03a9\u03b1-\u03ba\u03bc-\u03c9\u2100-\u214f"
_PART = rf"(?:«[^»]*»|[{_LETTER}][{_LETTER}0-9'!?\u2080-\u2089]*)"
_TOKEN = re.compile(
    rf"""
    (?P<comment> --[^\n]* | /- )
  | (?P<raw> r(?P<fence>\#*)"(?s:.*?)"(?P=fence) )
  | (?P<string> "(?s:\\.|[^"\\])*" )
  | (?P<char> '(?:\\(?:x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|.)|[^\\'])' )
  | (?P<number> 0[xX][0-9a-fA-F_]+ | 0[bB][01_]+ | 0[oO][0-7_]+ | [0-9][0-9_]*(?:[eE][0-9]+)? )
  | (?P<name> {_PART}(?:\.{_PART})* )
  | (?P<hash> \#[A-Za-z_]+ )
  | (?P<attribute> @\s*\[ )
  | (?P<end> -/ )
  | (?P<space> \s+ )
  | (?P<symbol> . )
    """,
    re.VERBOSE,
)
_COMMENT_EDGE = re.compile(r"/-|-/")
_BEFORE_COMMENT = set(")]},;")


class Token(NamedTuple):
    """A token and the character at which it starts.

    `kind` is `raw`, `string`, `char`, `number`, `name` (dotted, with «»), `hash`, `attribute`, `symbol`, or `refused`
    for what Lean may read otherwise than it seems.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text, comments and white space aside."""
    position, before = 0, "space"
    while match := _TOKEN.match(text, position):
        kind, token = str(match.lastgroup), match.group()
        position = match.end()
        if kind == "comment":
            # Glued to a symbol it may be none: `<--x` is `<-` and `-x`, and `//-` is `//` and `-`.
            if before == "symbol":
                kind = "refused"
            elif token == "/-":
                end = _comment_end(text, match.start())
                position, kind = (match.end(), "refused") if end is None else (end, "space")
            else:
                kind = "space"
        elif kind == "end" or (kind == "symbol" and token in "\"«'"):
            kind = "refused"
        elif kind == "hash" and not token.startswith(HASH_COMMANDS) and before in ("name", "number", "closing"):
            kind = "symbol"  # the width of a bit vector, as in 5#w
        if kind != "space":
            yield Token(kind, token, match.start())
        before = "closing" if kind == "symbol" and token in _BEFORE_COMMENT else kind


def _comment_end(text: str, start: int) -> int | None:
    """Position after the block comment that opens at `start`, or none if it stays open; block comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/-" else -1
        if depth == 0:
            return edge.end()
    return None
