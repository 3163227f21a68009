"""The schemes of `q35spec` in the form that the kernels take: a table, and how the steps are chosen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import q35spec
from q35.errors import CheckFailed, InputError


@dataclass(frozen=True, eq=False)
class Scheme:
    """One scheme of the specification.

    `table` is int8 `[128, 2]`, code -> pair; `scales` its two factors where it is arithmetic, None where it is learned.
    `rule` is "absmax" (with `divisor`), "range", or "least-squares" (with `numerators`, int32, and `denominator`).
    """

    id: str
    table: NDArray[np.int8]
    scales: tuple[int, int] | None
    rule: str
    divisor: int = 1
    numerators: NDArray[np.int32] | None = None
    denominator: int = 1


def _sign_extend(value: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    half = 1 << (bits - 1)
    return (value ^ half) - half


def _arithmetic_table(scales: tuple[int, int]) -> NDArray[np.int8]:
    widths = q35spec.formats()["code"]
    hi_bits, lo_bits = widths["hi_bits"], widths["lo_bits"]
    code = np.arange(1 << (hi_bits + lo_bits))
    hi, lo = _sign_extend(code >> lo_bits, hi_bits), _sign_extend(code & ((1 << lo_bits) - 1), lo_bits)
    return np.stack([hi * scales[0], lo * scales[1]], axis=1).astype(np.int8)


def _learned_table(row: dict[str, Any]) -> NDArray[np.int8]:
    entries = np.array(q35spec.codebook()["entries"], dtype=np.int64)
    table = entries.astype(np.int8)
    digest = hashlib.sha256(table.tobytes()).hexdigest()
    if entries.shape != (128, 2) or (table != entries).any() or digest != row["sha256"]:
        raise CheckFailed("the learned table is not the one that formats.json names", row["file"], "restore the file")
    return table


@cache
def scheme_named(name: str) -> Scheme:
    """The scheme of that id in `formats.json`; raises `InputError` for an unknown one."""
    rows = {row["id"]: row for row in q35spec.formats()["schemes"]}
    if name not in rows:
        raise InputError(f"unknown scheme {name!r}", fix=f"choose one of {', '.join(rows)}")
    table, step = rows[name]["table"], rows[name]["step"]
    scales = (table["hi_scale"], table["lo_scale"]) if table["kind"] == "arithmetic" else None
    values = _learned_table(table) if scales is None else _arithmetic_table(scales)
    values.flags.writeable = False
    numerators = np.array(step["numerators"], np.int32) if "numerators" in step else None
    return Scheme(name, values, scales, step["rule"], step.get("divisor", 1), numerators, step.get("denominator", 1))
