"""A Lake package as data: its libraries, its modules, and who imports whom.

Read from `lakefile.toml` and from the header of each Lean file, so that the build has the same module graph as
`lake build` without needing Lake (the embedded Lean cannot start processes, hence cannot run Lake).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from q35.errors import InputError

# Keys that change what a build does and that this driver does not carry out are refused rather than ignored.
_HARMLESS_KEYS = {
    "name", "version", "versionTags", "description", "keywords", "homepage", "license", "licenseFiles", "readmeFile",
    "reservoir", "lintDriver", "testDriver", "testRunner",
}  # fmt: skip
_PACKAGE_KEYS = _HARMLESS_KEYS | {"defaultTargets", "lean_lib", "leanOptions", "srcDir"}
_LIBRARY_KEYS = {"name", "roots", "srcDir", "leanOptions"}

_SPACE = re.compile(r"(?:\s|--[^\n]*(?:\n|$))+")
_COMMENT_EDGE = re.compile(r"/-|-/")
_WORD = re.compile(r"(?:«[^»]*»|[^\s«»])+")


@dataclass(frozen=True)
class Import:
    """One `import` of a header: the module, and the modifiers that decide how much of it is loaded."""

    module: str
    meta: bool = False
    all: bool = False


@dataclass(frozen=True)
class Module:
    """A Lean file. `source` is the sha256 (hex) of its bytes, `is_module` whether its header says `module`."""

    name: str
    path: Path
    source: str
    is_module: bool
    imports: tuple[Import, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Library:
    """A `[[lean_lib]]`: root modules, source folder, options for Lean."""

    name: str
    roots: tuple[str, ...]
    folder: Path
    options: dict[str, Any]

    def file(self, module: str) -> Path | None:
        """The file of `module` if this library claims that name, whether the file exists or not."""
        if not any(module == root or module.startswith(root + ".") for root in self.roots):
            return None
        return self.folder.joinpath(*re.sub("[«»]", "", module).split(".")).with_suffix(".lean")


@dataclass(frozen=True)
class Package:
    """A Lake package: `folder` holds `lakefile.toml`; `targets` are the modules that a plain build builds."""

    folder: Path
    name: str
    libraries: tuple[Library, ...]
    targets: tuple[str, ...]

    def owns(self, module: str) -> bool:
        """Whether a library of this package claims the module's name."""
        return any(library.file(module) for library in self.libraries)

    def module(self, name: str) -> Module:
        """Read one module. Raises `InputError` if no library claims the name or its file is missing."""
        for library in self.libraries:
            if path := library.file(name):
                return read_module(name, path, library.options)
        raise InputError(f"no library of package {self.name} holds a module {name}", str(self.folder))

    def module_at(self, path: Path) -> str | None:
        """Name of the module whose file is `path`; none if `path` is no module of any library."""
        path = path.resolve()
        for library in self.libraries:
            if path.is_relative_to(library.folder):
                name = ".".join(path.relative_to(library.folder).with_suffix("").parts)
                if library.file(name) == path:
                    return name
        return None

    def own_imports(self, module: Module) -> list[Import]:
        """The imports of `module` that lie in this package."""
        return [item for item in module.imports if self.owns(item.module)]

    def closure(self, targets: Iterable[str] = ()) -> list[Module]:
        """The targets (default: the package's) and all they import within the package, imports first.

        Raises `InputError` for a missing module, and for an import cycle (naming its members).
        """
        done: dict[str, Module] = {}
        path: list[str] = []

        def visit(name: str) -> None:
            if name in path:
                cycle = " -> ".join([*path[path.index(name) :], name])
                raise InputError(f"import cycle {cycle}", str(self.folder))
            if name not in done:
                path.append(name)
                module = self.module(name)
                for item in self.own_imports(module):
                    visit(item.module)
                done[path.pop()] = module

        for target in tuple(targets) or self.targets:
            visit(target)
        return list(done.values())


def load_package(folder: Path) -> Package:
    """Read `folder/lakefile.toml`. Raises `InputError` if it is missing, malformed, or asks for what we do not do."""
    folder = folder.resolve()
    file = folder / "lakefile.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError("not a Lake package: there is no lakefile.toml", str(folder)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not readable as TOML: {error}", str(file)) from error
    _refuse_unknown(data, _PACKAGE_KEYS, file)
    libraries = tuple(_library(entry, data, folder, file) for entry in data.get("lean_lib", ()))
    wanted = data.get("defaultTargets", [library.name for library in libraries])
    by_name = {library.name: library for library in libraries}
    for name in wanted:
        if name not in by_name:
            raise InputError(f"default target {name} is no lean_lib of this package", str(file))
    return Package(folder, data.get("name", folder.name), libraries, tuple(r for n in wanted for r in by_name[n].roots))


def _refuse_unknown(table: dict[str, Any], known: set[str], file: Path) -> None:
    if unknown := sorted(set(table) - known):
        raise InputError(f"key {unknown[0]} is not supported", str(file), "use a plain package of lean_lib targets")


def _library(entry: dict[str, Any], package: dict[str, Any], folder: Path, file: Path) -> Library:
    _refuse_unknown(entry, _LIBRARY_KEYS, file)
    if "name" not in entry:
        raise InputError("a lean_lib has no name", str(file))
    sources = folder / package.get("srcDir", ".") / entry.get("srcDir", ".")
    options = {**package.get("leanOptions", {}), **entry.get("leanOptions", {})}
    return Library(entry["name"], tuple(entry.get("roots", [entry["name"]])), sources.resolve(), _flatten(options))


def _flatten(options: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted TOML keys (`pp.unicode.fun = true`) come as nested tables; Lean wants the dotted name."""
    flat: dict[str, Any] = {}
    for key, value in options.items():
        flat.update(_flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat


def read_module(name: str, path: Path, options: dict[str, Any]) -> Module:
    """Read a Lean file's bytes and header. Raises `InputError` if it is missing or not UTF-8."""
    try:
        data = path.read_bytes()
        is_module, imports = parse_header(data.decode("utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"module {name} has no file", str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", str(path)) from error
    return Module(name, path, hashlib.sha256(data).hexdigest(), is_module, tuple(imports), options)


def parse_header(text: str) -> tuple[bool, list[Import]]:
    """Whether the file starts with `module`, and its imports in order. What is no header ends the parse.

    Grammar: `module? prelude? (public? meta? import all? NAME)*`, with comments anywhere between.
    """
    words = _words(text)
    word = next(words, "")
    is_module = word == "module"
    if is_module:
        word = next(words, "")
    if word == "prelude":
        word = next(words, "")
    imports = []
    while word in ("public", "meta", "import"):
        meta = False
        while word in ("public", "meta"):
            meta |= word == "meta"
            word = next(words, "")
        if word != "import":
            break
        word = next(words, "")
        everything = word == "all"
        name = next(words, "") if everything else word
        imports.append(Import(name, meta, everything))
        word = next(words, "")
    return is_module, imports


def _words(text: str) -> Iterator[str]:
    position = 0
    while True:
        if space := _SPACE.match(text, position):
            position = space.end()
        elif text.startswith("/-", position):
            position = _comment_end(text, position)
        elif word := _WORD.match(text, position):
            position = word.end()
            yield word.group()
        else:
            return


def _comment_end(text: str, start: int) -> int:
    """Position after the block comment that opens at `start`; block comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/-" else -1
        if depth == 0:
            return edge.end()
    return len(text)
