"""The references against software of others. No library is the truth: where one differs is data, and counted exactly.

`spec/divergences.json` says for each known divergence which library of which version differs, how, and for how many of
how many inputs. A test that meets another number fails, also when a library has come to agree.
"""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.formats import SPEC
from conformance.ledger import Ledger
from conformance.subjects import reference

CLAIM: dict[str, Any] = {"subject": "reference", "truth": "independent-library"}
ARRAYS: dict[str, Any] = {"subject": "reference-vectorized", "truth": "independent-library"}
ML_DTYPES = {
    "e2m1": "float4_e2m1fn",
    "e2m3": "float6_e2m3fn",
    "e3m2": "float6_e3m2fn",
    "e4m3": "float8_e4m3fn",
    "e5m2": "float8_e5m2",
}
"""The names of the element formats in ml_dtypes; torch has the last two, of the same names."""
HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
"""Every float16."""
FINITE = HALVES[np.isfinite(HALVES)].astype(np.float32)
"""Every finite float16, both zeros among them, as float32."""


@pytest.fixture
def formats() -> Any:
    return reference("floats").FORMATS


@pytest.fixture
def mx() -> Any:
    return reference("mx")


@pytest.fixture
def arrays() -> Any:
    return reference("mx_vectorized")


def diverges(
    name: str, differs: NDArray[np.bool_], declared: NDArray[np.bool_], compared: Ledger, **claim: Any
) -> None:
    """Asserts that inputs differ exactly where the divergence called `name` says, and as many as its data say."""
    rows = json.loads((SPEC / "divergences.json").read_text())["divergences"]
    row = next(row for row in rows if row["id"] == name)
    found = version(row["library"]).partition("+")[0]
    assert row["version"] in (found, None), f"{name}: version {row['version']} is judged, {found} is installed"
    assert (differs == declared).all(), f"{name}: {int((differs != declared).sum())} inputs differ in another way"
    assert (int(differs.sum()), differs.size) == (row["differing"], row["of"]), f"{name}: declared {row['differing']}"
    compared.count(differs.size, **claim)


def bits_of(form: Any, values: NDArray[np.float32]) -> NDArray[np.int64]:
    """The reference's bits for float32 numbers, a negative zero kept where a size rounds to zero; -0 itself is +0."""
    sizes = {value: form.size_bits(Fraction(value)) for value in set(np.abs(values).tolist())}
    found = np.array([sizes[value] for value in np.abs(values).tolist()])
    return np.asarray(found + np.where(values < 0, form.sign_bit, 0))


def values_of(form: Any) -> NDArray[np.float64]:
    """The reference's values of all bits: NaN for what is no number."""
    values = [form.to_rat(bits) for bits in range(2 * form.sign_bit)]
    return np.array([np.nan if value is None else float(value) for value in values])


def numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """Values of a library as float64, NaN for infinities too."""
    with np.errstate(invalid="ignore"):
        wide = values.astype(np.float64)
    return np.where(np.isfinite(wide), wide, np.nan)


def middles(form: Any) -> NDArray[np.float32]:
    """Every tie of a small format and its float32 neighbours, both signs."""
    pairs = [(form.magnitude(a) + form.magnitude(a + 1)) / 2 for a in range(form.largest_bits)]
    points = np.array([float(x) for x in pairs], np.float32)
    near = [np.nextafter(points, np.float32(0)), points, np.nextafter(points, np.float32(1e9))]
    return np.concatenate([sign * x for x in near for sign in (1, -1)]).astype(np.float32)


def raw(bits: Any) -> NDArray[np.int64]:
    return np.asarray(bits).astype(np.int64)


# ml_dtypes


def ml_dtype(name: str) -> Any:
    import ml_dtypes

    return getattr(ml_dtypes, name)


@pytest.mark.parametrize("name", ML_DTYPES)
def test_values_of_ml_dtypes(name: str, formats: Any, compared: Ledger) -> None:
    """Every bit pattern, with the sign of its zero."""
    form = formats[name]
    codes = np.arange(2 * form.sign_bit, dtype=np.uint8)
    got = numbers(codes.view(ml_dtype(ML_DTYPES[name])))
    np.testing.assert_array_equal(got, values_of(form))
    zero = got == 0
    assert (np.signbit(got[zero]) == (codes[zero] >= form.sign_bit)).all()
    compared.count(codes.size, **CLAIM, level="exhaustive", domain=codes.size)


@pytest.mark.parametrize("name", ML_DTYPES)
def test_ties_of_ml_dtypes(name: str, formats: Any, compared: Ledger) -> None:
    form = formats[name]
    points = middles(form)
    got = raw(points.astype(ml_dtype(ML_DTYPES[name])).view(np.uint8))
    np.testing.assert_array_equal(got, bits_of(form, points))
    compared.count(points.size, **CLAIM, level="exhaustive", domain=6 * form.largest_bits)


@pytest.mark.parametrize("name", ML_DTYPES)
def test_every_half_by_ml_dtypes(name: str, formats: Any, compared: Ledger) -> None:
    """An input of -0 stays -0 there; E4M3 and E5M2 overflow to NaN and to infinity instead of the largest number."""
    form = formats[name]
    got = raw(FINITE.astype(ml_dtype(ML_DTYPES[name])).view(np.uint8))
    differs = got != bits_of(form, FINITE)
    negative_zero = (FINITE == 0) & np.signbit(FINITE)
    beyond = got % form.sign_bit > form.largest_bits
    diverges(f"ml_dtypes-{name}-halves", differs, negative_zero | beyond, compared, **CLAIM, level="sampled")


@pytest.mark.parametrize("name", ["e2m1", "e2m3", "e3m2"])
def test_nan_in_ml_dtypes(name: str, formats: Any, compared: Ledger) -> None:
    """A format without NaN has nothing to say of one; there +NaN becomes -0, and -NaN +0."""
    form, nans = formats[name], HALVES[np.isnan(HALVES)].astype(np.float32)
    with np.errstate(invalid="ignore"):
        got = raw(nans.astype(ml_dtype(ML_DTYPES[name])).view(np.uint8))
    opposite = got == np.where(np.signbit(nans), 0, form.sign_bit)
    diverges(f"ml_dtypes-{name}-nan", np.ones(nans.size, bool), opposite, compared, **CLAIM, level="sampled")


def test_scales_of_ml_dtypes(mx: Any, compared: Ledger) -> None:
    """All 256 scale bytes."""
    got = numbers(np.arange(256, dtype=np.uint8).view(ml_dtype("float8_e8m0fnu")).astype(np.float64))
    want = [np.nan if (x := mx.scale_to_rat(b)) is None else float(x) for b in range(256)]
    np.testing.assert_array_equal(got, np.array(want))
    compared.count(256, **CLAIM, level="exhaustive", domain=256)


def quarters() -> NDArray[np.float32]:
    """2^k times 1, 5/4, 3/2 and 7/4, for every normal power of two of float32."""
    powers = np.ldexp(np.float64(1), np.arange(-126, 128))
    return np.asarray((powers[:, None] * np.array([1, 1.25, 1.5, 1.75])).ravel(), np.float32)


def floors(mx: Any, values: NDArray[np.float32]) -> NDArray[np.int64]:
    """The scale bytes of the largest powers of two up to positive numbers."""
    return np.array([mx.scale_bits("clamp", mx.floor_log2(Fraction(float(value)))) for value in values])


def test_rounding_to_a_scale_in_ml_dtypes(mx: Any, compared: Ledger) -> None:
    """Its cast to E8M0 rounds to nearest: a half goes up, beyond the largest to NaN."""
    values = quarters()
    got = raw(values.astype(ml_dtype("float8_e8m0fnu")).view(np.uint8))
    declared = values.view(np.uint32) & 0x7FFFFF >= 0x400000
    diverges("ml_dtypes-e8m0-cast", got != floors(mx, values), declared, compared, **CLAIM, level="sampled")


# NumPy's float16 and float32; bfloat16 of ml_dtypes


def test_float16_of_numpy(formats: Any, compared: Ledger) -> None:
    form = formats["float16"]
    np.testing.assert_array_equal(numbers(HALVES), values_of(form))
    compared.count(65536, **CLAIM, level="exhaustive", domain=65536)


def test_bfloat16_of_ml_dtypes(formats: Any, compared: Ledger) -> None:
    form = formats["bfloat16"]
    codes = np.arange(1 << 16, dtype=np.uint16)
    np.testing.assert_array_equal(numbers(codes.view(ml_dtype("bfloat16"))), values_of(form))
    compared.count(65536, **CLAIM, level="exhaustive", domain=65536)


def any_floats() -> NDArray[np.float32]:
    """Finite float32 numbers of all sizes, no two alike, none a zero, the largest of both signs among them."""
    bits = np.unique(np.random.default_rng(35).integers(1, 1 << 31, 6000, dtype=np.uint32))
    values = (bits | bits << np.uint32(31)).view(np.float32)
    largest = np.finfo(np.float32).max
    return np.append(values[np.isfinite(values)], [largest, -largest])


@pytest.mark.parametrize(("name", "oracle"), [("float16", "numpy"), ("bfloat16", "ml_dtypes")])
def test_conversions_to_16_bits(name: str, oracle: str, formats: Any, compared: Ledger) -> None:
    """Both overflow to infinity instead of the largest number."""
    form, values = formats[name], any_floats()
    with np.errstate(over="ignore"):
        got = raw(values.astype(np.float16 if oracle == "numpy" else ml_dtype(name)).view(np.uint16))
    infinite = got % form.sign_bit == form.largest_bits + 1
    diverges(f"{oracle}-{name}", got != bits_of(form, values), infinite, compared, **CLAIM, level="sampled")


def test_rounding_to_float32_by_numpy(formats: Any, compared: Ledger) -> None:
    """The result of an operation, rounded once: doubles of the sizes of float32, subnormals included."""
    random = np.random.default_rng(36)
    doubles = np.ldexp(random.uniform(-1, 1, 4000), random.integers(-152, 128, 4000))
    got = [Fraction(x) for x in doubles.astype(np.float32).tolist()]
    compared.equal(got, [formats["float32"].round(Fraction(x)) for x in doubles.tolist()], **CLAIM, level="sampled")


# torch


@pytest.mark.parametrize("name", ["e4m3", "e5m2"])
def test_values_of_torch(name: str, formats: Any, compared: Ledger) -> None:
    import torch

    codes = torch.arange(256, dtype=torch.uint8)
    got = numbers(codes.view(getattr(torch, ML_DTYPES[name])).to(torch.float64).numpy())
    np.testing.assert_array_equal(got, values_of(formats[name]))
    compared.count(256, **CLAIM, level="exhaustive", domain=256)


@pytest.mark.parametrize("name", ["e4m3", "e5m2"])
def test_every_half_by_torch(name: str, formats: Any, compared: Ledger) -> None:
    """An input of -0 stays -0 there. E4M3 saturates as here; E5M2 overflows to infinity."""
    import torch

    form = formats[name]
    got = raw(torch.from_numpy(FINITE).to(getattr(torch, ML_DTYPES[name])).view(torch.uint8).numpy())
    negative_zero = (FINITE == 0) & np.signbit(FINITE)
    beyond = got % form.sign_bit > form.largest_bits
    differs = got != bits_of(form, FINITE)
    diverges(f"torch-{name}-halves", differs, negative_zero | beyond, compared, **CLAIM, level="sampled")


@pytest.mark.parametrize("name", ["e4m3", "e5m2"])
def test_ties_of_torch(name: str, formats: Any, compared: Ledger) -> None:
    import torch

    form = formats[name]
    points = middles(form)
    got = raw(torch.from_numpy(points).to(getattr(torch, ML_DTYPES[name])).view(torch.uint8).numpy())
    np.testing.assert_array_equal(got, bits_of(form, points))
    compared.count(points.size, **CLAIM, level="exhaustive", domain=6 * form.largest_bits)


# gguf: blocks of MXFP4, 17 bytes, elements j and j + 16 in a byte


def gguf_mxfp4() -> Any:
    from gguf.quants import MXFP4

    return MXFP4


def all_bytes() -> NDArray[np.uint8]:
    """Blocks with every scale byte and every code in both nibbles."""
    codes = np.arange(16, dtype=np.uint8)
    body = np.broadcast_to(codes | codes[::-1] << np.uint8(4), (256, 16))
    return np.concatenate([np.arange(256, dtype=np.uint8)[:, None], body], axis=1).astype(np.uint8)


def test_blocks_read_by_gguf(mx: Any, arrays: Any, compared: Ledger) -> None:
    """All scales times all codes. There the scale byte 255 is a number, and code 8 is +0."""
    kind, data = mx.element("e2m1"), all_bytes()
    with np.errstate(over="ignore"):
        got = gguf_mxfp4().dequantize(data)
    want = arrays.dequantize(arrays.unpack(data, kind, "halves"), kind)
    differs = got.view(np.uint32) != want.view(np.uint32)
    nan_scale = np.broadcast_to(data[:, :1] == 255, got.shape)
    negative_zero = (want == 0) & np.signbit(want)
    diverges("gguf-mxfp4-values", differs, nan_scale | negative_zero, compared, **ARRAYS, level="sampled")


def bell_blocks() -> NDArray[np.float32]:
    """500 blocks of bell-shaped numbers, sums of three integers, with spreads from 2^-20 to 2^20; no tie is met."""
    random = np.random.default_rng(37)
    sums = random.integers(-(1 << 21), 1 << 21, (500, 32, 3)).sum(axis=2)
    return np.asarray(np.ldexp(sums.astype(np.float32), random.integers(-41, 0, (500, 1))), np.float32)


def policy(mx: Any, **choices: str) -> Any:
    """The standard policy with a positive zero, as gguf's, and other choices."""
    fields = {"rule": "floor", "overflow": "clamp", "zero_scale": "smallest", "zero": "positive", "lowest": "unused"}
    return mx.MxPolicy(**(fields | choices))


def test_blocks_made_by_gguf(mx: Any, arrays: Any, compared: Ledger) -> None:
    """Byte for byte, for numbers that are no ties, with the declared nibble order and a positive zero."""
    kind, values = mx.element("e2m1"), bell_blocks()
    want = arrays.pack(arrays.quantize(values, kind, policy(mx)), kind, "halves")
    compared.bits(gguf_mxfp4().quantize(values), want, **ARRAYS, level="sampled")
    zeros = np.zeros((2, 32), np.float32)
    want = arrays.pack(arrays.quantize(zeros, kind, policy(mx)), kind, "halves")
    compared.bits(gguf_mxfp4().quantize(zeros), want, **ARRAYS, level="sampled")


@pytest.mark.parametrize("choice", ["low-first", "kept"])
def test_choices_of_gguf(choice: str, mx: Any, arrays: Any, compared: Ledger) -> None:
    """Its nibble order and its zeros are not the defaults here: how many bytes differ where only that is changed."""
    kind, values = mx.element("e2m1"), bell_blocks()
    same = arrays.pack(arrays.quantize(values, kind, policy(mx)), kind, "halves")
    if choice == "kept":
        ours = arrays.pack(arrays.quantize(values, kind, policy(mx, zero="kept")), kind, "halves")
    else:
        ours = arrays.pack(arrays.quantize(values, kind, policy(mx)), kind, "low-first")
    differs = gguf_mxfp4().quantize(values) != ours
    diverges(f"gguf-mxfp4-{choice}", differs, same != ours, compared, **ARRAYS, level="sampled")


def test_ties_of_gguf(mx: Any, arrays: Any, compared: Ledger) -> None:
    """Of two equally near elements it takes the first of its table, the smaller size: three ties of seven go wrong."""
    kind = mx.element("e2m1")
    ties = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0], np.float32)
    block = np.concatenate([[4.0], ties, -ties, np.zeros(17)]).astype(np.float32)
    blocks = np.ldexp(block, np.arange(-100, 101)[:, None]).astype(np.float32)
    got = arrays.unpack(gguf_mxfp4().quantize(blocks), kind, "halves")
    want = arrays.quantize(blocks, kind, policy(mx))
    np.testing.assert_array_equal(got.scales, want.scales)
    to_even = np.isin(np.abs(block), [0.75, 1.75, 3.5])
    declared = np.broadcast_to(to_even, got.elements.shape)
    diverges("gguf-mxfp4-ties", got.elements != want.elements, declared, compared, **ARRAYS, level="sampled")


def test_logarithms_of_gguf(mx: Any, arrays: Any, compared: Ledger) -> None:
    """Its logarithm is a float32: just below a power of two it is the power's, and the scale is twice too large."""
    kind = mx.element("e2m1")
    powers = np.ldexp(np.float32(1), np.arange(-124, 128)).astype(np.float32)
    below = np.nextafter(powers, np.float32(0))
    largest = np.stack([below, powers, np.nextafter(powers, np.float32(np.inf))])
    blocks = np.zeros((largest.size, 32), np.float32)
    blocks[:, 5] = largest.ravel()
    with np.errstate(over="ignore"):
        got = gguf_mxfp4().quantize(blocks)[:, 0]
    want = arrays.quantize(blocks, kind, policy(mx)).scales
    rounded_up = ~np.isin(powers, [0.5, 1, 2, 4])  # near these float32 numbers are close enough to tell them apart
    declared = np.concatenate([rounded_up, np.zeros(2 * powers.size, bool)])
    diverges("gguf-mxfp4-scales", got != want, declared, compared, **ARRAYS, level="sampled")
