"""A benchmark document as tables for a terminal: speed beside accuracy, and ours over the best peer."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

Cell = tuple[int, str]
"""Rows of activations, and cold or hot."""


def tables(document: dict[str, Any]) -> RenderableType:
    """One table a shape and number of threads, then this machine's limits and what was not measured."""
    results = document["results"]
    parts: list[RenderableType] = []
    for inputs, outputs, threads in dict.fromkeys((row["inputs"], row["outputs"], row["threads"]) for row in results):
        case = {"inputs": inputs, "outputs": outputs, "threads": threads}
        chosen = [row for row in results if row.items() >= case.items()]
        title = f"{inputs} x {outputs}, {threads} thread{'s' if threads > 1 else ''}, milliseconds"
        parts += [_table(title, document["contenders"], chosen), Text()]
    parts += [Text(line) for line in (*_summary(document), *_limits(document), *_not_measured(document))]
    return Group(*parts)


def _table(title: str, contenders: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Table:
    cells: list[Cell] = list(dict.fromkeys((row["rows"], row["state"]) for row in rows))
    times = {(row["contender"], row["rows"], row["state"]): row["milliseconds"] for row in rows}
    best = {cell: min(row["milliseconds"] for row in rows if (row["rows"], row["state"]) == cell) for cell in cells}
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    headings = ("bits", "error", "outputs", *(f"M={count} {state}" for count, state in cells))
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for contender in contenders:
        own = [row for row in rows if row["contender"] == contender["name"]]
        if not own:
            continue
        shown = [f"{own[0]['bits_per_weight']:.2f}", f"{own[0]['weight_rmse']:.3f}", f"{own[0]['output_rmse']:.3f}"]
        for cell in cells:
            time = times.get((contender["name"], *cell))
            text = "" if time is None else f"{time:.3g}"
            shown.append(f"[bold]{text}[/bold]" if time == best[cell] else text)
        table.add_row(escape(contender["title"]), *shown)
    for contender in contenders:
        ratios = [_ratio(contender, contenders, rows, cell) for cell in cells]
        if any(ratios):
            shown = [f"{ratio:.2f}x" if ratio else "" for ratio in ratios]
            table.add_row(f"{escape(contender['title'])}: faster than the best peer", "", "", "", *shown)
    return table


def _ratio(
    contender: dict[str, Any], contenders: list[dict[str, Any]], rows: list[dict[str, Any]], cell: Cell
) -> float | None:
    """How many times faster than the fastest peer one of ours is; None for a peer, and where either is missing."""
    times = {row["contender"]: row["milliseconds"] for row in rows if (row["rows"], row["state"]) == cell}
    others = [times[peer["name"]] for peer in contenders if not peer["ours"] and peer["name"] in times]
    own = times.get(contender["name"])
    return min(others) / own if contender["ours"] and others and own else None


def _summary(document: dict[str, Any]) -> list[str]:
    """How many times faster than the fastest peer each of ours is: the least and the most over all tables."""
    results, lines = document["results"], []
    cases: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in results:
        cases.setdefault((row["inputs"], row["outputs"], row["threads"]), []).append(row)
    for contender in document["contenders"]:
        spans = []
        for cell in dict.fromkeys((row["rows"], row["state"]) for row in results):
            found = [_ratio(contender, document["contenders"], rows, cell) for rows in cases.values()]
            ratios = [ratio for ratio in found if ratio]
            if ratios:
                spans.append(f"M={cell[0]} {cell[1]} {min(ratios):.2f} to {max(ratios):.2f}")
        if spans:
            lines.append(f"{contender['title']}, times as fast as the best peer: {', '.join(spans)}")
    return lines


def _limits(document: dict[str, Any]) -> list[str]:
    """This machine's limits, one line a number of threads."""
    machine = document["machine"]
    name = f"{machine['processor']}, {machine['cores']} cores, load {machine['load']} before the run"
    lines = [f"{name}; it can do at most"]
    for roof in document["rooflines"]:
        numbers = [
            f"{label} {'not covered' if roof[key] is None else f'{roof[key]:.3g} {unit}'}"
            for label, key, unit in (
                ("memory", "memory_gb_s", "GB/s"),
                ("L3", "l3_gb_s", "GB/s"),
                ("fp32", "fp32_gop_s", "Gop/s"),
                ("VNNI", "vnni_gop_s", "Gop/s"),
                ("AMX int8", "amx_int8_gop_s", "Gop/s"),
            )
        ]
        lines.append(f"  {roof['threads']} thread{'s' if roof['threads'] > 1 else ''}: {', '.join(numbers)}")
    return lines


def _not_measured(document: dict[str, Any]) -> list[str]:
    """Each contender and reason once, with where that happened unless it was everywhere."""
    titles = {contender["name"]: contender["title"] for contender in document["contenders"]}
    places: dict[tuple[str, str], list[str]] = {}
    for entry in document["not_measured"]:
        place = f"{entry['inputs']}x{entry['outputs']}"
        if entry["rows"] is not None:
            place += f" M={entry['rows']} {entry['threads']}T"
        places.setdefault((titles[entry["contender"]], entry["reason"]), []).append(place)
    return [f"not measured: {title}: {reason} ({', '.join(where)})" for (title, reason), where in places.items()]
