"""Data sets of tactic steps, `q35.tactic-steps/1`: JSON lines, gzip where the name ends in `.gz`.

The first line is a header with the counts and where the steps are from; every other line is one step of one proof.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from q35.errors import InputError
from q35.files import write_whole

SCHEMA = "q35.tactic-steps/1"

Source = Literal["mathlib", "library", "generated", "field"]
Split = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)
SOURCES: tuple[Source, ...] = get_args(Source)


@dataclass(frozen=True)
class TacticStep:
    """One step of a proof.

    `before` are the tactics that precede it in the proof, in order. `state` is the text of the goals that it acted on,
    the main one first, separated by blank lines; None where only the proof's text is known. `remaining` is the number
    of tactics that the branch still needs, this one included. `tried` are other tactics that were run on the state, and
    whether each closed it; a file leaves it out where there are none.
    """

    source: Source
    file: str
    theorem: str
    statement: str
    before: tuple[str, ...]
    state: str | None
    tactic: str
    remaining: int
    split: Split
    tried: tuple[tuple[str, bool], ...] = ()


_NAMES = tuple(field.name for field in fields(TacticStep))
_OPTIONAL = "tried"
_LINES_AT_ONCE = 1 << 14


def write_steps(path: Path, steps: Iterable[TacticStep], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Write a data set whole or not at all; its header, with `provenance` (anything JSON) in it.

    The steps are read once. The file is made in memory, so name it `.gz` where there are many. The same steps and
    provenance give the same bytes. Raises `InputError` when it cannot be written.
    """
    counts: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    theorems = set()
    parts, lines = [], []
    for step in steps:
        lines.append(_line({name: getattr(step, name) for name in _NAMES if name != _OPTIONAL or step.tried}))
        counts[step.split] += 1
        sources[step.source] += 1
        theorems.add((step.source, step.file, step.theorem))
        if len(lines) == _LINES_AT_ONCE:
            parts.append(_packed(path, lines))
            lines = []
    parts.append(_packed(path, lines))
    header = {
        "schema": SCHEMA,
        "steps": counts.total(),
        "theorems": len(theorems),
        "splits": {split: counts[split] for split in SPLITS},
        "sources": dict(sorted(sources.items())),
        "provenance": dict(provenance),
    }
    write_whole(path, b"".join([_packed(path, [_line(header)]), *parts]))
    return header


def read_header(path: Path) -> dict[str, Any]:
    """The first line of a data set. Raises `InputError` when the file is missing or no data set."""
    with closing(_values(path)) as values:
        return _header(path, values)


def read_steps(path: Path) -> Iterator[TacticStep]:
    """The steps of a data set in order. Raises `InputError` with file and line for anything that is not one.

    A file with another number of steps than its header says is an error too.
    """
    with closing(_values(path)) as values:
        expected, count = _header(path, values)["steps"], 0
        for number, value in values:
            yield _step(value, f"{path}:{number}")
            count += 1
    if count != expected:
        raise InputError(f"has {count} steps, but its header says {expected}", str(path))


def _header(path: Path, values: Iterator[tuple[int, Any]]) -> dict[str, Any]:
    number, header = next(values, (1, None))
    if not isinstance(header, dict) or header.get("schema") != SCHEMA or type(header.get("steps")) is not int:
        raise InputError(f"no header of schema {SCHEMA}", f"{path}:{number}")
    return header


def _values(path: Path) -> Generator[tuple[int, Any], None, None]:
    """The lines of a file as JSON values, with their numbers from 1."""
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                number += 1
                yield number, json.loads(line)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", f"{path}:{number}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read: {error}", str(path)) from None


def _step(value: Any, where: str) -> TacticStep:
    if not isinstance(value, dict) or set(value) | {_OPTIONAL} != set(_NAMES):
        raise InputError(f"not a tactic step: its fields must be {', '.join(_NAMES)}", where)
    texts = [value[name] for name in ("file", "theorem", "statement", "tactic")]
    before, state, remaining = value["before"], value["state"], value["remaining"]
    tried = value.get(_OPTIONAL, [])
    wrong = [
        name
        for name, good in (
            ("source", value["source"] in SOURCES),
            ("split", value["split"] in SPLITS),
            ("texts", all(isinstance(text, str) for text in texts)),
            ("before", isinstance(before, list) and all(isinstance(tactic, str) for tactic in before)),
            ("state", state is None or isinstance(state, str)),
            ("remaining", type(remaining) is int and remaining >= 1),
            (_OPTIONAL, isinstance(tried, list) and all(_is_tried(pair) for pair in tried)),
        )
        if not good
    ]
    if wrong:
        raise InputError(f"not a tactic step: wrong {', '.join(wrong)}", where)
    return TacticStep(**{**value, "before": tuple(before), _OPTIONAL: tuple((text, closed) for text, closed in tried)})


def _is_tried(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], bool)


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _packed(path: Path, lines: list[bytes]) -> bytes:
    """The lines as they stand in a file of this name.

    Several gzip files one after the other are one: so the header can come first though it is known last. No date is
    written, so that the same text gives the same bytes.
    """
    text = b"".join(lines)
    return gzip.compress(text, compresslevel=6, mtime=0) if path.suffix == ".gz" else text
