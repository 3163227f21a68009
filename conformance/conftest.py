"""Counts what every test compares; a test or a session that compared nothing is VOID, which is a failure."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from conformance import kept, layers, subjects
from conformance.ledger import Ledger
from conformance.mutation import REPOSITORY
from conformance.report import PROPERTY, Session
from conformance.roots import judge_packages_in
from conformance.subjects import ArraySubject

VOID_EXIT = 8
"""Exit status of a session in which nothing was compared; no status of pytest's own."""

LEDGER = pytest.StashKey[Ledger]()
MUTANTS = pytest.StashKey[list[dict[str, Any]]]()
MARKS = pytest.StashKey[list[layers.Mark]]()
STANDING = pytest.StashKey[dict[str, dict[str, Any]]]()
"""What is known of tests that need not be run again."""

HEALTH = [hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow]
UNSHRUNK = tuple(phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.shrink)
"""Mutants are judged with little effort: that an example fails is enough, it need not be a small one."""
for _name, _examples in (("quick", 25), ("default", 100), ("deep", 2000)):
    hypothesis.settings.register_profile(
        _name,
        phases=UNSHRUNK if _name == "quick" else tuple(hypothesis.Phase),
        max_examples=_examples,
        report_multiple_bugs=False,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=HEALTH,
    )
hypothesis.settings.load_profile("default")
# Hypothesis would also draw the numbers that stand in the modules imported so far. Without them a test draws the same
# samples alone, among others and in every worker, so that what it finds can be found again.
vars(providers)["_get_local_constants"] = Constants


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("q35")
    group.addoption("--q35-report", metavar="PATH", help="write what was compared to this JSON file")
    group.addoption(
        "--q35-effort", choices=["quick", "default", "deep"], default="default", help="sampled examples a test"
    )
    group.addoption("--q35-without", metavar="ISA", action="append", default=[], help="treat an ISA as missing here")
    group.addoption("--q35-fresh", action="store_true", help="judge again what was judged on the same content before")
    group.addoption(
        "--q35-device",
        choices=["interpreter", "cuda"],
        default="interpreter",
        help="run the Triton kernels in their interpreter (default) or on the GPU",
    )
    group.addoption("--q35-root", metavar="DIR", help="judge the packages in this folder instead of the installed ones")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "layer(letter, *kernels): the kernels that this test covers in a layer, a to f")
    hypothesis.settings.load_profile(config.getoption("--q35-effort"))
    subjects.EXCLUDED.update(config.getoption("--q35-without"))
    subjects.DEVICE = config.getoption("--q35-device")
    if subjects.DEVICE == "interpreter":
        os.environ["TRITON_INTERPRET"] = "1"  # looked at when triton itself is imported, which torch may do
    # Workers share the processors: a thread that waits for others must not keep one busy.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    root = config.getoption("--q35-root")
    if root:
        try:
            judge_packages_in(Path(root).resolve())
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
    file = kept_file(config)
    config.stash[STANDING] = kept.verdicts(file) if file and not config.getoption("--q35-fresh") else {}
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config, file), "q35-collector")


def kept_file(config: pytest.Config) -> Path | None:
    """Where verdicts of such a session are kept; None for one that judges mutants, or is not about this folder."""
    if config.getoption("--q35-root") or config.rootpath != REPOSITORY:
        return None
    return kept.file_of({name: config.getoption(f"--q35-{name}") for name in ("effort", "without", "device")})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Notes the layers that each test covers; a mark that is not in the table is an error of the session.

    In a session that ends at a failure, what takes long comes last: GPU kernels are compiled, mutants are judged. Where
    all tests are run, the longest comes first: the proofs are built there, and other tests find them built.
    """
    items.sort(key=lambda item: item.path.name != "test_certify.py")
    if config.getoption("maxfail"):
        items.sort(key=lambda item: item.path.parent.name == "gpu" or item.path.name == "test_mutants.py")
    for item in items:
        try:
            item.stash[MARKS] = [layers.checked(mark.args) for mark in item.iter_markers("layer")]
        except ValueError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def pytest_collection_finish() -> None:
    """Garbage is not looked for in what was imported and collected: each search through all that takes a second."""
    gc.freeze()


@pytest.fixture
def compared(request: pytest.FixtureRequest) -> Ledger:
    """The ledger of this test; whatever it does not count was not compared."""
    ledger = Ledger()
    request.node.stash[LEDGER] = ledger
    return ledger


def subject_named(name: str) -> ArraySubject:
    """The subject, or a skip (reported as `not run`) when this machine lacks its instruction set."""
    if reason := subjects.machine_lacks(name.removeprefix("kernel-") if name.startswith("kernel-") else None):
        pytest.skip(reason)
    return subjects.array_subject(name)


@pytest.fixture(params=subjects.ARRAY_SUBJECTS)
def array_subject(request: pytest.FixtureRequest) -> ArraySubject:
    """The vectorised reference and every kernel, one after the other."""
    return subject_named(request.param)


@pytest.fixture(params=[f"kernel-{isa}" for isa in subjects.KERNEL_ISAS])
def kernel(request: pytest.FixtureRequest) -> subjects.Kernel:
    """Every kernel, one after the other."""
    found = subject_named(request.param)
    assert isinstance(found, subjects.Kernel)
    return found


@pytest.fixture
def mutant_rows(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Rows that this test adds to the report's kill table."""
    rows: list[dict[str, Any]] = []
    request.node.stash[MUTANTS] = rows
    return rows


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test whose verdict stands is reported, not run."""
    data = item.config.stash[STANDING].get(item.nodeid)
    if data is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for when in ("setup", "call", "teardown"):
        report = pytest.TestReport(item.nodeid, item.location, {}, "passed", None, when)
        report.user_properties.append((PROPERTY, data | {"layers": item.stash[MARKS], "judged": kept.BEFORE}))
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    item.session._setupstate.teardown_exact(nextitem)  # what only the test before this one needed
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    ledger = item.stash.get(LEDGER, Ledger())
    outcome: str = "not run" if report.skipped else report.outcome
    reason = short_reason(report)
    if report.when == "call" and report.passed and (void := ledger.void_reason()):
        outcome, reason = "void", void
        report.outcome = "failed"
        report.longrepr = f"VOID: {void}"
    data = {
        "outcome": outcome,
        "reason": reason,
        "error": call.excinfo.typename if outcome == "failed" and call.excinfo else None,
        "comparisons": ledger.entries(),
        "mutants": item.stash.get(MUTANTS, []),
        "layers": item.stash.get(MARKS, []),
        "judged": kept.NOW,
    }
    report.user_properties.append((PROPERTY, data))
    return report


def short_reason(report: pytest.TestReport) -> str | None:
    """The last line of a failure, or a skip's reason."""
    if report.passed:
        return None
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr)[:500]


class Collector:
    """Gathers the reports in the process that the user started (with xdist: not in its workers)."""

    def __init__(self, config: pytest.Config, kept_file: Path | None) -> None:
        self.config, self.kept_file = config, kept_file
        self.session = Session()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, data in report.user_properties:
            if name == PROPERTY:
                assert isinstance(data, dict)
                self.session.record(report.nodeid).take(str(report.when), report.duration, data)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.kept_file and (passed := self.session.passed_now()):
            kept.keep(self.kept_file, passed)
        path = self.config.getoption("--q35-report")
        if self.session.records or path:
            status = int(session.exitstatus)
            if status == 0 and self.session.verdict(status) == "void":
                session.exitstatus = VOID_EXIT
            if path:
                self.session.write(Path(path), int(session.exitstatus))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.session.records:
            return
        terminalreporter.section("comparisons")
        for line in self.session.summary():
            terminalreporter.write_line(line)
        if self.session.covers_layers():
            terminalreporter.section("layers covered, kernel by kernel")
            for line in layers.table_lines(self.session.coverage()):
                terminalreporter.write_line(line)
