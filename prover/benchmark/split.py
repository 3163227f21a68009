"""Which goals of our field are held out from all training and tuning: `python -m q35prover.benchmark.split`.

Writes `split.json` anew: the grade of each goal, measured, and its split. A third is held out, in every topic and
grade as nearly as whole families allow; goals of nearly the same form are a family and stay on one side.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from q35.files import canonical_json, write_whole
from q35.lean import find_toolchain, terminal_report
from q35.project import find_project
from q35prover.benchmark.problems import SPLIT, as_problem, field_statements
from q35prover.benchmark.statements import families, read_statements
from q35prover.interface import Closed, Environment, Problem
from q35prover.server.pool import Pool

SEED = 35
ONE_TACTIC = (
    "rfl", "trivial", "decide", "decide +kernel", "omega", "bv_omega", "simp", "simp_all", "grind", "norm_cast",
    "ac_rfl",
)  # fmt: skip
"""Tactics of Lean's core that take no argument: what one of them closes is of grade 1."""
_LINES = (3, 8)
"""Goals with a reference proof of at most so many lines are of grade 2, 3; the others of grade 4."""


def closers(environment: Environment, problem: Problem) -> list[str]:
    """The tactics of Lean's core that close the goal alone."""
    outcomes = environment.submit(environment.root(problem), ONE_TACTIC).result()
    return [tactic for tactic, outcome in zip(ONE_TACTIC, outcomes, strict=True) if isinstance(outcome, Closed)]


def grade(closed_by: Sequence[str], proof: str) -> int:
    """From 1 (one tactic of Lean's core closes it) by the lines of the reference proof to 4."""
    lines = len(proof.splitlines())
    return 1 if closed_by else 2 + sum(lines > limit for limit in _LINES)


def held_out(strata: Mapping[str, tuple[Any, ...]], family: Mapping[str, str], seed: int) -> set[str]:
    """A third of the names, by whole families, evenly over the strata (those of the families' first members)."""
    random_ = random.Random(seed)
    members: dict[str, list[str]] = {}
    for name in strata:
        members.setdefault(family[name], []).append(name)
    order = sorted(members, key=lambda first: (strata[first], random_.random()))
    found: set[str] = set()
    owed = random_.random()
    for first in order:
        size = len(members[first])
        owed += size / 3
        if 2 * owed >= size:
            found.update(members[first])
            owed -= size
    return found


def main() -> None:
    """Measure, grade, split, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=Path, default=find_project() / "tests" / "field_proofs")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()

    proofs = {s.name: s.proof for file in arguments.references.glob("*.lean") for s in read_statements(file)}
    goals = field_statements()
    family = families({statement.name: statement.text for _, statement in goals})
    toolchain = find_toolchain(find_project() / "proofs")
    rows: dict[str, dict[str, Any]] = {}
    strata: dict[str, tuple[Any, ...]] = {}
    with terminal_report() as report, Pool(toolchain) as pool:
        for done, (topic, statement) in enumerate(goals):
            report(statement.name, done, len(goals))
            found = closers(pool, as_problem(statement))
            number = grade(found, proofs[statement.name])
            rows[statement.name] = {"closed_by": found, "grade": number, "family": family[statement.name]}
            strata[statement.name] = (topic, number)
    out = held_out(strata, family, arguments.seed)
    for name, row in rows.items():
        row["split"] = "held-out" if name in out else "tuning"
    document = {"schema": "q35.prover-split/1", "seed": arguments.seed, "toolchain": toolchain.identity, "goals": rows}
    write_whole(SPLIT, canonical_json(document))


if __name__ == "__main__":
    main()
