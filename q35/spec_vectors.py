"""The golden vectors of `spec/vectors`, written by running the Lean definitions.

`proofs/Q35Vectors.lean` and the files in `proofs/Q35Vectors/` choose the inputs and write the answers as JSON. The
embedded Lean cannot run code of a module that it imports, only of the file that it elaborates: so these files and the
modules that they import are put together into one program, definitions unchanged. Examples, proofs (`debug.byAsSorry`)
and theorems that no definition names are left out there: they have no part in a value, and the build checks them.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from q35.errors import ToolchainError
from q35.files import write_whole
from q35.lean.build import store_folder
from q35.lean.package import load_package
from q35.lean.progress import Report, silent
from q35.lean.toolchain import Toolchain

EXPORTER = "Q35Vectors"
_SECTION = "@[expose] public section\n"
_COMMAND = r"^(?:/--(?:(?!-/).)*-/\n)?(?:(?:set_option|open)\b[^\n]* in\n)*{}.*?(?:\n\n|\Z)"
_EXAMPLE = re.compile(_COMMAND.format(r"example\b"), re.MULTILINE | re.DOTALL)
_THEOREM = re.compile(_COMMAND.format(r"(?:private )?theorem ([^\s:({\[]+)"), re.MULTILINE | re.DOTALL)
"""One without an attribute: those with `csimp` are for the compiler."""
_WORD = re.compile(r"[\w'!?]+")
_OPTIONS = ("debug.byAsSorry true", "warn.sorry false", "linter.all false")


def export_vectors(project: Path, toolchain: Toolchain, out_dir: Path, report: Report = silent) -> list[Path]:
    """Write every vector file into `out_dir`; returns their paths, in order of name.

    `project` is the folder that holds `proofs/`. The same definitions give the same bytes on every machine and
    toolchain. Raises `ToolchainError` if the exporter does not compile or writes nothing, and `InputError` if a
    module of it is missing.
    """
    with tempfile.TemporaryDirectory(prefix=".vectors-", dir=store_folder()) as scratch:  # which every server sees
        folder = Path(scratch).resolve()
        program = folder / "Vectors.lean"
        program.write_text(exporter_program(project / "proofs", folder), encoding="utf-8")
        result = toolchain.run_file(program, project / "proofs", report)
        if not result.ok:
            said = [message.text for message in result.messages if message.severity == "error"]
            raise ToolchainError(
                f"the vector exporter failed: {said[0] if said else 'no message'}", f"proofs/{EXPORTER}.lean"
            )
        documents = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}
    if not documents:
        raise ToolchainError("the vector exporter wrote no file", f"proofs/{EXPORTER}.lean")
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        write_whole(out_dir / name, canonical(json.loads(text)).encode())
    return [out_dir / name for name in documents]


def exporter_program(proofs: Path, folder: Path) -> str:
    """One Lean file of the exporter and of all modules that it imports, which writes its JSON files into `folder`."""
    modules = load_package(proofs).closure([EXPORTER])
    options = [f"set_option {option}\n" for option in _OPTIONS]
    bodies = _without_unnamed_theorems("".join(_body(module.path) for module in modules))
    run = f"#eval! Q35.Vectors.write {json.dumps(str(folder), ensure_ascii=False)}\n"
    return "".join(["module\n", _SECTION, *options, bodies, run])


def canonical(document: dict[str, Any]) -> str:
    """The text of a vector file: sorted keys, one row a line, a newline at the end."""
    groups = [_group(group) for group in document["groups"]]
    head = f'{{"definition": {_compact(document["definition"])}, "groups": [\n'
    return head + ",\n".join(groups) + f'\n], "schema": {_compact(document["schema"])}}}\n'


def _group(group: dict[str, Any]) -> str:
    shared = f', "shared": {_compact(group["shared"])}' if "shared" in group else ""
    rows = ",\n".join(map(_compact, group["rows"]))
    return f'{{"flags": {_compact(group["flags"])}, "rows": [\n{rows}\n]{shared}}}'


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True)


def _body(path: Path) -> str:
    """A module's text after its header, without examples. Raises `ToolchainError` if it lacks our files' header."""
    header, found, body = path.read_text(encoding="utf-8").partition(_SECTION)
    if not found or "\n/-" in header:
        raise ToolchainError(f"no line `{_SECTION.strip()}` right after the imports", str(path))
    return _EXAMPLE.sub("", body)


def _without_unnamed_theorems(text: str) -> str:
    """The text with no theorem but those that the rest of it names, the last part of a name being enough."""
    theorems = {match[0]: match[1].rpartition(".")[2] for match in _THEOREM.finditer(text)}
    words = set(_WORD.findall(_THEOREM.sub("", text)))
    named: set[str] = set()
    while more := {theorem for theorem, name in theorems.items() if name in words} - named:
        named |= more
        words.update(*map(_WORD.findall, more))
    return _THEOREM.sub(lambda match: match[0] if match[0] in named else "", text)
