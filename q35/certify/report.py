"""The evidence report as one HTML page that needs nothing else: the data of `report.json` for a reviewer's eyes."""

from __future__ import annotations

from typing import Any

from q35.certify.pages import render
from q35.certify.plots import Bar, bar_chart


def render_html(report: dict[str, Any]) -> str:
    """The page for a report that is valid against `evidence.schema.json`."""
    return render("report.html.j2", report=report, summary=summary(report), figures=figures(report))


def summary(report: dict[str, Any]) -> list[str]:
    """One sentence for each part of the loop, in its order; a part that did not pass is said to be missing."""
    return [
        _proofs(report["proofs"]),
        _tests(report["conformance"]),
        _planted(report["conformance"]),
        *_model(report["model"]),
    ]


def _proofs(proofs: dict[str, Any] | None) -> str:
    if proofs is None:
        return "Nothing is proved by this run: the proofs did not pass their build and audit."
    axioms = ", ".join(proofs["axioms"]) or "no axioms"
    return f"Proved: {len(proofs['theorems'])} theorems, {len(proofs['open_goals'])} open goals, resting on {axioms}."


def _tests(judged: dict[str, Any] | None) -> str:
    if judged is None:
        return "Nothing is tested by this run: the conformance suite did not pass."
    passed = sum(test["outcome"] == "passed" for test in judged["tests"])
    return f"Tested: {passed} tests, {judged['compared_total']:,} values compared with Lean's own and exact arithmetic."


def _planted(judged: dict[str, Any] | None) -> str:
    if judged is None or not judged["mutants"]:
        return "No planted bugs were tried in this run."
    killed = sum(mutant["outcome"] == "killed" for mutant in judged["mutants"])
    return f"Planted bugs: {killed} of {len(judged['mutants'])} were caught by the suite."


def _model(model: dict[str, Any] | None) -> list[str]:
    if model is None:
        return ["No model is certified by this run."]
    closest = max(_bound_use(tensor) for tensor in model["tensors"])
    return [
        f"Quantized: {model['weights']:,} weights at {model['bits_per_weight']:.3f} bits a weight, relative RMSE "
        f"{100 * model['relative_rmse']:.2f} %.",
        f"Verified: every figure of the certificate was derived again in exact arithmetic; the largest error "
        f"of every tensor is within its proved bound (closest: {100 * closest:.0f} % of it).",
    ]


def _bound_use(tensor: dict[str, Any]) -> float:
    return float(tensor["max_abs_error"] / tensor["error_bound"]) if tensor["error_bound"] else 0.0


def figures(report: dict[str, Any]) -> dict[str, str]:
    """The plots of the model section, by name."""
    model = report["model"]
    if model is None:
        return {"schemes": "", "bounds": ""}
    schemes = [
        Bar(
            f"{row['name']} ({row['bits_per_weight']:.3g} bits)",
            row["relative_rmse"],
            f"{100 * row['relative_rmse']:.2f} %",
            row["ours"],
        )
        for row in model["comparison"]
    ]
    bounds = [
        Bar(tensor["name"], _bound_use(tensor), f"{100 * _bound_use(tensor):.0f} %", True)
        for tensor in model["tensors"]
    ]
    return {
        "schemes": bar_chart("Relative RMSE on this model's weights, all schemes on the same weights", schemes),
        "bounds": bar_chart("Largest error of each tensor as a share of its proved bound", bounds, limit=1.0),
    }
