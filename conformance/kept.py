"""Verdicts that stand: a test that passed is not run again while all that it follows from is the same, byte for byte.

Every sampled test draws the same samples each time, so that another run of it on the same content tells nothing new.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from conformance.mutation import REPOSITORY
from q35.files import cache_folder, canonical_json, read_json, sha256_file, sha256_tree, write_whole

NOW, BEFORE = "now", "before, on the same content"
"""When a verdict was found, as reports say it."""

_JUDGED = ("conformance", "spec", "q35ref", "kernels", "q35")
_NOT_SOURCES = {".so", ".pyc"}
_TOOLS = ("g++", "clang++", "nvcc", "hipcc", "nvidia-smi", "rocm-smi", "compute-sanitizer")


@functools.cache
def content() -> Mapping[str, Any]:
    """The sources, Python with all that is installed, the machine, and the tools on its path."""
    files = [
        path
        for room in _JUDGED
        for path in (REPOSITORY / room).rglob("*")
        if path.is_file() and path.suffix not in _NOT_SOURCES and "build" not in path.relative_to(REPOSITORY).parts
    ]
    cpuinfo = Path("/proc/cpuinfo")
    flags = [line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")] if cpuinfo.exists() else []
    return {
        "sources": sha256_tree(REPOSITORY, files),
        "python": sys.version,
        "packages": sorted(f"{found.name} {found.version}" for found in distributions()),
        "machine": [platform.machine(), *flags[:1]],
        "tools": [shutil.which(tool) for tool in _TOOLS],
        "environment": {name: value for name, value in os.environ.items() if name.startswith(("Q35_", "TRITON_"))},
    }


def file_of(options: Mapping[str, Any]) -> Path:
    """Where the verdicts found under these options on this content, and with the extension built of it, are kept."""
    import q35kernels

    inputs = {**content(), "extension": sha256_file(q35kernels.extension_path()), "options": dict(options)}
    return cache_folder() / "verdicts" / f"{hashlib.sha256(canonical_json(inputs)).hexdigest()}.json"


def verdicts(file: Path) -> dict[str, dict[str, Any]]:
    """The report's data of each test that passed, by node id."""
    if not file.is_file():
        return {}
    found: dict[str, dict[str, Any]] = read_json(file)
    return found


def keep(file: Path, passed: Mapping[str, dict[str, Any]]) -> None:
    """Remember these tests with the others that are kept there."""
    write_whole(file, canonical_json({**verdicts(file), **passed}))
