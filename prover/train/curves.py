"""The learning curves of a training, as a figure."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from q35.bench.plots import check_drawing
from q35.errors import InputError
from q35.files import write_whole

_FIGURES = {
    "loss": "loss, nats a token of a tactic",
    "exact": "tactics written as they are",
    "top8": "tactics among 8 of a beam",
    "judged_first": "states where a good tactic is judged best",
}
_KINDS = {"text": "Mathlib's text", "state": "our states"}


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The metrics of a training, or of shipped weights. Raises `InputError` when there are none."""
    try:
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"no metrics of a training: {error}", str(folder)) from None


def write_curves(metrics: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Each figure against the tokens trained on, as SVG: the validation split as a line, the test split as a cross.

    Raises `InputError` without matplotlib.
    """
    check_drawing()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.2), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(1, len(_FIGURES)), _FIGURES.items(), strict=True):
        for kind, label in _KINDS.items():
            rows = [line for line in metrics if name in line.get(kind, ())]
            for split, style in (("validation", "o-"), ("test", "x")):
                points = [(line["tokens"] / 1e6, line[kind][name]) for line in rows if line["split"] == split]
                if points:
                    color = f"C{list(_KINDS).index(kind)}"
                    axes.plot(*zip(*points, strict=True), style, color=color, label=f"{label}, {split}")
        axes.set(title=title, xlabel="million tokens trained on", ylim=(0, None if name == "loss" else 1))
        axes.title.set_fontsize("small")
    figure.axes[0].legend(fontsize="x-small")
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    write_whole(path, content.getvalue())
