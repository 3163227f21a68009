"""The acceptance gate against proofs that cheat, and for proofs that do not: a row an attack, one Lean for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from q35.errors import InputError
from q35.lean import Server, ServerDied, find_toolchain
from q35prover.gate.forbidden import forbidden_word, reason
from q35prover.gate.judge import Gate
from q35prover.gate.submission import Submission
from q35prover.gate.verdict import judge_facts
from q35prover.interface import Problem

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
  let more := mkNatLit 3
  addDecl (.opaqueDecl
    { name := `more, levelParams := [], type := mkConst ``Nat, value := more, isUnsafe := false, all := [] })
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
    ("sorry in a lemma", PLAIN, "have : ∀ n : Nat, n = 0 := by intro n; finish\n  rw [this (twice a)]; simp", "sorry"),
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
    ("one in a lemma", FORBIDDING, "have : True → _ := fun _ => alias_le h\n  exact this ⟨⟩", "forbidden"),
    ("a lemma below", FORBIDDING, "rw [earlier, earlier]; exact Nat.mul_le_mul_left 2 h", "forbidden"),
    ("the library's theorem", LIBRARY, "Nat.add_comm a b", "forbidden"),
    ("the library's theorem by simp", LIBRARY, "by simp [Nat.add_comm]", "forbidden"),
    ("the library's theorem by rewriting", LIBRARY, "by rw [Nat.add_comm]", "forbidden"),
    ("the library's theorem behind a let", LIBRARY, "let f := @Nat.add_comm; f a b", "forbidden"),
    # What only the environment shows: code of the file itself, trusted to run, not to be right.
    ("right", META, "exact .inr rfl", None),
    ("an axiom planted by code", META, "exact False.elim plant_axiom", "axiom"),
    ("a falsehood planted behind the kernel", META, "exact False.elim skip_kernel", "kernel"),
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
    assert verdict.accepted == (rule is None)


def test_a_theorem_with_several_holes_is_judged_whole(gate: Gate) -> None:
    pieces = (
        "theorem two (a b : Nat) : a + b = b + a ∧ ∀ «ä» : Nat, «ä» = «ä» := by\n  constructor\n  · ",
        "\n  · ",
        "\n",
    )
    assert gate.judge_file(Submission("two", pieces, ("omega", "intro n\n    rfl"))).accepted
    verdict = gate.judge(
        Problem("two", f"{pieces[0]}omega{pieces[1]}", "\n"), "exact fun n => Eq.mp (propext (Iff.refl (n = n))) rfl"
    )
    assert verdict.accepted
    assert verdict.axioms == ("propext",)
    assert len(verdict.type_hash) == 64
    left = gate.judge(Problem("two", pieces[0], f"{pieces[1]}sorry\n"), "omega")
    assert [finding.rule for finding in left.findings] == ["sorry"]


def test_what_is_imported_from_the_package_is_followed_to_its_axioms() -> None:
    def rests(module: str, constant: str) -> frozenset[str]:
        return frozenset({"sorryAx", "propext"} if (module, constant) == ("Tiny", "open_goal") else ())

    row = {"name": "t", "user": "t", "kind": "theorem", "safe": True, "detail": False, "levels": [], "type": "True"}
    reached = {"name": "t", "kind": "theorem", "axioms": [], "same": [], "recheck": ""}
    facts = {"declared": [row], "errors": [], "commands": [], "intruder": False}
    submission = Submission.of(Problem("t", "theorem t : True := "), "open_goal")
    for module, rules in (("Tiny", ["sorry"]), ("Other", [])):
        after = facts | {"reached": [reached | {"uses": [["open_goal", module], ["True", "Init.Prelude"]]}]}
        verdict = judge_facts(submission, facts, after, rests, 0.0)
        assert [finding.rule for finding in verdict.findings] == rules


def test_a_problem_that_is_none_is_an_error(gate: Gate) -> None:
    with pytest.raises(InputError, match="has an error without any proof"):
        gate.judge(replace(PLAIN, before=f"theorem wrong : 1 = 2 := rfl\n{PLAIN.before}"), "omega")
    with pytest.raises(InputError, match="declares no missing"):
        gate.judge(replace(PLAIN, theorem="missing"), "omega")


def test_a_proof_that_never_ends_is_refused_in_time(gate: Gate) -> None:
    gate.seconds = 2.0
    verdict = gate.judge(PLAIN, "set_option maxHeartbeats 0 in repeat' (refine id ?_)")
    assert [finding.rule for finding in verdict.findings] == ["seconds"]


def test_a_proof_that_ends_the_process_or_speaks_for_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(find_toolchain(PROOFS))
    row = {"name": "t", "user": "t", "kind": "theorem", "safe": True, "detail": False, "levels": [], "type": "True"}

    def answer(server: Server, method: str, timeout: float | None, **request: Any) -> dict[str, Any]:
        if "die" in request["source"]:
            raise ServerDied("the Lean process ended")
        secret = "guessed" if "guess" in request["source"] else request["secret"]
        return {"secret": secret, "errors": [], "declared": [row], "commands": [], "reached": [], "intruder": False}

    monkeypatch.setattr(Server, "request", answer)
    for proof in ("die", "guess"):
        (finding,) = gate.judge(Problem("t", "theorem t : True := by "), proof).findings
        assert finding.rule == "crash"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("(sorry)", "sorry"),
        ("λsorry", "sorry"),
        ("0xfsorry", "sorry"),
        ("rw [<--sorry]", "--sorry]"),
        ("x //-sorry -/", "/-"),
        ("'\"' sorry '\"'", "sorry"),
        ('r"a" sorry', "sorry"),
        ('trace s!"{sorry}"', "sorry"),
        ("/- /- -/ sorry -/ sorry", "sorry"),
        ("exact Lean.«ofReduceBool» x", "ofReduceBool"),
        ("set_option debug.skipKernelTC true in rfl", "set_option debug.skipKernelTC"),
        ("set_option maxRecDepth 1000 in decide +kernel", None),
        ("@ [simp]", "@ ["),
        ("omega -/", "-/"),
        ("native_/- -/decide_x", None),
        ('trace "sorry"; trace r"sorry"', None),
        ("nosorry; exact IOx; rw [Range.stop, a.end_x, ← h', -foo]", None),
        ("exact (5#w + 0xff#8 + (a)#8).toNat", None),
        ("open Lean in simp only [x - -y] -- sorry", None),
    ],
)
def test_reads_words_as_lean_does_or_more_strictly(text: str, word: str | None) -> None:
    assert forbidden_word(text) == word
    assert word is None or reason(word)
