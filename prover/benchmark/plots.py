"""A results document as a figure: the share of theorems proved against what was spent."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from q35.bench.plots import check_drawing
from q35.files import write_whole
from q35prover.benchmark.table import proved


def spent(document: Mapping[str, Any], contender: str, key: str) -> tuple[list[float], list[float]]:
    """What the contender's successes took (`seconds` or `steps`), rising, and the share of its attempts by then."""
    rows = [row for row in document["outcomes"] if row["contender"] == contender]
    taken = sorted(row[key] for row in rows if proved(row))
    return taken, [place / len(rows) for place in range(1, len(taken) + 1)]


def write_plot(document: Mapping[str, Any], path: Path) -> None:
    """Success against seconds and against steps, as SVG. Raises `InputError` without matplotlib."""
    check_drawing()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    for axes, key in zip(figure.subplots(1, 2, sharey=True), ("seconds", "steps"), strict=True):
        most = max((row[key] for row in document["outcomes"]), default=1)
        for contender in document["contenders"]:
            taken, shares = spent(document, contender["name"], key)
            ends = ([0.0, *taken, most], [0.0, *shares, shares[-1] if shares else 0.0])
            axes.step(*ends, where="post", label=contender["name"])
        axes.set(xscale="symlog" if key == "steps" else "linear", xlabel=f"{key} an attempt", ylim=(0, 1))
    figure.axes[0].set_ylabel(f"share of attempts with a proof, {document['suite']}")
    figure.axes[0].legend(fontsize="small")
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    write_whole(path, content.getvalue())
