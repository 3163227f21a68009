"""From raw results to what a reviewer reads: tests by function, levels of requirements, links in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SEVERITY = ("failed", "void", "not run", "passed")
"""Outcomes of a test function's parameters, worst first."""


def test_functions(conformance: Mapping[str, Any], requirements: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The conformance report with the parameters of each test function put together, and the requirements it serves.

    A function passed when none of its parameters failed or was void and at least one ran; parameters that could not run
    on this machine are listed with their reasons.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for test in conformance["tests"]:
        groups.setdefault(test["id"].split("[")[0], []).append(test)
    return [_function(name, tests, requirements) for name, tests in groups.items()]


def _function(
    name: str, tests: Sequence[Mapping[str, Any]], requirements: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    ran = [test for test in tests if test["outcome"] != "not run"]
    outcomes = {test["outcome"] for test in ran or tests}
    entries = [entry for test in ran for entry in test["comparisons"]]
    exhaustive = [entry for entry in entries if entry["level"] == "exhaustive"]
    return {
        "name": name,
        "outcome": next(outcome for outcome in SEVERITY if outcome in outcomes),
        "not_run": sorted({str(test["reason"]) for test in tests if test["outcome"] == "not run"}),
        "subjects": _distinct(entry["subject"] for entry in entries),
        "truths": _distinct(entry["truth"] for entry in entries),
        "levels": _distinct(entry["level"] for entry in entries),
        "compared": sum(entry["compared"] for entry in entries),
        "domain": sum(entry["domain"] or 0 for entry in exhaustive) or None,
        "requirements": [item["id"] for item in requirements if name in item["tests"]],
    }


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def requirement_rows(
    requirements: Sequence[Mapping[str, Any]],
    theorems: Mapping[str, Any] | None,
    functions: Sequence[Mapping[str, Any]] | None,
) -> list[dict[str, Any]]:
    """Each requirement with the levels of evidence that this run reached; what did not run is said, not left out."""
    by_name = {item["name"]: item for item in functions or []}
    return [
        {**item, "levels": _levels(item, theorems, by_name if functions is not None else None)} for item in requirements
    ]


def _levels(
    requirement: Mapping[str, Any],
    theorems: Mapping[str, Any] | None,
    functions: Mapping[str, Mapping[str, Any]] | None,
) -> list[dict[str, str]]:
    levels = []
    if requirement["theorems"]:
        present = [name for name in requirement["theorems"] if theorems is not None and name in theorems]
        if len(present) == len(requirement["theorems"]):
            levels.append({"kind": "proved", "text": f"proved ({len(present)})"})
        else:
            levels.append({"kind": "failed", "text": "proof not checked"})
    conformance = [name for name in requirement["tests"] if name.startswith("conformance/")]
    ran = [functions[name] for name in conformance if functions is not None and name in functions]
    if any(item["outcome"] in ("failed", "void") for item in ran):
        levels.append({"kind": "failed", "text": "test failed"})
    passed = [item for item in ran if item["outcome"] == "passed"]
    ways = {
        "all-inputs": "scalar machine code proved by a solver",
        "exhaustive": "tested exhaustively",
        "sampled": "tested by samples",
    }
    for level, text in ways.items():
        if any(level in item["levels"] for item in passed):
            levels.append({"kind": "passed", "text": text})
    if len(ran) < len(conformance) or any(item["outcome"] == "not run" for item in ran):
        levels.append({"kind": "not_run", "text": "tests not run"})
    program = [name for name in requirement["tests"] if name.startswith("tests/")]
    if program:
        levels.append({"kind": "not_run", "text": "program test: run by `make test`, not here"})
    return levels


def theorem_rows(
    theorems: Iterable[Mapping[str, Any]], requirements: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Each theorem with the requirements that it supports; the linked ones first, in the order of their names."""
    rows = [
        {**item, "requirements": [entry["id"] for entry in requirements if item["name"] in entry["theorems"]]}
        for item in theorems
    ]
    return sorted(rows, key=lambda row: (not row["requirements"], row["name"]))
