"""The ledger of open goals: what is in it, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from q35 import open_goals as module
from q35.errors import CheckFailed
from q35.open_goals import agree_on_goals, check_open_goals, ledger, not_claimed, open_goals

PROJECT = Path(__file__).resolve().parent.parent
GOOD = "/-- Why\nit matters. -/\ntheorem good {n : Nat}\n    (h : n = 1) : n = n := by\n  sorry\n"
LEAN: Any = None
"""What is handed on to `stated`, which these tests replace."""
BY_HAND = {"by": "hand", "lemmas": []}


def proofs(theorems: Mapping[str, str] = {}, modules: set[str] = frozenset()) -> Any:
    return SimpleNamespace(theorems=theorems, modules=modules)


def entry(digest: str, closed: Any = None) -> dict[str, Any]:
    return {"statement_sha256": digest, "closed": closed}


def write(folder: Path, body: str, entries: Mapping[str, Any]) -> Path:
    package = folder / "proofs"
    (package / "Open").mkdir(parents=True)
    (package / "lakefile.toml").write_text('name = "tiny"\n[[lean_lib]]\nname = "Open"\n')
    (package / "Open.lean").write_text("module\npublic import Open.A\n")
    (package / "Open/A.lean").write_text(f"module\n\nnamespace Q35.Sub\n\n/-! Some. -/\n\n{body}")
    (folder / "spec").mkdir()
    (folder / "spec/goals.json").write_text(json.dumps({"schema": "q35.goals/1", "goals": entries}))
    return folder


def lean_says(monkeypatch: pytest.MonkeyPatch, **opened: str) -> None:
    """What the open goals state, by their names in `Q35.Sub`."""
    statements = {f"Q35.Sub.{name}": digest for name, digest in opened.items()}
    monkeypatch.setattr(module, "stated", lambda *_: statements)


def test_the_evidence_names_every_open_goal_as_not_claimed() -> None:
    goals = open_goals(PROJECT)
    (line,) = not_claimed(PROJECT)
    assert all(goal.name in line for goal in goals)
    assert f"the {len(goals)} open goals" in line


def test_a_goal_has_a_full_name_a_place_and_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write(tmp_path, GOOD, {"Q35.Sub.good": entry("a")})
    (goal,) = open_goals(project)
    assert (goal.name, goal.file, goal.line, goal.why) == ("Q35.Sub.good", "A.lean", 9, "Why it matters.")
    lean_says(monkeypatch, good="a")
    check = check_open_goals(project, proofs({"Q35.other": "a"}, {"Q35.Sub"}), LEAN)
    assert (check.examined, check.findings) == (2, [])


def test_what_is_no_open_goal_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = GOOD + "\ntheorem silent : 1 = 1 := by\n  sorry\n\n/-- Done. -/\ntheorem closed : 1 = 1 := by\n  rfl\n"
    names = ("good", "silent", "closed")
    project = write(tmp_path, body, {f"Q35.Sub.{name}": entry("a") for name in names})
    (project / "proofs/Open/Stray.lean").write_text("module\n")
    lean_says(monkeypatch, **dict.fromkeys(names, "a"))
    check = check_open_goals(project, proofs({"Q35.Sub.good": "a"}, {"Q35", "Open.A"}), LEAN)
    assert [finding.partition(": ")[2] or finding for finding in check.findings] == [
        "Q35.Sub.good is proved in the library: delete it here",
        "Q35.Sub.silent does not say why it matters",
        "Q35.Sub.closed is not open: a proof belongs in the library",
        "the library imports Open.A",
        "proofs/Open/Stray.lean is not reached from proofs/Open.lean",
    ]


def test_a_file_of_goals_that_does_not_build_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stated(*_: object) -> dict[str, str]:
        raise CheckFailed("Open/A.lean:9: no such thing")

    monkeypatch.setattr(module, "stated", stated)
    check = check_open_goals(write(tmp_path, GOOD, {}), proofs(), LEAN)
    assert check.findings == ["Open/A.lean:9: no such thing"]


def test_what_differs_from_the_ledger_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_lemmas = {"by": "hand", "lemmas": ["Q35.Sub.done", "Q35.Sub.good"]}
    entries = {
        "Q35.Sub.good": entry("a"),
        "Q35.Sub.lost": entry("a"),
        "Q35.Sub.done": entry("d", BY_HAND),
        "Q35.Sub.other": entry("a", BY_HAND),
        "Q35.Sub.nowhere": entry("a", BY_HAND),
        "Q35.Sub.split": entry("s", by_lemmas),
    }
    project = write(tmp_path, GOOD, entries)
    lean_says(monkeypatch, good="b", new="a")
    proved = {"Q35.Sub.done": "d", "Q35.Sub.other": "b", "Q35.Sub.split": "s"}
    assert check_open_goals(project, proofs(proved), LEAN).findings == [
        "Q35.Sub.new is open, and spec/goals.json does not say so (`q35 spec agree`)",
        "spec/goals.json: Q35.Sub.good does not state any more what it did when it was open",
        "spec/goals.json: Q35.Sub.lost is no open goal",
        "spec/goals.json: Q35.Sub.other does not state any more what it did when it was open",
        "spec/goals.json: Q35.Sub.nowhere is no theorem of the library",
        "spec/goals.json: Q35.Sub.split was closed with Q35.Sub.good, which is no closed goal",
    ]


def test_to_agree_keeps_what_was_closed(tmp_path: Path) -> None:
    entries = {"Q35.gone": entry("a"), "Q35.same": entry("a"), "Q35.done": entry("d", BY_HAND)}
    project = write(tmp_path, GOOD, entries)
    assert agree_on_goals(project, {"Q35.same": "b", "Q35.new": "c", "Q35.done": "e"}) == 3
    assert ledger(project) == {"Q35.same": entry("b"), "Q35.new": entry("c"), "Q35.done": entry("d", BY_HAND)}


def test_the_prover_has_closed_goals_within_a_minute_each() -> None:
    closed = [entry["closed"] for entry in ledger(PROJECT).values() if entry["closed"]]
    found = [item for item in closed if item["by"] == "prover" and not item["lemmas"]]
    assert len(found) >= 8
    assert all(item["seconds"] <= 60 for item in found)


def test_when_all_are_proved_nothing_is_said(tmp_path: Path) -> None:
    assert not_claimed(tmp_path) == []
