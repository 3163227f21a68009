"""The honest baseline: the core tactics by themselves, one after the other. One of them has to close the goal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from q35prover.interface import Suggestion, TacticState

TACTICS = (
    "rfl",
    "trivial",
    "assumption",
    "omega",
    "decide",
    "decide +revert +kernel",
    "simp",
    "bv_omega",
    "simp_all",
    "grind",
    "intros; omega",
    "intros; bv_omega",
    "intros; simp_all",
    "intros; grind",
    "intros; rfl",
    "simp <;> omega",
    "simp_all <;> omega",
    "simp <;> grind",
    "simp +arith",
    "contradiction",
    "exfalso; omega",
    "ext; simp",
    "funext; simp",
    "constructor <;> omega",
    "constructor <;> simp",
    "constructor <;> grind",
    "split <;> omega",
    "split <;> grind",
    "repeat' constructor",
    "ac_rfl",
    "norm_cast",
    "subst_vars; simp",
)
"""The quick and common ones first."""


class Portfolio:
    """Proposes the same tactics for every problem, in their order; the n-th has a probability proportional to 1/n."""

    name = "portfolio"

    def __init__(self, tactics: Sequence[str] = TACTICS) -> None:
        total = sum(1 / place for place in range(1, len(tactics) + 1))
        self._suggestions = [Suggestion(tactic, -math.log(n * total)) for n, tactic in enumerate(tactics, 1)]

    def suggest(self, states: Sequence[TacticState], count: int) -> list[list[Suggestion]]:
        """The first `count` tactics for a problem's root, and none for what a tactic leaves."""
        return [[] if state.path else self._suggestions[:count] for state in states]

    def remaining(self, states: Sequence[TacticState]) -> list[float]:
        """Always 1: what one tactic does not close is not closed."""
        return [1.0 for _ in states]
