"""One Lean process that holds proof states, with typed answers (`proof_state.lean` is its other half)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from q35.errors import InputError, ToolchainError
from q35.lean import Server, ServerDied, Toolchain
from q35prover.interface import Goal, Problem, RefusalReason

PROGRAM = Path(__file__).resolve().with_name("proof_state.lean")
_ROOT_SECONDS = 600.0


@dataclass(frozen=True)
class Left:
    """A state that the `process`-th process of a client holds under the number `id`; its goals, the main one first."""

    process: int
    id: int
    goals: tuple[Goal, ...]


@dataclass(frozen=True)
class Ran:
    """What a tactic did: the states it left (none: all is closed), or why it was refused.

    `heartbeats` are Lean's own count (a thousandth of the unit of `maxHeartbeats`), `seconds` wall-clock time.
    """

    left: tuple[Left, ...]
    refused: RefusalReason | None
    message: str
    heartbeats: int
    seconds: float


class Client:
    """A process and its states. It starts at the first request, and a dead one again at the next: without states.

    Not for use by two threads at once. Use as a context manager, or call `close`.
    """

    def __init__(self, toolchain: Toolchain) -> None:
        self.server: Server = toolchain.start_server((), PROGRAM)

    def close(self) -> None:
        """End the process and with it the states."""
        self.server.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def root(self, problem: Problem, setup: dict[str, Any]) -> Left:
        """Elaborate the problem's file up to its `sorry` and hold the state there.

        Raises `InputError` if the file does not get there, and `ServerDied` as every request.
        """
        position = len(problem.before.encode())
        what = {"cmd": problem.source, "sorry": position, "forbidden": sorted(problem.forbidden), "setup": setup}
        answer = self.server.request("root", _ROOT_SECONDS, **what)
        here = (problem.before.count("\n") + 1, len(problem.before.rpartition("\n")[2]))
        errors = [m for m in answer.get("messages", []) if m["severity"] == "error"]
        earlier = [m for m in errors if (m["pos"]["line"], m["pos"]["column"]) < here]
        if "state" in answer and not earlier:
            return self._left(answer["state"])
        said = [f"line {m['pos']['line']}: {m['data']}" for m in earlier or errors]
        why = (said or [answer.get("message", "")])[0]
        raise InputError(f"no goal at the sorry in line {here[0]} of {problem.theorem}: {why}".rstrip(": "))

    def run(
        self, state: Left, tactics: Sequence[str], heartbeats: int, seconds: float, until_closed: bool = False
    ) -> Iterator[Ran]:
        """Try each tactic on the state, from that same state; what each did, as soon as it is known.

        `heartbeats` (thousands) and `seconds` limit each of them. `until_closed`: the first that closes the state is
        the last one. Raises `TimedOut` when the process was ended for
        exceeding the seconds, and `ServerDied` when it ended otherwise, be it before this call.
        """
        if not self.server.alive:
            raise ServerDied("the Lean process that held the state has ended")
        batch = [{"proofState": state.id, "tactics": list(tactics), "untilClosed": until_closed}]
        for answer in self.server.answers("batch", seconds, batch=batch, maxHeartbeats=heartbeats):
            if self.server.starts != state.process:
                raise ServerDied("the Lean process that held the state has ended")
            if answer.get("more"):
                yield self._ran(answer)
            elif "message" in answer:
                raise ToolchainError(f"the Lean process refused a step: {answer['message']}")

    def forget(self, states: Iterable[Left]) -> None:
        """Let go of states. Those of a process that has ended are gone already."""
        if self.server.alive:
            self.server.request("forget", forget=[left.id for left in states if left.process == self.server.starts])

    def _left(self, answer: dict[str, Any]) -> Left:
        goals = tuple(Goal(goal["text"], goal["key"]) for goal in answer["goals"])
        return Left(self.server.starts, answer["proofState"], goals)

    def _ran(self, answer: dict[str, Any]) -> Ran:
        refused = answer.get("refused")
        assert refused is None or refused in get_args(RefusalReason)
        left = tuple(self._left(state) for state in answer.get("states", ()))
        return Ran(left, refused, answer.get("message", ""), answer["heartbeats"], answer["microseconds"] / 1e6)
