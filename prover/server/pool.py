"""Several Lean processes as one environment: they restart after a death and replay what they held.

A state is named by its problem and its path of steps. A request goes to an idle process, one that holds its state if
there is one; otherwise the steps from the nearest ancestor that is held (at worst the problem's file) run again first.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from q35.errors import ToolchainError
from q35.lean import Report, ServerDied, Toolchain, silent
from q35.lean.launcher import MEMORY_LIMIT
from q35.lean.package import Import, parse_header
from q35.lean.server import TimedOut
from q35prover.gate.forbidden import forbidden_word
from q35prover.imports import module_setup
from q35prover.interface import Closed, Opened, Outcome, Problem, Refused, StateLost, Step, TacticState
from q35prover.server.client import Client, Left, Ran

_REPLAY_SLACK = 2
"""A replay gets this many times the limits: it must not fail at one that the first run just met."""
_DEATHS = 2
"""What ended this many processes is not tried again."""
_PROBLEMS_HELD = 8
"""A process forgets the states of all but the latest problems that it worked on."""

_Path = tuple[Step, ...]


@dataclass(frozen=True)
class Limits:
    """What a step may take: `heartbeats` (thousands) and wall-clock `seconds`; and a process: `memory` (bytes).

    2000 thousand heartbeats are about 0.6 s of `omega`: a step that takes longer seldom ends a proof.
    """

    heartbeats: int = 2000
    seconds: float = 20.0
    memory: int = int(0.7 * MEMORY_LIMIT)


@dataclass
class Counts:
    """What a pool has done: steps asked for, and steps `replayed` because their state was not held (any more)."""

    steps: int = 0
    replayed: int = 0


@dataclass
class _Worker:
    """A process, and the states that it holds, the problem of the latest request last."""

    client: Client
    held: collections.OrderedDict[Problem, dict[_Path, Left]] = field(default_factory=collections.OrderedDict)

    def lose(self) -> None:
        """End the process; what it held is replayed on demand."""
        self.client.close()
        self.held.clear()

    def states(self, problem: Problem) -> dict[_Path, Left]:
        """The held states of a problem; those of the problems that were not worked on for longest are forgotten."""
        states = self.held.setdefault(problem, {})
        self.held.move_to_end(problem)
        while len(self.held) > _PROBLEMS_HELD:
            self.client.forget(self.held.popitem(last=False)[1].values())
        return states


class Pool:
    """`Environment` over `workers` processes of the toolchain. Use as a context manager.

    A tactic that ended two processes is `Refused("crash")`, one past its seconds `Refused("seconds")`, and the other
    tactics of the same request are answered all the same. An embedded process takes 2.5 GB.
    """

    def __init__(
        self, toolchain: Toolchain, workers: int = 1, limits: Limits | None = None, report: Report = silent
    ) -> None:
        self.limits, self.counts = limits or Limits(), Counts()
        self._toolchain, self._report = toolchain, report
        self._setups: dict[tuple[Path | None, tuple[Import, ...]], dict[str, Any]] = {}
        self._setting_up = threading.Lock()
        self._workers = [_Worker(Client(toolchain)) for _ in range(workers)]
        self._idle = list(self._workers)
        self._choosing = threading.Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="lean-pool")
        self._closed = False

    @property
    def workers(self) -> int:
        return len(self._workers)

    @property
    def starts(self) -> int:
        """How often a process was started."""
        return sum(worker.client.server.starts for worker in self._workers)

    def root(self, problem: Problem) -> TacticState:
        """The state at the problem's `sorry`. Raises `InputError` when the file does not get that far."""
        left = self._threads.submit(self._with_worker, self._reach, problem, ()).result()
        return TacticState(problem, left.goals)

    def submit(self, state: TacticState, tactics: Sequence[str], until_closed: bool = False) -> Future[list[Outcome]]:
        """Try each tactic on the state, each from that same state; one outcome a tactic, in their order.

        `until_closed`: those behind the first that closes the state are not tried, and have no outcome. The future
        raises `StateLost` if the state cannot be reached again.
        """
        arguments = state, tuple(tactics), until_closed
        return self._threads.submit(self._with_worker, self._try, state.problem, state.path, *arguments)

    def close(self) -> None:
        """End the processes; requests that have not begun are cancelled, those that have fail."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.client.close()
        self._threads.shutdown()
        for worker in self._workers:  # one may just have been starting
            worker.client.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _with_worker(self, work: Any, problem: Problem, path: _Path, *arguments: Any) -> Any:
        """Lend an idle process to `work`; there is one for each thread."""
        with self._choosing:
            worker = max(self._idle, key=lambda worker: path in worker.held.get(problem, {}))
            self._idle.remove(worker)
        try:
            if worker.client.server.memory > self.limits.memory:
                worker.lose()
            return work(worker, problem, path, *arguments)
        finally:
            with self._choosing:
                self._idle.append(worker)

    def _reach(self, worker: _Worker, problem: Problem, path: _Path) -> Left:
        """The state at the end of the path in this worker's process, replayed if need be."""
        for death in range(_DEATHS):
            try:
                return self._replay(worker, problem, path)
            except ServerDied as died:
                self._survive(worker, died)
                if death + 1 == _DEATHS:
                    raise StateLost(f"the steps to a state of {problem.theorem} end the process: {died}") from died
        raise AssertionError

    def _replay(self, worker: _Worker, problem: Problem, path: _Path) -> Left:
        if not worker.client.server.alive:
            worker.lose()
        states = worker.states(problem)
        known = next((length for length in range(len(path), -1, -1) if path[:length] in states), None)
        if known is None:
            states[()] = worker.client.root(problem, self._setup(problem))
            known = 0
        slack, limits = _REPLAY_SLACK, self.limits
        for length in range(known, len(path)):
            before, step = path[:length], path[length]
            (ran,) = worker.client.run(states[before], [step.tactic], slack * limits.heartbeats, slack * limits.seconds)
            self.counts.replayed += 1
            if step.child >= len(ran.left):
                raise StateLost(f"in {problem.theorem} a second run of `{step.tactic}` did not do what the first did")
            self._keep(states, before, step.tactic, ran)
        return states[path]

    def _try(
        self,
        worker: _Worker,
        problem: Problem,
        path: _Path,
        state: TacticState,
        tactics: Sequence[str],
        until_closed: bool,
    ) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        for index, tactic in enumerate(tactics):
            if word := forbidden_word(tactic):
                outcomes[index] = Refused("error", f"`{word}` may not stand in a proof")
        deaths: collections.Counter[int] = collections.Counter()
        end = len(tactics)
        while waiting := [index for index in range(end) if index not in outcomes]:
            left = self._reach(worker, problem, path)
            if tuple(goal.key for goal in left.goals) != state.key:
                raise StateLost(f"a second run of the steps to a state of {problem.theorem} led to another state")
            running = iter(waiting)
            try:
                current = next(running)
                for ran in worker.client.run(
                    left, [tactics[i] for i in waiting], self.limits.heartbeats, self.limits.seconds, until_closed
                ):
                    self.counts.steps += 1
                    outcomes[current] = self._outcome(worker, state, tactics[current], ran)
                    if until_closed and isinstance(outcomes[current], Closed):
                        end = current + 1
                    current = next(running, current)
            except TimedOut as died:
                self._survive(worker, died)
                outcomes.setdefault(current, Refused("seconds", str(died)))
            except ServerDied as died:
                self._survive(worker, died)
                deaths[current] += 1
                if deaths[current] >= _DEATHS:
                    outcomes.setdefault(current, Refused("memory" if "memory" in str(died) else "crash", str(died)))
        return [outcomes[index] for index in range(end)]

    def _outcome(self, worker: _Worker, state: TacticState, tactic: str, ran: Ran) -> Outcome:
        if ran.refused:
            return Refused(ran.refused, ran.message)
        if not ran.left:
            return Closed()
        self._keep(worker.states(state.problem), state.path, tactic, ran)
        return Opened(
            tuple(
                TacticState(state.problem, left.goals, (*state.path, Step(tactic, child)))
                for child, left in enumerate(ran.left)
            )
        )

    def _keep(self, states: dict[_Path, Left], before: _Path, tactic: str, ran: Ran) -> None:
        for child, left in enumerate(ran.left):
            states[(*before, Step(tactic, child))] = left

    def _survive(self, worker: _Worker, died: ServerDied) -> None:
        """After a death: the worker holds nothing. A pool that is being closed starts no process again."""
        worker.lose()
        if self._closed:
            raise ToolchainError("the pool of Lean processes was closed") from died

    def _setup(self, problem: Problem) -> dict[str, Any]:
        imports = parse_header(problem.before)[1] if problem.package else []
        key = (problem.package, tuple(imports))
        with self._setting_up:
            if key not in self._setups:
                self._setups[key] = module_setup(self._toolchain, problem, self._report)
            return self._setups[key]
