"""What the pool does about deaths, hangs and memory, with a stand-in for Lean that can be told to do them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from q35.errors import ToolchainError
from q35.lean import Toolchain
from q35.lean.toolchain import Native
from q35prover.interface import Opened, Outcome, Problem, Refused, StateLost, TacticState
from q35prover.server import Limits, Pool

_STAND_IN = '''\
#!{python}
"""Speaks the protocol of proof_state.lean. A goal is a number; `down` leaves the next smaller one twice."""
import json, os, sys, time
count = len(os.listdir("{log}"))
open("{log}/%d" % count, "w").close()
states, memory = [], 1000
def state(n):
    states.append(n)
    return {{"proofState": len(states) - 1, "goals": [{{"text": str(n), "key": str(n)}}]}}
for line in sys.stdin:
    request = json.loads(line)
    def say(**answer):
        print("q35 " + json.dumps({{"id": request["id"], "memory": str(memory), **answer}}), flush=True)
    if "cmd" in request:
        say(state=state(int(request["cmd"].split()[0])))
    elif "batch" in request:
        for part in request["batch"]:
            n = states[part["proofState"]]
            for tactic in part["tactics"]:
                ran = {{"states": []}}
                if tactic == "die" or (tactic == "die once" and count == 0):
                    print("worker sent an error!", flush=True)
                    os._exit(7)
                if tactic == "eat memory":
                    print("worker sent an error! out of memory", flush=True)
                    os._exit(7)
                if tactic == "hang":
                    time.sleep(600)
                if tactic == "wait":
                    time.sleep(0.5)
                if tactic == "grow":
                    memory = 10**9
                if tactic in ("down", "grow", "wait"):
                    ran = {{"states": [state(n - 1), state(n - 1)] if n else []}}
                if tactic == "moody":
                    ran = {{"states": [state(count)]}}
                if tactic == "wrong":
                    ran = {{"refused": "error", "message": "no"}}
                say(more=True, heartbeats=1, microseconds=1, **ran)
        say(ok=True)
    elif "forget" in request:
        for n in request["forget"]:
            states[n] = None
        say(ok=True)
    else:
        say(ok=True, version="4.28.0")
'''

Make = Callable[..., Pool]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    log = tmp_path / "starts"
    log.mkdir()
    lean = tmp_path / "lean"
    lean.write_text(_STAND_IN.format(python=sys.executable, log=log))
    lean.chmod(0o755)

    def pool(workers: int = 1, seconds: float = 20, memory: int = 10**8) -> Pool:
        return Pool(Toolchain("native", Native(lean, "Lean (version 4.28.0)")), workers, Limits(100, seconds, memory))

    return pool


def reasons(outcomes: list[Outcome]) -> list[str]:
    return [o.reason if isinstance(o, Refused) else type(o).__name__ for o in outcomes]


def descend(pool: Pool, state: TacticState, times: int) -> TacticState:
    for _ in range(times):
        (outcome,) = pool.submit(state, ["down"]).result()
        assert isinstance(outcome, Opened)
        state = outcome.states[1]
    return state


def test_a_tactic_that_kills_is_refused_and_the_others_are_answered(make: Make) -> None:
    with make() as pool:
        state = descend(pool, pool.root(Problem("it", "3 ")), 2)
        assert [goal.text for goal in state.goals] == ["1"]
        outcomes = pool.submit(state, ["down", "die", "wrong", "eat memory", "native_decide", "down"]).result()
        assert reasons(outcomes) == ["Opened", "crash", "error", "memory", "error", "Opened"]
        assert pool.starts == 5
        assert pool.counts.replayed == 4 * 2, "after each of four deaths the two steps to the state"


def test_a_tactic_that_kills_once_is_given_another_try(make: Make) -> None:
    with make() as pool:
        root = pool.root(Problem("it", "3 "))
        assert reasons(pool.submit(root, ["die once", "down"]).result()) == ["Closed", "Opened"]


def test_a_hang_costs_its_tactic_only(make: Make) -> None:
    with make(seconds=1) as pool:
        root = pool.root(Problem("it", "3 "))
        assert reasons(pool.submit(root, ["down", "hang", "down"]).result()) == ["Opened", "seconds", "Opened"]


def test_a_process_that_grew_too_large_is_replaced_and_its_states_replayed(make: Make) -> None:
    with make() as pool:
        (outcome,) = pool.submit(pool.root(Problem("it", "3 ")), ["grow"]).result()
        assert isinstance(outcome, Opened)
        assert pool.starts == 1
        assert reasons(pool.submit(outcome.states[0], ["down"]).result()) == ["Opened"]
        assert (pool.starts, pool.counts.replayed) == (2, 1)


def test_a_replay_that_leads_elsewhere_is_no_answer(make: Make) -> None:
    with make() as pool:
        (outcome,) = pool.submit(pool.root(Problem("it", "3 ")), ["moody"]).result()
        assert isinstance(outcome, Opened)
        pool._workers[0].lose()
        with pytest.raises(StateLost, match="another state"):
            pool.submit(outcome.states[0], ["down"]).result()


def test_states_are_found_in_the_other_process_too_and_both_work_at_once(make: Make) -> None:
    with make(workers=2) as pool:
        state = descend(pool, pool.root(Problem("it", "9 ")), 3)
        began = time.monotonic()
        both = [pool.submit(state, ["wait", "wait"]) for _ in range(2)]
        assert [reasons(future.result()) for future in both] == [["Opened"] * 2] * 2
        assert time.monotonic() - began < 1.9, "two seconds of waiting, two at a time"
        assert (pool.starts, pool.counts.replayed) == (2, 3)


def test_states_of_problems_long_done_are_forgotten(make: Make) -> None:
    with make() as pool:
        first = pool.root(Problem("it", "3 "))
        for number in range(20):
            pool.root(Problem("it", f"{number + 4} "))
        assert len(pool._workers[0].held) == 8
        assert reasons(pool.submit(first, ["down"]).result()) == ["Opened"]


def test_closing_ends_what_runs(make: Make) -> None:
    pool = make()
    waiting = pool.submit(pool.root(Problem("it", "3 ")), ["hang"])
    time.sleep(0.2)
    closer = threading.Thread(target=pool.close)
    closer.start()
    closer.join(10)
    assert not closer.is_alive()
    with pytest.raises(ToolchainError):
        waiting.result()
    assert not pool._workers[0].client.server.alive
