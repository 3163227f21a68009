"""`q35 spec`: does everything that `spec/` says exist, is it fresh, and does it still mean what was agreed?

The checks are independent functions from a project (and, where links point into Lean, the audit of its proofs) to
findings; a finding is one sentence that names the culprit. No findings means that the check passed; each check also
says how much it looked at, and a check that looked at nothing fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema

from q35 import spec_vectors
from q35.files import cache_folder, canonical_json, read_json, sha256_file, write_whole
from q35.lean.package import load_package
from q35.lean.progress import Report, silent
from q35.lean.toolchain import Toolchain
from q35.model.bounds import THEOREMS
from q35.open_goals import check_open_goals
from q35.spec_data import Check, Proofs, claims, divergences, mirror_name, requirements, top_level_names, vector_files
from q35.spec_lint import check_docstrings, check_hypotheses_met, check_theorems_linked
from q35spec.generate_lean import generated

DOCUMENTS = ("formats", "codebook", "cover", "requirements", "claims", "scope", "statements", "goals", "divergences")
"""The data files of `spec/`, each `NAME.json` valid against `schemas/NAME.schema.json`."""


def check_schemas(project: Path) -> Check:
    """Every data file of `spec/` and every vector file is valid against its JSON Schema.

    To find that takes seconds: it stands, in the cache, for the same content of both.
    """
    pairs = [(project / "spec" / f"{name}.json", name) for name in DOCUMENTS]
    pairs += [(path, "vectors") for path in vector_files(project)]
    findings = []
    for path, name in pairs:
        schema, document = read_json(project / "spec" / "schemas" / f"{name}.schema.json"), read_json(path)
        judged = canonical_json([version("jsonschema"), schema, document])
        found_valid = cache_folder() / "valid" / hashlib.sha256(judged).hexdigest()
        if found_valid.is_file():
            continue
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(document))
        findings += [f"{path.relative_to(project)}: {error.json_path}: {error.message[:200]}" for error in errors]
        if not errors:
            write_whole(found_valid, b"")
    return Check("schemas", len(pairs), findings)


def resolve_python(name: str) -> object | None:
    """What a dotted Python name means, an attribute of a module or of a class in it; `None` when it does not exist."""
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        return None
    try:
        owner: object | None = importlib.import_module(module_name)
    except ImportError:
        owner = resolve_python(module_name)
    return getattr(owner, attribute, None)


def is_defined(name: str) -> bool:
    """Whether a dotted Python name means something.

    What a module's source defines is found without importing it: one of kernels may need libraries that are not here.
    """
    module_name, _, attribute = name.rpartition(".")
    package, *parts = module_name.split(".")
    spec = importlib.util.find_spec(package) if package else None
    for folder in (spec and spec.submodule_search_locations) or ():
        stem = Path(folder, *parts)
        if attribute in top_level_names(stem.with_suffix(".py")) | top_level_names(stem / "__init__.py"):
            return True
    return resolve_python(name) is not None


def missing(project: Path, requirement: Mapping[str, Any], proofs: Proofs) -> Iterable[str]:
    """One sentence for each link of `requirement` that names something that does not exist."""
    exists: dict[str, Callable[[str], bool]] = {
        "definitions": lambda name: name in proofs.definitions,
        "theorems": lambda name: name in proofs.theorems,
        "functions": is_defined,
        "kernels": is_defined,
        "tests": lambda name: name.split("::")[1] in top_level_names(project / name.split("::")[0]),
        "vectors": lambda name: (project / "spec" / "vectors" / name).is_file(),
    }
    for kind, is_there in exists.items():
        for name in requirement[kind]:
            if not is_there(name):
                yield f"spec/requirements.json: {requirement['id']} names the {kind[:-1]} {name}, which does not exist"


def check_links(project: Path, proofs: Proofs) -> Check:
    """Every link of a requirement or a claim leads to something; every requirement has evidence; ids are unique."""
    findings: list[str] = []
    seen: set[str] = set()
    examined = 0
    for requirement in requirements(project):
        examined += sum(len(value) for value in requirement.values() if isinstance(value, list))
        findings += missing(project, requirement, proofs)
        if requirement["id"] in seen:
            findings.append(f"spec/requirements.json: {requirement['id']} stands there twice")
        seen.add(requirement["id"])
        if not requirement["theorems"] and not requirement["tests"]:
            findings.append(f"spec/requirements.json: {requirement['id']} has neither a theorem nor a test")
    for claim in claims(project):
        examined += len(claim["theorems"])
        findings += [
            f"spec/claims.json: {claim['id']} names the theorem {name}, which does not exist"
            for name in claim["theorems"]
            if name not in proofs.theorems
        ]
        if not claim["theorems"] and not claim["measured_as"]:
            findings.append(f"spec/claims.json: {claim['id']} has neither a theorem nor a measurement")
    seen_divergences: set[str] = set()
    for divergence in divergences(project):
        examined += 1
        file, _, test = divergence["test"].partition("::")
        if test not in top_level_names(project / file):
            findings.append(f"spec/divergences.json: {divergence['id']} names the test {test}, which does not exist")
        if divergence["id"] in seen_divergences:
            findings.append(f"spec/divergences.json: {divergence['id']} stands there twice")
        seen_divergences.add(divergence["id"])
    examined += len(THEOREMS)
    findings += [
        f"q35/model/bounds.py: certificates of {scheme} name the theorem {name}, which does not exist"
        for scheme, name in THEOREMS.items()
        if name not in proofs.theorems
    ]
    return Check("links", examined, findings)


def check_proof_files(project: Path, proofs: Proofs) -> Check:
    """Every Lean file below `proofs/Q35/` is reached from `Q35.lean`: one that is not is neither built nor audited.

    Likewise every file below `proofs/Q35Vectors/` is reached from the exporter.
    """
    exporter = spec_vectors.EXPORTER
    exported = {module.name for module in load_package(project / "proofs").closure([exporter])}
    findings = []
    examined = 0
    for root, reached in (("Q35", proofs.modules), (exporter, exported)):
        for path in sorted((project / "proofs" / root).rglob("*.lean")):
            examined += 1
            if ".".join(path.relative_to(project / "proofs").with_suffix("").parts) not in reached:
                findings.append(f"{path.relative_to(project)} is not reached from proofs/{root}.lean")
    return Check("proof files", examined, findings)


def check_mirrors(project: Path, proofs: Proofs) -> Check:
    """Every Lean definition that a requirement names has a reference function of the same name (in snake case)."""
    findings = []
    examined = 0
    for requirement in requirements(project):
        mirrored = {name.rsplit(".", 1)[-1].lower() for name in requirement["functions"]}
        for definition in requirement["definitions"]:
            examined += 1
            if mirror_name(definition) not in mirrored:
                findings.append(
                    f"spec/requirements.json: {requirement['id']}: no reference function is called "
                    f"{mirror_name(definition)}, the mirror of {definition}"
                )
    return Check("mirrors", examined, findings)


def check_tests_traced(project: Path) -> Check:
    """Every conformance test is named by a requirement: a test that judges nothing stated is a gap in `spec/`."""
    named = {name for requirement in requirements(project) for name in requirement["tests"]}
    present = {
        f"{path.relative_to(project).as_posix()}::{name}"
        for path in sorted((project / "conformance").rglob("test_*.py"))
        for name in top_level_names(path)
        if name.lower().startswith("test")
    }
    return Check(
        "tests traced", len(present), [f"{name} is named by no requirement" for name in sorted(present - named)]
    )


def check_statements(project: Path, proofs: Proofs) -> Check:
    """Every theorem that a requirement or a claim names still has the statement agreed in `spec/statements.json`."""
    agreed: dict[str, str] = read_json(project / "spec" / "statements.json")["statements"]
    current = linked_statements(project, proofs)
    findings = [
        f"spec/statements.json: {name} is not linked from any requirement or claim"
        for name in sorted(agreed.keys() - current)
    ]
    for name, digest in sorted(current.items()):
        if name not in agreed:
            findings.append(f"{name}: its statement has no agreed hash in spec/statements.json (run `q35 spec agree`)")
        elif agreed[name] != digest:
            findings.append(
                f"{name}: its statement has changed since it was agreed (read it, then run `q35 spec agree`)"
            )
    return Check("statements", len(current), findings)


def linked_statements(project: Path, proofs: Proofs) -> dict[str, str]:
    """The statement hash of each existing theorem that a requirement or a claim names."""
    linked = {name for entry in (*requirements(project), *claims(project)) for name in entry["theorems"]}
    return {name: proofs.theorems[name] for name in sorted(linked & proofs.theorems.keys())}


def agree_on_statements(project: Path, proofs: Proofs) -> int:
    """Write the statement hashes of all linked theorems to `spec/statements.json`; returns their number."""
    statements = linked_statements(project, proofs)
    document = {"schema": "q35.statements/1", "statements": statements}
    write_whole(project / "spec" / "statements.json", canonical_json(document))
    return len(statements)


def as_data(checks: Sequence[Check]) -> dict[str, Any]:
    """The checks as JSON data, valid against `spec_check.schema.json`."""
    rows = [{"name": check.name, "examined": check.examined, "findings": check.findings} for check in checks]
    return {"schema": "q35.spec-check/1", "passed": all(check.passed for check in checks), "checks": rows}


def check_all(project: Path, proofs: Proofs, toolchain: Toolchain, report: Report = silent) -> list[Check]:
    """Every check, the quick ones first; the slow one, exporting the vectors anew, only when all others passed."""
    schemas = check_schemas(project)
    if not schemas.passed:
        return [schemas]

    def export(folder: Path) -> None:
        shutil.copytree(exported_vectors(project, toolchain, report), folder / "spec" / "vectors")

    checks = [
        schemas,
        check_proof_files(project, proofs),
        check_docstrings(proofs),
        check_hypotheses_met(proofs),
        check_links(project, proofs),
        check_theorems_linked(project, proofs),
        check_mirrors(project, proofs),
        check_tests_traced(project),
        check_statements(project, proofs),
        check_open_goals(project, proofs, toolchain, report),
        check_fresh("generated files", project, lambda folder: write_generated(project, folder)),
    ]
    if any(not check.passed for check in checks):
        return [*checks, Check("vectors", 0, ["vectors: not exported anew, because another check failed"])]
    return [*checks, check_fresh("vectors", project, export, exactly=project / "spec" / "vectors")]


def exported_vectors(project: Path, toolchain: Toolchain, report: Report) -> Path:
    """A folder of the vectors as Lean exports them, kept in the cache under the hash of all that they depend on."""
    program = spec_vectors.exporter_program(project / "proofs", Path("/"))
    exporter = sha256_file(Path(spec_vectors.__file__))
    key = hashlib.sha256(f"{toolchain.identity} {exporter} {program}".encode()).hexdigest()
    kept = cache_folder() / "vectors" / key
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=kept.parent) as scratch:
            fresh = Path(scratch) / "vectors"
            fresh.mkdir()
            spec_vectors.export_vectors(project, toolchain, fresh, report)
            with contextlib.suppress(OSError):  # another process was faster, with the same result
                fresh.rename(kept)
    return kept


def write_generated(project: Path, folder: Path) -> None:
    """Write every file that is generated from the data of `spec/` to its place below `folder`."""
    for name, text in generated(project / "spec").items():
        write_whole(folder / name, text.encode())


def check_fresh(name: str, project: Path, write: Callable[[Path], object], exactly: Path | None = None) -> Check:
    """The files that `write` makes below a folder are byte for byte those of the project; differences are named.

    The folder `exactly` of the project may hold no other JSON file.
    """
    findings: list[str] = []
    with tempfile.TemporaryDirectory(prefix="q35-fresh-") as scratch:
        write(Path(scratch))
        made = {path.relative_to(scratch): path.read_bytes() for path in Path(scratch).rglob("*") if path.is_file()}
    for place, fresh in sorted(made.items()):
        committed = project / place
        if not committed.is_file():
            findings.append(f"{place} is missing")
        elif (line := first_difference(committed.read_bytes(), fresh)) is not None:
            findings.append(f"{place}:{line}: differs from what the definitions give (`q35 spec renew` writes it)")
    for path in sorted(exactly.glob("*.json")) if exactly else []:
        if path.relative_to(project) not in made:
            findings.append(f"{path.relative_to(project)} is exported by nothing")
    return Check(name, len(made), findings)


def first_difference(left: bytes, right: bytes) -> int | None:
    """The number of the first line in which two texts differ, from 1; `None` when they are equal."""
    if left == right:
        return None
    lines = zip(left.split(b"\n"), right.split(b"\n"), strict=False)
    return next(
        (number for number, (a, b) in enumerate(lines, 1) if a != b), min(left.count(b"\n"), right.count(b"\n")) + 1
    )
