"""Layers of conformance: what of each GPU kernel a session covered, what it did not, and why not.

A test says with `@pytest.mark.layer(letter, *kernels)` which kernels it covers in which layer. A cell of the table is
covered when one of its tests passed and none failed; a test that was skipped covers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

LAYERS = {
    "a": "values against the specification",
    "b": "bit tricks proved by a solver",
    "c": "interpreter",
    "d": "compiled",
    "e": "C++ on the host",
    "f": "device",
}
"""The letter of a layer and what it stands for."""

TRITON = (
    *("dequantize", "quantize_activations", "linear", "linear_float"),
    *("mx_dequantize", "mx_quantize", "mx_linear", "kv_cache", "convert"),
)
HIP = ("hip_decode", "hip_dequantize", "hip_linear")

APPLIES = dict.fromkeys(TRITON, "abcdf") | dict.fromkeys(HIP, "abdef")
"""The layers that exist for each kernel: only Triton has an interpreter, only C++ is compiled for the host."""

NO_TEST = "no test of this session covers it"
NO_DEVICE = "this session has no GPU to run on: --q35-device cuda"

Mark = tuple[str, tuple[str, ...]]
"""A layer's letter and the kernels that a test covers in it."""


def checked(arguments: tuple[Any, ...]) -> Mark:
    """A marker's arguments as a mark; raises ValueError for a letter or a kernel that is not in the table."""
    letter, *kernels = arguments or ("",)
    unknown = [kernel for kernel in kernels if letter not in APPLIES.get(kernel, "")]
    if letter not in LAYERS or not kernels or unknown:
        raise ValueError(f"layer{arguments!r}: expected one of {', '.join(LAYERS)} and kernels that have this layer")
    return letter, tuple(kernels)


@dataclass
class Cell:
    """One kernel in one layer: its tests by outcome, and the reasons of those that were not run."""

    kernel: str
    layer: str
    passed: int = 0
    failed: int = 0
    not_run: int = 0
    reasons: set[str] = field(default_factory=set)

    def take(self, outcome: str, reason: str | None) -> None:
        """Adds one test."""
        if outcome == "not run":
            self.not_run += 1
            self.reasons.add(str(reason))
        elif outcome == "passed":
            self.passed += 1
        else:
            self.failed += 1

    @property
    def status(self) -> str:
        return "failed" if self.failed else "covered" if self.passed else "not covered"

    def as_data(self) -> dict[str, Any]:
        return {
            "kernel": self.kernel,
            "layer": self.layer,
            "status": self.status,
            "passed": self.passed,
            "failed": self.failed,
            "not_run": self.not_run,
            "reasons": sorted(self.reasons),
        }


def coverage(tests: Iterable[tuple[Iterable[Mark], str, str | None]], device: str) -> dict[str, Any]:
    """The table, one cell a kernel and layer, from each test's marks, outcome and reason, run on a `--q35-device`."""
    cells = {(kernel, letter): Cell(kernel, letter) for kernel, letters in APPLIES.items() for letter in letters}
    for marks, outcome, reason in tests:
        for letter, kernels in marks:
            for kernel in kernels:
                cells[kernel, letter].take(outcome, reason)
    for cell in cells.values():
        if not cell.passed + cell.failed + cell.not_run:
            cell.reasons.add(NO_DEVICE if cell.layer == "f" and device == "interpreter" else NO_TEST)
    return {"layers": LAYERS, "cells": [cell.as_data() for cell in cells.values()]}


def table_lines(table: dict[str, Any]) -> list[str]:
    """The table for a terminal, then for each layer what is not covered, and why."""
    shown = {"covered": "covered", "not covered": "NOT COVERED", "failed": "FAILED"}
    status: dict[tuple[str, str], str] = {}
    missing: dict[tuple[str, str], list[str]] = {}
    for cell in table["cells"]:
        status[cell["kernel"], cell["layer"]] = shown[cell["status"]]
        if cell["status"] == "not covered":
            missing.setdefault((cell["layer"], "; ".join(cell["reasons"])), []).append(cell["kernel"])
    width = max(map(len, APPLIES))
    rows = [("kernel", LAYERS)] + [
        (kernel, [status.get((kernel, letter), "-") for letter in LAYERS]) for kernel in APPLIES
    ]
    return [
        *(f"{name:<{width}}  {'  '.join(f'{word:<11}' for word in words)}".rstrip() for name, words in rows),
        "; ".join(f"{letter}: {meaning}" for letter, meaning in LAYERS.items()),
        *(f"NOT COVERED {layer}: {', '.join(missing[layer, why])}: {why}" for layer, why in sorted(missing)),
    ]
