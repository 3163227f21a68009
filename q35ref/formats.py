"""The rows of `spec/formats.json` as frozen dataclasses, and the tables of the schemes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import q35spec
from q35ref.errors import InputError

Table = NDArray[np.int8]
"""int8 `[128, 2]`: the pair that each code stands for, in units of the step."""

_FORMATS = q35spec.formats()

HI_BITS: int = _FORMATS["code"]["hi_bits"]
LO_BITS: int = _FORMATS["code"]["lo_bits"]
CODES: int = 1 << _FORMATS["code"]["bits"]
HI_RANGE = (-(1 << (HI_BITS - 1)), (1 << (HI_BITS - 1)) - 1)
"""Least and largest value of the hi slot: (-8, 7)."""
LO_RANGE = (-(1 << (LO_BITS - 1)), (1 << (LO_BITS - 1)) - 1)
"""Least and largest value of the lo slot: (-4, 3)."""
BLOCK_SIZES: tuple[int, ...] = tuple(_FORMATS["block_sizes"])
STORAGES: dict[str, int] = {name: row["bits_per_code"] for name, row in _FORMATS["storages"].items()}
"""Bits that one code takes in each storage."""


@dataclass(frozen=True)
class ArithmeticTable:
    """Entry of code c: `(hi c, lo_scale * lo c)`."""

    lo_scale: int


@dataclass(frozen=True)
class LearnedTable:
    """Entries read from `spec/codebook.json`; `sha256` is that of the int8 bytes in code order."""

    sha256: str


@dataclass(frozen=True)
class AbsmaxStep:
    """One step a row: its largest absolute value over `divisor`."""

    divisor: int


@dataclass(frozen=True)
class RangeStep:
    """One step and one zero point a column, from the range of its weights and 0."""


@dataclass(frozen=True)
class SearchedStep:
    """One step a block: the best of `+-m * p / denominator` for p in `numerators`, m the block's largest |w|."""

    numerators: tuple[int, ...]
    denominator: int
    signed: bool


@dataclass(frozen=True)
class Scheme:
    """One scheme of `spec/formats.json`: its table and the rule for its step."""

    id: str
    title: str
    published: bool
    table: ArithmeticTable | LearnedTable
    step: AbsmaxStep | RangeStep | SearchedStep

    @property
    def has_blocks(self) -> bool:
        """Whether steps belong to blocks, so that a block size applies."""
        return isinstance(self.step, SearchedStep)


@dataclass(frozen=True)
class Default:
    """What is used where nothing is asked for."""

    scheme: str
    block_size: int
    storage: str


DEFAULT = Default(**_FORMATS["default"])


def _table_row(row: dict[str, Any]) -> ArithmeticTable | LearnedTable:
    if row["kind"] == "learned":
        return LearnedTable(row["sha256"])
    return ArithmeticTable(row["lo_scale"])


def _step_row(row: dict[str, Any]) -> AbsmaxStep | RangeStep | SearchedStep:
    if row["rule"] == "absmax":
        return AbsmaxStep(row["divisor"])
    if row["rule"] == "range":
        return RangeStep()
    return SearchedStep(tuple(row["numerators"]), row["denominator"], row["signed"])


SCHEMES: dict[str, Scheme] = {
    row["id"]: Scheme(row["id"], row["title"], row["published"], _table_row(row["table"]), _step_row(row["step"]))
    for row in _FORMATS["schemes"]
}
"""Every scheme by its id, in the order of `spec/formats.json`."""


def scheme(name: str) -> Scheme:
    """The scheme called `name`. Raises `InputError`, which lists the valid names."""
    if name not in SCHEMES:
        raise InputError(f"unknown scheme {name!r}: the schemes are {', '.join(SCHEMES)}")
    return SCHEMES[name]


def check_block_size(name: str, block_size: int | None) -> int | None:
    """The block size that applies: the default where none is given, None for schemes without blocks.

    Raises `InputError` for a size that the spec does not list, or for any size where the scheme has no blocks.
    """
    if not scheme(name).has_blocks:
        if block_size is not None:
            raise InputError(f"scheme {name!r} has no blocks: a block size of {block_size} does not apply")
        return None
    if block_size is None:
        return DEFAULT.block_size
    if block_size not in BLOCK_SIZES:
        raise InputError(f"unknown block size {block_size}: the sizes are {', '.join(map(str, BLOCK_SIZES))}")
    return block_size


def storage_bits(storage: str) -> int:
    """Bits of one code in `storage`. Raises `InputError`, which lists the valid names."""
    if storage not in STORAGES:
        raise InputError(f"unknown storage {storage!r}: the storages are {', '.join(STORAGES)}")
    return STORAGES[storage]


def _twos_complement(bits: int) -> list[int]:
    """The values of the patterns 0, 1, ... of `bits` bits: first 0 and up, then the negative ones."""
    half = 1 << (bits - 1)
    return [*range(half), *range(-half, 0)]


def _learned_entries(sha256: str) -> Table:
    table = np.array(q35spec.codebook()["entries"], np.int8)
    if hashlib.sha256(table.tobytes()).hexdigest() != sha256:
        raise InputError("spec/codebook.json is not the table whose hash spec/formats.json gives")
    return table


@cache
def table(name: str) -> Table:
    """The table of the scheme called `name`: int8 `[128, 2]`, read-only. Raises `InputError` for an unknown scheme."""
    row = scheme(name).table
    if isinstance(row, LearnedTable):
        entries = _learned_entries(row.sha256)
    else:
        pairs = [(high, row.lo_scale * low) for high in _twos_complement(HI_BITS) for low in _twos_complement(LO_BITS)]
        entries = np.array(pairs, np.int8)
    entries.setflags(write=False)
    return entries
