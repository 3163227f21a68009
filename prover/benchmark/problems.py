"""The benchmark's theorems as problems: goals of our field, and statements of Lean's own library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from q35.errors import InputError
from q35.files import read_json
from q35.project import find_project
from q35prover.benchmark.statements import Statement, read_statements
from q35prover.interface import Problem

Suite = Literal["field", "library"]
Split = Literal["tuning", "held-out"]

SPLITS: tuple[Split, ...] = get_args(Split)

_HERE = Path(__file__).resolve().parent
FIELD, SPLIT, LIBRARY = _HERE / "field", _HERE / "split.json", _HERE / "library.json"


@dataclass(frozen=True)
class Entry:
    """A theorem of the benchmark. `topic`: its file, or its namespace in Lean's library; `grade` 1 (easy) to 4."""

    name: str
    topic: str
    grade: int | None
    split: Split
    problem: Problem


def entries(suite: Suite, splits: Sequence[Split] = SPLITS) -> list[Entry]:
    """The theorems of a suite in the given splits, in their order. Statements of Lean's library are all held out."""
    found = _field() if suite == "field" else _library()
    return [entry for entry in found if entry.split in splits]


def field_statements(folder: Path = FIELD) -> list[tuple[str, Statement]]:
    """Every goal of our field with its topic."""
    return [(file.stem, statement) for file in sorted(folder.glob("*.lean")) for statement in read_statements(file)]


def as_problem(statement: Statement) -> Problem:
    """The statement alone in its file."""
    package = find_project() / "proofs" if statement.imports_own else None
    return Problem(statement.name, f"{statement.header}{statement.text}  ", "\n", package=package)


def _field() -> list[Entry]:
    known: dict[str, Any] = read_json(SPLIT)["goals"]
    found = []
    for topic, statement in field_statements():
        row = known.get(statement.name)
        if row is None:
            raise InputError(f"{statement.name} has no split", str(SPLIT), "python -m q35prover.benchmark.split")
        found.append(Entry(statement.name, topic, row["grade"], row["split"], as_problem(statement)))
    return found


def _library() -> list[Entry]:
    return [
        Entry(
            row["theorem"],
            row["theorem"].partition(".")[0],
            None,
            "held-out",
            Problem("goal", row["before"], "\n", frozenset(row["forbidden"])),
        )
        for row in read_json(LIBRARY)["theorems"]
    ]
