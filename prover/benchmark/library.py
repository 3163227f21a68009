"""Statements of Lean's own library as problems: `python -m q35prover.benchmark.library` writes `library.json` anew.

The rule, which looks at no prover's success: from the theorems of `Init` in seven namespaces, none of them made by Lean
itself, deprecated, or true by definition, a seeded sample, so many of each namespace as `QUOTA` says. A proof may use
neither the theorem nor one that says the same up to names and reducible definitions; they are also taken out of the
simp set and of grind's, so that no search spends its time on proofs that would be refused.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from q35.errors import CheckFailed
from q35.files import canonical_json, write_whole
from q35.lean import Server, Toolchain, find_toolchain, terminal_report
from q35.lean.build import Builder, RunResult
from q35.lean.package import load_package
from q35.project import find_project
from q35prover.benchmark.problems import LIBRARY
from q35prover.library.index import Library, Theorem, theorems

SEED = 35
QUOTA = {"Nat": 60, "Int": 60, "List": 60, "BitVec": 45, "Rat": 30, "Fin": 25, "Bool": 20}
"""Theorems of each namespace, 300 in all."""

_PROGRAM = Path(__file__).resolve().with_name("library.lean")
_EMPTY_PACKAGE = 'name = "nothing"\n[[lean_lib]]\nname = "Nothing"\n'
_UNFOLDED = {"GT.gt": ("LT.lt",), "GE.ge": ("LE.le",), "Ne": ("Not", "Eq")}
"""Reducible relations, and what they stand for."""
_SPARE = 2
"""So many times the quota is looked at, for the ones that hold by definition."""


@dataclass(frozen=True)
class Described:
    """A theorem of the library, its signature behind the name, and the theorems that say the same (itself first)."""

    name: str
    module: str
    signature: str
    same: tuple[str, ...]


def drawn(library: Library, seed: int) -> list[Theorem]:
    """The theorems that the rule allows, `_SPARE` quotas of each namespace, in the order in which they are taken."""
    allowed = defaultdict(list)
    for theorem in library:
        space = theorem.name.partition(".")[0]
        if space in QUOTA and theorem.module.startswith("Init.") and not (theorem.auxiliary or theorem.deprecated):
            allowed[space].append(theorem)
    draw = random.Random(seed)
    return [
        theorem
        for space, count in QUOTA.items()
        for theorem in draw.sample(
            sorted(allowed[space], key=lambda t: t.name), min(_SPARE * count, len(allowed[space]))
        )
    ]


def possible_twins(library: Library, chosen: Iterable[Theorem]) -> dict[str, list[str]]:
    """For each theorem the others that speak of the same constants: only these can say the same."""
    alike = defaultdict(list)
    for theorem in library:
        alike[_spoken_of(theorem)].append(theorem.name)
    return {theorem.name: [n for n in alike[_spoken_of(theorem)] if n != theorem.name] for theorem in chosen}


def _spoken_of(theorem: Theorem) -> frozenset[str]:
    constants = (*theorem.hypotheses, *theorem.conclusion)
    return frozenset(plain for constant in constants for plain in _UNFOLDED.get(constant, (constant,)))


class _Questions:
    """A Lean process that reads files made of `library.lean` and statements."""

    def __init__(self, toolchain: Toolchain, folder: Path) -> None:
        (folder / "lakefile.toml").write_text(_EMPTY_PACKAGE)
        self._folder, self._toolchain = folder, toolchain
        self._server: Server = toolchain.start_server([folder])

    def close(self) -> None:
        self._server.close()

    def ask(self, tactic: str, lines: Sequence[str], statements: str = "") -> list[list[Any]]:
        """What a tactic of `library.lean` answers. Raises `CheckFailed` if it fails; the statements may."""
        question, answer = self._folder / "question", self._folder / "answer"
        question.write_text("\n".join(lines), encoding="utf-8")
        answer.write_text("")  # the embedded Lean does not see that a file which it wrote was removed
        program = _PROGRAM.read_text(encoding="utf-8") + statements
        last = f'\nset_option maxHeartbeats 0 in\nexample : True := by\n  {tactic} "{question}" "{answer}"\n  trivial\n'
        result = self.run(program + last)
        rows = [json.loads(line) for line in answer.read_text(encoding="utf-8").splitlines()]
        if len(rows) != len(lines):
            raise CheckFailed(f"{tactic} answered {len(rows)} of {len(lines)}: {result.messages[-1:]}")
        return rows

    def run(self, text: str) -> RunResult:
        file = self._folder / "Questions.lean"
        file.write_text(text, encoding="utf-8")
        return Builder(load_package(self._folder), self._server, self._toolchain.lean, lambda *_: None).run(file)


def described(library: Library, chosen: Sequence[Theorem], questions: _Questions) -> Iterator[Described]:
    """The chosen theorems that do not hold by definition."""
    twins = possible_twins(library, chosen)
    rows = questions.ask("q35_describe", [" ".join((theorem.name, *twins[theorem.name])) for theorem in chosen])
    for theorem, (name, signature, by_definition, same) in zip(chosen, rows, strict=True):
        if not by_definition:
            yield Described(name, theorem.module, _behind_name(signature), (name, *same))


def _behind_name(signature: str) -> str:
    return " ".join(signature.split(" ", 1)[1].split()) if " " in signature else ""


def readable(found: Sequence[Described], questions: _Questions) -> set[str]:
    """The names of those whose printed signature Lean reads back as the very same statement."""
    # Axioms, since a theorem's proof would be elaborated beside the question, which the embedded Lean hangs on.
    statements = "".join(f"public axiom q35_{i} {item.signature}\n" for i, item in enumerate(found))
    lines = [f"q35_{i} {item.name}" for i, item in enumerate(found)]
    return {name for name, same in questions.ask("q35_compare", lines, statements) if same}


def erasable(names: Sequence[str], attribute: str, questions: _Questions) -> set[str]:
    """The names that have an attribute to take away."""
    result = questions.run("".join(f"attribute [-{attribute}] {name}\n" for name in names))
    refused = {message.line for message in result.messages if message.severity == "error"}
    return {name for line, name in enumerate(names, 1) if line not in refused}


def text_before(item: Described, read_back: bool, erased: Mapping[str, set[str]]) -> str:
    """The problem's file up to the proof."""
    lines = [
        f"attribute [-{attribute}] {' '.join(names)}"
        for attribute, having in erased.items()
        if (names := [name for name in item.same if name in having])
    ]
    statement = item.signature if read_back else f": type_of% @{item.name}"
    return "".join(f"{line}\n" for line in lines) + f"theorem goal {statement} := by\n  "


def main() -> None:
    """Draw, describe, check, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()

    toolchain = find_toolchain(find_project() / "proofs")
    with terminal_report() as report, tempfile.TemporaryDirectory(prefix="q35-") as name:
        library = theorems(toolchain, report=report)
        questions = _Questions(toolchain, Path(name).resolve())
        try:
            report("describing theorems", 0, 0)
            found, left = [], dict(QUOTA)
            for item in described(library, drawn(library, arguments.seed), questions):
                space = item.name.partition(".")[0]
                if left[space]:
                    left[space] -= 1
                    found.append(item)
            report("reading statements back", 0, 0)
            read_back = readable(found, questions)
            names = sorted({name for item in found for name in item.same})
            erased = {attribute: erasable(names, attribute, questions) for attribute in ("simp", "grind")}
        finally:
            questions.close()
    if any(left.values()):
        raise CheckFailed(f"there are not enough theorems: {left}")
    rows = [
        {
            "theorem": item.name,
            "module": item.module,
            "before": text_before(item, item.name in read_back, erased),
            "forbidden": sorted(item.same),
        }
        for item in found
    ]
    document = {
        "schema": "q35.prover-library/1",
        "seed": arguments.seed,
        "quota": QUOTA,
        "toolchain": toolchain.identity,
        "theorems": rows,
    }
    write_whole(LIBRARY, canonical_json(document))


if __name__ == "__main__":
    main()
