"""The stand-alone C++ tests of the kernels, plain and under the sanitizers, and that they notice what they must.

A missing compiler fails these tests: kernels that nobody can test are not tested.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

import q35kernels
from q35kernels import build_variant
from q35kernels.sources import SOURCES

TOTAL = re.compile(r"^total: (\d+) compared, (\d+) failed$", re.MULTILINE)
GROUP = re.compile(r"^.{45} +(\d+) compared +(\d+) failed$", re.MULTILINE)


build_tests = partial(build_variant.build_tests, program="q35_kernel_tests")
build_fuzz = partial(build_variant.build_tests, program="q35_kernel_fuzz")


def run_tests(program: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *names], capture_output=True, text=True, timeout=600, check=False)


def changed_sources(folder: Path, name: str, old: str, new: str) -> Path:
    """A copy of the kernels' sources with the one occurrence of `old` in the file `name` replaced."""
    copy = folder / "cpu"
    shutil.copytree(SOURCES, copy)
    text = (copy / name).read_text()
    assert text.count(old) == 1, f"{name}: {old!r} stands there {text.count(old)} times"
    (copy / name).write_text(text.replace(old, new))
    return copy


@pytest.mark.parametrize("sanitize", [False, True], ids=["plain", "sanitized"])
def test_program_passes(sanitize: bool, tmp_path: Path) -> None:
    done = run_tests(build_tests(SOURCES, tmp_path, sanitize=sanitize))
    assert done.returncode == 0, done.stdout + done.stderr
    total = TOTAL.search(done.stdout)
    assert total is not None, done.stdout
    compared = [int(group[0]) for group in GROUP.findall(done.stdout)]
    assert sum(compared) == int(total[1]) > 1_000_000
    assert min(compared) > 0
    for isa in q35kernels.available_isas():
        assert f"ran on: {isa}\n" in done.stdout
        assert f"{isa} against scalar: encoders" in done.stdout


def test_one_instruction_set_by_name(tmp_path: Path) -> None:
    program = build_tests(SOURCES, tmp_path, sanitize=False)
    done = run_tests(program, "scalar")
    assert done.returncode == 0, done.stdout + done.stderr
    named = [line.split("  ")[0] for line in done.stdout.splitlines() if line.endswith(" failed") and "  " in line]
    assert len(named) > 10
    assert all("scalar" in name for name in named)
    unknown = run_tests(program, "sse2")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "sse2 does not run on this processor\n"


def test_sanitizers_are_on(tmp_path: Path) -> None:
    overflow = changed_sources(
        tmp_path, "scalar.cpp", "sum += a[j] * b[j];", "sum += (a[j] * b[j]) * 0x7FFFFFFF + 0x7FFFFFFF;"
    )
    done = run_tests(build_tests(overflow, tmp_path, sanitize=True))
    assert done.returncode != 0
    assert "runtime error: signed integer overflow" in done.stderr


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (
            "scalar.cpp",
            "for (std::size_t j = 0; j < 2 * pairs; ++j) values[j]",
            "for (std::size_t j = 0; j <= 2 * pairs; ++j) values[j]",
        ),
        ("half.hpp", "rounded = bits + ((std::uint64_t{1} << 41) - 1)", "rounded = bits + (std::uint64_t{1} << 41)"),
        ("exact.hpp", "(high.error != 0 ? high.error : middle.error) < 0", "high.error < 0"),
        ("matrix.cpp", "return used == 0 ||", "return used <= 3 ||"),
    ],
    ids=["overrun", "tie", "exact-sign", "tail-bits"],
)
def test_program_notices(name: str, old: str, new: str, tmp_path: Path) -> None:
    done = run_tests(build_tests(changed_sources(tmp_path, name, old, new), tmp_path, sanitize=False))
    assert done.returncode != 0, "the C++ tests pass with this bug planted"


FUZZED = re.compile(r"^total: (\d+) cases, (\d+) compared$", re.MULTILINE)


def fuzz(program: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    """A fuzz run with a fixed seed; longer ones by hand print the seed that they drew."""
    return subprocess.run([program, str(seconds), "35"], capture_output=True, text=True, timeout=300, check=False)


def test_fuzz_run_is_clean(tmp_path: Path) -> None:
    """Ten seconds of random shapes, misalignments and contents under ASan and UBSan."""
    done = fuzz(build_fuzz(SOURCES, tmp_path, sanitize=True), 10)
    assert done.returncode == 0, done.stdout + done.stderr
    total = FUZZED.search(done.stdout)
    assert total is not None, done.stdout
    assert int(total[1]) >= 200
    assert int(total[2]) >= 1000
    assert all(f"ran on: {isa}\n" in done.stdout for isa in q35kernels.available_isas())


def test_fuzz_run_notices(tmp_path: Path) -> None:
    wrong = changed_sources(tmp_path, "matrix.cpp", "return used == 0 ||", "return used <= 3 ||")
    program = build_fuzz(wrong, tmp_path, sanitize=False)
    done = fuzz(program, 60)
    assert done.returncode == 1
    found = re.search(r"^FAILED unpack refuses tail bits: case (\d+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    again = subprocess.run([program, "0", found[1]], capture_output=True, text=True, timeout=60, check=False)
    assert again.stdout.endswith(found[0] + "\n"), "the case that was named does not show the bug again"


def test_source_hash_names_the_sources(tmp_path: Path) -> None:
    copy = changed_sources(tmp_path, "isa.cpp", "Which kernels", "What kernels")
    extension = build_variant.build(copy, tmp_path / "out", optimize=False)
    own = q35kernels.source_sha256()
    assert own == q35kernels.source_sha256_of(SOURCES), "the installed kernels are not built from this source tree"
    with build_variant.active(extension):
        assert q35kernels.source_sha256() == q35kernels.source_sha256_of(copy) != own
        assert q35kernels.extension_path() == extension
    assert q35kernels.source_sha256() == own
