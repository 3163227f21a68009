"""The open goals in `proofs/Open/`: statements that we hold for true and have no proof of. Nothing rests on them.

`spec/goals.json` is their ledger: what each states, from the day that it was open, and how those were closed that are
theorems of the library now.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from q35.errors import CheckFailed
from q35.files import canonical_json, read_json, write_whole
from q35.lean.audit import audit
from q35.lean.package import load_package
from q35.lean.progress import Report, silent
from q35.lean.toolchain import Toolchain
from q35.spec_data import Check, Proofs

LIBRARY = "Open"
_LEDGER = "spec/goals.json"
_NAMESPACE = re.compile(r"^namespace (\S+)$", re.MULTILINE)
_GOAL = re.compile(
    r"(?:^/--(?P<why>(?:(?!-/).)*)-/\n)?^theorem (?P<name>\S+)(?P<rest>.*?)(?=^/--|^theorem|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class OpenGoal:
    """A goal: its full name, where it stands (`line` from 1), the sentence that says why it matters, its text."""

    name: str
    file: str
    line: int
    why: str
    text: str


def open_goals(project: Path) -> list[OpenGoal]:
    """All open goals of the project in the folder `project`, in the order of files and lines."""
    found = []
    for path in sorted((project / "proofs" / LIBRARY).glob("*.lean")):
        text = path.read_text(encoding="utf-8")
        namespace = "".join(f"{name}." for name in _NAMESPACE.findall(text))
        for match in _GOAL.finditer(text):
            line = text.count("\n", 0, match.start("name")) + 1
            why = " ".join((match["why"] or "").split())
            found.append(OpenGoal(namespace + match["name"], path.name, line, why, match["rest"]))
    return found


def stated(project: Path, toolchain: Toolchain, report: Report = silent) -> dict[str, str]:
    """The hash of what each open goal states, by its name. Raises `CheckFailed` if a file of goals does not build."""
    found = audit(project / "proofs", toolchain, report, [LIBRARY])
    return {item.name: item.statement_sha256 for item in found.theorems if item.module.startswith(f"{LIBRARY}.")}


def ledger(project: Path) -> dict[str, Any]:
    """The entries of `spec/goals.json` by the goal's name."""
    return dict(read_json(project / _LEDGER)["goals"])


def agree_on_goals(project: Path, statements: Mapping[str, str]) -> int:
    """Write what the open goals state now to the ledger, which keeps those that are closed; returns their number."""
    kept = {name: entry for name, entry in ledger(project).items() if entry["closed"]}
    opened = {name: {"statement_sha256": digest, "closed": None} for name, digest in statements.items()}
    write_whole(project / _LEDGER, canonical_json({"schema": "q35.goals/1", "goals": {**opened, **kept}}))
    return len(opened)


def check_open_goals(project: Path, proofs: Proofs, toolchain: Toolchain, report: Report = silent) -> Check:
    """Each goal elaborates, says why it matters, is open, is no theorem of the library, and is not built upon.

    It states what the ledger says, and so does each theorem of the library that was a goal.
    """
    goals = open_goals(project)
    findings = []
    for goal in goals:
        place = f"proofs/{LIBRARY}/{goal.file}:{goal.line}: {goal.name}"
        if not goal.why:
            findings.append(f"{place} does not say why it matters")
        if not goal.text.rstrip().endswith(":= by\n  sorry"):
            findings.append(f"{place} is not open: a proof belongs in the library")
        if goal.name in proofs.theorems:
            findings.append(f"{place} is proved in the library: delete it here")
    findings += [f"the library imports {module}" for module in sorted(proofs.modules) if module.startswith(LIBRARY)]
    reached = {module.name for module in load_package(project / "proofs").closure([LIBRARY])}
    for path in sorted((project / "proofs" / LIBRARY).glob("*.lean")):
        if f"{LIBRARY}.{path.stem}" not in reached:
            findings.append(f"{path.relative_to(project)} is not reached from proofs/{LIBRARY}.lean")
    entries = ledger(project)
    try:
        findings += _against_ledger(entries, stated(project, toolchain, report), proofs)
    except CheckFailed as error:
        findings.append(str(error))
    return Check("open goals", len(goals) + len(entries), findings)


def _against_ledger(entries: Mapping[str, Any], opened: Mapping[str, str], proofs: Proofs) -> list[str]:
    """What differs between the ledger, the goals that are open and the library's theorems."""
    findings = [
        f"{name} is open, and {_LEDGER} does not say so (`q35 spec agree`)" for name in opened if name not in entries
    ]
    for name, entry in entries.items():
        closed = entry["closed"]
        current = proofs.theorems.get(name) if closed else opened.get(name)
        if current is None:
            findings.append(f"{_LEDGER}: {name} is no {'theorem of the library' if closed else 'open goal'}")
        elif current != entry["statement_sha256"]:
            findings.append(f"{_LEDGER}: {name} does not state any more what it did when it was open")
        for lemma in closed["lemmas"] if closed else ():
            if not entries.get(lemma, {}).get("closed"):
                findings.append(f"{_LEDGER}: {name} was closed with {lemma}, which is no closed goal")
    return findings


def not_claimed(project: Path) -> list[str]:
    """What the evidence says of them: nothing is claimed."""
    names = [goal.name for goal in open_goals(project)]
    if not names:
        return []
    return [
        f"Nothing is claimed of the {len(names)} open goals in proofs/{LIBRARY}/, statements without a proof on which "
        f"nothing rests: {', '.join(names)}."
    ]
