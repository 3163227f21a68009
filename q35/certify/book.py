"""The theorem book: every public theorem and definition on one page, with what it rests on and what rests on it.

Made from the audit and from the data of `spec/` alone; links lead both ways, and a reader needs no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup, escape

from q35.certify.pages import render
from q35.lean.audit import AuditReport, Declaration
from q35.lean.build import shown_path
from q35.lean.sources import Example
from q35.proof_graph import ProofGraph
from q35.spec_data import Proofs, claims, mirror_name, requirements, top_level_names
from q35.spec_lint import EXPLAINED

CODE = ("functions", "kernels", "tests")
"""What a requirement names besides Lean, in the order in which a reader follows it."""
_MODULE_TEXT = re.compile(r"^/-!(.*?)-/", re.DOTALL | re.MULTILINE)
_WORD = re.compile(r"([^\s()\[\]{},⟨⟩`]+)")


@dataclass(frozen=True)
class Entry:
    """One declaration as the book shows it; `uses` and `users` are theorems and definitions of the package.

    `named_by` are the requirements and claims that name it, `serves` those that name something which rests on it.
    `met_by` shows that its hypotheses can be met. `code` are the reference functions, kernels and tests of the
    requirements that name it. `mirrors` are the reference functions that bear a definition's name.
    """

    item: Declaration
    place: str
    says: Markup
    statement: Markup
    fields: Sequence[tuple[str, Markup]]
    uses: Sequence[Declaration]
    users: Sequence[Declaration]
    named_by: Sequence[str]
    serves: Sequence[str]
    met_by: Example | Declaration | None
    code: Mapping[str, Sequence[str]]
    mirrors: Sequence[str]


@dataclass(frozen=True)
class Chapter:
    """One module: its opening text and its declarations, as they stand in the file."""

    module: str
    text: Markup
    entries: Sequence[Entry]

    @property
    def theorems(self) -> int:
        return sum(entry.item.kind == "theorem" for entry in self.entries)


def render_book(project: Path, found: AuditReport) -> str:
    """The page for the audit `found` of the project's proofs. Raises `InputError` if `spec/` cannot be read."""
    graph = Proofs.of(found).graph
    link = Linker(graph)
    chapters = _chapters(project, found, graph, link)
    entries = [entry for chapter in chapters for entry in chapter.entries]
    theorems = [entry for entry in entries if entry.item.kind == "theorem"]
    return render(
        "book.html.j2",
        chapters=chapters,
        requirements=requirements(project),
        claims=claims(project),
        found=found,
        theorems=len(theorems),
        definitions=len(entries) - len(theorems),
        conditional=sum(bool(entry.item.hypotheses) for entry in theorems),
        hidden=sum(not item.public for item in found.declarations),
        known=graph.declarations,
        link=link,
        place=lambda item: _place(project, item),
    )


class Linker:
    """Turns text that names declarations into escaped HTML with links to their entries."""

    def __init__(self, graph: ProofGraph) -> None:
        self._known = graph.declarations

    def name(self, name: str) -> Markup:
        """A link to the entry of the declaration `name`."""
        return Markup('<a href="#{}"><code>{}</code></a>').format(quote(name), name)

    def statement(self, text: str) -> Markup:
        """A pretty-printed statement, each known name in it a link."""
        return Markup("").join(self._word(word) for word in _WORD.split(text))

    def prose(self, text: str) -> Markup:
        """A docstring: what stands between backticks is code."""
        parts = text.split("`")
        shown = [Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)]
        return Markup("").join(shown)

    def _word(self, word: str) -> Markup:
        name = word
        while name and name not in self._known:
            name = name.rpartition(".")[0]
        return Markup('<a href="#{}">{}</a>').format(quote(name), word) if name else escape(word)


def _chapters(project: Path, found: AuditReport, graph: ProofGraph, link: Linker) -> list[Chapter]:
    entries = _entries(project, found, graph, link)
    chapters = []
    for module in found.modules:
        own = [entry for entry in entries if entry.item.module == module]
        if own:
            chapters.append(Chapter(module, link.prose(_module_text(Path(own[0].item.file))), own))
    return chapters


def _entries(project: Path, found: AuditReport, graph: ProofGraph, link: Linker) -> list[Entry]:
    stated = requirements(project)
    evidence = {
        entry["id"]: {*entry["theorems"], *entry.get("definitions", ())} for entry in (*stated, *claims(project))
    }
    below = {name: graph.below(names) for name, names in evidence.items()}
    mirrors = _reference_functions(project)
    entries = []
    for item in graph.declarations.values():
        named_by = [name for name, names in evidence.items() if item.name in names]
        naming = [entry for entry in stated if entry["id"] in named_by]
        entries.append(
            Entry(
                item=item,
                place=_place(project, item),
                says=link.prose(item.doc or ""),
                statement=link.statement(item.statement),
                fields=[
                    (field.name, link.statement(field.statement))
                    for field in found.definitions
                    if field.kind == "field" and field.name.rpartition(".")[0] == item.name
                ],
                uses=[graph.declarations[name] for name in _uses(item) if name in graph.declarations],
                users=[graph.declarations[name] for name in graph.users[item.name]],
                named_by=named_by,
                serves=[name for name, names in below.items() if item.name in names and name not in named_by],
                met_by=graph.witness(item.name) if item.hypotheses else None,
                code={kind: _distinct(name for entry in naming for name in entry[kind]) for kind in CODE},
                mirrors=mirrors.get(mirror_name(item.name), []) if item.kind in EXPLAINED - {"theorem"} else [],
            )
        )
    return entries


def _uses(item: Declaration) -> list[str]:
    return sorted({*item.statement_uses, *item.proof_uses})


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _place(project: Path, item: Declaration | Example) -> str:
    """`file:line`, the file as seen from the project's folder wherever the program runs."""
    return f"{shown_path(Path(item.file).resolve(), project)}:{item.line}"


def _module_text(path: Path) -> str:
    """The opening text of a Lean file, `/-! … -/`, on one line; empty if it has none."""
    found = _MODULE_TEXT.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return " ".join(found[1].split()) if found else ""


def _reference_functions(project: Path) -> dict[str, list[str]]:
    """Name -> the functions and classes of `q35ref` that bear it, with their modules."""
    found: dict[str, list[str]] = {}
    for path in sorted((project / "q35ref").glob("*.py")):
        for name in sorted(top_level_names(path)):
            found.setdefault(name.lower(), []).append(f"q35ref.{path.stem}.{name}")
    return found
