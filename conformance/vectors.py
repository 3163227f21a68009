"""Golden vectors, exported by running the Lean definitions: rows of inputs and of what Lean answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.ledger import Ledger

FOLDER = Path(__file__).parent.parent / "spec" / "vectors"
NAMES = (
    *("codes", "rounding", "slots", "half", "streams", "pairs", "blocks", "accumulate"),
    *("floats", "mx_scales", "mx_elements", "mx_blocks", "products"),
    *("siblings", "rows", "planar", "tiled"),
)
"""The files that must be there; a file less is an error, not a shorter test."""
SCHEME_OF = {"row": "row-absmax", "block": "block", "codebook": "codebook"}
"""The scheme whose table a vector's `table` names."""


@dataclass(frozen=True)
class Row:
    """One row: `place` says where it stands (file, group, number), `data` is what the file holds for it.

    What the rows of a group share stands once in the file, and in the data of each of them.
    """

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
        Row(f"{name}.json, group {index}, row {number}", tuple(group["flags"]), group.get("shared", {}) | data)
        for index, group in enumerate(document["groups"])
        for number, data in enumerate(group["rows"])
    )


@cache
def having(name: str, *keys: str) -> tuple[Row, ...]:
    """The rows of a file that have exactly these keys; raises ValueError when there is none."""
    found = tuple(row for row in rows(name) if set(row.data) == set(keys))
    if not found:
        raise ValueError(f"{name}.json has no rows with the keys {keys}")
    return found


def rational(text: str) -> Fraction:
    """A rational, written "numerator/denominator"."""
    return Fraction(text)


def optional(text: str | None) -> Fraction | None:
    """A rational, or None for what is rejected."""
    return None if text is None else rational(text)


def float32_of(x: Fraction) -> np.float32 | None:
    """x as a float32, or None when it is not one."""
    value = np.float32(x.numerator / x.denominator) if abs(x) < 2**128 else np.float32(np.inf)
    return value if np.isfinite(value) and Fraction(float(value)) == x else None


def floats_of(texts: list[str]) -> NDArray[np.float32]:
    """Weights of a row. Raises AssertionError for one that is not a float32."""
    values = [float32_of(rational(text)) for text in texts]
    assert None not in values, "a weight of the vector is not a float32"
    return np.array(values, np.float32)


def octets(text: str) -> list[int]:
    """Bytes, written as two hexadecimal digits each."""
    return list(bytes.fromhex(text))


def expect(got: object, want: object, row: Row, subject: str, compared: Ledger) -> None:
    """Compares one row; a difference names the row and the bugs that it detects."""
    assert got == want, f"{row.place} (detects {', '.join(row.flags)}): {got!r} instead of Lean's {want!r}"
    compared.count(1, subject=subject, truth="lean-vector", level="sampled")
