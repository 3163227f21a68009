"""Small models for the tests of model files, written without the code under test."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMPY = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "U8": "u1", "I8": "i1"}


def tensor(dtype: str, values: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    """`values` as a tensor of `dtype`; BF16 by truncation."""
    if dtype == "BF16":
        return dtype, (values.astype(np.float32).view(np.uint32) >> 16).astype("<u2")
    return dtype, values.astype(NUMPY[dtype])


def normal(shape: tuple[int, ...], dtype: str = "F32", seed: int = 0, scale: float = 0.05) -> tuple[str, NDArray[Any]]:
    """A tensor of normal weights."""
    return tensor(dtype, np.random.default_rng(seed).standard_normal(shape) * scale)


def write(
    path: Path, tensors: Mapping[str, tuple[str, NDArray[Any]]], metadata: Mapping[str, str] | None = None
) -> Path:
    """A safetensors file, its tensors in the given order."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name, (dtype, values) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [position, position + values.nbytes],
        }
        position += values.nbytes
    return write_raw(path, header, b"".join(values.tobytes() for _, values in tensors.values()))


def write_raw(path: Path, header: Any, data: bytes) -> Path:
    """A file with any header (bytes, or a value to be made JSON) and data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def read_header(path: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the data of a safetensors file."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def write_sharded(folder: Path, tensors: Mapping[str, tuple[str, NDArray[Any]]], shards: int = 2) -> Path:
    """The model in several files with an index; the index's path."""
    folder.mkdir(exist_ok=True)
    weight_map = {}
    for number in range(shards):
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        part = {key: tensors[key] for key in list(tensors)[number::shards]}
        write(folder / name, part)
        weight_map |= dict.fromkeys(part, name)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}))
    return index


def certificate_of(out: Path) -> Path:
    return out.with_name(out.name + ".cert.json")


def forge(
    out: Path, change: Callable[[dict[str, Any]], None], data: Callable[[bytearray, dict[str, Any]], None] | None = None
) -> None:
    """Change a certificate (and the model file's data), then make all digests consistent again.

    What is left for a verifier to find is the untrue statement itself.
    """
    path = certificate_of(out)
    value = json.loads(path.read_text())
    change(value)
    header, raw = read_header(out)
    body = bytearray(raw)
    if data:
        data(body, header)
        for entry in value["tensors"]:
            for key in [key for key in entry if key.endswith("_sha256") and key != "input_sha256"]:
                begin, end = header[f"{entry['name']}.{key.removesuffix('_sha256')}"]["data_offsets"]
                entry[key] = hashlib.sha256(body[begin:end]).hexdigest()

    def text(item: object) -> bytes:
        return (json.dumps(item, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()

    header["__metadata__"]["q35.certificate_sha256"] = hashlib.sha256(
        text({key: item for key, item in value.items() if key != "output"})
    ).hexdigest()
    write_raw(out, json.dumps(header, ensure_ascii=False).encode(), bytes(body))
    value["output"] = {"size": out.stat().st_size, "sha256": hashlib.sha256(out.read_bytes()).hexdigest()}
    path.write_bytes(text(value))
