"""A benchmark document as tables for a terminal: speed beside accuracy, and ours over the best peer."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

NOT_MEASURED = "not measured"


def tables(document: dict[str, Any]) -> RenderableType:
    """One table a shape (and number of threads), then this machine's limits and what was not measured."""
    parts: list[RenderableType] = []
    # On a GPU each cell that was not measured says so in its table.
    missing = document["not_measured"] if "device" in document else []
    for rows in _cases([*document["results"], *missing]):
        parts += [_table(_title(rows[0]), document["contenders"], rows), Text()]
    limits = _gpu_limits(document) if "device" in document else _limits(document)
    parts += [Text(line) for line in (*_summary(document), *limits, *_not_measured(document))]
    return Group(*parts)


def _cases(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Those of one shape and number of threads together."""
    cases: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        cases.setdefault((row["inputs"], row["outputs"], row.get("threads")), []).append(row)
    return list(cases.values())


def _title(row: dict[str, Any]) -> str:
    threads = f", {row['threads']} thread{'s' if row['threads'] > 1 else ''}" if "threads" in row else ""
    return f"{row['inputs']} x {row['outputs']}{threads}, milliseconds"


def _cell(row: dict[str, Any]) -> str:
    """The heading of a column: rows of activations, and on a processor cold or hot."""
    return " ".join(filter(None, (f"M={row['rows']}", row.get("state"))))


def _cells(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(map(_cell, rows)))


def _times(rows: list[dict[str, Any]], cell: str) -> dict[str, float]:
    """The milliseconds of a column by contender."""
    return {row["contender"]: row["milliseconds"] for row in rows if "milliseconds" in row and _cell(row) == cell}


def _table(title: str, contenders: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Table:
    cells = _cells(rows)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for heading in ("bits", "error", "outputs", *cells):
        table.add_column(heading, justify="right", no_wrap=True)
    for contender in contenders:
        own = [row for row in rows if row["contender"] == contender["name"]]
        if own:
            table.add_row(escape(contender["title"]), *_errors(own), *(_shown(rows, contender, cell) for cell in cells))
    for contender in contenders:
        ratios = [_ratio(contender, contenders, rows, cell) for cell in cells]
        if any(ratios):
            shown = [f"{ratio:.2f}x" if ratio else "" for ratio in ratios]
            table.add_row(f"{escape(contender['title'])}: faster than the best peer", "", "", "", *shown)
    for contender in contenders:
        for key, what in (("copy_share", "of the copy bandwidth"), ("peak_share", "of the matrix peak")):
            shares = {_cell(row): row[key] for row in rows if row["contender"] == contender["name"] and row.get(key)}
            if contender["ours"] and shares:
                shown = [f"{shares[cell]:.0%}" if cell in shares else "" for cell in cells]
                table.add_row(f"{escape(contender['title'])}: {what}", "", "", "", *shown)
    return table


def _errors(own: list[dict[str, Any]]) -> list[str]:
    """Bits a weight and the errors of a contender's first result."""
    for row in own:
        if "milliseconds" in row:
            return [f"{row['bits_per_weight']:.2f}", f"{row['weight_rmse']:.3f}", f"{row['output_rmse']:.3f}"]
    return ["", "", ""]


def _shown(rows: list[dict[str, Any]], contender: dict[str, Any], cell: str) -> str:
    """One time, in bold if it is the best of its column; or that there is none."""
    times = _times(rows, cell)
    if contender["name"] not in times:
        return NOT_MEASURED if any(r["contender"] == contender["name"] and _cell(r) == cell for r in rows) else ""
    text = f"{times[contender['name']]:.3g}"
    return f"[bold]{text}[/bold]" if times[contender["name"]] == min(times.values()) else text


def _ratio(
    contender: dict[str, Any], contenders: list[dict[str, Any]], rows: list[dict[str, Any]], cell: str
) -> float | None:
    """How many times faster than the fastest peer one of ours is; None for a peer, and where either is missing."""
    times = _times(rows, cell)
    others = [times[peer["name"]] for peer in contenders if not peer["ours"] and peer["name"] in times]
    own = times.get(contender["name"])
    return min(others) / own if contender["ours"] and others and own else None


def _summary(document: dict[str, Any]) -> list[str]:
    """How many times faster than the fastest peer each of ours is: the least and the most over all tables."""
    results, lines = document["results"], []
    for contender in document["contenders"]:
        spans = []
        for cell in _cells(results):
            found = [_ratio(contender, document["contenders"], rows, cell) for rows in _cases(results)]
            ratios = [ratio for ratio in found if ratio]
            if ratios:
                spans.append(f"{cell} {min(ratios):.2f} to {max(ratios):.2f}")
        if spans:
            lines.append(f"{contender['title']}, times as fast as the best peer: {', '.join(spans)}")
    return lines


def _gpu_limits(document: dict[str, Any]) -> list[str]:
    """What the GPU is and can do at most, one line; none where there is no GPU."""
    device, limits = document["device"], document["limits"]
    if limits is None:
        return []
    driver = f", driver {device['driver']}" if device["driver"] else ""
    clock = limits["clocks_mhz"]["processors"]
    peaks = [
        f"{label} {'unknown' if limits[key] is None else f'{limits[key]:.4g} Top/s'}"
        for label, key in (("fp16", "f16_top_s"), ("bf16", "bf16_top_s"), ("int8", "s8_top_s"))
    ]
    return [
        f"{device['name']}{driver}, torch {device['torch']}; it can do at most",
        f"  copy {limits['copy_gb_s']:.4g} GB/s, {', '.join(peaks)}" + (f" at {clock:.0f} MHz" if clock else ""),
    ]


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
    reasons = {entry["reason"] for entry in document["not_measured"]}
    if not document["results"] and len(reasons) == 1:
        return [f"{NOT_MEASURED}: {reasons.pop()}"]
    titles = {contender["name"]: contender["title"] for contender in document["contenders"]}
    places: dict[tuple[str, str], list[str]] = {}
    for entry in document["not_measured"]:
        place = f"{entry['inputs']}x{entry['outputs']}"
        if entry["rows"] is not None:
            place += f" M={entry['rows']}" + (f" {entry['threads']}T" if "threads" in entry else "")
        places.setdefault((titles[entry["contender"]], entry["reason"]), []).append(place)
    return [f"{NOT_MEASURED}: {title}: {reason} ({', '.join(where)})" for (title, reason), where in places.items()]
