"""Expert iteration: a search with the policy of today proves exercises, and its proofs train the policy of tomorrow.

(T. Anthony, Z. Tian, D. Barber, "Thinking fast and slow with deep learning and tree search", 2017; S. Polu et al.,
"Formal mathematics statement curriculum learning", 2022.) What was tried is kept in a journal, one line a problem, so
that a run can end at any time and the next goes on; the data set is made of the journal, with the shortest way on that
any run found from each state.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from q35.errors import InputError
from q35.lean import Toolchain
from q35.lean.progress import Report, silent
from q35prover.benchmark.problems import entries
from q35prover.extract.mathlib import split_of
from q35prover.extract.near_duplicates import near_duplicates, shape
from q35prover.interface import Closed, Environment, Goal, Outcome, Policy, Problem, StateLost, TacticState
from q35prover.library import index
from q35prover.search.attempt import attempt
from q35prover.search.budget import Budget
from q35prover.search.frontier import Method
from q35prover.search.script import Example, examples
from q35prover.search.shorten import shorten
from q35prover.train.data import Source, Split, TacticStep, write_steps
from q35prover.train.generate import TOO_NEAR, generate
from q35prover.train.replay import Tried, WrittenProof, probe, replay
from q35prover.train.variants import variants

_NAMESPACES = frozenset(["Nat", "Int", "Rat", "BitVec", "Fin", "List", "Bool", "Option"])
_SHORTENING = 60
"""Tactics run to shorten a proof, at most."""
BUDGET = Budget(seconds=12, steps=120)
"""Of an attempt: easy problems are many, so none is worth long."""


@dataclass(frozen=True)
class Exercise:
    """A problem to learn from, and what the data set says of it; `original`: the statement it was varied from."""

    source: Source
    file: str
    statement: str
    problem: Problem
    original: str


Solved = tuple[str, list[tuple[Example, Tried]]]
"""How it ended, and the steps of the proof, each with what else was tried on its state."""
Solver = Callable[[Exercise], Solved]
"""Raises `InputError` for a statement that Lean does not accept."""


def held_out_statements() -> list[str]:
    """The statements that nothing may be trained on: a third of our field, and those of Lean's library."""
    return [statement_of(entry.problem) for suite in ("field", "library") for entry in entries(suite, ("held-out",))]


def statement_of(problem: Problem) -> str:
    """What the theorem says, from behind its name to before its proof."""
    _, theorem, text = f"\n{problem.before}".rpartition("\ntheorem ")
    statement, by, _ = text.rpartition(":= by")
    if not (theorem and by):
        raise InputError("not a theorem that is proved by tactics", problem.theorem)
    return " ".join(statement.split()[1:])


def written_exercises(proofs: Sequence[WrittenProof]) -> list[Exercise]:
    """The theorems of written proofs."""
    return [Exercise(p.source, p.file, p.statement, p.problem, p.original) for p in proofs]


def with_variants(proofs: Sequence[WrittenProof], count: int, seed: int) -> list[WrittenProof]:
    """The proofs in an order by chance, then up to `count` variants of each: all first ones, all second ones, ..."""
    mixed = random.Random(seed).sample(proofs, len(proofs))
    made = [list(variants(proof, count, seed)) for proof in mixed]
    return [*mixed, *(own[place] for place in range(count) for own in made if place < len(own))]


def generated_exercises(seed: int, count: int, proofs: Path) -> list[Exercise]:
    """Goals of our own."""
    goals = generate(seed, count, held_out_statements())
    return [
        Exercise("generated", f"generated/{seed}/{goal.family}", goal.statement, goal.problem(proofs), goal.statement)
        for goal in goals
    ]


def field_exercises() -> list[Exercise]:
    """The goals of our field that are there for tuning."""
    found = entries("field", ("tuning",))
    return [
        Exercise("field", f"field/{entry.topic}", statement, entry.problem, statement)
        for entry, statement in ((entry, statement_of(entry.problem)) for entry in found)
    ]


def library_exercises(toolchain: Toolchain, seed: int, count: int) -> list[Exercise]:
    """Statements of Lean's own library that their proofs may not use, without those that resemble held-out ones."""
    excluded = {name for entry in entries("library") for name in entry.problem.forbidden}
    names = [
        theorem.name
        for theorem in index.theorems(toolchain)
        if theorem.name.partition(".")[0] in _NAMESPACES
        and not (theorem.auxiliary or theorem.deprecated or theorem.name in excluded)
    ]
    chosen = random.Random(seed).sample(sorted(names), min(count, len(names)))
    found = index.statements(toolchain, chosen)
    texts = {name: f": {' '.join(found[name].split())}" for name in chosen if name in found}
    near = near_duplicates(
        [shape(text) for text in texts.values()], [shape(s) for s in held_out_statements()], TOO_NEAR
    )
    return [
        Exercise(
            "library",
            f"library/{name.partition('.')[0]}",
            text,
            Problem(f"q35_{number}", f"theorem q35_{number} {text} := by\n  ", "\n", frozenset([name])),
            text,
        )
        for number, ((name, text), twin) in enumerate(zip(texts.items(), near, strict=True))
        if twin is None
    ]


class _Recording:
    """An environment that keeps what each tactic did, by the state's text."""

    def __init__(self, environment: Environment) -> None:
        self._environment, self.workers = environment, environment.workers
        self.tried: dict[str, dict[str, bool]] = {}

    def root(self, problem: Problem) -> TacticState:
        return self._environment.root(problem)

    def submit(self, state: TacticState, tactics: Sequence[str], until_closed: bool = False) -> Future[list[Outcome]]:
        future = self._environment.submit(state, tactics, until_closed)
        future.add_done_callback(lambda done: self._keep(state, tactics, done))
        return future

    def _keep(self, state: TacticState, tactics: Sequence[str], done: Future[list[Outcome]]) -> None:
        if not done.cancelled() and done.exception() is None:
            closed = [isinstance(outcome, Closed) for outcome in done.result()]
            self.tried.setdefault(state.text, {}).update(zip(tactics, closed, strict=False))


def by_search(environment: Environment, policy: Policy, method: Method, budget: Budget) -> Solver:
    """Search for a proof, and shorten what is found."""

    def solve(exercise: Exercise) -> Solved:
        recording = _Recording(environment)
        result = attempt(exercise.problem, recording, policy, method, budget)
        if not result.proof:
            return result.reason, []
        found = examples(shorten(result.proof, environment, replace(budget, steps=_SHORTENING)))
        tried = [recording.tried.get(example.state.text, {}) for example in found]
        return result.reason, [
            (example, tuple((tactic, closed) for tactic, closed in others.items() if tactic != example.tactic))
            for example, others in zip(found, tried, strict=True)
        ]

    return solve


def by_replay(environment: Environment, proofs: Sequence[WrittenProof], policy: Policy | None, probes: int) -> Solver:
    """Run the proofs that were written, and on each state the `probes` likeliest tactics of the policy (None: none).

    Of a variant that does not run to its end nothing is kept: what it states may be false.
    """
    written = {proof.problem: proof for proof in proofs}

    def solve(exercise: Exercise) -> Solved:
        proof = written[exercise.problem]
        found, whole = replay(proof.block, environment.root(exercise.problem), environment)
        if not whole and proof.statement != proof.original:
            return "no variant", []
        tried = [probe(example, environment, policy, probes) if policy else () for example in found]
        return "proved" if whole else "in part", list(zip(found, tried, strict=True))

    return solve


def collect(
    exercises: Sequence[Exercise],
    how: str,
    solve: Solver,
    journal: Path,
    seconds: float,
    report: Report = silent,
) -> dict[str, Any]:
    """Solve those exercises that were not tried in this way (`how`: its name) for so many seconds; what came of it.

    Appends to `journal`. A statement that Lean does not accept is counted as refused.
    """
    tried = {(row["how"], row["statement"]) for row in _rows(journal)}
    left = [exercise for exercise in exercises if (how, exercise.statement) not in tried]
    counts = Counter(tried=0, proved=0, steps=0)
    started = time.monotonic()
    journal.parent.mkdir(parents=True, exist_ok=True)
    _without_half_a_line(journal)
    with journal.open("a", encoding="utf-8") as file:
        for exercise in left:
            elapsed = time.monotonic() - started
            if elapsed >= seconds:
                break
            report(f"{counts['proved']} of {counts['tried']} proved, {exercise.problem.theorem}", elapsed, seconds)
            row = {"how": how, **_solved(exercise, solve)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            counts["tried"] += 1
            counts[row["reason"]] += 1
            counts["steps"] += len(row["steps"])
    minutes = (time.monotonic() - started) / 60
    return {**counts, "left": len(left) - counts["tried"], "minutes": round(minutes, 2)}


def _solved(exercise: Exercise, solve: Solver) -> dict[str, Any]:
    """A line of the journal."""
    found: list[tuple[Example, Tried]] = []
    message = ""
    try:
        reason, found = solve(exercise)
    except InputError as error:
        reason, message = "refused", str(error)
    except StateLost as error:
        reason, message = "lost", str(error)
    return {
        "source": exercise.source,
        "file": exercise.file,
        "theorem": exercise.problem.theorem,
        "statement": exercise.statement,
        "original": exercise.original,
        "header": exercise.problem.before.rpartition("theorem ")[0],
        "reason": reason,
        "message": message,
        "steps": [
            {
                "before": [step.tactic for step in example.state.path],
                "state": example.state.text,
                "tactic": example.tactic,
                "remaining": example.remaining,
                "tried": tried,
            }
            for example, tried in found
        ],
    }


def write_collected(journal: Path, target: Path, held_out: Sequence[str]) -> dict[str, Any]:
    """The data set of a journal; its header. Statements that differ in names and numbers only are on one side of the
    split, and variants on that of what they were varied from.

    `held_out` is looked at again: a journal may be older than the benchmark.
    """
    known: dict[str, dict[str, Any]] = {}
    steps: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for row in _rows(journal):
        counts[f"{row['how']}: {row['reason']}"] += 1
        if row["steps"]:
            known.setdefault(row["statement"], row)
            steps[row["statement"]] += row["steps"]
    avoid = [shape(statement) for statement in held_out]
    rows = list(known.values())
    twins = [near_duplicates([shape(row[name]) for row in rows], avoid, TOO_NEAR) for name in ("statement", "original")]
    kept = [row for row, own, origin in zip(rows, *twins, strict=True) if own is None and origin is None]
    return write_steps(
        target,
        (step for row in kept for step in _steps(row, steps[row["statement"]])),
        {"attempts": dict(sorted(counts.items())), "near_held_out": len(rows) - len(kept)},
    )


def _steps(row: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Iterator[TacticStep]:
    """The steps that runs found for a statement, each state once, with the shortest way on that is known."""
    by_state: dict[str, list[Mapping[str, Any]]] = {}
    for step in found:
        by_state.setdefault(step["state"], []).append(step)
    side = side_of(row["original"])
    for state, same in by_state.items():
        best = min(same, key=lambda step: step["remaining"])
        tried = {tactic: closed for step in same for tactic, closed in step["tried"]}
        tactic, remaining = best["tactic"], best["remaining"]
        if remaining > 1 and (closing := [other for other, closed in tried.items() if closed]):
            tactic, remaining = closing[0], 1
        yield TacticStep(
            source=row["source"],
            file=row["file"],
            theorem=row["theorem"],
            statement=row["statement"],
            before=tuple(best["before"]),
            state=state,
            tactic=tactic,
            remaining=remaining,
            split=side,
            tried=tuple((other, closed) for other, closed in tried.items() if other != tactic),
        )


def side_of(statement: str) -> Split:
    """Where steps of the statement's proof, and of those of its variants, belong."""
    return split_of(shape(statement))


def judged_states(journal: Path, package: Path) -> Iterator[tuple[TacticState, dict[str, bool]]]:
    """States of goals of our field, and variants of them, that are for validation or testing, and on which several
    tactics were tried: whether each was one to take. (`package`: the folder of the library that the goals may use.)"""
    for row in _rows(journal):
        if row["source"] == "field" and side_of(row["original"]) != "train":
            imports = "import Q35" in row["header"]
            problem = Problem(row["theorem"], row["header"], package=package if imports else None)
            for step in row["steps"]:
                if step["tried"]:
                    goals = tuple(Goal(text, "") for text in step["state"].split("\n\n"))
                    yield TacticState(problem, goals), {**dict(step["tried"]), step["tactic"]: True}


def _rows(journal: Path) -> Iterator[dict[str, Any]]:
    """The journal's whole lines."""
    if journal.exists():
        for line in journal.read_bytes().split(b"\n")[:-1]:
            yield json.loads(line)


def _without_half_a_line(journal: Path) -> None:
    """Cut off what a run that was killed had begun to write."""
    if journal.exists():
        with journal.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
