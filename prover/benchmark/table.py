"""A results document as tables: success with its interval, and contenders in pairs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_Z = 1.959964
"""Of the normal distribution, for 95 %."""
_RESAMPLES = 10_000

Success = dict[str, float]
"""The share of the seeds that proved each theorem."""


def proved(row: Mapping[str, Any]) -> bool:
    """A proof was found, and the gate accepts it."""
    return row["proof"] is not None and row["judged"] and row["refused"] is None


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927). `successes` need not be whole: theorems count, not attempts."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, _Z * _Z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def difference(first: Success, second: Success, seed: int = 0) -> tuple[float, float, float]:
    """How much larger the first share is, with its 95 % interval: a bootstrap over theorems, in pairs."""
    gaps = np.array([first[theorem] - second[theorem] for theorem in first])
    draws = np.random.default_rng(seed).integers(0, len(gaps), (_RESAMPLES, len(gaps)))
    low, high = np.quantile(gaps[draws].mean(axis=1), [0.025, 0.975])
    return float(gaps.mean()), float(low), float(high)


def success(document: Mapping[str, Any], contender: str) -> Success:
    """For every theorem that the contender had all its attempts at, the share of those that proved it."""
    found: dict[str, list[bool]] = {}
    for row in document["outcomes"]:
        if row["contender"] == contender:
            found.setdefault(row["theorem"], []).append(proved(row))
    seeds = len(document["seeds"])
    return {theorem: sum(each) / seeds for theorem, each in found.items() if len(each) == seeds}


def tables(document: Mapping[str, Any]) -> RenderableType:
    """Contenders, contenders in pairs, and what the gate refused."""
    names = [contender["name"] for contender in document["contenders"]]
    parts: list[RenderableType] = [_contenders(document, names)]
    if len(names) > 1:
        parts += [Text(), _pairs(document, names)]
    parts += [Text(), *map(Text, (*_refused(document), *_conditions(document)))]
    return Group(*parts)


def _contenders(document: Mapping[str, Any], names: Sequence[str]) -> Table:
    table = _table(f"{document['suite']}: theorems proved", "proved", "95 %", "tactics", "steps", "seconds")
    grades = sorted({problem["grade"] for problem in document["problems"]} - {None})
    for grade in grades:
        table.add_column(f"grade {grade}", justify="right")
    of_grade = {problem["theorem"]: problem["grade"] for problem in document["problems"]}
    for name in names:
        share = success(document, name)
        low, high = wilson(sum(share.values()), len(share))
        own = [row for row in document["outcomes"] if row["contender"] == name and proved(row)]
        by_grade = [[s for theorem, s in share.items() if of_grade[theorem] == grade] for grade in grades]
        table.add_row(
            name,
            f"{_percent(list(share.values()))} of {len(share)}",
            f"{low:.1%} to {high:.1%}",
            *(_mean([row[key] for row in own], form) for key, form in (("tactics", ".2f"), ("steps", ".0f"))),
            _mean([row["seconds"] for row in own], ".2f"),
            *map(_percent, by_grade),
        )
    return table


def _pairs(document: Mapping[str, Any], names: Sequence[str]) -> Table:
    """Every later contender against every earlier one; lengths and times where both have a proof."""
    table = _table("in pairs", "points more", "95 %", "tactics", "seconds")
    for place, second in enumerate(names):
        for first in names[place + 1 :]:
            ours, theirs = success(document, first), success(document, second)
            common = [theorem for theorem in ours if theorem in theirs]
            if not common:
                continue
            gap, low, high = difference({t: ours[t] for t in common}, {t: theirs[t] for t in common})
            table.add_row(
                f"{first} over {second}",
                f"{100 * gap:+.1f}",
                f"{100 * low:+.1f} to {100 * high:+.1f}",
                *(_ratio(document, first, second, key) for key in ("tactics", "seconds")),
            )
    return table


def _ratio(document: Mapping[str, Any], first: str, second: str, key: str) -> str:
    """The first one's sum over the second one's, of the attempts (theorem and seed) that both succeeded in."""
    of = {
        name: {(r["theorem"], r["seed"]): r[key] for r in document["outcomes"] if r["contender"] == name and proved(r)}
        for name in (first, second)
    }
    both = of[first].keys() & of[second].keys()
    below = sum(of[second][attempt] for attempt in both)
    return f"{sum(of[first][attempt] for attempt in both) / below:.2f}x of {len(both)}" if below else ""


def _refused(document: Mapping[str, Any]) -> list[str]:
    """What was found and did not count, each with the first line of the gate's reason."""
    rows = [(row, row["refused"].partition("\n")[0]) for row in document["outcomes"] if row["refused"] is not None]
    return [f"refused: {r['theorem']}, {r['contender']}, seed {r['seed']}: {reason}" for r, reason in rows]


def _conditions(document: Mapping[str, Any]) -> list[str]:
    """What a figure is worth nothing without."""
    machine, lean = document["machine"], document["lean"]
    done = len(document["outcomes"])
    due = len(document["problems"]) * len(document["seeds"]) * len(document["contenders"])
    unjudged = sum(not row["judged"] for row in document["outcomes"])
    return [
        f"{document['budget']['seconds']:g} s an attempt, seeds {', '.join(map(str, document['seeds']))}, "
        f"splits {', '.join(document['splits'])}; {machine['processor']}, {machine['cores']} cores",
        ", ".join(f"{key} {value}" for key, value in lean.items()),
        *([f"unfinished: {done} of {due} attempts, {unjudged} proofs not judged"] if done < due or unjudged else []),
    ]


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _percent(shares: Sequence[float]) -> str:
    return f"{statistics.fmean(shares):.1%}" if shares else ""


def _mean(values: Sequence[float], form: str) -> str:
    return format(statistics.fmean(values), form) if values else ""
