"""`q35 certify`: build and audit the proofs, check the spec, judge the kernels, certify a model, and write it all down.

The report is made from the stages' own data and from nothing else, is valid against `evidence.schema.json`,
and says of every part whether it passed, failed or did not run. The verdict is `passed` only when every stage passed.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from q35 import open_goals
from q35.certify import conformance, machine, model, products, proofs, trace
from q35.certify.book import render_book
from q35.certify.report import render_html
from q35.certify.stages import PASSED, Outcome, Stage, StageResult, run_stages
from q35.files import canonical_json, read_json, sha256_file, write_whole
from q35.lean.progress import Report, silent
from q35.lean.toolchain import Toolchain
from q35.spec_data import claims, requirements

Data = dict[str, dict[str, Any]]
"""What the stages that passed found, by the stage's name."""


@dataclass(frozen=True)
class Request:
    """What to certify: the project, the model (safetensors), and where the evidence goes.

    `quantized` names a file that was quantized before: it is then verified as it stands instead of made anew. With
    `fresh` nothing is replayed from the cache.
    """

    project: Path
    model: Path | None
    out: Path
    quantized: Path | None = None
    fail_fast: bool = False
    fresh: bool = False
    toolchain: str | None = None
    progress: Report = silent


def stages(request: Request, kept: contextlib.ExitStack) -> list[Stage]:
    """The stages of a certification, in order, each with what it needs; `kept` ends what those about Lean share."""
    project, report = request.project, request.progress

    def lean(data: Data) -> Toolchain:
        toolchain: Toolchain = data["toolchain"]["instance"]
        return toolchain

    def check_spec(data: Data) -> Outcome:
        with kept:  # nothing after this needs Lean
            return proofs.check_spec(project, lean(data), data["audit"]["report"], report)

    return [
        Stage(
            "toolchain",
            (),
            lambda data: proofs.check_toolchain(project, request.toolchain, report, request.fresh, kept),
        ),
        Stage("proofs", ("toolchain",), lambda data: proofs.build(project, lean(data), report)),
        Stage("audit", ("proofs",), lambda data: proofs.audit(project, lean(data), report)),
        Stage("spec", ("audit",), check_spec),
        Stage("kernels", (), lambda data: conformance.check_kernels(project)),
        # One core brings Lean, the other has these two. Lean then keeps both busy until the vectors are written.
        Stage(
            "model",
            ("kernels",),
            lambda data: model.certify(request.model, request.quantized, request.out),
            beside="toolchain",
        ),
        Stage("products", ("kernels",), lambda data: products.measure(request.model), beside="toolchain"),
        Stage(
            "conformance",
            ("kernels",),
            lambda data: conformance.run(project, request.fail_fast, request.fresh),
            beside="spec",
        ),
    ]


def certify(request: Request, announce: Callable[[StageResult | str], None]) -> dict[str, Any]:
    """Run all stages and write `report.json`, `report.html` and `theorems.html` into `request.out`; returns the report.

    The theorem book is written only when the audit passed; one of an earlier run does not stay beside a later report.
    Raises `InputError` when the report cannot be written. A failing stage does not raise: it makes a failing report.
    """
    with contextlib.ExitStack() as kept:
        results, data = run_stages(stages(request, kept), announce, request.fail_fast)
    report = _report(request, results, data)
    schema = read_json(request.project / "spec" / "schemas" / "evidence.schema.json")
    jsonschema.Draft202012Validator(schema).validate(report)
    write_whole(request.out / "report.json", canonical_json(report))
    write_whole(request.out / "report.html", render_html(report).encode())
    book = request.out / "theorems.html"
    if "audit" in data:
        write_whole(book, render_book(request.project, data["audit"]["report"]).encode())
    else:
        book.unlink(missing_ok=True)
    return report


def _report(request: Request, results: list[StageResult], data: dict[str, dict[str, Any]]) -> dict[str, Any]:
    stated = requirements(request.project)
    audited = data["audit"]["shown"] if "audit" in data else None
    judged = data.get("conformance")
    functions = trace.test_functions(judged, stated) if judged else None
    theorems = {item["name"]: item for item in audited["theorems"]} if audited else None
    verdict = "passed" if all(result.status == PASSED for result in results) else "failed"
    return {
        "schema": "q35.evidence/1",
        "verdict": verdict,
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "checkout": machine.checkout(request.project),
        "machine": machine.machine(),
        "environment": machine.environment(),
        "stages": [result.as_json() for result in results],
        "toolchain": data["toolchain"]["shown"] if "toolchain" in data else None,
        "proofs": {**audited, "theorems": trace.theorem_rows(audited["theorems"], stated)} if audited else None,
        "spec": data.get("spec"),
        "requirements": trace.requirement_rows(stated, theorems, functions),
        "claims": claims(request.project),
        "kernels": data.get("kernels"),
        "conformance": {**judged, "functions": functions} if judged else None,
        "model": data.get("model"),
        "products": data.get("products"),
        "scope": _scope(request.project),
        "subjects": _subjects(request, data),
    }


def _scope(project: Path) -> dict[str, list[str]]:
    """What is assumed, and what is not claimed, the open goals included."""
    stated: dict[str, list[str]] = read_json(project / "spec" / "scope.json")
    return {
        "assumptions": stated["assumptions"],
        "not_claimed": [*stated["not_claimed"], *open_goals.not_claimed(project)],
    }


def _subjects(request: Request, data: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The files that this evidence is about, each with its digest, in the shape of an in-toto statement's subjects."""
    files = [Path(path) for path in data.get("model", {}).get("files", [])]
    files += sorted((request.project / "spec").glob("*.json"))
    return [{"name": path.name, "digest": {"sha256": sha256_file(path)}} for path in files]
