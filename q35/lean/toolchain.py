"""One interface over the Lean that is found (native) and the Lean that is brought (embedded)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from q35.lean.build import Builder, BuildResult, RunResult, store_folder
from q35.lean.package import load_package, read_module
from q35.lean.progress import Report, silent
from q35.lean.server import SERVE, Command, Server


class Lean(Protocol):
    """Where a Lean is and how to start it; all else is the same for every Lean."""

    @property
    def identity(self) -> str:
        """Names the compiler in build keys: results of another identity are built again."""

    def command(self, scratch: Path, folders: Sequence[Path]) -> Command:
        """Command that runs Lean in the folder `scratch` and can read and write `folders`."""


@dataclass(frozen=True)
class Toolchain:
    """A Lean that builds packages, runs files and is kept running. `kind` is `native` or `embedded`."""

    kind: str
    lean: Lean

    def start_server(self, folders: Sequence[Path] = (), program: Path = SERVE) -> Server:
        """A long-lived Lean process that sees `folders` and the build results; `program` answers its requests."""
        visible = [*folders, store_folder(), program.parent]
        return Server(lambda scratch: self.lean.command(scratch, visible), program)

    def build_package(
        self, project: Path, targets: Iterable[str] = (), report: Report = silent, server: Server | None = None
    ) -> BuildResult:
        """Build modules of the Lake package in the folder `project` (default: its default targets).

        A started `server` that sees `project` is used and left running; without one, a process is started only if
        something has to be built. A module that fails is in the result. Raises `InputError` for a broken package.
        """
        with _Borrowed(self, project, server) as lent:
            return Builder(load_package(project), lent, self.lean.identity, report).build(targets)

    def run_file(
        self, path: Path, project: Path | None = None, report: Report = silent, server: Server | None = None
    ) -> RunResult:
        """Elaborate a file, with the modules of the Lake package in `project` at hand, and give its messages.

        The package's modules that it imports are built first. Raises `CheckFailed` if one of them fails.
        """
        project = project or path.resolve().parent
        with _Borrowed(self, project, server, path.resolve().parent) as lent:
            package = load_package(project)
            builder = Builder(package, lent, self.lean.identity, report)
            own = package.own_imports(read_module(package.module_at(path) or path.stem, path, {}))
            builder.build([item.module for item in own]).raise_on_failure() if own else None
            return builder.run(path)


class _Borrowed:
    """The given server, left running, or a new one, closed at the end."""

    def __init__(self, toolchain: Toolchain, project: Path, given: Server | None, *folders: Path) -> None:
        self._given = given
        self._server = given or toolchain.start_server([project, *folders])

    def __enter__(self) -> Server:
        return self._server

    def __exit__(self, *_: object) -> None:
        if self._given is None:
            self._server.close()
