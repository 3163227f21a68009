"""What a search did, as JSON lines (schema `q35.search-trace/1`) that can be run again and compared.

The first line is the problem and the settings; then one line an expansion, in the order in which the tree took them:
the state (its steps and goals), the tactics with the logarithms of their probabilities, what each did; the last line
is the end. No times: the same search writes the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from q35.errors import InputError
from q35.files import write_whole
from q35prover.interface import (
    Closed,
    Environment,
    Goal,
    Opened,
    Outcome,
    Problem,
    StateLost,
    Suggestion,
    TacticState,
)
from q35prover.search.script import script_for
from q35prover.search.tree import Tree

SCHEMA = "q35.search-trace/1"

_NOT_REPEATABLE = {"seconds", "memory", "crash"}
"""Reasons of a refusal that depend on the machine and its load."""


@dataclass
class Trace:
    """The lines of a trace, in order, while it grows or as it was read."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def begin(self, root: TacticState, method: str, policy: str, seed: int) -> None:
        problem = root.problem
        self.lines.append(
            {
                "schema": SCHEMA,
                "theorem": problem.theorem,
                "before": problem.before,
                "after": problem.after,
                "forbidden": sorted(problem.forbidden),
                "package": str(problem.package) if problem.package else None,
                "method": method,
                "policy": policy,
                "seed": seed,
                "goals": _goals(root),
            }
        )

    def expansion(self, state: TacticState, tried: Sequence[Suggestion], outcomes: Sequence[Outcome]) -> None:
        self.lines.append(
            {
                "path": [[step.tactic, step.child] for step in state.path],
                "goals": _goals(state),
                "tactics": [[suggestion.tactic, suggestion.log_probability] for suggestion in tried],
                "outcomes": [_described(outcome) for outcome in outcomes],
            }
        )

    def end(self, reason: str, steps: int, proof: str | None) -> None:
        self.lines.append({"end": reason, "steps": steps, "proof": proof})

    def write(self, path: Path) -> None:
        """Write the trace whole; `InputError` if the path cannot be written."""
        write_whole(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines).encode())


@dataclass(frozen=True)
class Replay:
    """What running a trace again gave."""

    steps: int
    differences: tuple[str, ...]
    """What came out otherwise than recorded: one sentence each."""
    skipped: int
    """Steps that ended for want of time or memory, then or now, and say nothing."""


def read_trace(path: Path) -> Trace:
    """The trace in a file; `InputError` if it is not one, or ends early."""
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except FileNotFoundError:
        raise InputError("no such file", str(path)) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not JSON lines: {error}", str(path)) from None
    if not (lines and all(isinstance(line, dict) for line in lines) and lines[0].get("schema") == SCHEMA):
        raise InputError(f"not a trace of the schema {SCHEMA}", str(path))
    if "end" not in lines[-1]:
        raise InputError("the trace has no end", str(path), "run the search again")
    return Trace(lines)


def replay(trace: Trace, environment: Environment) -> Replay:
    """Run every expansion of the trace again and compare what comes out, the proof included.

    Raises `InputError` if the problem's file does not get to its `sorry` any more.
    """
    head, *expansions, end = trace.lines
    problem = Problem(
        head["theorem"],
        head["before"],
        head["after"],
        frozenset(head["forbidden"]),
        Path(head["package"]) if head["package"] else None,
    )
    root = environment.root(problem)
    tree = Tree(root)
    steps, skipped, differences = 0, 0, []
    if _goals(root) != head["goals"]:
        differences.append("the root's goals are others")
    for number, line in enumerate(expansions, 1):
        goals = tuple(Goal(goal["text"], goal["key"]) for goal in line["goals"])
        node = tree.find(TacticState(problem, goals))
        if node is None or [[step.tactic, step.child] for step in node.state.path] != line["path"]:
            differences.append(f"expansion {number}: no expansion before it leads to its state")
            continue
        tried = [Suggestion(tactic, log_probability) for tactic, log_probability in line["tactics"]]
        try:
            outcomes = environment.submit(node.state, [suggestion.tactic for suggestion in tried]).result()
        except StateLost as lost:
            differences.append(f"expansion {number}: {lost}")
            continue
        steps += len(tried)
        for suggestion, outcome, recorded in zip(tried, outcomes, line["outcomes"], strict=True):
            now = _described(outcome)
            if _NOT_REPEATABLE & {now.get("refused"), recorded.get("refused")}:
                skipped += 1
            elif _compared(now) != _compared(recorded):
                differences.append(f"expansion {number}: {suggestion.tactic}: {now}, recorded was {recorded}")
        tree.expand(node, tried, outcomes)
    proof = script_for(problem, tree.proof()) if tree.root.proof else None
    if proof != end["proof"]:
        differences.append(f"the proof is {proof!r}, recorded was {end['proof']!r}")
    return Replay(steps, tuple(differences), skipped)


def _goals(state: TacticState) -> list[dict[str, str]]:
    return [{"text": goal.text, "key": goal.key} for goal in state.goals]


def _described(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Closed():
            return {"closed": True}
        case Opened(states):
            return {"opened": [_goals(state) for state in states]}
        case _:
            return {"refused": outcome.reason, "message": outcome.message}


def _compared(described: dict[str, Any]) -> dict[str, Any]:
    """Without the message, which is for people."""
    return {key: value for key, value in described.items() if key != "message"}
