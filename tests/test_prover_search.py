"""Proof search over toy worlds: what it finds, what it spends, and faults of other provers that it must not have."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prover_toy import PROBLEM, Moves, Numbers, ToyEnvironment, ToyPolicy, shortest

from q35.errors import InputError
from q35prover.interface import (
    Closed,
    Environment,
    Goal,
    Opened,
    Outcome,
    Policy,
    Problem,
    Refused,
    StateLost,
    Step,
    Suggestion,
    TacticState,
)
from q35prover.search.attempt import Attempt, attempt
from q35prover.search.best_first import BestFirst
from q35prover.search.budget import Budget
from q35prover.search.candidates import Candidates, renamed
from q35prover.search.frontier import Method
from q35prover.search.mcts import Mcts
from q35prover.search.script import Partial, script, value_targets
from q35prover.search.shorten import merged, shorten
from q35prover.search.trace import Trace, read_trace, replay
from q35prover.search.tree import Node, Proof, Tree

METHODS: tuple[Method, ...] = (
    Mcts(),
    BestFirst(),
    Mcts(batch=1),
    BestFirst(batch=1, noise=0.0),
    Mcts(conjunction="product"),
)
NUMBER_TACTICS = {"half": -1.0, "split": -1.5, "less": -1.6, "more": -1.7, "stay": -1.8, "zero": -2.0}
GENEROUS = Budget(seconds=60, steps=5000)


def distance(number: int) -> float:
    """The tactics that bring a number to 0 without splitting."""
    return 1.0 if number == 0 else 1.0 + number.bit_length() + bin(number).count("1") - 1


def numbers_policy() -> ToyPolicy:
    return ToyPolicy(NUMBER_TACTICS, {str(number): distance(number) for number in range(100)})


def check(proof: Proof | None, environment: ToyEnvironment) -> None:
    """Run the proof again from its root: every step does what the proof says."""
    assert proof is not None
    for part in proof.parts():
        (outcome,) = environment.submit(part.state, [part.tactic]).result()
        states = outcome.states if isinstance(outcome, Opened) else ()
        assert isinstance(outcome, Opened if part.branches else Closed)
        assert [state.goals for state in states] == [branch.state.goals for branch in part.branches]


# What is found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [0, 1, 6, 23])
def test_numbers_are_proved(method: Method, number: int) -> None:
    environment = Numbers(number)
    found = attempt(PROBLEM, environment, numbers_policy(), method, GENEROUS)
    assert found.reason == "proved"
    assert found.tactics == len((found.script or "").splitlines())
    check(found.proof, environment)


def test_values_lead_to_the_shortest_proof() -> None:
    found = attempt(PROBLEM, Numbers(64), numbers_policy(), Mcts(sure=1.0), GENEROUS)
    assert found.tactics == distance(64) == 8
    assert found.expansions <= 3 * 8


def test_a_policy_without_an_inkling_of_values_still_finds_it() -> None:
    assert attempt(PROBLEM, Numbers(23), ToyPolicy(NUMBER_TACTICS), Mcts(), GENEROUS).reason == "proved"


GRAPHS = st.dictionaries(
    st.sampled_from("abcdefg"),
    st.dictionaries(st.sampled_from("rstuv"), st.lists(st.sampled_from("abcdefg"), max_size=3).map(tuple), max_size=4),
    max_size=7,
)


@given(GRAPHS, st.sampled_from(METHODS), st.integers(1, 3), st.integers(0, 5))
@settings(max_examples=400, deadline=None)
def test_found_if_and_only_if_provable(graph: Mapping[str, Moves], method: Method, workers: int, seed: int) -> None:
    """Against brute force, over graphs with cycles, transpositions and dead ends; no budget is needed to give up."""
    environment = ToyEnvironment(graph, "a", workers)
    trace = Trace()
    found = attempt(PROBLEM, environment, ToyPolicy(dict.fromkeys("rstuv", -1.0)), method, Budget(), seed, trace=trace)
    assert (found.reason == "proved") == ("a" in shortest(graph))
    if found.reason == "proved":
        check(found.proof, environment)
        assert found.stuck == []
    else:
        assert found.stuck
    again = replay(trace, environment)
    assert again.differences == ()
    assert again.steps == found.steps or workers > 1, "what was in flight at the end is not in the trace"


@given(GRAPHS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_tree_knows_the_shortest_proofs_in_whatever_order_it_grows(graph: Mapping[str, Moves], random: object) -> None:
    environment = ToyEnvironment(graph, "a")
    tree = Tree(environment.root(PROBLEM))
    statuses: dict[Node, str] = {}
    while untried := [node for node in tree.nodes if not node.complete]:
        node = random.choice(untried)  # type: ignore[attr-defined]
        node.complete = True
        tactics = list("rstuv")
        random.shuffle(tactics)  # type: ignore[attr-defined]
        tree.expand(node, [Suggestion(t, 0.0) for t in tactics], environment.submit(node.state, tactics).result())
        tree.check_invariants()
        for other in tree.nodes:
            assert statuses.get(other, "open") in ("open", other.status), "a status was set back"
            statuses[other] = other.status
    tree.fail_hopeless()
    tree.check_invariants()
    lengths = shortest(graph)
    for node in tree.nodes:
        name = environment.name(node.state)
        assert node.status == ("proved" if name in lengths else "failed")
        if node.proof:
            assert node.length == tree.proof(node).length == lengths[name]
    names = {environment.name(node.state) for node in tree.nodes}
    targets = {environment.name(target.state): target.remaining for target in value_targets(tree)}
    assert targets == {name: lengths.get(name) for name in names}


# Budgets, workers, seeds


@pytest.mark.parametrize("method", METHODS)
def test_steps_are_kept(method: Method) -> None:
    for steps in (0, 1, 7, 30):
        environment = Numbers(1000003)
        found = attempt(PROBLEM, environment, ToyPolicy({"stay": -1, "more": -2}), method, Budget(steps=steps))
        run = sum(len(tactics) for _, tactics in environment.requests)
        assert (found.reason, found.steps, found.script) == ("steps", run, None)
        assert run == steps


def test_a_proved_root_stays_proved_at_the_limit() -> None:
    """A known fault: the last step of the budget proves the root, and the limit sets it back to open."""
    environment = ToyEnvironment({"a": {"r": ()}}, "a")
    found = attempt(PROBLEM, environment, ToyPolicy({"r": -1}), Mcts(), Budget(steps=1))
    assert (found.reason, found.script) == ("proved", "r")


@pytest.mark.parametrize("method", METHODS[:2])
def test_seconds_are_kept(method: Method) -> None:
    clock = itertools.count()
    found = attempt(PROBLEM, Numbers(10**9), ToyPolicy({"more": -1}), method, Budget(20, clock=lambda: next(clock)))
    assert found.reason == "seconds"
    assert 0 < found.steps < 20


class Stalled(ToyEnvironment):
    """Never answers."""

    def submit(self, state: TacticState, tactics: Sequence[str], until_closed: bool = False) -> Future[list[Outcome]]:
        self.future: Future[list[Outcome]] = Future()
        return self.future


def test_nothing_is_tried_behind_what_closes_a_state() -> None:
    graph: dict[str, Moves] = {"a": {"r": ("b",), "s": (), "t": ("b",)}}
    policy = ToyPolicy({"r": -0.1, "s": -0.2, "t": -0.3})
    trace = Trace()
    found = attempt(PROBLEM, ToyEnvironment(graph, "a"), policy, Mcts(sure=1.0, noise=0.0), Budget(10), trace=trace)
    assert (found.script, found.steps) == ("s", 2)
    assert [tactic for tactic, _ in trace.lines[1]["tactics"]] == ["r", "s"]


def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    environment = Stalled({}, "a")
    started = time.monotonic()
    found = attempt(PROBLEM, environment, ToyPolicy({"r": -1}), Mcts(), Budget(seconds=0.05))
    assert found.reason == "seconds"
    assert time.monotonic() - started < 5
    assert environment.future.cancelled()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers(method: Method, workers: int) -> None:
    environment = Numbers(23, workers)
    found = attempt(PROBLEM, environment, numbers_policy(), method, GENEROUS)
    tried = [(name, tactic) for name, tactics in environment.requests for tactic in tactics]
    assert len(tried) == len(set(tried)) == found.steps
    check(found.proof, environment)


class Gathered(ToyEnvironment):
    """Answers the first request at once, and later ones when as many are in flight as there are workers."""

    def __init__(self, graph: Mapping[str, Moves], workers: int) -> None:
        super().__init__(graph, "a", workers)
        self.held: list[tuple[Future[list[Outcome]], TacticState, Sequence[str]]] = []

    def submit(self, state: TacticState, tactics: Sequence[str], until_closed: bool = False) -> Future[list[Outcome]]:
        future: Future[list[Outcome]] = Future()
        self.held.append((future, state, tactics))
        if len(self.held) == self.workers or not state.path:
            for held, at, which in self.held:
                held.set_result(self._answer(at, which, until_closed))
            self.held = []
        return future


@pytest.mark.parametrize("method", METHODS)
def test_every_worker_is_kept_busy(method: Method) -> None:
    graph: dict[str, Moves] = {"a": {"r": ("b", "c", "d")}} | {name: {"r": ()} for name in "bcd"}
    found = attempt(PROBLEM, Gathered(graph, 3), ToyPolicy({"r": -1.0}), method, Budget(seconds=10))
    assert found.script == "r\n  · r\n  · r\n  · r"


def test_virtual_loss_sends_workers_to_different_states() -> None:
    """One edge is far better than its two siblings. Without virtual loss every worker would go below it."""
    graph: dict[str, Moves] = {"a": {"r": ("b",), "s": ("c",), "t": ("d",)}}
    for branch in "bcd":
        graph[branch] = {tactic: (branch + tactic,) for tactic in "rst"}
    policy = ToyPolicy({"r": -0.1, "s": -3.0, "t": -3.0})
    environment = ToyEnvironment(graph, "a")
    tree = Tree(environment.root(PROBLEM))
    frontier = Mcts(sure=1.0, batch=3, noise=0.0).start(tree, policy, 0)
    first = frontier.select(9)
    assert first is not None
    assert frontier.select(9) is None, "the root is in flight, and there is nothing else"
    first.node.pending = False
    outcomes = environment._answer(first.node.state, [candidate.tactic for candidate in first.tactics])
    frontier.update(first, tree.expand(first.node, first.tactics, outcomes))
    chosen = [frontier.select(9) for _ in range(3)]
    names = [environment.name(selection.node.state) for selection in chosen if selection]
    assert sorted(names) == ["b", "c", "d"]
    assert [edge.pending for edge in tree.root.edges] == [1, 1, 1]
    for selection in chosen:
        assert selection is not None
        selection.node.pending = False
        frontier.update(selection, tree.expand(selection.node, selection.tactics, [Refused("error", "")] * 3))
    assert [edge.pending for edge in tree.root.edges] == [0, 0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_trace_and_other_seeds_others(method: Method) -> None:
    def lines(seed: int) -> list[dict[str, object]]:
        trace = Trace()
        attempt(PROBLEM, Numbers(23), numbers_policy(), method, Budget(steps=60), seed, trace=trace)
        return trace.lines[1:]

    assert lines(3) == lines(3)
    assert len({json.dumps(lines(seed)) for seed in range(5)}) == (1 if getattr(method, "noise", 0.0) == 0.0 else 5)


# The graph


def test_transpositions_share_a_node_and_are_tried_once() -> None:
    graph: dict[str, Moves] = {"a": {"r": ("b",), "s": ("c",)}, "b": {"t": ("d",)}, "c": {"u": ("d",)}, "d": {}}
    environment = ToyEnvironment(graph, "a")
    found = attempt(PROBLEM, environment, ToyPolicy(dict.fromkeys("rstu", -1.0)), Mcts(sure=1.0), Budget())
    assert (found.reason, found.states) == ("exhausted", 4)
    assert [name for name, _ in environment.requests].count("d") == 1


def test_a_cycle_is_no_proof_and_no_trap() -> None:
    graph: dict[str, Moves] = {"a": {"r": ("b",)}, "b": {"r": ("a",), "s": ("a", "c")}, "c": {"t": ()}}
    for method in METHODS:
        found = attempt(PROBLEM, ToyEnvironment(graph, "a"), ToyPolicy(dict.fromkeys("rst", -1.0)), method, Budget())
        assert found.reason == "exhausted"
    graph["b"]["t"] = ("c",)  # type: ignore[index]
    for method in METHODS:
        found = attempt(PROBLEM, ToyEnvironment(graph, "a"), ToyPolicy(dict.fromkeys("rst", -1.0)), method, Budget())
        assert found.script == "r\n  t\n  t"


def test_a_way_that_is_a_cycle_below_one_node_may_be_the_proof_below_another() -> None:
    """b is a dead end below a (it only leads back), but the proof goes through b to a: a's sibling has no proof."""
    graph: dict[str, Moves] = {
        "root": {"r": ("a", "never"), "s": ("b",)},
        "a": {"r": ("b",), "t": ()},
        "b": {"r": ("a",)},
        "never": {"s": ("never", "a")},
    }
    for method in METHODS:
        policy = ToyPolicy({"r": -0.1, "s": -1.0, "t": -2.0})
        assert attempt(PROBLEM, ToyEnvironment(graph, "root"), policy, method, Budget()).script == "s\n  r\n  t"


def test_widening_keeps_what_was_found() -> None:
    """A known fault: a node that is expanded again loses its children, and what was learnt below them."""
    tactics = {f"t{i:02}": -0.1 * i for i in range(40)}
    graph: dict[str, Moves] = {"a": {tactic: (f"b{tactic}",) for tactic in tactics}}
    graph |= {f"b{tactic}": {"t00": (f"c{tactic}",), "t01": (f"d{tactic}",)} for tactic in tactics}
    environment = ToyEnvironment(graph, "a")
    tree = Tree(environment.root(PROBLEM))
    frontier = Mcts(sure=1.0, first=4).start(tree, ToyPolicy(tactics), 0)
    widened = 0
    for _ in range(60):
        selection = frontier.select(100)
        assert selection is not None
        before = list(selection.node.edges)
        visits = [edge.visits for edge in before]
        selection.node.pending = False
        names = [candidate.tactic for candidate in selection.tactics]
        added = tree.expand(selection.node, selection.tactics, environment._answer(selection.node.state, names))
        frontier.update(selection, added)
        assert selection.node.edges[: len(before)] == before
        assert [edge.visits for edge in before] == visits
        widened += bool(before)
        tree.check_invariants()
    assert widened >= 3
    assert tree.root.visits == 60
    assert sum(edge.visits for edge in tree.root.edges) + -(-tree.root.tried // 4) == 60
    assert 0 <= tree.root.value <= 1


@pytest.mark.parametrize("conjunction", ["hardest", "product"])
def test_the_value_of_an_and(conjunction: Literal["hardest", "product"]) -> None:
    graph: dict[str, Moves] = {"a": {"r": ("easy", "hard", "done")}, "done": {"s": ()}, "easy": {}, "hard": {}}
    environment = ToyEnvironment(graph, "a")
    tree = Tree(environment.root(PROBLEM))
    policy = ToyPolicy({"r": 0.0, "s": -1.0}, {"easy": 2, "hard": 10, "done": 50, "a": 5})
    frontier = Mcts(discount=0.9, batch=1, conjunction=conjunction).start(tree, policy, 0)
    asked = []
    for _ in range(2):
        selection = frontier.select(1)
        assert selection is not None
        asked.append(environment.name(selection.node.state))
        selection.node.pending = False
        outcomes = environment._answer(selection.node.state, [selection.tactics[0].tactic])
        frontier.update(selection, tree.expand(selection.node, selection.tactics, outcomes))
    assert asked == ["a", "done"], "the hardest state is tried first"
    done = tree.root.edges[0].children[2]
    tree.expand(done, [Suggestion("s", 0.0)], [Closed()])
    frontier.update(selection, [])
    assert tree.root.edges[0].unproved == list(tree.root.edges[0].children[:2])
    unsolved = 0.9**10 if conjunction == "hardest" else 0.9**10 * 0.9**2
    assert tree.root.value == pytest.approx((0.9**5 + 2 * 0.9 * unsolved) / 3)


def test_children_continue_their_own_parent() -> None:
    """A known fault: tactics of a state deep in the tree are run against the root's state."""
    graph: dict[str, Moves] = {"a": {"r": ("x", "b")}, "x": {"s": ()}, "b": {"t": ("c",)}, "c": {"s": ()}}
    found = attempt(PROBLEM, ToyEnvironment(graph, "a"), ToyPolicy(dict.fromkeys("rst", -1.0)), Mcts(), Budget())
    assert found.proof is not None
    assert [part.state.path for part in found.proof.parts()][-1] == (Step("r", 1), Step("t", 0))


def test_no_states_left_is_no_proof() -> None:
    """A known fault: "no goals" taken for a proof. Only `Closed` is one."""
    tree = Tree(ToyEnvironment({}, "a").root(PROBLEM))
    with pytest.raises(ValueError, match="neither progress nor a proof"):
        tree.expand(tree.root, [Suggestion("r", 0.0)], [Opened(())])
    assert tree.root.status == "open"


def state(text: str, key: str = "k") -> TacticState:
    return TacticState(PROBLEM, (Goal(text, key),))


def test_a_twin_is_proved_by_the_same_tactic_under_its_own_names() -> None:
    """States that differ in names are two nodes: the tactic that proves one need not even make sense at the other."""
    one = state("x y : Nat\nh₁ : x < y\nn✝ : Nat\n⊢ x ≤ y")
    two = state("a b : Nat\nhab : a < b\nn✝ : Nat\n⊢ a ≤ b")
    assert renamed("exact Nat.le_of_lt (foo.x h₁ x' y).h₁", one, two) == "exact Nat.le_of_lt (foo.x hab x' b).h₁"
    tree = Tree(state("⊢ root", "root"))
    tree.expand(tree.root, [Suggestion("r", 0.0)], [Opened((one, two))])
    first, second = tree.root.edges[0].children
    candidates = Candidates(tree, ToyPolicy({"u": -0.5, "v": -1.0}), 0, 4, 8, 0.0)
    assert [candidate.tactic for candidate in candidates.take(second, 1)] == ["u"]
    tree.expand(first, [Suggestion("exact h₁.le", 0.0)], [Closed()])
    assert [candidate.tactic for candidate in candidates.take(second, 9)] == ["exact hab.le", "v"]


@pytest.mark.parametrize("method", METHODS)
def test_a_state_that_is_lost_is_given_up(method: Method) -> None:
    class Forgetful(ToyEnvironment):
        def submit(
            self, state: TacticState, tactics: Sequence[str], until_closed: bool = False
        ) -> Future[list[Outcome]]:
            if self.name(state) != "b":
                return super().submit(state, tactics, until_closed)
            future: Future[list[Outcome]] = Future()
            future.set_exception(StateLost("gone"))
            return future

    graph: dict[str, Moves] = {"a": {"r": ("b",), "s": ("c",)}, "b": {"t": ()}, "c": {"t": ()}}
    policy = ToyPolicy({"r": -0.1, "s": -2.0, "t": -3.0})
    found, trace = recorded(Forgetful(graph, "a"), policy, method)
    assert found.script == "s\n  t"
    assert not replay(trace, Forgetful(graph, "a")).differences
    environment = Forgetful(graph, "b")
    proof = Proof(environment.root(PROBLEM), "r", (Proof(state("⊢ c"), "t"),))
    assert shorten(proof, environment, Budget()) == proof


@pytest.mark.parametrize("method", METHODS)
def test_what_the_policy_says_twice_is_tried_once(method: Method) -> None:
    environment = ToyEnvironment({}, "a")
    policy = ToyPolicy({f"t{i:02}": -0.1 * i for i in range(50)})
    found = attempt(PROBLEM, environment, policy, method, Budget())
    assert (found.reason, found.steps) == ("exhausted", 50)
    tried = [tactic for _, tactics in environment.requests for tactic in tactics]
    assert sorted(tried) == sorted(set(tried))
    assert policy.asked == [16, 32, 64]


# What is read off


def test_script_has_bullets_and_indentation() -> None:
    induction = "induction n with\n| zero => rfl\n| succ n ih =>\n  omega"
    proof = Proof(
        state("⊢ a"),
        "intro n",
        (
            Proof(
                state("⊢ b"),
                "constructor",
                (
                    Proof(state("⊢ c"), "simp", (Proof(state("⊢ d"), "omega"),)),
                    Proof(state("⊢ e"), "cases h", (Proof(state("⊢ f"), induction), Proof(state("⊢ g"), "rfl"))),
                ),
            ),
        ),
    )
    text = """intro n
  constructor
  · simp
    omega
  · cases h
    · induction n with
      | zero => rfl
      | succ n ih =>
        omega
    · rfl"""
    assert script(proof, 2) == text
    assert proof.length == 7
    hole = Partial(state("⊢ a"), "constructor", (Partial(state("⊢ b"), None), Partial(state("⊢ c"), "rfl")))
    assert script(hole) == "constructor\n· sorry\n· rfl"
    assert hole.holes == [state("⊢ b")]


def test_an_unfinished_search_says_where_it_is_stuck() -> None:
    graph: dict[str, Moves] = {"a": {"r": ("b", "c"), "s": ("far",)}, "b": {"t": ()}, "c": {"r": ("d",)}, "d": {}}
    tactics = {"r": -0.1, "s": -0.2, "t": -0.3} | {f"useless{i}": -1.0 for i in range(30)}
    policy = ToyPolicy(tactics, {"far": 40.0, "a": 3.0, "b": 4.0, "c": 2.0, "d": 1.0})
    for method in (Mcts(), BestFirst()):
        environment = ToyEnvironment(graph | {"far": {"r": ("far2",)}, "far2": {"r": ("far3",)}}, "a")
        found = attempt(PROBLEM, environment, policy, method, Budget(steps=30))
        assert (found.reason, found.script) == ("steps", None)
        assert script(found.partial) == "r\n· t\n· r\n  sorry"
        assert [environment.name(at) for at in found.stuck] == ["d"]


def test_examples_and_value_targets() -> None:
    graph: dict[str, Moves] = {"a": {"r": ("b", "c")}, "b": {"r": ("d",)}, "c": {"t": ()}, "d": {"t": ()}}
    environment = ToyEnvironment(graph | {"a": {"r": ("b", "c"), "s": ("e",)}}, "a")
    found = attempt(PROBLEM, environment, ToyPolicy({"s": -0.1, "r": -0.5, "t": -1.0}), BestFirst(alpha=0.0), GENEROUS)
    assert [(environment.name(e.state), e.tactic, e.remaining) for e in found.examples] == [
        ("a", "r", 4),
        ("b", "r", 2),
        ("d", "t", 1),
        ("c", "t", 1),
    ]
    targets = {environment.name(target.state): target.remaining for target in found.value_targets}
    assert targets == {"a": 4, "b": 2, "c": 1, "d": 1, "e": None}


def test_report_shows_the_state_at_hand() -> None:
    seen: list[tuple[str, float, float]] = []
    attempt(
        PROBLEM,
        Numbers(6),
        numbers_policy(),
        Mcts(),
        Budget(steps=50),
        report=lambda what, done, total: seen.append((what, done, total)),
    )
    assert seen[0][0] == "toy, after 0 tactics: ⊢ 6"
    shares = [done for _, done, _ in seen]
    assert shares == sorted(shares)
    assert 0 < shares[-1] <= 1


def test_input_errors_pass_through() -> None:
    with pytest.raises(InputError, match="no such problem"):
        attempt(Problem("other", "", ""), Numbers(1), numbers_policy(), Mcts(), Budget())


# Traces


def recorded(environment: Environment, policy: Policy, method: Method = METHODS[0]) -> tuple[Attempt, Trace]:
    trace = Trace()
    return attempt(PROBLEM, environment, policy, method, Budget(steps=100), trace=trace), trace


def test_traces_are_written_read_and_replayed(tmp_path) -> None:
    found, trace = recorded(Numbers(23), numbers_policy())
    path = tmp_path / "trace.jsonl"
    trace.write(path)
    read = read_trace(path)
    assert read == trace
    again = replay(read, Numbers(23))
    assert (again.steps, again.differences, again.skipped) == (found.steps, (), 0)


def test_a_trace_does_not_replay_in_another_world() -> None:
    graph: dict[str, Moves] = {"a": {"r": ("b",), "s": ("c",)}, "b": {"t": ()}}
    _, trace = recorded(ToyEnvironment(graph, "a"), ToyPolicy(dict.fromkeys("rst", -1.0)))
    other = ToyEnvironment(graph | {"b": {}}, "a")
    differences = replay(trace, other).differences
    assert any("t: {'refused': 'error'" in line for line in differences)
    assert differences[-1] == "the proof is None, recorded was 'r\\n  t'"
    assert replay(trace, ToyEnvironment(graph | {"a": {}}, "a")).differences[-2].endswith("leads to its state")
    assert replay(trace, ToyEnvironment(graph, "b")).differences[0] == "the root's goals are others"


def test_refusals_for_want_of_time_are_not_compared() -> None:
    class Slow(ToyEnvironment):
        def _outcome(self, state: TacticState, name: str, tactic: str) -> Outcome:
            return Refused("seconds", "") if tactic == "s" else super()._outcome(state, name, tactic)

    graph: dict[str, Moves] = {"a": {"r": ("b",), "s": ("c",)}}
    _, trace = recorded(Slow(graph, "a"), ToyPolicy(dict.fromkeys("rs", -1.0)))
    again = replay(trace, ToyEnvironment(graph, "a"))
    assert (again.differences, again.skipped) == ((), 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}\n", "not a trace"),
        ("", "not a trace"),
        ("[]\n", "not a trace"),
        ("{\n", "not JSON lines"),
        ('{"schema": "q35.search-trace/1"}\n', "no end"),
        (None, "no such file"),
    ],
)
def test_bad_traces(tmp_path, content: str | None, message: str) -> None:
    path = tmp_path / "trace.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_trace(path)


# Shortening


def proof_of(environment: ToyEnvironment, at: TacticState, tactics: list[str]) -> Proof:
    """The proof by the tactics in the order of the text."""
    tactic = tactics.pop(0)
    (outcome,) = environment.submit(at, [tactic]).result()
    states = outcome.states if isinstance(outcome, Opened) else ()
    return Proof(at, tactic, tuple(proof_of(environment, child, tactics) for child in states))


@pytest.mark.parametrize(
    ("graph", "long", "short"),
    [
        # the whole is closed by one tactic
        ({"a": {"r": ("b",), "omega": ()}, "b": {"s": ()}}, "r s", "omega"),
        # a branch is
        ({"a": {"r": ("b", "c")}, "b": {"s": ("d",), "rfl": ()}, "c": {"t": ()}, "d": {"u": ()}}, "r s u t", "r rfl t"),
        # a step is left out
        ({"a": {"r": ("b",), "s": ("c",)}, "b": {"s": ("d",)}, "c": {"t": ()}, "d": {"t": ()}}, "r s t", "s t"),
        # a step that leaves two states is left out
        ({"a": {"r": ("b", "c"), "t": ()}, "b": {"s": ()}, "c": {"t": ()}}, "r s t", "t"),
        # steps are merged
        (
            {"a": {"intro x": ("b",), "intro x y": ("c",)}, "b": {"intro y": ("c",)}, "c": {"t": ()}},
            None,
            "intro x y|t",
        ),
        # nothing helps
        ({"a": {"r": ("b",)}, "b": {"s": ()}}, "r s", "r s"),
    ],
)
def test_shortening(graph: Mapping[str, Moves], long: str | None, short: str) -> None:
    environment = ToyEnvironment(graph, "a")
    tactics = long.split() if long else ["intro x", "intro y", "t"]
    proof = proof_of(environment, environment.root(PROBLEM), tactics)
    shorter = shorten(proof, environment, Budget())
    check(shorter, environment)
    assert [part.tactic for part in shorter.parts()] == (short.split("|") if "|" in short else short.split())


def test_shortening_keeps_its_budget_and_asks_nothing_twice() -> None:
    environment = ToyEnvironment({"a": {"r": ("b",), "grind": ()}, "b": {"s": ()}}, "a")
    proof = proof_of(environment, environment.root(PROBLEM), ["r", "s"])
    del environment.requests[:]
    assert shorten(proof, environment, Budget(steps=3)) == proof
    assert [tactics for _, tactics in environment.requests] == [("rfl",), ("assumption",), ("omega",)]
    del environment.requests[:]
    assert shorten(proof, environment, Budget(), closers=("rfl",)) == proof
    assert len(environment.requests) == len(set(environment.requests)) == 2


@given(GRAPHS, st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_shortened_proofs_are_proofs_and_never_longer(graph: Mapping[str, Moves], seed: int) -> None:
    environment = ToyEnvironment(graph, "a")
    method = BestFirst(batch=1, noise=5.0)
    found = attempt(PROBLEM, environment, ToyPolicy(dict.fromkeys("rstuv", -1.0)), method, Budget(), seed)
    if found.proof:
        shorter = shorten(found.proof, environment, Budget(), closers=("u",))
        check(shorter, environment)
        assert shortest(graph)["a"] <= shorter.length <= found.proof.length


def test_what_is_merged() -> None:
    assert merged("intro x", "intro y z") == "intro x y z"
    assert merged("rw [a]", "rw [← b, c]") == "rw [a, ← b, c]"
    assert merged("simp only [a]", "simp only [b]") == "simp only [a, b]"
    assert merged("rw [a] at h", "rw [b]") is None
    assert merged("intro x", "rw [b]") is None


def test_a_sure_policy_is_taken_at_its_word() -> None:
    """One tactic alone where it has half of what is left, several where none has."""
    policy = ToyPolicy({"a": -0.3, "b": -2.0, "c": -2.1, "d": -2.2, "e": -2.3})
    frontier = Mcts(noise=0.0).start(Tree(ToyEnvironment({}, "x").root(PROBLEM)), policy, 0)
    taken = []
    while selection := frontier.select(100):
        taken.append("".join(one.tactic for one in selection.tactics))
        selection.node.pending = False
        frontier.update(selection, [])
    assert taken == ["a", "bc", "d", "e"]
