"""The C++ kernels compiled for GPUs that need not be there: resources, instructions, and that the judging notices."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from conformance.gpu import hip_code
from conformance.gpu.test_hip_programs import ALL_KERNELS, run, with_change
from conformance.ledger import Ledger

ARCHITECTURES = ("sm_80", "sm_90", "gfx90a")
CLAIM: dict[str, Any] = {"subject": "gpu-compiler", "truth": "expected-outcome", "level": "sampled"}


def judged(arch: str, sources: Path | None = None) -> dict[str, list[str]]:
    """What is wrong with the kernels for a GPU, by name; a skip without its compiler."""
    from q35kernels.hip import SOURCES, device_code

    if reason := hip_code.missing_tool(arch):
        pytest.skip(f"not covered: {reason}")
    kernels = hip_code.kernels_of(device_code(arch, sources or SOURCES))
    assert Counter(kernel.name for kernel in kernels) == hip_code.KERNELS
    wrong: dict[str, list[str]] = {}
    for kernel in kernels:
        wrong.setdefault(kernel.name, []).extend(hip_code.problems(kernel, arch))
    return wrong


@pytest.mark.layer("d", *ALL_KERNELS)
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_kernels_are_fit(arch: str, compared: Ledger) -> None:
    """No spill, no fused or flushing arithmetic, shared memory that a block can have, dot products of four int8."""
    wrong = judged(arch)
    assert not any(wrong.values()), wrong
    compared.count(sum(hip_code.KERNELS.values()), **CLAIM)


PLANTED = {
    "fused": (
        "sum = add(sum, products[kTileRows * i + thread]);",
        "sum = __builtin_fmaf(products[kTileRows * i + thread], *scale, sum);",
        ("linear_row", "fuses"),
    ),
    "no dot": (
        "dots[i][j] = dot4(x[i], w[j], dots[i][j]);",
        "dots[i][j] += static_cast<int16_t>(x[i]) * static_cast<int16_t>(w[j]);",
        ("linear", "has no"),
    ),
    "stack-sm_90": (
        "    values[j] = weight_of(step, table[2 * code + j % 2], Out{});",
        "    values[code % 8] = weight_of(step, table[2 * code + j % 2], Out{});",
        ("dequantize", "of stack"),
    ),
    "stack-gfx90a": ("int32_t dots[2] = {};", "volatile int32_t dots[2] = {};", ("linear_row", "of stack")),
}
"""Changes of the kernels, and what must be found of which. Compilers differ in what they keep in registers."""
NOTICED = [*((name, arch) for name in ("fused", "no dot") for arch in ("sm_90", "gfx90a")),
           *((f"stack-{arch}", arch) for arch in ("sm_90", "gfx90a"))]  # fmt: skip


@pytest.mark.parametrize(("name", "arch"), NOTICED)
def test_judging_notices(name: str, arch: str, tmp_path: Path, compared: Ledger) -> None:
    old, new, (kernel, message) = PLANTED[name]
    wrong = judged(arch, with_change(tmp_path, old, new))
    assert any(message in problem for problem in wrong.pop(kernel))
    assert not any(wrong.values()), wrong
    compared.count(1, subject="framework", truth="expected-outcome", level="sampled")


@pytest.mark.layer("d", *ALL_KERNELS)
@pytest.mark.parametrize("program", ["library", "benchmark"])
@pytest.mark.parametrize(("platform", "arch"), [("cuda", "sm_90"), ("hip", "gfx90a")])
def test_programs_for_a_gpu_are_made(platform: Any, arch: str, program: Any, compared: Ledger) -> None:
    """Host code and kernels in one; where the benchmark finds no GPU it says so."""
    from q35.errors import ToolchainError
    from q35kernels.hip import Library, build, compiler_of

    try:
        compiler_of(platform)
    except ToolchainError as error:
        pytest.skip(f"not covered: {error}")
    made = build(platform, program=program, arch=arch)
    if program == "library":
        compared.equal(Library(made).platform, platform, **CLAIM)
        return
    done = run([made, "--matrix-size", "2x2x2"])
    assert (done.returncode == 0) == ("error: 0 " in done.stdout), done.stdout + done.stderr
    assert done.returncode == 0 or re.fullmatch(r"benchmark: .+\n", done.stderr), done.stderr
    compared.count(1, **CLAIM)


@pytest.mark.parametrize("program", ["library", "benchmark"])
def test_host_code_for_amd_is_valid(program: str, compared: Ledger) -> None:
    """Without hipcc: any clang reads both sides of the programs, with the headers of HIP that come with triton."""
    from q35kernels.hip import SOURCES, compiler_of

    if reason := hip_code.missing_tool("gfx90a"):
        pytest.skip(f"not covered: {reason}")
    if (headers := hip_code.bundled("amd", "include")) is None:
        pytest.skip("not covered: there are no headers of HIP (pip install triton)")
    warnings = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wno-unused-command-line-argument"
    options = (
        f"-x hip -std=c++20 {warnings} -fsyntax-only --offload-arch=gfx90a -nogpulib -nogpuinc -D__HIP_PLATFORM_AMD__"
    )
    command = [*compiler_of("hip", device_only=True), *options.split(), "-isystem", str(headers)]
    if Path(command[0]).name == "hipcc":
        pytest.skip("hipcc makes the whole programs")
    if "ziglang" in command:  # which does not know where its own headers are
        command += ["-isystem", str(Path(import_module("ziglang").__file__ or "").parent / "lib" / "include")]
    done = run([*command, SOURCES / f"{program}.cpp"], HIP_PLATFORM="amd")
    assert done.returncode == 0, done.stderr
    compared.count(1, **CLAIM)
