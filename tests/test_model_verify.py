"""The verifier: it stands alone, finds every flipped bit, and derives every figure anew."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import certificate_of, forge, normal, read_header, tensor, write, write_sharded

from q35.errors import CheckFailed, InputError
from q35.model.quantize import Request, quantize
from q35.verify import verify
from q35.verify.nearest import first_not_nearest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model and its quantizations, `SCHEME-STORAGE.safetensors`; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    tensors = {
        "a.weight": normal((3, 37)),
        "b.weight": normal((2, 64), "BF16", seed=1),
        "bias": normal((4,)),
        "ids": tensor("I64", np.arange(3)),
    }
    source = write(folder / "in.safetensors", tensors, {"format": "pt"})
    for scheme in ("row-absmax", "row-affine", "block", "codebook"):
        for storage in ("stream", "byte"):
            quantize(source, folder / f"{scheme}-{storage}.safetensors", Request(scheme, storage=storage))
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """Gives a quantized model that may be changed, and the original."""

    def give(name: str) -> tuple[Path, Path]:
        out = Path(shutil.copy(made / f"{name}.safetensors", tmp_path / "out.safetensors"))
        shutil.copy(certificate_of(made / f"{name}.safetensors"), certificate_of(out))
        return out, made / "in.safetensors"

    return give


def test_it_shares_no_code_with_what_it_checks(made: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from q35.verify import verify
folder = Path({str(made)!r})
for out in folder.glob("*-*.safetensors"):
    verify(out, folder / "in.safetensors")
foreign = sorted(name for name in sys.modules if name.partition(".")[0] in ("q35ref", "q35kernels", "safetensors")
                 or name.startswith("q35.") and not name.startswith("q35.verify") and name != "q35.errors")
assert not foreign, foreign
print("alone")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "alone\n", done.stderr


def _flipped(path: Path, whole: bytes, byte: int, bit: int) -> None:
    changed = bytearray(whole)
    changed[byte] ^= 1 << bit
    path.write_bytes(changed)


@pytest.mark.parametrize("name", ["codebook-stream", "row-affine-byte"])
def test_every_flipped_bit_of_the_model_file_is_found(copy: Callable[[str], tuple[Path, Path]], name: str) -> None:
    """One random bit in each byte of the header, and bits all over the tensors."""
    out, source = copy(name)
    whole, rng = out.read_bytes(), random.Random(35)
    data = 8 + int.from_bytes(whole[:8], "little")
    places = [(byte, rng.randrange(8)) for byte in range(data)]
    places += [(rng.randrange(data, len(whole)), rng.randrange(8)) for _ in range(150)]
    places += [(byte, bit) for byte in (data, len(whole) - 1) for bit in range(8)]
    for byte, bit in places:
        _flipped(out, whole, byte, bit)
        with pytest.raises(CheckFailed):
            verify(out, source)
    out.write_bytes(whole)
    verify(out, source)


def test_every_flipped_bit_of_the_certificate_is_found(copy: Callable[[str], tuple[Path, Path]]) -> None:
    out, source = copy("codebook-stream")
    path, rng = certificate_of(out), random.Random(36)
    whole = path.read_bytes()
    for byte in range(len(whole)):
        _flipped(path, whole, byte, rng.randrange(8))
        with pytest.raises(CheckFailed):
            verify(out, source)
    path.write_bytes(whole)
    verify(out, source)


def test_flipped_bits_of_the_original_are_found(copy: Callable[[str], tuple[Path, Path]], tmp_path: Path) -> None:
    out, source = copy("block-stream")
    original = Path(shutil.copy(source, tmp_path / "in.safetensors"))
    whole, rng = original.read_bytes(), random.Random(37)
    for _ in range(200):
        _flipped(original, whole, rng.randrange(len(whole)), rng.randrange(8))
        with pytest.raises((CheckFailed, InputError)):
            verify(out, original)


@pytest.mark.parametrize("tail", [b"\n", b" ", b"\0", b"{}"])
def test_bytes_added_to_either_file_are_found(copy: Callable[[str], tuple[Path, Path]], tail: bytes) -> None:
    out, source = copy("codebook-stream")
    for path in (out, certificate_of(out)):
        whole = path.read_bytes()
        path.write_bytes(whole + tail)
        with pytest.raises(CheckFailed):
            verify(out, source)
        path.write_bytes(whole)


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Set the value at a path of keys: the last item is the value, or a function of the old one."""
    *keys, last, value = path

    def change(certificate: dict[str, Any]) -> None:
        place: Any = certificate
        for key in keys:
            place = place[key]
        place[last] = value(place[last]) if callable(value) else value

    return change


def _more(text: str) -> str:
    """A dyadic number or a fraction, a little larger and still well formed."""
    head, separator, tail = text.partition("*") if "*" in text else text.partition("/")
    return f"{int(head) + 2}{separator}{tail}"


def _last_digit(text: str) -> str:
    return text[:-1] + str((int(text[-1]) + 1) % 10)


FIGURES = [
    ("weights", lambda n: n + 1),
    ("largest_error", _more),
    ("squared_error", _more),
    ("squared_weight", _more),
    ("relative_rmse", _last_digit),
    ("outside_region", lambda n: n + 1),
    ("error_bound", _more),
    ("bits_per_weight", _more),
]


@pytest.mark.parametrize("name", ["row-absmax-stream", "row-affine-stream", "block-byte", "codebook-stream"])
@pytest.mark.parametrize(
    ("figure", "change"), [*FIGURES, ("bound_theorem", "Q35.wishfulThinking"), ("max_safe_k", lambda n: n + 1)]
)
def test_an_untrue_figure_is_named(
    copy: Callable[[str], tuple[Path, Path]], name: str, figure: str, change: Any
) -> None:
    """All digests are consistent: only the derivation from the weights can tell."""
    out, source = copy(name)
    true = json.loads(certificate_of(out).read_text())["tensors"][1][figure]
    forge(out, _set("tensors", 1, figure, change))
    untrue = json.loads(certificate_of(out).read_text())["tensors"][1][figure]
    with pytest.raises(CheckFailed) as caught:
        verify(out, source)
    assert str(caught.value).endswith(f"tensor b.weight: {figure}: stated {untrue}, derived {true}")


@pytest.mark.parametrize(
    ("figure", "change"),
    [*FIGURES, *((count, lambda n: n + 1) for count in ("tensors", "quantized", "copied", "bytes"))],
)
def test_an_untrue_total_is_named(copy: Callable[[str], tuple[Path, Path]], figure: str, change: Any) -> None:
    out, source = copy("codebook-stream")
    forge(out, _set("totals", figure, change))
    with pytest.raises(CheckFailed, match=f"totals: {figure}: stated .*, derived "):
        verify(out, source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("tensors", 0, "input_sha256", "0" * 64), "sha256 of the original"),
        (_set("tensors", 0, "codes_sha256", "0" * 64), "sha256 of the codes"),
        (_set("tensors", 0, "steps_sha256", "0" * 64), "sha256 of the steps"),
        (_set("tensors", 2, "sha256", "0" * 64), "tensor bias: sha256"),
        (_set("tensors", 0, "dtype", "F16"), "tensor a.weight: dtype"),
        (_set("tensors", 0, "shape", [37, 3]), "tensor a.weight: shape"),
        (_set("inputs", 0, "sha256", "0" * 64), "not the file that was quantized"),
        (_set("inputs", 0, "size", 1), "not the file that was quantized"),
        (_set("format", "scheme", "block"), "has sha256"),
        (_set("format", "block_size", 32), "metadata q35.block_size"),
        (_set("format", "block_size", None), "block size None"),
        (_set("format", "storage", "byte"), "metadata q35.storage"),
        (_set("format", "formats_sha256", "0" * 64), "another formats.json"),
        (_set("format", "table_sha256", "0" * 64), "has sha256"),
        (_set("tensors", lambda entries: entries[1:]), "the model's tensors"),
        (_set("tensors", lambda entries: entries[::-1]), "not sorted"),
        (_set("tensors", lambda entries: [entries[0], *entries]), "not sorted"),
        (_set("tensors", 0, "action", "copied"), "breaks its schema"),
        (_set("tensors", 0, "relative_rmse", "0.1"), "breaks its schema"),
        (_set("note", "trust me"), "breaks its schema"),
    ],
)
def test_an_untrue_statement_is_named(
    copy: Callable[[str], tuple[Path, Path]], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    out, source = copy("codebook-stream")

    def safely(certificate: dict[str, Any]) -> None:
        certificate.setdefault("note", None)
        change(certificate)
        if certificate["note"] is None:
            del certificate["note"]

    forge(out, safely)
    with pytest.raises(CheckFailed) as caught:
        verify(out, source)
    assert message in str(caught.value)


def _poke(name: str, offset: int, change: Callable[[int], int]) -> Callable[[bytearray, dict[str, Any]], None]:
    def poke(body: bytearray, header: dict[str, Any]) -> None:
        place = header[name]["data_offsets"][0] + offset
        body[place] = change(body[place])

    return poke


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("codebook-byte", _poke("b.weight.codes", 40, lambda c: c ^ 1), "the code of row 1, pair 8 is not the nearest"),
        ("block-byte", _poke("b.weight.codes", 3, lambda c: c ^ 8), "the code of row 0, pair 3 is not the nearest"),
        (
            "row-absmax-byte",
            _poke("a.weight.codes", 20, lambda c: c ^ 1),
            "the code of row 1, pair 1 is not the nearest",
        ),
        (
            "row-affine-byte",
            _poke("a.weight.codes", 20, lambda c: c ^ 2),
            "the code of row 1, pair 1 is not the nearest",
        ),
        (
            "row-absmax-byte",
            _poke("a.weight.codes", 18, lambda c: c | 1),
            "the code of row 0, pair 18 is not the nearest",
        ),
        ("codebook-byte", _poke("a.weight.codes", 21, lambda c: c | 128), "at row 1, pair 2 is not a code"),
        (
            "block-stream",
            _poke("a.weight.codes", 33, lambda c: c | 128),
            "the bits after the last code of row 1 are not zero",
        ),
        ("block-stream", _poke("a.weight.steps", 3, lambda c: 0x7C), "step 1 is not finite"),
        ("row-affine-stream", _poke("a.weight.steps", 9, lambda c: 0xFE), "step 4 is not finite"),
        ("codebook-stream", _poke("bias", 5, lambda c: c ^ 1), "tensor bias: byte 5 differs from the original"),
    ],
)
def test_wrong_data_under_consistent_digests_is_found(
    copy: Callable[[str], tuple[Path, Path]], name: str, data: Callable[[bytearray, dict[str, Any]], None], message: str
) -> None:
    out, source = copy(name)
    forge(out, lambda certificate: None, data if "bias" not in message else None)
    if "bias" in message:
        header, _ = read_header(out)
        whole = bytearray(out.read_bytes())
        body = bytearray(whole[8 + int.from_bytes(whole[:8], "little") :])
        data(body, header)
        out.write_bytes(whole[: len(whole) - len(body)] + body)
    with pytest.raises(CheckFailed) as caught:
        verify(out, source)
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["q35.scheme", "q35.schema", "q35.tensors", "q35.extra"])
def test_metadata_that_say_something_else_are_found(copy: Callable[[str], tuple[Path, Path]], key: str) -> None:
    out, source = copy("block-stream")

    def change(body: bytearray, header: dict[str, Any]) -> None:
        header["__metadata__"][key] = "{}"

    forge(out, lambda certificate: None, change)
    with pytest.raises(CheckFailed, match=f"metadata {key}"):
        verify(out, source)


def test_another_model_or_certificate_is_refused(
    copy: Callable[[str], tuple[Path, Path]], made: Path, tmp_path: Path
) -> None:
    out, source = copy("block-stream")
    other = write(tmp_path / "other.safetensors", {"a.weight": normal((3, 37), seed=9)})
    with pytest.raises(CheckFailed, match="not the file that was quantized"):
        verify(out, other)
    with pytest.raises(CheckFailed, match=r"this is not the certificate of out\.safetensors"):
        verify(out, source, certificate_of(made / "codebook-stream.safetensors"))
    with pytest.raises(CheckFailed, match="it is not a quantized model"):
        verify(source, source, certificate_of(out))


def test_files_that_cannot_be_read(copy: Callable[[str], tuple[Path, Path]], tmp_path: Path) -> None:
    out, source = copy("block-stream")
    for broken in [
        (tmp_path / "no", source, certificate_of(out)),
        (out, tmp_path / "no", None),
        (out, source, tmp_path / "no"),
    ]:
        with pytest.raises(InputError, match="cannot read"):
            verify(*broken)
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(InputError, match="not the model that was quantized"):
        verify(out, tmp_path / "junk")


def test_sharded_originals(tmp_path: Path) -> None:
    index = write_sharded(
        tmp_path / "model", {name: normal((4, 64), seed=i) for i, name in enumerate(["a.weight", "b.weight"])}
    )
    out = tmp_path / "out.safetensors"
    quantize(index, out, Request())
    with pytest.raises(InputError, match="names 3 input files, this is one"):
        verify(out, index.parent / "model-00001-of-00002.safetensors")
    (index.parent / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match="cannot read"):
        verify(out, index)


def test_nearest_entries_are_decided_exactly() -> None:
    """Exact ties, near ties of one unit in the last place, zero steps and zero weights."""
    table = np.array([[x, y] for x in range(-8, 8) for y in range(-4, 4)], np.int64) * 16
    rng = np.random.default_rng(0)
    d = np.float64(np.float16(0.0123))
    halves = rng.integers(-17, 16, (100, 2)) * 8 * d  # every odd multiple of 8 is a tie of two or four entries
    ulps = np.nextafter(halves.astype(np.float32), rng.choice([-np.inf, np.inf], (100, 2)).astype(np.float32))
    weights = np.concatenate([halves, ulps.astype(np.float64), np.zeros((5, 2)), rng.standard_normal((50, 2)) * 1e30])
    steps = np.resize(np.array([d, -d]), len(weights))
    steps[-3:] = 0

    def distances(i: int) -> list[Any]:
        w = [Fraction(value) / Fraction(steps[i]) for value in weights[i].tolist()]
        return [(w[0] - int(x)) ** 2 + (w[1] - int(y)) ** 2 for x, y in table]

    codes = np.array([0 if steps[i] == 0 else int(np.argmin(distances(i))) for i in range(len(weights))], np.uint8)
    assert first_not_nearest(weights, steps, codes, table) is None
    for i in rng.choice(len(weights), 20, replace=False).tolist():
        wrong = codes.copy()
        wrong[i] = (wrong[i] + 1) % 128 if steps[i] == 0 else np.argsort(distances(i), kind="stable")[1]
        assert first_not_nearest(weights, steps, wrong, table) == i
