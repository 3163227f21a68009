"""`q35 conform`: judges a kernel author's own file against the specification, in a process that it may crash.

The judge is `python -m conformance.author` of the checkout; this module watches over it, starts it again where a kernel
ended it, and writes down what it found.
"""

from __future__ import annotations

import datetime
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from q35.certify import machine
from q35.errors import InputError
from q35.files import canonical_json, read_json, sha256_file, write_whole

_BETWEEN_CALLS_S = 300
"""How long the judge itself may take from one event to the next, and a file to be imported."""


@dataclass(frozen=True)
class Request:
    """What to judge. `limit_s`: a call that takes longer is ended. `budget_s`: no operation begins a call after it."""

    project: Path
    file: Path
    device: str
    limit_s: float
    budget_s: float
    out: Path


class _Judge:
    """One process of the judge and its events, in order."""

    def __init__(self, request: Request, names: list[str]) -> None:
        path = os.pathsep.join([str(request.project), *filter(None, [os.environ.get("PYTHONPATH")])])
        interpret = "1" if request.device == "interpreter" else "0"
        variables = os.environ | {"PYTHONPATH": path, "TRITON_INTERPRET": interpret}
        arguments = [str(request.file.resolve()), request.device, str(request.budget_s), *names]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "conformance.author", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
            start_new_session=True,
        )
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)

    def next_event(self, limit_s: float) -> dict[str, Any] | None:
        """The next event, or None where the process ended. Raises TimeoutError."""
        try:
            return self._events.get(timeout=limit_s)
        except queue.Empty:
            raise TimeoutError from None

    def end(self) -> int:
        """The exit status of a process that has closed its output."""
        return self.process.wait()

    def kill(self) -> None:
        """Ends the process, if it still runs, and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def conform(request: Request, announce: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Judges the file and writes the report into `request.out`; returns it, valid against `conform.schema.json`.

    `announce` gets the verdict on each operation as soon as it stands. Raises `InputError` for a file that cannot be
    judged: not there, not importable, with parameters that do not fit, or for a device that is not there.
    """
    if not request.file.is_file():
        raise InputError("no such file", str(request.file))
    loaded: dict[str, Any] = {}
    verdicts: list[dict[str, Any]] = []
    left: list[str] | None = None
    while left is None or left:
        for kind, data in _events(request, left or []):
            if kind == "loaded":
                loaded, left = data, data["functions"] if left is None else left
            else:
                assert left is not None
                verdicts.append(data if kind == "judged" else _without_answer(left[0], *data))
                left = left[1:]
                announce(verdicts[-1])
    report = _report(request, loaded, verdicts)
    schema = read_json(request.project / "spec" / "schemas" / "conform.schema.json")
    jsonschema.Draft202012Validator(schema).validate(report)
    write_whole(report_path(request), canonical_json(report))
    return report


def _events(request: Request, names: list[str]) -> Iterator[tuple[str, Any]]:
    """What one process of the judge says: `loaded` and `judged` with their data, and if it ended before all was judged
    `lost`: the call that it was at, and how it ended.
    """
    judge, calling, left = _Judge(request, names), None, None
    try:
        while (event := judge.next_event(request.limit_s if calling else _BETWEEN_CALLS_S)) is not None:
            kind, data = event["event"], event["data"]
            if kind == "wrong":
                raise InputError(data["what"], data["where"], data["fix"])
            if kind == "calling":
                calling = data
                continue
            left = names or data["functions"] if kind == "loaded" else (left or [])[1:]
            yield kind, data
        status = judge.end()
        how = f"the end of the process ({signal.Signals(-status).name if status < 0 else f'exit status {status}'})"
    except TimeoutError:
        status, how = -signal.SIGKILL, f"nothing within {request.limit_s if calling else _BETWEEN_CALLS_S:g} s"
    finally:
        judge.kill()
    if left is None:
        raise InputError(f"it does not import: {how}", str(request.file))
    if left and status > 0 and calling is None:
        raise RuntimeError(f"the judge itself failed with exit status {status}")
    if left:
        yield "lost", (calling, how)


def report_path(request: Request) -> Path:
    """Where the report on a file is written."""
    return request.out / f"{request.file.stem}.conform.json"


def _without_answer(name: str, calling: str | None, how: str) -> dict[str, Any]:
    """The verdict on an operation that ended its process, or never returned."""
    return {
        "name": name,
        "verdict": "failed",
        "compared": [],
        "in_time": True,
        "counterexample": {
            "call": calling or name,
            "result": None,
            "place": None,
            "words": [],
            "expected": "a result",
            "got": how,
            "arguments": None,
        },
        "seconds": 0.0,
    }


def _report(request: Request, loaded: dict[str, Any], verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    outcomes = {verdict["verdict"] for verdict in verdicts} or {"void"}
    verdict = next(outcome for outcome in ("failed", "void", "passed") if outcome in outcomes)
    return {
        "schema": "q35.conform/1",
        "verdict": verdict,
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "file": {"name": request.file.name, "sha256": sha256_file(request.file)},
        "device": {"asked_for": request.device, "arrays": loaded["arrays"], "gpu": loaded["gpu"]},
        "limits": {"seconds_a_call": request.limit_s, "seconds_an_operation": request.budget_s},
        "made_for": loaded["made_for"],
        "operations": verdicts,
        "not_in_the_file": [name for name in loaded["operations"] if name not in loaded["functions"]],
        "not_judged": loaded["unknown"],
        "layers": _layers(request.device, loaded, verdict),
        "versions": loaded["versions"],
        "machine": machine.machine(),
        "checkout": machine.checkout(request.project),
    }


def _layers(device: str, loaded: dict[str, Any], verdict: str) -> list[dict[str, str]]:
    """What of the project's layers this judgement covers: values, and where they were computed."""
    judged = {"passed": "covered", "failed": "failed", "void": "not covered"}[verdict]
    interpreted = device == "interpreter" and loaded["uses_triton"]
    reasons = {
        "a": "" if verdict != "void" else "nothing was compared",
        "b": "no solver is asked about the file's bit tricks",
        "c": "" if interpreted else "the file ran no Triton kernel in the interpreter",
        "d": "nothing is compiled for a GPU",
        "e": "no C++ source is run on the host",
        "f": "" if device == "cuda" else "run again with --device cuda where there is a GPU",
    }
    return [
        {
            "layer": letter,
            "meaning": meaning,
            "status": "not covered" if reasons[letter] else judged,
            "reason": reasons[letter],
        }
        for letter, meaning in loaded["layers"].items()
    ]
