"""safetensors files, read by memory map and written as a stream, both in bounded memory.

The format: 8 bytes little-endian N, N bytes of JSON `{name: {dtype, shape, data_offsets}}` with an optional
`__metadata__` of strings, then the tensors' bytes, which must cover the rest of the file without hole or overlap.
Everything of that is checked before a tensor is touched, so that a file that lies gives one `InputError` naming the
file and the tensor.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from q35.errors import InputError
from q35.model.pending import PendingFile

MAX_HEADER = 100_000_000  # bytes; the limit of the format's own implementation
BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
FLOAT_DTYPES = ("F32", "F16", "BF16")  # those that float32 holds exactly
INDEX_SUFFIX = ".safetensors.index.json"


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies: `begin` and `end` are byte offsets from the start of `path`."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path
    begin: int
    end: int

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.begin


@dataclass(frozen=True)
class TensorSpec:
    """A tensor to be written."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return prod(self.shape) * BITS[self.dtype] // 8


class Model:
    """An opened model: one safetensors file, or several with an index. A context manager; closing unmaps the files.

    `tensors` maps names to `TensorInfo` in the order of the files and, within one, of the bytes. `files` are all files
    read, the index first. Raises `InputError` for anything that is missing, malformed or contradictory.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.metadata: dict[str, str] = {}
        self.tensors: dict[str, TensorInfo] = {}
        self._maps: dict[Path, mmap.mmap] = {}
        index, shards = find_files(source)
        self.files = [index] if index else []
        try:
            for path in shards:
                self._open(path)
            if index:
                _check_index(index, self.tensors)
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                header, tensors = read_header(path, file.fileno())
                self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise InputError(f"cannot read: {error.strerror or error}", str(path)) from None
        self.files.append(path)
        for key, value in header.items():
            if self.metadata.setdefault(key, value) != value:
                raise InputError(f"metadata {key!r} differs from that of another shard", str(path))
        for info in tensors:
            if other := self.tensors.get(info.name):
                raise InputError(f"tensor {info.name!r} is also in {other.path.name}", str(path))
            self.tensors[info.name] = info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the files, those that an array still looks into (in an error's traceback, say) when that array is
        gone.
        """
        for mapped in self._maps.values():
            with contextlib.suppress(BufferError):
                mapped.close()
        self._maps.clear()

    def array(self, name: str, dtype: str, start: int = 0, count: int | None = None) -> NDArray[Any]:
        """Elements `start` to `start + count` of a tensor, bytes taken as NumPy `dtype`: a flat read-only view.

        `uint8` gives the raw bytes of any tensor.
        """
        info = self.tensors[name]
        item = np.dtype(dtype).itemsize
        if count is None:
            count = info.size // item - start
        return np.frombuffer(self._maps[info.path], dtype=dtype, count=count, offset=info.begin + start * item)

    def float_rows(self, name: str, cols: int, rows_at_once: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The tensor as float32 `[n, cols]` chunks of at most `rows_at_once` rows, each with its first row's number.

        Exact for F32, F16 and BF16; the chunks are aligned and contiguous. Other dtypes raise `InputError`.
        """
        info = self.tensors[name]
        if info.dtype not in FLOAT_DTYPES:
            raise InputError(
                f"tensor {name!r} has dtype {info.dtype}, not one of {', '.join(FLOAT_DTYPES)}", str(info.path)
            )
        rows = info.elements // cols if cols else 0
        for first in range(0, rows, rows_at_once):
            n = min(rows_at_once, rows - first)
            yield first, self._floats(name, info.dtype, first * cols, n * cols).reshape(n, cols)

    def _floats(self, name: str, dtype: str, start: int, count: int) -> NDArray[np.float32]:
        if dtype == "F32":
            return np.require(self.array(name, "<f4", start, count), np.float32, ["A", "C"])
        if dtype == "F16":
            return self.array(name, "<f2", start, count).astype(np.float32)
        return (self.array(name, "<u2", start, count).astype(np.uint32) << np.uint32(16)).view(np.float32)


class Writer:
    """Writes one safetensors file of known tensors, each appended piece by piece, in any order of tensors.

    The tensors are laid out by falling item size and then by name, so that each is aligned to its items. `digests` has
    the SHA-256 of each finished tensor's bytes. Nothing has the target's name before `commit_all`.
    """

    def __init__(self, pending: PendingFile, tensors: Sequence[TensorSpec], metadata: Mapping[str, str]) -> None:
        self._pending = pending
        self._metadata = dict(metadata)
        self._tensors = sorted(tensors, key=lambda tensor: (-BITS[tensor.dtype], tensor.name))
        header = self._header()
        self._position: dict[str, int] = {}
        self._end: dict[str, int] = {}
        self._hash = {tensor.name: hashlib.sha256() for tensor in tensors}
        offset = len(header)
        for tensor in self._tensors:
            self._position[tensor.name] = offset
            offset += tensor.size
            self._end[tensor.name] = offset
        self.size = offset
        self._header_size = len(header)
        pending.reserve(self.size)

    def _header(self) -> bytes:
        """The length and the JSON, padded with spaces to a multiple of 8 bytes."""
        entries: dict[str, Any] = {"__metadata__": self._metadata} if self._metadata else {}
        offset = 0
        for tensor in self._tensors:
            entries[tensor.name] = {
                "dtype": tensor.dtype,
                "shape": list(tensor.shape),
                "data_offsets": [offset, offset + tensor.size],
            }
            offset += tensor.size
        text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    def append(self, name: str, data: NDArray[Any]) -> None:
        """Append the bytes of `data` to tensor `name`; raises `ValueError` when that is more than it holds."""
        raw = np.ascontiguousarray(data).reshape(-1).view(np.uint8).data
        if self._position[name] + len(raw) > self._end[name]:
            raise ValueError(f"too many bytes for tensor {name!r}")
        self._pending.write_at(self._position[name], raw)
        self._hash[name].update(raw)
        self._position[name] += len(raw)

    def digest(self, name: str) -> str:
        """SHA-256 of the bytes of a finished tensor; raises `ValueError` while some are missing."""
        if self._position[name] != self._end[name]:
            raise ValueError(f"tensor {name!r} is not complete")
        return self._hash[name].hexdigest()

    def finish(self, metadata: Mapping[str, str]) -> str:
        """Write the header, with the values of `metadata` put in place of equally long ones; the whole file's
        SHA-256.
        """
        for name in self._position:
            self.digest(name)
        self._metadata.update(metadata)
        header = self._header()
        if len(header) != self._header_size:
            raise ValueError("the header's length changed")
        self._pending.write_at(0, header)
        with open(self._pending.handle, "rb", closefd=False) as file:
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()


def find_files(source: Path) -> tuple[Path | None, list[Path]]:
    """The index (if any) and the safetensors files that `source` stands for: a file, an index or a folder with
    either.
    """
    if source.is_dir():
        source = _only_model(source)
    if not source.exists():
        raise InputError("no such file", str(source))
    if not source.name.endswith(".json"):
        return None, [source]
    names = sorted(set(_weight_map(source).values()))
    for name in names:
        if not (source.parent / name).is_file():
            raise InputError(f"shard {name} is missing", str(source), "put all shards beside the index")
    return source, [source.parent / name for name in names]


def _only_model(folder: Path) -> Path:
    for pattern, kind in ((f"*{INDEX_SUFFIX}", "indexes"), ("*.safetensors", "safetensors files and no index")):
        found = sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))
        if len(found) > 1:
            raise InputError(f"{len(found)} {kind} in this folder", str(folder), "name the one you mean")
        if found:
            return found[0]
    raise InputError("no safetensors file in this folder", str(folder))


def _weight_map(index: Path) -> dict[str, str]:
    """The index's map from tensor to file name; the names must be plain ones."""
    try:
        value = _strict_json(index.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror or error}", str(index)) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not a JSON index: {error}", str(index)) from None
    weights = value.get("weight_map") if isinstance(value, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise InputError("the index has no weight_map", str(index))
    for tensor, file in weights.items():
        if not isinstance(file, str) or file in ("", ".", "..") or "/" in file or "\0" in file:
            raise InputError(f"tensor {tensor!r}: {file!r} is not the name of a shard beside the index", str(index))
    return weights


def _check_index(index: Path, tensors: Mapping[str, TensorInfo]) -> None:
    weights = _weight_map(index)
    for name, file in weights.items():
        if name not in tensors or tensors[name].path.name != file:
            raise InputError(f"tensor {name!r} is not in shard {file}", str(index))
    for name, info in tensors.items():
        if name not in weights:
            raise InputError(f"tensor {name!r} of shard {info.path.name} is not in the index", str(index))


def read_header(path: Path, handle: int) -> tuple[dict[str, str], list[TensorInfo]]:
    """The metadata and the tensors (in the order of their bytes) of an open safetensors file, everything checked."""
    where = str(path)
    size = os.fstat(handle).st_size
    if size < 8:
        raise InputError(f"not a safetensors file: {size} bytes, less than the 8 of its header's length", where)
    length = int.from_bytes(os.pread(handle, 8, 0), "little")
    if length > MAX_HEADER:
        raise InputError(f"not a safetensors file: header length {length} is above the limit of {MAX_HEADER}", where)
    if 8 + length > size:
        raise InputError(f"truncated: the header needs {8 + length} bytes, the file has {size}", where)
    raw = os.pread(handle, length, 8)
    if not raw.startswith(b"{"):
        raise InputError("not a safetensors file: the header is not a JSON object", where)
    try:
        header = _strict_json(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"corrupt header: {error}", where) from None
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise InputError("corrupt header: __metadata__ is not a map from strings to strings", where)
    tensors = [_tensor(path, name, entry, 8 + length) for name, entry in header.items()]
    tensors.sort(key=lambda info: (info.begin, info.end))
    _check_cover(path, tensors, 8 + length, size)
    return metadata, tensors


def _strict_json(raw: bytes) -> Any:
    """JSON in UTF-8 without duplicate keys or lone surrogates; `ValueError` says what is wrong."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, item in pairs:
            if key in value:
                raise ValueError(f"duplicate key {key!r}")
            (key + item if isinstance(item, str) else key).encode()
            value[key] = item
        return value

    return json.loads(raw.decode("utf-8"), object_pairs_hook=unique)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _tensor(path: Path, name: str, entry: object, start: int) -> TensorInfo:
    """One entry of the header; `start` is the byte where the tensors begin."""

    def wrong(what: str) -> InputError:
        return InputError(f"tensor {name!r}: {what}", str(path))

    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise wrong("its entry does not have exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise wrong(f"unknown dtype {dtype!r}")
    if not isinstance(shape, list) or not all(map(_is_size, shape)):
        raise wrong("its shape is not a list of sizes")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)) or offsets[0] > offsets[1]:
        raise wrong("its data_offsets are not a pair [begin, end] with begin <= end")
    bits = prod(shape) * BITS[dtype]
    if bits != 8 * (offsets[1] - offsets[0]):
        raise wrong(f"{dtype} {shape} takes {bits} bits, its data_offsets span {8 * (offsets[1] - offsets[0])}")
    return TensorInfo(name, dtype, tuple(shape), path, start + offsets[0], start + offsets[1])


def _check_cover(path: Path, tensors: Sequence[TensorInfo], start: int, size: int) -> None:
    """Refuse holes, overlaps and bytes after the last tensor."""
    position = start
    for info in tensors:
        if info.begin < position:
            raise InputError(f"tensor {info.name!r} overlaps the one before it", str(path))
        if info.begin > position:
            raise InputError(f"tensor {info.name!r}: {info.begin - position} unused bytes before it", str(path))
        if info.end > size:
            raise InputError(f"truncated: tensor {info.name!r} ends at byte {info.end}, the file has {size}", str(path))
        position = info.end
    if position != size:
        raise InputError(f"{size - position} bytes after the last tensor", str(path))
