"""Lints of the proofs: every declaration is explained, serves a requirement, and says something that is not empty.

Each is a check of `q35 spec check`: a function of the audited declarations to findings that name file and line.
"""

from __future__ import annotations

from pathlib import Path

from q35.lean.audit import Declaration
from q35.spec_data import Check, Proofs, claims, requirements

EXPLAINED = frozenset({"theorem", "def", "opaque", "inductive", "structure"})
"""The kinds of declaration that need a docstring: fields and instances are explained by what they belong to."""


def check_docstrings(proofs: Proofs) -> Check:
    """Every public definition, structure, inductive type and theorem has a docstring."""
    declarations = [item for item in proofs.declarations if item.kind in EXPLAINED]
    return Check(
        "docstrings",
        len(declarations),
        [f"{_place(item)}: the {item.kind} {item.name} has no docstring" for item in declarations if not item.doc],
    )


def check_theorems_linked(project: Path, proofs: Proofs) -> Check:
    """Every public theorem is named by a requirement or a claim, or something that is named rests on it.

    Of theorems that serve nothing, those are findings that no other such theorem uses: to link them links the others.
    """
    stated = requirements(project)
    named = {name for entry in (*stated, *claims(project)) for name in entry["theorems"]}
    named |= {name for entry in stated for name in entry["definitions"]}
    served = proofs.graph.below(named)
    idle = [item for item in proofs.graph.theorems if item.name not in served]
    used = proofs.graph.below(name for item in idle for name in (*item.statement_uses, *item.proof_uses))
    return Check(
        "theorems linked",
        len(proofs.graph.theorems),
        [
            f"{_place(item)}: {item.name} serves no requirement and no claim: name it in spec/, use it, or delete it"
            for item in idle
            if item.name not in used
        ],
    )


def check_hypotheses_met(proofs: Proofs) -> Check:
    """Every public theorem with hypotheses is used where they are met.

    That is: by name in an `example`, or in the proof of a theorem without hypotheses, through other theorems or not.
    """
    conditional = [item for item in proofs.graph.theorems if item.hypotheses]
    return Check(
        "hypotheses met",
        len(proofs.graph.theorems),
        [
            f"{_place(item)}: {item.name} supposes `{item.hypotheses[0]}`, but no example uses it by name "
            f"and no theorem without hypotheses does"
            for item in conditional
            if proofs.graph.witness(item.name) is None
        ],
    )


def _place(item: Declaration) -> str:
    return f"{item.file}:{item.line}"
