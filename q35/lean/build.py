"""Build a Lake package's modules: same graph as `lake build`, one started Lean, results cached by content.

A module's key is the hash of all that its result depends on: its source, its options, the toolchain, and what it
sees of its imports. For a plain import that is the exported part (`.olean`, `.ir`), so a changed proof does not
rebuild the modules above it; for `import all`, `meta import` and files without `module` it is everything.
Results lie in the user's cache under their key, are written under another name and renamed, and are never changed;
a lock per key keeps two builds from doing the same work.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from q35.errors import CheckFailed, InputError
from q35.files import sha256_file
from q35.lean import cache
from q35.lean.launcher import MEMORY_LIMIT
from q35.lean.package import Import, Module, Package
from q35.lean.progress import Report, silent
from q35.lean.server import Command, Server, ServerDied

_FORMAT = 2
_PARTS = ("olean", "ir", "olean.server", "olean.private")
"""A module's artifacts in the order in which Lean's `ImportArtifacts` wants them."""
POSITIONS = "ilean"
"""The part that holds where each declaration stands; importers do not read it."""
_RECORD = "record.json"
_KEEP_DAYS = 30
# A defect of the embedded pre-release: terms that the compiler lifts out of a notation are not exported with it.
_CLOSED_TERM = re.compile(r"\(interpreter\) unknown declaration '.*_closed_\d+'")
_CLOSED_TERM_HINT = " (put `set_option compiler.extract_closed false` above the notation, in the imported file)"
# A fresh process stands at 0.45 GB, and a module that imports only Init adds 0.1 GB that Lean never gives back; what is
# left below the limit is for the largest module.
_MEMORY_CEILING = int(0.8 * MEMORY_LIMIT)
ENOUGH_FOR_TWO = 8
"""With fewer modules left, starting a second process costs more than it saves."""
_MEMORY_FOR_TWO = 8 << 30
"""Two busy processes take 3 GB each."""
PROCESSES = "Q35_LEAN_PROCESSES"
"""Environment variable: the most Lean processes of a build, 1 or 2 (the default, where the machine has room for two).

One takes longer but less processor time in all, which other work on the machine may need.
"""


@dataclass(frozen=True)
class Message:
    """Something Lean said: severity `error`, `warning` or `information`; line from 1, column from 0, as Lean counts."""

    severity: str
    line: int
    column: int
    text: str

    def shown(self, path: str) -> str:
        """`path:line:column: text`, with the severity before the text unless it is an error."""
        label = "" if self.severity == "error" else f"{self.severity}: "
        return f"{path}:{self.line}:{self.column}: {label}{self.text}"


@dataclass(frozen=True)
class Artifact:
    """A built module: `files` maps part to path, `key` names all that it was made from, `result` all that it is."""

    module: str
    key: str
    folder: Path
    parts: dict[str, str]
    """part -> sha256 (hex)"""
    messages: tuple[Message, ...]
    seconds: float

    @property
    def files(self) -> list[str]:
        """Paths in the order of Lean's `ImportArtifacts`."""
        return [str(self.folder / f"module.{part}") for part in _PARTS if part in self.parts]


@dataclass(frozen=True)
class ModuleResult:
    """How a module fared: `status` is `built`, `cached`, `failed` or `skipped` (an import failed)."""

    module: str
    path: Path
    status: str
    messages: tuple[Message, ...] = ()
    seconds: float = 0.0
    artifact: Artifact | None = None

    @property
    def ok(self) -> bool:
        return self.status in ("built", "cached")


@dataclass
class BuildResult:
    """What a build came to, module by module, imports first."""

    modules: list[ModuleResult] = field(default_factory=list)
    seconds: float = 0.0
    starts: int = 0
    """How often a Lean process was started."""

    @property
    def ok(self) -> bool:
        return all(module.ok for module in self.modules)

    @property
    def artifacts(self) -> list[Artifact]:
        """What was built, imports first."""
        return [module.artifact for module in self.modules if module.artifact]

    @property
    def key(self) -> str:
        """sha256 (hex) of the built modules' keys: the content of the build."""
        return cache.digest_json([[m.module, m.artifact.key if m.artifact else m.status] for m in self.modules])

    def errors(self, relative_to: Path | None = None) -> list[str]:
        """Each error as `path:line:column: text`, and a line for each module that was skipped."""
        lines = []
        for module in self.modules:
            path = shown_path(module.path, relative_to)
            lines += [m.shown(path) for m in module.messages if m.severity == "error" and not module.ok]
            if module.status == "skipped":
                lines.append(f"{path}:1:0: not built: an import failed")
        return lines

    def raise_on_failure(self) -> None:
        """Raises `CheckFailed` with all errors if a module failed."""
        if not self.ok:
            raise CheckFailed("\n".join(self.errors()))


@dataclass(frozen=True)
class RunResult:
    """What elaborating one file came to: `ok` if it had no error; its messages in order."""

    path: Path
    ok: bool
    messages: tuple[Message, ...]
    seconds: float

    @property
    def output(self) -> str:
        """The text of the information messages (`#eval`, `#check`, `#print`), one after the other."""
        return "\n".join(m.text for m in self.messages if m.severity == "information")


def shown_path(path: Path, relative_to: Path | None = None) -> str:
    """`path` as a user would type it: relative to `relative_to` (default: the working folder) if it lies below."""
    base = (relative_to or Path.cwd()).resolve()
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


class Lean(Protocol):
    """Where a Lean is and how to start it; all else is the same for every Lean."""

    @property
    def identity(self) -> str:
        """Names the compiler in build keys: results of another identity are built again."""

    @property
    def folder(self) -> Path:
        """Where it is installed."""

    @property
    def options(self) -> dict[str, Any]:
        """Options that it needs to run well and that change no result, so they are not part of a key."""

    def command(self, scratch: Path, folders: Sequence[Path]) -> Command:
        """Command that runs Lean in the folder `scratch` and lets it read and write `folders`."""


class Builder:
    """Builds modules of one package; the Lean's identity is part of every key.

    While much is left to build and the machine has room, a second process of the same kind helps the given one.
    """

    def __init__(
        self, package: Package, server: Server, lean: Lean, report: Report = silent, timeout: float = 900.0
    ) -> None:
        self.package, self.server, self.lean = package, server, lean
        self.report, self.timeout = report, timeout
        self.store = store_folder()
        self.artifacts: dict[str, Artifact] = {}
        self._interfaces: dict[tuple[str, bool], str] = {}
        self._idle = _idle(server)
        self._stopped = False

    def build(self, targets: Iterable[str] = ()) -> BuildResult:
        """Bring the targets (default: the package's) and their imports up to date.

        Raises `InputError` for a broken package. A module that fails is in the result, not an exception.
        """
        began, starts = time.monotonic(), self._starts()
        modules = self.package.closure(targets)
        with ThreadPoolExecutor(max_workers=2) as pool, self.helped() as helper:
            found = self._bring_all(modules, pool, helper)
        result = BuildResult([found[module.name] for module in modules])
        result.seconds = time.monotonic() - began
        result.starts = self._starts() - starts
        if result.starts:
            prune(self.store)
        return result

    @contextlib.contextmanager
    def helped(self) -> Iterator[Server | None]:
        """Meanwhile a second process takes work too; it is None where the machine has no room for one.

        An exception ends both processes, so that nobody waits for what they were doing.
        """
        helper = self.server.twin() if _room_for_two() else None
        servers = [server for server in (helper, self.server) if server]
        self._idle = _idle(*servers)
        try:
            yield helper
        except BaseException:
            self._stopped = True  # a process that dies now is not started again
            for server in servers:
                server.close()
            raise
        finally:
            self._idle = _idle(self.server)  # what is asked for next must not start the helper

    def _starts(self) -> int:
        return self.server.starts + self.server.twin().starts

    def _bring_all(
        self, modules: Sequence[Module], pool: ThreadPoolExecutor, helper: Server | None
    ) -> dict[str, ModuleResult]:
        """Bring every module, imports first; two at a time while there is help, or enough left to start it for."""
        found: dict[str, ModuleResult] = {}
        waiting, running = list(modules), dict[Future[ModuleResult], Module]()
        while waiting or running:
            helps = helper is not None and (helper.alive or len(waiting) + len(running) >= ENOUGH_FOR_TWO)
            ready = [m for m in waiting if all(i.module in found for i in self.package.own_imports(m))]
            for module in ready[: max(0, 1 + helps - len(running))]:
                started = len(found) + len(running) + 1
                self.report(f"[{started}/{len(modules)}] {module.name}", len(found), len(modules))
                waiting.remove(module)
                running[pool.submit(self._bring, module)] = module
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                found[running.pop(done).name] = done.result()
        return found

    def run(self, path: Path, ceiling: int = _MEMORY_CEILING) -> RunResult:
        """Elaborate a file on top of the package; its own imports must have been built (see `build`).

        A process that has grown beyond `ceiling` bytes is started anew first.
        """
        name = self.package.module_at(path) or "Q35Run"
        began = time.monotonic()
        ok, messages = self._elaborate(name, path, {}, None, ceiling)
        return RunResult(path, ok, tuple(messages), time.monotonic() - began)

    def _bring(self, module: Module) -> ModuleResult:
        own = self.package.own_imports(module)
        if any(item.module not in self.artifacts for item in own):
            return ModuleResult(module.name, module.path, "skipped")
        key = self._key(module, own)
        artifact = read_artifact(self.store, key)
        if artifact is None:
            waiting = f"{module.name}: another build is at it, waiting"
            with cache.locked(self.store / "locks" / key[:3], lambda: self.report(waiting, 0, 0)):
                artifact = read_artifact(self.store, key)
                if artifact is None:
                    return self._make(module, key)
        self.artifacts[module.name] = artifact
        return ModuleResult(module.name, module.path, "cached", artifact.messages, artifact.seconds, artifact)

    def _make(self, module: Module, key: str) -> ModuleResult:
        folder = Path(tempfile.mkdtemp(dir=self.store, prefix=f".{key[:16]}."))
        try:
            began = time.monotonic()
            ok, messages = self._elaborate(module.name, module.path, module.options, folder / "module.olean")
            seconds = time.monotonic() - began
            if ok and module.source != _source_now(module):
                ok, messages = False, [Message("error", 1, 0, "the file changed while it was being built: build again")]
            if not ok:
                return ModuleResult(module.name, module.path, "failed", tuple(messages), seconds)
            artifact = _write_record(folder, self.store / key, module.name, key, messages, seconds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.artifacts[module.name] = artifact
        return ModuleResult(module.name, module.path, "built", artifact.messages, seconds, artifact)

    def _elaborate(
        self, name: str, path: Path, options: dict[str, Any], olean: Path | None, ceiling: int = _MEMORY_CEILING
    ) -> tuple[bool, list[Message]]:
        """One file through an idle server. A process that dies is an error message of this file, not an exception."""
        server = self._idle.get()
        if server.memory > ceiling:
            server.close()
        try:
            return self._elaborate_with(server, name, path, options, olean)
        finally:
            self._idle.put(server)

    def _elaborate_with(
        self, server: Server, name: str, path: Path, options: dict[str, Any], olean: Path | None
    ) -> tuple[bool, list[Message]]:
        parameters = {
            "file": str(path.resolve()),
            "shown": path.name,
            "olean": str(olean or ""),
            "ilean": str(olean.with_suffix(f".{POSITIONS}") if olean else ""),
            "setup": setup(name, list(self.artifacts.values()), {**self.lean.options, **options}),
        }
        fresh = server.memory == 0
        try:
            answer = server.request("elaborate", self.timeout, **parameters)
        except ServerDied as death:
            if fresh or self._stopped:
                return False, [Message("error", 1, 0, f"{death} (a proof may need too much recursion or memory)")]
            # It had worked before, and its memory only grows: a fresh process decides whether the file is at fault.
            return self._elaborate_with(server, name, path, options, olean)
        messages = parse_messages(answer["output"])
        if not answer["ok"] and not any(message.severity == "error" for message in messages):
            messages.append(
                Message("error", 1, 0, f"Lean failed without saying why: {answer['output'].strip()[-500:]}")
            )
        return bool(answer["ok"]), messages

    def _key(self, module: Module, own: Sequence[Import]) -> str:
        seen = [
            [i.module, i.meta, i.all, self._interface(i.module, not module.is_module or i.meta or i.all)] for i in own
        ]
        made_from = [_FORMAT, self.lean.identity, module.name, module.source, module.options, seen]
        return cache.digest_json(made_from)

    def _interface(self, name: str, everything: bool) -> str:
        """Hash of what an importer sees of a module and, through it, of the modules below."""
        known = self._interfaces.get((name, everything))
        if known is None:
            parts = self.artifacts[name].parts
            seen = {part: digest for part, digest in parts.items() if part in (_PARTS if everything else _PARTS[:2])}
            below = [self._interface(i.module, everything) for i in self.package.own_imports(self.package.module(name))]
            known = self._interfaces[name, everything] = cache.digest_json([seen, below])
        return known


def _idle(*servers: Server) -> queue.LifoQueue[Server]:
    """Servers that wait for work; the last one gets it first."""
    waiting: queue.LifoQueue[Server] = queue.LifoQueue()
    for server in servers:
        waiting.put(server)
    return waiting


def _room_for_two() -> bool:
    """Whether a second process may start: this machine has the processors and the memory, and `PROCESSES` allows it."""
    setting = os.environ.get(PROCESSES, "2")
    if setting not in ("1", "2"):
        raise InputError(f"{setting!r} is no number of Lean processes", PROCESSES, "1 or 2")
    if setting == "1":
        return False
    try:
        available = re.search(r"^MemAvailable:\s*(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        available = None
    return (os.cpu_count() or 1) > 1 and available is not None and int(available[1]) << 10 > _MEMORY_FOR_TWO


def setup(name: str, artifacts: Sequence[Artifact], options: Mapping[str, Any]) -> dict[str, Any]:
    """Lean's `ModuleSetup` for a file as the module `name`, with the modules that it may import."""
    return {
        "name": name,
        "isModule": False,
        "importArts": {artifact.module: artifact.files for artifact in artifacts},
        "dynlibs": [],
        "plugins": [],
        "options": dict(options),
    }


def store_folder() -> Path:
    """Folder of all build results of this user: one subfolder a key."""
    return cache.make_folder(cache.cache_root() / "build")


def parse_messages(output: str) -> list[Message]:
    """Lean's messages from what the frontend printed: a JSON object a line; other lines are its own debug output."""
    messages = []
    for line in output.splitlines():
        if line.startswith('{"'):
            data = json.loads(line)
            where = data["pos"]
            text = data["data"].rstrip()
            hint = _CLOSED_TERM_HINT if _CLOSED_TERM.search(text) else ""
            messages.append(Message(data["severity"], where["line"], where["column"], text + hint))
    return messages


def read_artifact(store: Path, key: str) -> Artifact | None:
    """The stored result under `key` if it is there and every file has its recorded hash; else none (build again)."""
    folder = store / key
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        parts = {part: str(digest) for part, digest in record["parts"].items()}
        if any(sha256_file(folder / f"module.{part}") != digest for part, digest in parts.items()):
            return None
        messages = tuple(Message(**message) for message in record["messages"])
        artifact = Artifact(record["module"], key, folder, parts, messages, float(record["seconds"]))
        os.utime(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return artifact


def _write_record(
    made: Path, final: Path, module: str, key: str, messages: Sequence[Message], seconds: float
) -> Artifact:
    """Turn the folder `made` into the stored result `final`, replacing a damaged one."""
    parts = {p: sha256_file(made / f"module.{p}") for p in (*_PARTS, POSITIONS) if (made / f"module.{p}").exists()}
    record = {"module": module, "parts": parts, "messages": [asdict(m) for m in messages], "seconds": seconds}
    (made / _RECORD).write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    made.chmod(0o755)
    if final.exists():
        shutil.rmtree(final)
    os.rename(made, final)
    return Artifact(module, key, final, parts, tuple(messages), seconds)


def _source_now(module: Module) -> str | None:
    with contextlib.suppress(OSError):
        return sha256_file(module.path)
    return None


def prune(store: Path, keep_days: float = _KEEP_DAYS) -> None:
    """Remove results that no build has used for `keep_days` days (and what killed builds left)."""
    oldest = time.time() - keep_days * 86400
    for folder in store.iterdir():
        if folder.name != "locks" and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
