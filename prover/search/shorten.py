"""Shorter proofs from a proof: a branch replaced by one closing tactic, steps left out, steps merged.

Whatever is tried, the environment judges it, and only what has fewer tactics is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from q35prover.interface import Closed, Environment, Opened, Outcome, Refused, StateLost, TacticState
from q35prover.search.budget import Budget, Meter
from q35prover.search.tree import Proof

CLOSERS = ("rfl", "assumption", "omega", "simp", "simp_all", "decide", "grind")
"""Tactics that close a goal or fail, the cheapest first."""


def shorten(proof: Proof, environment: Environment, budget: Budget, closers: Sequence[str] = CLOSERS) -> Proof:
    """A proof of the same state with as few tactics or fewer: as short as these means get it within the budget."""
    work = _Work(environment, budget.start(), tuple(closers))
    while (better := work.shorter(proof)).length < proof.length:
        proof = better
    return proof


@dataclass
class _Work:
    environment: Environment
    meter: Meter
    closers: tuple[str, ...]
    known: dict[tuple[TacticState, str], Outcome] = field(default_factory=dict)

    def shorter(self, proof: Proof) -> Proof:
        """One pass, from the root down. The first thing that helps at a state is kept, and gone on from."""
        if proof.length == 1:
            return proof
        for closer in self.closers:
            if isinstance(self._run(proof.state, closer), Closed):
                return Proof(proof.state, closer)
        for other in self._others(proof):
            again = self._rerun(other, proof.state)
            if again and again.length < proof.length:
                return self.shorter(again)
        return replace(proof, branches=tuple(self.shorter(branch) for branch in proof.branches))

    def _others(self, proof: Proof) -> Iterator[Proof]:
        """What might prove the state too: each branch without the step before it; the step merged with the next."""
        yield from proof.branches
        if len(proof.branches) == 1:
            (branch,) = proof.branches
            if together := merged(proof.tactic, branch.tactic):
                yield Proof(proof.state, together, branch.branches)

    def _rerun(self, proof: Proof, state: TacticState) -> Proof | None:
        """The proof's tactics on another state: a proof of that one, or None."""
        match self._run(state, proof.tactic):
            case Closed():
                return Proof(state, proof.tactic)
            case Opened(states) if len(states) == len(proof.branches):
                branches = []
                for branch, opened in zip(proof.branches, states, strict=True):
                    again = self._rerun(branch, opened)
                    if again is None:
                        return None
                    branches.append(again)
                return Proof(state, proof.tactic, tuple(branches))
        return None

    def _run(self, state: TacticState, tactic: str) -> Outcome | None:
        """What the tactic does; None if it is not known and the budget is spent."""
        if (state, tactic) not in self.known:
            if self.meter.over:
                return None
            self.meter.steps += 1
            try:
                (self.known[state, tactic],) = self.environment.submit(state, [tactic]).result()
            except StateLost as lost:
                self.known[state, tactic] = Refused("crash", str(lost))
        return self.known[state, tactic]


def merged(first: str, second: str) -> str | None:
    """One tactic for two of a kind in a row (`intro x`, `intro y` or `rw [a]`, `rw [b]`), None if they are not."""
    both = f"{first}\n{second}"
    if intros := re.fullmatch(r"intro (\S+(?: \S+)*)\nintro (\S+(?: \S+)*)", both):
        return f"intro {intros[1]} {intros[2]}"
    if rewrites := re.fullmatch(r"(rw|simp only) \[([^\n]*)\]\n\1 \[([^\n]*)\]", both):
        return f"{rewrites[1]} [{rewrites[2]}, {rewrites[3]}]"
    return None
