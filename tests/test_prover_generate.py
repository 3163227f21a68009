"""Goals of our own: equations and templates hold for random values, the same seed gives the same goals."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from prover_toy import PROBLEM, ToyEnvironment, ToyPolicy

from q35.project import find_project
from q35prover.benchmark.problems import entries
from q35prover.extract.near_duplicates import near_duplicates, shape
from q35prover.extract.tactics import Node
from q35prover.interface import Problem, TacticState
from q35prover.search.budget import Budget
from q35prover.search.mcts import Mcts
from q35prover.train import theories
from q35prover.train.data import read_steps
from q35prover.train.expert_iteration import (
    Exercise,
    by_replay,
    by_search,
    collect,
    field_exercises,
    statement_of,
    write_collected,
    written_exercises,
)
from q35prover.train.generate import document, generate
from q35prover.train.replay import WrittenProof, field_proofs, replay
from q35prover.train.rewriting import Term, Theory, variables
from q35prover.train.templates import TEMPLATES, constants
from q35prover.train.variants import variants

Meaning = dict[str, Callable[..., Any]]

W, K, C, D = 8, 3, 5, 4
MASK = 2**W - 1


def sub(a: int, b: int) -> int:
    return max(a - b, 0)


BITS: Meaning = {
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "not": lambda a: ~a & MASK,
    "add": lambda a, b: a + b & MASK,
    "sub": lambda a, b: a - b & MASK,
    "mul": lambda a, b: a * b & MASK,
    "neg": lambda a: -a & MASK,
    "dbl": lambda a: a << 1 & MASK,
    "shl": lambda a: a << K & MASK,
    "shr": lambda a: a >> K,
    "low": lambda a: a & 2**K - 1,
    "zero": lambda: 0,
    "one": lambda: 1,
    "two": lambda: 2,
}
NUMBERS: Meaning = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "max": max,
    "min": min,
    "div": lambda a: a // C,
    "mod": lambda a: a % C,
    "mulc": lambda a: a * C,
    "divc": lambda a: a / C,
    "half": lambda a: a / 2,
    "size": abs,
    "two": lambda: 2,
}
BOOL: Meaning = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
    "not": lambda a: not a,
    "true": lambda: True,
    "false": lambda: False,
}
LIST: Meaning = {
    "app": lambda a, b: a + b,
    "rev": lambda a: a[::-1],
    "scale": lambda a: [C * x for x in a],
    "neg": lambda a: [-x for x in a],
    "shift": lambda a: [x + D for x in a],
    "take": lambda a: a[:K],
    "drop": lambda a: a[K:],
    "filter": lambda a: [x for x in a if x % 2],
    "nil": lambda: [],
    "length": len,
    "add": lambda a, b: a + b,
    "min": lambda a: min(K, a),
    "sub": lambda a: sub(a, K),
    "sum": sum,
    "plus": lambda a, b: a + b,
    "mulc": lambda a: C * a,
    "minus": lambda a: -a,
}
OPTION: Meaning = {
    "or": lambda a, b: b if a is None else a,
    "succ": lambda a: None if a is None else a + C,
    "twice": lambda a: None if a is None else a * D,
    "none": lambda: None,
    "some": lambda a: a,
    "get": lambda a, b: b if a is None else a,
    "plus": lambda a: a + C,
    "times": lambda a: a * D,
}

RANDOM: dict[str, Callable[[random.Random], Any]] = {
    "BitVec {w}": lambda rng: rng.randrange(2**W),
    "Nat": lambda rng: rng.randrange(40),
    "Int": lambda rng: rng.randrange(-40, 40),
    "Rat": lambda rng: Fraction(rng.randrange(-40, 40), rng.randrange(1, 9)),
    "Bool": lambda rng: rng.random() < 0.5,
    "List Int": lambda rng: [rng.randrange(-9, 9) for _ in range(rng.randrange(8))],
    "Option Nat": lambda rng: rng.choice((None, rng.randrange(40))),
}


def value(term: Term, meaning: Meaning, values: dict[str, Any]) -> Any:
    if isinstance(term, str):
        return values[term]
    return meaning[str(term[0])](*(value(part, meaning, values) for part in term[1:]))


def sorts(theory: Theory, term: Term, sort: str) -> dict[str, str]:
    """The sort of each letter of a pattern of the given sort."""
    if isinstance(term, str):
        return {term: sort}
    parts = zip(term[1:], theory.operations[str(term[0])].takes, strict=True)
    return {letter: own for part, taken in parts for letter, own in sorts(theory, part, taken).items()}


@pytest.mark.parametrize(
    ("theory", "meaning"),
    [
        (theories.BITS, BITS),
        (theories.NAT, {**NUMBERS, "sub": sub}),
        (theories.INT, NUMBERS),
        (theories.RAT, NUMBERS),
        (theories.BOOL, BOOL),
        (theories.LIST, LIST),
        (theories.OPTION, OPTION),
    ],
)
def test_every_equation_of_a_theory_holds(theory: Theory, meaning: Meaning) -> None:
    rng = random.Random(0)
    kinds = {"l": "List Int", "n": "Nat", "i": "Int", **{sort: lean for sort, (lean, _) in theory.variables.items()}}
    for left, right in theory.equations:
        whole = next(theory.operations[str(side[0])].gives for side in (left, right) if not isinstance(side, str))
        letters = {**sorts(theory, right, whole), **sorts(theory, left, whole)}
        for _ in range(40):
            values = {letter: RANDOM[kinds[sort]](rng) for letter, sort in letters.items()}
            assert value(left, meaning, values) == value(right, meaning, values), (left, right, values)


def test_rewriting_makes_equal_terms_of_it_that_differ() -> None:
    rng = random.Random(1)
    for _ in range(300):
        left, right = theories.BITS.equation(rng, 4)
        assert left != right
        for _ in range(10):
            values = {name: rng.randrange(2**W) for side in (left, right) for name in variables(side)}
            assert value(left, BITS, values) == value(right, BITS, values)


def test_the_constants_of_templates_fit_together() -> None:
    for seed in range(200):
        v: Any = constants(random.Random(seed))
        assert 1 <= v["k"] < v["w"] == v["k"] + v["m"]
        assert (v["pk"], v["pm"], v["pk"] * v["pm"], 2 * v["half"]) == (2 ** v["k"], 2 ** v["m"], v["pw"], v["pw"])
        assert (v["low"] + 1, v["high"] + 1, v["cd"]) == (v["pk"], v["pm"], v["c"] * v["d"])


def test_linear_goals_follow_from_their_hypotheses() -> None:
    """Whoever meets the hypotheses meets the conclusion."""
    rng = random.Random(2)
    met = 0
    for goal in generate(7, 1500):
        parts = re.findall(r"(?:\(h\d : |: )([-+* \dxyz]+) ≤ (\d+)\)?", goal.statement)
        if "(h1 : " not in goal.statement or goal.statement.count("≤") != len(parts):
            continue
        for _ in range(30):
            values = {name: rng.randrange(-6, 6) for name in "xyz"}
            if "Nat" in goal.statement:
                values = {name: abs(number) for name, number in values.items()}
            true = [eval(left, {}, values) <= int(right) for left, right in parts]
            met += all(true[:-1])
            assert true[-1] or not all(true[:-1]), goal.statement
    assert met > 500


def test_the_same_seed_gives_the_same_goals_and_a_larger_count_more_of_them() -> None:
    goals = generate(3, 300)
    assert generate(3, 400)[:300] == goals
    assert generate(4, 300) != goals
    assert len({goal.statement for goal in goals}) == len({goal.name for goal in goals}) == 300
    assert {goal.family for goal in goals} == {"bits", "nat", "int", "rat", "round", "list", "logic"}
    assert len(json.loads(document(3, goals))["goals"]) == 300
    assert {family for family, _, _ in TEMPLATES} == {goal.family for goal in goals}


def test_nothing_that_resembles_a_held_out_statement_is_generated() -> None:
    held_out = [goal.statement for goal in generate(5, 60)]
    goals = generate(5, 200, held_out)
    assert near_duplicates([shape(goal.statement) for goal in goals], [shape(s) for s in held_out], 0.5) == [None] * 200


def exercise(statement: str, problem: Problem = PROBLEM) -> Exercise:
    return Exercise("generated", "generated/toy", statement, problem, statement)


BUDGET = Budget(steps=100)
WORLD = ToyEnvironment({"a": {"r": ("b", "c"), "omega": ()}, "b": {"r": ()}, "c": {"r": ()}}, "a")


def test_exercises_become_a_journal_and_a_data_set_of_short_proofs(tmp_path: Path) -> None:
    journal, target = tmp_path / "journal.jsonl", tmp_path / "own.jsonl"
    exercises = [exercise(": p ∧ q"), exercise(": refused", Problem("other", ""))]
    search = by_search(WORLD, ToyPolicy({"r": -1.0}), Mcts(), BUDGET)
    counts = collect(exercises, "toy", search, journal, 60)
    assert (counts["tried"], counts["proved"], counts["refused"], counts["steps"]) == (2, 1, 1, 1)
    header = write_collected(journal, target, [])
    assert header["provenance"]["attempts"] == {"toy: proved": 1, "toy: refused": 1}
    (step,) = read_steps(target)
    assert (step.tactic, step.state, step.remaining, step.before) == ("omega", "⊢ a", 1, ())
    assert write_collected(journal, target, [": p ∧ q"])["steps"] == 0
    assert collect(exercises, "toy", search, journal, 60)["tried"] == 0
    assert collect(exercises, "other", search, journal, 60)["tried"] == 2


def test_a_journal_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    exercises = [exercise(": p"), exercise(": q")]
    search = by_search(WORLD, ToyPolicy({"omega": -1.0}), Mcts(), BUDGET)
    collect(exercises, "toy", search, journal, 60)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-5])
    assert collect(exercises, "toy", search, journal, 60)["tried"] == 1
    assert journal.read_bytes() == whole
    assert collect(exercises[:1], "toy", search, tmp_path / "none.jsonl", 0)["tried"] == 0


def test_the_statement_of_a_problem() -> None:
    problem = Problem("t", "import X\n/-- theorem y -/\ntheorem t (a : Nat) :\n    a = a := by\n  ")
    assert statement_of(problem) == "(a : Nat) : a = a"
    assert [exercise.source for exercise in field_exercises()[:3]] == ["field"] * 3


def test_a_written_proof_is_replayed_to_the_states_of_its_steps() -> None:
    """`s` leaves the goals in another order than the proof's blocks are in; the last proof fails half way."""
    world = ToyEnvironment(
        {"a": {"s ?_": ("b", "c", "d")}, "b": {"x": ("e",), "t": ()}, "c": {"u": ()}, "d": {"v": ()}, "e": {}}, "a"
    )
    leaf = [Node("u")]
    examples, whole = replay([Node("s ?_", [leaf]), Node(None, [[Node("t")]]), Node("v")], world.root(PROBLEM), world)
    assert whole
    assert [(world.name(one.state), one.tactic, one.remaining) for one in examples] == [
        ("a", "s ?_", 2),
        ("c", "u", 1),
        ("b", "t", 1),
        ("d", "v", 1),
    ]
    examples, whole = replay([Node("s ?_", [leaf]), Node("x"), Node("t")], world.root(PROBLEM), world)
    assert (not whole, [one.tactic for one in examples]) == (True, ["s ?_", "u", "x"])


class OneGraph(ToyEnvironment):
    """Whatever the problem, its root is the graph's."""

    def root(self, problem: Problem) -> TacticState:
        return super().root(PROBLEM)


def written(statement: str, *tactics: str) -> WrittenProof:
    return WrittenProof(
        "field", "field/toy", "toy", "", statement, [Node(tactic) for tactic in tactics], None, statement
    )


PROOF = written(
    "(x y : Nat) (v : BitVec 8) (h : x < 128) (g : y ≤ 0xff) : v.toNat < 256", "exact Nat.lt_of_lt h", "omega (128)"
)


def test_variants_change_statement_and_proof_alike() -> None:
    made = list(variants(PROOF, 40, seed=1))
    assert len({proof.statement for proof in made} - {PROOF.statement}) == 40
    assert list(variants(PROOF, 40, seed=1)) == made
    for proof in made:
        limit = re.search(r"\(h : x [<≤] (\d+)", proof.statement)
        assert limit
        assert proof.block[1].text == f"omega ({limit[1]})"
        kind = re.search(r"x y : (\w+)", proof.statement)
        assert kind
        assert proof.block[0].text == f"exact {kind[1]}.lt_of_lt h"
        width = re.search(r"BitVec (\d+)", proof.statement)
        assert width
        assert proof.statement.endswith((f"< {2 ** int(width[1])}", f"≤ {2 ** int(width[1])}"))
        assert int(limit[1]) * 2 == 2 ** int(width[1])
        assert proof.original == PROOF.statement
        assert proof.problem.forbidden == {"toy"}
    assert any("0x1ff" in proof.statement for proof in made)
    assert any(proof.statement.index("(h :") > proof.statement.index("(g :") for proof in made)


def test_reference_proofs_are_those_of_the_tuning_goals_alone() -> None:
    found = list(field_proofs(find_project() / "tests" / "field_proofs"))
    assert {proof.name for proof in found} == {entry.name for entry in entries("field", ("tuning",))}
    assert all(proof.block for proof in found)


def test_a_variant_that_is_not_proved_is_no_data_and_states_are_probed() -> None:
    world = OneGraph({"a": {"s": ("b",), "omega": ()}, "b": {"t": (), "u": ("a",)}}, "a")
    proofs = [written(": p", "s", "t"), replace(written(": q", "s", "x"), original=": p"), written(": q", "s", "x")]
    policy = ToyPolicy({"omega": -1.0, "t": -2.0, "u": -3.0})
    solve = by_replay(world, proofs[:2], policy, 3)
    whole, variant = (solve(one) for one in written_exercises(proofs[:2]))
    assert variant == ("no variant", [])
    assert whole[0] == "proved"
    assert [(step.tactic, tried) for step, tried in whole[1]] == [
        ("s", (("omega", True), ("t", False), ("u", False))),
        ("t", (("omega", False), ("u", False))),
    ]
    ((reason, found),) = (by_replay(world, proofs[2:], policy, 0)(one) for one in written_exercises(proofs[2:]))
    assert (reason, [(step.tactic, tried) for step, tried in found]) == ("in part", [("s", ())])


def test_runs_of_one_statement_are_one_set_of_states_with_the_shortest_ways_on(tmp_path: Path) -> None:
    """The search closes at once what the written proof takes two tactics for; variants stay with their original."""
    world = OneGraph({"a": {"s": ("b",), "omega": ()}, "b": {"t": (), "u": ("a",)}}, "a")
    proofs = [written(": p", "s", "t"), replace(written(": q", "s", "t"), original=": p")]
    exercises, journal = written_exercises(proofs), tmp_path / "journal.jsonl"
    collect(exercises, "replay", by_replay(world, proofs, ToyPolicy({"u": -1.0}), 1), journal, 60)
    search = by_search(world, ToyPolicy({"u": -1.0, "omega": -2.0, "s": -3.0}), Mcts(), BUDGET)
    collect(exercises[:1], "search", search, journal, 60)
    write_collected(journal, tmp_path / "own.jsonl", [])
    steps = list(read_steps(tmp_path / "own.jsonl"))
    assert [(step.statement, step.state, step.tactic, step.remaining) for step in steps] == [
        (": p", "⊢ a", "omega", 1),
        (": p", "⊢ b", "t", 1),
        (": q", "⊢ a", "s", 2),
        (": q", "⊢ b", "t", 1),
    ]
    assert dict(steps[0].tried)["u"] is False
    assert steps[1].tried == (("u", False),)
    assert len({step.split for step in steps}) == 1
    assert write_collected(journal, tmp_path / "own.jsonl", [": p"])["steps"] == 0
