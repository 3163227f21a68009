"""The framework itself: what compared nothing is VOID, what cannot run is not passed, and the report says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from conformance import kept
from conformance.conftest import VOID_EXIT
from conformance.layers import NO_DEVICE, NO_TEST
from conformance.ledger import Ledger
from conformance.report import SCHEMA_FILE, Session
from conformance.runner import REPOSITORY, Run, run_session
from conformance.subjects import KERNEL_ISAS

CLAIM: dict[str, Any] = {"subject": "framework", "truth": "expected-outcome", "level": "sampled"}
REAL = "subject='reference', truth='exact-rational'"


def session(folder: Path, source: str, *arguments: str) -> Run:
    (folder / "test_it.py").write_text("import pytest\n" + textwrap.dedent(source))
    return run_session([f"--rootdir={folder}", *arguments, "test_it.py"], folder, plugin=True)


CASES = {
    "a test that compares passes": (
        f"def test_it(compared): compared.equal([1, 2], [1, 2], {REAL}, level='sampled')",
        0,
        "passed",
        "passed",
    ),
    "a test that counts nothing is void": ("def test_it(compared): pass", 1, "void", "void"),
    "a test without a ledger is void": ("def test_it(): pass", 1, "void", "void"),
    "comparing an empty list is void": (
        f"def test_it(compared): compared.equal([], [], {REAL}, level='sampled')",
        1,
        "void",
        "void",
    ),
    "an exhaustive claim that is not is void": (
        f"def test_it(compared): compared.equal([1], [1], {REAL}, level='exhaustive', domain=128)",
        1,
        "void",
        "void",
    ),
    "a wrong value fails": (
        f"def test_it(compared): compared.equal([1], [2], {REAL}, level='sampled')",
        1,
        "failed",
        "void",
    ),
    "a session of skips is void": ("def test_it(compared): pytest.skip('no such ISA')", VOID_EXIT, "not run", "void"),
    "a session that judges only itself is void": (
        "def test_it(compared): compared.equal(1, 1, subject='framework', truth='expected-outcome', level='sampled')",
        VOID_EXIT,
        "passed",
        "void",
    ),
    "an error in a fixture fails": (
        """
        @pytest.fixture
        def broken(): raise RuntimeError("no kernels")
        def test_it(broken, compared): compared.equal(1, 1, subject='reference', truth='lean-vector', level='sampled')
        """,
        1,
        "failed",
        "void",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_verdict_of_a_session(name: str, tmp_path: Path, compared: Ledger) -> None:
    source, status, outcome, verdict = CASES[name]
    run = session(tmp_path, source)
    assert run.report is not None, run.output
    compared.equal(
        (run.status, list(run.outcomes().values()), run.report["verdict"]), (status, [outcome], verdict), **CLAIM
    )


def test_what_is_void_or_not_run_is_listed_with_its_reason(tmp_path: Path, compared: Ledger) -> None:
    run = session(
        tmp_path,
        f"""
        def test_good(compared): compared.equal([1, 2, 3], [1, 2, 3], {REAL}, level='exhaustive', domain=3)
        def test_empty(compared): pass
        def test_missing(compared): pytest.skip('this machine lacks it')
        """,
    )
    assert run.report is not None, run.output
    report = run.report
    compared.equal(report["void"], [{"id": "test_it.py::test_empty", "reason": "it compared nothing"}], **CLAIM)
    compared.equal(report["not_run"], [{"id": "test_it.py::test_missing", "reason": "this machine lacks it"}], **CLAIM)
    want = {"reference": {"tests": 1, "exhaustive": 3, "sampled": 0, "all-inputs": 0}}
    compared.equal(report["compared"], want, **CLAIM)


def test_layers_are_covered_only_by_tests_that_passed(tmp_path: Path, compared: Ledger) -> None:
    """A skipped test covers nothing and its reason is shown; one failure makes its cells failed."""
    run = session(
        tmp_path,
        f"""
        layer = pytest.mark.layer
        @layer("a", "linear", "dequantize")
        @layer("c", "linear")
        def test_good(compared): compared.equal(1, 1, {REAL}, level='sampled')
        @layer("d", "linear")
        def test_missing(compared): pytest.skip('no compiler here')
        @layer("a", "dequantize")
        def test_bad(compared): assert False
        @layer("e", "hip_linear")
        def test_empty(compared): pass
        """,
    )
    assert run.report is not None, run.output
    cells = {(row["kernel"], row["layer"]): (row["status"], row["reasons"]) for row in run.report["coverage"]["cells"]}
    want = {key: ("not covered", [NO_DEVICE if key[1] == "f" else NO_TEST]) for key in cells} | {
        ("linear", "a"): ("covered", []),
        ("linear", "c"): ("covered", []),
        ("linear", "d"): ("not covered", ["no compiler here"]),
        ("dequantize", "a"): ("failed", []),
        ("hip_linear", "e"): ("failed", []),
    }
    compared.equal(cells, want, **CLAIM)
    shown = [" ".join(line.split()) for line in run.output.splitlines()]
    compared.equal("linear covered NOT COVERED covered NOT COVERED - NOT COVERED" in shown, True, **CLAIM)
    compared.equal("NOT COVERED d: linear: no compiler here" in run.output, True, **CLAIM)


@pytest.mark.parametrize("mark", ["'g', 'linear'", "'a', 'linar'", "'e', 'linear'", "'a'", ""])
def test_a_layer_that_is_not_in_the_table_is_an_error(mark: str, tmp_path: Path, compared: Ledger) -> None:
    run = session(tmp_path, f"@pytest.mark.layer({mark})\ndef test_it(compared): pass")
    compared.equal((run.status, "expected one of a, b, c, d, e, f" in run.output), (4, True), **CLAIM)


def test_kernels_of_a_missing_isa_are_not_run(tmp_path: Path, compared: Ledger) -> None:
    """Never passed, never left out: listed as not run, while the others are judged."""
    test = f"{REPOSITORY}/conformance/test_streams.py::test_wrong_lengths_are_refused"
    wide = [isa for isa in KERNEL_ISAS if isa != "scalar"]
    run = run_session([f"--rootdir={REPOSITORY}", *(f"--q35-without={isa}" for isa in wide), test], tmp_path)
    assert run.report is not None, run.output
    want = {"reference-vectorized": "passed", "kernel-scalar": "passed"}
    want |= {f"kernel-{isa}": "not run" for isa in wide}
    compared.equal({name.split("[")[1].rstrip("]"): o for name, o in run.outcomes().items()}, want, **CLAIM)
    compared.equal(sorted(run.report["compared"]), ["kernel-scalar", "reference-vectorized"], **CLAIM)
    compared.equal(len(run.report["not_run"]), len(wide), **CLAIM)


def test_the_schema_of_a_report_is_one(compared: Ledger) -> None:
    """Sessions take it for one, to save time."""
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text()))
    compared.count(1, **CLAIM)


def test_samples_are_the_same_among_others(tmp_path: Path, compared: Ledger) -> None:
    """Whatever else was imported: a test that fails in a session fails alone, too."""
    source = f"""
        import json, pathlib
        import hypothesis, hypothesis.strategies as st
        {{other}}
        DRAWN = []
        @hypothesis.given(x=st.integers())
        def test_it(x, compared):
            DRAWN.append(x)
            compared.count(1, {REAL}, level='sampled')
        def test_told(compared):
            pathlib.Path('drawn.json').write_text(json.dumps(DRAWN))
            compared.count(1, {REAL}, level='sampled')
    """
    drawn = []
    for other in ("", "import numbers_of_others"):
        folder = tmp_path / f"with{len(other)}"
        folder.mkdir()
        (folder / "numbers_of_others.py").write_text("\n".join(f"N{n} = {10**6 + 7919 * n}" for n in range(500)))
        run = session(folder, source.format(other=other))
        assert run.status == 0, run.output
        drawn.append(json.loads((folder / "drawn.json").read_text()))
    compared.equal(*drawn, **CLAIM)
    assert len(set(drawn[0])) > 20


def test_workers_report_to_one_session(tmp_path: Path, compared: Ledger) -> None:
    """With xdist the comparisons of every worker arrive in the one report."""
    count = ", level='exhaustive', domain=5)"
    source = f"""
        @pytest.mark.parametrize("n", range(6))
        def test_it(n, compared): compared.count(5, {REAL}{count}
        """
    (tmp_path / "test_it.py").write_text("import pytest\n" + textwrap.dedent(source))
    run = run_session([f"--rootdir={tmp_path}", "-n", "2", "test_it.py"], tmp_path, plugin=True, workers=True)
    assert run.report is not None, run.output
    want = {"reference": {"tests": 6, "exhaustive": 30, "sampled": 0, "all-inputs": 0}}
    compared.equal((run.status, run.report["verdict"], run.report["compared"]), (0, "passed", want), **CLAIM)


def test_a_verdict_stands_on_the_same_content(tmp_path: Path, compared: Ledger) -> None:
    """The second session runs nothing and reports the same; one that is to run afresh, or with other options, does."""
    test = "conformance/test_streams.py::test_wrong_lengths_are_refused[reference-vectorized]"
    report, environment = tmp_path / "report.json", os.environ | {"Q35_CACHE": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--q35-report={report}", test]
    found = []
    for options in ([], [], ["--q35-fresh"], ["--q35-effort=quick"]):
        subprocess.run([*command, *options], cwd=REPOSITORY, env=environment, check=True, capture_output=True)
        found.append(json.loads(report.read_text()))
    compared.equal([run["tests"][0]["judged"] for run in found], [kept.NOW, kept.BEFORE, kept.NOW, kept.NOW], **CLAIM)
    compared.equal(found[1]["compared"], found[0]["compared"], **CLAIM)


def test_only_what_passed_is_kept(compared: Ledger) -> None:
    session, data = Session(), {"reason": None, "error": None, "comparisons": [1], "mutants": [], "layers": []}
    for outcome, judged in (("passed", kept.NOW), ("failed", kept.NOW), ("not run", kept.NOW), ("passed", kept.BEFORE)):
        session.record(f"{outcome}, {judged}").take("call", 0.0, data | {"outcome": outcome, "judged": judged})
    compared.equal(list(session.passed_now()), [f"passed, {kept.NOW}"], **CLAIM)


@pytest.mark.parametrize("change", ["another byte", "another file", "another name"])
def test_a_verdict_falls_with_its_sources(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compared: Ledger
) -> None:
    source = tmp_path / "kernels" / "cpu" / "scalar.cpp"
    source.parent.mkdir(parents=True)
    source.write_text("return 1;")
    monkeypatch.setattr(kept, "REPOSITORY", tmp_path)
    before = kept.content.__wrapped__()
    compared.equal(kept.content.__wrapped__(), before, **CLAIM)
    if change == "another byte":
        source.write_text("return 2;")
    elif change == "another file":
        source.with_name("avx2.cpp").touch()
    else:
        source.rename(source.with_name("any.cpp"))
    compared.equal(kept.content.__wrapped__() == before, False, **CLAIM)


def test_ledger_compares_bits(compared: Ledger) -> None:
    ledger = Ledger()
    zero = np.zeros(3, np.float32)
    for got in (-zero, zero.astype(np.float64), np.zeros((3, 1), np.float32)):
        with pytest.raises(AssertionError):
            ledger.bits(got, zero, subject="reference", truth="exact-rational", level="sampled")
        compared.count(1, **CLAIM)
    with pytest.raises(AssertionError):
        ledger.refused(lambda: 1, ValueError, subject="reference", truth="exact-rational", level="sampled")
    compared.equal(ledger.void_reason(), "it compared nothing", **CLAIM)
