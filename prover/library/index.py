"""Every theorem that a file may use: what it speaks of, how its conclusion begins, whether `simp` knows it.

`list.lean` reads this from the compiled modules, about a minute for Init and Std together; the answer is kept in the
user's cache as arrays and read again in a fraction of a second. Statements are printed on demand: printing all of
them would take ten minutes.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from q35.errors import ToolchainError
from q35.files import sha256_file, write_whole
from q35.lean import Report, Toolchain, cache, silent
from q35.lean.build import Builder
from q35.lean.package import load_package

Ints = npt.NDArray[np.int32]
Bits = npt.NDArray[np.bool_]

_FORMAT = 1
_PROGRAM = Path(__file__).resolve().with_name("list.lean")
_ROOTS = ("Init", "Std")
_EMPTY_PACKAGE = 'name = "nothing"\n[[lean_lib]]\nname = "Nothing"\n'
_AUXILIARY = re.compile(
    r"(^|\.)(inj|injEq|sizeOf_spec|congr_simp|eq_def|congr_eq_\d+|hcongr_\d+|inst[A-Z]\w*|(\w+_)?(induct|cases)(_unfolding)?"
    r"|brecOn(\.\w+)?|below(\.\w+)?|noConfusion\w*)$"
)
"""What Lean makes by itself for a definition or an instance."""
_INTERNAL = re.compile(r"^(Lean|Std\.(Tactic|Sat|Internal|Time|Net)|Int\.Linear|Nat\.Linear|Int\.OfNat)\.|\.Internal\.")
"""Namespaces whose theorems serve the implementation of a tactic or a data structure."""


@dataclass(frozen=True)
class Theorem:
    """A theorem by its name, and what its type speaks of (constants other than instances).

    `head` is the head symbol of the conclusion, `rewritten` that of the left side if the conclusion is an equation or
    equivalence (else empty). `supposed` counts the binders that are propositions, `explicit` the explicit ones of them.
    `auxiliary`: made by Lean itself, or there for the implementation of a tactic or data structure.
    """

    name: str
    module: str
    hypotheses: tuple[str, ...]
    conclusion: tuple[str, ...]
    head: str
    rewritten: str
    explicit: int
    supposed: int
    simp: bool
    deprecated: bool
    auxiliary: bool


@dataclass(frozen=True)
class Library:
    """Theorems as arrays, one place each; constants and modules are numbers into `constants` and `modules`.

    The constants of theorem `i`'s hypotheses are `hypotheses[hypotheses_start[i] : hypotheses_start[i + 1]]`, of its
    conclusion likewise. A number of -1 says that there is none. `definitions` are the names of all definitions.
    """

    names: Sequence[str]
    modules: Sequence[str]
    constants: Sequence[str]
    definitions: Sequence[str]
    module: Ints
    head: Ints
    rewritten: Ints
    explicit: Ints
    supposed: Ints
    simp: Bits
    deprecated: Bits
    auxiliary: Bits
    hypotheses: Ints
    hypotheses_start: Ints
    conclusion: Ints
    conclusion_start: Ints

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Theorem:
        return Theorem(
            name=self.names[i],
            module=self.modules[self.module[i]],
            hypotheses=self._named(self.hypotheses[self.hypotheses_start[i] : self.hypotheses_start[i + 1]]),
            conclusion=self._named(self.conclusion[self.conclusion_start[i] : self.conclusion_start[i + 1]]),
            head="".join(self._named(self.head[i : i + 1])),
            rewritten="".join(self._named(self.rewritten[i : i + 1])),
            explicit=int(self.explicit[i]),
            supposed=int(self.supposed[i]),
            simp=bool(self.simp[i]),
            deprecated=bool(self.deprecated[i]),
            auxiliary=bool(self.auxiliary[i]),
        )

    def __iter__(self) -> Iterator[Theorem]:
        return (self[i] for i in range(len(self)))

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each name stands."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def constant(self) -> dict[str, int]:
        """The number of each constant."""
        return {name: i for i, name in enumerate(self.constants)}

    def _named(self, numbers: Ints) -> tuple[str, ...]:
        return tuple(self.constants[n] for n in numbers if n >= 0)


def theorems(toolchain: Toolchain, package: Path | None = None, report: Report = silent) -> Library:
    """The theorems of Init and Std, and those of the Lake package in the folder `package`, which is built first.

    Private theorems and those whose names are internal are left out. Kept in the user's cache by toolchain and
    content. Raises `CheckFailed` if a module does not build, `ToolchainError` if Lean cannot list what it has.
    """
    key = [_FORMAT, toolchain.identity, sha256_file(_PROGRAM)]
    library = _kept(cache.digest_json(key), "Lean's library", toolchain, None, report)
    if package is None:
        return library
    built = toolchain.build_package(package, report=report)
    built.raise_on_failure()
    key += [artifact.key for artifact in built.artifacts]
    return _joined(library, _kept(cache.digest_json(key), package.name, toolchain, package, report))


def statements(toolchain: Toolchain, names: Iterable[str], package: Path | None = None) -> dict[str, str]:
    """The statements of the named theorems as Lean prints them, each on one line. About 200 a second.

    Raises `CheckFailed` if a module of the package does not build, `ToolchainError` if Lean knows a name not.
    """
    return dict(_ask(toolchain, package, "q35_print", "\n".join(names), silent))


def _kept(key: str, what: str, toolchain: Toolchain, package: Path | None, report: Report) -> Library:
    """The list in the cache under `key`; made first if it is not there or cannot be read."""
    file = _folder() / f"{key}.npz"
    with cache.locked(_folder() / "lock", lambda: report("another process lists theorems, waiting", 0, 0)):
        try:
            return _unpacked(file)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            report(f"listing the theorems of {what}", 0, 0)
        roots = _ROOTS if package is None else sorted({m.partition(".")[0] for m in load_package(package).targets})
        library = _from_rows(_ask(toolchain, package, "q35_list", f" {'  '.join(roots)} ", report))
        write_whole(file, _packed(library))
    return library


def _folder() -> Path:
    return cache.make_folder(cache.cache_root() / "theorems")


def _ask(toolchain: Toolchain, package: Path | None, tactic: str, text: str, report: Report) -> list[list[Any]]:
    """What a tactic of `list.lean` answers to the question `text`."""
    with tempfile.TemporaryDirectory(dir=_folder(), prefix=".list-") as name:
        folder = Path(name).resolve()
        (folder / "lakefile.toml").write_text(_EMPTY_PACKAGE)
        question, answer, program = folder / "question", folder / "answer", folder / "List.lean"
        question.write_text(text, encoding="utf-8")
        lake = load_package(package or folder)
        with toolchain.start_server([lake.folder, folder]) as server:
            builder = Builder(lake, server, toolchain.lean, report)
            if package:
                builder.build().raise_on_failure()
            imports = "\n".join(f"public import {module}" for module in lake.targets) if package else ""
            filled = {"--IMPORTS": imports, "TACTIC": tactic, "QUESTION": str(question), "ANSWER": str(answer)}
            program.write_text(_filled(_PROGRAM.read_text(encoding="utf-8"), filled), encoding="utf-8")
            result = builder.run(program)
        if not result.ok:
            errors = [message.text for message in result.messages if message.severity == "error"]
            raise ToolchainError(f"the theorems could not be listed: {errors[0]}")
        return [json.loads(line) for line in answer.read_text(encoding="utf-8").splitlines()]


def _filled(template: str, values: dict[str, str]) -> str:
    return re.sub("|".join(values), lambda match: values[match[0]], template)


class _Numbers(dict[str, int]):
    """Numbers strings in the order in which they are first asked for."""

    def __missing__(self, key: str) -> int:
        self[key] = len(self)
        return self[key]


def _from_rows(rows: Sequence[Sequence[Any]]) -> Library:
    """Rows as `list.lean` writes them: of one place, a simp lemma's name; of five, a theorem or definition."""
    simp = {row[0] for row in rows if len(row) == 1}
    found = [row for row in rows if len(row) == 5 and row[2] == "theorem"]
    constants, modules = _Numbers(), _Numbers()
    shapes = [row[4] for row in found]
    hypotheses, hypotheses_start = _lists([[constants[c] for c in dict.fromkeys(s[0])] for s in shapes])
    conclusion, conclusion_start = _lists([[constants[c] for c in dict.fromkeys(s[1])] for s in shapes])
    return Library(
        head=_ints([constants[s[2]] if s[2] else -1 for s in shapes]),
        rewritten=_ints([constants[s[3]] if s[3] else -1 for s in shapes]),
        explicit=_ints([s[4] for s in shapes]),
        supposed=_ints([s[5] for s in shapes]),
        module=_ints([modules[row[1]] for row in found]),
        simp=np.array([row[0] in simp for row in found], dtype=bool),
        deprecated=np.array([row[3] for row in found], dtype=bool),
        auxiliary=np.array([bool(_AUXILIARY.search(row[0]) or _INTERNAL.search(row[0])) for row in found], dtype=bool),
        hypotheses=hypotheses,
        hypotheses_start=hypotheses_start,
        conclusion=conclusion,
        conclusion_start=conclusion_start,
        names=[row[0] for row in found],
        modules=list(modules),
        constants=list(constants),
        definitions=[row[0] for row in rows if len(row) == 5 and row[2] == "def"],
    )


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int32)


def _lists(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Lists one after the other, and where each begins (and the last ends)."""
    return _ints([x for numbers in lists for x in numbers]), _ints([0, *np.cumsum([len(x) for x in lists])])


def _packed(library: Library) -> bytes:
    """The bytes of an `.npz` file: arrays as they are, lists of names as lines of UTF-8."""
    arrays: dict[str, Any] = {}
    for field in fields(Library):
        value = getattr(library, field.name)
        lines = not isinstance(value, np.ndarray)
        arrays[field.name] = np.frombuffer("\n".join(value).encode(), dtype=np.uint8) if lines else value
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _unpacked(file: Path) -> Library:
    values: dict[str, Any] = {}
    with np.load(file, allow_pickle=False) as data:
        for field in fields(Library):
            array = data[field.name]
            values[field.name] = array.tobytes().decode().splitlines() if array.dtype == np.uint8 else array
    return Library(**values)


def _joined(first: Library, second: Library) -> Library:
    """The theorems of both, those of `first` first, their constants and modules under common numbers."""
    constants, modules = _Numbers(first.constant), _Numbers({m: i for i, m in enumerate(first.modules)})
    # One more place, for -1, which stays what it is.
    constant = _ints([*(constants[name] for name in second.constants), -1])
    module = _ints([modules[name] for name in second.modules])
    moved = {
        "module": module[second.module],
        **{name: constant[getattr(second, name)] for name in ("head", "rewritten", "hypotheses", "conclusion")},
        **{
            name: getattr(second, name)[1:] + getattr(first, name)[-1]
            for name in ("hypotheses_start", "conclusion_start")
        },
    }
    joined: dict[str, Any] = {}
    for field in fields(Library):
        old, new = getattr(first, field.name), moved.get(field.name, getattr(second, field.name))
        joined[field.name] = np.concatenate([old, new]) if isinstance(old, np.ndarray) else [*old, *new]
    return Library(**{**joined, "constants": list(constants), "modules": list(modules)})
