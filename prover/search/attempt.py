"""One attempt at a problem: a method and a policy, let loose on an environment until a proof or the budget's end."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Literal

from q35.lean.progress import Report, silent
from q35prover.interface import Environment, Outcome, Policy, Problem, StateLost, TacticState
from q35prover.search.budget import Budget, Meter
from q35prover.search.frontier import Frontier, Method, Selection
from q35prover.search.script import (
    Example,
    Partial,
    ValueTarget,
    best_partial,
    examples,
    script_for,
    value_targets,
)
from q35prover.search.trace import Trace
from q35prover.search.tree import Proof, Tree

Reason = Literal["proved", "exhausted", "steps", "seconds"]
"""Why a search ended. Exhausted: everything that the policy has was tried."""


@dataclass(frozen=True)
class Attempt:
    """What came of it."""

    problem: Problem
    reason: Reason
    proof: Proof | None
    partial: Partial
    """The proof; without one, the most promising beginning of one."""
    steps: int
    """Tactics run."""
    seconds: float
    """Wall clock, without the time that the environment took to get to the problem's root."""
    expansions: int
    """Requests, of one or more tactics each."""
    states: int
    """Different tactic states that were seen."""
    examples: tuple[Example, ...]
    value_targets: tuple[ValueTarget, ...]

    @property
    def script(self) -> str | None:
        """The text that stands for the problem's `sorry`."""
        return script_for(self.problem, self.proof) if self.proof else None

    @property
    def tactics(self) -> int | None:
        """Tactics in the proof."""
        return self.proof.length if self.proof else None

    @property
    def stuck(self) -> list[TacticState]:
        """The states that the most promising beginning leaves open."""
        return self.partial.holes


def attempt(
    problem: Problem,
    environment: Environment,
    policy: Policy,
    method: Method,
    budget: Budget,
    seed: int = 0,
    report: Report = silent,
    trace: Trace | None = None,
) -> Attempt:
    """Search for a proof of the problem; the trace, if there is one, is filled on the way.

    With one worker the result depends on the arguments alone (unless seconds end it). That no proof is found is no
    error; a state that the environment cannot reach again is given up. Raises `InputError` if the problem's file does
    not get to its `sorry`, and what else the environment raises.
    """
    root = environment.root(problem)
    meter = budget.start()
    tree = Tree(root)
    if trace:
        trace.begin(root, method.name, policy.name, seed)
    run = _Run(environment, tree, method.start(tree, policy, seed), meter, report, trace)
    reason = run.until_the_end()
    found = tree.proof() if tree.root.proof else None
    if trace:
        trace.end(reason, meter.steps, script_for(problem, found) if found else None)
    return Attempt(
        problem=problem,
        reason=reason,
        proof=found,
        partial=best_partial(tree),
        steps=meter.steps,
        seconds=meter.seconds,
        expansions=run.expansions,
        states=len(tree.nodes),
        examples=tuple(examples(found)) if found else (),
        value_targets=tuple(value_targets(tree)),
    )


@dataclass
class _Run:
    environment: Environment
    tree: Tree
    frontier: Frontier
    meter: Meter
    report: Report
    trace: Trace | None
    expansions: int = 0

    def until_the_end(self) -> Reason:
        """Keep every worker busy. Requests still in flight at the end are cancelled, or ignored if they run."""
        flying: dict[Future[list[Outcome]], Selection] = {}
        try:
            while self.tree.root.status == "open":
                self._fill(flying)
                over = self.meter.over
                if over == "seconds" or (over and not flying):
                    return over
                if not flying:
                    return "exhausted"
                done, _ = wait(flying, self._patience(), FIRST_COMPLETED)
                for future in [future for future in flying if future in done]:
                    self._take(flying.pop(future), future)
        finally:
            for future in flying:
                future.cancel()
        return "proved" if self.tree.root.status == "proved" else "exhausted"

    def _fill(self, flying: dict[Future[list[Outcome]], Selection]) -> None:
        while len(flying) < self.environment.workers and not self.meter.over:
            selection = self.frontier.select(int(min(self.meter.steps_left, _MOST_AT_ONCE)))
            if selection is None:
                return
            tactics = [suggestion.tactic for suggestion in selection.tactics]
            flying[self.environment.submit(selection.node.state, tactics, until_closed=True)] = selection
            self.meter.steps += len(tactics)
            self.expansions += 1
            self.report(_headline(selection.node.state), self.meter.share, 1.0)

    def _take(self, selection: Selection, future: Future[list[Outcome]]) -> None:
        selection.node.pending = False
        try:
            outcomes = future.result()
        except StateLost:
            self.tree.give_up(selection.node)
            self.frontier.update(selection, [])
            return
        tried = selection.tactics[: len(outcomes)]
        self.meter.steps -= len(selection.tactics) - len(tried)
        added = self.tree.expand(selection.node, tried, outcomes)
        if self.trace:
            self.trace.expansion(selection.node.state, tried, outcomes)
        if self.tree.root.status == "open":
            self.frontier.update(selection, added)

    def _patience(self) -> float | None:
        """Seconds to wait for an answer: to the end of the budget; None: no end."""
        left = self.meter.seconds_left
        return left if left < float("inf") else None


_MOST_AT_ONCE = 1 << 16


def _headline(state: TacticState) -> str:
    """The state that is tried now, in one line: what its first goal says, and how many there are."""
    conclusion = " ".join(state.goals[0].text.rpartition("⊢")[2].split())
    more = f" (and {len(state.goals) - 1} more)" if len(state.goals) > 1 else ""
    steps = len(state.path)
    return f"{state.problem.theorem}, after {steps} tactics: ⊢ {conclusion[:120]}{more}"
