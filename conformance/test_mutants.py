"""Every mutant is killed: a known bug planted in a copy of the code makes a named test fail, and only the bug does.

The control is two-sided: the same tests pass on a copy that went the same way without a change, so a mutant cannot be
"killed" by the copying or the build, and only a failed assertion counts, not an error of import, build or set-up.
"""

from __future__ import annotations

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
from q35.lean import cache

CLAIM: dict[str, Any] = {"subject": "suite", "truth": "expected-outcome", "level": "sampled"}
Control = Callable[[Mutant], dict[str, list[str]]]
MUTANTS = [mutant for family in mutation.FAMILIES for mutant in mutation.load(family)]


def judge(root: Path, tests: list[str], folder: Path) -> Run:
    """Runs the named tests against the packages under `root`, in a session that writes into `folder`."""
    selected = [f"{REPOSITORY / 'conformance'}/{test}" for test in tests]
    common = [f"--rootdir={REPOSITORY}", f"--q35-root={root}", "--q35-effort=quick", "--tb=line"]
    return run_session([*common, *selected], folder)


def outcome_of(run: Run, test: str) -> list[dict[str, Any]]:
    """The report's rows for a named test; all of its parameters when the name gives none."""
    rows = (run.report or {"tests": []})["tests"]
    name = f"conformance/{test}"
    return [row for row in rows if row["id"] == name or row["id"].startswith(f"{name}[")]


@pytest.fixture(scope="session")
def control(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Control:
    """Outcomes of a mutant's tests, with their parameters, on a copy of its family without a mutation.

    The copy is made, and each file of tests is run, once for all workers of a session.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if hasattr(request.config, "workerinput") else shared

    def outcomes(mutant: Mutant) -> dict[str, list[str]]:
        root = shared / f"control-{mutant.family}"
        once(root.with_suffix(".json"), partial(mutation.stage, mutant.family, None, root))
        known: dict[str, list[str]] = {}
        for file in sorted({file_of(test) for test in mutant.tests}):
            folder = root / Path(file).stem
            known |= once(folder.with_suffix(".json"), partial(unchanged, mutant.family, file, root, folder))
        return {test: known[test] for test in mutant.tests}

    return outcomes


def once(kept: Path, make: Callable[[], Any]) -> Any:
    """What `make` returned, as the JSON file `kept` has it; the first process that asks makes it, others wait."""
    with cache.locked(kept.with_suffix(".lock")):
        if not kept.exists():
            kept.write_text(json.dumps(make()))
    return json.loads(kept.read_text())


def file_of(test: str) -> str:
    """The file that a named test is in."""
    return test.partition("::")[0]


def unchanged(family: str, file: str, root: Path, folder: Path) -> dict[str, list[str]]:
    """Outcomes, on the unchanged copy in `root`, of the tests in `file` that a family's mutants name."""
    named = {test for mutant in MUTANTS if mutant.family == family for test in mutant.tests}
    tests = sorted(test for test in named if file_of(test) == file)
    folder.mkdir(exist_ok=True)
    run = judge(root, tests, folder)
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
    before = control(mutant)
    lacking = [test for test in mutant.tests if set(before[test]) == {"not run"}]
    if len(lacking) == len(mutant.tests):
        pytest.skip(f"this machine cannot run {', '.join(lacking)}")
    unfit = [test for test in mutant.tests if test not in lacking and set(before[test]) != {"passed"}]
    assert not unfit, f"these do not pass on an unchanged copy: {unfit}"
    start = time.monotonic()
    mutation.stage(mutant.family, mutant, tmp_path)
    run = judge(tmp_path, list(mutant.tests), tmp_path)
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
