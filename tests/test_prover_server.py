"""The proof-state server with a real Lean: what a tactic does to a state, and what a REPL's client is answered.

One process serves all, but for the last tests, which end it. What the pool does about deaths is tested with a stand-in.
"""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from q35.errors import InputError
from q35.lean import find_toolchain
from q35prover.interface import Opened, Outcome, Problem, Refused, TacticState
from q35prover.server import Limits, Pool
from q35prover.server.__main__ import serve
from q35prover.server.speed import GOALS, TACTICS, measure

PROOFS = Path(__file__).resolve().parents[1] / "proofs"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(find_toolchain(PROOFS), limits=Limits(heartbeats=2000, seconds=60)) as started:
        yield started


def theorem(statement: str, header: str = "", **more: Any) -> Problem:
    return Problem("it", f"{header}theorem it {statement} := by\n  ", "\n", **more)


def tried(pool: Pool, state: TacticState, tactic: str) -> Outcome:
    (outcome,) = pool.submit(state, [tactic]).result()
    return outcome


def after(pool: Pool, state: TacticState, tactic: str) -> list[TacticState]:
    """The states that a tactic leaves."""
    outcome = tried(pool, state, tactic)
    assert isinstance(outcome, Opened), outcome
    return list(outcome.states)


def reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, Refused) else type(outcome).__name__


def targets(states: list[TacticState]) -> list[list[str]]:
    return [[goal.text.rpartition("⊢ ")[2] for goal in state.goals] for state in states]


LESS = "(a b c : Nat) (hab : a < b) (hbc : b < c) : a < c"


@pytest.mark.parametrize(
    ("statement", "tactic", "wanted"),
    [
        (LESS, "omega", "Closed"),
        (LESS, "exact Nat.lt_trans hab hbc", "Closed"),
        (LESS, "have h := hab\nomega", "Closed"),
        (LESS, "exact (by omega)", "Closed"),
        (LESS, "no_such_tactic", "parse"),
        (LESS, "exact (hab", "parse"),
        (LESS, "exact hab", "error"),
        (LESS, "native_decide", "error"),
        (LESS, "exact it a b c hab hbc", "error"),  # the theorem itself
        (LESS, "repeat (first | skip)", "error"),
        # Error recovery: a failure inside is logged and its goal closed by `sorry`.
        ("(x y : BitVec 8) : x + y = x", "(intros; bv_omega)", "error"),
        ("(p q : Prop) (hp : p) : p ∧ q", "exact ⟨hp, by simp; done⟩", "error"),
        ("(p q : Prop) (hp : p) : p ∧ q", "constructor <;> (first | exact hp | exact (by omega : q))", "error"),
        ("(p : Nat → Prop) (h : p 3) : ∃ n, p n", "exact ⟨_, h⟩", "Closed"),
        ("(p : Nat → Prop) (h : ∀ n, p n) : ∃ n, p n", "exact ⟨_, h _⟩", "error"),
        ("(p q : Prop) (hp : p) (hq : q) : p ∧ q", "all_goals constructor <;> assumption", "Closed"),
        ("(p q : Prop) (hp : p) (hq : q) : p ∧ q", "constructor; rotate_left\nexact hq\nexact hp", "Closed"),
        ("(x : Nat) : x * x + x = x * (x + 1)", "simp [Nat.mul_add]", "Closed"),
    ],
)  # fmt: skip
def test_a_tactic_closes_the_state_or_is_refused(pool: Pool, statement: str, tactic: str, wanted: str) -> None:
    assert reason(tried(pool, pool.root(theorem(statement)), tactic)) == wanted


def test_implicit_arguments_stay_in_the_goal_and_a_term_has_them_introduced(pool: Pool) -> None:
    """As for the tactic that will stand there: `constructor` does not see through the binder, `intro` does."""
    statement = "∀ {a b : Nat}, a = b ↔ b = a"
    root = pool.root(Problem("it", f"theorem it : {statement} := by\n  "))
    assert targets([root]) == [[statement]]
    assert reason(tried(pool, root, "constructor <;> intro h <;> exact h.symm")) == "error"
    assert reason(tried(pool, root, "intro a b; constructor <;> intro h <;> exact h.symm")) == "Closed"
    term = pool.root(Problem("it", f"theorem it : {statement} := "))
    assert targets([term]) == [["a✝ = b✝ ↔ b✝ = a✝"]]


def test_a_batch_may_end_with_the_first_that_closes_the_state(pool: Pool) -> None:
    root = pool.root(theorem(LESS))
    tactics = ["skip", "native_decide", "omega", "grind", "native_decide", "skip"]
    outcomes = pool.submit(root, tactics, until_closed=True).result()
    assert [reason(outcome) for outcome in outcomes] == ["Opened", "error", "Closed"]
    assert len(pool.submit(root, tactics).result()) == len(tactics)


def test_independent_goals_are_states_and_a_step_runs_on_its_own_state(pool: Pool) -> None:
    root = pool.root(theorem("(p q r : Prop) (hp : p) (hq : q) (hr : r) : p ∧ q ∧ r"))
    left, right = after(pool, root, "constructor")
    assert targets([left, right]) == [["p"], ["q ∧ r"]]
    assert reason(tried(pool, left, "exact hp")) == "Closed"
    second, third = after(pool, right, "refine ⟨?_, ?_⟩")
    assert targets([second, third]) == [["q"], ["r"]]
    assert reason(tried(pool, third, "exact hr")) == "Closed"
    assert reason(tried(pool, third, "exact ⟨hp, hq, hr⟩")) == "error", "that would close the root"
    assert targets(after(pool, root, "constructor; rotate_left")) == [["q ∧ r"], ["p"]]
    assert targets(after(pool, root, "constructor; exact hp")) == [["q ∧ r"]]


def test_goals_that_share_a_metavariable_stay_together(pool: Pool) -> None:
    (together,) = after(pool, pool.root(theorem(LESS)), "apply Nat.lt_trans")
    assert targets([together]) == [["a < ?m", "?m < c", "Nat"]]
    (rest,) = after(pool, together, "exact hab")
    assert targets([rest]) == [["b < c"]], "the first goal decided what stands in the second"
    assert reason(tried(pool, rest, "exact hbc")) == "Closed"
    # Once the shared metavariable is assigned, the others are independent again.
    apart = after(pool, together, "case m => exact b")
    assert targets(apart) == [["a < b"], ["b < c"]]
    assert [reason(tried(pool, s, "assumption")) for s in apart] == ["Closed", "Closed"]


def test_no_goals_is_no_proof_while_a_metavariable_is_left(pool: Pool) -> None:
    root = pool.root(theorem(": ∃ n : Nat, n = n"))
    (together,) = after(pool, root, "refine ⟨?n, ?h⟩")
    assert targets([together]) == [["Nat", "?n = ?n"]]
    (number,) = after(pool, together, "case h => rfl")
    assert targets([number]) == [["Nat"]]
    assert reason(tried(pool, number, "exact 0")) == "Closed"
    assert reason(tried(pool, root, "exact ⟨_, rfl⟩")) == "error"


def test_metavariables_behind_binders_are_followed(pool: Pool) -> None:
    root = pool.root(theorem(": ∃ f : Nat → Nat, ∀ x, f x = x + 1"))
    (together,) = after(pool, root, "refine ⟨fun y => ?f, ?h⟩; rotate_left; intro x")
    assert len(together.goals) == 2
    closing = after(pool, together, "rotate_left; exact y + 1")
    assert targets(closing) == [["(fun y => y + 1) x = x + 1"]]
    assert reason(tried(pool, closing[0], "rfl")) == "Closed"
    (inner,) = after(
        pool,
        pool.root(theorem("(a : Nat) (h : 0 < a) : 0 < a + a")),
        "have h2 : 0 < a := by\n  have := h\n  exact this",
    )
    assert reason(tried(pool, inner, "omega")) == "Closed"


def test_instances_are_found_or_asked_for(pool: Pool) -> None:
    root = pool.root(theorem("{α : Type} (x : α) : Nonempty α"))
    assert reason(tried(pool, root, "exact instNonemptyOfInhabited")) == "error"
    (asked,) = after(pool, root, "refine @instNonemptyOfInhabited _ ?i")
    assert reason(tried(pool, asked, "exact ⟨x⟩")) == "Closed"


def test_keys_do_not_depend_on_names(pool: Pool) -> None:
    def key(statement: str) -> tuple[str, ...]:
        return pool.root(theorem(statement)).key

    same = key("(a b : Nat) (h : ∀ x, x < a) : ∃ y, y < b")
    assert key("(n m : Nat) (k : ∀ u, u < n) : ∃ z, z < m") == same
    assert key("(n m : Nat) (k : ∀ u, u < m) : ∃ z, z < m") != same
    assert key("(n m : Nat) (k : ∀ u, u < n) : ∃ z, z ≤ m") != same
    assert key(".{u} (α : Type u) (x : α) : x = x") == key(".{v} (β : Type v) (y : β) : y = y")
    first = after(pool, pool.root(theorem(LESS)), "apply Nat.lt_trans")
    second = after(pool, pool.root(theorem("(x y z : Nat) (h : x < y) (k : y < z) : x < z")), "apply Nat.lt_trans")
    assert first[0].key == second[0].key


def test_heartbeats_end_a_step_and_each_step_has_its_own(pool: Pool) -> None:
    root = pool.root(theorem("(f : Nat → Nat) (h : ∀ x, f x = f (x + 1)) : f 0 = 1"))
    slow = "set_option maxRecDepth 1000000 in simp only [h]"
    outcomes = pool.submit(root, [slow, "skip", slow, "have := h 0"]).result()
    assert [reason(outcome) for outcome in outcomes] == ["heartbeats", "Opened", "heartbeats", "Opened"]


def test_forbidden_constants_are_refused_wherever_they_come_from(pool: Pool) -> None:
    root = pool.root(theorem("(a b : Nat) : a + b = b + a", forbidden=frozenset({"Nat.add_comm"})))
    assert reason(tried(pool, root, "exact Nat.add_comm a b")) == "error"
    assert reason(tried(pool, root, "have := Nat.add_comm a b\nexact this")) == "error"
    assert reason(tried(pool, root, "omega")) in ("Closed", "error")
    made = pool.root(theorem("(x y : BitVec 8) : x = y ↔ x.toNat = y.toNat", forbidden=frozenset({"BitVec.toNat_eq"})))
    assert reason(tried(pool, made, "bv_omega")) == "error", "it uses BitVec.toNat_eq._simp_1"
    assert reason(tried(pool, pool.root(theorem("(a b : Nat) : a + b = b + a")), "exact Nat.add_comm a b")) == "Closed"


SUM = "theorem it (n : Nat) : 0 + n = n := by\n  "
CONTEXT = (
    "namespace N\nuniverse u\nvariable {α : Type u} [Inhabited α] (x : α)\nsection\ndef twice (n : Nat) := n + n\n"
)


@pytest.mark.parametrize(
    ("before", "after", "goal"),
    [
        (CONTEXT + "theorem it : x = default := ", "", "α : Type u\ninst✝ : Inhabited α\nx : α\n⊢ x = default"),
        ("def twice (n : Nat) := n + n\ndef it (n : Nat) : Nat := twice ", "", "n : Nat\n⊢ Nat"),
        ("theorem it (n : Nat) : n = n := ", "\n\n#no_command", "n : Nat\n⊢ n = n"),
        (SUM + "have h : n = n := ", "\n  omega", "n : Nat\n⊢ n = n"),
        (SUM + "have h : n = n := sorry\n  ", "", "n : Nat\nh : n = n\n⊢ 0 + n = n"),
        ("structure S where\n  n : Nat\ninstance : Inhabited S := ⟨⟨", "⟩⟩", "⊢ Nat"),
        ("theorem it : ∀ n : Nat, n + 0 = n\n  | 0 => rfl\n  | n + 1 => ", "", "n : Nat\n⊢ n + 1 + 0 = n + 1"),
        ("theorem it (n : Nat) : (match n with | 0 => 0 | m + 1 => m) = n := by\n  have h := n\n  ", "", None),
        ("module\npublic import Init\npublic theorem it : 1 = 1 := by ", "", "⊢ 1 = 1"),
    ],
)  # fmt: skip
def test_the_goal_at_any_sorry(pool: Pool, before: str, after: str, goal: str | None) -> None:
    root = pool.root(Problem("it", before, after))
    assert goal is None or [g.text for g in root.goals] == [goal]
    assert isinstance(tried(pool, root, "skip"), Opened)


def test_a_file_may_import_modules_of_the_package(pool: Pool) -> None:
    header = "module\npublic import Q35.Compile\n"
    assert pool.root(theorem(": 1 = 1", header, package=PROOFS)).goals[0].text == "⊢ 1 = 1"
    with pytest.raises(InputError, match=r"Q35\.Nowhere"):
        pool.root(theorem(": 1 = 1", "import Q35.Nowhere\n", package=PROOFS))


def test_a_file_that_does_not_get_there_says_why(pool: Pool) -> None:
    with pytest.raises(InputError, match=r"line 2 of it: line 1: "):
        pool.root(Problem("it", "theorem it : nothing 1 := by\n  ", "\n"))


def repl(pool: Pool, *requests: dict[str, Any] | str) -> list[dict[str, Any]]:
    """Answers to a REPL's client, spoken to by the pool's own process."""
    text = "\n\n".join(r if isinstance(r, str) else json.dumps(r, indent=1) for r in requests)
    sink = io.StringIO()
    serve(pool._workers[0].client, pool._toolchain, None, io.StringIO(text), sink)
    return [json.loads(answer) for answer in sink.getvalue().split("\n\n")[:-1]]


def test_commands_as_the_repl_has_them(pool: Pool) -> None:
    first, second, wrong, unknown = repl(
        pool,
        {"cmd": "def f := 2"},
        {"cmd": "example : f = 2 := rfl\ntheorem g (n : Nat) : n = n := by sorry"},
        {"cmd": "example : 1 = 2 := rfl"},
        {"cmd": "def g := 1", "env": 100000},
    )
    assert first == {"env": first["env"]}
    assert second["messages"][0]["severity"] == "error", "without an env, a command begins anew"
    again = repl(pool, {"cmd": "example : f = 2 := rfl\ntheorem g (n : Nat) : n = n := by sorry", "env": first["env"]})[
        0
    ]
    (found,) = again["sorries"]
    assert (found["pos"], found["endPos"]) == ({"line": 2, "column": 34}, {"line": 2, "column": 39})
    assert found["goal"] == "n : Nat\n⊢ n = n"
    (warning,) = again["messages"]
    assert warning["severity"] == "warning"
    assert warning["pos"] == {"line": 2, "column": 8}
    assert wrong["messages"][0]["severity"] == "error"
    assert unknown == {"message": "Unknown environment."}


def test_tactics_as_the_repl_has_them(pool: Pool) -> None:
    (command,) = repl(pool, {"cmd": "theorem g (p q : Prop) (hp : p) (hq : q) : p ∧ q := by sorry"})
    root = command["sorries"][0]["proofState"]
    split, refused, unknown = repl(
        pool,
        {"tactic": "constructor", "proofState": root},
        {"tactic": "exact hp", "proofState": root},
        {"tactic": "exact hp", "proofState": 10**6},
    )
    assert [goal.rpartition("⊢ ")[2] for goal in split["goals"]] == ["p", "q"]
    assert split["proofStatus"] == "Incomplete: open goals remain"
    assert refused["message"].startswith("Lean error:\n")
    assert unknown == {"message": "Unknown proof state."}
    one, put_off = repl(
        pool,
        {"tactic": "exact hp", "proofState": split["proofState"]},
        {"tactic": "sorry", "proofState": split["proofState"]},
    )
    assert len(one["goals"]) == 1
    assert put_off["sorries"][0]["goal"].endswith("⊢ p")
    done, half = repl(
        pool,
        {"tactic": "exact hq", "proofState": one["proofState"]},
        {"tactic": "exact hq", "proofState": put_off["proofState"]},
    )
    assert (done["goals"], done["proofStatus"]) == ([], "Completed")
    assert (half["goals"], half["proofStatus"]) == ([], "Incomplete: contains sorry")


def test_our_own_requests_and_what_is_not_supported(pool: Pool) -> None:
    (command,) = repl(pool, {"cmd": "theorem g (p q : Prop) (hp : p) : p ∨ q := by sorry"})
    root = command["sorries"][0]["proofState"]
    batch, forgotten, unknown, *others = repl(
        pool,
        {"batch": [{"proofState": root, "tactics": ["left", "exact .inl hp", "omega"]}], "maxHeartbeats": 1000},
        {"forget": [root]},
        {"tactic": "left", "proofState": root},
        {"pickleTo": "x", "env": 0},
        {"cmd": "#eval 1", "allTactics": True},
        {"nothing": 1},
        "{",
        {"path": "/no/such/file.lean"},
    )
    left, closed, refused = batch["batch"]
    assert len(left["states"]) == 1
    assert closed["states"] == []
    assert refused["refused"] == "error"
    assert min(ran["heartbeats"] for ran in batch["batch"]) > 0
    assert forgotten == {"ok": True}
    assert unknown == {"message": "Unknown proof state."}
    assert [list(answer) for answer in others] == [["message"]] * 5


def test_speed_is_a_line_for_each_tactic(pool: Pool) -> None:
    figures = measure(pool._workers[0].client, pool._toolchain, rounds=1)
    assert figures.steps == len(GOALS) * len(TACTICS)
    applied = {line.tactic: line.applied for line in figures.lines}
    assert (applied["no such tactic"], applied["exact no_such_name"], applied["exfalso"]) == (0, 0, len(GOALS))
    assert f"{figures.per_second:.0f} steps/s" in figures.shown()
    assert json.loads(json.dumps(figures.as_json()))["lines"][0]["steps"] == len(GOALS)


def test_the_same_after_sigkill_in_the_midst_of_work(pool: Pool) -> None:
    root = pool.root(theorem("(p q : Prop) (hp : p) (hq : q) : p ∧ q"))
    _, right = after(pool, root, "constructor")
    before, replayed = pool.starts, pool.counts.replayed
    process = pool._workers[0].client.server._process
    assert process is not None
    tactics = ["exact hq", "exact hp", *["simp_all"] * 400, "skip"]
    killer = threading.Timer(0.3, lambda: os.kill(process.pid, signal.SIGKILL))
    killer.start()
    outcomes = pool.submit(right, tactics).result()
    assert [reason(o) for o in outcomes] == ["Closed", "error", *["Closed"] * 400, "Opened"]
    assert pool.starts == before + 1
    assert pool.counts.replayed == replayed + 1


def test_a_step_past_its_seconds_is_refused(pool: Pool) -> None:
    root = pool.root(theorem("(p : Prop) (hp : p) : p"))
    pool.limits = Limits(seconds=3)
    hang = "have : (List.replicate 100000000 0).length = 100000000 := by decide +kernel\nexact hp"
    outcomes = pool.submit(root, ["exact hp", hang]).result()
    assert [reason(outcome) for outcome in outcomes] == ["Closed", "seconds"]
