"""The open goals in `proofs/Open/`: statements that we hold for true and have no proof of. Nothing rests on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from q35.lean.package import load_package
from q35.lean.progress import Report, silent
from q35.lean.toolchain import Toolchain
from q35.spec_data import Check, Proofs

LIBRARY = "Open"
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


def check_open_goals(project: Path, proofs: Proofs, toolchain: Toolchain, report: Report = silent) -> Check:
    """Each goal elaborates, says why it matters, is open, is no theorem of the library, and is not built upon."""
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
    findings += toolchain.build_package(project / "proofs", [LIBRARY], report).errors(project)
    return Check("open goals", len(goals), findings)


def not_claimed(project: Path) -> list[str]:
    """What the evidence says of them: nothing is claimed."""
    names = [goal.name for goal in open_goals(project)]
    if not names:
        return []
    return [
        f"Nothing is claimed of the {len(names)} open goals in proofs/{LIBRARY}/, statements without a proof on which "
        f"nothing rests: {', '.join(names)}."
    ]
