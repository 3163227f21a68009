"""All that needs a GPU, by one command (`make gpu`), and its results in a folder, to be committed:

    python -m conformance.gpu.on_device [--out kernels/measured]

    gpu-NAME-conformance.json    the tests of conformance/gpu with their kernels on the device (layer f)
    gpu-NAME-speed.json          `q35 bench gpu`
    gpu-NAME-checks.json         which of the checks below passed, failed, or could not be run, and why

Exit codes: 0 all passed or lack their tool, 1 there is no GPU, 3 a check failed. Nothing is written without a GPU.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema

import q35spec
from q35.bench.gpu import DEVICE
from q35.bench.process import NotMeasured, Process
from q35.certify.machine import checkout
from q35.errors import CheckFailed, InputError, Q35Error
from q35.files import canonical_json, write_whole

REPOSITORY = Path(__file__).parent.parent.parent
SCHEMA = "q35.on-device/1"

TESTS = ("-m", "pytest", "conformance/gpu", "--q35-device", "cuda")

SANITIZED = ("--q35-effort", "quick", "-k", "not test_all_numbers and not compiled and not smt")
"""A sanitizer makes kernels a hundred times slower: it is given few examples, no test over all inputs, and none that
launches nothing."""


@dataclass(frozen=True)
class Check:
    """A command that passes or fails by its exit code; `tool`: the program without which it is not covered."""

    name: str
    command: Sequence[str]
    tool: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def checks(name: str, folder: Path) -> tuple[Check, ...]:
    """All checks of a device, whose results are called `name`."""
    python = (sys.executable, *TESTS)
    sanitizer = ("compute-sanitizer", "--target-processes", "all", "--error-exitcode", "9", "--tool")
    # Without it tensors lie side by side in one allocation, and an access beyond one is not beyond that.
    apart = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    return (
        Check("conformance", (*python, "--q35-report", str(folder / f"gpu-{name}-conformance.json"))),
        Check("memcheck", (*sanitizer, "memcheck", *python, *SANITIZED), sanitizer[0], apart),
        Check("racecheck", (*sanitizer, "racecheck", *python, *SANITIZED), sanitizer[0]),
        Check("speed", (sys.executable, "-m", "q35", "bench", "gpu", "--out", str(folder / f"gpu-{name}-speed.json"))),
    )


def perform(check: Check) -> dict[str, Any]:
    """Runs a check, its output on this terminal; its row of the results."""
    row: dict[str, Any] = {"name": check.name, "command": list(check.command), "reason": None, "seconds": 0.0}
    if check.tool and shutil.which(check.tool) is None:
        return {**row, "status": "not covered", "reason": f"{check.tool} is not installed"}
    start = time.monotonic()
    done = subprocess.run(check.command, cwd=REPOSITORY, env={**os.environ, **check.environment})
    row["seconds"] = round(time.monotonic() - start, 1)
    if done.returncode:
        return {**row, "status": "failed", "reason": f"exit code {done.returncode}"}
    return {**row, "status": "passed"}


def run(folder: Path, device_module: str = DEVICE) -> dict[str, Any]:
    """Performs all checks and writes their results to `folder`.

    Raises `InputError` without a GPU, `CheckFailed` when a check failed.
    """
    try:
        with Process("q35.bench.gpu_worker", [device_module]) as worker:
            device = worker.ask("describe")
    except NotMeasured as reason:
        raise InputError(f"no GPU here: {reason}", fix="run this on a machine with one") from None
    name = re.sub(r"[^a-z0-9]+", "-", device["name"].lower()).strip("-")
    started = datetime.now(UTC)
    rows = [perform(check) for check in checks(name, folder)]
    document = {
        "schema": SCHEMA,
        "started": started.isoformat(timespec="seconds"),
        "device": device,
        "checkout": checkout(REPOSITORY),
        "checks": rows,
    }
    jsonschema.validate(document, q35spec.schema("on_device"))
    write_whole(folder / f"gpu-{name}-checks.json", canonical_json(document))
    for row in rows:
        print(f"{row['status']:12} {row['name']:12} {row['seconds']:8.1f} s  {row['reason'] or ''}".rstrip())
    if failed := [row["name"] for row in rows if row["status"] == "failed"]:
        raise CheckFailed(f"failed on {device['name']}: {', '.join(failed)}")
    return document


def main() -> None:
    """Runs this as a program."""
    parser = argparse.ArgumentParser(prog="python -m conformance.gpu.on_device", description="All that needs a GPU.")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "kernels" / "measured", metavar="DIR")
    try:
        run(parser.parse_args().out.resolve())
    except Q35Error as error:
        print(f"q35: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
