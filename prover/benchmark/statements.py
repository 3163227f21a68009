"""Files of theorem statements, each `theorem NAME … := by` and `sorry`, and which of them are nearly the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from q35.errors import InputError

_THEOREM = re.compile(r"^(/-- .*? -/\ntheorem (\S+) .*? := by\n)((?:(?:  [^\n]*)?\n)+)", re.MULTILINE | re.DOTALL)
_TOKEN = re.compile(r"[\w'.✝]+|\S")
_NEARLY = 0.5


@dataclass(frozen=True)
class Statement:
    """A theorem of a file: the text before all of the file's theorems, its own up to the proof, and the proof."""

    name: str
    header: str
    text: str
    proof: str

    @property
    def imports_own(self) -> bool:
        """Whether the file stands on the project's own modules."""
        return re.search(r"^import Q35", self.header, re.MULTILINE) is not None


def read_statements(path: Path) -> list[Statement]:
    """The theorems of a file in order. Raises `InputError` when something else stands between them."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", str(path)) from None
    found = list(_THEOREM.finditer(text))
    if not found:
        raise InputError("no theorem with a line that says what it is", str(path))
    header = text[: found[0].start()]
    if header + "".join(match[0] for match in found) != text:
        raise InputError("something stands between the theorems", str(path))
    return [Statement(match[2], header, match[1], match[3].rstrip("\n")) for match in found]


def families(statements: Mapping[str, str]) -> dict[str, str]:
    """The family of each named statement, called by its first member: statements of nearly the same form.

    Two statements are nearly the same when half of the runs of four tokens that either has are in both; the
    names of variables and the values of numbers make no difference.
    """
    shapes = {name: _runs(text) for name, text in statements.items()}
    head: dict[str, str] = {}
    for name, runs in shapes.items():
        near = {head[other] for other in head if _likeness(runs, shapes[other]) >= _NEARLY}
        first = min(near, key=list(head).index, default=name)
        head = {member: first if family in near else family for member, family in head.items()}
        head[name] = first
    return head


def _likeness(runs: set[tuple[str, ...]], others: set[tuple[str, ...]]) -> float:
    return len(runs & others) / len(runs | others)


def _runs(text: str) -> set[tuple[str, ...]]:
    tokens = ["", "", *_plain(text), ""]
    return set(zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False))


def _plain(text: str) -> Iterator[str]:
    """The tokens of a statement without its name; variables (short names, no capital) and numbers are all alike."""
    statement = re.sub(r"/--.*?-/|theorem \S+|:= by", " ", text, flags=re.DOTALL)
    for token in _TOKEN.findall(statement):
        if token[0].isdigit():
            yield "0"
        else:
            yield "x" if re.fullmatch(r"[a-zαβ]{1,2}[₀-₉']*", token) else token
