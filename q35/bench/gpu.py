"""`q35 bench gpu`: every contender's product on every shape, all in turn, with the weights not in the GPU's cache.

Where there is no GPU the document says so in every cell, and holds no number.
"""

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
from q35.bench.contenders import Contender
from q35.bench.gpu_worker import COLD_CACHES, DISTINCT_ACTIVATIONS
from q35.bench.problem import DISTINCT_ROWS, SEED, Problem
from q35.bench.process import NotMeasured, Process, interrupts_held
from q35.bench.results import METHOD, Tell, description, digits, refuse_wrong
from q35.certify.machine import machine
from q35.errors import InputError

SCHEMA = "q35.benchmark-gpu/1"
DEVICE = "q35.bench.gpu_device"


@dataclass(frozen=True)
class Request:
    """What to measure. `device` is the module that offers the GPU."""

    problems: tuple[Problem, ...]
    rows: tuple[int, ...]
    rounds: int
    contenders: tuple[Contender, ...]
    device: str

    def __post_init__(self) -> None:
        if not self.problems or not self.rows or min(*self.rows, self.rounds) < 1:
            raise InputError("there is nothing to measure", fix="name a shape, and rows and rounds of at least 1")

    @property
    def turns(self) -> int:
        """How many turns there are at most."""
        return len(self.problems) * len(self.rows) * self.rounds * len(self.contenders)


def run(request: Request, tell: Tell) -> dict[str, Any]:
    """The whole benchmark as a valid document; what could not be measured is in it, with the reason."""
    started = datetime.now(UTC)
    tell("the limits of this GPU", 0, request.turns)
    device = limits = None
    with Process("q35.bench.gpu_worker", [request.device]) as worker:
        try:
            device = worker.ask("describe")
            limits = worker.ask("limits")
        except NotMeasured as reason:
            unusable = f"{'no GPU' if device is None else 'the GPU failed'}: {reason}"
    field = _Field(request, limits or {}, tell)
    if limits is None:
        field.miss_all(unusable)
    else:
        field.measure()
    document = {
        "schema": SCHEMA,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
        "machine": machine(),
        "device": device,
        "software": {"python": platform.python_version(), "q35": __version__},
        "method": {
            "rounds": request.rounds,
            "cold_caches": COLD_CACHES,
            "distinct_rows": DISTINCT_ROWS,
            "distinct_activations": DISTINCT_ACTIVATIONS,
            "seed": SEED,
            "tolerated": METHOD,
        },
        "limits": limits,
        "contenders": [description(contender, field.details.get(contender, {})) for contender in request.contenders],
        "results": field.results,
        "not_measured": field.not_measured,
    }
    jsonschema.validate(document, q35spec.schema("benchmark_gpu"))
    return document


class _Field:
    """All contenders on one problem after the other; collects the results."""

    def __init__(self, request: Request, limits: dict[str, Any], tell: Tell) -> None:
        self._request, self._limits, self._tell = request, limits, tell
        self._turns = 0
        self.details: dict[Contender, dict[str, str]] = {}
        self.results: list[dict[str, Any]] = []
        self.not_measured: list[dict[str, Any]] = []

    def miss_all(self, reason: str) -> None:
        """Notes one reason for every cell."""
        for problem in self._request.problems:
            for contender in self._request.contenders:
                self._miss(contender, problem, self._request.rows, reason)

    def measure(self) -> None:
        """All problems and numbers of rows; each contender has one process for all of them."""
        with contextlib.ExitStack() as stack:
            processes = {}
            for contender in self._request.contenders:
                arguments = [self._request.device, contender.module, contender.variant]
                with interrupts_held():
                    processes[contender] = stack.enter_context(Process("q35.bench.gpu_worker", arguments))
            for problem in self._request.problems:
                self._measure_problem(problem, processes)

    def _measure_problem(self, problem: Problem, processes: dict[Contender, Process]) -> None:
        prepared: dict[Contender, dict[str, Any]] = {}
        for contender, process in processes.items():
            self._tell(f"{problem}: {contender.title}, quantizing", self._turns, self._request.turns)
            with self._noting(contender, problem, self._request.rows):
                answer = process.ask("prepare", inputs=problem.inputs, outputs=problem.outputs)
                self.details[contender] = answer.pop("details")
                prepared[contender] = answer
        for rows in self._request.rows:
            self._measure_product(problem, rows, processes, prepared)

    def _measure_product(
        self,
        problem: Problem,
        rows: int,
        processes: dict[Contender, Process],
        prepared: dict[Contender, dict[str, Any]],
    ) -> None:
        ready: dict[Contender, dict[str, Any]] = {}
        for contender, stored in prepared.items():
            self._tell(f"{problem}, {rows} rows: {contender.title}, comparing", self._turns, self._request.turns)
            with self._noting(contender, problem, (rows,)):
                found = processes[contender].ask("select", rows=rows)
                refuse_wrong(found, stored["weight_rmse"])
                ready[contender] = {**stored, "output_rmse": found["output_rmse"]}
        seconds: dict[Contender, list[float]] = {contender: [] for contender in ready}
        for turn in range(self._request.rounds):
            # Nobody comes always after the same one.
            order = [*ready][turn % max(len(ready), 1) :] + [*ready][: turn % max(len(ready), 1)]
            for contender in order:
                self._tell(f"{problem}, {rows} rows: {contender.title}", self._turns, self._request.turns)
                self._turns += 1
                with self._noting(contender, problem, (rows,)):
                    seconds[contender].append(processes[contender].ask("time")["seconds"])
                    continue
                del ready[contender]
        for contender, stored in ready.items():
            self.results.append(self._result(contender, problem, rows, seconds[contender], stored))

    def _result(
        self, contender: Contender, problem: Problem, rows: int, seconds: list[float], stored: dict[str, Any]
    ) -> dict[str, Any]:
        median, weights = statistics.median(seconds), problem.inputs * problem.outputs
        bytes_a_second = weights * stored["bits_per_weight"] / 8 / median
        operations_a_second, peak = 2 * weights * rows / median, self._limits[f"{stored['operands']}_top_s"]
        return {
            "contender": contender.name,
            "inputs": problem.inputs,
            "outputs": problem.outputs,
            "rows": rows,
            "milliseconds": digits(median * 1e3),
            "least_milliseconds": digits(min(seconds) * 1e3),
            "most_milliseconds": digits(max(seconds) * 1e3),
            "bits_per_weight": digits(stored["bits_per_weight"]),
            "copies": stored["copies"],
            "operands": stored["operands"],
            "weight_rmse": digits(stored["weight_rmse"]),
            "output_rmse": digits(stored["output_rmse"]),
            "weight_gb_s": digits(bytes_a_second / 1e9),
            "copy_share": digits(bytes_a_second / 1e9 / self._limits["copy_gb_s"]),
            "top_s": digits(operations_a_second / 1e12),
            "peak_share": digits(operations_a_second / 1e12 / peak) if peak else None,
        }

    @contextlib.contextmanager
    def _noting(self, contender: Contender, problem: Problem, rows: tuple[int, ...]) -> Iterator[None]:
        """Notes why a contender has no times here, and goes on."""
        try:
            yield
        except NotMeasured as reason:
            self._miss(contender, problem, rows, str(reason))

    def _miss(self, contender: Contender, problem: Problem, rows: tuple[int, ...], reason: str) -> None:
        for count in rows:
            self.not_measured.append(
                {
                    "contender": contender.name,
                    "inputs": problem.inputs,
                    "outputs": problem.outputs,
                    "rows": count,
                    "reason": reason,
                }
            )
