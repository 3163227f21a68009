"""The emulator: Bochs, built from its sources, with a processor that has AMX."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.emulator.image import run_tool
from q35.errors import CheckFailed, InputError
from q35.files import sha256_tree

PROCESSOR = "sapphire_rapids"
MEMORY_MIB = 2048

OPTIONS = (
    *("--enable-x86-64", "--enable-cpu-level=6", "--enable-avx", "--enable-evex", "--enable-amx"),
    *("--enable-all-optimizations", "--with-nogui", "--disable-docbook", "--disable-debugger"),
)

PRODUCTS = Path("cpu", "avx", "amx.cc")

SIGNED_BYTE = re.compile(r"Bit32s\((\w+\[\d\])\)")
"""Bochs up to 3.1 takes the signed bytes of AMX's int8 products for unsigned ones: from an array of unsigned bytes they
go to 32 bits without their sign. Here they are given it."""


def check_sources(source: Path) -> None:
    """Raises InputError unless `source` holds the sources of a Bochs that has AMX."""
    if not (source / PRODUCTS).is_file():
        raise InputError("not the sources of Bochs 3.0 or later", str(source))


def version(source: Path) -> str:
    """The version that the sources give themselves."""
    found = re.search(r'^VERSION="(.+)"$', (source / "configure.ac").read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def build(source: Path, cache: Path, show: Callable[[str], None]) -> Path:
    """Builds the emulator of the sources in `source`, signed bytes mended, in a folder of `cache`; returns the program.

    What was built of the same sources before is kept. Raises ToolchainError when they do not compile.
    """
    content = sha256_tree(source, (path for path in source.rglob("*") if path.is_file()))
    recipe = repr((content, OPTIONS, SIGNED_BYTE.pattern))
    folder = cache / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    program = folder / "bochs"
    if not program.exists():
        show(f"building the emulator in {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        text = (source / PRODUCTS).read_text(encoding="latin-1")
        (folder / PRODUCTS).write_text(SIGNED_BYTE.sub(r"Bit32s(Bit8s(\1))", text), encoding="latin-1")
        run_tool("sh", "configure", *OPTIONS, folder=folder)
        run_tool("make", f"-j{os.cpu_count()}", folder=folder)
    return program


def configuration(folder: Path, image: Path, console: Path, facts: Path) -> str:
    """The emulator's configuration: one processor, a disk to start from, two serial lines that go to files."""
    bios = folder / "bios"
    return "\n".join(
        (
            "display_library: nogui",
            f"cpu: model={PROCESSOR}, count=1, reset_on_triple_fault=0",
            "clock: sync=none",
            f"memory: guest={MEMORY_MIB}, host={MEMORY_MIB}",
            f"romimage: file={bios / 'BIOS-bochs-latest'}",
            f"vgaromimage: file={bios / 'VGABIOS-lgpl' / 'VGABIOS-lgpl-latest.bin'}",
            "ata0: enabled=1",
            f"ata0-master: type=cdrom, path={image}, status=inserted",
            "boot: cdrom",
            f"com1: enabled=1, mode=file, dev={console}",
            f"com2: enabled=1, mode=file, dev={facts}",
            f"log: {console.with_name('emulator.log')}",
            "panic: action=fatal",
            "",
        )
    )


def run(program: Path, image: Path, folder: Path, limit_s: float, show: Callable[[str], None]) -> list[dict[str, Any]]:
    """Starts the emulated machine, hands its console to `show`, line by line; what the guest says of its commands.

    Raises CheckFailed when the guest did not come to its end within `limit_s` seconds.
    """
    console, facts, settings = (folder / name for name in ("console.txt", "facts.jsonl", "bochsrc"))
    console.touch()
    settings.write_text(configuration(program.parent, image, console, facts))
    end, rest, ended = time.monotonic() + limit_s, "", False
    with (folder / "emulator.txt").open("wb") as output, console.open(encoding="utf-8", errors="replace") as printed:
        command = (str(program), "-q", "-f", str(settings))
        machine = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            while not ended and time.monotonic() < end:
                ended = machine.poll() is not None
                *lines, rest = (rest + printed.read()).split("\n")
                for line in lines:
                    show(line)
                    ended |= "Kernel panic" in line
                time.sleep(0.2)
        finally:
            machine.kill()
            machine.wait()
    whole_lines = facts.read_text().split("\n")[:-1] if facts.exists() else []
    said = [json.loads(line) for line in whole_lines]
    if not said or "result" not in said[-1]:
        raise CheckFailed(f"the emulated machine did not come to its end, or not in {limit_s:.0f} s:\n{tail(folder)}")
    return said


def tail(folder: Path) -> str:
    """The last lines of what the emulator itself printed and logged."""
    texts = (folder / name for name in ("emulator.txt", "emulator.log"))
    return "\n".join(line for text in texts if text.exists() for line in text.read_text().splitlines()[-3:])
