"""The session's report: per test what was compared, and the verdict, as `spec/schemas/conformance.schema.json` says."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from conformance import kept, layers, subjects
from conformance.ledger import LEVELS

SCHEMA_ID = "q35.conformance/1"
SCHEMA_FILE = Path(__file__).parent.parent / "spec" / "schemas" / "conformance.schema.json"
PROPERTY = "q35.conformance"
"""Name under which a test's data travels in its report's user properties (also from worker to controller)."""


@dataclass
class Record:
    """One test of the session."""

    id: str
    outcome: str = "passed"
    judged: str = kept.NOW
    reason: str | None = None
    error: str | None = None
    seconds: float = 0.0
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    mutants: list[dict[str, Any]] = field(default_factory=list)
    marks: list[layers.Mark] = field(default_factory=list)

    def take(self, phase: str, seconds: float, data: dict[str, Any]) -> None:
        """Adds one phase (setup, call, teardown): the first that did not pass decides the outcome."""
        self.seconds += seconds
        self.marks, self.judged = data["layers"], data["judged"]
        if phase == "call":
            self.comparisons = data["comparisons"]
            self.mutants = [mutant | {"judged": self.judged} for mutant in data["mutants"]]
        if self.outcome == "passed":
            self.outcome, self.reason, self.error = data["outcome"], data["reason"], data["error"]


class Session:
    """All records of a session and what follows from them."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def record(self, node_id: str) -> Record:
        return self.records.setdefault(node_id, Record(node_id))

    def compared(self) -> dict[str, dict[str, int]]:
        """Per subject: tests that passed and compared it, and comparisons by level. Failed tests do not count."""
        totals: dict[str, dict[str, int]] = {}
        for record in self.records.values():
            if record.outcome != "passed":
                continue
            for subject in {entry["subject"] for entry in record.comparisons}:
                totals.setdefault(subject, dict.fromkeys(("tests", *LEVELS), 0))["tests"] += 1
            for entry in record.comparisons:
                totals[entry["subject"]][entry["level"]] += entry["compared"]
        return dict(sorted(totals.items()))

    def covers_layers(self) -> bool:
        """Whether any test of the session belongs to a layer."""
        return any(record.marks for record in self.records.values())

    def coverage(self) -> dict[str, Any]:
        """The table of kernels and layers."""
        tests = ((record.marks, record.outcome, record.reason) for record in self.records.values())
        return layers.coverage(tests, subjects.DEVICE)

    def passed_now(self) -> dict[str, dict[str, Any]]:
        """What is to be kept of each test that was run and passed, by node id."""
        return {
            record.id: {key: getattr(record, key) for key in ("outcome", "reason", "error", "comparisons", "mutants")}
            for record in self.of_outcome("passed")
            if record.judged == kept.NOW and record.comparisons
        }

    def of_outcome(self, outcome: str) -> list[Record]:
        return [record for record in self.records.values() if record.outcome == outcome]

    def verdict(self, exit_status: int) -> str:
        """`void` when no real subject was compared or a test was void, `failed` for other failures, else `passed`."""
        subjects = [subject for subject in self.compared() if subject != "framework"]
        if not subjects or self.of_outcome("void"):
            return "void"
        return "passed" if exit_status == 0 and not self.of_outcome("failed") else "failed"

    def summary(self) -> list[str]:
        """Lines for the terminal: what was compared, then what was not, prominently."""
        lines = [
            f"{subject}: {total['exhaustive']:,} exhaustive and {total['sampled']:,} sampled in {total['tests']} tests"
            + (f", {total['all-inputs']:,} statements proved for all inputs" if total["all-inputs"] else "")
            for subject, total in self.compared().items()
        ]
        killed = [m for r in self.records.values() for m in r.mutants if m["outcome"] == "killed"]
        if killed:
            lines.append(f"mutants killed: {len(killed)}")
        if before := sum(record.judged == kept.BEFORE for record in self.records.values()):
            lines.append(f"{before} tests passed {kept.BEFORE}, and were not run again (--q35-fresh does)")
        idle = Counter((record.id.split("[")[0], record.reason) for record in self.of_outcome("not run"))
        lines += [f"NOT RUN {test}, {cases} cases: {reason}" for (test, reason), cases in idle.items()]
        lines += [f"VOID {record.id}: {record.reason}" for record in self.of_outcome("void")]
        return lines if self.compared() else [*lines, "VOID: nothing was compared"]

    def as_data(self, exit_status: int) -> dict[str, Any]:
        """The report as plain data, valid against the schema."""
        return {
            "schema": SCHEMA_ID,
            "verdict": self.verdict(exit_status),
            "void": [{"id": r.id, "reason": r.reason} for r in self.of_outcome("void")],
            "failed": [{"id": r.id, "reason": r.reason} for r in self.of_outcome("failed")],
            "not_run": [{"id": r.id, "reason": r.reason} for r in self.of_outcome("not run")],
            "compared": self.compared(),
            "coverage": self.coverage(),
            "mutants": [mutant for record in self.records.values() for mutant in record.mutants],
            "tests": [
                {
                    "id": r.id,
                    "outcome": r.outcome,
                    "judged": r.judged,
                    "reason": r.reason,
                    "error": r.error,
                    "seconds": round(r.seconds, 3),
                    "comparisons": r.comparisons,
                }
                for r in self.records.values()
            ],
        }

    def write(self, path: Path, exit_status: int) -> None:
        """Writes the report whole or not at all; raises jsonschema.ValidationError when it breaks its own schema."""
        data = self.as_data(exit_status)
        jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).validate(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            unfinished.write_text(json.dumps(data, indent=1) + "\n")
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
