"""The neural policy: a small transformer writes whole tactics, judges them beside those of rules, and says how many
are still needed.

Proposed is what the network writes itself, by beam search, and what another policy (the heuristic one) names for the
state. Every proposal is then read by the network after the state, all at once: how likely it would have written that,
and what it thinks that it is worth. Both and the other policy's probability decide together; how much each counts is
fitted on states that were not trained on (`q35 prover mix`; `Mixture`). The value is the network's alone.

It runs on the CPU beside the servers, a state at a time, so that its answer for a state depends on nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from q35.errors import InputError
from q35prover.interface import Goal, Policy, Problem, Suggestion, TacticState
from q35prover.train.beam import Prompt
from q35prover.train.examples import state_prompt
from q35prover.train.export import load_policy_files
from q35prover.train.mixture import Judged, Mixture, load_mixture
from q35prover.train.model import REMAINING, Network
from q35prover.train.tokenizer import Tokenizer

WEIGHTS = Path(__file__).parents[1] / "weights"
"""The weights that this version is shipped with."""


@dataclass(frozen=True)
class Level:
    """The width of the beam, the least probability of what it writes, and how many tactics of the other policy."""

    width: int
    least: float
    others: int


LEVELS = (Level(4, 0.02, 24), Level(16, 0.001, 128))
"""More are proposed when more are asked for. Writing costs the most, so at first only what is likely is written out."""

_STATES_REMEMBERED = 4096
_PROMPTS_REMEMBERED = 64


class NeuralPolicy:
    """A network's tactics and those of `others`, mixed as `mixture` says."""

    def __init__(
        self, network: Network, tokenizer: Tokenizer, others: Policy, mixture: Mixture, name: str = "neural"
    ) -> None:
        self.name = name
        self._network, self._tokenizer, self._others, self._mixture = network, tokenizer, others, mixture
        # By text and not by `TacticState.key`: a tactic speaks of hypotheses by their names.
        self._prompt = lru_cache(_PROMPTS_REMEMBERED)(self._read)
        self._found = lru_cache(_STATES_REMEMBERED)(self._search)
        self._remaining = lru_cache(_STATES_REMEMBERED)(self._estimate)

    def suggest(self, states: Sequence[TacticState], count: int) -> list[list[Suggestion]]:
        """For each state up to `count` tactics without repetition, the likeliest first."""
        return [self._suggest(state, count) for state in states]

    def remaining(self, states: Sequence[TacticState]) -> list[float]:
        """For each state the expected number of tactics still needed, at least 1."""
        return [self._remaining(state.text) for state in states]

    def _suggest(self, state: TacticState, count: int) -> list[Suggestion]:
        found: tuple[Suggestion, ...] = ()
        for level in range(len(LEVELS)):
            _, found = self._found(state.problem, state.goals, level)
            if len(found) >= count:
                break
        return sorted(found[:count], key=lambda suggestion: (-suggestion.log_probability, suggestion.tactic))

    def _search(self, problem: Problem, goals: tuple[Goal, ...], level: int) -> tuple[float, tuple[Suggestion, ...]]:
        """Suggestions, those of the lower level first, so that a higher one only adds; and the logarithm of what the
        scores of the lowest level, which make its probabilities, sum up to."""
        state = TacticState(problem, goals)
        log_mass, before = self._found(problem, goals, level - 1) if level else (0.0, ())
        known = {suggestion.tactic for suggestion in before}
        scores = {
            tactic: self._mixture.score(judged)
            for tactic, judged in self.judged(state, LEVELS[level]).items()
            if tactic not in known
        }
        if level == 0:
            log_mass = math.log(math.fsum(map(math.exp, scores.values())))
        new = [Suggestion(tactic, score - log_mass) for tactic, score in scores.items()]
        return log_mass, (*before, *sorted(new, key=lambda one: (-one.log_probability, one.tactic)))

    def judged(self, state: TacticState, level: Level = LEVELS[0]) -> dict[str, Judged]:
        """What is proposed for a state, with what the network thinks of it; of a long tactic it reads the beginning."""
        prompt, longest = self._prompt(state.text), self._network.config.longest_tactic
        (suggestions,) = self._others.suggest([state], level.others)
        named = {one.tactic: math.exp(one.log_probability) for one in suggestions}
        own = [self._tokenizer.decode(tokens).strip() for _, tokens in prompt.beam(level.width, math.log(level.least))]
        tactics = list(dict.fromkeys([*filter(_worth_running, own), *named]))
        found = prompt.judge([self._tokenizer.encode(tactic)[:longest] for tactic in tactics])
        return {
            tactic: Judged(named.get(tactic, 0.0), written, worth)
            for tactic, (written, worth) in zip(tactics, found, strict=True)
        }

    def _read(self, text: str) -> Prompt:
        return Prompt(self._network, state_prompt(text, self._tokenizer, self._network.config))

    def _estimate(self, text: str) -> float:
        probabilities: list[float] = self._prompt(text).remaining.tolist()
        return sum(p * least for p, least in zip(probabilities, REMAINING, strict=True))


def _worth_running(text: str) -> bool:
    """Whether what the network wrote is text and no `decide`: how long that takes, rules know from the goal's size."""
    return bool(text) and "\ufffd" not in text and "decide" not in text


def load_neural_policy(others: Policy, folder: Path = WEIGHTS, threads: int = 1) -> NeuralPolicy:
    """The policy with the weights in `folder` beside `others`, on so many threads of this process.

    It is called `neural` if these are the shipped weights, else by the folder's name.

    Raises `InputError` for a folder that does not hold what `q35 prover export` writes.
    """
    if not folder.is_dir():
        fix = f"`q35 prover train` makes them, and `q35 prover export RUN DATA --out {folder}` puts them there"
        raise InputError("there are no weights of the neural policy", str(folder), fix)
    torch.set_num_threads(threads)
    name = "neural" if folder == WEIGHTS else folder.resolve().name
    return NeuralPolicy(*load_policy_files(folder), others, load_mixture(folder), name)
