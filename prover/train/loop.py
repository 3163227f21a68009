"""`q35 prover train`: from data sets of tactic steps to a tokenizer, weights and metrics in a folder.

The folder holds `config.json`, `tokenizer.json`, `metrics.jsonl`, `checkpoint.pt` (everything that a later run goes on
from) and at the end `weights.safetensors`. A run that was ended at any moment goes on from its last checkpoint, and its
result is, bit for bit, that of one that was not, on the same CPU with the same number of threads. (Some of torch's
sums on a GPU have no fixed order.)
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import platform
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from q35.errors import InputError
from q35.files import canonical_json, read_json, sha256_file, write_whole
from q35.lean.progress import Report, silent
from q35prover.train.config import TrainingConfig
from q35prover.train.data import SPLITS, Split, TacticStep
from q35prover.train.examples import (
    NO_CLASS,
    UNJUDGED,
    Example,
    examples,
    load_steps,
    texts,
    with_mismatched,
    with_renamed,
)
from q35prover.train.measure import batches, evaluate, padded
from q35prover.train.model import Network
from q35prover.train.quantized import linears, matrices, round_matrices, rounded
from q35prover.train.tokenizer import PAD, Tokenizer, load_tokenizer, train_tokenizer

SCHEMA = "q35.training/1"

_LENGTHS_SORTED_AT_ONCE = 32
"""So many batches are made from neighbours in length: little filling, and still batches of mixed theorems."""


def train(
    data: Sequence[Path], out: Path, config: TrainingConfig, start: Path | None = None, report: Report = silent
) -> dict[str, Any]:
    """Train, or go on with what `out` holds; the last line of the metrics.

    `start` is the folder of an earlier training, whose weights and tokenizer are begun with. Raises `InputError` for
    data that cannot be read or is empty, an `out` that was begun with other data or another config, a `start` with
    another network.
    """
    torch.set_num_threads(config.threads)
    _claim(out, data, config, start)
    steps = load_steps(data, config)
    if not steps["train"]:
        raise InputError("there is no step to train on", ", ".join(map(str, data)))
    tokenizer = _tokenizer(out, steps["train"], config, start, report)
    mixed = with_mismatched(steps["train"], config.mismatched, config.seed)
    steps["train"] = with_renamed(mixed, config.renamed_copies, config.seed)
    prepared = {split: list(examples(steps[split], tokenizer, config)) for split in SPLITS}
    run = _Run(out, config, prepared)
    if start is not None:
        run.network.load_state_dict(_weights_of(start, run.network))
    run.resume()
    run.train(report)
    return run.finish(report)


def summary(line: Mapping[str, Any]) -> str:
    """A line of the metrics, for people."""
    kinds = {"text": "without states", "state": "with states"}
    return "\n".join(
        f"{line['split']}, epoch {line['epoch']:.2f}, steps {kinds[name]}: loss {figures['loss']:.3f} a token, "
        f"exact {figures['exact']:.1%}, among 8 {figures['top8']:.1%} of {figures['beam_steps']}, "
        f"value off by {figures['value_error']:.2f} tactics"
        for name, figures in line.items()
        if name in kinds
    )


def _claim(out: Path, data: Sequence[Path], config: TrainingConfig, start: Path | None) -> None:
    """Write down what is trained, or see that it is what was begun."""
    begun = {
        "schema": "q35.training-config/1",
        "config": asdict(config),
        "data": [{"name": path.name, "sha256": sha256_file(_there(path))} for path in data],
        "start": None if start is None else sha256_file(_there(start / "weights.safetensors")),
    }
    file = out / "config.json"
    if not file.exists():
        write_whole(file, canonical_json(begun))
    elif read_json(file) != begun:
        raise InputError("was begun with another config or other data", str(out), "choose an empty folder")


def _there(path: Path) -> Path:
    if not path.is_file():
        raise InputError("no such file", str(path))
    return path


def _tokenizer(
    out: Path, steps: list[TacticStep], config: TrainingConfig, start: Path | None, report: Report
) -> Tokenizer:
    file = out / "tokenizer.json"
    if not file.exists():
        if start is not None:
            write_whole(file, (start / "tokenizer.json").read_bytes())
        else:
            report("making the tokenizer", 0, 0)
            train_tokenizer(texts(steps), config.vocabulary).save(file)
    return load_tokenizer(file)


def _weights_of(folder: Path, network: Network) -> Mapping[str, Tensor]:
    state: dict[str, Tensor] = torch.load(folder / "checkpoint.pt", weights_only=True)["network"]
    for name, weight in network.state_dict().items():
        if name not in state or state[name].shape != weight.shape:
            raise InputError(f"its network is another: {name}", str(folder))
    return state


class _Run:
    """A training: the network, its optimizers, the batches, and how far it is."""

    def __init__(self, out: Path, config: TrainingConfig, prepared: Mapping[Split, Sequence[Example]]) -> None:
        self.out, self.config, self.prepared = out, config, prepared
        torch.manual_seed(config.seed)
        self.network = Network(config).to(config.device)
        inside = [layer.weight for layer in linears(self.network).values()]
        others = [p for p in self.network.parameters() if all(p is not weight for weight in inside)]
        self.optimizers = (
            torch.optim.Muon(
                inside, lr=config.muon_rate, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(others, lr=config.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self.plan = list(_plan(prepared["train"], config))
        self.done = 0
        self.tokens = 0
        self.seconds = 0.0
        self.losses: list[float] = []
        self.metrics: list[dict[str, Any]] = []

    def resume(self) -> None:
        """Go back to the last checkpoint, if there is one."""
        file = self.out / "checkpoint.pt"
        if file.exists():
            saved = torch.load(file, weights_only=True)
            self.network.load_state_dict(saved["network"])
            for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            for name in ("done", "tokens", "seconds", "losses", "metrics"):
                setattr(self, name, saved[name])

    def checkpoint(self) -> None:
        """Write down everything that `resume` needs, and the metrics."""
        content = io.BytesIO()
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "done": self.done,
                "tokens": self.tokens,
                "seconds": self.seconds,
                "losses": self.losses,
                "metrics": self.metrics,
            },
            content,
        )
        write_whole(self.out / "checkpoint.pt", content.getvalue())
        lines = [json.dumps(line, sort_keys=True) + "\n" for line in self.metrics]
        write_whole(self.out / "metrics.jsonl", "".join(lines).encode())

    def train(self, report: Report) -> None:
        steps = len(self.plan)
        evaluated = _marks(steps, self.config.evaluations)
        saved = _marks(steps, self.config.checkpoints) | evaluated
        while self.done < steps:
            begin = time.perf_counter()
            self.losses.append(self._step(self.plan[self.done]))
            self.seconds += time.perf_counter() - begin
            self.done += 1
            if self.done in evaluated:
                self._measure("validation")
                report(summary(self.metrics[-1]), self.done, steps)
            if self.done in saved:
                self.checkpoint()
            report("training", self.done, steps)

    def finish(self, report: Report) -> dict[str, Any]:
        """Measure the test split and write the weights, float32."""
        if self.metrics[-1]["split"] != "test":
            report("measuring the test split", 0, 0)
            self._measure("test")
            self.checkpoint()
        weights = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        write_whole(self.out / "weights.safetensors", save(weights))
        return self.metrics[-1]

    def _step(self, numbers: Sequence[int]) -> float:
        """One step of the optimizers on these examples; the loss a token that is to be written."""
        train, config = self.prepared["train"], self.config
        rate = _rate(self.done / len(self.plan), config)
        for optimizer, full in zip(self.optimizers, (config.muon_rate, config.adam_rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = full * rate
        # What is added has no gradient: that of the rounded weights goes to the weights (straight through).
        quantized = matrices(self.network) if self._quantized() else {}
        rounding = {name: rounded(weight) - weight.detach() for name, weight in quantized.items()}
        written = sum(int(train[number].written.sum()) for number in numbers)
        given = sum(int((train[number].parts < 2).sum()) - 1 for number in numbers) - written
        tactics = sum(int((train[number].classes != NO_CLASS).sum()) for number in numbers)
        judged = sum(int((train[number].worth != UNJUDGED).sum()) for number in numbers)
        total = 0.0
        for part in batches(train, numbers, config.tokens_at_once):
            examples = padded([train[number] for number in part], config.device)
            with self._precision():
                substituted = {name: weight + rounding[name] for name, weight in quantized.items()}
                hidden = examples.hidden(functools.partial(self._read, substituted))
                real = examples.real
                targets, to_write = examples.tokens[:, 1:][real], examples.written[:, 1:][real]
                logits = self.network.next_token(hidden[:, :-1][real]).float()
                losses = functional.cross_entropy(logits, targets, reduction="none")
                begins, ends = examples.classes != NO_CLASS, examples.worth != UNJUDGED
                value = functional.cross_entropy(
                    self.network.remaining(hidden[begins]).float(), examples.classes[begins], reduction="sum"
                )
                worth = functional.binary_cross_entropy_with_logits(
                    self.network.judged(hidden[ends]).float(), examples.worth[ends].float(), reduction="sum"
                )
            of_written = losses[to_write].sum() / written
            of_given = losses[~to_write].sum() / given
            loss = of_written + config.context_loss * of_given + config.value_loss * value / tactics
            loss += config.worth_loss * worth / max(1, judged)
            loss.backward()
            total += of_written.item()
            self.tokens += int((examples.tokens != PAD).sum())
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return total

    def _read(self, weights: dict[str, Tensor], *arguments: Any, **named: Any) -> Any:
        """What the network makes of tokens with these weights in place of its own."""
        return torch.func.functional_call(self.network, weights, arguments, named)

    def _measure(self, split: Split) -> None:
        """Add a line to the metrics."""
        network = self.network
        if self._quantized():
            network = Network(self.config).to(self.config.device)
            network.load_state_dict(self.network.state_dict())
            round_matrices(network)
        begin = time.perf_counter()
        with self._precision():
            figures = evaluate(network, self.prepared[split], self.config.beam_steps, self.config.seed)
        self.metrics.append(
            {
                "schema": SCHEMA,
                "split": split,
                "step": self.done,
                "steps": len(self.plan),
                "epoch": self.done * self.config.epochs / len(self.plan),
                "tokens": self.tokens,
                "train_loss": sum(self.losses) / len(self.losses) if self.losses else self.metrics[-1]["train_loss"],
                "quantized": self._quantized(),
                **figures,
                "seconds": self.seconds,
                "evaluation_seconds": time.perf_counter() - begin,
                "machine": platform.processor() or platform.machine(),
            }
        )
        self.losses = []

    def _quantized(self) -> bool:
        return self.done >= self.config.quantized_from * len(self.plan)

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        if self.config.precision == "float32":
            return contextlib.nullcontext()
        autocast: contextlib.AbstractContextManager[Any] = torch.autocast(self.config.device, torch.bfloat16)
        return autocast


def _plan(train: Sequence[Example], config: TrainingConfig) -> Iterator[list[int]]:
    """The examples of every step of all epochs."""
    for epoch in range(config.epochs):
        choice = random.Random(f"{config.seed} {epoch}")
        numbers = list(range(len(train)))
        choice.shuffle(numbers)
        made: list[list[int]] = []
        for chunk in _chunks(train, numbers, _LENGTHS_SORTED_AT_ONCE * config.tokens_per_batch):
            made += batches(train, chunk, config.tokens_per_batch)
        choice.shuffle(made)
        yield from made


def _chunks(train: Sequence[Example], numbers: Sequence[int], tokens: int) -> Iterator[list[int]]:
    chunk: list[int] = []
    size = 0
    for number in numbers:
        chunk.append(number)
        size += len(train[number].tokens)
        if size >= tokens:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _marks(steps: int, count: int) -> set[int]:
    """`count` steps evenly apart, the last among them."""
    return {math.ceil(steps * number / count) for number in range(1, count + 1)}


def _rate(part: float, config: TrainingConfig) -> float:
    """The learning rate at this part of the training, as a share of the full one."""
    if part < config.warmup:
        return (part + 1e-3) / (config.warmup + 1e-3)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (part - config.warmup) / (1 - config.warmup)))
