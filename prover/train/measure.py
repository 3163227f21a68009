"""How good a network is on examples: loss, accuracy of the next tactic, error of the value."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from q35prover.train.beam import Prompt
from q35prover.train.examples import NO_CLASS, Example
from q35prover.train.model import REMAINING, Network
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


def padded(examples: Sequence[Example], device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, what is to be written, and classes, all `[batch, length]`."""

    def together(rows: list[Tensor], filling: int) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=filling).to(device)

    return (
        together([torch.from_numpy(example.tokens) for example in examples], PAD),
        together([torch.from_numpy(example.written) for example in examples], 0),
        together([torch.from_numpy(example.classes) for example in examples], NO_CLASS),
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
    `top1`, `top8`: share of `beam_steps` tactics found first, and among 8, by beam search.
    """
    device = network.embedding.weight.device
    loss = value_loss = value_error = 0.0
    tokens = steps = exact = beginnings = 0
    least = torch.tensor(REMAINING, dtype=torch.float32, device=device)
    for numbers in batches(examples, range(len(examples)), network.config.tokens_at_once):
        given, written, classes = padded([examples[number] for number in numbers], device)
        hidden = network(given[:, :-1])
        targets = given[:, 1:][written[:, 1:]]
        logits = network.next_token(hidden[written[:, 1:]]).float()
        loss += functional.cross_entropy(logits, targets, reduction="sum").item()
        tokens += len(targets)
        right = logits.argmax(-1) == targets
        # Tactics follow each other and each ends with END: their number is how many ended before.
        tactic = functional.pad((targets == END).cumsum(0), (1, 0))[:-1]
        wrong = torch.zeros(int(tactic[-1]) + 1, device=device).index_add(0, tactic, (~right).float())
        exact += int((wrong == 0).sum())
        beginnings += int((right & functional.pad(targets[:-1] == END, (1, 0), value=True)).sum())
        begins = classes[:, :-1] != NO_CLASS
        truth, values = classes[:, :-1][begins], network.remaining(hidden[begins]).float()
        value_loss += functional.cross_entropy(values, truth, reduction="sum").item()
        value_error += (values.softmax(-1) @ least - least[truth]).abs().sum().item()
        steps += len(truth)
    found = [_place(network, prompt, tactic) for prompt, tactic in _sample(examples, beam_steps, seed)]
    return {
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
