"""`q35 bench gpu` without a GPU: what it writes there, and on a planted device what it refuses to time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import q35kernels
import q35spec
from q35 import cli
from q35.bench import gpu
from q35.bench.contenders import Contender
from q35.bench.gpu_contenders import OURS, PEERS
from q35.bench.problem import Problem
from q35.bench.results import refuse_wrong
from tests.planted_gpu import COPY_GB_S, NANOSECONDS_OF_A_BYTE
from tests.test_bench import text

ROOT = Path(__file__).parent.parent
TOY = Problem(256, 2048)


@pytest.fixture(autouse=True)
def _workers_find_planted_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def planted(variant: str) -> Contender:
    return Contender(variant, variant, "planted_gpu", variant, "torch")


def measure(
    *contenders: Contender, rows: tuple[int, ...] = (128,), problem: Problem = TOY, device: str = "planted_gpu"
) -> dict[str, Any]:
    return gpu.run(gpu.Request((problem,), rows, 1, contenders, device), lambda what, done, total: None)


def test_without_a_gpu_every_cell_says_not_measured(tmp_path: Path) -> None:
    """Torch of the tests is built for the CPU; where there is a GPU, none is visible to this test."""
    out = tmp_path / "speed.json"
    command = [sys.executable, "-m", "q35", "bench", "gpu", "--shapes", "4096x4096,8192x1024", "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"CUDA_VISIBLE_DEVICES": "", "HOME": str(tmp_path)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(out.read_bytes())
    jsonschema.validate(document, q35spec.schema("benchmark_gpu"))
    assert (document["device"], document["limits"], document["results"]) == (None, None, [])
    cells = {(c["contender"], c["inputs"], c["rows"]) for c in document["not_measured"]}
    names = {contender.name for contender in (*OURS, *PEERS)}
    assert cells == {(name, inputs, m) for name in names for inputs in (4096, 8192) for m in (1, 8, 64, 512, 4096)}
    (reason,) = {cell["reason"] for cell in document["not_measured"]}
    assert reason.startswith("no GPU: RuntimeError: torch ")
    shown = done.stdout.splitlines()
    for contender in (*OURS, *PEERS):
        lines = [line for line in shown if line.startswith(contender.title)]
        assert [line.count("not measured") for line in lines] == [5, 5]
        assert not any(character.isdigit() for line in lines for character in line.removeprefix(contender.title))
    assert shown[-1] == f"not measured: {reason}"


def test_a_document_without_a_gpu_holds_no_number() -> None:
    document = measure(planted("right"), device="no_such_device")
    jsonschema.validate(document, q35spec.schema("benchmark_gpu"))
    number = measure(planted("right"))["results"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "results": number}, q35spec.schema("benchmark_gpu"))


def test_what_is_wrong_or_fails_is_not_timed_but_told() -> None:
    reasons = {
        "one block missing": "refused: its result has a relative error of 0.",
        "one output wrong": "refused: one output is ",
        "not finite": "refused: its result has values that are not finite",
        "another shape": "ValueError: the result is [128, 2047], not [128, 2048]",
        "refuses": "ValueError: no such shape",
        "aborts": "its process ended by SIGABRT",
        "rows of a tile swapped": "refused: its result has a relative error of 1",
        "columns of a tile swapped": "refused: its result has a relative error of 1",
        "changes": "ValueError: refused: equal copies of the weights give different results",
    }
    absent = Contender("absent", "Absent", "q35.bench.gpu_peers.absent", "int4", "q35-absent")
    document = measure(*map(planted, reasons), planted("right"), absent)
    assert {row["contender"] for row in document["results"]} == {"right"}
    told = {entry["contender"]: entry["reason"] for entry in document["not_measured"]}
    assert told.pop("absent") == "q35.bench.gpu_peers.absent is not installed (pip install 'q35[bench]')"
    assert told.keys() == reasons.keys()
    assert {variant: told[variant] for variant in reasons if not told[variant].startswith(reasons[variant])} == {}


def test_shares_of_the_limits() -> None:
    """Speeds over the device's limits, from a clock that counts bytes; copies of the weights beyond its cache."""
    document = measure(planted("right"), rows=(1, 64))
    for row in document["results"]:
        assert row["bits_per_weight"] == 32
        assert row["milliseconds"] == pytest.approx(256 * 2048 * 4 * NANOSECONDS_OF_A_BYTE / 1e6, rel=1e-4)
        assert row["weight_gb_s"] == pytest.approx(1 / NANOSECONDS_OF_A_BYTE)
        assert row["copy_share"] == pytest.approx(1 / NANOSECONDS_OF_A_BYTE / COPY_GB_S)
        operations = 2 * 256 * 2048 * row["rows"] / row["milliseconds"] * 1e3
        assert row["top_s"] == pytest.approx(operations / 1e12, rel=1e-4)
        assert row["peak_share"] == pytest.approx(operations / 800e12, rel=1e-4)
        assert row["copies"] == 2
    (few,) = measure(planted("right"), rows=(1,), problem=Problem(16, 16))["results"]
    assert few["copies"] == 4 * (1 << 12) // (16 * 16 * 4)


def test_ours_and_torch_agree_with_the_exact_product() -> None:
    """The contenders themselves, on the CPU, as far as it has them."""
    done = subprocess.run([sys.executable, "-m", "tests.contenders_on_cpu"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = {row.pop("name"): row for row in map(json.loads, done.stdout.splitlines())}
    assert "aten::_convert_weight_to_int4pack" in told.pop("torch-int4")["error"]  # an operator of GPUs alone
    assert told.keys() == {c.name for c in (*OURS, *PEERS)} - {"torch-int4", "q35-codebook-bf16"}
    bits = {name: row["bits_per_weight"] for name, row in told.items()}
    assert bits["q35-codebook-fp16"] == bits["q35-codebook-int8"] == bits["q35-block-fp16"] == 3.75
    assert (bits["q35-mxfp4-fp16"], bits["torch-fp16"], bits["torch-int8"]) == (4.25, 16, 8 + 32 / 256)
    for name, row in told.items():
        for error in row["output_rmse"].values():
            refuse_wrong({"worst": error, "output_rmse": error}, row["weight_rmse"])
            assert error < {"torch-fp16": 0.001, "torch-bf16": 0.01, "torch-int8": 0.02}.get(name, 0.2)
    assert 0.08 < told["q35-codebook-fp16"]["weight_rmse"] < 0.14


def test_kept_results_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = Contender("ours", "Ours", "planted_gpu", "right", "q35")
    document = measure(ours, planted("right"), planted("not finite"), rows=(1, 64))
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(document))
    assert cli.run(["bench", "show", str(kept)]) == 0
    shown = capsys.readouterr().out
    assert shown.strip() == text(document).strip()
    assert "Ours: faster than the best peer" in shown
    assert "Ours: of the copy bandwidth" in shown
    assert "Ours, times as fast as the best peer: M=1 1.00 to 1.00, M=64 1.00 to 1.00" in shown
    assert "planted, torch" in shown
    kept.write_text(json.dumps({**document, "limits": None}))
    assert cli.run(["bench", "show", str(kept)]) == 1


def test_ours_wrong_on_a_gpu_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, where the lack of a GPU is 0."""
    from q35.bench import gpu_contenders

    broken = Contender("ours", "Ours", "planted_gpu", "not finite", "q35")
    monkeypatch.setattr(gpu_contenders, "OURS", (broken,))
    arguments = ["bench", "gpu", "--shapes", "64x64", "--rows", "1", "--rounds", "1", "--peers", "none"]
    assert cli.run(arguments) == 0
    monkeypatch.setattr(gpu, "DEVICE", "planted_gpu")
    assert cli.run(arguments) == 3
    assert "ours was not measured: refused: its result has values that are not finite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--shapes", "4096", "'4096' is not a shape"),
        ("--rows", "0", "--rows 0 is not a list of numbers"),
        ("--peers", "ggml-q4_0", "unknown peer 'ggml-q4_0'"),
        ("--out", "/dev/null/speed.json", "/dev/null/speed.json: cannot write"),
    ],
)
def test_bad_options(option: str, value: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", "gpu", option, value]) == 1
    assert f"q35: {message}" in capfd.readouterr().err


def test_committed_results_are_valid() -> None:
    """Measured on the GPU that they name, with all of ours; there may be none yet."""
    for file in (Path(q35kernels.__file__).parent / "measured").glob("gpu-*-speed.json"):
        document = json.loads(file.read_text())
        jsonschema.validate(document, q35spec.schema("benchmark_gpu"))
        ours = {contender["name"] for contender in document["contenders"] if contender["ours"]}
        assert document["results"]
        assert not ours & {row["contender"] for row in document["not_measured"]}
