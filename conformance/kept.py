"""Verdicts on mutants that stand: one that was killed is not judged again while all that the verdict follows from is
the same, byte for byte."""

from __future__ import annotations

import functools
import hashlib
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from conformance.mutation import REPOSITORY, Mutant
from q35.files import cache_folder, canonical_json, read_json, sha256_tree, write_whole

_JUDGED = ("conformance", "spec", "q35ref", "kernels")
_NOT_SOURCES = {".so", ".pyc"}


@functools.cache
def _sources_sha256() -> str:
    files = [
        path
        for room in _JUDGED
        for path in (REPOSITORY / room).rglob("*")
        if path.is_file() and path.suffix not in _NOT_SOURCES and "build" not in path.relative_to(REPOSITORY).parts
    ]
    return sha256_tree(REPOSITORY, files)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _file(mutant: Mutant) -> Path:
    cpuinfo = Path("/proc/cpuinfo")
    flags = [line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")] if cpuinfo.exists() else []
    inputs = {
        "mutant": asdict(mutant),
        "sources": _sources_sha256(),
        "python": sys.version,
        "packages": {name: _version(name) for name in ("numpy", "torch", "triton", "z3-solver")},
        "machine": [platform.machine(), *flags[:1]],
    }
    return cache_folder() / "mutants" / f"{hashlib.sha256(canonical_json(inputs)).hexdigest()}.json"


def verdict(mutant: Mutant) -> dict[str, Any] | None:
    """The row of the kill table that is known for `mutant`; None when it has to be judged."""
    file = _file(mutant)
    return read_json(file) if file.is_file() else None


def keep(mutant: Mutant, row: dict[str, Any]) -> None:
    """Remember the row of a mutant that was killed."""
    write_whole(_file(mutant), canonical_json(row))
