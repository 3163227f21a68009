"""The C++ kernels as programs: what the shim notices, memory that ends, sanitizers, benchmark, a GPU's own checks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance import subjects
from conformance.gpu import hip
from conformance.ledger import Ledger
from conformance.runner import REPOSITORY

ALL_KERNELS = ("hip_decode", "hip_dequantize", "hip_linear")
EXPECTED: dict[str, Any] = {"truth": "expected-outcome", "level": "sampled"}

SAYS = {
    "barrier between": "right",
    "two barriers between": "right",
    "no barrier between": "shared memory is read before it is written (thread 0 of block 0, 0)",
    "no barrier before writing again": "shared memory is written with no barrier after another thread read it "
    "(thread 1 of block 0, 0)",
    "two writers": "shared memory is written with no barrier after thread 0 wrote it (thread 1 of block 0, 0)",
    "not written": "shared memory is read before it is written (thread 0 of block 1, 0)",
    "outside": "element 4 of a shared array of 4 (thread 3 of block 0, 0)",
    "barrier of some": "a barrier is not reached by 1 of 4 threads",
    "barrier between, after all that": "right",
}
"""The kernels of simt_rules.cpp, and what the shim says of them."""


def run(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_shim_notices(tmp_path: Path, compared: Ledger) -> None:
    from q35kernels import hip as toolchain

    program, source = tmp_path / "rules", Path(__file__).parent / "simt_rules.cpp"
    done = run([*toolchain.compiler_of("host"), "-std=c++20", "-O1", "-I", toolchain.SOURCES, source, "-o", program])
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ", 1) for line in run([program]).stdout.splitlines())
    compared.equal(said, SAYS, subject="framework", **EXPECTED)


def calls(library: Path, root: str | None, *before: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """All kernels in a process of their own, on arrays that end where memory ends."""
    command = [*before, sys.executable, "-m", "conformance.gpu.hip_calls", str(library), *([root] if root else [])]
    return run(command, **environment)


@pytest.mark.layer("e", *ALL_KERNELS)
@pytest.mark.parametrize("sanitized", [False, True], ids=["plain", "sanitized"])
def test_no_access_past_the_end(sanitized: bool, compared: Ledger, pytestconfig: pytest.Config) -> None:
    from q35kernels.hip import build, compiler_of

    environment = {}
    if sanitized:
        find = [*compiler_of("host"), "-print-file-name=libasan.so"]
        environment = {"LD_PRELOAD": run(find).stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}
    done = calls(build(sanitize=sanitized), pytestconfig.getoption("--q35-root"), **environment)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr[-3000:]}"
    compared.count(int(done.stdout), subject="simt", **EXPECTED)


def with_change(folder: Path, old: str, new: str) -> Path:
    """A copy of the kernels' sources with the one occurrence of `old` replaced."""
    from q35kernels.hip import SOURCES

    copy = folder / "hip"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    text = (copy / "kernels.hpp").read_text()
    assert text.count(old) == 1, f"{old!r} stands there {text.count(old)} times"
    (copy / "kernels.hpp").write_text(text.replace(old, new))
    return copy


def test_sanitizers_are_on(tmp_path: Path, compared: Ledger) -> None:
    from q35kernels.hip import build

    overflow = with_change(tmp_path, "int32_t dots[2] = {};", "int32_t dots[2] = {0x7FFFFFFF, 0x7FFFFFFF};")
    done = run([build(sources=overflow, program="benchmark", sanitize=True), "--matrix-size", "1x32x32"])
    assert done.returncode != 0
    compared.equal("runtime error: signed integer overflow" in done.stderr, True, subject="framework", **EXPECTED)


SIZES = {"simt": ("1x70x300", "5x33x129"), "hip-device": ("1x4096x4096", "64x4096x4096", "513x1000x777")}


@pytest.mark.parametrize("table", ["learned", "arithmetic"])
@hip.on("hip_linear")
def test_benchmark(subject: str, table: str, compared: Ledger) -> None:
    """It measures, and it finds no error against its own plain computation; on the shim it says what its times are."""
    from q35kernels.hip import build

    program = build("host" if subject == "simt" else hip.platform_of_the_device(), program="benchmark")
    for size in SIZES[subject]:
        done = run([program, "--matrix-size", size, "--iterations", "3", "--table", table])
        assert done.returncode == 0, done.stdout + done.stderr
        m, n, _ = map(int, size.split("x"))
        assert "error: 0 (largest absolute one), 0 of " in done.stdout, done.stdout
        figures = dict(re.findall(r"^(time|TFLOP/s|GB/s): ([0-9.]+)", done.stdout, re.MULTILINE))
        assert set(figures) == {"time", "TFLOP/s", "GB/s"}
        assert ("this ran on a CPU" in done.stdout) == (subject == "simt")
        compared.count(m * n if subject == "simt" else 1, subject=subject, truth="float32-model", level="sampled")


def test_benchmark_finds_errors(tmp_path: Path, compared: Ledger) -> None:
    from q35kernels.hip import build

    wrong = build(sources=with_change(tmp_path, "dots[v % 2] = dot4(slots.second", "dots[0] = dot4(slots.second"),
                  program="benchmark")  # fmt: skip
    done = run([wrong, "--matrix-size", "1x40x64"])
    assert done.returncode == 1
    assert re.search(r"^error: [1-9].* [1-9][0-9]* of 40 compared outputs differ", done.stdout, re.MULTILINE)
    compared.count(40, subject="framework", **EXPECTED)


@pytest.mark.parametrize(
    "arguments",
    ["", "--matrix-size 4x4", "--matrix-size 0x4x4", "--matrix-size 4x4x4 --iterations 0", "--iterations 5",
     "--matrix-size 4x4x4 --block-size 48", "--matrix-size 4x4x4 --table other", "--matrix-size 4x4x4x", "--help"],
)  # fmt: skip
def test_benchmark_refuses(arguments: str, compared: Ledger) -> None:
    from q35kernels.hip import build

    done = run([build(program="benchmark"), *arguments.split()])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("benchmark --matrix-size MxNxK")
    compared.count(1, subject="simt", **EXPECTED)


def test_toolchain_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compared: Ledger) -> None:
    from q35.errors import InputError, ToolchainError
    from q35kernels.hip import build, compiler_of, device_code

    claim = {"subject": "simt", **EXPECTED}
    compared.refused(partial(build, "cuda", arch="gfx90a"), InputError, ["cuda has no gfx90a"], **claim)
    compared.refused(partial(build, "cuda", sanitize=True), InputError, ["compute-sanitizer"], **claim)
    compared.refused(partial(device_code, "sm_70"), InputError, ["'sm_70'", "sm_90"], **claim)
    broken = with_change(tmp_path, "namespace q35::gpu {", "namespace q35::gpu { this is no declaration")
    compared.refused(partial(build, sources=broken), ToolchainError, ["library.cpp", "no declaration"], **claim)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    names: dict[Any, str] = {"host": "g++", "cuda": "nvcc", "hip": "hipcc"}
    for platform, compiler in names.items():
        compared.refused(partial(compiler_of, platform), ToolchainError, [f"there is no {compiler}"], **claim)


@pytest.mark.layer("f", *ALL_KERNELS)
@pytest.mark.parametrize("tool", ["memcheck", "racecheck"])
def test_clean_under_the_compute_sanitizer(tool: str, compared: Ledger, pytestconfig: pytest.Config) -> None:
    from q35kernels.hip import build

    if subjects.DEVICE != "cuda":
        pytest.skip("not covered: no GPU in this session (--q35-device cuda)")
    if not (sanitizer := shutil.which("compute-sanitizer")):
        pytest.skip("not covered: compute-sanitizer is not installed")
    watched = sanitizer, "--tool", tool, "--error-exitcode", "9"
    done = calls(build("cuda"), pytestconfig.getoption("--q35-root"), *watched)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    compared.count(1, subject="hip-device", **EXPECTED)
