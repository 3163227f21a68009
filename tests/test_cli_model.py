"""The command line of model files: exit codes, one-line errors, JSON, and start-up."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import certificate_of, forge, normal, write
from safetensors.numpy import load_file

from q35 import cli


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(
        tmp_path / "in.safetensors", {"a.weight": normal((6, 64)), "b.weight": normal((3, 5)), "bias": normal((4,))}
    )


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "q35", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_the_whole_round(source: Path, tmp_path: Path) -> None:
    out, back = tmp_path / "out.safetensors", tmp_path / "back.safetensors"
    done = _run("quantize", source, out)
    assert (done.returncode, done.stderr) == (0, ""), "no progress bar where stderr is no terminal"
    assert "2 of 3 tensors, 399 weights" in done.stdout
    done = _run("verify", out, "--against", source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "verified: 2 quantized and 1 copied tensors" in done.stdout
    done = _run("inspect", out)
    assert "a.weight" in done.stdout
    assert "codebook, block size 64, storage stream" in done.stdout
    done = _run("dequantize", out, back)
    assert done.returncode == 0
    assert load_file(back)["a.weight"].shape == (6, 64)


def test_options_reach_the_quantizer(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    done = _run(
        "quantize",
        source,
        out,
        "--scheme",
        "block",
        "--block-size",
        32,
        "--storage",
        "byte",
        "--include",
        "*weight",
        "--exclude",
        "b*",
        "--json",
    )
    result = json.loads(done.stdout)
    assert (result["scheme"], result["block_size"], result["storage"], result["quantized"]) == ("block", 32, "byte", 1)
    assert _run("quantize", source, out).returncode == 1
    assert _run("quantize", source, out, "--force").returncode == 0
    assert json.loads(_run("dequantize", out, tmp_path / "back", "--dtype", "F16", "--json").stdout)["dequantized"] == 2
    assert load_file(tmp_path / "back")["a.weight"].dtype == np.float16


@pytest.mark.parametrize("command", ["quantize", "verify", "inspect", "dequantize"])
def test_json_is_one_document(source: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out.safetensors"
    arguments: dict[str, tuple[Any, ...]] = {
        "quantize": (source, tmp_path / "more"),
        "verify": (out, "--against", source),
        "inspect": (out,),
        "dequantize": (out, tmp_path / "back"),
    }
    _run("quantize", source, out)
    done = _run(command, *arguments[command], "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["schema"].startswith("q35.")


def test_wrong_input_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    done = _run("quantize", tmp_path / "nowhere", tmp_path / "out", "--json")
    assert done.returncode == 1
    assert done.stderr == f"q35: {tmp_path / 'nowhere'}: no such file\n"
    assert json.loads(done.stdout) == {
        "schema": "q35.error/1",
        "exit_code": 1,
        "what": "no such file",
        "where": str(tmp_path / "nowhere"),
        "fix": None,
    }


def test_wrong_usage_is_exit_code_2() -> None:
    for arguments in (
        [],
        ["quantize"],
        ["no-such-command"],
        ["inspect", "--no-such-option"],
        ["verify", "x"],
        ["quantize", "a", "b", "--block-size", "x"],
    ):
        done = _run(*arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr


def test_a_failed_check_is_exit_code_3(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    _run("quantize", source, out)

    def lie(certificate: dict[str, Any]) -> None:
        certificate["tensors"][0]["outside_region"] += 1

    forge(out, lie)
    done = _run("verify", out, "--against", source)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "tensor a.weight: outside_region: stated " in done.stderr
    certificate_of(out).unlink()
    assert _run("verify", out, "--against", source).returncode == 1


def test_an_unexpected_error_is_one_line_unless_asked(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(path: Path) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("q35.model.inspect.inspect", broken)
    assert cli.run(["inspect", str(source)]) == 1
    assert capsys.readouterr().err == "q35: unexpected error, RuntimeError: first (Q35_DEBUG=1 shows the details)\n"
    monkeypatch.setenv("Q35_DEBUG", "1")
    assert cli.run(["inspect", str(source)]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_help_starts_without_the_heavy_modules() -> None:
    heavy = {"numpy", "rich", "jsonschema", "q35kernels", "q35.model", "q35.lean"}
    code = f"import sys, q35.cli; print(sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_closed_pipe_is_no_traceback(source: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m q35 inspect {source} | true", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_a_progress_bar_is_drawn_on_a_terminal(source: Path, tmp_path: Path) -> None:
    def read(handle: int) -> bytes:
        data = os.read(handle, 4096)
        seen.append(data)
        return data

    seen: list[bytes] = []
    code = pty.spawn([sys.executable, "-m", "q35", "quantize", str(source), str(tmp_path / "out")], read)
    assert code == 0
    assert b"quantizing" in b"".join(seen)
