"""The neural policy: a small transformer writes whole tactics and says how many are still needed.

It runs on the CPU beside the servers, a state at a time, so that its answer for a state depends on nothing else. The
tactics are those of beam search; a fixed list of closing tactics keeps a share of the probability, so that a goal far
from everything seen in training is still tried with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch

from q35.errors import InputError
from q35prover.interface import Suggestion, TacticState
from q35prover.policy.portfolio import TACTICS
from q35prover.train.beam import Prompt
from q35prover.train.examples import state_prompt
from q35prover.train.export import load_policy_files
from q35prover.train.model import REMAINING, Network
from q35prover.train.tokenizer import Tokenizer

WEIGHTS = Path(__file__).parents[1] / "weights"
"""The weights that this version is shipped with."""

_WIDTHS = (8, 32, 128)
"""Of the beams. A wider one is run when more tactics are asked for than the narrower ones found."""

_STATES_REMEMBERED = 4096
_PROMPTS_REMEMBERED = 64


class NeuralPolicy:
    """`closing` tactics share `closing_share` of the probability, place n in proportion to 1/n."""

    name = "neural"

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        closing: Sequence[str] = TACTICS[:8],
        closing_share: float = 0.1,
    ) -> None:
        if not 0 <= closing_share < 1 or (closing_share > 0 and not closing):
            raise InputError(f"a share of {closing_share} for {len(closing)} closing tactics", fix="0 <= share < 1")
        self._network, self._tokenizer = network, tokenizer
        total = sum(1 / place for place in range(1, len(closing) + 1))
        self._closing = {
            tactic: closing_share / (place * total) for place, tactic in enumerate(closing, 1) if closing_share
        }
        self._share = 1 - closing_share
        # By text and not by `TacticState.key`: a tactic speaks of hypotheses by their names.
        self._prompt = lru_cache(_PROMPTS_REMEMBERED)(self._read)
        self._found = lru_cache(_STATES_REMEMBERED)(self._search)
        self._remaining = lru_cache(_STATES_REMEMBERED)(self._estimate)

    def suggest(self, states: Sequence[TacticState], count: int) -> list[list[Suggestion]]:
        """For each state up to `count` tactics without repetition, the likeliest first."""
        return [self._suggest(state.text, count) for state in states]

    def remaining(self, states: Sequence[TacticState]) -> list[float]:
        """For each state the expected number of tactics still needed, at least 1."""
        return [self._remaining(state.text) for state in states]

    def _suggest(self, text: str, count: int) -> list[Suggestion]:
        for level in range(len(_WIDTHS)):
            found = self._found(text, level)
            if len(found) >= count:
                break
        chosen = sorted(found[:count], key=lambda pair: (-pair[1], pair[0]))
        return [Suggestion(tactic, math.log(probability)) for tactic, probability in chosen]

    def _search(self, text: str, level: int) -> tuple[tuple[str, float], ...]:
        """Tactics with probabilities: those of the narrower beams first, so that a wider one only adds."""
        found = dict(self._found(text, level - 1)) if level else {}
        new = dict(self._closing) if level == 0 else {}
        for log_probability, tokens in self._prompt(text).beam(_WIDTHS[level]):
            tactic = self._tokenizer.decode(tokens).strip()
            if tactic and "\ufffd" not in tactic and tactic not in found:
                new[tactic] = new.get(tactic, 0.0) + self._share * math.exp(log_probability)
        return (*found.items(), *sorted(new.items(), key=lambda pair: (-pair[1], pair[0])))

    def _read(self, text: str) -> Prompt:
        return Prompt(self._network, state_prompt(text, self._tokenizer, self._network.config))

    def _estimate(self, text: str) -> float:
        probabilities: list[float] = self._prompt(text).remaining.tolist()
        return sum(p * least for p, least in zip(probabilities, REMAINING, strict=True))


def load_neural_policy(folder: Path = WEIGHTS, threads: int = 1) -> NeuralPolicy:
    """The policy with the weights in `folder`, on so many threads of this process.

    Raises `InputError` for a folder that does not hold what `q35 prover export` writes.
    """
    if not folder.is_dir():
        fix = f"`q35 prover train` makes them, and `q35 prover export RUN DATA --out {folder}` puts them there"
        raise InputError("there are no weights of the neural policy", str(folder), fix)
    torch.set_num_threads(threads)
    return NeuralPolicy(*load_policy_files(folder))
