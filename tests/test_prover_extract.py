"""The extraction of tactic steps: golden results for small files of our own, the split, and planted near-duplicates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from q35.cli import run
from q35.errors import InputError
from q35prover.extract.declarations import Theorem, theorems
from q35prover.extract.mathlib import extract, split_of
from q35prover.extract.near_duplicates import near_duplicates, shape
from q35prover.extract.tactics import inline_tactics, steps
from q35prover.train.data import read_header, read_steps


def one(source: str) -> Theorem:
    """The only theorem of a file."""
    (found,) = theorems(source)
    return found


def lines(proof: str) -> list[str]:
    """The steps of a proof, each with the length of its longest branch, indented by its depth."""
    tree = one(f"theorem t : p {proof}").steps
    return [f"{'  ' * step.depth}{step.remaining} {step.tactic}" for step in steps(tree)]


@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        (":= by omega", ["1 omega"]),
        (":= by intro x; simp at x; exact x", ["3 intro x", "2 simp at x", "1 exact x"]),
        (
            # Comments and strings hide nothing and are no tactics; a tactic may go on below.
            ":= by\n  -- by simp\n  rw [a, /- by /- nested -/ ; -/ b,\n    c] at h ⊢\n  exact f \"by ; -- x\" 'b' h'",
            ["2 rw [a, b, c] at h ⊢", "1 exact f \"by ; -- x\" 'b' h'"],
        ),
        (
            # Bullets are structure: what precedes in a closed branch is not on the path.
            ":= by\n  constructor\n  · intro h\n    cases h\n    · rfl\n    · simp\n  · omega",
            ["4 constructor", "  3 intro h", "  2 cases h", "    1 rfl", "    1 simp", "  1 omega"],
        ),
        (
            ":= by\n  have h : a < b := by\n    rw [c]\n    omega\n  exact h.le",
            ["3 have h : a < b := ?_", "  2 rw [c]", "  1 omega", "1 exact h.le"],
        ),
        (
            ":= by\n  induction n with\n  | zero => simp\n  | succ n ih =>\n    rw [ih]\n    rfl",
            ["3 induction n with | zero => ?_ | succ n ih => ?_", "  1 simp", "  2 rw [ih]", "  1 rfl"],
        ),
        (
            # On the line of `by` the alternatives stand left of the block.
            ":= by induction n with\n  | zero => rfl\n  | succ n => cases n with | zero => simp | succ n => omega",
            [
                "3 induction n with | zero => ?_ | succ n => ?_",
                "  1 rfl",
                "  2 cases n with | zero => ?_ | succ n => ?_",
                "    1 simp",
                "    1 omega",
            ],
        ),
        (
            ":= by\n  match x, h with\n  | 0, _ => simp\n  | n + 1, h => exact g |n| h",
            ["2 match x, h with | 0, _ => ?_ | n + 1, h => ?_", "  1 simp", "  1 exact g |n| h"],
        ),
        (
            ":= by\n  calc a ≤ b := by gcongr\n    _ = c := h\n    _ < d := by\n      apply k\n      simp",
            ["3 calc a ≤ b := ?_\n  _ = c := h\n  _ < d := ?_", "  1 gcongr", "  2 apply k", "  1 simp"],
        ),
        (
            ":= by\n  case inl x h => exact h\n  case inr => omega\n  next y => simp",
            ["  2 rename_i x h", "  1 exact h", "  1 omega", "  2 rename_i y", "  1 simp"],
        ),
        (
            ":= by\n  rcases h with a | b <;> simp [a, b (by omega)]\n  all_goals\n    intro\n    rfl\n"
            "  first\n  | omega\n  | simp",
            [
                "3 rcases h with a | b <;> simp [a, b (by omega)]",
                "2 all_goals\n  intro\n  rfl",
                "1 first\n  | omega\n  | simp",
            ],
        ),
        (
            ":= by\n  refine ⟨by simp, fun x ↦ ?_, by\n    omega⟩\n  show ∀ y, q y by simp",
            ["3 refine ⟨?_, fun x ↦ ?_, ?_⟩", "  1 simp", "  1 omega", "2 show ∀ y, q y from ?_", "  1 simp"],
        ),
        (":= by\n  exact f (by simp) <| by\n    omega", ["2 refine f ?_ <| ?_", "  1 simp", "  1 omega"]),
        (
            ":= by\n  if h : a then\n    simp\n  else\n    exact if b then c else d",
            ["2 if h : a then ?_ else ?_", "  1 simp", "  1 exact if b then c else d"],
        ),
        (
            ":= by\n  exact fun\n    | 0 => by simp\n    | n + 1 => by omega\n  done",
            ["2 refine fun | 0 => ?_ | n + 1 => ?_", "  1 simp", "  1 omega", "1 done"],
        ),
        (
            ":= by\n  conv_lhs =>\n    rw [a]\n    simp\n  open X in\n  rfl",
            ["2 conv_lhs =>\n  rw [a]\n  simp", "1 open X in rfl"],
        ),
        (":= ⟨fun h => by\n  simp at h\n  exact h, k⟩", ["3 refine ⟨fun h => ?_, k⟩", "  2 simp at h", "  1 exact h"]),
        ("\n| 0 => by simp\n| n + 1 => by\n  omega", ["2 refine fun | 0 => ?_ | n + 1 => ?_", "  1 simp", "  1 omega"]),
        (":= by\n  simp\ntermination_by n\ndecreasing_by omega", ["1 simp"]),
    ],
)
def test_steps_of_a_proof(proof: str, expected: list[str]) -> None:
    assert lines(proof) == expected


def test_what_precedes_a_step_is_its_own_branch() -> None:
    tree = one("theorem t : p := by\n  constructor\n  · intro h\n    simp\n  have k : q := by omega\n  exact k").steps
    assert [(step.tactic, step.before) for step in steps(tree)] == [
        ("constructor", ()),
        ("intro h", ("constructor",)),
        ("simp", ("constructor", "intro h")),
        ("have k : q := ?_", ("constructor",)),
        ("omega", ("constructor", "have k : q := ?_")),
        ("exact k", ("constructor", "have k : q := ?_")),
    ]


def test_tactics_within_a_step_are_counted_apart() -> None:
    tree = one("theorem t : p := by\n  simp [f (by rw [a]; omega)]\n  constructor <;> (intro x; simp)").steps
    assert len(list(steps(tree))) == 2
    assert inline_tactics(tree) == 2 + 2


@pytest.mark.parametrize("proof", [":= by\n  exact (a\n  simp", ":= by\n  simp <;>", ":= by"])
def test_what_is_not_understood_gives_no_steps(proof: str) -> None:
    found = one(f"theorem t : p {proof}")
    assert (found.proof, found.steps) == ("not understood", [])


FILE = """\
/-! A file. theorem comment : x -/
namespace A.B
section
variable {α : Type} [Add α] [Mul β] (a b : α) (h : b = b)
/-- documented -/ @[simp, inline
  ] protected theorem first (c : α) : a + c = c + a := by simp
variable (d : Nat) in
open Nat in
private lemma «odd name» {n : Nat} (k : d < n := by omega) : let m := d; m < n := k
end
theorem third.{u} (a : Type u) : |a| = a
  | 0 => rfl
end A.B
section X
theorem _root_.Fourth.x' : True where
instance : Inhabited Nat := ⟨by exact 0⟩
theorem noProof : True
@[to_additive (attr := simp)
  "text"]
lemma fifth (a : Nat) : ∃ b, b < a := ⟨_, by omega⟩
"""


def test_names_statements_and_kinds_of_proofs() -> None:
    assert [(found.name, found.statement, found.proof) for found in theorems(FILE)] == [
        ("A.B.first", "{α : Type} [Add α] (a : α) (c : α) : a + c = c + a", "tactics"),
        ("A.B.«odd name»", "(d : Nat) {n : Nat} (k : d < n := by omega) : let m := d; m < n", "term"),
        ("A.B.third", "(a : Type u) : |a| = a", "term"),
        ("Fourth.x'", ": True", "term"),
        ("fifth", "(a : Nat) : ∃ b, b < a", "term with tactics"),
    ]


def test_near_duplicates_are_found_whatever_their_variables_are_called() -> None:
    statement = "(a b : Nat) (h : a < b) (k : 0 < a) : a * 2 + b < 3 * b ∧ ∃ c, c * a < b"
    renamed = "(x y : ℕ) (i : x < y) (j : 0 < x) : x * 2 + y < 3 * y ∧ ∃ z, z * x < y"
    changed = "(x y : ℕ) (i : x < y) (j : 0 < x) : x * 2 + y < 4 * y ∧ ∃ z, z * x < y"
    bounded = "(x y : ℕ) (i : x < y) (j : 0 < x) : x * 2 + y < 3 * y ∧ ∃ z, z * x ≤ y"
    other = "(l : List Nat) (h : l ≠ []) : l.sum ≤ l.length * l.max"
    assert shape(statement) == shape(renamed)
    assert shape(changed) == shape(renamed)
    assert near_duplicates([shape(statement), shape(other)], [shape(bounded), shape(renamed)]) == [1, None]
    assert near_duplicates([shape(statement), shape(other)], [shape(other), shape(bounded)]) == [1, 0]


def checkout(folder: Path) -> Path:
    """A `Mathlib` of 400 files with a theorem each, every tenth of which says what the one before it says."""
    for number in range(400):
        distinct = number - number % 10 // 9
        words = " + ".join(f"c{distinct}_{i}" for i in range(12))
        path = folder / "Mathlib" / f"F{number}.lean"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"theorem t{number} (v{number} : Nat) : {words} = v{number} := by\n  intro h\n  omega\n")
    return folder


def test_no_statement_is_on_two_sides(tmp_path: Path) -> None:
    target = tmp_path / "steps.jsonl.gz"
    header = extract(checkout(tmp_path), target, jobs=2)
    sides: dict[int, set[str]] = {}
    for step in read_steps(target):
        number = int(step.theorem[1:])
        sides.setdefault(number - number % 10 // 9, set()).add(step.split)
        assert step.split == split_of(step.file)
    assert all(len(of) == 1 for of in sides.values())
    pairs = [{split_of(f"Mathlib/F{10 * i + last}.lean") for last in (8, 9)} for i in range(40)]
    crossing = [pair for pair in pairs if len(pair) == 2]
    left_out = header["provenance"]["near_duplicates"]["left_out"]
    assert crossing
    assert left_out == {
        "test": 0,
        "validation": crossing.count({"validation", "test"}),
        "train": sum("train" in pair for pair in crossing),
    }
    assert header["theorems"] == 400 - len(crossing)
    assert header["steps"] == 2 * header["theorems"]
    assert header["provenance"]["counts"]["theorems, proof: tactics"] == 400


def test_what_resembles_a_forbidden_statement_is_on_no_side(tmp_path: Path) -> None:
    words = " + ".join(f"c0_{i}" for i in range(12))
    target = tmp_path / "steps.jsonl"
    extract(checkout(tmp_path), target, jobs=1, forbidden=(f"(n : Nat) : {words} = n",))
    assert "t0" not in {step.theorem for step in read_steps(target)}


def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, resumed = tmp_path / "whole.jsonl.gz", tmp_path / "resumed.jsonl.gz"
    checkout(tmp_path)
    extract(tmp_path, whole, jobs=1)

    class EndedError(Exception):
        pass

    def end(what: str, done: float, total: float) -> None:
        if done:
            raise EndedError

    with pytest.raises(EndedError):
        extract(tmp_path, resumed, jobs=1, report=end)
    assert not resumed.exists()
    already_done: list[float] = []
    extract(tmp_path, resumed, jobs=1, report=lambda what, done, total: already_done.append(done))
    assert already_done[0] >= 128
    assert resumed.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "resumed.jsonl.gz.parts").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "steps.jsonl"
    arguments = ["prover", "extract", "--mathlib", str(checkout(tmp_path)), "--out", str(target), "--jobs", "1"]
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read_header(target)
    with pytest.raises(InputError, match="no Lean files"):
        extract(tmp_path / "nowhere", target)
