"""The stages about Lean: find it, build the proofs, audit what they rest on, check that the spec says the same."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

from q35.certify.stages import Outcome
from q35.lean.audit import AuditReport
from q35.lean.audit import audit as audit_package
from q35.lean.progress import Report
from q35.lean.toolchain import Toolchain, doctor, find_toolchain
from q35.spec_check import check_all
from q35.spec_data import Proofs

SELF_TEST = "it accepts what is true and refuses what is false, in the kernel too"


def check_toolchain(
    project: Path, setting: str | None, report: Report, fresh: bool, kept: contextlib.ExitStack
) -> Outcome:
    """A Lean is found or brought, its files have the pinned hashes, and it refuses what is false.

    Its process runs until `kept` ends: the stages after this one share it.

    That last test is repeated only if `fresh`: the embedded Lean passed it when it was installed, and each of its files
    still has its hash.
    """
    found = doctor(project / "proofs", setting, report, repeat_self_test=fresh)
    shown = {
        "toolchain": found.kind,
        "version": found.version,
        "official_release": "yes"
        if found.official
        else "no: a third party's build, pinned by its hash; what starts it is changed, Lean's code is not",
        "why": found.why,
        "not_taken": "; ".join(f"{item.what}: {item.why}" for item in found.rejected) or "–",
        **found.hashes,
        "self-test": f"{'in this run' if fresh else 'when installed'}: {SELF_TEST}" if found.ok else "failed",
    }
    instance = kept.enter_context(find_toolchain(project / "proofs", setting, report).kept_running(project / "proofs"))
    return Outcome(found.version, list(found.problems), {"shown": shown, "instance": instance})


def build(project: Path, toolchain: Toolchain, report: Report) -> Outcome:
    """Every module of the proofs builds; what is unchanged is taken from the cache."""
    result = toolchain.build_package(project / "proofs", report=report)
    built = sum(module.status == "built" for module in result.modules)
    summary = f"{len(result.modules)} modules, {built} built now, the others unchanged since they were built"
    return Outcome(summary, result.errors(project))


def audit(project: Path, toolchain: Toolchain, report: Report) -> Outcome:
    """No `sorry`, no axiom but the standard three, every proof checked again; what each theorem says and rests on."""
    found = audit_package(project / "proofs", toolchain, report)
    findings = [str(violation) for violation in found.violations]
    if not found.theorems:
        findings.append("proofs: the audit found no theorem, so it judged nothing")
    summary = (
        f"{len(found.theorems)} theorems, {found.rechecked} proofs checked again, axioms: {', '.join(found.axioms)}"
    )
    return Outcome(summary, findings, {"report": found, "shown": _shown(found)})


def _shown(found: AuditReport) -> dict[str, Any]:
    return {
        "modules": list(found.modules),
        "theorems": [
            {
                "name": item.name,
                "module": item.module,
                "file": item.file,
                "line": item.line,
                "docstring": item.doc,
                "statement": item.statement,
                "statement_sha256": item.statement_sha256,
                "axioms": list(item.axioms),
            }
            for item in found.theorems
            if item.public
        ],
        "definitions": [
            {"name": item.name, "file": item.file, "line": item.line, "docstring": item.doc}
            for item in found.definitions
            if item.public
        ],
        "axioms": dict(sorted(Counter(axiom for item in found.theorems for axiom in item.axioms).items())),
        "open_goals": [],
        "rechecked": found.rechecked,
        "scope": found.scope,
        "key": found.key,
    }


def check_spec(project: Path, toolchain: Toolchain, found: AuditReport, report: Report) -> Outcome:
    """Every check of `q35 spec check`, against the proofs as they were just audited."""
    checks = check_all(project, Proofs.of(found), toolchain, report)
    findings = [finding for check in checks for finding in check.findings]
    findings += [f"spec: the check '{check.name}' looked at nothing" for check in checks if not check.examined]
    summary = ", ".join(f"{check.name}: {check.examined}" for check in checks)
    return Outcome(
        summary, findings, {"checks": [{"name": check.name, "examined": check.examined} for check in checks]}
    )
