"""The evidence report shows what is not covered as plainly as what is, and the kill table with its control."""

from __future__ import annotations

from typing import Any

from q35.certify.report import layer_table, render_html, summary

LAYERS = {"a": "values", "f": "device"}


def cell(kernel: str, layer: str, status: str, *reasons: str) -> dict[str, Any]:
    return {"kernel": kernel, "layer": layer, "status": status, "reasons": list(reasons)}


JUDGED: dict[str, Any] = {
    "coverage": {
        "layers": LAYERS,
        "cells": [
            cell("linear", "a", "covered"),
            cell("linear", "f", "not covered", "no GPU here"),
            cell("kv_cache", "f", "not covered", "no GPU here"),
        ],
    },
    "compared_total": 7,
    "functions": [],
    "tests": [{"outcome": "passed"}],
    "mutants": [
        {
            "id": "steps-swapped",
            "bug": "wrong-step",
            "file": "kernels/triton/linear.py",
            "outcome": "killed",
            "killed_by": ["test_good"],
            "not_killed_by": ["test_weak"],
            "divergences": 41,
            "divergences_unchanged": 0,
        }
    ],
}
REPORT: dict[str, Any] = {
    "verdict": "failed",
    "created_utc": "2026-01-01T00:00:00+00:00",
    "checkout": {"commit": None, "modified": None},
    "environment": {"q35": "0", "python": "3", "packages": {}},
    "machine": {},
    "scope": {"not_claimed": ["nothing"], "assumptions": []},
    **{part: [] for part in ("stages", "requirements", "claims", "subjects")},
    **dict.fromkeys(("proofs", "model", "products", "toolchain", "kernels")),
    "conformance": JUDGED,
}


def test_what_is_not_covered_is_said_where_claims_are_limited() -> None:
    table = layer_table(JUDGED)
    assert table.rows == {"linear": ["covered", "not covered"], "kv_cache": ["–", "not covered"]}
    assert table.missing == ["GPU kernels, layer f (device): not covered for linear, kv_cache: no GPU here."]
    assert "GPU kernels: 1 of 3 pairs of a kernel and a layer are covered, 2 are not." in summary(REPORT)
    page = render_html(REPORT)
    limits, table_of_layers = page.split('<h2 id="layers">')
    assert all(table.missing[0] in part for part in (limits, table_of_layers))
    assert table_of_layers.count(">not covered</td>") == 2


def test_the_kill_table_shows_both_sides_of_the_control() -> None:
    row = next(line for line in render_html(REPORT).splitlines() if "steps-swapped" in line)
    for shown in ("wrong-step", ">0</td>", ">41</td>", "<code>test_good</code>", "<code>test_weak</code>"):
        assert shown in row


def test_without_a_suite_no_kernel_is_covered() -> None:
    assert layer_table(None).rows == {}
    assert "No GPU kernel is judged by this run." in summary({**REPORT, "conformance": None})
    assert render_html({**REPORT, "conformance": None}).count("Not run.") == 2
