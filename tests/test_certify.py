"""`q35 certify` fails closed: each way to break the loop makes it fail with a message that names the culprit.

Each test damages a copy of the project (or the model) in one place and runs the real program on it, up to the first
failure. The stages before the one that has to catch the damage must pass, or the test would show nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from q35kernels import build_variant
from tests.project_copy import copy_project, edit, run_q35

STAGES = ("toolchain", "proofs", "audit", "spec", "kernels", "model", "products", "conformance")


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one linear layer, so that the stage `model` takes no time."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    weights = np.random.default_rng(1).standard_normal((64, 256)).astype(np.float32)
    save_file({"layer.weight": weights, "layer.bias": np.zeros(64, np.float32)}, path)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "q35")


def certify(project: Path, model: Path, *options: str | Path) -> tuple[int, dict[str, str], str]:
    """Run `q35 certify --fail-fast`; its exit code, the status of each stage, and all that it said on stderr."""
    out = project / "evidence"
    done = run_q35(project, "certify", model, "--out", out, "--fail-fast", *options)
    report = json.loads((out / "report.json").read_text())
    assert (out / "report.html").is_file()
    status = {stage["name"]: stage["status"] for stage in report["stages"]}
    assert (out / "theorems.html").is_file() == (status["audit"] == "passed")
    return done.returncode, status, done.stderr


def rename_theorem(project: Path) -> None:
    edit(project / "proofs" / "Q35" / "Size.lean", "theorem not_46_percent_smaller ", "theorem not_46_percent_less ")


def change_statement(project: Path) -> None:
    """Still true, still proved, but not what was agreed."""
    edit(
        project / "proofs" / "Q35" / "Accumulate.lean",
        "theorem published_K_not_tight : 255 * 8192 ≤",
        "theorem published_K_not_tight : 254 * 8192 ≤",
    )


def edit_vector(project: Path) -> None:
    path = project / "spec" / "vectors" / "rounding.json"
    document = json.loads(path.read_text())
    row = next(row for group in document["groups"] for row in group["rows"] if row["rounded"] == 2)
    row["rounded"] = 3
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def plant(text: str) -> Callable[[Path], None]:
    """Put `text` at the end of a proof file that nothing imports but the top file."""

    def change(project: Path) -> None:
        path = project / "proofs" / "Q35" / "Size.lean"
        edit(path, "\nend Q35\n", f"\n{text}\n\nend Q35\n")

    return change


def remove_test(project: Path) -> None:
    path = project / "conformance" / "test_streams.py"
    edit(path, "def test_wrong_lengths_are_refused(", "def test_lengths(")


def break_code(project: Path) -> None:
    edit(project / "proofs" / "Q35" / "Size.lean", "theorem not_19_gigabytes", "theorem not 19 gigabytes")


DAMAGES = {
    "a theorem renamed": (rename_theorem, "spec", "Q35.not_46_percent_smaller"),
    "a statement changed": (change_statement, "spec", "Q35.published_K_not_tight"),
    "a vector edited": (edit_vector, "spec", "spec/vectors/rounding.json"),
    "a sorry": (plant("theorem planted : (1 : Nat) = 2 := by sorry"), "audit", "Q35.planted"),
    "an axiom": (plant("axiom planted : (1 : Nat) = 2"), "audit", "Q35.planted"),
    "an empty theorem": (plant("theorem planted (h : 1 = 2) : 2 = 1 := h.symm"), "spec", "planted supposes `1 = 2`"),
    "a test renamed": (remove_test, "spec", "test_wrong_lengths_are_refused"),
    "a broken Lean file": (break_code, "proofs", "proofs/Q35/Size.lean:"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_project_fails_with_the_culprit(name: str, project: Path, small_model: Path) -> None:
    damage, stage, culprit = DAMAGES[name]
    damage(project)
    code, status, said = certify(project, small_model)
    assert code == 3
    assert status[stage] == "failed", said
    assert culprit in said
    before = STAGES[: STAGES.index(stage)]
    assert [status[name] for name in before] == ["passed"] * len(before)
    assert status["conformance"] == "not_run"


def test_a_flipped_bit_in_the_model_fails_with_the_tensor(project: Path, small_model: Path, tmp_path: Path) -> None:
    quantized = tmp_path / "small.q35.safetensors"
    assert run_q35(project, "quantize", small_model, quantized).returncode == 0
    assert run_q35(project, "verify", quantized, "--against", small_model).returncode == 0
    data = bytearray(quantized.read_bytes())
    data[-20] ^= 4
    quantized.write_bytes(data)
    code, status, said = certify(project, small_model, "--quantized", quantized)
    assert (code, status["model"]) == (3, "failed")
    assert "layer.weight" in said


def test_a_broken_kernel_fails_with_the_test_that_caught_it(project: Path, small_model: Path) -> None:
    source = project / "kernels" / "cpu" / "scalar.cpp"
    break_kernel(source)
    code, status, said = certify(project, small_model)
    assert (code, status["kernels"]) == (3, "failed")
    assert "built from other sources" in said
    extension = next((project / "kernels").glob("_cpu*.so"))
    built = build_variant.build(project / "kernels" / "cpu", project / "built")
    shutil.copy(built, extension)
    code, status, said = certify(project, small_model)
    assert (code, status["kernels"], status["conformance"]) == (3, "passed", "failed")
    assert "conformance/test_" in said
    assert "scalar" in said


def break_kernel(source: Path) -> None:
    """The slots of a code swapped, in the scalar kernels only."""
    edit(source, "return j % 2 == 0 ? table.first", "return j % 2 != 0 ? table.first")


def test_without_a_model_it_fails(project: Path, tmp_path: Path) -> None:
    code, status, said = certify(project, tmp_path / "absent.safetensors")
    assert (code, status["model"]) == (3, "failed")
    assert "absent.safetensors" in said
