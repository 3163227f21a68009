"""Where the `sorry`s of a Lean file stand, and in which declaration."""

from __future__ import annotations

from dataclasses import dataclass

from q35prover.gate.tokens import Token, tokens

_DECLARES = frozenset(("theorem", "lemma", "def", "abbrev", "instance", "example", "opaque"))
_BEFORE_ROW = (";", ">")  # of `<;>`
_BEFORE_TERM = frozenset((":=", "exact", "from", ",", "⟨"))


@dataclass(frozen=True)
class Sorry:
    """A `sorry` of a file: its first character, and the full name of the declaration that it stands in.

    `line` counts from 1. `is_term`: it stands for a term, otherwise for a tactic; `in_row`: for one after a `;`.
    """

    theorem: str
    start: int
    line: int
    is_term: bool
    in_row: bool

    @property
    def end(self) -> int:
        return self.start + len("sorry")


def find_sorries(text: str) -> list[Sorry]:
    """The `sorry`s of a file in order; those in comments, in strings and in names are none. No name: "" for it."""
    found: list[Sorry] = []
    scopes: list[str] = []
    declared = ""
    before = Token("symbol", "", 0)
    words = list(tokens(text))
    for at, word in enumerate(words):
        # What follows on the same line: `section` and `end` may stand alone.
        after = words[at + 1] if at + 1 < len(words) else word
        name = after.text if after.kind == "name" and "\n" not in text[word.end : after.start] else ""
        if word.kind == "name" and word.text == "namespace":
            scopes += name.split(".")
        elif word.kind == "name" and word.text in ("section", "mutual"):
            scopes += [""] * len(name.split("."))
        elif word.kind == "name" and word.text == "end":
            del scopes[len(scopes) - len(name.split(".")) :]
        elif word.kind == "name" and word.text in _DECLARES:
            declared = ".".join([*filter(None, scopes), name]) if name else ""
            declared = name.removeprefix("_root_.") if name.startswith("_root_.") else declared
        elif word.kind == "name" and word.text == "sorry":
            line = text.count("\n", 0, word.start) + 1
            assigned = text[: word.start].rstrip().endswith(":=")
            is_term = assigned or before.text in _BEFORE_TERM
            found.append(Sorry(declared, word.start, line, is_term, before.text in _BEFORE_ROW))
        before = word
    return found
