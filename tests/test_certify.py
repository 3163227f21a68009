"""`q35 certify` fails closed: each way to break the loop makes it fail with a message that names the culprit.

Each test damages a copy of the project (or the model) and runs the real program on it, up to the first failure. The
stages before the one that has to catch the damage must pass, or the test would show nothing.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from q35.lean.package import load_package
from q35kernels import build_variant
from tests.project_copy import PROJECT, copy_project, edit, run_q35

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


Certified = tuple[int, dict[str, str], str]
"""An exit code, the status of each stage, and all that was said on stderr."""


def certify(project: Path, model: Path, *options: str | Path) -> Certified:
    """Run `q35 certify --fail-fast`; its exit code, the status of each stage, and all that it said on stderr."""
    out = project / "evidence"
    done = run_q35(project, "certify", model, "--out", out, "--fail-fast", *options)
    report = json.loads((out / "report.json").read_text())
    assert (out / "report.html").is_file()
    status = {stage["name"]: stage["status"] for stage in report["stages"]}
    assert (out / "theorems.html").is_file() == (status["audit"] == "passed")
    return done.returncode, status, done.stderr


LEAF = Path("proofs", "Q35", "Siblings.lean")
"""A proof file that nothing imports but the top file, so that little is built again after a change."""


def rename_theorem(project: Path) -> None:
    edit(project / LEAF, "theorem bitSize_of_weights ", "theorem bitSize_of_codes ")


def change_statement(project: Path) -> None:
    """Still true, still proved, but not what was agreed."""
    edit(
        project / LEAF,
        "theorem bitsPerWeight_siblings_64 : bitsPerWeight 5 16 64 = 11/4 ∧ bitsPerWeight 3 16 64 = 7/4",
        "theorem bitsPerWeight_siblings_64 : bitsPerWeight 3 16 64 = 7/4 ∧ bitsPerWeight 5 16 64 = 11/4",
    )


def edit_vector(project: Path) -> None:
    path = project / "spec" / "vectors" / "rounding.json"
    document = json.loads(path.read_text())
    row = next(row for group in document["groups"] for row in group["rows"] if row["rounded"] == 2)
    row["rounded"] = 3
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def plant(text: str) -> Callable[[Path], None]:
    """Put `text` at the end of a proof file."""

    def change(project: Path) -> None:
        edit(project / LEAF, "\nend Q35\n", f"\n{text}\n\nend Q35\n")

    return change


def remove_test(project: Path) -> None:
    path = project / "conformance" / "test_streams.py"
    edit(path, "def test_wrong_lengths_are_refused(", "def test_lengths(")


def break_code(project: Path) -> None:
    edit(project / LEAF, "theorem bitSize_of_weights", "theorem bitSize of weights")


def test_nothing_but_the_top_file_imports_the_leaf() -> None:
    package = load_package(PROJECT / "proofs")
    importers = [m.name for m in package.closure([]) if any(i.module == f"Q35.{LEAF.stem}" for i in m.imports)]
    assert importers == ["Q35"]


@dataclass(frozen=True)
class Damage:
    """A change of the project: the stage that has to fail, and the finding that names the culprit.

    Damages of the same `run` are done to one copy, so that Lean works once for all of them; each has its own finding.
    """

    run: str
    change: Callable[[Path], None]
    stage: str
    culprit: str


DAMAGES = {
    "a theorem renamed": Damage("links", rename_theorem, "spec", "names the theorem Q35.bitSize_of_weights, which"),
    "a statement changed": Damage(
        "links", change_statement, "spec", "Q35.bitsPerWeight_siblings_64: its statement has changed"
    ),
    "an empty theorem": Damage(
        "links", plant("theorem planted (h : 1 = 2) : 2 = 1 := h.symm"), "spec", "Q35.planted supposes `1 = 2`"
    ),
    "a test renamed": Damage("links", remove_test, "spec", "test_wrong_lengths_are_refused, which does not exist"),
    "a vector edited": Damage("vector", edit_vector, "spec", "spec/vectors/rounding.json"),
    "a sorry": Damage("holes", plant("theorem hole : (1 : Nat) = 2 := by sorry"), "audit", "Q35.hole: "),
    "an axiom": Damage("holes", plant("axiom assumed : (1 : Nat) = 2"), "audit", "Q35.assumed: "),
    "a broken Lean file": Damage("broken", break_code, "proofs", f"{LEAF}:"),
}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Callable[[str], Certified]:
    """How `q35 certify` ended on a copy with all damages of a run, worked out once for each run."""

    @functools.cache
    def certified_run(run: str) -> Certified:
        project = copy_project(tmp_path_factory.mktemp(run) / "q35")
        for damage in DAMAGES.values():
            if damage.run == run:
                damage.change(project)
        return certify(project, small_model)

    return certified_run


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_project_fails_with_the_culprit(name: str, certified: Callable[[str], Certified]) -> None:
    damage = DAMAGES[name]
    code, status, said = certified(damage.run)
    assert code == 3
    assert status[damage.stage] == "failed", said
    assert any(damage.culprit in line for line in said.splitlines()), said
    before = STAGES[: STAGES.index(damage.stage)]
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
    built = build_variant.build(project / "kernels" / "cpu", project / "built", optimize=False)
    shutil.copy(built, extension)
    code, status, said = certify(project, small_model)
    assert (code, status["kernels"], status["conformance"]) == (3, "passed", "failed"), said
    assert "conformance/test_" in said
    assert "scalar" in said


def break_kernel(source: Path) -> None:
    """The slots of a code swapped, in the scalar kernels only."""
    edit(source, "return j % 2 == 0 ? table.first", "return j % 2 != 0 ? table.first")


def test_without_a_model_it_fails(project: Path, tmp_path: Path) -> None:
    code, status, said = certify(project, tmp_path / "absent.safetensors")
    assert (code, status["model"]) == (3, "failed")
    assert "absent.safetensors" in said
