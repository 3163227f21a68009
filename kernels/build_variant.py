"""Builds the kernels outside the package's own build: a changed copy of the sources, or their C++ test program.

A mutation test changes one file of a copy of `kernels/cpu` and calls `build`. A CMake tree in the user's cache has the
objects of the package's own sources; a copy costs the compilation of what sees its changes, and a link.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Literal

from q35.errors import ToolchainError
from q35.files import cache_folder
from q35kernels import wrappers
from q35kernels.sources import SOURCES, source_sha256_of

PROJECT = SOURCES.parent
"""The folder of the kernels' own CMakeLists.txt."""

EXTENSION = "_cpu" + sysconfig.get_config_var("EXT_SUFFIX")


def _tool(name: str) -> str:
    """The path of a build tool, the one of this environment first."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(name, path=search)
    if found is None:
        raise ToolchainError(f"{name} is missing", fix="pip install 'q35[test]'")
    return found


def _run(command: list[str], where: str, folder: Path | None = None) -> str:
    """What the command printed; raises ToolchainError when it failed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolchainError(f"the C++ build failed:\n{done.stdout}{done.stderr}", where, "see the compiler's message")
    return done.stdout


def _tree(name: str) -> Path:
    """A build tree of the cache that no other Python, installation, CMake file or C++ compiler setting shares."""
    setting = [sys.version, sys.prefix, str(PROJECT), os.environ.get("CXX", ""), os.environ.get("CXXFLAGS", "")]
    recipe = (PROJECT / "CMakeLists.txt").read_bytes() + "\0".join(setting).encode()
    folder = cache_folder() / "kernels" / f"{name}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sources(folder: Path) -> dict[Path, bytes]:
    """The C++ files in `folder` by their path within it."""
    files = (path for path in folder.rglob("*") if path.suffix in {".cpp", ".hpp"} and path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def _differing(one: Path, other: Path) -> set[Path]:
    """The C++ files that two folders do not have alike."""
    return {path for path, _ in _sources(one).items() ^ _sources(other).items()}


def _mirror(source: Path, target: Path) -> None:
    """Makes `target` hold the C++ files of `source`, touching only what differs: only that is compiled again."""
    wanted = _sources(source)
    for name in _differing(source, target):
        path = target / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted[name])
        else:
            path.unlink()


@contextmanager
def _own_build(tree: Path, target: str, *options: str) -> Iterator[Path]:
    """The folder in which `target` was built of the package's own sources, as it stays within this context."""
    mirror, build, complete = tree / "sources", tree / "build", tree / f"{target}.complete"
    mirror.mkdir(exist_ok=True)
    with (tree / "lock").open("w") as lock:  # it ends with its holder, however that ends
        fcntl.flock(lock, fcntl.LOCK_SH)
        while not complete.exists() or _differing(SOURCES, mirror):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _differing(SOURCES, mirror):
                for outdated in tree.glob("*.complete"):
                    outdated.unlink()
                _mirror(SOURCES, mirror)
            _cmake(mirror, build, target, *options)
            complete.touch()
            fcntl.flock(lock, fcntl.LOCK_SH)  # somebody with other sources may come before that
        yield build


def _cmake(sources: Path, build: Path, target: str, *options: str) -> None:
    cmake, ninja = _tool("cmake"), _tool("ninja")
    if not (build / "build.ninja").exists():
        paths = [
            f"-DQ35_KERNEL_SOURCES={sources}",
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-DCMAKE_MAKE_PROGRAM={ninja}",
            "-DQ35_KERNEL_TESTS=ON",
        ]
        _run([cmake, "-S", str(PROJECT), "-B", str(build), "-G", "Ninja", *paths, *options], str(SOURCES))
    _run([cmake, "--build", str(build), "--target", target], str(SOURCES))


def _build(tree: Path, target: str, product: str, source_dir: Path, out_dir: Path, *options: str) -> Path:
    """Makes `product`, the file of `target`, of the sources in `source_dir`: only objects that see a difference are
    compiled, then linked with those of the package's own build, by its own commands.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    source_dir, made, mirror = source_dir.absolute(), (out_dir / product).absolute(), tree / "sources"
    with _own_build(tree, target, *options) as build, tempfile.TemporaryDirectory(dir=made.parent) as folder:
        changed = {mirror / path for path in _differing(source_dir, mirror)}
        if not changed:
            return Path(shutil.copy2(build / product, made))
        hash_file, own_hash_file = build / "source_hash.cpp", Path(folder, "source_hash.cpp")
        own_hash_file.write_text(hash_file.read_text().replace(source_sha256_of(SOURCES), source_sha256_of(source_dir)))
        changed.add(hash_file)
        ninja = [_tool("ninja"), "-t"]
        commands = {row["output"]: row["command"] for row in json.loads(_run([*ninja, "compdb"], str(build), build))}
        link = commands[product].replace(f" -o {product} ", f" -o {made} ")
        linked, compilations = set(link.split()), []
        for number, (output, seen) in enumerate(_seen_files(_run([*ninja, "deps"], str(build), build))):
            if output in linked and changed & seen:
                own_output = f"{folder}/{number}.o"
                command = commands[output].replace(output, own_output)
                for path, own_path in ((hash_file, own_hash_file), (mirror, source_dir)):
                    command = command.replace(str(path), str(own_path))
                compilations.append(command)
                link = link.replace(output, own_output)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda command: _run(["sh", "-c", command], str(source_dir), build), compilations))
        _run(["sh", "-c", link], str(source_dir), build)
    return made


def _seen_files(listing: str) -> list[tuple[str, set[Path]]]:
    """Of what `ninja -t deps` printed, the objects and the files that each was compiled from."""
    records = (record.splitlines() for record in listing.strip().split("\n\n"))
    return [(head.split(": #deps")[0], {Path(line.strip()) for line in files}) for head, *files in records]


def build(source_dir: Path, out_dir: Path, *, optimize: bool = True) -> Path:
    """Compiles the C++ sources in `source_dir` (a copy of `kernels/cpu`) to an extension in `out_dir`, and returns it.

    The first build on a machine takes about 20 s, one with a single changed file 1 to 5 s; a third of that without
    `optimize`. Raises `ToolchainError` with the compiler's message when the sources do not compile.
    """
    if optimize:
        return _build(_tree("plain"), "q35kernels", EXTENSION, source_dir, out_dir)
    options = "-DCMAKE_CXX_FLAGS_RELEASE=-O0 -DNDEBUG"
    return _build(_tree("unoptimized"), "q35kernels", EXTENSION, source_dir, out_dir, options)


def build_scalar(source_dir: Path, out_dir: Path) -> Path:
    """Compiles the scalar kernels of the C++ sources in `source_dir` to a shared library in `out_dir`, and returns it.

    The compiler's options are those of the extension. Raises `ToolchainError` when the sources do not compile.
    """
    return _build(_tree("plain"), "q35_kernel_scalar", "q35_kernel_scalar.so", source_dir, out_dir)


def build_tests(
    source_dir: Path, out_dir: Path, *, sanitize: bool, program: Literal["q35_kernel_tests", "q35_kernel_fuzz"]
) -> Path:
    """Compiles a stand-alone C++ program into `out_dir`, plain or with ASan and UBSan, and returns it.

    What is as in the package is compiled once. Raises `ToolchainError` without a compiler.
    """
    if sanitize:
        return _build(_tree("sanitized"), program, program, source_dir, out_dir, "-DQ35_SANITIZE=ON")
    return _build(_tree("plain"), program, program, source_dir, out_dir)


def load(extension: Path) -> ModuleType:
    """Imports the extension module that `build` made, beside the package's own."""
    spec = importlib.util.spec_from_file_location("q35kernels._cpu", extension)
    if spec is None or spec.loader is None:
        raise ToolchainError("not an extension module", str(extension))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def active(extension: Path) -> Iterator[None]:
    """Within this context every function of `q35kernels` runs that extension's code instead of the package's own."""
    names = vars(wrappers)
    own = names["native"]
    names["native"] = load(extension)
    try:
        yield
    finally:
        names["native"] = own
