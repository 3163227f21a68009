"""Builds the kernels outside the package's own build: a changed copy of the sources, or their C++ test program.

A mutation test changes one file of a copy of `kernels/cpu` and calls `build`. One CMake tree in the user's cache serves
all such copies, so the binding library is compiled once and a changed file costs its own compilation and a link.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from q35.errors import ToolchainError
from q35.files import cache_folder
from q35kernels import wrappers
from q35kernels.sources import SOURCES

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


def _run(command: list[str], where: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolchainError(f"the C++ build failed:\n{done.stdout}{done.stderr}", where, "see the compiler's message")


def _tree(name: str) -> Path:
    """A build tree of the cache that no other Python, CMake file or C++ compiler setting shares."""
    setting = [sys.version, sys.prefix, os.environ.get("CXX", ""), os.environ.get("CXXFLAGS", "")]
    recipe = (PROJECT / "CMakeLists.txt").read_bytes() + "\0".join(setting).encode()
    folder = cache_folder() / "kernels" / f"{name}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone_in(tree: Path) -> Iterator[None]:
    """Holds the tree's lock: other processes wait here (the lock ends with its holder, however that ends)."""
    with (tree / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _mirror(source: Path, target: Path) -> None:
    """Makes `target` hold the C++ files of `source`, touching only what differs: only that is compiled again."""
    wanted = {
        path.relative_to(source): path.read_bytes()
        for path in source.rglob("*")
        if path.suffix in {".cpp", ".hpp"} and path.is_file()
    }
    for path in target.rglob("*"):
        if path.is_file() and path.relative_to(target) not in wanted:
            path.unlink()
    for name, content in wanted.items():
        path = target / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _cmake(tree: Path, source_dir: Path, *options: str) -> Path:
    """Configures and builds `tree` for a mirror of `source_dir`; returns the folder of the products."""
    mirror, build = tree / "sources", tree / "build"
    mirror.mkdir(exist_ok=True)
    _mirror(source_dir, mirror)
    cmake, ninja = _tool("cmake"), _tool("ninja")
    if not (build / "build.ninja").exists():
        paths = [
            f"-DQ35_KERNEL_SOURCES={mirror}",
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-DCMAKE_MAKE_PROGRAM={ninja}",
        ]
        _run([cmake, "-S", str(PROJECT), "-B", str(build), "-G", "Ninja", *paths, *options], str(source_dir))
    _run([cmake, "--build", str(build)], str(source_dir))
    return build


def build(source_dir: Path, out_dir: Path) -> Path:
    """Compiles the C++ sources in `source_dir` (a copy of `kernels/cpu`) to an extension in `out_dir`, and returns it.

    The first build on a machine takes about 20 s, one with a single changed file 1 to 3 s. Parallel calls wait for each
    other. Raises `ToolchainError` with the compiler's message when the sources do not compile.
    """
    tree = _tree("variant")
    out_dir.mkdir(parents=True, exist_ok=True)
    with _alone_in(tree):
        return Path(shutil.copy2(_cmake(tree, source_dir) / EXTENSION, out_dir / EXTENSION))


def build_tests(source_dir: Path = SOURCES, *, sanitize: bool, program: str = "q35_kernel_tests") -> Path:
    """Compiles the stand-alone C++ programs, plain or with ASan and UBSan; returns the path of one of them.

    `program` is "q35_kernel_tests" or "q35_kernel_fuzz". What is unchanged since the last call is not compiled again.
    Raises `ToolchainError` without a compiler.
    """
    tree = _tree("tests-sanitized" if sanitize else "tests")
    with _alone_in(tree):
        options = ("-DQ35_KERNEL_TESTS=ON", f"-DQ35_SANITIZE={'ON' if sanitize else 'OFF'}")
        return _cmake(tree, source_dir, *options) / program


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
