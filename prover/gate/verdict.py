"""What the gate says of a file, from what Lean reported of it before (with `sorry`) and after (with the proofs)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from q35.lean.audit import STANDARD_AXIOMS
from q35.lean.sources import plain
from q35prover.gate.submission import Submission

Facts = Mapping[str, Any]
"""An answer of `judge.lean` to `read`."""


@dataclass(frozen=True)
class Finding:
    """A reason to refuse.

    `rule` is `word`, `error`, `seconds`, `crash`, `command`, `reading`, `statement`, `declarations`, `sorry`, `axiom`,
    `forbidden` or `kernel`; `what` says it for people.
    """

    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


@dataclass(frozen=True)
class Verdict:
    """Whether a proof counts: it does if nothing was found against it.

    `axioms` are those that the theorem reaches, down to the statements of Lean's own library and no further;
    `seconds` is the wall-clock time of judging, `type_hash` the sha256 (hex) of the statement's structure (no names of
    bound variables, no notation).
    """

    findings: tuple[Finding, ...]
    axioms: tuple[str, ...] = ()
    seconds: float = 0.0
    type_hash: str = ""

    @property
    def accepted(self) -> bool:
        return not self.findings


class Rests(Protocol):
    """Which axioms a constant of another module of the package reaches; none if the module is not of the package."""

    def __call__(self, module: str, constant: str) -> frozenset[str]: ...


def judge_facts(submission: Submission, before: Facts, after: Facts, rests: Rests, seconds: float) -> Verdict:
    """The verdict on a file that was read to its end, or to a command inside the proof."""
    theorem = declared(after).get(submission.theorem)
    axioms = _axioms(after, rests)
    unread = [*_reading(submission, before, after)]
    # Of a file that was not read as it should be, nothing else is worth saying.
    findings = unread or [*_declarations(submission, before, after), *_proof(submission, after, axioms)]
    return Verdict(tuple(findings), tuple(sorted(map(plain, axioms))), seconds, type_hash(theorem) if theorem else "")


def declared(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """What the file declares, by the name that its author knows it by (a private one without prefix)."""
    return {row["user"]: row for row in facts["declared"]}


def type_hash(row: Mapping[str, Any]) -> str:
    """The sha256 (hex) of a declaration's universe parameters and type."""
    return hashlib.sha256(json.dumps([row["levels"], row["type"]]).encode()).hexdigest()


def _reading(submission: Submission, before: Facts, after: Facts) -> Iterator[Finding]:
    """Whether the file has no error, and was read around the proofs as it was read without them."""
    if after["intruder"]:
        yield Finding("command", "a command begins inside the proof")
        return
    for error in after["errors"]:
        yield Finding("error", f"line {error['line']}: {error['text']}")
    expected = [(row["kind"], submission.moved(row["start"])) for row in before["commands"]]
    if not after["errors"] and [(row["kind"], row["start"]) for row in after["commands"]] != expected:
        yield Finding("reading", "the text after the proof is read as something else")


def _declarations(submission: Submission, before: Facts, after: Facts) -> Iterator[Finding]:
    """Whether every declaration is there and has the type it had, and only auxiliary ones of the proof were added."""
    old, new = declared(before), declared(after)
    for name, row in old.items():
        # Which auxiliary declarations there are, and how they are numbered, depends on the proofs.
        if not row["detail"] and _core(row) != _core(new.get(name, {})):
            kept = name in new and new[name]["kind"] == row["kind"]
            rule = "statement" if name == submission.theorem else "declarations"
            yield Finding(rule, f"{name} {'is not what it was' if kept else 'is gone'}")
    for name, row in new.items():
        if name not in old and row["kind"] == "axiom":
            yield Finding("axiom", f"{name} was added")
        elif name not in old and not (row["safe"] and row["kind"] in ("def", "theorem")):
            yield Finding("declarations", f"{name} was added, which is no part of a proof")


def _core(row: Mapping[str, Any]) -> list[Any]:
    return [row.get(key) for key in ("kind", "safe", "levels", "type")]


def _axioms(after: Facts, rests: Rests) -> set[str]:
    """All axioms that the theorem reaches."""
    axioms = {row["name"] for row in after["reached"] if row["kind"] == "axiom"}
    for row in after["reached"]:
        axioms.update(row["axioms"])
        for constant, module in row["uses"]:
            if module:
                axioms |= rests(module, constant)
    return axioms


def _proof(submission: Submission, after: Facts, axioms: set[str]) -> Iterator[Finding]:
    """Whether the theorem rests on nothing that it may not rest on, and the kernel accepts it once more."""
    if not after["reached"]:
        yield Finding("statement", f"{submission.theorem} is gone")
    for axiom in sorted(axioms - STANDARD_AXIOMS):
        missing = axiom == "sorryAx"
        yield Finding("sorry", "a proof is missing") if missing else Finding("axiom", f"rests on {plain(axiom)}")
    for row in after["reached"]:
        if row["recheck"]:
            yield Finding("kernel", f"{plain(row['name'])}: {row['recheck']}")
    used = {(plain(constant), module) for row in after["reached"] for constant, module in row["uses"]}
    for constant in sorted(submission.forbidden):
        # What `simp`, for one, makes of a theorem of another module is called `theorem._simp_1`.
        found = [name for name, module in used if name == constant or (module and name.startswith(f"{constant}._"))]
        if found:
            yield Finding("forbidden", f"uses {min(found)}")
    if submission.forbidden:
        likes = {plain(name) for row in after["reached"] for name in row["same"]}
        for constant in sorted(likes - submission.forbidden):
            yield Finding("forbidden", f"uses {constant}, which states the same")
