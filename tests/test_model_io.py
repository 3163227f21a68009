"""Reading and writing safetensors: what is good is read exactly, what lies gives one clear error and leaves nothing."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from model_files import normal, read_header, tensor, write, write_raw, write_sharded
from safetensors.numpy import load_file, save_file

from q35.errors import InputError
from q35.model.pending import SUFFIX, PendingFile, commit_all
from q35.model.safetensors_io import MAX_HEADER, Model, TensorSpec, Writer

GOOD = {
    "a": normal((3, 5)),
    "b": tensor("I64", np.arange(4)),
    "empty": normal((0, 7)),
    "scalar": tensor("F32", np.float32(2)),
}


def test_reads_what_the_format_s_own_implementation_writes(tmp_path: Path) -> None:
    arrays = {
        "x": np.arange(6, dtype=np.float32).reshape(2, 3),
        "y": np.arange(5, dtype=np.int8),
        "z": np.ones(3, np.float16),
    }
    save_file(arrays, tmp_path / "m.safetensors", {"format": "pt"})
    with Model(tmp_path / "m.safetensors") as model:
        assert model.metadata == {"format": "pt"}
        assert {name: info.shape for name, info in model.tensors.items()} == {"x": (2, 3), "y": (5,), "z": (3,)}
        for name, array in arrays.items():
            assert model.array(name, "u1").tobytes() == array.tobytes()


def test_the_format_s_own_implementation_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    arrays = {
        "long": np.arange(3, dtype=np.int64),
        "odd": np.arange(5, dtype=np.uint8),
        "half": np.ones((2, 2), np.float16),
    }
    names = {"long": "I64", "odd": "U8", "half": "F16"}
    with PendingFile(path) as pending:
        writer = Writer(pending, [TensorSpec(n, names[n], a.shape) for n, a in arrays.items()], {"ü": "✓"})
        for name, array in arrays.items():
            for row in array:
                writer.append(name, row)
        writer.finish({})
        commit_all([pending])
    read = load_file(path)
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        header, _ = read_header(path)
        start = 8 + int.from_bytes(path.read_bytes()[:8], "little") + header[name]["data_offsets"][0]
        assert start % array.dtype.itemsize == 0, "every tensor is aligned to its items"


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_float_rows_are_exact_for_every_bit_pattern(tmp_path: Path, dtype: str) -> None:
    if dtype == "F32":
        bits = np.random.default_rng(0).integers(0, 2**32, 3 * 1000, dtype=np.uint32).view(np.float32)
        expected = bits
    else:
        every = np.arange(2**16, dtype=np.uint16)
        bits = every
        expected = every.view(np.float16 if dtype == "F16" else ml_dtypes.bfloat16).astype(np.float32)
    cols = 1000 if dtype == "F32" else 256
    data = bits.tobytes()
    header = {
        "pad": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},  # leaves the floats unaligned
        "w": {"dtype": dtype, "shape": [bits.size // cols, cols], "data_offsets": [1, 1 + len(data)]},
    }
    write_raw(tmp_path / "m.safetensors", header, b"\0" + data)
    with Model(tmp_path / "m.safetensors") as model:
        for at_once in (1, 7, 1000):
            chunks = list(model.float_rows("w", cols, at_once))
            assert [first for first, _ in chunks] == list(range(0, bits.size // cols, at_once))
            assert all(chunk.flags.aligned and chunk.flags.c_contiguous for _, chunk in chunks)
            got = np.concatenate([chunk for _, chunk in chunks]).reshape(-1)
            np.testing.assert_array_equal(
                got.view(np.uint32)[~np.isnan(expected)], expected.view(np.uint32)[~np.isnan(expected)]
            )
            assert np.isnan(got[np.isnan(expected)]).all()


def test_float_rows_refuses_other_dtypes(tmp_path: Path) -> None:
    with Model(write(tmp_path / "m.safetensors", GOOD)) as model, pytest.raises(InputError, match="dtype I64"):
        next(model.float_rows("b", 4, 1))


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "m.safetensors", GOOD)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError) as caught:
            Model(path)
        assert str(path) in str(caught.value)


def _entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **changes}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"[]", "not a JSON object"),
        (b" {}", "not a JSON object"),
        (b'{"a":1', "corrupt header"),
        (b'{"a":\xff}', "corrupt header"),
        (b'{"a\\ud800":{}}', "corrupt header"),
        (b'{"a":' + b"[" * 100_000, "corrupt header"),
        (b'{"a":' + b"9" * 10_000 + b"}", "corrupt header"),
        (b'{"a":{},"a":{}}', "duplicate key 'a'"),
        (b'{"a":{"dtype":"F32","dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}', "duplicate key 'dtype'"),
        ({"__metadata__": {"n": 1}, "a": _entry()}, "__metadata__"),
        ({"__metadata__": [], "a": _entry()}, "__metadata__"),
        ({"a": 7}, "'a': its entry"),
        ({"a": {"dtype": "F32", "shape": [2, 2]}}, "'a': its entry"),
        ({"a": _entry(more=1)}, "'a': its entry"),
        ({"a": _entry(dtype="F7")}, "'a': unknown dtype 'F7'"),
        ({"a": _entry(dtype=["F32"])}, "'a': unknown dtype"),
        ({"a": _entry(shape=4)}, "'a': its shape"),
        ({"a": _entry(shape=[-2, -2])}, "'a': its shape"),
        ({"a": _entry(shape=[2.0, 2])}, "'a': its shape"),
        ({"a": _entry(shape=[True, 4])}, "'a': its shape"),
        ({"a": _entry(shape=[2**62] * 40)}, "'a': F32"),
        ({"a": _entry(shape=[2, 3])}, "'a': F32"),
        ({"a": _entry(data_offsets=[0])}, "'a': its data_offsets"),
        ({"a": _entry(data_offsets=[16, 0])}, "'a': its data_offsets"),
        ({"a": _entry(data_offsets=[-16, 0])}, "'a': its data_offsets"),
        ({"a": _entry(data_offsets=[0, 16.0])}, "'a': its data_offsets"),
        ({"a": _entry(data_offsets=[4, 20])}, "4 unused bytes before"),
        ({"a": _entry(), "b": _entry(data_offsets=[8, 24])}, "'b' overlaps"),
        ({"a": _entry(), "b": _entry()}, "'b' overlaps"),
        ({"a": _entry(data_offsets=[0, 16], shape=[4]), "b": _entry(data_offsets=[20, 36])}, "'b': 4 unused bytes"),
        ({"a": _entry(data_offsets=[0, 64], shape=[4, 4])}, "truncated: tensor 'a'"),
        ({"a": _entry(dtype="F4", shape=[3, 1], data_offsets=[0, 1])}, "'a': F4"),
        ({"a": _entry(shape=[2], data_offsets=[0, 8])}, "8 bytes after the last tensor"),
        ({}, "16 bytes after the last tensor"),
    ],
)
def test_a_lying_header_is_refused_by_name(tmp_path: Path, header: Any, message: str) -> None:
    path = write_raw(tmp_path / "m.safetensors", header, bytes(16))
    with pytest.raises(InputError) as caught:
        Model(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_header_length_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes((MAX_HEADER + 1).to_bytes(8, "little") + b"{}")
    with pytest.raises(InputError, match="above the limit"):
        Model(path)


def test_sharded_models_by_index_and_by_folder(tmp_path: Path) -> None:
    tensors = {name: normal((2, 3), seed=i) for i, name in enumerate("abcde")}
    index = write_sharded(tmp_path / "model", tensors)
    for source in (index, index.parent):
        with Model(source) as model:
            assert sorted(model.tensors) == sorted(tensors)
            assert [path.name for path in model.files] == [
                index.name,
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
            ]
            for name, (_, values) in tensors.items():
                assert model.array(name, "u1").tobytes() == values.tobytes()


def _edit_index(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edit(index: Path) -> None:
        value = json.loads(index.read_text())
        change(value)
        index.write_text(json.dumps(value))

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda index: (index.parent / "model-00002-of-00002.safetensors").unlink(),
            "shard model-00002-of-00002.safetensors is missing",
        ),
        (
            _edit_index(lambda v: v["weight_map"].update(ghost="model-00001-of-00002.safetensors")),
            "'ghost' is not in shard",
        ),
        (
            _edit_index(lambda v: v["weight_map"].pop("a")),
            "'a' of shard model-00001-of-00002.safetensors is not in the index",
        ),
        (
            _edit_index(lambda v: v["weight_map"].update(a="model-00002-of-00002.safetensors")),
            "'a' is not in shard model-00002",
        ),
        (_edit_index(lambda v: v["weight_map"].update(a="../m.safetensors")), "is not the name of a shard"),
        (_edit_index(lambda v: v["weight_map"].update(a=7)), "is not the name of a shard"),
        (_edit_index(lambda v: v.pop("weight_map")), "no weight_map"),
        (lambda index: index.write_text("{"), "not a JSON index"),
        (lambda index: index.write_text('{"weight_map":{"a":"x","a":"x"}}'), "duplicate key"),
        (lambda index: write(index.parent / "model-00002-of-00002.safetensors", {"a": normal((2, 2))}), "is also in"),
    ],
)
def test_a_broken_index_is_refused(tmp_path: Path, damage: Callable[[Path], Any], message: str) -> None:
    index = write_sharded(tmp_path / "model", {name: normal((2, 3)) for name in "abc"})
    damage(index)
    with pytest.raises(InputError) as caught:
        Model(index)
    assert message in str(caught.value)


def test_folders_that_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no safetensors file"):
        Model(tmp_path)
    write(tmp_path / "one.safetensors", GOOD)
    with Model(tmp_path) as model:
        assert list(model.tensors) == list(GOOD)
    write(tmp_path / "two.safetensors", GOOD)
    with pytest.raises(InputError, match="2 safetensors files"):
        Model(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        Model(tmp_path / "nowhere")


def _fill(pending: PendingFile, size: int = 1 << 16) -> None:
    pending.reserve(size)
    pending.write_at(0, bytes(size))


def _write(path: Path) -> None:
    with PendingFile(path) as pending:
        _fill(pending)
        commit_all([pending])


@pytest.mark.parametrize(
    ("number", "message"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "cannot write")]
)
@pytest.mark.parametrize("call", ["posix_fallocate", "pwrite", "fsync", "replace"])
def test_a_failing_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(InputError, match=message):
        _write(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_file_size_limit_of_the_system_leaves_nothing(tmp_path: Path) -> None:
    code = f"""
import resource, sys
from pathlib import Path
from q35.errors import InputError
from q35.model.pending import PendingFile
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with PendingFile(Path({str(tmp_path / "out")!r})) as pending:
        pending.write_at(0, bytes(10000))
except InputError as error:
    sys.exit(f"clear: {{error}}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "clear:" in done.stderr
    assert "larger than this system allows" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_system_that_is_full_or_read_only_gives_one_error() -> None:
    with pytest.raises(InputError, match=r"(?i)permission|read-only|cannot write|does not exist"):
        PendingFile(Path("/proc/q35-out"))


def test_a_folder_or_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder"):
        PendingFile(tmp_path)
    with pytest.raises(InputError, match="the folder does not exist"):
        PendingFile(tmp_path / "no" / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="its parent is not a folder"):
        PendingFile(tmp_path / "file" / "out")


def test_the_second_of_two_files_failing_takes_the_first_back(tmp_path: Path) -> None:
    with PendingFile(tmp_path / "one") as one, PendingFile(tmp_path / "two") as two:
        _fill(one)
        _fill(two)
        (tmp_path / "two").mkdir()
        with pytest.raises(InputError):
            commit_all([one, two])
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_leftovers_of_a_killed_run_go_and_files_of_a_live_one_stay(tmp_path: Path) -> None:
    dead = tmp_path / f".out.0000{SUFFIX}"
    dead.write_bytes(b"half")
    other = tmp_path / f".out2.0000{SUFFIX}"
    other.write_bytes(b"another target's")
    with PendingFile(tmp_path / "out") as live:
        assert not dead.exists()
        with PendingFile(tmp_path / "out") as second:
            assert live.temporary.exists()
            assert second.temporary.exists()
    assert list(tmp_path.iterdir()) == [other]


def test_writer_refuses_too_much_and_too_little(tmp_path: Path) -> None:
    with PendingFile(tmp_path / "out") as pending:
        writer = Writer(pending, [TensorSpec("a", "U8", (4,))], {"key": "0" * 20})
        writer.append("a", np.zeros(3, np.uint8))
        with pytest.raises(ValueError, match="not complete"):
            writer.finish({})
        with pytest.raises(ValueError, match="too many bytes"):
            writer.append("a", np.zeros(2, np.uint8))
        writer.append("a", np.zeros(1, np.uint8))
        with pytest.raises(ValueError, match="length changed"):
            writer.finish({"key": "0" * 30})
        writer.finish({"key": "1" * 20})
    assert not list(tmp_path.iterdir())
