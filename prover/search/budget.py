"""What a search may spend: seconds of wall clock, steps (tactics run), whichever ends first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Budget:
    """The limits of one search. `clock` gives seconds from any beginning."""

    seconds: float = math.inf
    steps: float = math.inf
    clock: Callable[[], float] = time.monotonic

    def start(self) -> Meter:
        """Nothing is spent, and the time runs from now on."""
        return Meter(self)


class Meter:
    """What is spent of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._started = budget, budget.clock()
        self.steps = 0

    @property
    def seconds(self) -> float:
        return self._budget.clock() - self._started

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._budget.seconds - self.seconds)

    @property
    def steps_left(self) -> float:
        return self._budget.steps - self.steps

    @property
    def over(self) -> Literal["seconds", "steps"] | None:
        """The limit that is reached."""
        if self.seconds >= self._budget.seconds:
            return "seconds"
        return "steps" if self.steps_left <= 0 else None

    @property
    def share(self) -> float:
        """The part of the budget that is spent, from 0 to 1."""
        return min(1.0, max(self.seconds / self._budget.seconds, self.steps / self._budget.steps))
