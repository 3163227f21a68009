"""The ledger of open goals: what is in it, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from q35.lean.build import BuildResult
from q35.open_goals import check_open_goals, not_claimed, open_goals

PROJECT = Path(__file__).resolve().parent.parent
GOOD = "/-- Why\nit matters. -/\ntheorem good {n : Nat}\n    (h : n = 1) : n = n := by\n  sorry\n"
BUILDS: Any = SimpleNamespace(build_package=lambda *_: BuildResult())


def proofs(theorems: set[str], modules: set[str]) -> Any:
    return SimpleNamespace(theorems=theorems, modules=modules)


def write(folder: Path, body: str) -> Path:
    package = folder / "proofs"
    (package / "Open").mkdir(parents=True)
    (package / "lakefile.toml").write_text('name = "tiny"\n[[lean_lib]]\nname = "Open"\n')
    (package / "Open.lean").write_text("module\npublic import Open.A\n")
    (package / "Open/A.lean").write_text(f"module\n\nnamespace Q35.Sub\n\n/-! Some. -/\n\n{body}")
    return folder


def test_the_evidence_names_every_open_goal_as_not_claimed() -> None:
    goals = open_goals(PROJECT)
    (line,) = not_claimed(PROJECT)
    assert all(goal.name in line for goal in goals)
    assert f"the {len(goals)} open goals" in line


def test_a_goal_has_a_full_name_a_place_and_a_reason(tmp_path: Path) -> None:
    project = write(tmp_path, GOOD)
    (goal,) = open_goals(project)
    assert (goal.name, goal.file, goal.line, goal.why) == ("Q35.Sub.good", "A.lean", 9, "Why it matters.")
    check = check_open_goals(project, proofs({"Q35.other"}, {"Q35.Sub"}), BUILDS)
    assert (check.examined, check.findings) == (1, [])


def test_what_is_no_open_goal_is_found(tmp_path: Path) -> None:
    body = GOOD + "\ntheorem silent : 1 = 1 := by\n  sorry\n\n/-- Done. -/\ntheorem closed : 1 = 1 := by\n  rfl\n"
    project = write(tmp_path, body)
    (project / "proofs/Open/Stray.lean").write_text("module\n")
    check = check_open_goals(project, proofs({"Q35.Sub.good"}, {"Q35", "Open.A"}), BUILDS)
    assert [finding.partition(": ")[2] or finding for finding in check.findings] == [
        "Q35.Sub.good is proved in the library: delete it here",
        "Q35.Sub.silent does not say why it matters",
        "Q35.Sub.closed is not open: a proof belongs in the library",
        "the library imports Open.A",
        "proofs/Open/Stray.lean is not reached from proofs/Open.lean",
    ]


def test_when_all_are_proved_nothing_is_said(tmp_path: Path) -> None:
    assert not_claimed(tmp_path) == []
