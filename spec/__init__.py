"""The specification's data, importable as `q35spec`: formats, codebook, schemas and vectors, each read once.

Every loader returns the parsed JSON. It is shared between callers: read it, do not change it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "codebook", "cover", "float_format", "formats", "schema", "vectors"]

FOLDER = Path(__file__).resolve().parent
"""The folder that holds the specification's files."""


@cache
def _read(relative: str) -> Any:
    return json.loads((FOLDER / relative).read_text(encoding="utf-8"))


def formats() -> Any:
    """`formats.json`: the code, the schemes, the storages and every numeric decision by name."""
    return _read("formats.json")


def float_format(name: str) -> Any:
    """The row of `formats.json` of the floating-point format called `name`. Raises `KeyError`."""
    return {row["id"]: row for row in formats()["floats"]}[name]


def codebook() -> Any:
    """`codebook.json`: the 128 learned int8 pairs in code order, with their hash."""
    return _read("codebook.json")


def cover() -> Any:
    """`cover.json`: regions that the learned table covers, each with its proved covering radius and theorem."""
    return _read("cover.json")


def schema(name: str) -> Any:
    """The JSON Schema of the documents called `name` (for example `formats`). Raises `FileNotFoundError`."""
    return _read(f"schemas/{name}.schema.json")


def vectors(name: str) -> Any:
    """The golden vectors called `name`, exported from the Lean definitions. Raises `FileNotFoundError`."""
    return _read(f"vectors/{name}.json")
