"""A prompt that was read: the likeliest tactics after it, by beam search, and what tactics are worth there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from q35prover.train.model import After, Network, Reading, Writing
from q35prover.train.tokenizer import END, PAD

_JUDGED_AT_ONCE = 16
"""Tactics of like length, with little filling."""

Written = tuple[float, tuple[int, ...]]
"""A tactic: the natural logarithm of its probability, and its tokens without the mark `END`."""


class Prompt:
    """A prompt that was read, with the mark `TACTIC` at its end: tactics can be written after it, as often as wanted.

    `remaining` `[classes]` are the probabilities of the remaining tactics.
    """

    def __init__(self, network: Network, tokens: Sequence[int]) -> None:
        self.network, self.length = network, len(tokens)
        self.reading = Reading()
        with torch.inference_mode():
            last = network(torch.tensor([tokens], device=network.embedding.weight.device), self.reading)[:, -1]
            self.first = _log_probabilities(network, last)
            self.remaining = network.remaining(last)[0].float().softmax(-1)

    def beam(self, width: int, least: float = -math.inf) -> list[Written]:
        """Up to `width` tactics, none empty, the likeliest first; none whose logarithm is `least` or less.

        Of the beginnings of each length the `width` likeliest are kept, and of those only what is likelier than the
        `width` likeliest tactics so far: going on makes none likelier. One of width 1 is at least as likely as what
        greedy choice writes.
        """
        with torch.inference_mode():
            return self._beam(width, least)

    def judge(self, tactics: Sequence[Sequence[int]]) -> list[float]:
        """For each tactic the logit of its worth."""
        found = [0.0] * len(tactics)
        order = sorted(range(len(tactics)), key=lambda place: (len(tactics[place]), place))
        for start in range(0, len(order), _JUDGED_AT_ONCE):
            places = order[start : start + _JUDGED_AT_ONCE]
            rows = [torch.tensor([*tactics[place], END]) for place in places]
            tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
            with torch.inference_mode():
                hidden = self.network(tokens, After(self.reading), self.length)
                ends = torch.tensor([len(row) - 1 for row in rows])
                logits = self.network.judged(hidden[torch.arange(len(rows)), ends]).float()
            for place, logit in zip(places, logits.tolist(), strict=True):
                found[place] = logit
        return found

    def _beam(self, width: int, least: float) -> list[Written]:
        found: list[Written] = []
        writing = Writing(self.reading)
        beginnings: list[tuple[int, ...]] = [()]
        scores = self.first.clone()  # of the beginnings with one more token: [beginnings, vocabulary]
        for length in range(self.network.config.longest_tactic + 1):
            if length > 0:
                found += zip(scores[:, END].tolist(), beginnings, strict=True)
                found = sorted(found, key=lambda written: (-written[0], written[1]))[:width]
                found = [written for written in found if written[0] > least]
            scores[:, : END + 1] = -torch.inf  # no mark stands in a tactic
            best, places = scores.flatten().topk(min(width, scores.numel()))
            going_on = best > (found[-1][0] if len(found) == width else least)
            if length == self.network.config.longest_tactic or not going_on.any():
                break
            best, places = best[going_on], places[going_on]
            writing.parents, tokens = places // scores.shape[1], places % scores.shape[1]
            beginnings = [
                (*beginnings[parent], token)
                for parent, token in zip(writing.parents.tolist(), tokens.tolist(), strict=True)
            ]
            hidden = self.network(tokens[:, None], writing, self.length + length)[:, 0]
            scores = best[:, None] + _log_probabilities(self.network, hidden)
        return found


def _log_probabilities(network: Network, hidden: Tensor) -> Tensor:
    return network.next_token(hidden).float().log_softmax(-1)
