"""The stages of a certification: in their order, none passes by default, and one may run beside the others."""

from __future__ import annotations

import threading
from typing import Any

from q35.certify.stages import FAILED, NOT_RUN, PASSED, Outcome, Stage, run_stages
from q35.errors import CheckFailed, InputError


def passes(data: dict[str, Any]) -> Outcome:
    return Outcome("it does", data={"seen": sorted(data)})


def fails(data: dict[str, Any]) -> Outcome:
    return Outcome("it does not", ["the culprit"])


def statuses(stages: list[Stage], fail_fast: bool = False) -> list[str]:
    return [result.status for result in run_stages(stages, lambda _: None, fail_fast)[0]]


def test_a_stage_sees_what_passed_before_it() -> None:
    _, data = run_stages([Stage("a", (), passes), Stage("b", ("a",), passes)], lambda _: None)
    assert data == {"a": {"seen": []}, "b": {"seen": ["a"]}}


def test_what_needs_a_stage_that_failed_is_not_run() -> None:
    stages = [Stage("a", (), fails), Stage("b", ("a",), passes), Stage("c", ("b",), passes), Stage("d", (), passes)]
    assert statuses(stages) == [FAILED, NOT_RUN, NOT_RUN, PASSED]
    assert statuses(stages, fail_fast=True) == [FAILED, NOT_RUN, NOT_RUN, NOT_RUN]


def test_an_error_fails_its_stage_alone() -> None:
    def check(data: dict[str, Any]) -> Outcome:
        raise CheckFailed("wrong", "there")

    def read(data: dict[str, Any]) -> Outcome:
        raise InputError("no such file", "here")

    results, data = run_stages([Stage("a", (), check), Stage("b", (), read), Stage("c", (), passes)], lambda _: None)
    assert [result.status for result in results] == [FAILED, FAILED, PASSED]
    assert ["there" in results[0].findings[0], "here" in results[1].findings[0]] == [True, True]
    assert list(data) == ["c"]


def test_a_stage_runs_beside_the_one_that_it_names() -> None:
    begun = threading.Event()

    def waits(data: dict[str, Any]) -> Outcome:
        return Outcome("", [] if begun.wait(10) else ["the other did not begin"])

    def begins(data: dict[str, Any]) -> Outcome:
        begun.set()
        return Outcome("")

    assert statuses([Stage("a", (), waits), Stage("b", (), begins, beside="a")]) == [PASSED, PASSED]


def test_beside_others_a_stage_still_needs_what_it_needs() -> None:
    stages = [Stage("a", (), fails), Stage("b", ("a",), passes, beside="a"), Stage("c", (), fails, beside="b")]
    assert statuses(stages) == [FAILED, NOT_RUN, FAILED]


def test_nothing_runs_beside_where_the_first_failure_ends_it() -> None:
    ran: list[str] = []

    def runs(data: dict[str, Any]) -> Outcome:
        ran.append("b")
        return Outcome("")

    assert statuses([Stage("a", (), fails), Stage("b", (), runs, beside="a")], fail_fast=True) == [FAILED, NOT_RUN]
    assert not ran
