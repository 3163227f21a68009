"""Proofs that people wrote, run again step by step: the states that Mathlib's text alone does not show.

For the theorems of this project's own library, whose modules are built here. A theorem is stated again, with the
whole library imported, and its extracted steps are run; the goals that a nested block proves are found by trying.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from q35prover.extract.declarations import theorems
from q35prover.extract.tactics import Node, lengths
from q35prover.interface import Closed, Environment, Opened, Problem, TacticState
from q35prover.search.script import Example


@dataclass(frozen=True)
class WrittenProof:
    """A theorem as a problem, and the steps of its proof."""

    file: str
    statement: str
    problem: Problem
    block: list[Node]


def written_proofs(package: Path) -> list[WrittenProof]:
    """The theorems of the library `Q35` in the folder `package` that are proved by tactics."""
    found: list[WrittenProof] = []
    for path in sorted((package / "Q35").rglob("*.lean")):
        for theorem in theorems(path.read_text(encoding="utf-8")):
            if theorem.steps:
                header = f"import Q35\n\nnamespace {theorem.namespace}\n\n" if theorem.namespace else "import Q35\n\n"
                before = f"{header}theorem again {theorem.statement} := by\n  "
                problem = Problem(theorem.name, before, "\n", frozenset([theorem.name]), package)
                file = path.relative_to(package.parent).as_posix()
                found.append(WrittenProof(file, theorem.statement, problem, theorem.steps))
    return found


def replay(block: list[Node], root: TacticState, environment: Environment) -> tuple[list[Example], bool]:
    """What each step was run on, as far as the proof runs, and whether it runs to its end."""
    run = _Replay(environment)
    return run.examples, run.block(block, [root]) == []


@dataclass
class _Replay:
    environment: Environment
    examples: list[Example] = field(default_factory=list)

    def block(self, nodes: list[Node], states: list[TacticState]) -> list[TacticState] | None:
        """What the steps leave of the states; None if one fails."""
        for node, remaining in zip(nodes, lengths(nodes), strict=True):
            if not states:
                return None
            state, *others = states
            opened: list[TacticState] | None = [state]
            if node.text is not None:
                opened = self.step(state, node.text, remaining)
            for inner in node.blocks:
                opened = opened and self.without_proved(inner, opened)
            if opened is None:
                return None
            states = opened + others
        return states

    def step(self, state: TacticState, tactic: str, remaining: int) -> list[TacticState] | None:
        """The states that the tactic leaves; None if it fails."""
        (outcome,) = self.environment.submit(state, [tactic]).result()
        if not isinstance(outcome, Closed | Opened):
            return None
        self.examples.append(Example(state, tactic, remaining))
        return list(outcome.states) if isinstance(outcome, Opened) else []

    def without_proved(self, block: list[Node], states: list[TacticState]) -> list[TacticState] | None:
        """The states without one that the block proves; None if it proves none.

        The main goal is tried last: with it, `have` goes on, and what proves a small goal may take long to fail on it.
        """
        for index in [*range(1, len(states)), 0]:
            kept = len(self.examples)
            if self.block(block, [states[index]]) == []:
                return states[:index] + states[index + 1 :]
            del self.examples[kept:]
        return None
