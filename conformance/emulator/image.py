"""The emulated machine's only disk: a kernel, and a root in memory that holds what the commands need and no more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from conformance.emulator import guest
from q35.errors import InputError, ToolchainError

KERNEL_ARGUMENTS = ("console=ttyS0", "mitigations=off", "quiet", "setcpuid=324")
"""Bochs has no extended feature disable (XFD, feature 324), without which Linux grants no tile registers. Said to be
there it is armed in vain: nothing traps at the first use of a tile, and nothing has to."""


def run_tool(*command: str, input_text: str | None = None, folder: Path | None = None) -> str:
    """What the program printed; ToolchainError when it is missing or fails."""
    try:
        done = subprocess.run(command, input=input_text, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        fix = "apt-get install cpio g++ grub-pc-bin make mtools xorriso"
        raise ToolchainError(f"{command[0]} is missing", fix=fix) from None
    if done.returncode:
        raise ToolchainError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def check_kernel(kernel: Path) -> None:
    """Raises InputError when there is no such file."""
    if not kernel.is_file():
        raise InputError("no such file", str(kernel), "give a Linux kernel, as Debian's linux-image packages have it")


def libraries_of(files: Iterable[Path]) -> set[Path]:
    """The shared libraries that programs and libraries ask for, by the names they ask for, the loader among them."""
    words = run_tool("ldd", *map(str, files)).split()
    return {Path(word) for word in words if word.startswith("/") and not word.endswith(":")}


def copy_into(root: Path, path: Path) -> None:
    """Copies a file to its own place under `root`; a link on its way is made there too, and leads to the same."""
    folder = Path("/")
    for number, name in enumerate(path.parts[1:], start=2):
        here, there = folder / name, root / (folder / name).relative_to("/")
        if here.is_symlink():
            if not there.is_symlink():
                there.parent.mkdir(parents=True, exist_ok=True)
                there.symlink_to(os.readlink(here))
            target = Path(os.path.normpath(folder / os.readlink(here)))
            copy_into(root, target.joinpath(*path.parts[number:]))
            return
        folder = here
    there = root / path.relative_to("/")
    if not there.exists():
        there.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            there.mkdir()
        else:
            shutil.copy2(path, there)


def make_image(kernel: Path, files: Iterable[Path], description: dict[str, Any], image: Path) -> None:
    """Writes a disk image to start `kernel` from, whose root holds `files` and runs what `description` says.

    `description`: `commands`, the `environment` and `folder` they run in, and the file of their `result`.
    """
    python = Path(sys.executable)
    with tempfile.TemporaryDirectory(dir=image.parent) as work:
        root, disk = Path(work, "root"), Path(work, "disk")
        (disk / "boot" / "grub").mkdir(parents=True)
        root.mkdir()
        wanted = {python, *files}
        binaries = [path for path in wanted if path.read_bytes()[:4] == b"\x7fELF"]
        for path in sorted(wanted | libraries_of(binaries)):
            copy_into(root, path)
        (root / "commands.json").write_text(json.dumps(description))
        (root / "init").write_text(f"#!{python}\n" + Path(guest.__file__).read_text())
        (root / "init").chmod(0o755)
        names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
        archive = str(disk / "boot" / "root")
        run_tool("cpio", "--create", "--format=newc", "--quiet", f"--file={archive}", input_text=names, folder=root)
        shutil.copy(kernel, disk / "boot" / "kernel")
        start = (f"linux /boot/kernel {' '.join(KERNEL_ARGUMENTS)}", "initrd /boot/root", "boot")
        (disk / "boot" / "grub" / "grub.cfg").write_text("\n".join(("set timeout=0", *start, "")))
        run_tool("grub-mkrescue", f"--output={image}", str(disk))


def files_of(command: Sequence[str], folder: Path) -> set[Path]:
    """The files that a Python command (`MODULE ARGUMENT...`) opens when it runs here; ToolchainError when it fails."""
    with tempfile.NamedTemporaryFile("r") as listed:
        recorder = (sys.executable, "-m", "conformance.emulator.opened_files", listed.name, *command)
        run_tool(*recorder, folder=folder)
        return set(map(Path, listed.read().splitlines()))
