"""A small reader of safetensors files for the verifier alone: it shares nothing with the code that writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Bits of one element, by the format's name of the dtype.
WIDTH = dict(
    [("BOOL", 8), ("U8", 8), ("I8", 8), ("U16", 16), ("I16", 16), ("U32", 32), ("I32", 32), ("U64", 64), ("I64", 64)]
    + [("F16", 16), ("BF16", 16), ("F32", 32), ("F64", 64), ("C64", 64), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6)]
    + [(f"F8_{kind}", 8) for kind in ("E5M2", "E4M3", "E8M0", "E4M3FNUZ", "E5M2FNUZ")]
)


class MalformedError(Exception):
    """A file is not what the safetensors format says it must be."""


@dataclass(frozen=True)
class Stored:
    """One tensor: its dtype, its shape and its raw bytes (a uint8 view of the mapped file)."""

    dtype: str
    shape: tuple[int, ...]
    raw: NDArray[np.uint8]


@dataclass(frozen=True)
class Container:
    """A safetensors file: its metadata, its tensors by name, and all its bytes (mapped, not read)."""

    metadata: dict[str, str]
    tensors: dict[str, Stored]
    raw: NDArray[np.uint8]


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `object_pairs_hook`: a JSON object whose names are all different, else `MalformedError`."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise MalformedError(f"the name {next(n for n in names if names.count(n) > 1)!r} occurs twice")
    return dict(pairs)


def parse_json(text: bytes) -> Any:
    """A JSON value without duplicate names; `MalformedError` otherwise."""
    try:
        return json.loads(text.decode(), object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from None


def open_container(path: Path) -> Container:
    """Map `path` and check its header; `MalformedError` says what is wrong, `OSError` that it cannot be read."""
    if path.stat().st_size < 8:
        raise MalformedError("shorter than 8 bytes")
    raw = np.memmap(path, np.uint8, "r")
    length = int.from_bytes(raw[:8].tobytes(), "little")
    if length > len(raw) - 8:
        raise MalformedError(f"its header of {length} bytes does not fit")
    header = parse_json(raw[8 : 8 + length].tobytes())
    if not isinstance(header, dict):
        raise MalformedError("its header is not an object")
    metadata = header.pop("__metadata__", {})
    if not (isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())):
        raise MalformedError("its metadata are not strings")
    body = raw[8 + length :]
    spans = {name: _span(name, entry) for name, entry in header.items()}
    position = 0
    for name in sorted(spans, key=spans.__getitem__):
        begin, end = spans[name]
        if begin != position:
            raise MalformedError(f"tensor {name!r} begins at {begin}, not where the one before it ends, {position}")
        position = end
    if position != len(body):
        raise MalformedError(f"its tensors end at {position}, its bytes at {len(body)}")
    tensors = {
        name: Stored(entry["dtype"], tuple(entry["shape"]), body[spans[name][0] : spans[name][1]])
        for name, entry in header.items()
    }
    return Container(metadata, tensors, raw)


def _span(name: str, entry: Any) -> tuple[int, int]:
    """The bytes that a header entry claims, after checking the entry in itself."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        plain = len(entry) == 3 and all(type(n) is int and n >= 0 for n in [*shape, begin, end])
        fits = plain and prod(shape) * WIDTH[dtype] == 8 * (end - begin)
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise MalformedError(f"tensor {name!r} has a wrong entry in the header")
    return begin, end
