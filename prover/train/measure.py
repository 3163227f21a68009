"""How good a network is on examples: loss, accuracy of the next tactic, error of the value."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from q35prover.train.beam import Prompt
from q35prover.train.examples import BAD, GOOD, NO_CLASS, UNJUDGED, Example
from q35prover.train.model import REMAINING, Apart, Network
from q35prover.train.tokenizer import END, PAD


def batches(examples: Sequence[Example], numbers: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """`numbers`, which name examples, in parts of at most `tokens` tokens with filling, in the order of length."""
    part: list[int] = []
    for number in sorted(numbers, key=lambda number: (len(examples[number].tokens), number)):
        if part and (len(part) + 1) * len(examples[number].tokens) > tokens:
            yield part
            part = []
        part.append(number)
    if part:
        yield part


@dataclass(frozen=True)
class Padded:
    """Examples together, all `[batch, length]`: see `Example`."""

    tokens: Tensor
    written: Tensor
    classes: Tensor
    parts: Tensor
    worth: Tensor
    positions: Tensor

    def hidden(self, read: Callable[..., Tensor]) -> Tensor:
        """What the network `read` makes of the tokens."""
        if not self.parts.any():
            return read(self.tokens)
        return read(self.tokens, Apart(self.parts), positions=self.positions)

    @property
    def real(self) -> Tensor:
        """`[batch, length - 1]`: where the token that follows is the one to be predicted."""
        other = (self.parts[:, 1:] > 1) & ~self.written[:, 1:]
        return (self.tokens[:, 1:] != PAD) & ~other


def padded(examples: Sequence[Example], device: str) -> Padded:
    """The examples with filling behind them."""

    def together(rows: list[NDArray[Any]], filling: int) -> Tensor:
        tensors = [torch.from_numpy(row) for row in rows]
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=filling).to(device)

    return Padded(
        together([example.tokens for example in examples], PAD),
        together([example.written for example in examples], 0),
        together([example.classes for example in examples], NO_CLASS),
        together([example.parts for example in examples], 0),
        together([example.worth for example in examples], UNJUDGED),
        together([example.positions for example in examples], 0),
    )


def evaluate(network: Network, examples: Sequence[Example], beam_steps: int, seed: int) -> dict[str, Any]:
    """Figures for steps without states (`text`) and with (`state`), those of which there are any."""
    parts = {
        name: [example for example in examples if example.has_state == has_state]
        for name, has_state in (("text", False), ("state", True))
    }
    with torch.inference_mode():
        return {name: _figures(network, part, beam_steps, seed) for name, part in parts.items() if part}


def _figures(network: Network, examples: Sequence[Example], beam_steps: int, seed: int) -> dict[str, Any]:
    """`loss` in nats a token to be written. `exact`: share of tactics that the network writes as they are, taking the
    likeliest token each time; `first_token`: share of those whose first token, most often the tactic's name, it writes
    so. `value_loss` in nats; `value_error`: mean distance of the expected remaining tactics from the true class.
    `top1`, `top8`: share of `beam_steps` tactics found first, and among 8, by beam search. Of states on which, besides
    the proof's own, tactics were tried of which some closed the state and some did not (so many: `judged`), the share
    where the network thinks most of one that closed it (`judged_first`), and what a choice by chance would come to.
    """
    device = network.embedding.weight.device
    loss = value_loss = value_error = 0.0
    tokens = steps = exact = beginnings = 0
    places: list[tuple[int, float]] = []
    least = torch.tensor(REMAINING, dtype=torch.float32, device=device)
    for numbers in batches(examples, range(len(examples)), network.config.tokens_at_once):
        given = padded([examples[number] for number in numbers], device)
        hidden = given.hidden(network)
        to_write = given.written[:, 1:]
        targets = given.tokens[:, 1:][to_write]
        logits = network.next_token(hidden[:, :-1][to_write]).float()
        loss += functional.cross_entropy(logits, targets, reduction="sum").item()
        tokens += len(targets)
        right = logits.argmax(-1) == targets
        # Tactics follow each other and each ends with END: their number is how many ended before.
        tactic = functional.pad((targets == END).cumsum(0), (1, 0))[:-1]
        wrong = torch.zeros(int(tactic[-1]) + 1, device=device).index_add(0, tactic, (~right).float())
        exact += int((wrong == 0).sum())
        beginnings += int((right & functional.pad(targets[:-1] == END, (1, 0), value=True)).sum())
        begins = given.classes != NO_CLASS
        truth, values = given.classes[begins], network.remaining(hidden[begins]).float()
        value_loss += functional.cross_entropy(values, truth, reduction="sum").item()
        value_error += (values.softmax(-1) @ least - least[truth]).abs().sum().item()
        steps += len(truth)
        others = given.worth.masked_fill(given.parts < 2, UNJUDGED)
        places += _places_of_good(network.judged(hidden).float(), others)
    found = [_place(network, prompt, tactic) for prompt, tactic in _sample(examples, beam_steps, seed)]
    figures = {
        "steps": steps,
        "tokens": tokens,
        "loss": loss / tokens,
        "exact": exact / steps,
        "first_token": beginnings / steps,
        "value_loss": value_loss / steps,
        "value_error": value_error / steps,
        "beam_steps": len(found),
        "top1": sum(place == 0 for place in found) / len(found),
        "top8": sum(place is not None for place in found) / len(found),
    }
    if places:
        figures |= {
            "judged": len(places),
            "judged_first": sum(place == 0 for place, _ in places) / len(places),
            "judged_by_chance": sum(1 / among for _, among in places) / len(places),
        }
    return figures


def _places_of_good(logits: Tensor, worth: Tensor) -> Iterator[tuple[int, float]]:
    """For each state with good and bad tactics: how many bad ones are judged better than every good one, and the
    number of tactics per good one."""
    for row, labels in zip(logits, worth, strict=True):
        good, bad = row[labels == GOOD], row[labels == BAD]
        if len(good) and len(bad):
            yield int((bad >= good.max()).sum()), (len(good) + len(bad)) / len(good)


def _sample(examples: Sequence[Example], count: int, seed: int) -> list[tuple[list[int], tuple[int, ...]]]:
    """Up to `count` steps as (prompt, tactic), chosen by the seed."""
    places = [
        (number, int(begin))
        for number, example in enumerate(examples)
        for begin in (example.classes != NO_CLASS).nonzero()[0]
    ]
    sample = []
    for number, begin in random.Random(seed).sample(places, min(count, len(places))):
        tokens = examples[number].tokens.tolist()
        sample.append((tokens[: begin + 1], tuple(tokens[begin + 1 : tokens.index(END, begin)])))
    return sample


def _place(network: Network, prompt: list[int], tactic: tuple[int, ...]) -> int | None:
    """Which of 8 tactics, from 0, is the one that was looked for."""
    found = [tokens for _, tokens in Prompt(network, prompt).beam(8)]
    return found.index(tactic) if tactic in found else None
