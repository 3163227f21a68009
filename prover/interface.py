"""The vocabulary of server, search and policies: problems, goals, states, what a tactic did. Data and protocols.

A state is what one branch of a proof has still to close. Goals that share no metavariable are proved apart, so they
are states of their own: a tactic that leaves three such goals gives three states (an AND). Goals that do share one
stay together in one state, and a tactic then acts on the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from q35.errors import ToolchainError


@dataclass(frozen=True)
class Problem:
    """One `sorry` of a Lean file: `before` and `after` are the file's text around it.

    `theorem` is the full name of the declaration that it stands in, `forbidden` the constants that a proof may not
    use, `package` the folder of the Lake package whose modules the file imports (None: Lean's own library alone).
    """

    theorem: str
    before: str
    after: str = ""
    forbidden: frozenset[str] = frozenset()
    package: Path | None = None

    @property
    def source(self) -> str:
        """The file as it is, with its `sorry`."""
        return f"{self.before}sorry{self.after}"


@dataclass(frozen=True)
class Goal:
    """A goal as Lean prints it (hypotheses, then `⊢`); `key` is equal for goals that differ in names only."""

    text: str
    key: str


@dataclass(frozen=True)
class Step:
    """A tactic, and which of the states that it left was gone on with."""

    tactic: str
    child: int = 0


@dataclass(frozen=True)
class TacticState:
    """Goals to be closed together, the main one first, and the steps from the problem's root that lead here.

    The steps name the state: a server that does not hold it (any more) replays them.
    """

    problem: Problem
    goals: tuple[Goal, ...]
    path: tuple[Step, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for states that differ in names only."""
        return tuple(goal.key for goal in self.goals)

    @property
    def text(self) -> str:
        """The goals as Lean prints them, a blank line between two."""
        return "\n\n".join(goal.text for goal in self.goals)


@dataclass(frozen=True)
class Closed:
    """The tactic closed every goal of the state, and no metavariable is left in what it built."""


@dataclass(frozen=True)
class Opened:
    """The tactic left goals: all of these states have to be proved."""

    states: tuple[TacticState, ...]


RefusalReason = Literal["parse", "error", "sorry", "metavariables", "heartbeats", "seconds", "memory", "crash"]


@dataclass(frozen=True)
class Refused:
    """The tactic did not apply, or was ended. The state it was tried on is as it was."""

    reason: RefusalReason
    message: str


Outcome = Closed | Opened | Refused


class StateLost(ToolchainError):
    """A state cannot be reached again: what led to it ends the process, or does not do what it did."""


class Environment(Protocol):
    """What runs tactics. `workers` requests are answered at the same time."""

    @property
    def workers(self) -> int: ...

    def root(self, problem: Problem) -> TacticState:
        """The state at the problem's `sorry`. Raises `InputError` when the file does not get that far."""
        ...

    def submit(self, state: TacticState, tactics: Sequence[str], until_closed: bool = False) -> Future[list[Outcome]]:
        """Try each tactic on the state, each from that same state; one outcome a tactic, in their order.

        `until_closed`: those behind the first that closes the state are not tried, and have no outcome. The future
        raises `StateLost` if the state cannot be reached again.
        """
        ...


@dataclass(frozen=True)
class Suggestion:
    """A tactic and the natural logarithm of the probability that the policy gives it."""

    tactic: str
    log_probability: float


class Policy(Protocol):
    """What proposes tactics. The same state and count give the same answer; a larger count only adds to it."""

    @property
    def name(self) -> str: ...

    def suggest(self, states: Sequence[TacticState], count: int) -> list[list[Suggestion]]:
        """For each state up to `count` tactics without repetition, the likeliest first."""
        ...

    def remaining(self, states: Sequence[TacticState]) -> list[float]:
        """For each state the expected number of tactics still needed, at least 1."""
        ...
