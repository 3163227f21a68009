"""A benchmark document as three figures: the roofline, speed against bits, speed against error."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from q35.errors import InputError
from q35.files import write_whole

Draw = Callable[[Any, list[dict[str, Any]], dict[str, Any]], None]


def check_drawing() -> None:
    """Raises `InputError` without matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("matplotlib is not installed", fix="pip install 'q35[bench]'")


def write_plots(document: dict[str, Any], folder: Path) -> list[Path]:
    """Writes the figures as SVG; raises `InputError` without matplotlib or without results."""
    check_drawing()
    from matplotlib.figure import Figure

    if not document["results"]:
        raise InputError("there are no results to draw")
    titles = {contender["name"]: contender for contender in document["contenders"]}
    written = []
    for name, draw in (("roofline", _roofline), ("speed-bits", _speed_bits), ("speed-error", _speed_error)):
        threads = [roof["threads"] for roof in document["rooflines"]]
        shapes = list(dict.fromkeys((row["inputs"], row["outputs"]) for row in document["results"]))
        figure = Figure(figsize=(7 * len(shapes), 4.5 * len(threads)), layout="constrained")
        grid = figure.subplots(len(threads), len(shapes), squeeze=False)
        for across, shape in enumerate(shapes):
            for down, roof in enumerate(document["rooflines"]):
                rows = [
                    {**row, **{key: titles[row["contender"]][key] for key in ("title", "ours")}}
                    for row in document["results"]
                    if (row["inputs"], row["outputs"]) == shape and row["threads"] == roof["threads"]
                ]
                axes = grid[down, across]
                count = "1 thread" if roof["threads"] == 1 else f"{roof['threads']} threads"
                axes.set_title(f"{shape[0]} x {shape[1]}, {count}", fontsize="medium")
                draw(axes, rows, roof)
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
        path = folder / f"{name}.svg"
        write_whole(path, content.getvalue())
        written.append(path)
    return written


def _by_contender(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["title"], []).append(row)
    return found


def _roofline(axes: Any, rows: list[dict[str, Any]], roof: dict[str, Any]) -> None:
    """Cold products: operations a second over operations for each byte of weights, under the machine's limits."""
    cold = [row for row in rows if row["state"] == "cold"]
    for number, (title, own) in enumerate(_by_contender(cold).items()):
        intensity = [16 * row["rows"] / row["bits_per_weight"] for row in own]
        style = "o-" if own[0]["ours"] else ".:"
        axes.plot(intensity, [row["gop_s"] for row in own], style, color=f"C{number % 10}", label=title)
    least, most = 16 / 32, max((16 * row["rows"] / row["bits_per_weight"] for row in cold), default=1.0)
    peaks = {"fp32": "fp32_gop_s", "VNNI": "vnni_gop_s", "AMX int8": "amx_int8_gop_s"}
    heights = {label: roof[key] for label, key in peaks.items() if roof[key] is not None}
    highest = max(heights.values(), default=roof["l3_gb_s"] * most)
    for key, label, style in (("memory_gb_s", "memory", "k--"), ("l3_gb_s", "L3", "k-.")):
        end = min(most, highest / roof[key])
        axes.plot([least, end], [roof[key] * least, roof[key] * end], style, linewidth=0.8, label=label)
    for label, height in heights.items():
        axes.axhline(height, color="0.6", linewidth=0.8)
        axes.text(least, height, label, fontsize="x-small", va="bottom")
    axes.set(xscale="log", yscale="log", xlabel="operations a byte of weights", ylabel="G operations/s, cold")
    axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))


def _scatter(axes: Any, rows: list[dict[str, Any]], key: str, label: str) -> None:
    """The cold product with the fewest rows of activations, one mark a contender."""
    least = min((row["rows"] for row in rows), default=1)
    shown = [row for row in rows if row["rows"] == least and row["state"] == "cold"]
    for number, row in enumerate(sorted(shown, key=lambda row: float(row["milliseconds"]))):
        point = row[key], row["milliseconds"]
        axes.plot(*point, "o" if row["ours"] else "x", color="C3" if row["ours"] else "C0")
        # Neighbours in time get their names on opposite sides.
        offset, side = ((5, 3), "left") if number % 2 else ((-5, -3), "right")
        axes.annotate(
            row["title"], point, fontsize="x-small", xytext=offset, textcoords="offset points", ha=side, va="center"
        )
    axes.margins(x=0.2)
    axes.set(yscale="log", xlabel=label, ylabel=f"milliseconds, M = {least}, cold")


def _speed_bits(axes: Any, rows: list[dict[str, Any]], roof: dict[str, Any]) -> None:
    _scatter(axes, rows, "bits_per_weight", "bits a weight")
    bits = sorted({row["bits_per_weight"] for row in rows})
    if bits:
        weights = rows[0]["inputs"] * rows[0]["outputs"]
        axes.plot(bits, [weights * b / 8 / roof["memory_gb_s"] / 1e6 for b in bits], "k--", linewidth=0.8)
    axes.set(xscale="log", xticks=[4, 8, 16, 32], xticklabels=[4, 8, 16, 32])
    axes.minorticks_off()


def _speed_error(axes: Any, rows: list[dict[str, Any]], roof: dict[str, Any]) -> None:
    _scatter(axes, rows, "output_rmse", "relative error of the outputs")
