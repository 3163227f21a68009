"""`q35 prove`: the sorries of a file are found, searched for, judged, written back; on toys, without Lean."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import pytest
from prover_toy import Numbers, ToyPolicy

from q35.cli import run
from q35.errors import InputError
from q35.files import read_json
from q35.project import find_project
from q35prover.gate.submission import Submission
from q35prover.gate.verdict import Finding, Verdict
from q35prover.interface import Problem, TacticState
from q35prover.prove import METHODS, Means, document, find_package, prove
from q35prover.search.budget import Budget
from q35prover.sorries import find_sorries

FILE = """\
-- sorry in a comment /- sorry
namespace A.B
section
/-- A sorry tale. /- sorry -/ sorry -/
theorem first : "sorry" = "sorry" := by
  have sorry_not := 1; sorry
end
end A.B
mutual
theorem two : 1 = 1 ∧ 2 = 2 := by
  constructor
  · sorry
  · exact sorry
end
private theorem _root_.C.three : True :=
  sorry
instance : Inhabited Nat := ⟨sorry⟩
"""


def test_finds_sorries_that_are_code_with_their_theorems() -> None:
    found = find_sorries(FILE)
    assert [(item.theorem, item.line, item.is_term, item.in_row) for item in found] == [
        ("A.B.first", 6, False, True),
        ("two", 12, False, False),
        ("two", 13, True, False),
        ("C.three", 16, True, False),
        ("", 17, True, False),
    ]
    assert all(FILE[item.start : item.end] == "sorry" for item in found)


class Anywhere(Numbers):
    """The same number at the `sorry` of every problem."""

    def root(self, problem: Problem) -> TacticState:
        return self._state(self._root, ())


@dataclass
class ToyJudge:
    """Refuses the theorems that it is told to; remembers what it was asked."""

    refused: frozenset[str] = frozenset()
    asked: list[Submission] = field(default_factory=list)

    def judge_file(self, submission: Submission) -> Verdict:
        self.asked.append(submission)
        return Verdict((Finding("sorry", "a proof is missing"),) if submission.theorem in self.refused else ())


def means(number: int, steps: int = 200) -> Means:
    policy = ToyPolicy({"zero": -1.0, "half": -1.5, "less": -2.0})
    return Means(Anywhere(number), policy, METHODS["best-first"], Budget(steps=steps))


def test_proofs_are_written_where_the_sorries_were() -> None:
    judge = ToyJudge()
    text, results = prove(FILE.replace("instance", "theorem four"), means(2), judge)
    assert [item.closed for item in results] == [True] * 4
    # Tactics in a row are one block; a term gets a block of its own, deeper than the line that it is on.
    assert "have sorry_not := 1; (half\n                        less\n                        zero)\n" in text
    assert "  · half\n    less\n    zero\n  · exact by\n      half\n      less\n      zero\n" in text
    assert "private theorem _root_.C.three : True :=\n  by\n    half\n    less\n    zero\n" in text
    assert not find_sorries(text)
    # Each was judged on the file as it was accepted before, and `two` with both of its proofs at once.
    assert [(item.theorem, len(item.proofs)) for item in judge.asked] == [
        ("A.B.first", 1),
        ("two", 2),
        ("C.three", 1),
        ("four", 1),
    ]
    assert judge.asked[-1].text == text


def test_a_term_of_one_tactic_stays_on_its_line() -> None:
    text, _ = prove("theorem a : True := sorry\n", means(0), ToyJudge())
    assert text == "theorem a : True := by zero\n"


def test_what_the_gate_refuses_is_not_written() -> None:
    text, (result,) = prove(FILE, means(1), ToyJudge(frozenset({"two"})), theorem="two")
    assert text == FILE
    assert not result.closed
    assert "refused\nsorry: a proof is missing" in result.shown("F.lean")


def test_stuck_states_are_told() -> None:
    judge = ToyJudge()
    text, (result,) = prove(FILE, means(1000, steps=5), judge, theorem="B.first")
    assert (text, judge.asked) == (FILE, [])
    assert result.steps == 5
    assert result.as_json()["stuck"]
    assert "A.B.first: 5 tactics run" in result.shown("F.lean")
    assert "⊢ " in result.shown("F.lean")


def test_every_kind_of_result_is_valid_json_of_its_schema() -> None:
    proved, refused, stuck = means(1), means(1), means(1000, steps=5)
    results = [
        *prove(FILE, proved, ToyJudge(), theorem="first")[1],
        *prove(FILE, refused, ToyJudge(frozenset({"two"})), theorem="two")[1],
        *prove(FILE, stuck, ToyJudge(), theorem="three")[1],
    ]
    assert [(item.closed, item.verdict is None) for item in results] == [(True, False), (False, False), (False, True)]
    schema = read_json(find_project() / "spec" / "schemas" / "prove.schema.json")
    jsonschema.Draft202012Validator(schema).validate(document("F.lean", results))


@pytest.mark.parametrize(
    ("text", "theorem", "said"),
    [
        ("theorem a : True := trivial -- sorry\n", None, "there is no sorry"),
        (FILE, "missing", "no sorry in a theorem missing"),
        (FILE, None, "a declaration without a name"),
    ],
)
def test_a_file_without_anything_to_prove_is_an_error(text: str, theorem: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        prove(text, means(1), ToyJudge(), theorem=theorem)


def test_the_package_is_the_nearest_one(tmp_path: Path) -> None:
    inner = tmp_path / "inner" / "Lib"
    inner.mkdir(parents=True)
    (tmp_path / "inner" / "lakefile.toml").write_text('name = "inner"\n')
    assert find_package(inner / "A.lean") == tmp_path / "inner"


def test_the_command_refuses_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prove", str(tmp_path / "missing.lean")]) == 1
    assert "cannot read" in capsys.readouterr().err
    assert run(["prove", str(tmp_path / "missing.lean"), "--method", "magic"]) == 1
    assert "one of mcts, best-first" in capsys.readouterr().err
