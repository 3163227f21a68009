"""Contenders (a policy with a search method) on the same problems, at equal seconds, one after the other on each.

All seeds and contenders have their turn on a problem before the next one begins, so that whatever else the machine does
meets all of them. Every proof is judged by the gate in the end: one that is refused is a failure, and is shown as such.
Results are written after each problem; a run that was ended goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import jsonschema

import q35spec
from q35.certify.machine import environment, machine
from q35.errors import InputError
from q35.files import canonical_json, read_json, write_whole
from q35.lean import Report, silent
from q35prover.benchmark.problems import Entry, Split, Suite
from q35prover.gate.verdict import Verdict
from q35prover.interface import Environment, Policy, Problem, StateLost
from q35prover.search.attempt import attempt
from q35prover.search.budget import Budget
from q35prover.search.frontier import Method

SCHEMA = "q35.prover-bench/1"


class Judge(Protocol):
    """What the benchmark needs of the gate."""

    def judge(self, problem: Problem, proof: str) -> Verdict: ...


@dataclass(frozen=True)
class Contender:
    """A policy with the method that it searches by. `name`: `POLICY/METHOD`."""

    policy: Policy
    method: Method

    @property
    def name(self) -> str:
        return f"{self.policy.name}/{self.method.name}"


@dataclass(frozen=True)
class Request:
    """What is to be compared, `seconds` of wall clock an attempt, and what the machine runs it on (`lean`, JSON)."""

    suite: Suite
    splits: tuple[Split, ...]
    seconds: float
    seeds: tuple[int, ...]
    contenders: tuple[Contender, ...]
    lean: Mapping[str, Any]


def run(
    request: Request,
    problems: Sequence[Entry],
    lean: Environment,
    judge: Callable[[], Judge],
    out: Path,
    report: Report = silent,
) -> dict[str, Any]:
    """Run what `out` does not hold yet, judge every proof, and return the whole document.

    `judge` starts the gate once all attempts are over. Raises `InputError` when `out` holds another run's results, and
    for a problem that Lean does not read.
    """
    document = _begun(request, problems, out)
    rows: list[dict[str, Any]] = document["outcomes"]
    over = {(row["theorem"], row["seed"], row["contender"]) for row in rows}
    for place, entry in enumerate(problems):
        began = time.monotonic()
        due = [
            (seed, contender)
            for seed in request.seeds
            for contender in request.contenders
            if (entry.name, seed, contender.name) not in over
        ]
        for seed, contender in due:
            report(f"{entry.name}: {contender.name}, seed {seed}", place, len(problems))
            rows.append(_attempted(entry, seed, contender, lean, request.seconds))
        if due:
            document["seconds"] = round(document["seconds"] + time.monotonic() - began, 1)
            write_whole(out, canonical_json(document))
    _judge(rows, {entry.name: entry.problem for entry in problems}, judge, report)
    write_whole(out, canonical_json(document))
    return document


def _begun(request: Request, problems: Sequence[Entry], out: Path) -> dict[str, Any]:
    """The document in `out`, or a new one without outcomes."""
    plan = {
        "schema": SCHEMA,
        "suite": request.suite,
        "splits": list(request.splits),
        "budget": {"seconds": request.seconds},
        "seeds": list(request.seeds),
        "lean": dict(request.lean),
        "contenders": [
            {"name": c.name, "policy": c.policy.name, "method": c.method.name, "options": repr(c.method)}
            for c in request.contenders
        ],
        "problems": [{"theorem": e.name, "topic": e.topic, "grade": e.grade, "split": e.split} for e in problems],
        "machine": machine(),
        "software": {key: environment()[key] for key in ("python", "q35")},
    }
    if not out.exists():
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return {**plan, "started": started, "seconds": 0.0, "outcomes": []}
    document = read_results(out)
    if different := [key for key, value in plan.items() if document[key] != value]:
        raise InputError(f"holds results of another run: {', '.join(different)}", str(out), "name another file")
    return document


def read_results(path: Path) -> dict[str, Any]:
    """A document that `run` wrote. Raises `InputError` if it is none."""
    document = read_json(path)
    try:
        jsonschema.validate(document, q35spec.schema("prover_bench"))
    except jsonschema.ValidationError as error:
        raise InputError(f"not the results of a prover's benchmark: {error.message[:100]}", str(path)) from None
    return dict(document)


def _attempted(entry: Entry, seed: int, contender: Contender, lean: Environment, seconds: float) -> dict[str, Any]:
    """The outcome of one attempt."""
    row = {"theorem": entry.name, "seed": seed, "contender": contender.name, "refused": None}
    try:
        result = attempt(entry.problem, lean, contender.policy, contender.method, Budget(seconds), seed)
    except StateLost:
        nothing = {"steps": 0, "states": 0, "tactics": None, "proof": None, "judged": True}
        return {**row, "reason": "lost", "seconds": seconds, **nothing}
    return {
        **row,
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "steps": result.steps,
        "states": result.states,
        "tactics": result.tactics,
        "proof": result.script,
        "judged": result.script is None,
    }


def _judge(
    rows: Sequence[dict[str, Any]], problems: Mapping[str, Problem], judge: Callable[[], Judge], report: Report
) -> None:
    """Judge the proofs that were not judged yet; the same proof of the same theorem once."""
    waiting = [row for row in rows if not row["judged"]]
    if not waiting:
        return
    gate = judge()
    verdicts: dict[tuple[str, str], str | None] = {}
    for place, row in enumerate(waiting):
        report(f"judging {row['theorem']}", place, len(waiting))
        key = row["theorem"], row["proof"]
        if key not in verdicts:
            verdict = gate.judge(problems[row["theorem"]], row["proof"])
            verdicts[key] = None if verdict.accepted else "; ".join(map(str, verdict.findings))
        row["refused"], row["judged"] = verdicts[key], True
