"""The lints of the proofs name each planted violation and leave alone what is as it should be; what is printed of them
for machines keeps its schema."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from hand_made_proofs import FILE, audited, declared, write_spec

import q35spec
from q35.lean.audit import Declaration
from q35.lean.sources import Example
from q35.spec_check import as_data
from q35.spec_data import Check, Proofs
from q35.spec_lint import check_docstrings, check_hypotheses_met, check_theorems_linked

SUPPOSES = {"hypotheses": ("0 < n",)}
EXAMPLE = Example(FILE, 40, "example : 0 < 1 := Q35.met (by decide)")


def proofs(*declarations: Declaration) -> Proofs:
    return Proofs.of(audited(*declarations))


def test_a_missing_docstring_is_named() -> None:
    check = check_docstrings(
        proofs(
            declared("Q35.explained"),
            declared("Q35.bare", 7, doc=None),
            declared("Q35.size", 9, "def", doc=None),
            declared("Q35.Shape", 11, "structure", doc=""),
            declared("Q35.Shape.width", 12, "field", doc=None),
            declared("Q35.instDecidable", 13, "instance", doc=None),
            declared("Q35.hidden", 14, public=False, doc=None),
        )
    )
    assert check.findings == [
        f"{FILE}:7: the theorem Q35.bare has no docstring",
        f"{FILE}:9: the def Q35.size has no docstring",
        f"{FILE}:11: the structure Q35.Shape has no docstring",
    ]
    assert check.examined == 4


def test_a_theorem_that_serves_nothing_is_named(tmp_path: Path) -> None:
    project = write_spec(tmp_path, {"theorems": ["Q35.named"], "definitions": ["Q35.size"]}, {"theorems": ["Q35.no"]})
    check = check_theorems_linked(
        project,
        proofs(
            declared("Q35.named", proof_uses=("Q35.lemma",)),
            declared("Q35.lemma", proof_uses=("Q35.below",)),
            declared("Q35.below"),
            declared("Q35.size", kind="def", proof_uses=("Q35.fits",)),
            declared("Q35.fits"),
            declared("Q35.no", statement_uses=("Q35.scale",)),
            declared("Q35.scale", kind="def", proof_uses=("Q35.bounded",)),
            declared("Q35.bounded"),
            declared("Q35.planted", 30, proof_uses=("Q35.alone", "Q35.lemma")),
            declared("Q35.alone", 31),
        ),
    )
    assert [finding.split(" serves ")[0] for finding in check.findings] == [f"{FILE}:30: Q35.planted"]


def test_a_hypothesis_that_nothing_meets_is_named() -> None:
    check = check_hypotheses_met(
        proofs(
            declared("Q35.free", proof_uses=("Q35.lemma",)),
            declared("Q35.lemma", **SUPPOSES, proof_uses=("Q35.below",)),
            declared("Q35.below", **SUPPOSES),
            declared("Q35.met", **SUPPOSES, examples=(EXAMPLE,)),
            declared("Q35.planted", 20, **SUPPOSES, proof_uses=("Q35.met", "Q35.other")),
            declared("Q35.other", 21, **SUPPOSES),
        )
    )
    assert check.findings == [
        f"{FILE}:{line}: {name} supposes `0 < n`, but no example uses it by name and no theorem without hypotheses does"
        for line, name in ((20, "Q35.planted"), (21, "Q35.other"))
    ]


def test_a_use_in_a_definition_meets_no_hypothesis() -> None:
    check = check_hypotheses_met(
        proofs(
            declared("Q35.free", proof_uses=("Q35.size",)),
            declared("Q35.size", kind="def", proof_uses=("Q35.planted",)),
            declared("Q35.planted", **SUPPOSES),
        )
    )
    assert len(check.findings) == 1
    assert "Q35.planted" in check.findings[0]


def test_lints_of_nothing_do_not_pass(tmp_path: Path) -> None:
    project = write_spec(tmp_path, {}, {})
    nothing = proofs()
    assert not check_docstrings(nothing).passed
    assert not check_theorems_linked(project, nothing).passed
    assert not check_hypotheses_met(nothing).passed


@pytest.mark.parametrize(
    ("check", "passed"),
    [
        (Check("links", 3), True),
        (Check("links", 3, ["it names what does not exist"]), False),
        (Check("links", 0), False),
    ],
)
def test_the_document_for_machines_keeps_its_schema(check: Check, passed: bool) -> None:
    document = as_data([Check("schemas", 1), check])
    assert document["passed"] == passed
    jsonschema.validate(document, q35spec.schema("spec_check"))
    if not passed:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | {"passed": True}, q35spec.schema("spec_check"))
