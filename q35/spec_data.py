"""The data of `spec/`, the proofs that its links lead into, and the outcome of a check of the one against the other."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from q35.files import read_json
from q35.lean.audit import AuditReport, Declaration
from q35.proof_graph import ProofGraph


@dataclass(frozen=True)
class Check:
    """The outcome of one check: how many things it looked at, and one finding for each that is wrong."""

    name: str
    examined: int
    findings: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.findings and self.examined > 0


@dataclass(frozen=True)
class Proofs:
    """What the links into Lean are checked against: the public declarations and the modules of the package."""

    declarations: tuple[Declaration, ...]
    modules: frozenset[str]

    @staticmethod
    def of(found: AuditReport) -> Proofs:
        """The public part of what the audit found."""
        return Proofs(tuple(item for item in found.declarations if item.public), frozenset(found.modules))

    @functools.cached_property
    def theorems(self) -> Mapping[str, str]:
        """The hash of each theorem's statement, by its fully qualified name."""
        return {item.name: item.statement_sha256 for item in self.declarations if item.kind == "theorem"}

    @functools.cached_property
    def definitions(self) -> frozenset[str]:
        """The fully qualified names of all that is not a theorem."""
        return frozenset(item.name for item in self.declarations if item.kind != "theorem")

    @functools.cached_property
    def graph(self) -> ProofGraph:
        """How the declarations use each other."""
        return ProofGraph.of(self.declarations)


def mirror_name(lean_name: str) -> str:
    """The Python name of a Lean definition: `Q35.roundHalfEven` is `round_half_even`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", lean_name.rsplit(".", 1)[-1]).lower()


def vector_files(project: Path) -> list[Path]:
    """The golden vector files of the project."""
    return sorted((project / "spec" / "vectors").glob("*.json"))


def requirements(project: Path) -> list[dict[str, Any]]:
    """The requirements of `spec/requirements.json`."""
    return list(read_json(project / "spec" / "requirements.json")["requirements"])


def claims(project: Path) -> list[dict[str, Any]]:
    """The published claims of `spec/claims.json`."""
    return list(read_json(project / "spec" / "claims.json")["claims"])


def divergences(project: Path) -> list[dict[str, Any]]:
    """The known divergences of other libraries in `spec/divergences.json`."""
    return list(read_json(project / "spec" / "divergences.json")["divergences"])


def top_level_names(path: Path) -> frozenset[str]:
    """The names of the functions and classes that a Python file defines at its top level."""
    return _top_level_names(path.read_text(), str(path)) if path.is_file() else frozenset()


@functools.cache
def _top_level_names(source: str, shown: str) -> frozenset[str]:
    nodes = ast.parse(source, shown).body
    return frozenset(node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
