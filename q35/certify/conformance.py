"""The stages that judge code: are the kernels built from these sources, and does the conformance suite pass?"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from q35.certify.machine import environment, machine, room_sha256
from q35.certify.stages import Outcome
from q35.errors import CheckFailed
from q35.files import cache_folder, canonical_json, read_json, sha256_file, write_whole


def check_kernels(project: Path) -> Outcome:
    """The kernels that Python imports were built from the sources of `project`, byte for byte."""
    import q35kernels

    built, present = q35kernels.source_sha256(), q35kernels.source_sha256_of(project / "kernels" / "cpu")
    shown = {
        "source_sha256": built,
        "extension_sha256": sha256_file(Path(q35kernels.extension_path())),
        "instruction_sets": ", ".join(q35kernels.available_isas()),
    }
    if built != present:
        finding = (
            f"kernels/cpu: the kernels that run were built from other sources ({built[:12]}…) than the ones here "
            f"({present[:12]}…): install the project again"
        )
        return Outcome("the kernels are not these sources", [finding], shown)
    return Outcome(f"built from these sources; here: {shown['instruction_sets']}", [], shown)


def suite_key(project: Path) -> str:
    """What the suite's outcome depends on, as one hash: its sources, what it judges, Python with all that is installed,
    the machine, and the tools that layers of GPU kernels need."""
    import q35kernels

    inputs = {
        "rooms": {room: room_sha256(project, room) for room in ("conformance", "spec", "q35ref", "kernels", "q35")},
        "extension": sha256_file(Path(q35kernels.extension_path())),
        "python": sys.version,
        "packages": environment()["packages"],
        "machine": [machine()["processor"], platform.machine()],
        "tools": [shutil.which(tool) for tool in ("nvcc", "hipcc", "clang++", "g++", "nvidia-smi", "rocm-smi")],
    }
    return hashlib.sha256(canonical_json(inputs)).hexdigest()


def run(project: Path, fail_fast: bool, fresh: bool) -> Outcome:
    """Run the conformance suite, or replay its report when the very same inputs passed before on this kind of machine.

    Only a passing report is kept. `fresh` runs the suite in any case.
    """
    kept = cache_folder() / "conformance" / f"{suite_key(project)}.json"
    if kept.is_file() and not fresh:
        stored = read_json(kept)
        return _outcome(stored["report"], stored["ran_utc"])
    with tempfile.TemporaryDirectory(prefix="q35-conformance-") as scratch:
        path = Path(scratch) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "conformance",
            "-q",
            "-p",
            "no:cacheprovider",
            "--numprocesses=auto",
            # To steal, workers start far apart, and one of them with what takes long.
            f"--dist={'load' if fail_fast else 'worksteal'}",
            f"--q35-report={path}",
        ]
        done = subprocess.run(
            command + (["-x"] if fail_fast else []) + (["--q35-fresh"] if fresh else []),
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not path.is_file():
            raise CheckFailed(f"the suite wrote no report; it ended with: {done.stdout.strip()[-400:]}", "conformance")
        report = json.loads(path.read_text())
    outcome = _outcome(report, None)
    if done.returncode != 0 and not outcome.findings:
        return Outcome(
            outcome.summary, [f"conformance: pytest ended with status {done.returncode}: {done.stdout.strip()[-400:]}"]
        )
    if not outcome.findings:
        write_whole(kept, canonical_json({"ran_utc": _now(), "report": report}))
    return outcome


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _outcome(report: dict[str, Any], replayed_from: str | None) -> Outcome:
    wrong = [test for test in report["tests"] if test["outcome"] in ("failed", "void")]
    findings = [f"{test['id']}: {test['outcome']}: {test['reason']}" for test in wrong]
    if report["verdict"] != "passed" and not findings:
        findings = [f"conformance: the verdict is {report['verdict']}"]
    compared = sum(entry["compared"] for test in report["tests"] for entry in test["comparisons"])
    passed = sum(test["outcome"] == "passed" for test in report["tests"])
    not_run = sum(test["outcome"] == "not run" for test in report["tests"])
    before = sum(test["judged"] != "now" for test in report["tests"])
    stands = f" ({before} of them before, on the same content)" if before else ""
    summary = (
        f"{passed} tests passed{stands}, {len(wrong)} failed, {not_run} could not run here; {compared:,} comparisons"
    )
    return Outcome(summary, findings, {**report, "compared_total": compared}, replayed_from)
