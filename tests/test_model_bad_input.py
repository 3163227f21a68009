"""Bad input to quantize, dequantize and inspect: one clear error, nothing half written."""

from __future__ import annotations

import builtins
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import certificate_of, normal, read_header, write, write_raw

from q35.errors import InputError
from q35.model import scheme as scheme_module
from q35.model.dequantize import dequantize
from q35.model.inspect import inspect
from q35.model.pending import SUFFIX
from q35.model.quantize import Request, quantize


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(
        tmp_path / "in.safetensors", {"a.weight": normal((6, 64)), "b.weight": normal((3, 5)), "bias": normal((4,))}
    )


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("scheme", ["row-absmax", "row-affine", "block", "codebook"])
@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_weights_that_are_not_finite(tmp_path: Path, scheme: str, dtype: str, value: float, shown: str) -> None:
    kind, values = normal((3, 4, 5), dtype)
    flat = values.reshape(-1)
    flat[33:35] = np.array([value], np.float32).view("<u4")[0] >> 16 if dtype == "BF16" else value
    source = write(tmp_path / "in.safetensors", {"a.weight": normal((2, 2)), "z.weight": (kind, values)})
    with pytest.raises(InputError) as caught:
        quantize(source, tmp_path / "out.safetensors", Request(scheme))
    assert f"tensor 'z.weight': weight [1, 2, 3] is {shown}" in str(caught.value)
    assert _names(tmp_path) == {"in.safetensors"}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request("q5"), "unknown scheme 'q5' (choose row-absmax, row-affine, block, codebook)"),
        (Request(storage="tape"), "unknown storage 'tape'"),
        (Request(block_size=48), "block size 48 is not supported (choose 32, 64, 128)"),
        (Request("row-absmax", 64), "scheme row-absmax has no blocks"),
        (Request(include=("c*",)), "no float tensor's name matches 'c*'"),
        (Request(exclude=("c*",)), "no float tensor's name matches 'c*'"),
        (Request(exclude=("*",)), "no tensor to quantize"),
    ],
)
def test_wrong_requests(source: Path, tmp_path: Path, request_: Request, message: str) -> None:
    with pytest.raises(InputError) as caught:
        quantize(source, tmp_path / "out.safetensors", request_)
    assert message in str(caught.value)
    assert _names(tmp_path) == {"in.safetensors"}


def test_existing_files_and_the_input_are_not_written_over(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    (tmp_path / "link.safetensors").symlink_to(source)
    os.link(source, tmp_path / "hard.safetensors")
    for same in (source, tmp_path / "link.safetensors", tmp_path / "hard.safetensors", tmp_path / "." / source.name):
        with pytest.raises(InputError, match="this is the input itself"):
            quantize(source, same, Request(force=True))
    out = tmp_path / "out.safetensors"
    for blocked in (out, certificate_of(out)):
        blocked.write_text("mine")
        with pytest.raises(InputError, match="exists already"):
            quantize(source, out, Request())
        assert blocked.read_text() == "mine"
        blocked.unlink()
    quantize(source, out, Request())
    first = out.read_bytes()
    quantize(source, out, Request("block", force=True))
    assert out.read_bytes() != first
    assert source.read_bytes() == before


def test_a_quantized_model_is_not_quantized_again(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "out.safetensors", Request())
    with pytest.raises(InputError, match="already quantized"):
        quantize(tmp_path / "out.safetensors", tmp_path / "twice.safetensors", Request())


def test_names_that_would_collide(tmp_path: Path) -> None:
    source = write(tmp_path / "in.safetensors", {"a.weight": normal((2, 2)), "a.weight.steps": normal((2,))})
    with pytest.raises(InputError, match=r"a\.weight\.steps exists"):
        quantize(source, tmp_path / "out.safetensors", Request())


def test_missing_kernels_are_an_error_and_not_another_path(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("q35kernels"):
            raise ImportError("No module named 'q35kernels._cpu'")
        return real(name, *rest, **more)

    scheme_module.kernels.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", refuse)
        with pytest.raises(InputError, match=r"the kernels are not built.*pip install"):
            quantize(source, tmp_path / "out.safetensors", Request())
    scheme_module.kernels.cache_clear()
    assert _names(tmp_path) == {"in.safetensors"}


@pytest.mark.parametrize("call", ["posix_fallocate", "pwrite", "fsync"])
def test_a_full_disk(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The second call fails, so that the first file is half written by then."""
    real, calls = getattr(os, call), []

    def fail(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) >= (1 if call == "posix_fallocate" else 2):
            raise OSError(28, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(InputError, match=r"out\.safetensors.*: the disk is full"):
        quantize(source, tmp_path / "out.safetensors", Request())
    assert _names(tmp_path) == {"in.safetensors"}


def test_no_write_permission(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, whom no mode bits stop: the system call itself is made to refuse."""
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="no permission to write here"):
        quantize(source, tmp_path / "out.safetensors", Request())
    assert _names(tmp_path) == {"in.safetensors"}


WORKER = """
import sys, time
import q35.model.quantize as module
from q35.cli import run
def stuck(*_):
    print("working", flush=True)
    time.sleep(60)
module.measure = stuck
sys.exit(run(["quantize", *sys.argv[1:]]))
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_a_killed_process_leaves_nothing(source: Path, tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "out.safetensors"
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(source), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "working\n"
    assert any(name.endswith(SUFFIX) for name in _names(tmp_path)), "it is in the midst of writing"
    worker.send_signal(number)
    _, errors = worker.communicate(timeout=30)
    assert worker.returncode == code
    assert "Traceback" not in errors
    left = _names(tmp_path) - {"in.safetensors"}
    if number != signal.SIGKILL:
        assert not left
    else:
        assert all(name.startswith(".out.safetensors") for name in left), "no file has the target's name"
        quantize(source, out, Request())
        assert _names(tmp_path) == {"in.safetensors", out.name, certificate_of(out).name}, "the next run cleans up"


@pytest.fixture
def packed(source: Path, tmp_path: Path) -> Path:
    """A quantized model in byte storage, without its certificate, ready to be damaged."""
    out = tmp_path / "out.safetensors"
    quantize(source, out, Request("block", storage="byte"))
    certificate_of(out).unlink()
    return out


def _damage(path: Path, change: Callable[[dict[str, Any], bytearray], None]) -> None:
    header, data = read_header(path)
    body = bytearray(data)
    change(header, body)
    write_raw(path, header, bytes(body))


def _poke(name: str, offset: int, value: bytes) -> Callable[[dict[str, Any], bytearray], None]:
    def change(header: dict[str, Any], body: bytearray) -> None:
        begin = header[name]["data_offsets"][0] + offset
        body[begin : begin + len(value)] = value

    return change


def _meta(key: str, value: str | None) -> Callable[[dict[str, Any], bytearray], None]:
    def change(header: dict[str, Any], body: bytearray) -> None:
        if value is None:
            del header["__metadata__"][key]
        else:
            header["__metadata__"][key] = value

    return change


def _rename(old: str, new: str) -> Callable[[dict[str, Any], bytearray], None]:
    def change(header: dict[str, Any], body: bytearray) -> None:
        header[new] = header.pop(old)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_poke("a.weight.codes", 5 * 32 + 7, b"\x80"), "tensor a.weight: row 5, pair 7: byte 128 is not a code"),
        (_poke("a.weight.steps", 2, b"\x00\x7c"), "tensor a.weight: step 1 is not finite"),
        (_poke("b.weight.steps", 0, b"\x01\xfe"), "tensor b.weight: step 0 is not finite"),
        (_meta("q35.schema", None), "this is not a quantized model"),
        (_meta("q35.schema", "q35.model/9"), "unknown kind of quantized model 'q35.model/9'"),
        (_meta("q35.scheme", "q5"), "unknown scheme 'q5'"),
        (_meta("q35.scheme", None), "metadata q35.scheme is missing"),
        (_meta("q35.storage", "tape"), "unknown storage 'tape'"),
        (_meta("q35.block_size", "sixty"), "metadata q35.block_size is 'sixty'"),
        (_meta("q35.block_size", "32"), "tensor 'a.weight.steps' is F16 [6, 1], not F16 [6, 2]"),
        (_meta("q35.table_sha256", "0" * 64), "made with another table"),
        (_meta("q35.tensors", "[]"), "q35.tensors is not a map"),
        (
            _meta("q35.tensors", '{"a.weight":{"dtype":"F32","shape":[0]}}'),
            "metadata q35.tensors: 'a.weight' is F32 [0]",
        ),
        (_meta("q35.tensors", '{"a.weight":{"dtype":"I8","shape":[6,64]}}'), "metadata q35.tensors: 'a.weight' is I8"),
        (_rename("a.weight.codes", "a.weight.cod"), "tensor 'a.weight.codes' is missing"),
        (_rename("bias", "a.weight"), "tensor 'a.weight' is there both quantized and not"),
    ],
)
def test_damaged_quantized_models(packed: Path, tmp_path: Path, change: Any, message: str) -> None:
    _damage(packed, change)
    with pytest.raises(InputError) as caught:
        dequantize(packed, tmp_path / "back.safetensors")
    assert message in str(caught.value)
    assert str(packed) in str(caught.value)
    assert not (tmp_path / "back.safetensors").exists()


def test_stream_tail_bits_must_be_zero(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    quantize(source, out, Request())
    certificate_of(out).unlink()
    _damage(out, _poke("b.weight.codes", 3 + 2, b"\xff"))  # row 1 of 3 pairs: 21 bits in 3 bytes
    with pytest.raises(InputError, match=r"tensor b\.weight: row 1"):
        dequantize(out, tmp_path / "back.safetensors")


def test_dequantize_refuses_what_is_not_quantized_and_unknown_dtypes(
    source: Path, packed: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="not a quantized model"):
        dequantize(source, tmp_path / "back.safetensors")
    with pytest.raises(InputError, match="unknown dtype 'F64'"):
        dequantize(packed, tmp_path / "back.safetensors", "F64")
    with pytest.raises(InputError, match="this is the input itself"):
        dequantize(packed, packed, force=True)


def test_a_certificate_of_another_file(source: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    quantize(source, one, Request("block"))
    quantize(source, two, Request("codebook"))
    shutil.copy(certificate_of(one), certificate_of(two))
    for work in (inspect, lambda path: dequantize(path, tmp_path / "back.safetensors")):
        with pytest.raises(InputError, match=r"belongs to another file than two\.safetensors"):
            work(two)
    assert not (tmp_path / "back.safetensors").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"schema":"q35.certificate/1"}', "\xff"])
def test_a_certificate_that_is_none(source: Path, tmp_path: Path, text: str) -> None:
    out = tmp_path / "out.safetensors"
    quantize(source, out, Request())
    certificate_of(out).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        inspect(out)
    assert str(certificate_of(out)) in str(caught.value)


def test_a_certificate_with_broken_unicode(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    quantize(source, out, Request())
    text = certificate_of(out).read_text().replace('"a.weight"', '"\\ud800"')
    certificate_of(out).write_text(text)
    with pytest.raises(InputError, match="not valid Unicode"):
        inspect(out)


def test_the_certificate_names_its_makers(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    quantize(source, out, Request())
    value = json.loads(certificate_of(out).read_text())
    assert value["tool"]["name"] == "q35"
    assert value["kernels"]["name"].startswith("q35kernels")
