"""Compiles the C++ kernels; what was compiled of the same sources with the same command is taken from the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from q35.errors import InputError, ToolchainError
from q35.files import cache_folder

SOURCES = Path(__file__).parent
"""The folder of the C++ sources, in a source tree and in an installed package alike."""

Platform = Literal["host", "cuda", "hip"]
Program = Literal["library", "benchmark"]

ARCHITECTURES: dict[str, Platform] = {"sm_80": "cuda", "sm_90": "cuda", "gfx90a": "hip"}
"""The GPUs that the kernels are made for (A100, H100 and H200, MI210), and whose compiler compiles for them."""

_WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
# The float results are prescribed bit for bit: no contraction to fma, no flushing of subnormals.
_HOST = ("-std=c++20", "-Og", "-ffp-contract=off", *_WARNINGS)
_CUDA = ("-std=c++20", "-O3", "-fmad=false", "-ftz=false", "-Werror", "all-warnings", "-x", "cu")
_HIP = ("-std=c++20", "-O3", "-ffp-contract=off", "-fno-gpu-flush-denormals-to-zero", *_WARNINGS, "-x", "hip")
_SANITIZE = ("-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
# Where only hipcc is, it names libraries for a linker that is not called.
_NO_HEADERS = ("-nogpulib", "-nogpuinc", "--cuda-device-only", "-S", "-Wno-unused-command-line-argument")


def compiler_of(platform: Platform, *, device_only: bool = False) -> list[str]:
    """The command that starts a platform's compiler; raises `ToolchainError` where there is none.

    Programs for AMD need hipcc and its headers; their device code alone any clang that knows AMD's GPUs, such as the
    one in the wheel `ziglang`.
    """
    wanted = {"host": ["g++", "c++", "clang++"], "cuda": ["nvcc"], "hip": ["hipcc"]}[platform]
    if platform == "host" and (chosen := os.environ.get("CXX")):
        return [chosen]
    if platform == "hip" and device_only:
        wanted = ["clang++", *(f"clang++-{version}" for version in range(22, 14, -1)), "hipcc"]
    for name in wanted:
        if found := shutil.which(name):
            return [found]
    if platform == "hip" and device_only and find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "clang"]
    fix = {"host": "install g++", "cuda": "install the CUDA toolkit", "hip": "install hipcc"}[platform]
    fix += " or pip install ziglang" if platform == "hip" and device_only else ""
    raise ToolchainError(f"there is no {' or '.join(wanted)}", fix=fix)


def build(
    platform: Platform = "host",
    sources: Path = SOURCES,
    *,
    program: Program = "library",
    arch: str | None = None,
    sanitize: bool = False,
) -> Path:
    """The library for `Library`, or the benchmark program, compiled from the folder `sources`; returns its file.

    `arch` is the GPU, None all of the platform's; later GPUs of NVIDIA take what is for the last one. `sanitize` sets
    the address and undefined-behaviour sanitizers of the host. Raises `ToolchainError` without the compiler, or with
    its message when the sources do not compile, and `InputError` for what the platform does not have.
    """
    options = list({"host": _HOST, "cuda": _CUDA, "hip": _HIP}[platform])
    known = [name for name, its_platform in ARCHITECTURES.items() if its_platform == platform]
    if arch is not None and arch not in known:
        raise InputError(f"{platform} has no {arch}", fix=f"choose one of {', '.join(known)}" if known else None)
    for name in [arch] if arch else known:
        number = name.removeprefix("sm_")
        options += (
            ["-gencode", f"arch=compute_{number},code=[sm_{number},compute_{number}]"]
            if platform == "cuda"
            else [f"--offload-arch={name}"]
        )
    if sanitize:
        if platform != "host":
            raise InputError(f"{platform} has no sanitizers of the host", fix="use compute-sanitizer")
        options += _SANITIZE
    if program == "library":
        options += ["-shared", *(["-Xcompiler"] if platform == "cuda" else []), "-fPIC"]
    return _compiled([*compiler_of(platform), *options], sources, f"{program}.cpp")[0]


@dataclass(frozen=True)
class DeviceCode:
    """The kernels for one GPU: `file` is a cubin (NVIDIA) or assembly with its metadata (AMD), `log` what the compiler
    said, which for NVIDIA has registers, shared memory and spills of each kernel.
    """

    arch: str
    file: Path
    log: str


def device_code(arch: str, sources: Path = SOURCES) -> DeviceCode:
    """The machine code of all kernels for a GPU that need not be there; raises what `build` raises."""
    if arch not in ARCHITECTURES:
        raise InputError(f"unknown GPU {arch!r}", fix=f"choose one of {', '.join(ARCHITECTURES)}")
    platform = ARCHITECTURES[arch]
    if platform == "cuda":
        options = [*_CUDA, "-cubin", f"-arch={arch}", "-Xptxas", "-v"]
    else:
        options = [*_HIP, f"--offload-arch={arch}", *_NO_HEADERS]
    return DeviceCode(arch, *_compiled([*compiler_of(platform, device_only=True), *options], sources, "device.cpp"))


def _compiled(command: list[str], sources: Path, name: str) -> tuple[Path, str]:
    """What `command` makes of a file of `sources`, and what it says; from the cache if it was made before."""
    digest = hashlib.sha256("\0".join([*command, _version(command), name]).encode())
    for file in sorted(sources.glob("*.[ch]pp")):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    made = cache_folder() / "hip" / digest.hexdigest()
    output, log = Path(name).stem, "log"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as folder:
            whole = Path(folder) / "made"
            whole.mkdir()
            call = [*command, str(sources / name), "-o", str(whole / output)]
            done = _run(call)
            said = done.stdout + done.stderr
            if done.returncode:
                raise ToolchainError(f"{Path(command[0]).name} failed:\n{said}", str(sources / name))
            (whole / log).write_text(said)
            with suppress(OSError):  # another process was faster
                whole.rename(made)
    return made / output, (made / log).read_text()


def _version(command: list[str]) -> str:
    """What the compiler says of itself."""
    start = command[: command.index("clang") + 1] if "ziglang" in command else command[:1]
    return _run([*start, "--version"]).stdout


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a compiler; hipcc for AMD, also where there is an nvcc that it could start instead."""
    environment = os.environ | {"HIP_PLATFORM": "amd"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
