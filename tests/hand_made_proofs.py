"""Hand-made results of an audit, and a project folder with as much of `spec/` as the lints and the book read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from q35.lean.audit import AuditReport, Declaration

FILE = "proofs/Q35/Made.lean"


def declared(name: str, line: int = 1, kind: str = "theorem", **fields: Any) -> Declaration:
    """A public declaration with a docstring that supposes, uses and is used by nothing, changed by `fields`."""
    given: dict[str, Any] = {
        "module": "Q35.Made",
        "file": FILE,
        "public": True,
        "doc": f"What {name} says.",
        "statement": "True",
        "statement_sha256": "0" * 64,
        "axioms": (),
        "own": 0,
        "library": 0,
    }
    return Declaration(name=name, line=line, kind=kind, **(given | fields))


def audited(*declarations: Declaration) -> AuditReport:
    """An audit that found these declarations and nothing wrong."""
    theorems = tuple(item for item in declarations if item.kind == "theorem")
    definitions = tuple(item for item in declarations if item.kind != "theorem")
    return AuditReport(theorems, definitions, (), ("Q35.Made",), len(theorems), "f" * 64, "a Lean")


def write_spec(project: Path, requirement: dict[str, Any], claim: dict[str, Any]) -> Path:
    """One requirement and one claim, with these fields besides the empty ones; returns `project`."""
    empty: dict[str, list[str]] = {
        key: [] for key in ("definitions", "theorems", "functions", "kernels", "tests", "vectors")
    }
    stated = {"id": "Q35-MADE-1", "revision": 1, "text": "What is promised.", **empty, **requirement}
    claimed = {"id": "CLAIM-1", "claim": "What is said.", "verdict": "refuted", "finding": "It is not so."}
    (project / "spec").mkdir(parents=True)
    (project / "spec" / "requirements.json").write_text(json.dumps({"requirements": [stated]}))
    (project / "spec" / "claims.json").write_text(
        json.dumps({"claims": [{**claimed, "theorems": [], "measured_as": [], **claim}]})
    )
    return project
