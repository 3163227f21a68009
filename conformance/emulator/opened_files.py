"""`python -m conformance.emulator.opened_files OUT MODULE [ARGUMENT...]`: runs a module and lists the files it needed.

OUT gets one path a line: what Python opened for reading, and the shared libraries in the process at its end. That is
what another root needs so that the same command runs there. Exits as the module does.
"""

from __future__ import annotations

import runpy
import site
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def needed_at_start() -> Iterator[Path]:
    """What Python had opened before this module was run."""
    yield Path(sys.prefix, "pyvenv.cfg")
    for folder in site.getsitepackages():
        yield from Path(folder).glob("*.pth")
    for module in list(sys.modules.values()):
        if file := getattr(module, "__file__", None):
            yield Path(file)


def with_source(path: Path) -> Iterator[Path]:
    """The file, and the source of compiled Python: that is looked at too, though not opened."""
    yield path
    if path.parent.name == "__pycache__":
        yield path.parent.parent / f"{path.name.split('.')[0]}.py"


def main(out: Path, module: str, arguments: list[str]) -> None:
    opened = list(needed_at_start())

    def note(event: str, details: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(details[0], str) and details[1] in {None, "r", "rb"}:
            opened.append(Path(details[0]).absolute())

    sys.addaudithook(note)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        mapped = (line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines())
        opened.extend(Path(fields[5]) for fields in mapped if len(fields) == 6 and fields[5].startswith("/"))
        apart = ("/proc/", "/sys/", "/dev/", "/run/")
        found = {file for path in opened for file in with_source(path) if not str(path).startswith(apart)}
        out.write_text("".join(f"{file}\n" for file in sorted(found) if file.is_file()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
