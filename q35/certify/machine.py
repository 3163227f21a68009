"""What this run ran on: machine, Python environment, state of the checkout. All of it goes into the report."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from q35 import __version__
from q35.files import sha256_tree
from q35.project import ROOMS


def machine() -> dict[str, Any]:
    """The processor, its core count, the memory in GiB and the operating system."""
    cpuinfo = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return {
        "processor": model.group(1) if model else platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
    }


def environment() -> dict[str, Any]:
    """The Python version and every installed distribution with its version."""
    packages = {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}
    return {
        "python": platform.python_version(),
        "q35": __version__,
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
    }


def checkout(project: Path) -> dict[str, Any]:
    """The commit, whether files differ from it, and one hash for the contents of each room of the project."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(project), *arguments], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    status = git("status", "--porcelain")
    return {
        "commit": git("rev-parse", "HEAD"),
        "modified": None if status is None else bool(status),
        "rooms": {room: room_sha256(project, room) for room in ROOMS},
    }


def room_files(project: Path, room: str) -> list[Path]:
    """The source files of one room: no compiled, hidden or cached files."""
    ignored = {"__pycache__", "build", ".lake"}
    return [
        path
        for path in (project / room).rglob("*")
        if path.is_file()
        and path.suffix not in {".so", ".pyc"}
        and not any(part in ignored or part.startswith(".") for part in path.relative_to(project).parts)
    ]


def room_sha256(project: Path, room: str) -> str:
    """One SHA-256 over the names and contents of a room's source files."""
    return sha256_tree(project, room_files(project, room))
