"""The evidence report as one HTML page that needs nothing else: the data of `report.json` for a reviewer's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from q35.certify.pages import render
from q35.certify.plots import Bar, bar_chart


def render_html(report: dict[str, Any]) -> str:
    """The page for a report that is valid against `evidence.schema.json`."""
    layers = layer_table(report["conformance"])
    return render("report.html.j2", report=report, summary=summary(report), figures=figures(report), layers=layers)


def summary(report: dict[str, Any]) -> list[str]:
    """One sentence for each part of the loop, in its order; a part that did not pass is said to be missing."""
    return [
        _proofs(report["proofs"]),
        _tests(report["conformance"]),
        _planted(report["conformance"]),
        layer_table(report["conformance"]).summary,
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
    return (
        f"Planted bugs: {killed} of {len(judged['mutants'])} were caught by the suite; the same tests found nothing on "
        "unchanged copies."
    )


@dataclass(frozen=True)
class LayerTable:
    """Which GPU kernels a run covered in which layers.

    `rows`: each kernel with the status of every layer, "–" where the layer does not exist for it. `missing`: one
    sentence for each layer and reason why kernels are not covered.
    """

    layers: dict[str, str]
    rows: dict[str, list[str]]
    missing: list[str]
    summary: str


def layer_table(judged: dict[str, Any] | None) -> LayerTable:
    """The table of a conformance report; one without rows where the suite did not pass."""
    if judged is None:
        return LayerTable({}, {}, [], "No GPU kernel is judged by this run.")
    layers, cells = judged["coverage"]["layers"], judged["coverage"]["cells"]
    rows: dict[str, list[str]] = {}
    gaps: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        row = rows.setdefault(cell["kernel"], ["–"] * len(layers))
        row[list(layers).index(cell["layer"])] = cell["status"]
        if cell["status"] != "covered":
            gaps.setdefault((cell["layer"], "; ".join(cell["reasons"])), []).append(cell["kernel"])
    missing = [
        f"GPU kernels, layer {layer} ({layers[layer]}): not covered for {', '.join(kernels)}: {reason}."
        for (layer, reason), kernels in sorted(gaps.items())
    ]
    covered = sum(cell["status"] == "covered" for cell in cells)
    left = len(cells) - covered
    summary = f"GPU kernels: {covered} of {len(cells)} pairs of a kernel and a layer are covered, {left} are not."
    return LayerTable(layers, rows, missing, summary)


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
