"""Proofs that people wrote, run again step by step: the states that Mathlib's text alone does not show.

For the theorems of this project's own library, whose modules are built here, and the goals of our field that are there
for tuning. A theorem is stated again, and its extracted steps are run; the goals that a nested block proves are found
by trying.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from q35prover.benchmark.problems import entries
from q35prover.benchmark.statements import read_statements
from q35prover.extract.declarations import theorems
from q35prover.extract.tactics import Node, lengths
from q35prover.interface import Closed, Environment, Opened, Policy, Problem, TacticState
from q35prover.search.script import Example
from q35prover.train.data import Source

VARIANT = "~"
"""Stands between a theorem's name and the number of its variant."""


@dataclass(frozen=True)
class WrittenProof:
    """A theorem (`statement`: from behind its name to before its proof), what stands before it, and its proof's steps.

    `package` holds the modules that `header` imports (None: Lean's own alone), `original` is the statement of the
    theorem that this one was varied from, or its own.
    """

    source: Source
    file: str
    name: str
    header: str
    statement: str
    block: list[Node]
    package: Path | None
    original: str

    @property
    def problem(self) -> Problem:
        before = f"{self.header}theorem again {self.statement} := by\n  "
        return Problem(self.name, before, "\n", frozenset([self.name.partition(VARIANT)[0]]), self.package)


def library_proofs(package: Path) -> Iterator[WrittenProof]:
    """The theorems of the library `Q35` in the folder `package` that are proved by tactics."""
    for path in sorted((package / "Q35").rglob("*.lean")):
        for theorem in theorems(path.read_text(encoding="utf-8")):
            if theorem.steps:
                header = f"import Q35\n\nnamespace {theorem.namespace}\n\n" if theorem.namespace else "import Q35\n\n"
                file, statement = path.relative_to(package.parent).as_posix(), theorem.statement
                yield WrittenProof("library", file, theorem.name, header, statement, theorem.steps, package, statement)


def field_proofs(references: Path) -> Iterator[WrittenProof]:
    """The reference proofs, in the folder `references`, of the goals of our field that are there for tuning."""
    tuning = {entry.name: entry.problem for entry in entries("field", ("tuning",))}
    for path in sorted(references.glob("*.lean")):
        for written in read_statements(path):
            if written.name in tuning:
                (theorem,) = theorems(f"{written.text}{written.proof}\n")
                file, statement = f"field/{path.stem}", theorem.statement
                package = tuning[written.name].package
                yield WrittenProof(
                    "field", file, written.name, written.header, statement, theorem.steps, package, statement
                )


def replay(block: list[Node], root: TacticState, environment: Environment) -> tuple[list[Example], bool]:
    """What each step was run on, as far as the proof runs, and whether it runs to its end."""
    run = _Replay(environment)
    return run.examples, run.block(block, [root]) == []


Tried = tuple[tuple[str, bool], ...]
"""Tactics that were run on a state, and whether each closed it."""


def probe(example: Example, environment: Environment, policy: Policy, count: int) -> Tried:
    """What the `count` likeliest of the policy's tactics do on the state, other than the example's own."""
    (suggestions,) = policy.suggest([example.state], count)
    tactics = [suggestion.tactic for suggestion in suggestions if suggestion.tactic != example.tactic]
    outcomes = environment.submit(example.state, tactics).result() if tactics else []
    return tuple((tactic, isinstance(outcome, Closed)) for tactic, outcome in zip(tactics, outcomes, strict=True))


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
