"""`inspect`: what a safetensors file holds; for a quantized one the scheme, the bits and the certified errors."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from q35.model import certificate
from q35.model.exact import from_dyadic
from q35.model.packed import Original, PackedModel, part_specs
from q35.model.safetensors_io import BITS, Model, TensorInfo
from q35.model.scheme import Scheme


def inspect(source: Path) -> dict[str, Any]:
    """A description of the model in plain JSON values: `format` (None for an ordinary model), `tensors`, `totals`.

    The errors are those of the certificate beside a quantized file, None when there is none; `InputError` when it
    belongs to another file.
    """
    with Model(source) as model:
        if "q35.schema" not in model.metadata:
            tensors = [_plain(info) for info in model.tensors.values()]
            return _description(source, None, None, tensors, model)
        packed = PackedModel(model)
        beside = certificate.path_of(source)
        certified = certificate.read(beside, model.metadata, source) if beside.exists() else None
        entries = {entry["name"]: entry for entry in certified["tensors"]} if certified else {}
        tensors = [_quantized(item, packed.scheme, entries.get(item.name)) for item in packed.originals.values()]
        tensors += [_plain(info) for info in packed.copied.values()]
        scheme = packed.scheme
        format_ = {
            "scheme": scheme.id,
            "block_size": scheme.block_size,
            "storage": scheme.storage,
            "table_sha256": scheme.table_sha256,
        }
        return _description(source, format_, certified, sorted(tensors, key=lambda entry: str(entry["name"])), model)


def _description(
    source: Path,
    format_: dict[str, Any] | None,
    certified: dict[str, Any] | None,
    tensors: list[dict[str, Any]],
    model: Model,
) -> dict[str, Any]:
    return {
        "schema": "q35.inspected/1",
        "model": source.name,
        "files": [path.name for path in model.files],
        "metadata": model.metadata,
        "format": format_,
        "certificate": None
        if certified is None
        else {
            "sha256": certificate.digest(certified),
            "tool": certified["tool"],
            "kernels": certified["kernels"],
            "totals": certified["totals"],
        },
        "tensors": tensors,
        "totals": {
            "tensors": len(tensors),
            "quantized": sum(entry["action"] == "quantized" for entry in tensors),
            "bytes": sum(info.size for info in model.tensors.values()),
        },
    }


def _plain(info: TensorInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "dtype": info.dtype,
        "shape": list(info.shape),
        "action": "copied",
        "bytes": info.size,
        "bits_per_weight": float(BITS[info.dtype]),
        "relative_rmse": None,
        "largest_error": None,
        "error_bound": None,
        "outside_region": None,
    }


def _quantized(item: Original, scheme: Scheme, entry: dict[str, Any] | None) -> dict[str, Any]:
    """One quantized tensor; errors as floats, for reading, the exact ones being in the certificate."""
    size = sum(prod(shape) * BITS[dtype] // 8 for _, dtype, shape in part_specs(item, scheme))
    errors: dict[str, Any] = dict.fromkeys(("relative_rmse", "largest_error", "error_bound", "outside_region"))
    if entry is not None:
        numerator, denominator = map(int, entry["error_bound"].split("/"))
        errors = {
            "relative_rmse": float(entry["relative_rmse"]),
            "largest_error": float(from_dyadic(entry["largest_error"])),
            "error_bound": numerator / denominator,
            "outside_region": entry["outside_region"],
        }
    return {
        "name": item.name,
        "dtype": item.dtype,
        "shape": list(item.shape),
        "action": "quantized",
        "bytes": size,
        "bits_per_weight": 8 * size / prod(item.shape),
        **errors,
    }
