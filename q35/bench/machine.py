"""What the machine is and what it can do at most, as far as a product's speed depends on it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from q35.certify.machine import machine
from q35kernels import _cpu as native

FLAGS = re.compile(r"avx2|fma|f16c|avx512\w*|avx_vnni\w*|amx_\w+|gfni|asimd\w*|i8mm|sve\w*|bf16|hypervisor")
"""What a product can profit from, and whether the machine is a virtual one."""

L3_BYTES = 8 << 20
PASSES = 10


def describe() -> dict[str, Any]:
    """The processor with its caches and flags, the system, and how busy it is with other work."""
    return {
        **machine(),
        "flags": _flags(),
        "caches": _caches(),
        "kernel": platform.release(),
        "governor": _text(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        "huge_pages": _text(Path("/sys/kernel/mm/transparent_hugepage/enabled")),
        "load": round(os.getloadavg()[0], 2),
    }


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _flags() -> list[str]:
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _text(Path("/proc/cpuinfo")) or "", re.MULTILINE)
    return sorted(flag for flag in (found.group(1).split() if found else []) if FLAGS.fullmatch(flag))


def _caches() -> list[dict[str, Any]]:
    """Data caches from the nearest to the farthest; `processors` share one."""
    caches = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, size = _text(folder / "type"), _text(folder / "size")
        if kind == "Instruction" or size is None:
            continue
        level, processors = _text(folder / "level"), _text(folder / "shared_cpu_list")
        caches.append({"level": int(level or 0), "bytes": _bytes(size), "processors": processors})
    return caches


def _bytes(size: str) -> int:
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    return int(size.rstrip("KMG")) * units.get(size[-1], 1)


def evicting_bytes() -> int:
    """How much has to be read so that no cache holds anything else: four times the largest one, at least 256 MiB."""
    return max(256 << 20, 4 * max((cache["bytes"] for cache in _caches()), default=0))


def rooflines(threads: Sequence[int], memory_bytes: int) -> list[dict[str, Any]]:
    """This machine's limits for each number of threads, measured now; None where it has no such instruction.

    Bandwidths in GB/s, clock in GHz, arithmetic in G operations/s; `memory_bytes` exceeds all caches.
    """
    return [
        {
            "threads": count,
            "clock_ghz": _giga(native.roofline_clock()),
            "memory_gb_s": _giga(native.roofline_read(memory_bytes, PASSES, count)),
            "l3_gb_s": _giga(native.roofline_read(L3_BYTES, PASSES, count)),
            "fp32_gop_s": _giga(native.roofline_fp32(count)),
            "vnni_gop_s": _giga(native.roofline_vnni(count)),
            "amx_int8_gop_s": _giga(native.roofline_amx(count)),
        }
        for count in threads
    ]


def _giga(value: float) -> float | None:
    return round(value / 1e9, 3) if value else None
