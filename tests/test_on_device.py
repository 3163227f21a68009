"""`make gpu`: what it runs, and how it ends, with planted devices and checks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import q35kernels
import q35spec
from conformance.gpu import on_device
from conformance.gpu.on_device import Check
from q35.errors import CheckFailed


@pytest.fixture(autouse=True)
def _workers_find_the_planted_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def python(name: str, code: str, tool: str | None = None) -> Check:
    return Check(name, (sys.executable, "-c", code), tool, {"PLANTED": "yes"})


RIGHT = python("right", "import os; assert os.environ['PLANTED'] == 'yes'")
WRONG = python("wrong", "raise SystemExit(9)")
TOOLLESS = python("toolless", "raise SystemExit(9)", "no-such-sanitizer")


def test_a_check_passes_fails_or_is_not_covered() -> None:
    rows = [on_device.perform(check) for check in (RIGHT, WRONG, TOOLLESS)]
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("passed", None),
        ("failed", "exit code 9"),
        ("not covered", "no-such-sanitizer is not installed"),
    ]


@pytest.mark.parametrize("last", [TOOLLESS, WRONG], ids=lambda check: check.name)
def test_results_are_written_however_it_ends(last: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_device, "checks", lambda name, folder: (RIGHT, last))
    if last is WRONG:
        with pytest.raises(CheckFailed, match="failed on planted: wrong"):
            on_device.run(tmp_path, "planted_gpu")
    else:
        on_device.run(tmp_path, "planted_gpu")
    document = json.loads((tmp_path / "gpu-planted-checks.json").read_text())
    jsonschema.validate(document, q35spec.schema("on_device"))
    assert [row["name"] for row in document["checks"]] == [RIGHT.name, last.name]


def test_what_is_run_on_a_device() -> None:
    """The tests with kernels on the device, both sanitizers around the same tests, and the benchmark."""
    found = {check.name: check for check in on_device.checks("nvidia-h200", Path("/out"))}
    assert list(found) == ["conformance", "memcheck", "racecheck", "speed"]
    tests = ["conformance/gpu", "--q35-device", "cuda"]
    for name in ("conformance", "memcheck", "racecheck"):
        command = list(found[name].command)
        start = command.index("conformance/gpu")
        assert command[start : start + 3] == tests
        assert found[name].tool == (None if name == "conformance" else "compute-sanitizer")
        assert name == "conformance" or command[:7] == [*on_device.checks("", Path())[1].command[:6], name]
    assert found["speed"].command[-1] == "/out/gpu-nvidia-h200-speed.json"


def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "conformance.gpu.on_device", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=on_device.REPOSITORY,
        env={"CUDA_VISIBLE_DEVICES": "", "HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("q35: no GPU here: RuntimeError: torch ")
    assert list(tmp_path.iterdir()) == []


def test_committed_results_are_of_checks_that_passed() -> None:
    """There may be none yet."""
    for file in (Path(q35kernels.__file__).parent / "measured").glob("gpu-*-checks.json"):
        document = json.loads(file.read_text())
        jsonschema.validate(document, q35spec.schema("on_device"))
        assert not [row["name"] for row in document["checks"] if row["status"] == "failed"]
