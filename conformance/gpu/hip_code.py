"""What compilers made of the C++ kernels for a GPU: resources and instructions of each, and what is wrong with them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

KERNELS = {"decode": 1, "decode_mx": 5, "dequantize": 2, "linear": 3, "linear_row": 3}
"""How many there are of each: for each MX element, for each type of weights, for each way to find entries."""

SHARED_LIMITS = {"sm_80": 163 << 10, "sm_90": 227 << 10, "gfx90a": 64 << 10}
"""Bytes of shared memory that a block can have: CUDA C++ Programming Guide, compute capability 8.0 and 9.0; AMD CDNA 2
instruction set architecture, local data share."""

DOT = {"cuda": r"IDP\.4A\.S8\.S8$", "hip": r"v_dot4c?_i32_i8"}
"""Four products of int8 added to an int32."""
BARRIER = {"cuda": r"BAR\.SYNC", "hip": r"s_barrier$"}
WIDE_STORE = {"cuda": r"STG\.E\.128$", "hip": r"global_store_dwordx[34]$"}
FUSED = {"cuda": r"(FFMA|DFMA|HFMA2)\b", "hip": r"v_(pk_)?(fma|fmac|mad|mac)_(f16|f32|f64|mix|legacy)"}
"""Multiplications that are added without rounding between."""
FLUSHING = r"[FH](ADD|MUL|FMA)2?\b.*\.FTZ"
"""Arithmetic of NVIDIA that takes subnormals for zeros; AMD's processors have a mode for that."""

EXPECTED = {"linear": (DOT, BARRIER), "linear_row": (DOT, BARRIER), "dequantize": (WIDE_STORE,)}


@dataclass(frozen=True)
class Kernel:
    """One compiled kernel; `name` without its template's arguments, sizes in bytes, `spills` accesses or registers."""

    name: str
    platform: str
    shared: int
    stack: int
    spills: int
    registers: int
    instructions: Counter[str]
    flushes: bool = False


def missing_tool(arch: str) -> str | None:
    """Why nothing can be said of the code for a GPU, or None."""
    from q35.errors import ToolchainError
    from q35kernels.hip import ARCHITECTURES, compiler_of

    try:
        compiler_of(ARCHITECTURES[arch], device_only=True)
    except ToolchainError as error:
        return str(error)
    if ARCHITECTURES[arch] == "cuda" and _cuobjdump() is None:
        return "there is no cuobjdump (pip install triton)"
    return None


def kernels_of(code: Any) -> list[Kernel]:
    """The kernels in a `DeviceCode`; raises ValueError for a file in which they cannot be told apart."""
    return _nvidia(code) if code.arch.startswith("sm_") else _amd(code.file.read_text())


def problems(kernel: Kernel, arch: str) -> list[str]:
    """Why a kernel must not be shipped; empty when it may be."""
    found = []
    if kernel.shared > SHARED_LIMITS[arch]:
        found.append(f"needs {kernel.shared} bytes of shared memory, of {SHARED_LIMITS[arch]}")
    if kernel.spills or kernel.stack:
        found.append(f"spills: {kernel.spills}, {kernel.stack} bytes of stack")
    if fused := _matching(FUSED[kernel.platform], kernel):
        found.append(f"fuses multiplications and additions: {fused}")
    if kernel.flushes or _matching(FLUSHING, kernel):
        found.append("flushes subnormals to zero")
    for expected in EXPECTED.get(kernel.name, ()):
        if not _matching(expected[kernel.platform], kernel):
            found.append(f"has no {expected[kernel.platform]}")
    return found


def _matching(pattern: str, kernel: Kernel) -> list[str]:
    return [name for name in kernel.instructions if re.match(pattern, name)]


def _plain(symbol: str) -> str:
    """The name of a function of the namespace q35::gpu from its symbol, where its length stands before it."""
    found = re.match(r"_ZN3q353gpu(\d+)", symbol)
    if found is None:
        raise ValueError(f"{symbol} is no kernel of ours")
    return symbol[found.end() : found.end() + int(found[1])]


def bundled(*path: str) -> Path | None:
    """A file or folder of the compilers' backends that come with triton."""
    spec = find_spec("triton")
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent.joinpath("backends", *path)
    return found if found.exists() else None


def _cuobjdump() -> Path | str | None:
    """The CUDA toolkit's, or the one that comes with triton."""
    return shutil.which("cuobjdump") or bundled("nvidia", "bin", "cuobjdump")


PROPERTIES = re.compile(
    r"Function properties for (\w+)\n\s+(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads\n"
    r".*?Used (\d+) registers(?:, used \d+ barriers)?(?:, (\d+) bytes smem)?"
)
SASS = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)([^;/]*);", re.MULTILINE)
"""An instruction of NVIDIA: its address, a predicate, the mnemonic, operands."""
CONSTANT_MOVE = re.compile(r"\s*R\d+, -RZ, RZ, ")
"""The operands of an HFMA2 that multiplies zeros: how the compiler writes a constant."""


def _nvidia(code: Any) -> list[Kernel]:
    tool = _cuobjdump()
    assert tool is not None
    text = subprocess.run([tool, "-sass", code.file], capture_output=True, text=True, check=True).stdout
    parts = re.split(r"Function : (\w+)\n", text)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    found = []
    for symbol, stack, stores, loads, registers, shared in PROPERTIES.findall(code.log):
        names = [name for name, operands in SASS.findall(bodies[symbol]) if not CONSTANT_MOVE.match(operands)]
        spills = int(stores) + int(loads)
        sizes = int(shared or 0), int(stack), spills, int(registers)
        found.append(Kernel(_plain(symbol), "cuda", *sizes, Counter(names)))
    return found


def _amd(text: str) -> list[Kernel]:
    found = []
    listed = text[text.index("amdhsa.kernels:") : text.index("amdhsa.target:")]
    for part in listed.split("\n  - ")[1:]:
        data = dict(re.findall(r"^    \.(\w+): +(\w+)", "\n    " + part, re.MULTILINE))
        symbol = data["name"]
        body = re.search(rf"^{symbol}:(.*?)^\.Lfunc_end", text, re.MULTILINE | re.DOTALL)
        settings = re.search(rf"^\t\.amdhsa_kernel {symbol}(.*?)^\t\.end_amdhsa_kernel", text, re.MULTILINE | re.DOTALL)
        if body is None or settings is None:
            raise ValueError(f"{symbol} has no code or no settings")
        names = re.findall(r"^\t([a-z]\w+?)(?:_e(?:32|64)|_dpp|_sdwa)*(?:\s|$)", body[1], re.MULTILINE)
        modes = re.findall(r"\.amdhsa_float_denorm_mode_\w+ (\d)", settings[1])
        found.append(
            Kernel(
                _plain(symbol), "hip", int(data["group_segment_fixed_size"]), int(data["private_segment_fixed_size"]),
                int(data["sgpr_spill_count"]) + int(data["vgpr_spill_count"]), int(data["vgpr_count"]), Counter(names),
                flushes=modes != ["3", "3"],
            )
        )  # fmt: skip
    return found
