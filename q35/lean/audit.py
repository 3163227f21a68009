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
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from q35.errors import CheckFailed, ToolchainError
from q35.files import sha256_file, write_whole
from q35.lean import cache
from q35.lean.build import ENOUGH_FOR_TWO, Artifact, Builder, BuildResult
from q35.lean.graph import Graph
from q35.lean.launcher import MEMORY_LIMIT
from q35.lean.package import load_package
from q35.lean.progress import Report, silent
from q35.lean.server import Server
from q35.lean.sources import Example, Sources, plain
from q35.lean.toolchain import Toolchain

STANDARD_AXIOMS = frozenset({"propext", "Quot.sound", "Classical.choice"})
SCOPE = (
    "Axioms are followed through all declarations of the package, private ones included, down to the statements of "
    "Lean's own library and no further: that library is trusted as it was built. Each proof was checked again by the "
    "same kernel that accepted it first; no second, independent kernel was run."
)
_PROGRAM = Path(__file__).resolve().with_name("audit.lean")
_FORMAT = 3
_MEMORY_CEILING = int(0.6 * MEMORY_LIMIT)
"""Of a process that is to load the proofs of all modules and check them again: it grows by 0.7 GB."""
_KINDS = ("theorem", "def", "opaque", "inductive")
"""What stands in a source file under its own name."""
_REASONS = {
    "sorryAx": "sorry: a proof is missing",
    "Lean.ofReduceBool": "native_decide: trusts the compiler, not the kernel",
    "Lean.ofReduceNat": "native evaluation: trusts the compiler, not the kernel",
    "Lean.trustCompiler": "trusts the compiler, not the kernel",
}


@dataclass(frozen=True)
class Declaration:
    """A theorem or definition that stands in a source file. `line` counts from 1.

    `kind` is `theorem`, `def`, `opaque`, `inductive`, `structure`, `field` (of a structure) or `instance`.
    `statement` is pretty-printed; `statement_sha256` hashes the elaborated type's structure (no bound names, no
    notation), so it changes exactly when the statement does. `axioms` are those that it reaches, `own` and `library`
    how many declarations of the package, and statements of Lean's library, it rests on.

    `hypotheses` are what a theorem supposes. `statement_uses` and `proof_uses` are the public declarations of the
    package that its statement, and its proof or value, use, directly or through others that are not in the source or
    private, or name; `examples` are those that name it.
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
    hypotheses: tuple[str, ...] = ()
    statement_uses: tuple[str, ...] = ()
    proof_uses: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()


def _place(item: Declaration) -> tuple[str, int, str]:
    return item.file, item.line, item.name


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
    def declarations(self) -> tuple[Declaration, ...]:
        """The definitions and the theorems, in the order in which they stand in their files."""
        return tuple(sorted((*self.definitions, *self.theorems), key=_place))

    @property
    def axioms(self) -> tuple[str, ...]:
        """Every axiom that some theorem or definition reaches."""
        return tuple(sorted({axiom for item in self.declarations for axiom in item.axioms}))

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
    known = {artifact.module: kept_facts(_key(builder.lean.identity, artifact)) for artifact in built.artifacts}
    new = [artifact for artifact in built.artifacts if known[artifact.module] is None]
    if new:
        for facts in _ask_lean(builder, new, report):
            known[facts["module"]] = facts
        for artifact in new:
            facts = known[artifact.module] or {}
            if not facts:
                raise ToolchainError(f"Lean did not report on module {artifact.module}")
            keep_facts(_key(builder.lean.identity, artifact), facts)
    return [facts for facts in known.values() if facts is not None]


def _key(identity: str, artifact: Artifact) -> str:
    """Hash of all that the facts on a module depend on; its own key covers what it sees of its imports."""
    return cache.digest_json([_FORMAT, identity, sha256_file(_PROGRAM), artifact.key, artifact.parts])


def keep_facts(key: str, facts: Mapping[str, Any]) -> None:
    """Keep what Lean reported on a module, below a line with its hash."""
    stored = json.dumps(facts, ensure_ascii=False).encode()
    write_whole(_folder() / key, hashlib.sha256(stored).hexdigest().encode() + b"\n" + stored)


def kept_facts(key: str) -> dict[str, Any] | None:
    """What `keep_facts` kept; none if there is nothing or it is damaged."""
    try:
        digest, _, stored = (_folder() / key).read_bytes().partition(b"\n")
    except OSError:
        return None
    if hashlib.sha256(stored).hexdigest().encode() != digest:
        return None
    facts: dict[str, Any] = json.loads(stored)
    return facts


def _folder() -> Path:
    return cache.make_folder(cache.cache_root() / "audit")


def _ask_lean(builder: Builder, artifacts: Sequence[Artifact], report: Report) -> list[dict[str, Any]]:
    """What `audit.lean` says of modules that have been built; of many, two processes are asked for a half each."""
    report(f"auditing {len(artifacts)} modules", 0, 0)
    if len(artifacts) < ENOUGH_FOR_TWO:
        return _ask_process(builder, artifacts)
    with ThreadPoolExecutor(max_workers=2) as pool, builder.helped() as helper:
        answers = pool.map(partial(_ask_process, builder), _halves(artifacts) if helper else [artifacts])
        return [facts for answer in answers for facts in answer]


def _halves(artifacts: Sequence[Artifact]) -> list[list[Artifact]]:
    """Two halves that took about the same time to build."""
    halves: list[list[Artifact]] = [[], []]
    for artifact in sorted(artifacts, key=lambda artifact: -artifact.seconds):
        min(halves, key=lambda half: sum(a.seconds for a in half)).append(artifact)
    return halves


def _ask_process(builder: Builder, artifacts: Sequence[Artifact]) -> list[dict[str, Any]]:
    """Run `audit.lean` over modules that have been built, in one process."""
    modules = [artifact.module for artifact in artifacts]
    folder = Path(tempfile.mkdtemp(dir=builder.store, prefix=".audit-"))
    try:
        answer = folder / "facts.json"
        text = _PROGRAM.read_text(encoding="utf-8")
        text = text.replace("--IMPORTS", "\n".join(f"import all {module}" for module in modules))
        text = text.replace('"WANTED"', json.dumps(f" {'  '.join(modules)} "))
        program = folder / "Audit.lean"
        program.write_text(text.replace('"OUT"', json.dumps(str(answer))), encoding="utf-8")
        result = builder.run(program, _MEMORY_CEILING)
        if not result.ok:
            errors = [message.text for message in result.messages if message.severity == "error"]
            raise ToolchainError(f"the audit could not run: {errors[0]}")
        facts: list[dict[str, Any]] = json.loads(answer.read_bytes())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return facts


def _is_public(name: str) -> bool:
    return not name.startswith("_private.")


def _judge(built: BuildResult, facts: Sequence[Mapping[str, Any]], key: str, toolchain: str) -> AuditReport:
    sources = Sources(
        {m.module: m.artifact for m in built.modules if m.artifact}, {m.module: m.path for m in built.modules}
    )
    graph = Graph(facts)
    placed = {
        name: place
        for name, node in graph.nodes.items()
        if "statement" in node.fact and node.fact["kind"] in _KINDS
        if (place := sources.place(node.module, plain(name)))
    }
    graph.named = {name for name in placed if _is_public(name) and graph.nodes[name].fact["form"] != "field"}
    found = sorted((_declaration(name, graph, sources, place) for name, place in placed.items()), key=_place)
    return AuditReport(
        theorems=tuple(item for item in found if item.kind == "theorem"),
        definitions=tuple(item for item in found if item.kind != "theorem"),
        violations=tuple(_violations(graph, sources)),
        modules=tuple(m.module for m in built.modules),
        rechecked=sum(graph.nodes[name].fact.get("recheck") == "" for name in graph.nodes),
        key=key,
        toolchain=toolchain,
    )


def _declaration(name: str, graph: Graph, sources: Sources, place: tuple[int, int]) -> Declaration:
    node = graph.nodes[name]
    axioms, own, library = graph.reach(name)
    statement_uses = graph.used(name, node.fact["inType"])
    named = sources.named(node.module, plain(name)) & graph.named - {name, *statement_uses}
    return Declaration(
        name=plain(name),
        module=node.module,
        file=sources.file(node.module),
        line=place[0] + 1,
        kind=node.fact["form"] or node.fact["kind"],
        public=_is_public(name),
        doc=sources.doc(node.module, place),
        statement=node.fact["statement"],
        statement_sha256=hashlib.sha256(node.fact["shape"].encode()).hexdigest(),
        axioms=tuple(sorted(axioms)),
        own=len(own),
        library=len(library),
        hypotheses=tuple(node.fact["hypotheses"]),
        statement_uses=statement_uses,
        proof_uses=tuple(sorted({*graph.used(name, node.fact["inValue"]), *named})),
        examples=sources.examples(node.module, plain(name)),
    )


def _violations(graph: Graph, sources: Sources) -> list[Violation]:
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
