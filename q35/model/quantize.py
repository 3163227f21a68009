"""`quantize`: a safetensors model to codes and steps, tensor by tensor in bounded memory, with a certificate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35.errors import InputError
from q35.files import canonical_json
from q35.model import certificate
from q35.model.exact import Figures, measure, ratio
from q35.model.packed import FILE_SCHEMA, part_specs
from q35.model.pending import PendingFile, commit_all
from q35.model.safetensors_io import Model, TensorInfo, TensorSpec, Writer
from q35.model.scheme import Scheme, make_scheme
from q35.model.select import matrix_shape, select

WEIGHTS_AT_ONCE = 1 << 17
BYTES_AT_ONCE = 1 << 24

Progress = Callable[[str, int, int], None]
"""Called with the tensor's name, the bytes of the model done so far and all its bytes."""


def silent(name: str, done: int, total: int) -> None:
    """A `Progress` that shows nothing."""


@dataclass(frozen=True)
class Request:
    """What to quantize and how; None is the format's default."""

    scheme: str | None = None
    block_size: int | None = None
    storage: str | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    force: bool = False


def quantize(source: Path, target: Path, request: Request, progress: Progress = silent) -> dict[str, Any]:
    """Quantize the model `source` to `target` and write the certificate beside it; the certificate's totals and the
    time.

    Both files appear whole or not at all. Raises `InputError` for bad input, an existing target without `force`, or
    files that cannot be written.
    """
    started = perf_counter()
    scheme = make_scheme(request.scheme, request.block_size, request.storage)
    beside = certificate.path_of(target)
    with Model(source) as model:
        if any(key.startswith("q35.") for key in model.metadata):
            raise InputError("this model is already quantized", str(source), "`q35 dequantize` gives ordinary weights")
        check_target(model, (target, beside), request.force)
        chosen = {info.name for info in select(model, request.include, request.exclude)}
        specs = [spec for info in model.tensors.values() for spec in _specs(info, info.name in chosen, scheme)]
        with PendingFile(target) as pending, PendingFile(beside) as pending_certificate:
            writer = Writer(pending, specs, _metadata(model, chosen, scheme))
            entries, total = _write_tensors(model, chosen, scheme, writer, progress)
            value = _certificate(model, scheme, sorted(entries, key=lambda entry: str(entry["name"])), total)
            sha256 = writer.finish({certificate.METADATA_KEY: certificate.digest(value)})
            value["output"] = {"size": writer.size, "sha256": sha256}
            pending_certificate.write_at(0, canonical_json(value))
            commit_all([pending_certificate, pending])
    seconds = perf_counter() - started
    return {
        "schema": "q35.quantized/1",
        "model": target.name,
        "certificate": beside.name,
        "sha256": sha256,
        "scheme": scheme.id,
        "block_size": scheme.block_size,
        "storage": scheme.storage,
        **value["totals"],
        "seconds": round(seconds, 3),
    }


def check_target(model: Model, targets: Sequence[Path], force: bool) -> None:
    """Refuse to write over the model that is read, ever, and over anything else without `force`."""
    for target in targets:
        for path in model.files:
            if target.exists() and target.samefile(path):
                raise InputError("this is the input itself", str(target), "name another file to write")
        if target.exists() and not force:
            raise InputError("exists already", str(target), "--force writes over it")


def _specs(info: TensorInfo, quantized: bool, scheme: Scheme) -> list[TensorSpec]:
    """The tensors of the output that stand for `info`."""
    if not quantized:
        return [TensorSpec(info.name, info.dtype, info.shape)]
    return [TensorSpec(*spec) for spec in part_specs(info, scheme)]


def _metadata(model: Model, chosen: set[str], scheme: Scheme) -> dict[str, str]:
    """The output's metadata; the digest of the certificate has its place, and gets its value last."""
    shapes = {name: {"dtype": model.tensors[name].dtype, "shape": list(model.tensors[name].shape)} for name in chosen}
    own = {
        "q35.schema": FILE_SCHEMA,
        "q35.scheme": scheme.id,
        "q35.storage": scheme.storage,
        "q35.table_sha256": scheme.table_sha256,
        certificate.METADATA_KEY: "0" * 64,
        "q35.tensors": json.dumps(shapes, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
    }
    if scheme.block_size is not None:
        own["q35.block_size"] = str(scheme.block_size)
    return {**model.metadata, **own}


def _write_tensors(
    model: Model, chosen: set[str], scheme: Scheme, writer: Writer, progress: Progress
) -> tuple[list[dict[str, Any]], Figures]:
    """Write every tensor; their certificate entries and the figures of all quantized ones together."""
    entries, total = [], Figures()
    done, size = 0, sum(info.size for info in model.tensors.values())
    for info in model.tensors.values():
        before = done

        def advance(part: int, info: TensorInfo = info, before: int = before) -> None:
            progress(info.name, before + part, size)

        if info.name in chosen:
            entry, figures = _quantize_tensor(model, info, scheme, writer, advance)
            total.add(figures)
        else:
            entry = _copy_tensor(model, info, writer, advance)
        entries.append(entry)
        done += info.size
    return entries, total


def _copy_tensor(model: Model, info: TensorInfo, writer: Writer, advance: Callable[[int], None]) -> dict[str, Any]:
    for start in range(0, info.size, BYTES_AT_ONCE):
        part = min(BYTES_AT_ONCE, info.size - start)
        writer.append(info.name, model.array(info.name, "u1", start, part))
        advance(start + part)
    return {**_identity(info, "copied"), "weights": info.elements, "sha256": writer.digest(info.name)}


def _identity(info: TensorInfo, action: str) -> dict[str, Any]:
    return {"name": info.name, "dtype": info.dtype, "shape": list(info.shape), "action": action}


def _quantize_tensor(
    model: Model, info: TensorInfo, scheme: Scheme, writer: Writer, advance: Callable[[int], None]
) -> tuple[dict[str, Any], Figures]:
    """Write one tensor's codes and steps in row chunks; its certificate entry and its figures."""
    rows, cols = matrix_shape(info.shape)
    at_once = max(1, WEIGHTS_AT_ONCE // cols)
    specs = [TensorSpec(*spec) for spec in part_specs(info, scheme)]
    ranges = _column_ranges(model, info, cols, at_once) if scheme.affine else None
    figures = Figures()
    for first, weights in model.float_rows(info.name, cols, at_once):
        _refuse_non_finite(weights, info, first, cols)
        part = scheme.quantize(weights, ranges)
        writer.append(f"{info.name}.codes", scheme.store(part.codes))
        if first == 0 or not scheme.affine:
            writer.append(f"{info.name}.steps", part.steps)
        if first == 0 and part.zero_points is not None:
            writer.append(f"{info.name}.zero_points", part.zero_points)
        figures.add(
            measure(
                weights,
                scheme.dequantize(part, cols),
                scheme.spread(part.steps, cols),
                scheme.promise(cols, part.zero_points),
            )
        )
        advance((first + len(weights)) * (info.size // rows))
    return {
        **_identity(info, "quantized"),
        **figures.texts(),
        "input_sha256": hashlib.sha256(model.array(info.name, "u1").data).hexdigest(),
        **{f"{spec.name.rpartition('.')[2]}_sha256": writer.digest(spec.name) for spec in specs},
        "bits_per_weight": ratio(Fraction(8 * sum(spec.size for spec in specs), info.elements)),
        "bound_theorem": scheme.theorem,
        "max_safe_k": scheme.max_safe_k(part.zero_points),
    }, figures


def _column_ranges(model: Model, info: TensorInfo, cols: int, at_once: int) -> NDArray[np.float32]:
    """The largest and the smallest weight of each column, `[2, cols]`."""
    ranges = np.zeros((2, cols), np.float32)
    for first, weights in model.float_rows(info.name, cols, at_once):
        _refuse_non_finite(weights, info, first, cols)
        ranges[0] = np.maximum(ranges[0], weights.max(axis=0))
        ranges[1] = np.minimum(ranges[1], weights.min(axis=0))
    return ranges


def _refuse_non_finite(weights: NDArray[np.float32], info: TensorInfo, first: int, cols: int) -> None:
    finite = np.isfinite(weights)
    if not finite.all():
        flat = first * cols + int(finite.argmin())
        index = ", ".join(str(int(i)) for i in np.unravel_index(flat, info.shape))
        raise InputError(
            f"tensor {info.name!r}: weight [{index}] is {float(weights[~finite][0])}",
            str(info.path),
            "weights must be finite; exclude this tensor or repair the model",
        )


def _certificate(model: Model, scheme: Scheme, entries: list[dict[str, Any]], total: Figures) -> dict[str, Any]:
    """The certificate but for its `output` section."""
    quantized = [entry for entry in entries if entry["action"] == "quantized"]
    size = sum(spec.size for entry in quantized for spec in _specs(model.tensors[entry["name"]], True, scheme))
    return {
        "schema": certificate.SCHEMA,
        "tool": certificate.describe_tool(),
        "kernels": scheme.describe_kernels(),
        "format": {
            "scheme": scheme.id,
            "block_size": scheme.block_size,
            "storage": scheme.storage,
            "formats_sha256": scheme.formats_sha256,
            "table_sha256": scheme.table_sha256,
        },
        "inputs": [certificate.describe_input(path) for path in model.files],
        "tensors": entries,
        "totals": {
            "tensors": len(entries),
            "quantized": len(quantized),
            "copied": len(entries) - len(quantized),
            "bytes": size,
            "bits_per_weight": ratio(Fraction(8 * size, total.weights)),
            **total.texts(),
        },
    }
