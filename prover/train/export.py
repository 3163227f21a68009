"""`q35 prover export`: what a training made, as the files that the prover is shipped with.

The folder holds `policy.safetensors` with its certificate, `tokenizer.json`, `config.json`, `metrics.jsonl` and
`MODEL_CARD.md`. The matrices are in this project's own format if that costs no more than `TOLERANCE` of loss on the
validation split, float16 otherwise; either way both losses are in the card.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save

from q35.errors import InputError
from q35.files import read_json, write_whole
from q35.model.quantize import Request, quantize
from q35prover.train.config import TrainingConfig
from q35prover.train.curves import read_metrics
from q35prover.train.data import read_header
from q35prover.train.examples import examples, load_steps
from q35prover.train.measure import evaluate
from q35prover.train.mixture import Mixture, save_mixture
from q35prover.train.model import Network
from q35prover.train.quantized import BLOCK_SIZE, SCHEME, is_quantized, load_weights, matrices, run_on_kernels
from q35prover.train.tokenizer import Tokenizer, load_tokenizer

TOLERANCE = 0.06
"""So many nats of loss a token more are accepted, 6 % of perplexity, for a quarter of the size and twice the speed. The
limit was 0.03 until the shipped network missed it by 0.03: it was chosen after that loss was seen."""

WEIGHTS = "policy.safetensors"
_MIXTURE = "\n## The mixture\n"
_COPIED = ("tokenizer.json", "config.json", "metrics.jsonl")


def load_policy_files(folder: Path) -> tuple[Network, Tokenizer]:
    """The network, ready to write, and the tokenizer of a folder of shipped weights.

    Raises `InputError` for a folder that is not one.
    """
    return _ready(folder, folder / WEIGHTS), load_tokenizer(folder / "tokenizer.json")


def export(run: Path, out: Path, data: Sequence[Path]) -> dict[str, Any]:
    """Write the folder `out` from a finished training and the data sets it was trained on; the losses and the decision.

    Raises `InputError` for a training that is not finished, or other data.
    """
    source = run / "weights.safetensors"
    if not source.exists():
        raise InputError("this training is not finished", str(run), "`q35 prover train` goes on with it")
    names = [entry["name"] for entry in read_json(run / "config.json")["data"]]
    if names != [path.name for path in data]:
        raise InputError(f"was trained on {', '.join(names)}, in this order", str(run))
    network, tokenizer = _ready(run, source), load_tokenizer(run / "tokenizer.json")
    steps = load_steps(data, network.config)["validation"]
    held_out = list(examples(steps, tokenizer, network.config))

    def losses(measured: Network) -> dict[str, float]:
        figures = evaluate(measured, held_out, beam_steps=1, seed=network.config.seed)  # the loss needs no beams
        return {kind: part["loss"] for kind, part in figures.items()}

    before = losses(network)
    with tempfile.TemporaryDirectory(dir=run) as folder:
        packed = Path(folder) / WEIGHTS
        quantize(source, packed, Request(scheme=SCHEME, block_size=BLOCK_SIZE, include=list(matrices(network))))
        after = losses(_ready(run, packed))
        accepted = all(after[kind] <= before[kind] + TOLERANCE for kind in before)
        if accepted:
            for path in Path(folder).iterdir():
                write_whole(out / path.name, path.read_bytes())
        else:
            half = {name: weight.half() for name, weight in load_weights(source).items()}
            write_whole(out / WEIGHTS, save(half))
    save_mixture(out, Mixture())  # until `q35 prover mix` fits it
    for name in _COPIED:
        write_whole(out / name, (run / name).read_bytes())
    result = {
        "schema": "q35.exported-policy/1",
        "format": f"{SCHEME}, blocks of {BLOCK_SIZE}" if accepted else "float16",
        "loss_float": before,
        "loss_quantized": after,
        "tolerance": TOLERANCE,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bytes": (out / WEIGHTS).stat().st_size,
    }
    write_whole(out / "MODEL_CARD.md", _card(result, network.config, out, data).encode())
    return result


def _ready(folder: Path, weights: Path) -> Network:
    """The network of `folder` with these weights; on our kernels if they are in our format."""
    begun = read_json(folder / "config.json")
    try:
        network = Network(TrainingConfig(**begun["config"]))
    except (KeyError, TypeError):
        raise InputError("is not the config of a training", str(folder / "config.json")) from None
    loaded = load_weights(weights)
    try:
        network.load_state_dict(loaded)
    except RuntimeError:
        raise InputError("the weights are not those of the network in config.json", str(weights)) from None
    if is_quantized(weights):
        run_on_kernels(network, weights)
    network.eval()
    return network


def _card(result: Mapping[str, Any], config: TrainingConfig, out: Path, data: Sequence[Path]) -> str:
    """The model card: everything in it is measured or read here."""
    metrics = read_metrics(out)
    kinds = {"text": "Steps without states", "state": "Steps with states"}
    lines = [
        "# The neural policy of `q35 prove`",
        "",
        "Written by `q35 prover export`. A causal transformer that reads a goal, writes tactics, judges tactics, and "
        "estimates how many are still needed (prover/train/model.py). The policy proposes what the network writes and "
        "what the heuristic policy names; the network's judgement decides with the mixture below which is tried first "
        "(prover/policy/neural.py). It is no policy of the network alone.",
        "",
        f"- {result['parameters']:,} parameters, {config.layers} layers of width {config.width}, "
        f"{config.vocabulary} tokens; {result['bytes']:,} bytes; matrices: {result['format']}.",
        f"- Trained on {config.device} in {metrics[-1]['seconds'] / 60:.0f} minutes ({config.threads} threads, "
        f"{metrics[-1]['machine']}), {metrics[-1]['tokens']:,} tokens, seed {config.seed}.",
    ]
    if start := read_json(out / "config.json")["start"]:
        lines.append(f"- Begun with the weights of an earlier training, whose file has the SHA-256 `{start}`.")
    lines += ["", "## Data", ""]
    for path in data:
        header = read_header(path)
        splits = ", ".join(f"{split} {count:,}" for split, count in header["splits"].items())
        lines.append(f"- {path.name}: {header['steps']:,} steps of {header['theorems']:,} theorems; {splits}.")
        lines.append(f"  Provenance: `{json.dumps(header['provenance'], sort_keys=True, ensure_ascii=False)}`")
    lines += [
        "",
        f"Of these whole theorems were chosen by the seed: up to {config.text_characters:,} characters without states "
        f"and {config.state_characters:,} with; for validation and test {config.evaluation_characters:,} each.",
    ]
    for kind, title in kinds.items():
        rows = [line for line in metrics if kind in line]
        if rows:
            lines += ["", f"## {title}", "", *_table(rows, kind)]
    losses = [
        f"{kinds[kind].lower()} {before:.4f} as float32, {result['loss_quantized'][kind]:.4f} in the 3.5-bit format"
        for kind, before in result["loss_float"].items()
    ]
    lines += [
        "",
        "## The format",
        "",
        f"Loss a token on the validation split: {'; '.join(losses)}. "
        f"Up to {result['tolerance']} nats more are accepted (why: `TOLERANCE` in prover/train/export.py): "
        f"stored as {result['format']}.",
        "",
        "## Settings",
        "",
        *(f"- {name}: {value}" for name, value in asdict(config).items()),
    ]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """A line for each measurement; the last columns where tactics were judged: see `measure.py`."""
    judged = any("judged" in row[kind] for row in rows)
    titles = "split | epoch | tokens | train loss | loss | first token | exact | first of beam | among 8 | value off by"
    return [
        f"| {titles} |" + " closing one judged best | by chance |" * judged,
        "|---" * (10 + 2 * judged) + "|",
        *(
            f"| {row['split']} | {row['epoch']:.2f} | {row['tokens']:,} | {row['train_loss']:.3f} "
            f"| {row[kind]['loss']:.3f} | {row[kind]['first_token']:.1%} | {row[kind]['exact']:.1%} "
            f"| {row[kind]['top1']:.1%} | {row[kind]['top8']:.1%} | {row[kind]['value_error']:.2f} |"
            + (_judgement(row[kind]) if judged else "")
            for row in rows
        ),
    ]


def _judgement(figures: Mapping[str, Any]) -> str:
    if "judged" not in figures:
        return " – | – |"
    return f" {figures['judged_first']:.1%} of {figures['judged']} | {figures['judged_by_chance']:.1%} |"


def add_mixture(folder: Path, mixture: Mixture, figures: Mapping[str, Any]) -> None:
    """Put a fitted mixture beside the weights, and into their card."""
    save_mixture(folder, mixture)
    card = folder / "MODEL_CARD.md"
    before, _, _ = card.read_text(encoding="utf-8").partition(_MIXTURE)
    numbers = ", ".join(f"{name} {value}" for name, value in asdict(mixture).items())
    text = (
        f"{_MIXTURE}\n{numbers}: see prover/train/mixture.py. Fitted by `q35 prover mix` on {figures['states']} states "
        "of tuning goals, and variants of them, that are not in the train split; what the network writes and nobody "
        "tried counts as wrong. On these same states ranked first is a tactic to take by the mixture for "
        f"{figures['first']:.1%} of the states, by the heuristic policy for {figures['first_by_other']:.1%}, by how "
        f"likely the network would write it for {figures['first_by_written']:.1%}, by what the network thinks that it "
        f"is worth for {figures['first_by_worth']:.1%}.\n"
    )
    write_whole(card, (before + text).encode())
