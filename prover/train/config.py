"""Everything that a training depends on, in one place: with the same data it decides the result bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from q35.errors import InputError


@dataclass(frozen=True)
class TrainingConfig:
    """The network, the data, the schedule."""

    # The network: a causal transformer.
    layers: int = 4
    width: int = 256
    heads: int = 4
    feed_forward: int = 768
    vocabulary: int = 4096
    context: int = 512
    """Tokens of a sequence at most: a goal, or a statement and the tactics so far, and the tactics to be written."""
    longest_tactic: int = 64
    """Tokens. Longer tactics are not learned, nor written."""

    # The data.
    seed: int = 0
    text_characters: int = 8_000_000
    """Of proofs without states at most so much text is learned from, whole theorems chosen by the seed."""
    state_characters: int = 100_000_000
    """The same for steps with states."""
    renamed_copies: int = 6
    """Of each step with a state so many more, with other names for its hypotheses: the mixture of the two kinds."""
    mismatched: int = 2
    """To each state so many tactics of other states, as tactics that were tried in vain."""
    judged: int = 8
    """Of the tactics that were tried on a state at most so many, these included."""

    # The schedule: a linear warm-up, then a cosine down to a tenth. Muon (Jordan et al. 2024) for the matrices
    # inside, AdamW for the rest.
    epochs: int = 1
    tokens_per_batch: int = 4_096
    tokens_at_once: int = 4_096
    """A batch is worked on in parts of so many tokens: faster on a CPU, and less memory."""
    muon_rate: float = 0.02
    adam_rate: float = 0.003
    warmup: float = 0.05
    """Part of the steps."""
    weight_decay: float = 0.05
    gradient_norm: float = 1.0
    context_loss: float = 0.1
    """Weight of the loss of a token that is given rather than to be written: reading is learned by predicting."""
    value_loss: float = 0.1
    """Weight of the loss of the remaining tactics."""
    worth_loss: float = 0.5
    """Weight of the loss of what a tactic is worth."""
    quantized_from: float = 0.4
    """From this part of the steps on the forward pass sees the weights as the format will round them."""

    # The machine.
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 2
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of matrix products; weights, sums of them and the optimizer's state are float32."""

    # What is measured, and how often.
    evaluations: int = 6
    """In the whole training, on the validation split."""
    evaluation_characters: int = 200_000
    """Of each of validation and test, at most so much text, chosen as that of the training."""
    beam_steps: int = 150
    """Of those so many steps for the accuracy of beam search, which is slow."""
    checkpoints: int = 40


PRESETS: Mapping[str, TrainingConfig] = {
    "toy": TrainingConfig(
        layers=2,
        width=64,
        heads=2,
        feed_forward=128,
        vocabulary=320,
        threads=1,
        context=128,
        longest_tactic=24,
        tokens_per_batch=512,
        tokens_at_once=512,
        epochs=4,
        evaluations=4,
        beam_steps=8,
        checkpoints=4,
        precision="float32",
    ),
    "small": TrainingConfig(),
    "large": TrainingConfig(
        layers=8,
        width=512,
        heads=8,
        feed_forward=2048,
        text_characters=1_000_000_000,
        state_characters=1_000_000_000,
        epochs=10,
        tokens_per_batch=131_072,
        tokens_at_once=32_768,
        quantized_from=0.9,
        device="cuda",
        threads=8,
        evaluation_characters=4_000_000,
        beam_steps=1000,
    ),
}
"""`toy` takes seconds and is what the tests train; `small` is for two cores; `large` is for a GPU."""


_CHOICES = {name: get_args(kind) for name, kind in get_type_hints(TrainingConfig).items() if kind not in (int, float)}


def configured(preset: str, changes: Mapping[str, str]) -> TrainingConfig:
    """A preset with some fields changed, given as text. Raises `InputError` for what is not there or does not fit."""
    if preset not in PRESETS:
        raise InputError(f"unknown preset {preset!r}", fix=f"choose {', '.join(PRESETS)}")
    config = PRESETS[preset]
    values: dict[str, Any] = {}
    for name, text in changes.items():
        if name not in {field.name for field in fields(TrainingConfig)}:
            raise InputError(f"training has no setting {name!r}", fix="prover/train/config.py lists them")
        kind = type(getattr(config, name))
        try:
            values[name] = kind(text)
        except ValueError:
            raise InputError(f"{name} must be of type {kind.__name__}, not {text!r}") from None
        if kind is str and values[name] not in _CHOICES[name]:
            raise InputError(f"{name} must be {' or '.join(_CHOICES[name])}, not {text!r}")
    return replace(config, **values)
