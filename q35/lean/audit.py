"""What the compiled proofs really rest on: every declaration of a package, judged from the modules Lean wrote.

`audit.lean` reports what the modules hold (their private parts included, so proofs too) and lets the kernel check
every proof again; this file judges: it follows each declaration through the package's own declarations and collects
the axioms at the end. It reads no proof's source, so no spelling of `sorry` escapes it.

Where it stops: at statements of Lean's own library. The embedded Lean's library comes without the bodies of its
theorems, so "standard axioms only" is shown for our own proofs down to those statements; how many of them a
declaration rests on is reported with it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from q35.errors import CheckFailed, ToolchainError
from q35.files import sha256_file, write_whole
from q35.lean import cache
from q35.lean.build import POSITIONS, Artifact, Builder, BuildResult, shown_path
from q35.lean.package import load_package
from q35.lean.progress import Report, silent
from q35.lean.server import Server
from q35.lean.toolchain import Toolchain

STANDARD_AXIOMS = frozenset({"propext", "Quot.sound", "Classical.choice"})
SCOPE = (
    "Axioms are followed through all declarations of the package, private ones included, down to the statements of "
    "Lean's own library and no further: that library is trusted as it was built. Each proof was checked again by the "
    "same kernel that accepted it first; no second, independent kernel was run."
)
_PROGRAM = Path(__file__).resolve().with_name("audit.lean")
_FORMAT = 1
_REASONS = {
    "sorryAx": "sorry: a proof is missing",
    "Lean.ofReduceBool": "native_decide: trusts the compiler, not the kernel",
    "Lean.ofReduceNat": "native evaluation: trusts the compiler, not the kernel",
    "Lean.trustCompiler": "trusts the compiler, not the kernel",
}
# What may stand between a docstring and the name it documents: attributes, modifiers, the keyword.
_DOCSTRING = re.compile(r"/--((?:(?!-/).)*)-/\s*(?:@\[[^\]]*\]\s*)*(?:[a-z_]+\s+)*\Z", re.DOTALL)
_PRIVATE = re.compile(r"^_private\.(?:.*?)\.\d+\.")


@dataclass(frozen=True)
class Declaration:
    """A theorem or definition that stands in a source file. `line` counts from 1.

    `statement` is pretty-printed; `statement_sha256` hashes the elaborated type's structure (no bound names, no
    notation), so it changes exactly when the statement does. `axioms` are those that it reaches, `own` and `library`
    how many declarations of the package, and statements of Lean's library, it rests on.
    """

    name: str
    module: str
    file: str
    line: int
    kind: str
    public: bool
    doc: str | None
    statement: str
    statement_sha256: str
    axioms: tuple[str, ...]
    own: int
    library: int


@dataclass(frozen=True)
class Violation:
    """A declaration that may not stand: what is wrong with it and where it is."""

    name: str
    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:0: {self.name}: {self.what}"


@dataclass(frozen=True)
class AuditReport:
    """All theorems and definitions of a package and all violations; `key` names the content that was audited."""

    theorems: tuple[Declaration, ...]
    definitions: tuple[Declaration, ...]
    violations: tuple[Violation, ...]
    modules: tuple[str, ...]
    rechecked: int
    key: str
    toolchain: str
    scope: str = SCOPE

    @property
    def ok(self) -> bool:
        """No violation, and there was something to judge."""
        return not self.violations and bool(self.theorems)

    @property
    def axioms(self) -> tuple[str, ...]:
        """Every axiom that some theorem or definition reaches."""
        return tuple(sorted({axiom for d in (*self.theorems, *self.definitions) for axiom in d.axioms}))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"ok": self.ok, "axioms": list(self.axioms), **asdict(self)}

    def raise_on_violation(self) -> None:
        """Raises `CheckFailed` naming each culprit, or if there was no theorem to judge."""
        if self.violations:
            raise CheckFailed("\n".join(str(violation) for violation in self.violations))
        if not self.theorems:
            raise CheckFailed("the audit found no theorem: it judged nothing")


def audit(
    project: Path,
    toolchain: Toolchain,
    report: Report = silent,
    targets: Iterable[str] = (),
    server: Server | None = None,
) -> AuditReport:
    """Build the package in the folder `project` and audit all its modules (or `targets` and what they import).

    What Lean reports is cached by the content of the build. Raises `CheckFailed` if a module does not build,
    `ToolchainError` if Lean cannot report on what it built.
    """
    package = load_package(project)
    with toolchain.borrow(server, package.folder) as lent:
        builder = Builder(package, lent, toolchain.lean, report)
        built = builder.build(targets)
        built.raise_on_failure()
        facts = _facts(builder, built, report)
    key = cache.digest_json([_key(toolchain.identity, artifact) for artifact in built.artifacts])
    return _judge(built, facts, key, toolchain.identity)


def _facts(builder: Builder, built: BuildResult, report: Report) -> list[dict[str, Any]]:
    """What Lean reports on each module, imports first: from the cache, or asked for now."""
    known = {artifact.module: _cached(_key(builder.lean.identity, artifact)) for artifact in built.artifacts}
    new = [artifact for artifact in built.artifacts if known[artifact.module] is None]
    if new:
        for facts in _ask_lean(builder, [artifact.module for artifact in new], report):
            known[facts["module"]] = facts
        for artifact in new:
            facts = known[artifact.module] or {}
            if not facts:
                raise ToolchainError(f"Lean did not report on module {artifact.module}")
            stored = {"sha256": cache.digest_json(facts), "facts": facts}
            file = _folder() / f"{_key(builder.lean.identity, artifact)}.json"
            write_whole(file, json.dumps(stored, ensure_ascii=False).encode())
    return [facts for facts in known.values() if facts is not None]


def _key(identity: str, artifact: Artifact) -> str:
    """Hash of all that the facts on a module depend on; its own key covers what it sees of its imports."""
    return cache.digest_json([_FORMAT, identity, sha256_file(_PROGRAM), artifact.key, artifact.parts])


def _cached(key: str) -> dict[str, Any] | None:
    """The stored facts, or none if there are none or they are damaged."""
    try:
        stored = json.loads((_folder() / f"{key}.json").read_bytes())
        facts: dict[str, Any] = stored["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts if cache.digest_json(facts) == stored.get("sha256") else None


def _folder() -> Path:
    return cache.make_folder(cache.cache_root() / "audit")


def _ask_lean(builder: Builder, modules: Sequence[str], report: Report) -> list[dict[str, Any]]:
    """Run `audit.lean` over modules that have been built."""
    report(f"auditing {len(modules)} modules", 0, 0)
    folder = Path(tempfile.mkdtemp(dir=builder.store, prefix=".audit-"))
    try:
        answer = folder / "facts.json"
        text = _PROGRAM.read_text(encoding="utf-8")
        text = text.replace("--IMPORTS", "\n".join(f"import all {module}" for module in modules))
        text = text.replace('"WANTED"', json.dumps(f" {'  '.join(modules)} "))
        program = folder / "Audit.lean"
        program.write_text(text.replace('"OUT"', json.dumps(str(answer))), encoding="utf-8")
        result = builder.run(program)
        if not result.ok:
            errors = [message.text for message in result.messages if message.severity == "error"]
            raise ToolchainError(f"the audit could not run: {errors[0]}")
        facts: list[dict[str, Any]] = json.loads(answer.read_bytes())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return facts


class _Sources:
    """Where each declaration stands: from the `.ilean` of its module, and the source text for its docstring."""

    def __init__(self, artifacts: Mapping[str, Artifact], paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._lines = {name: path.read_text(encoding="utf-8").splitlines(keepends=True) for name, path in paths.items()}
        self._places = {name: _positions(artifact) for name, artifact in artifacts.items()}

    def place(self, module: str, name: str) -> tuple[int, int] | None:
        """Line and column (both from 0) of the declaration's name, if it stands in the source."""
        return self._places[module].get(name)

    def line(self, module: str, name: str) -> int:
        """Line from 1 of the declaration, or of the one that it was made for; 1 if neither is known."""
        while name:
            if place := self.place(module, name):
                return place[0] + 1
            name = name.rpartition(".")[0]
        return 1

    def file(self, module: str) -> str:
        return shown_path(self._paths[module])

    def doc(self, module: str, place: tuple[int, int]) -> str | None:
        """The docstring right above the name at `place`."""
        lines = self._lines[module]
        before = "".join(lines[: place[0]]) + lines[place[0]][: place[1]]
        found = _DOCSTRING.search(before[before.rfind("/--") :]) if "/--" in before else None
        return " ".join(found[1].split()) if found else None


def _positions(artifact: Artifact) -> dict[str, tuple[int, int]]:
    """Name -> (line, column) from a `.ilean`, whose keys are themselves JSON: `{"c": {"m": module, "n": name}}`."""
    places = {}
    data = json.loads((artifact.folder / f"module.{POSITIONS}").read_bytes())
    for key, entry in data["references"].items():
        name = json.loads(key).get("c", {}).get("n")
        if name and entry.get("definition"):
            places[plain(name)] = (int(entry["definition"][0]), int(entry["definition"][1]))
    return places


def plain(name: str) -> str:
    """A private name without the prefix that Lean gives it."""
    return _PRIVATE.sub("", name)


@dataclass(frozen=True)
class _Node:
    """One declaration as Lean reported it."""

    fact: dict[str, Any]
    module: str

    @property
    def uses(self) -> list[str]:
        return [*self.fact["inType"], *self.fact["inValue"]]


class _Graph:
    """The package's declarations and what each reaches."""

    def __init__(self, facts: Sequence[Mapping[str, Any]]) -> None:
        self.nodes = {f["name"]: _Node(f, entry["module"]) for entry in facts for f in entry["declarations"]}
        self._axioms = {
            axiom for node in self.nodes.values() for axiom in node.fact["axioms"] + node.fact["axiomsOfValue"]
        }
        self._axioms |= {name for name, node in self.nodes.items() if node.fact["kind"] == "axiom"}
        self._parts: dict[str, list[str]] = {}
        for name, node in self.nodes.items():
            if node.fact["kind"] == "constructor":
                self._parts.setdefault(name.rpartition(".")[0], []).append(name)

    def reach(self, start: str) -> tuple[set[str], set[str], set[str]]:
        """Axioms, own declarations and library statements below `start`: one worklist."""
        axioms, own, library, work = set(), set(), set(), [start]
        while work:
            name = work.pop()
            if name in self._axioms:
                axioms.add(name)
            if name not in self.nodes:
                library.add(name)
            elif name not in own:
                own.add(name)
                work += [*self.nodes[name].uses, *self._parts.get(name, ())]
        return axioms, own - {start}, library - axioms

    def cycle(self) -> str | None:
        """A theorem or definition whose value rests on itself, if there is one. (Inductive types may.)"""
        state: dict[str, int] = {}
        for start in self.nodes:
            stack: list[tuple[str, bool]] = [(start, False)]
            while stack:
                name, leaving = stack.pop()
                if leaving:
                    state[name] = 2
                elif state.get(name) == 1:
                    return name
                elif name not in state and self._has_value(name):
                    state[name] = 1
                    stack.append((name, True))
                    stack += [(used, False) for used in self.nodes[name].uses if state.get(used) != 2]
        return None

    def _has_value(self, name: str) -> bool:
        return name in self.nodes and "recheck" in self.nodes[name].fact


def _judge(built: BuildResult, facts: Sequence[Mapping[str, Any]], key: str, toolchain: str) -> AuditReport:
    sources = _Sources(
        {m.module: m.artifact for m in built.modules if m.artifact}, {m.module: m.path for m in built.modules}
    )
    graph = _Graph(facts)
    found: dict[str, list[Declaration]] = {"theorem": [], "def": []}
    for name, node in graph.nodes.items():
        place = sources.place(node.module, plain(name))
        kind = "theorem" if node.fact["kind"] == "theorem" else "def"
        if place and "statement" in node.fact and node.fact["kind"] in ("theorem", "def", "opaque", "inductive"):
            found[kind].append(_declaration(name, node, graph, sources, place))
    order: Callable[[Declaration], tuple[str, int, str]] = lambda d: (d.file, d.line, d.name)  # noqa: E731
    return AuditReport(
        theorems=tuple(sorted(found["theorem"], key=order)),
        definitions=tuple(sorted(found["def"], key=order)),
        violations=tuple(_violations(graph, sources)),
        modules=tuple(m.module for m in built.modules),
        rechecked=sum(graph.nodes[name].fact.get("recheck") == "" for name in graph.nodes),
        key=key,
        toolchain=toolchain,
    )


def _declaration(name: str, node: _Node, graph: _Graph, sources: _Sources, place: tuple[int, int]) -> Declaration:
    axioms, own, library = graph.reach(name)
    return Declaration(
        name=plain(name),
        module=node.module,
        file=sources.file(node.module),
        line=place[0] + 1,
        kind=node.fact["kind"],
        public=not name.startswith("_private."),
        doc=sources.doc(node.module, place),
        statement=node.fact["statement"],
        statement_sha256=hashlib.sha256(node.fact["shape"].encode()).hexdigest(),
        axioms=tuple(sorted(axioms)),
        own=len(own),
        library=len(library),
    )


def _violations(graph: _Graph, sources: _Sources) -> list[Violation]:
    """Every declaration that is an axiom, reaches one that is not standard, or that the kernel refuses now."""
    found = []

    def blame(name: str, what: str) -> None:
        module = graph.nodes[name].module
        found.append(Violation(plain(name), sources.file(module), sources.line(module, plain(name)), what))

    for name, node in graph.nodes.items():
        if node.fact["kind"] == "axiom":
            blame(name, "an axiom of the package's own")
        for axiom in sorted(graph.reach(name)[0] - STANDARD_AXIOMS - {name}):
            direct = axiom in node.uses
            through = "" if direct else " (through a declaration that it uses)"
            blame(name, f"{_REASONS.get(axiom, f'rests on the axiom {axiom}')}{through}")
        if node.fact.get("recheck"):
            blame(name, node.fact["recheck"])
    if cycle := graph.cycle():
        blame(cycle, "rests on itself")
    return sorted(set(found), key=lambda v: (v.file, v.line, v.name, v.what))
