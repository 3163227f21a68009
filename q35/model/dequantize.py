"""`dequantize`: a quantized model back to an ordinary safetensors file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35.errors import InputError
from q35.model import certificate
from q35.model.packed import Original, PackedModel
from q35.model.pending import PendingFile, commit_all
from q35.model.quantize import BYTES_AT_ONCE, WEIGHTS_AT_ONCE, Progress, check_target, silent
from q35.model.safetensors_io import FLOAT_DTYPES, Model, TensorSpec, Writer
from q35.model.select import matrix_shape


def dequantize(
    source: Path, target: Path, dtype: str | None = None, force: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """Write the model that `source` stands for, with the original names and shapes, in `dtype` or the original dtypes.

    F32 holds every dequantized weight exactly; F16 and BF16 are rounded to nearest, ties to even, and what exceeds
    the largest float16 becomes 65504 with its sign. The other tensors are copied bit for bit. A certificate that lies
    beside `source` must be its own. Raises `InputError` for bad input or files that cannot be written.
    """
    started = perf_counter()
    if dtype is not None and dtype not in FLOAT_DTYPES:
        raise InputError(f"unknown dtype {dtype!r}", None, f"choose {', '.join(FLOAT_DTYPES)}")
    with Model(source) as model:
        packed = PackedModel(model)
        check_target(model, (target,), force)
        if certificate.path_of(source).exists():
            certificate.read(certificate.path_of(source), model.metadata, source)
        specs = [TensorSpec(info.name, info.dtype, info.shape) for info in packed.copied.values()]
        specs += [TensorSpec(item.name, dtype or item.dtype, item.shape) for item in packed.originals.values()]
        metadata = {key: value for key, value in model.metadata.items() if not key.startswith("q35.")}
        with PendingFile(target) as pending:
            writer = Writer(pending, specs, metadata)
            _write(packed, {spec.name: spec.dtype for spec in specs}, writer, progress)
            sha256 = writer.finish({})
            commit_all([pending])
    return {
        "schema": "q35.dequantized/1",
        "model": target.name,
        "sha256": sha256,
        "tensors": len(specs),
        "dequantized": len(packed.originals),
        "bytes": writer.size,
        "seconds": round(perf_counter() - started, 3),
    }


def _write(packed: PackedModel, dtypes: dict[str, str], writer: Writer, progress: Progress) -> None:
    total, done = writer.size, 0
    for info in packed.copied.values():
        for start in range(0, info.size, BYTES_AT_ONCE):
            part = packed.model.array(info.name, "u1", start, min(BYTES_AT_ONCE, info.size - start))
            writer.append(info.name, part)
            done += len(part)
            progress(info.name, done, total)
    for item in packed.originals.values():

        def advance(size: int, item: Original = item) -> None:
            nonlocal done
            done += size
            progress(item.name, done, total)

        _write_weights(packed, item, dtypes[item.name], writer, advance)


def _write_weights(
    packed: PackedModel, item: Original, dtype: str, writer: Writer, advance: Callable[[int], None]
) -> None:
    rows, cols = matrix_shape(item.shape)
    at_once = max(1, WEIGHTS_AT_ONCE // cols)
    for first in range(0, rows, at_once):
        part = packed.part(item, first, min(at_once, rows - first))
        data = convert(packed.scheme.dequantize(part, cols), dtype)
        writer.append(item.name, data)
        advance(data.nbytes)


def convert(weights: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    """Finite float32 in the bytes of F32, F16 or BF16: to nearest, ties to even, F16 saturating at 65504."""
    if dtype == "F32":
        return weights
    if dtype == "F16":
        return np.clip(weights, -65504, 65504).astype("<f2")
    bits = weights.view(np.uint32)
    return ((bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))) >> np.uint32(16)).astype("<u2")
