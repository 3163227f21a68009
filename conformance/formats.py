"""The formats as data: what `spec/formats.json` and `spec/codebook.json` declare, read without the code under test."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance import truth

SPEC = Path(__file__).parent.parent / "spec"


@dataclass(frozen=True)
class Scheme:
    """A scheme with one step a block: its table and the candidates of its step search."""

    id: str
    table: tuple[truth.Pair, ...]
    lo_scale: int | None
    """Factor of the lo slot in an arithmetic table; None for the learned one."""
    numerators: tuple[int, ...]
    denominator: int

    def array(self) -> NDArray[np.int8]:
        """The table as int8 [128, 2]."""
        return np.array(self.table, dtype=np.int8)

    def codes(self, weights: NDArray[np.float64], pairs: list[truth.Pair], step_bits: int) -> list[int]:
        """The exactly nearest codes at a step; `weights` and `pairs` are the same values."""
        if self.lo_scale is None:
            return truth.nearest_codes(weights, pairs, step_bits, self.table)
        step = truth.half_int(step_bits)
        assert step is not None
        return [truth.arithmetic_code(pair, step, self.lo_scale) for pair in pairs]


def formats() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((SPEC / "formats.json").read_text())
    return data


def codebook() -> tuple[truth.Pair, ...]:
    """The learned table; raises ValueError when it is not the one that formats.json names."""
    data = json.loads((SPEC / "codebook.json").read_text())
    entries = tuple((int(a), int(b)) for a, b in data["entries"])
    digest = hashlib.sha256(np.array(entries, dtype=np.int8).tobytes()).hexdigest()
    declared = next(row["table"]["sha256"] for row in formats()["schemes"] if row["id"] == "codebook")
    if len(entries) != 128 or not digest == declared == data["sha256"]:
        raise ValueError(f"codebook.json holds {digest}, formats.json names {declared}")
    return entries


@cache
def scheme(name: str) -> Scheme:
    """A scheme by its id; row schemes have no candidates."""
    row = next(row for row in formats()["schemes"] if row["id"] == name)
    table, step = row["table"], row["step"]
    numerators = tuple(step.get("numerators", ()))
    if table["kind"] == "learned":
        return Scheme(name, codebook(), None, numerators, step["denominator"])
    entries = tuple(truth.arithmetic_table(table["hi_scale"], table["lo_scale"]))
    return Scheme(name, entries, table["lo_scale"], numerators, step.get("denominator", 1))


TABLES = ("row-absmax", "block", "codebook")
"""Schemes whose tables are the three: (hi, lo), (hi, 2 lo) and the learned one."""
BLOCK_SCHEMES = ("block", "codebook")
BLOCK_SIZES = (32, 64, 128)

ELEMENTS = ("e2m1", "e2m3", "e3m2", "e4m3", "e5m2", "int8")
RULES = ("floor", "ceil", "rceil", "even")
POLICY = {
    "rule": "scale_rule",
    "overflow": "scale_overflow",
    "zero_scale": "zero_block_scale",
    "zero": "zero_sign",
    "lowest": "int8_lowest",
}
"""The fields of a policy for Microscaling blocks, and the parameter of `spec/formats.json` that each of them is."""
