"""Runs a conformance session of its own in another process, for the tests of the framework and for the mutants.

Each session is forked from one process that has imported what every session needs and nothing that is judged: that
saves most of the time of a short one. `judge_packages_in` refuses a package that was imported too early.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parent.parent
IMPORTED = ("conformance.conftest", "hypothesis", "pytest", "torch")
"""Modules that a session finds imported; those that are not installed are left out."""
INTERPRETED = ("triton", "triton.language")
"""The same, where kernels are interpreted: triton asks the environment for that when it is imported."""


@dataclass(frozen=True)
class Run:
    """How a session ended: its exit status, its report (None when it wrote none), and what it printed."""

    status: int
    report: dict[str, Any] | None
    output: str

    def outcomes(self) -> dict[str, str]:
        """Outcome by node id."""
        return {test["id"]: test["outcome"] for test in (self.report or {"tests": []})["tests"]}


def run_session(
    arguments: list[str], folder: Path, *, plugin: bool = False, workers: bool = False, limit_s: float = 300
) -> Run:
    """Runs pytest with `arguments` in `folder`, away from this session's plugins; kills it after `limit_s` seconds.

    `plugin`: load the framework for tests that do not live in the conformance folder. `workers`: allow xdist.
    """
    report, output = folder / "session-report.json", folder / "session-output.txt"
    report.unlink(missing_ok=True)
    options = ["-q", "-p", "no:cacheprovider", f"--q35-report={report}"]
    options += [] if workers else ["-p", "no:xdist"]
    options += ["-p", "conformance.conftest"] if plugin else []
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED, *(INTERPRETED if os.environ.get("TRITON_INTERPRET") == "1" else ())])
    process = context.Process(target=_session, args=([*options, *arguments], folder, output))
    process.start()
    process.join(limit_s)
    if process.exitcode is None:
        assert process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
        return Run(-1, None, f"killed after {limit_s} s")
    data = json.loads(report.read_text()) if report.exists() else None
    return Run(process.exitcode, data, output.read_text())


def _session(arguments: Sequence[str], folder: Path, output: Path) -> None:
    """One session in a process of its own, at the head of a group with all processes that it starts."""
    os.setsid()
    with output.open("wb") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("PYTEST_", "COV_"))]:
        del os.environ[name]
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    gc.freeze()  # pytest collects garbage five times a session: not in all that was imported before
    sys.exit(pytest.main(list(arguments)))
