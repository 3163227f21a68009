"""A copy of the project that a test may damage, and the program run inside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from q35.lean.build import PROCESSES

PROJECT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", "build", ".lake", "evidence", ".*_cache", ".hypothesis"
)
OVERLAY = "overlay"
"""Folder of the copy that comes first on the path of every Python process started in it."""

# An editable installation answers imports before the path is asked; in a copy, the copy has to answer.
DROP_EDITABLE_FINDERS = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "Redirecting" not in type(finder).__name__]
"""


def copy_project(target: Path) -> Path:
    """Copy the project to `target`, with the compiled kernels of this installation; returns `target`."""
    import q35kernels

    shutil.copytree(PROJECT, target, symlinks=True, ignore=LEFT_OUT)
    overlay = target / OVERLAY
    overlay.mkdir()
    for name, folder in (("q35", "q35"), ("q35ref", "q35ref"), ("q35spec", "spec"), ("q35kernels", "kernels")):
        (overlay / name).symlink_to(target / folder)
    (overlay / "sitecustomize.py").write_text(DROP_EDITABLE_FINDERS)
    extension = Path(q35kernels.extension_path())
    shutil.copy(extension, target / "kernels" / extension.name)
    return target


def run_q35(project: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `q35` with `arguments` inside the copied `project`, its own code answering all imports.

    One Lean process: another worker's tests wait for the other processor.
    """
    settings = {"PYTHONPATH": str(project / OVERLAY), "PYTHONDONTWRITEBYTECODE": "1", PROCESSES: "1"}
    return subprocess.run(
        [sys.executable, "-m", "q35", *map(str, arguments)],
        cwd=project,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one occurrence of `old` in the file; an edit that does not fit is an error, not an unchanged file."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path}: {old!r} stands there {text.count(old)} times"
    path.write_text(text.replace(old, new))
