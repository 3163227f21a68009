"""Golden vectors, exported by running the Lean definitions: rows of inputs and of what Lean answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "spec" / "vectors"


@dataclass(frozen=True)
class Row:
    """One row: `place` says where it stands (file, group, number), `data` is what the file holds."""

    place: str
    flags: tuple[str, ...]
    data: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.data[key]


@cache
def rows(name: str) -> tuple[Row, ...]:
    """All rows of `spec/vectors/<name>.json`. Raises FileNotFoundError, and ValueError for another schema."""
    document = json.loads((FOLDER / f"{name}.json").read_text())
    if document["schema"] != "q35.vectors/1":
        raise ValueError(f"{name}.json has schema {document['schema']}")
    return tuple(
        Row(f"{name}.json, group {group['id']}, row {number}", tuple(group["flags"]), data)
        for group in document["groups"]
        for number, data in enumerate(group["rows"])
    )


def having(name: str, *keys: str) -> Iterator[Row]:
    """The rows of a file that have all of the keys."""
    return (row for row in rows(name) if all(key in row.data for key in keys))


def rational(text: str | int) -> Fraction:
    """A rational, written "numerator/denominator" or as an integer."""
    return Fraction(text)
