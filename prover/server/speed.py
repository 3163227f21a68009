"""Tactic steps per second of one Lean process: a fixed mix of goals and tactics, each tactic on each goal in turn.

What is counted is what a search sees: from the request to the answer, with the goals printed and hashed. A step that
is refused counts too, since most steps of a search are refused.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from q35.certify.machine import machine
from q35.lean import Report, Toolchain, silent
from q35prover.imports import module_setup
from q35prover.interface import Problem
from q35prover.server.client import Client

GOALS = (
    "(a b c : Nat) (hab : a < b) (hbc : b < c) : a + 1 < c",
    "(p q r : Prop) (hp : p) (hqr : q ∧ r) : (p ∧ q) ∧ r",
    "(xs ys : List Nat) : (xs ++ ys).length = ys.length + xs.length",
    "(x y : BitVec 8) (h : x &&& y = 0#8) : x ||| y = x + y",
    "(x y : Int) (h : 2 * x + 1 ≤ y) (k : 0 ≤ x) : x < y",
    "(f : Nat → Nat) (h : ∀ n, f n = n + 1) : f (f 0) = 2",
)
TACTICS = (
    "intro h", "constructor", "assumption", "exfalso", "rfl", "simp", "simp_all", "omega", "decide", "grind",
    "have h0 : 0 ≤ 1 := by decide", "apply Nat.lt_of_lt_of_le", "exact no_such_name", "no such tactic",
)  # fmt: skip
_LIMIT, _SECONDS = 2000, 60.0


@dataclass(frozen=True)
class Line:
    """One tactic: `steps` of it a second, the median step in milliseconds, and how many were not refused."""

    tactic: str
    steps: int
    per_second: float
    median_ms: float
    applied: int


@dataclass(frozen=True)
class Speed:
    """The figures of one process. `start_seconds`: from nothing to the first goal, the import included."""

    toolchain: str
    imports: str
    start_seconds: float
    ping_ms: float
    steps: int
    per_second: float
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON data, the machine included."""
        return {"schema": "q35.prover-speed/1", "machine": machine(), **asdict(self)}

    def shown(self) -> str:
        """A table for people, its summary last."""
        rows = [f"{'tactic':30}  steps/s  median ms  applied"]
        for line in self.lines:
            rows.append(
                f"{line.tactic:30}  {line.per_second:7.0f}  {line.median_ms:9.2f}  {line.applied:3} of {line.steps}"
            )
        rows.append(
            f"{self.per_second:.0f} steps/s over {self.steps} steps; start {self.start_seconds:.1f} s, a request "
            f"{self.ping_ms:.2f} ms; {self.imports}; {self.toolchain.split(' sha512')[0]}; {machine()['processor']}"
        )
        return "\n".join(rows)


def measure(
    client: Client, toolchain: Toolchain, rounds: int = 5, imports: str = "import Init", report: Report = silent
) -> Speed:
    """Measure the client's process; the first round warms it up, `rounds` more are counted.

    `imports` is the header of the goals' file: modules of Lean's own library.
    """
    problems = [Problem("it", f"{imports}\ntheorem it {goal} := by\n  ", "\n") for goal in GOALS]
    setup = module_setup(toolchain, problems[0])
    began = time.perf_counter()
    roots = [client.root(problem, setup) for problem in problems]
    start = time.perf_counter() - began
    pings = [_timed(lambda: client.server.request("ping")) for _ in range(20)]
    took: dict[str, list[float]] = {tactic: [] for tactic in TACTICS}
    applied = dict.fromkeys(TACTICS, 0)
    for turn in range(rounds + 1):
        report("measuring tactic steps", turn, rounds + 1)
        for tactic in TACTICS:
            for root in roots:
                before = time.perf_counter()
                (ran,) = client.run(root, [tactic], _LIMIT, _SECONDS)
                if turn:
                    took[tactic].append(time.perf_counter() - before)
                    applied[tactic] += ran.refused is None
                client.forget(ran.left)
    every = [seconds for times in took.values() for seconds in times]
    return Speed(
        toolchain=toolchain.identity,
        imports=imports,
        start_seconds=start,
        ping_ms=1000 * statistics.median(pings),
        steps=len(every),
        per_second=len(every) / sum(every),
        lines=tuple(
            Line(tactic, len(times), len(times) / sum(times), 1000 * statistics.median(times), applied[tactic])
            for tactic, times in took.items()
        ),
    )


def _timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before
