"""Small worlds to search in: an `Environment` over a finite AND/OR graph, and policies for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from q35.errors import InputError
from q35prover.interface import Closed, Goal, Opened, Outcome, Problem, Refused, Step, Suggestion, TacticState

Moves = Mapping[str, tuple[str, ...]]
"""What each tactic leaves: names of states; a tactic that is not there is refused."""

PROBLEM = Problem("toy", "theorem toy : Toy := by\n  ", "\n")

_THREADS = ThreadPoolExecutor(8)


class ToyEnvironment:
    """States have names, `graph` says what tactics do there; without an entry, no tactic applies.

    Every request replays the steps of its state from the root, as a server that was restarted would, so a state that
    was handed on with the wrong steps fails the test. `names` gives a state other text than its own name (equal keys).
    """

    def __init__(
        self, graph: Mapping[str, Moves], root: str, workers: int = 1, keys: Mapping[str, str] | None = None
    ) -> None:
        self._graph, self._root, self._keys = graph, root, keys or {}
        self.workers = workers
        self.requests: list[tuple[str, tuple[str, ...]]] = []

    def root(self, problem: Problem) -> TacticState:
        if problem != PROBLEM:
            raise InputError("no such problem", problem.theorem)
        return self._state(self._root, ())

    def submit(self, state: TacticState, tactics: Sequence[str], until_closed: bool = False) -> Future[list[Outcome]]:
        self.requests.append((self.name(state), tuple(tactics)))
        if self.workers > 1:
            return _THREADS.submit(self._answer, state, tactics, until_closed)
        future: Future[list[Outcome]] = Future()
        future.set_result(self._answer(state, tactics, until_closed))
        return future

    def name(self, state: TacticState) -> str:
        return state.goals[0].text.removeprefix("⊢ ")

    def moves(self, name: str) -> Moves:
        return self._graph.get(name, {})

    def _answer(self, state: TacticState, tactics: Sequence[str], until_closed: bool = False) -> list[Outcome]:
        name = self._root
        for step in state.path:
            name = self.moves(name)[step.tactic][step.child]
        assert name == self.name(state), "the steps of the state lead elsewhere"
        outcomes = [self._outcome(state, name, tactic) for tactic in tactics]
        closing = [end for end, outcome in enumerate(outcomes, 1) if isinstance(outcome, Closed)]
        return outcomes[: closing[0]] if until_closed and closing else outcomes

    def _outcome(self, state: TacticState, name: str, tactic: str) -> Outcome:
        left = self.moves(name).get(tactic)
        if left is None:
            return Refused("error", f"{tactic} does not apply")
        if not left:
            return Closed()
        return Opened(tuple(self._state(child, (*state.path, Step(tactic, i))) for i, child in enumerate(left)))

    def _state(self, name: str, path: tuple[Step, ...]) -> TacticState:
        return TacticState(PROBLEM, (Goal(f"⊢ {name}", self._keys.get(name, name)),), path)


class Numbers(ToyEnvironment):
    """A number has to be brought to 0: `half` of an even one, `less` by 1, `split` into two; `zero` closes 0."""

    def __init__(self, root: int, workers: int = 1) -> None:
        super().__init__({}, str(root), workers)

    def moves(self, name: str) -> Moves:
        number = int(name)
        if number == 0:
            return {"zero": ()}
        moves: dict[str, tuple[str, ...]] = {"less": (str(number - 1),), "stay": (name,), "more": (str(number + 1),)}
        if number % 2 == 0:
            moves["half"] = (str(number // 2),)
        if number > 3:
            moves["split"] = (str(number // 2), str(number - number // 2))
        return moves


class ToyPolicy:
    """Suggests the same tactics everywhere; `log_probabilities` in the order given, `remaining` by state's name."""

    name = "toy"

    def __init__(self, tactics: Mapping[str, float], remaining: Mapping[str, float] | None = None) -> None:
        self._tactics = sorted(tactics.items(), key=lambda item: -item[1])
        self._remaining = remaining or {}
        self.asked: list[int] = []

    def suggest(self, states: Sequence[TacticState], count: int) -> list[list[Suggestion]]:
        self.asked.append(count)
        return [[Suggestion(*item) for item in self._tactics[:count]] for _ in states]

    def remaining(self, states: Sequence[TacticState]) -> list[float]:
        return [self._remaining.get(state.goals[0].text.removeprefix("⊢ "), 3.0) for state in states]


def shortest(graph: Mapping[str, Moves]) -> dict[str, int]:
    """The number of tactics in the shortest proof of each state that has one: by iteration to the fixed point."""
    lengths: dict[str, int] = {}
    while True:
        found = dict(lengths)
        for name, moves in graph.items():
            for left in moves.values():
                if all(child in lengths for child in left):
                    length = 1 + sum(lengths[child] for child in left)
                    found[name] = min(length, found.get(name, length))
        if found == lengths:
            return lengths
        lengths = found
