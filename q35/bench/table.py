"""A benchmark document as tables for a terminal: speed beside accuracy, and ours over the best peer."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from q35.errors import InputError

NOT_MEASURED = "not measured"


def tables(document: dict[str, Any], against: str | None = None) -> RenderableType:
    """One table a shape (and number of threads), then this machine's limits and what was not measured.

    `against`: the name of the only peer to show and to compare with. Raises InputError when it is not one of them.
    """
    if against is not None:
        document = _with_one_peer(document, against)
    parts: list[RenderableType] = []
    # On a GPU each cell that was not measured says so in its table.
    missing = document["not_measured"] if "device" in document else []
    for rows in _cases([*document["results"], *missing]):
        parts += [_table(document, rows), Text()]
    limits = _gpu_limits(document) if "device" in document else _limits(document)
    parts += [Text(line) for line in (*_summary(document), *limits, *_not_measured(document))]
    return Group(*parts)


def _with_one_peer(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The document without all other peers."""
    kept = [contender for contender in document["contenders"] if contender["ours"] or contender["name"] == name]
    peers = [contender["name"] for contender in document["contenders"] if not contender["ours"]]
    if name not in peers:
        raise InputError(f"no peer is called {name!r}", fix=f"one of {', '.join(peers)}")
    names = {contender["name"] for contender in kept}
    rows = {key: [row for row in document[key] if row["contender"] in names] for key in ("results", "not_measured")}
    return {**document, "contenders": kept, **rows}


def _rival(contenders: list[dict[str, Any]]) -> str:
    """What ours are compared with."""
    peers = [contender["title"] for contender in contenders if not contender["ours"]]
    return peers[0] if len(peers) == 1 else "the best peer"


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


def _table(document: dict[str, Any], rows: list[dict[str, Any]]) -> Table:
    contenders, cells = document["contenders"], _cells(rows)
    table = Table(title=_title(rows[0]), title_justify="left", box=None, pad_edge=False)
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
            table.add_row(f"{escape(contender['title'])}: faster than {escape(_rival(contenders))}", "", "", "", *shown)
    for contender in contenders:
        own = [row for row in rows if row["contender"] == contender["name"] and "milliseconds" in row]
        for what, by_cell in _shares(document, own).items() if contender["ours"] else ():
            shown = [by_cell.get(cell, "") for cell in cells]
            table.add_row(f"{escape(contender['title'])}: {what}", "", "", "", *shown)
    return table


def _shares(document: dict[str, Any], own: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """What a contender's results make of the machine, by column."""
    if "device" in document:
        told = {"of the copy bandwidth": "copy_share", "of the matrix peak": "peak_share"}
        shares = {what: {_cell(row): f"{row[key]:.0%}" for row in own if row.get(key)} for what, key in told.items()}
    else:
        shares = {
            "of the limit that binds": {_cell(row): _share(document, row) for row in own},
            "cycles for 64 weights and a row": {_cell(row): f"{row['cycles_per_64_weights']:.3g}" for row in own},
        }
    return {what: by_cell for what, by_cell in shares.items() if by_cell}


def _share(document: dict[str, Any], row: dict[str, Any]) -> str:
    """How near a result is to what the machine can do: the least time for reading the weights or for multiplying,
    whichever is longer, over its own. Weights come from memory, and hot ones from a cache that holds them.
    """
    roof = next(roof for roof in document["rooflines"] if roof["threads"] == row["threads"])
    products = row["inputs"] * row["outputs"]
    weight_bytes = products * row["bits_per_weight"] / 8
    largest_cache = max((cache["bytes"] for cache in document["machine"]["caches"]), default=0)
    cached = row["state"] == "hot" and weight_bytes <= largest_cache
    source, key = ("L3", "l3_gb_s") if cached else ("memory", "memory_gb_s")
    least = {source: weight_bytes / roof[key] / 1e6}
    unit, peak = ("AMX", roof["amx_int8_gop_s"]) if roof["amx_int8_gop_s"] else ("VNNI", roof["vnni_gop_s"])
    if peak:
        least[unit] = 2 * products * row["rows"] / peak / 1e6
    binding = max(least, key=lambda limit: least[limit])
    return f"{least[binding] / row['milliseconds']:.0%} {binding}"


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
            rival = _rival(document["contenders"])
            lines.append(f"{contender['title']}, times as fast as {rival}: {', '.join(spans)}")
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
