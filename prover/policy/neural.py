"""The neural policy: a small transformer writes whole tactics, judges them beside those of rules, and says how many
are still needed.

Proposed is what the network writes itself, by beam search, and what another policy (the heuristic one) names for the
state. Of the proposals the network has `own_share`, in proportion to its probabilities, and the other policy the rest;
what both propose has the sum. Every proposal is then read by the network after the state, all at once, and the logit of
its worth there decides with: a tactic's probability is proportional to `share^trust * exp(belief * logit)`. The three
numbers are fitted on states that were not trained on (`q35 prover mix`). The value is the network's alone.

It runs on the CPU beside the servers, a state at a time, so that its answer for a state depends on nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
class _Level:
    """The width of the beam, the least probability of what it writes, and how many tactics of the other policy."""

    width: int
    least: float
    others: int


_LEVELS = (_Level(4, 0.02, 24), _Level(16, 0.001, 128))
"""More are proposed when more are asked for. Writing costs the most, so at first only what is likely is written out."""

_STATES_REMEMBERED = 4096
_PROMPTS_REMEMBERED = 64


class NeuralPolicy:
    """A network's tactics and those of `others`, mixed as `mixture` says."""

    name = "neural"

    def __init__(self, network: Network, tokenizer: Tokenizer, others: Policy, mixture: Mixture) -> None:
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
        for level in range(len(_LEVELS)):
            _, found = self._found(state.problem, state.goals, level)
            if len(found) >= count:
                break
        return sorted(found[:count], key=lambda suggestion: (-suggestion.log_probability, suggestion.tactic))

    def _search(self, problem: Problem, goals: tuple[Goal, ...], level: int) -> tuple[float, tuple[Suggestion, ...]]:
        """Suggestions, those of the lower level first, so that a higher one only adds; and the logarithm of what the
        scores of the lowest level, which make its probabilities, sum up to."""
        state = TacticState(problem, goals)
        log_mass, before = self._found(problem, goals, level - 1) if level else (0.0, ())
        shares = self._proposed(state, _LEVELS[level])
        for suggestion in before:
            shares.pop(suggestion.tactic, None)
        scores = self._mixture.scores(shares.values(), self.judged(state.text, list(shares)))
        if level == 0:
            log_mass = math.log(math.fsum(map(math.exp, scores)))
        new = [Suggestion(tactic, score - log_mass) for tactic, score in zip(shares, scores, strict=True)]
        return log_mass, (*before, *sorted(new, key=lambda one: (-one.log_probability, one.tactic)))

    def _proposed(self, state: TacticState, level: _Level) -> dict[str, float]:
        """Tactics with their share."""
        own, others = self.written(state.text, level), self.named(state, level.others)
        return {
            tactic: self._mixture.share(own.get(tactic, 0.0), others.get(tactic, 0.0))
            for tactic in dict.fromkeys([*own, *others])
        }

    def written(self, text: str, level: _Level = _LEVELS[0]) -> dict[str, float]:
        """Tactics that the network writes for a state, with its probabilities."""
        found: dict[str, float] = {}
        for log_probability, tokens in self._prompt(text).beam(level.width, math.log(level.least)):
            tactic = self._tokenizer.decode(tokens).strip()
            if tactic and "\ufffd" not in tactic:
                found[tactic] = found.get(tactic, 0.0) + math.exp(log_probability)
        return found

    def named(self, state: TacticState, count: int) -> dict[str, float]:
        """Tactics of the other policy, with its probabilities."""
        (others,) = self._others.suggest([state], count)
        return {other.tactic: math.exp(other.log_probability) for other in others}

    def judged(self, text: str, tactics: Sequence[str]) -> list[float]:
        """The logits of the tactics' worth on a state; of a long tactic the beginning is read."""
        longest = self._network.config.longest_tactic
        return self._prompt(text).judge([self._tokenizer.encode(tactic)[:longest] for tactic in tactics])

    def _read(self, text: str) -> Prompt:
        return Prompt(self._network, state_prompt(text, self._tokenizer, self._network.config))

    def _estimate(self, text: str) -> float:
        probabilities: list[float] = self._prompt(text).remaining.tolist()
        return sum(p * least for p, least in zip(probabilities, REMAINING, strict=True))

    def assess(self, state: TacticState, worth: Mapping[str, bool]) -> list[Judged]:
        """What `fit` needs of tactics that were tried on a state, with whether each was one to take."""
        own, others = self.written(state.text), self.named(state, _LEVELS[0].others)
        logits = self.judged(state.text, list(worth))
        return [
            Judged(own.get(tactic, 0.0), others.get(tactic, 0.0), logit, good)
            for (tactic, good), logit in zip(worth.items(), logits, strict=True)
        ]


def load_neural_policy(others: Policy, folder: Path = WEIGHTS, threads: int = 1) -> NeuralPolicy:
    """The policy with the weights in `folder` beside `others`, on so many threads of this process.

    Raises `InputError` for a folder that does not hold what `q35 prover export` writes.
    """
    if not folder.is_dir():
        fix = f"`q35 prover train` makes them, and `q35 prover export RUN DATA --out {folder}` puts them there"
        raise InputError("there are no weights of the neural policy", str(folder), fix)
    torch.set_num_threads(threads)
    return NeuralPolicy(*load_policy_files(folder), others, load_mixture(folder))
