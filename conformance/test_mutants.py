"""Every mutant is killed: a known bug planted in a copy of the code makes a named test fail, and only the bug does.

The control is two-sided: the same tests pass on a copy that went the same way without a change, so a mutant cannot be
"killed" by the copying or the build, and only a failed assertion counts, not an error of import, build or set-up.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance import mutation
from conformance.ledger import Ledger
from conformance.mutation import Mutant
from conformance.runner import REPOSITORY, Run, run_session
from conformance.subjects import machine_lacks

CLAIM: dict[str, Any] = {"subject": "suite", "truth": "expected-outcome", "level": "sampled"}
Control = Callable[[str], dict[str, list[str]]]
MUTANTS = [mutant for family in mutation.FAMILIES for mutant in mutation.load(family)]


def judge(root: Path, tests: list[str]) -> Run:
    """Runs the named tests against the packages under `root`."""
    selected = [f"{REPOSITORY / 'conformance'}/{test}" for test in tests]
    common = [f"--rootdir={REPOSITORY}", f"--q35-root={root}", "--q35-effort=quick", "--tb=line"]
    return run_session([*common, *selected], root)


def outcome_of(run: Run, test: str) -> list[dict[str, Any]]:
    """The report's rows for a named test; all of its parameters when the name gives none."""
    rows = (run.report or {"tests": []})["tests"]
    name = f"conformance/{test}"
    return [row for row in rows if row["id"] == name or row["id"].startswith(f"{name}[")]


@pytest.fixture(scope="session")
def control(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Control:
    """Outcomes of a family's named tests on an unchanged copy, found once for all workers of a session."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if hasattr(request.config, "workerinput") else shared

    def outcomes(family: str) -> dict[str, list[str]]:
        known = shared / f"control-{family}.json"
        with known.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not known.exists():
                known.write_text(json.dumps(unchanged(family, shared / f"control-{family}")))
        found: dict[str, list[str]] = json.loads(known.read_text())
        return found

    return outcomes


def unchanged(family: str, root: Path) -> dict[str, list[str]]:
    """Each test that a family's mutants name, with its parameters' outcomes on a copy without a mutation."""
    tests = sorted({test for mutant in MUTANTS if mutant.family == family for test in mutant.tests})
    mutation.stage(family, None, root)
    run = judge(root, tests)
    assert run.report is not None, run.output
    return {test: [row["outcome"] for row in outcome_of(run, test)] for test in tests}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_mutant_is_killed(
    mutant: Mutant,
    tmp_path: Path,
    compared: Ledger,
    mutant_rows: list[dict[str, Any]],
    control: Control,
) -> None:
    if reason := machine_lacks(mutant.isa):
        pytest.skip(reason)
    before = control(mutant.family)
    lacking = [test for test in mutant.tests if set(before[test]) == {"not run"}]
    if len(lacking) == len(mutant.tests):
        pytest.skip(f"this machine cannot run {', '.join(lacking)}")
    unfit = [test for test in mutant.tests if test not in lacking and set(before[test]) != {"passed"}]
    assert not unfit, f"these do not pass on an unchanged copy: {unfit}"
    start = time.monotonic()
    mutation.stage(mutant.family, mutant, tmp_path)
    run = judge(tmp_path, list(mutant.tests))
    assert run.report is not None, f"the session on the mutant wrote no report:\n{run.output}"
    killers: list[str] = []
    survivors: list[str] = []
    divergences = 0
    for test in (test for test in mutant.tests if test not in lacking):
        differing = sum(row["error"] == "AssertionError" for row in outcome_of(run, test))
        (killers if differing else survivors).append(test)
        divergences += differing
    row = {
        "id": mutant.id,
        "bug": mutant.bug,
        "file": mutant.file,
        "outcome": "killed" if killers else "survived",
        "killed_by": killers,
        "not_killed_by": survivors,
        "divergences": divergences,
        "divergences_unchanged": sum(before[test].count("failed") for test in mutant.tests),
        "seconds": round(time.monotonic() - start, 2),
    }
    if lacking and not killers:
        pytest.skip(f"this machine cannot run {', '.join(lacking)}")
    mutant_rows.append(row)
    assert killers, f"the mutant survived {survivors}:\n{run.output[-2000:]}"
    compared.count(len(killers), **CLAIM)


def test_a_stale_mutant_is_an_error(compared: Ledger) -> None:
    """A mutant whose old text is gone, or is there twice, must not pass for killed."""
    mutant = Mutant("stale", "reference", "any", "q35ref/any.py", "old", "new", ("test_any.py",))
    for text in ("nothing of the kind", "old and old"):
        compared.refused(partial(mutation.changed, mutant, text), ValueError, ["stale"], **CLAIM)


def test_the_mutants_cover_the_bug_classes(compared: Ledger) -> None:
    """Every class of bugs has a mutant, and no mutant another class."""
    compared.equal(sorted({mutant.bug for mutant in MUTANTS}), sorted(mutation.BUG_CLASSES), **CLAIM)
    assert len(MUTANTS) >= 16
