"""The acceptance gate against proofs that cheat, and for proofs that do not: a row an attack, one Lean for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from q35prover.gate.forbidden import forbidden_word, reason
from q35prover.gate.judge import Gate
from q35prover.gate.submission import Submission
from q35prover.interface import Problem

from q35.errors import InputError
from q35.lean import ServerDied, find_toolchain

PROOFS = Path(__file__).resolve().parents[1] / "proofs"

PLAIN = Problem(
    theorem="Demo.target",
    before="""\
namespace Demo
def twice (n : Nat) : Nat := n + n
theorem earlier (n : Nat) : twice n = 2 * n := by unfold twice; omega
macro "finish" : tactic => `(tactic| sorry)
macro "unfinished" : term => `(sorry)
axiom planted : ∀ n : Nat, n = 0
theorem alias_le {a b : Nat} (h : a ≤ b) : twice a ≤ twice b := by unfold twice; omega
@[simp] theorem simp_alias {a b : Nat} (h : a ≤ b) : twice a ≤ twice b := alias_le h
theorem target {a b : Nat} (h : a ≤ b) : twice a ≤ twice b := by
  """,
    after="""
/-- A number doubled is not negative. -/
theorem later (n : Nat) : 0 ≤ twice n := Nat.zero_le _
end Demo
""",
)
FORBIDDING = replace(PLAIN, forbidden=frozenset({"Demo.alias_le", "Nat.mul_le_mul_left"}))
TERM = Problem("sum", "theorem sum (a b : Nat) : a + b = b + a := ", "\ntheorem next : sum = sum := rfl\n")
LIBRARY = replace(TERM, forbidden=frozenset({"Nat.add_comm"}))
META = Problem(
    "target",
    """\
import Lean
open Lean Elab Term
elab "plant_axiom" : term => do
  addDecl (.axiomDecl { name := `wrong, levelParams := [], type := mkConst ``False, isUnsafe := false })
  return mkConst `wrong
elab "skip_kernel" : term => do
  let bad : TheoremVal := { name := `wrong, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro }
  withOptions (fun o => o.setBool `debug.skipKernelTC true) (addDecl (.thmDecl bad))
  return mkConst `wrong
elab "add_opaque" : term => do
  addDecl (.opaqueDecl { name := `more, levelParams := [], type := mkConst ``Nat, value := mkNatLit 3, isUnsafe := false, all := [] })
  return mkConst `more
theorem target : 1 = 2 ∨ 1 = 1 := by
  """,
    "\n",
)

ROWS = [
    # Proofs that are right.
    ("tactics", PLAIN, "unfold twice; omega", None),
    ("several lines", PLAIN, "have h2 := Nat.add_le_add h h\n  exact h2", None),
    ("comments that name what is forbidden", PLAIN, "-- sorry\n  unfold twice /- native_decide -/; omega", None),
    ("a case at a time", PLAIN, "cases Nat.lt_or_ge a b\n  · unfold twice; omega\n  · unfold twice; omega", None),
    ("a local recursion", PLAIN, "let rec go (n : Nat) : 0 + n = n := by omega\n  unfold twice; omega", None),
    ("kernel computation", PLAIN, "have : 2 ^ 10 = 1024 := by decide +kernel\n  unfold twice; omega", None),
    ("an option for one tactic", PLAIN, "set_option maxRecDepth 2000 in unfold twice; omega", None),
    ("a namespace for one tactic", PLAIN, "open Nat in exact alias_le h", None),
    ("a name with a forbidden word in it", PLAIN, "have sorry_not := h\n  unfold twice; omega", None),
    ("a letter that looks like another", PLAIN, "have а := h\n  unfold twice; omega", "error"),
    ("an answer printed by the proof", PLAIN, 'dbg_trace "\\nq35 {}"; unfold twice; omega', None),
    ("classical axioms", PLAIN, "exact Classical.byContradiction fun n => n (alias_le h)", None),
    ("a term", TERM, "Nat.add_comm a b", None),
    ("no use of what is forbidden", FORBIDDING, "unfold twice; omega", None),
    ("another way to the library's theorem", LIBRARY, "by omega", None),
    # The goal is left open.
    ("sorry", PLAIN, "sorry", "word"),
    ("sorry as a term", PLAIN, "exact (sorry)", "word"),
    ("sorry's axiom", PLAIN, "exact sorryAx _ true", "word"),
    ("sorry's axiom in marks", PLAIN, "exact «sorryAx» _ true", "word"),
    ("admit", PLAIN, "admit", "word"),
    ("stop", PLAIN, "stop", "word"),
    ("sorry behind a tactic of the file", PLAIN, "finish", "sorry"),
    ("sorry behind a term of the file", PLAIN, "exact unfinished", "sorry"),
    ("sorry in an auxiliary lemma", PLAIN, "have all : ∀ n : Nat, n = 0 := by intro n; finish\n  rw [all (twice a)]; exact Nat.zero_le _", "sorry"),
    ("sorry that the error recovery leaves", PLAIN, "(intros; omega)", "error"),
    ("a goal is left", PLAIN, "unfold twice", "error"),
    ("no proof at all", PLAIN, "", "error"),
    ("a statement in comments only", PLAIN, "-- unfold twice; omega", "error"),
    # Axioms and the compiler.
    ("an axiom of the file", PLAIN, "rw [planted a, planted b]; exact Nat.le_refl _", "axiom"),
    ("an axiom of its own", PLAIN, "exact wrong h\naxiom wrong {a b : Nat} (h : a ≤ b) : twice a ≤ twice b", "word"),
    ("native_decide", PLAIN, "have : 2 = 2 := by native_decide\n  unfold twice; omega", "word"),
    ("native decide by option", PLAIN, "have : 2 = 2 := by decide +native\n  unfold twice; omega", "word"),
    ("native decide by configuration", PLAIN, "decide (config := { native := true })", "word"),
    ("the compiler's axiom", PLAIN, "exact Lean.ofReduceBool _ _ rfl", "word"),
    ("bv_decide", PLAIN, "bv_decide", "word"),
    # Code.
    ("run_tac", PLAIN, "run_tac Lean.Elab.Tactic.closeUsingOrAdmit", "word"),
    ("by_elab", PLAIN, "exact by_elab return Lean.mkConst `True", "word"),
    ("#eval", PLAIN, 'unfold twice; omega\n#eval IO.FS.writeFile "/tmp/x" ""', "word"),
    ("#eval without a gap", PLAIN, "unfold twice; omega#eval 1", "word"),
    ("a tactic of its own", PLAIN, 'finish2\nmacro "finish2" : tactic => `(tactic| skip)', "word"),
    ("unsafe", PLAIN, "exact unsafe unsafeCast h", "word"),
    ("implemented_by", PLAIN, "let rec @[implemented_by id] go (n : Nat) : Nat := n\n  unfold twice; omega", "word"),
    ("csimp", PLAIN, "omega\n@[csimp] theorem x : twice = twice := rfl", "word"),
    ("a file's contents", PLAIN, 'have := include_str "/etc/passwd"\n  unfold twice; omega', "word"),
    # The world around the proof.
    ("the kernel switched off", PLAIN, "set_option debug.skipKernelTC true in omega", "word"),
    ("an option for the file", PLAIN, "unfold twice; omega\nset_option maxRecDepth 99", "command"),
    ("a namespace for the file", PLAIN, "unfold twice; omega\nopen Nat", "command"),
    ("a declaration made opaque", PLAIN, "unfold twice; omega\nseal twice", "command"),
    ("the namespace ended", PLAIN, "unfold twice; omega\nend Demo\nnamespace Demo", "word"),
    ("an instance", PLAIN, "unfold twice; omega\ninstance : LE Nat := ⟨fun _ _ => True⟩", "word"),
    ("a notation", PLAIN, 'unfold twice; omega\nlocal notation "x" => 0', "word"),
    ("another theorem", PLAIN, "unfold twice; omega\ntheorem later2 : True := trivial", "word"),
    ("an attribute", PLAIN, "unfold twice; omega\nattribute [simp] earlier", "word"),
    ("the rest in a comment", PLAIN, "unfold twice; omega /-", "word"),
    ("a comment that ends later", PLAIN, "unfold twice; omega\n/-- -/ -/", "word"),
    ("the rest in a string", PLAIN, 'unfold twice; omega; trace "', "word"),
    ("the rest in a name", PLAIN, "unfold twice; omega; exact «", "word"),
    ("a parenthesis too many", PLAIN, "unfold twice; omega)", "error"),
    ("a parenthesis too few", PLAIN, "(unfold twice; omega", "error"),
    ("the statement of the next theorem", TERM, "Nat.add_comm a b\ndef next := 0", "word"),
    ("itself", PLAIN, "exact target h", "error"),
    ("itself, with an invented measure", PLAIN, "exact target h\ntermination_by 0", "error"),
    ("itself, under its full name", PLAIN, "exact Demo.target h", "error"),
    # What the problem forbids.
    ("a theorem that is forbidden", FORBIDDING, "exact alias_le h", "forbidden"),
    ("its like", FORBIDDING, "exact simp_alias h", "forbidden"),
    ("its like by simp", FORBIDDING, "simp [h]", "forbidden"),
    ("one in an auxiliary lemma", FORBIDDING, "have all : ∀ n : Nat, n = n ∧ twice a ≤ twice b := fun _ => ⟨rfl, alias_le h⟩\n  exact (all 0).2", "forbidden"),
    ("a lemma below", FORBIDDING, "rw [earlier, earlier]; exact Nat.mul_le_mul_left 2 h", "forbidden"),
    ("the library's theorem", LIBRARY, "Nat.add_comm a b", "forbidden"),
    ("the library's theorem by simp", LIBRARY, "by simp [Nat.add_comm]", "forbidden"),
    ("the library's theorem by rewriting", LIBRARY, "by rw [Nat.add_comm]", "forbidden"),
    ("the library's theorem behind a let", LIBRARY, "let f := @Nat.add_comm; f a b", "forbidden"),
    # What only the environment shows: code of the file itself, trusted to run, not to be right.
    ("right", META, "exact .inr rfl", None),
    ("an axiom planted by code", META, "exact plant_axiom.elim", "axiom"),
    ("a falsehood planted behind the kernel", META, "exact skip_kernel.elim", "kernel"),
    ("more than a proof", META, "exact have := add_opaque; .inr rfl", "declarations"),
]  # fmt: skip


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    with Gate(find_toolchain(PROOFS)) as started:
        yield started


@pytest.mark.parametrize(("problem", "proof", "rule"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_accepts_proofs_and_refuses_what_is_none(gate: Gate, problem: Problem, proof: str, rule: str | None) -> None:
    verdict = gate.judge(problem, proof)
    assert ({finding.rule for finding in verdict.findings} or {None}) >= {rule}, verdict
    assert verdict.accepted == (rule is None), verdict
