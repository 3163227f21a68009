"""Mutants: one small, known bug each, planted in a copy of the code; the suite must see it."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "mutants"
FAMILIES = {"reference": "q35ref", "kernels": "kernels"}
"""Family of mutants (a file `mutants/<family>.toml`) and the folder that its mutants change."""


@dataclass(frozen=True)
class Mutant:
    """A change of one place: `old` must occur exactly once in `file`; at least one of `tests` must fail on `new`."""

    id: str
    family: str
    bug: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def load(family: str) -> list[Mutant]:
    """The mutants of a family; raises ValueError for a wrong or repeated entry."""
    rows = tomllib.loads((FOLDER / f"{family}.toml").read_text())["mutant"]
    mutants = [
        Mutant(
            id=row["id"], family=family, bug=row["bug"], file=row["file"], old=row["old"].strip("\n"),
            new=row["new"].strip("\n"), tests=tuple(row["tests"]),
        )
        for row in rows
    ]  # fmt: skip
    ids = [mutant.id for mutant in mutants]
    wrong = {i for i in ids if ids.count(i) > 1} | {m.id for m in mutants if m.old == m.new or not m.tests}
    if wrong:
        raise ValueError(f"{family}.toml: repeated, without a change or without tests: {sorted(wrong)}")
    return mutants


def changed(mutant: Mutant, text: str) -> str:
    """`text` with the bug planted; raises ValueError unless the old text occurs exactly once."""
    found = text.count(mutant.old)
    if found != 1:
        raise ValueError(f"{mutant.id}: its old text occurs {found} times in {mutant.file}; the mutant is stale")
    return text.replace(mutant.old, mutant.new)


def copy_of(family: str, target: Path) -> None:
    """Copies the family's folder, without what Python or a build left there."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "build")
    shutil.copytree(REPOSITORY / FAMILIES[family], target, ignore=ignored)


def plant(mutant: Mutant, copy: Path) -> None:
    """Changes the mutant's file in a copy of its family's folder."""
    path = copy / Path(mutant.file).relative_to(FAMILIES[mutant.family])
    path.write_text(changed(mutant, path.read_text()))
