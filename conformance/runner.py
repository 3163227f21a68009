"""Runs a conformance session of its own in a subprocess, for the tests of the framework and for the mutants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent


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
    report = folder / "session-report.json"
    report.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment["PYTHONPATH"] = str(REPOSITORY)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [] if workers else ["-p", "no:xdist"]
    command += ["-p", "conformance.conftest"] if plugin else []
    try:
        done = subprocess.run(
            [*command, f"--q35-report={report}", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired as late:
        return Run(-1, None, f"killed after {late.timeout} s")
    data = json.loads(report.read_text()) if report.exists() else None
    return Run(done.returncode, data, done.stdout + done.stderr)
