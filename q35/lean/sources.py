"""What the sources of a package say of its declarations: where each stands, its docstring, the examples that name it.

Places come from the `.ilean` files that Lean writes; only docstrings and the text of examples are read from the source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from q35.lean.build import POSITIONS, Artifact, shown_path

# What may stand between a docstring and the name it documents: attributes, modifiers, the keyword.
_DOCSTRING = re.compile(r"/--((?:(?!-/).)*)-/\s*(?:@\[[^\]]*\]\s*)*(?:[a-z_]+\s+)*\Z", re.DOTALL)
_EXAMPLE = re.compile(r"(?:[a-z]+ )*example\b")
_PRIVATE = re.compile(r"^_private\.(?:.*?)\.\d+\.")


@dataclass(frozen=True)
class Example:
    """An `example` that names a declaration: where it stands (`line` from 1) and its text."""

    file: str
    line: int
    text: str


def plain(name: str) -> str:
    """A private name without the prefix that Lean gives it."""
    return _PRIVATE.sub("", name)


class Sources:
    """Where each declaration stands: from the `.ilean` of its module, and the source text for its docstring."""

    def __init__(self, artifacts: Mapping[str, Artifact], paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._lines = {name: path.read_text(encoding="utf-8").splitlines(keepends=True) for name, path in paths.items()}
        self._places: dict[str, dict[str, tuple[int, int]]] = {}
        self._examples: dict[tuple[str, str], set[tuple[str, int]]] = {}
        self._named: dict[tuple[str, str], set[str]] = {}
        for name, artifact in artifacts.items():
            self._places[name] = self._read_references(artifact)

    def _read_references(self, artifact: Artifact) -> dict[str, tuple[int, int]]:
        """Name -> (line, column) of what a module declares; keeps in mind which declarations name which others.

        They come from its `.ilean`, whose keys are themselves JSON: `{"c": {"m": module, "n": name}}`.
        """
        places = {}
        data = json.loads((artifact.folder / f"module.{POSITIONS}").read_bytes())
        for key, entry in data["references"].items():
            constant = json.loads(key).get("c", {})
            name = plain(constant.get("n", ""))
            if name and entry.get("definition"):
                places[name] = (int(entry["definition"][0]), int(entry["definition"][1]))
            for line, _, _, _, *user in entry["usages"]:
                if name and user:
                    self._named.setdefault((artifact.module, plain(user[0])), set()).add(name)
                    if user[0].endswith("_example"):
                        self._examples.setdefault((constant["m"], name), set()).add((artifact.module, int(line)))
        return places

    def place(self, module: str, name: str) -> tuple[int, int] | None:
        """Line and column (both from 0) of the declaration's name, if it stands in the source."""
        return self._places[module].get(name)

    def line(self, module: str, name: str) -> int:
        """Line from 1 of the declaration, or of the one that it was made for; 1 if neither is known."""
        while name:
            if place := self.place(module, name):
                return place[0] + 1
            name = name.rpartition(".")[0]
        return 1

    def file(self, module: str) -> str:
        return shown_path(self._paths[module])

    def doc(self, module: str, place: tuple[int, int]) -> str | None:
        """The docstring right above the name at `place`."""
        lines = self._lines[module]
        before = "".join(lines[: place[0]]) + lines[place[0]][: place[1]]
        found = _DOCSTRING.search(before[before.rfind("/--") :]) if "/--" in before else None
        return " ".join(found[1].split()) if found else None

    def named(self, module: str, name: str) -> set[str]:
        """The declarations that the source of one names. (A definitional equality leaves no trace in its proof.)"""
        return self._named.get((module, name), set())

    def examples(self, module: str, name: str) -> tuple[Example, ...]:
        """The examples of the package that name the declaration."""
        found = {self._example(*place) for place in self._examples.get((module, name), ())}
        return tuple(sorted(found, key=lambda example: (example.file, example.line)))

    def _example(self, module: str, line: int) -> Example:
        """The example around a line (from 0): up to an empty line or the next line that is not indented."""
        lines = self._lines[module]
        first = next((n for n in range(line, -1, -1) if _EXAMPLE.match(lines[n])), line)
        after = (n for n in range(first + 1, len(lines)) if not lines[n].strip() or not lines[n][0].isspace())
        text = "".join(lines[first : next(after, len(lines))])
        return Example(self.file(module), first + 1, text.rstrip())
