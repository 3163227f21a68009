"""Quantized models, read: the metadata that say what they are, and their tensors put together again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from q35.errors import InputError
from q35.model.safetensors_io import FLOAT_DTYPES, Model, TensorInfo
from q35.model.scheme import Part, Scheme, make_scheme
from q35.model.select import PARTS, matrix_shape

FILE_SCHEMA = "q35.model/1"


@dataclass(frozen=True)
class Original:
    """A tensor as it was before it was quantized."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class PackedModel:
    """A quantized model over an opened `Model`: `originals` by name, and `copied`, the tensors kept as they were.

    Raises `InputError` when the metadata are missing or contradict the tensors.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        where = str(model.source)
        schema = model.metadata.get("q35.schema")
        if schema is None:
            raise InputError("this is not a quantized model", where, "`q35 quantize` makes one")
        if schema != FILE_SCHEMA:
            raise InputError(f"unknown kind of quantized model {schema!r}", where, f"this version reads {FILE_SCHEMA}")
        self.scheme = _scheme(model)
        self.originals = {item.name: item for item in _originals(model)}
        for item in self.originals.values():
            self._check_parts(item)
        parts = {f"{name}.{part}" for name in self.originals for part in PARTS}
        self.copied = {name: info for name, info in model.tensors.items() if name not in parts}
        if both := self.originals.keys() & self.copied.keys():
            raise InputError(f"tensor {min(both)!r} is there both quantized and not", where)

    def _check_parts(self, item: Original) -> None:
        """Refuse codes, steps and zero points that are not the ones that the shape asks for."""
        for name, dtype, shape in part_specs(item, self.scheme):
            info = self.model.tensors.get(name)
            if info is None:
                raise InputError(f"tensor {name!r} is missing", str(self.model.source))
            if (info.dtype, info.shape) != (dtype, shape):
                raise InputError(
                    f"tensor {name!r} is {info.dtype} {list(info.shape)}, not {dtype} {list(shape)}",
                    str(self.model.source),
                )

    def part(self, item: Original, first: int, rows: int) -> Part:
        """Rows `first` to `first + rows` of a quantized tensor; `InputError` for bytes that are no codes or no
        steps.
        """
        cols = matrix_shape(item.shape)[1]
        width = self.scheme.row_bytes(cols)
        where = f"{self.model.source}: tensor {item.name}"
        stored = self.model.array(f"{item.name}.codes", "u1", first * width, rows * width).reshape(rows, width)
        codes = self.scheme.load(stored, cols, where, first)
        shape = self.scheme.step_shape(rows, cols)
        start = first * shape[1] if len(shape) == 2 else 0
        steps = np.require(self.model.array(f"{item.name}.steps", "<f2", start, int(np.prod(shape))), None, ["A"])
        if not np.isfinite(steps).all():
            raise InputError(f"step {start + int(np.isfinite(steps).argmin())} is not finite", where)
        zero_points = self.model.array(f"{item.name}.zero_points", "i1") if self.scheme.affine else None
        return Part(codes, steps.reshape(shape), zero_points)


def part_specs(item: Original | TensorInfo, scheme: Scheme) -> list[tuple[str, str, tuple[int, ...]]]:
    """Name, dtype and shape of each tensor that stores a quantized one."""
    rows, cols = matrix_shape(item.shape)
    specs: list[tuple[str, str, tuple[int, ...]]] = [
        (f"{item.name}.codes", "U8", (rows, scheme.row_bytes(cols))),
        (f"{item.name}.steps", "F16", scheme.step_shape(rows, cols)),
    ]
    if scheme.affine:
        specs.append((f"{item.name}.zero_points", "I8", (cols,)))
    return specs


def _scheme(model: Model) -> Scheme:
    """The scheme that the metadata name, with the very table that this version knows."""
    where, metadata = str(model.source), model.metadata
    size = metadata.get("q35.block_size")
    if size is not None and not (size.isascii() and size.isdigit() and len(size) < 10):
        raise InputError(f"metadata q35.block_size is {size!r}", where)
    for key in ("q35.scheme", "q35.storage", "q35.table_sha256"):
        if key not in metadata:
            raise InputError(f"metadata {key} is missing", where)
    try:
        scheme = make_scheme(metadata["q35.scheme"], int(size) if size else None, metadata["q35.storage"])
    except InputError as error:
        raise InputError(error.what, where, error.fix) from None
    if scheme.table_sha256 != metadata["q35.table_sha256"]:
        raise InputError(f"made with another table for {scheme.id} than this version has", where)
    return scheme


def _originals(model: Model) -> list[Original]:
    where = str(model.source)
    try:
        value: Any = json.loads(model.metadata.get("q35.tensors", ""))
        items = [Original(name, entry["dtype"], tuple(entry["shape"])) for name, entry in value.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError("metadata q35.tensors is not a map of names to dtype and shape", where) from None
    for item in items:
        sizes_ok = item.shape and all(type(size) is int and size > 0 for size in item.shape)
        if item.dtype not in FLOAT_DTYPES or not sizes_ok:
            raise InputError(f"metadata q35.tensors: {item.name!r} is {item.dtype} {list(item.shape)}", where)
    return items
