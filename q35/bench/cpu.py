"""`q35 bench cpu`: every contender's product on every shape, one call a turn, all in turn, cold and hot."""

from __future__ import annotations

import contextlib
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jsonschema

import q35spec
from q35 import __version__
from q35.bench import machine
from q35.bench.contenders import OURS, Contender
from q35.bench.problem import DISTINCT_ROWS, SEED, Problem
from q35.bench.process import NotMeasured, Process, evicting_memory, interrupts_held
from q35.bench.results import METHOD, Tell, description, digits, refuse_wrong
from q35.errors import InputError

SCHEMA = "q35.benchmark/1"
STATES = ("cold", "hot")


@dataclass(frozen=True)
class Request:
    """What to measure. `evicting_bytes` are read before each cold call; None for four times the largest cache."""

    problems: tuple[Problem, ...]
    rows: tuple[int, ...]
    threads: tuple[int, ...]
    rounds: int
    contenders: tuple[Contender, ...] = OURS
    evicting_bytes: int | None = None

    def __post_init__(self) -> None:
        numbers = [*self.rows, *self.threads, self.rounds]
        if not self.problems or not self.rows or not self.threads or min(numbers) < 1:
            raise InputError("there is nothing to measure", fix="name a shape, and rows, threads, rounds of at least 1")

    @property
    def turns(self) -> int:
        """How many turns there are at most."""
        cases = len(self.problems) * len(self.rows) * len(self.threads) * len(STATES)
        return cases * self.rounds * len(self.contenders)


def run(request: Request, tell: Tell) -> dict[str, Any]:
    """The whole benchmark as a valid document; what could not be measured is in it, with the reason."""
    started = datetime.now(UTC)
    evicting = request.evicting_bytes or machine.evicting_bytes()
    described = machine.describe()
    tell("the limits of this machine", 0, request.turns)
    roofs = machine.rooflines(request.threads, evicting)
    field = _Field(request, {roof["threads"]: roof for roof in roofs}, tell)
    with evicting_memory(evicting) as memory:
        for problem in request.problems:
            field.measure(problem, memory)
    document = {
        "schema": SCHEMA,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
        "machine": described,
        "software": {"python": platform.python_version(), "q35": __version__},
        "method": {
            "rounds": request.rounds,
            "evicting_bytes": evicting,
            "distinct_rows": DISTINCT_ROWS,
            "seed": SEED,
            "tolerated": METHOD,
        },
        "rooflines": roofs,
        "contenders": [field.description(contender) for contender in request.contenders],
        "results": field.results,
        "not_measured": field.not_measured,
    }
    jsonschema.validate(document, q35spec.schema("benchmark"))
    return document


class _Field:
    """All contenders on one problem after the other; collects the results."""

    def __init__(self, request: Request, roofs: dict[int, dict[str, Any]], tell: Tell) -> None:
        self._request, self._roofs, self._tell = request, roofs, tell
        self._details: dict[str, dict[str, str]] = {}
        self._turns = 0
        self.results: list[dict[str, Any]] = []
        self.not_measured: list[dict[str, Any]] = []

    def description(self, contender: Contender) -> dict[str, Any]:
        """A contender, its version, and what it told of itself."""
        return description(contender, self._details.get(contender.name, {}))

    def measure(self, problem: Problem, memory: int) -> None:
        """Every number of threads and of rows on one problem; each contender quantizes it once, and waits stopped."""
        with contextlib.ExitStack() as stack:
            prepared: dict[Contender, tuple[Process, dict[str, Any]]] = {}
            for contender in self._request.contenders:
                self._tell(f"{problem}: {contender.title}, quantizing", self._turns, self._request.turns)
                with interrupts_held():
                    process = stack.enter_context(Process.of(contender, memory))
                with self._noting(contender, problem):
                    answer = process.ask("prepare", inputs=problem.inputs, outputs=problem.outputs)
                    self._details[contender.name] = answer.pop("details")
                    prepared[contender] = process, answer
            for threads in self._request.threads:
                for rows in self._request.rows:
                    self._measure_product(problem, prepared, rows, threads)

    def _measure_product(
        self, problem: Problem, prepared: dict[Contender, tuple[Process, dict[str, Any]]], rows: int, threads: int
    ) -> None:
        where = f"{problem}, {rows} rows, {threads} threads"
        ready: dict[Contender, dict[str, Any]] = {}
        for contender in list(prepared):
            self._tell(f"{where}: {contender.title}, comparing", self._turns, self._request.turns)
            process, stored = prepared[contender]
            with self._noting(contender, problem, rows, threads):
                found = process.ask("select", rows=rows, threads=threads)
                refuse_wrong(found, stored["weight_rmse"])
                ready[contender] = {**stored, "output_rmse": found["output_rmse"]}
        for state in STATES:
            seconds: dict[Contender, list[float]] = {contender: [] for contender in ready}
            for turn in range(self._request.rounds):
                # Nobody comes always after the same one.
                order = [*ready][turn % max(len(ready), 1) :] + [*ready][: turn % max(len(ready), 1)]
                for contender in order:
                    self._tell(f"{where}, {state}: {contender.title}", self._turns, self._request.turns)
                    self._turns += 1
                    with self._noting(contender, problem, rows, threads):
                        seconds[contender].append(prepared[contender][0].ask("time", cold=state == "cold")["seconds"])
                        continue
                    del ready[contender], prepared[contender]
            for contender, errors in ready.items():
                self.results.append(self._result(contender, problem, rows, threads, state, seconds[contender], errors))

    def _result(
        self,
        contender: Contender,
        problem: Problem,
        rows: int,
        threads: int,
        state: str,
        seconds: list[float],
        errors: dict[str, Any],
    ) -> dict[str, Any]:
        median, roof = statistics.median(seconds), self._roofs[threads]
        weights = problem.inputs * problem.outputs
        weight_bytes = weights * errors["bits_per_weight"] / 8
        return {
            "contender": contender.name,
            "inputs": problem.inputs,
            "outputs": problem.outputs,
            "rows": rows,
            "threads": threads,
            "state": state,
            "milliseconds": digits(median * 1e3),
            "least_milliseconds": digits(min(seconds) * 1e3),
            "most_milliseconds": digits(max(seconds) * 1e3),
            "bits_per_weight": digits(errors["bits_per_weight"]),
            "weight_rmse": digits(errors["weight_rmse"]),
            "output_rmse": digits(errors["output_rmse"]),
            "memory_roof_milliseconds": digits(weight_bytes / roof["memory_gb_s"] / 1e6),
            "gop_s": digits(2 * weights * rows / median / 1e9),
            "cycles_per_64_weights": digits(64 * median * threads * roof["clock_ghz"] * 1e9 / (weights * rows)),
        }

    @contextlib.contextmanager
    def _noting(
        self, contender: Contender, problem: Problem, rows: int | None = None, threads: int | None = None
    ) -> Iterator[None]:
        """Notes why a contender has no times here, and goes on."""
        try:
            yield
        except NotMeasured as reason:
            self.not_measured.append(
                {
                    "contender": contender.name,
                    "inputs": problem.inputs,
                    "outputs": problem.outputs,
                    "rows": rows,
                    "threads": threads,
                    "reason": str(reason),
                }
            )
