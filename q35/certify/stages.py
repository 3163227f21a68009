"""The runner of stages: each runs, or is skipped because something it needs failed; nothing passes by default."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from q35.errors import CheckFailed, Q35Error

PASSED, FAILED, NOT_RUN = "passed", "failed", "not_run"


@dataclass(frozen=True)
class Outcome:
    """What a stage found: a one-line summary, one finding for each thing that is wrong, and its data for the report."""

    summary: str
    findings: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    replayed_from: str | None = None


@dataclass(frozen=True)
class Stage:
    """One step of the certification: its name, the names of the stages it needs, and what it does with their data.

    One that runs `beside` another is begun with it: it uses no data, and is begun before it is known whether it is
    needed.
    """

    name: str
    needs: Sequence[str]
    run: Callable[[dict[str, dict[str, Any]]], Outcome]
    beside: str | None = None


@dataclass(frozen=True)
class StageResult:
    """How a stage ended, as the report shows it."""

    name: str
    status: str
    seconds: float
    summary: str
    findings: list[str]
    replayed_from: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_stages(
    stages: Sequence[Stage], announce: Callable[[StageResult | str], None], fail_fast: bool = False
) -> tuple[list[StageResult], dict[str, dict[str, Any]]]:
    """Run `stages` in order; returns their results and the data of those that passed.

    A stage whose needs did not all pass is `not_run`; with `fail_fast`, so is every stage after the first failure, and
    none runs beside others. `announce` gets the name of a stage when it is its turn and its result when it ends.
    """
    results: list[StageResult] = []
    data: dict[str, dict[str, Any]] = {}
    begun: dict[str, Future[tuple[StageResult, Outcome]]] = {}
    with ThreadPoolExecutor(len(stages)) as pool:
        for stage in stages:
            aside = [other for other in stages if other.beside == stage.name and not fail_fast]
            begun |= {other.name: pool.submit(_run, other, {}) for other in aside}
            unmet = [name for name in stage.needs if name not in data]
            stopped = fail_fast and any(result.status == FAILED for result in results)
            if unmet or stopped:
                reason = f"needs {', '.join(unmet)}" if unmet else "stopped at the first failure"
                result = StageResult(stage.name, NOT_RUN, 0.0, reason, [], None)
            else:
                announce(stage.name)
                result, outcome = begun[stage.name].result() if stage.name in begun else _run(stage, data)
                if result.status == PASSED:
                    data[stage.name] = outcome.data
            results.append(result)
            announce(result)
    return results, data


def _run(stage: Stage, data: dict[str, dict[str, Any]]) -> tuple[StageResult, Outcome]:
    started = time.monotonic()
    try:
        outcome = stage.run(data)
    except CheckFailed as error:
        outcome = Outcome("a check failed", [str(error)])
    except Q35Error as error:
        outcome = Outcome("could not run", [str(error)])
    status = FAILED if outcome.findings else PASSED
    seconds = round(time.monotonic() - started, 2)
    said = outcome.summary, outcome.findings, outcome.replayed_from
    return StageResult(stage.name, status, seconds, *said), outcome
