"""The floating-point formats: the exact reference against Lean's answers and against the formula of the standard."""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import formats as spec
from conformance import vectors
from conformance.ledger import Ledger
from conformance.subjects import reference
from conformance.vectors import expect, optional, rational

SMALL = ("e2m1", "e2m3", "e3m2", "e4m3", "e5m2")
MEDIUM = ("float16", "bfloat16")
PARAMETERS = ("exponent_bits", "mantissa_bits", "bias", "specials")
DERIVED = ("unit_exponent", "sign_bit", "largest_bits")
FIGURES = ("units_of_one", "largest", "smallest_normal", "unit_roundoff", "underflow_error")
EXACT: dict[str, Any] = {"subject": "reference", "truth": "exact-rational"}
TINY = Fraction(1, 2**80)


@pytest.fixture
def formats() -> dict[str, Any]:
    """The reference's formats by name."""
    found: dict[str, Any] = reference("floats").FORMATS
    return found


def by_the_formula(form: Any, bits: int) -> Fraction | None:
    """(-1)^S 2^(E - bias) (1 + M / 2^m), where E = 0 (-1)^S 2^(1 - bias) (M / 2^m); None for infinities and NaNs."""
    one = 2**form.mantissa_bits
    sign, field = divmod(bits // one, 2**form.exponent_bits)
    mantissa, last = bits % one, field == 2**form.exponent_bits - 1
    if last and (form.specials == "ieee" or (form.specials == "nan" and mantissa == one - 1)):
        return None
    leading, exponent = (1, field - form.bias) if field else (0, 1 - form.bias)
    size: Fraction = Fraction(2) ** exponent * (leading + Fraction(mantissa, one))
    return -size if sign else size


def sizes(form: Any) -> list[Fraction]:
    """All non-negative numbers of a format in order; the place of each is its bits."""
    values = (by_the_formula(form, bits) for bits in range(2 ** (form.exponent_bits + form.mantissa_bits)))
    return [value for value in values if value is not None]


def nearest(ordered: list[Fraction], x: Fraction) -> int:
    """The place of the number nearest to |x|, ties to the even place, at most the last."""
    above = min(bisect_left(ordered, abs(x)), len(ordered) - 1)
    return min((above, max(above - 1, 0)), key=lambda a: (abs(ordered[a] - abs(x)), a % 2))


def test_the_rows_of_data_are_the_formats_of_lean(formats: dict[str, Any], compared: Ledger) -> None:
    """Every parameter of `spec/formats.json` and every figure that the reference derives from it."""
    data = {row["id"]: row for row in spec.formats()["floats"]}
    rows = vectors.having("floats", "format", *PARAMETERS, *DERIVED, *FIGURES)
    assert {row["format"] for row in rows} == data.keys() == formats.keys()
    for row in rows:
        form = formats[row["format"]]
        for name in PARAMETERS:
            expect(data[row["format"]][name], row[name], row, "reference", compared)
        for name in (*PARAMETERS, *DERIVED):
            expect(getattr(form, name), row[name], row, "reference", compared)
        for name in FIGURES:
            expect(Fraction(getattr(form, name)), rational(row[name]), row, "reference", compared)


def test_values(formats: dict[str, Any], compared: Ledger) -> None:
    for row in vectors.having("floats", "bits", "format", "value"):
        expect(formats[row["format"]].to_rat(row["bits"]), optional(row["value"]), row, "reference", compared)


def test_conversions(formats: dict[str, Any], compared: Ledger) -> None:
    for row in vectors.having("floats", "format", "kept", "positive", "ties", "x"):
        form, x = formats[row["format"]], rational(row["x"])
        expect(
            (form.of_rat("kept", x), form.of_rat("positive", x)),
            (row["kept"], row["positive"]),
            row,
            "reference",
            compared,
        )


def test_rounding_of_results(formats: dict[str, Any], compared: Ledger) -> None:
    for row in vectors.having("floats", "format", "rounded", "ties", "x"):
        expect(formats[row["format"]].round(rational(row["x"])), rational(row["rounded"]), row, "reference", compared)


@pytest.mark.parametrize("name", [*SMALL, *MEDIUM])
def test_all_bits(name: str, formats: dict[str, Any], compared: Ledger) -> None:
    """The value of every bit pattern, and back: the formula of the standard with its exponent and its leading 1."""
    form = formats[name]
    for bits in range(2 * form.sign_bit):
        value = form.to_rat(bits)
        assert value == by_the_formula(form, bits), f"{bits:#x}"
        assert value is None or form.of_rat("kept", value) == (0 if value == 0 else bits), f"{bits:#x}"
    compared.count(2 * form.sign_bit, **EXACT, level="exhaustive", domain=2 * form.sign_bit)
    outside = [2 * form.sign_bit, 3 * form.sign_bit, -1]
    compared.equal([form.to_rat(bits) for bits in outside], [None] * 3, **EXACT, level="sampled")


@pytest.mark.parametrize("name", SMALL)
def test_all_middles(name: str, formats: dict[str, Any], compared: Ledger) -> None:
    """Every tie of both signs and just beside it, for both rules for a zero's sign; then beyond the largest number."""
    form = formats[name]
    ordered = sizes(form)
    middles = [(low + high) / 2 for low, high in pairwise(ordered)]
    far = [form.largest + TINY, form.largest * 2, form.largest * 2**200]
    points = [x * sign for m in middles for x in (m - TINY, m, m + TINY) for sign in (1, -1)]
    points += [x * sign for x in far for sign in (1, -1)]
    for x in points:
        size = nearest(ordered, x)
        kept = size + form.sign_bit * (x < 0)
        assert form.of_rat("kept", x) == kept, x
        assert form.of_rat("positive", x) == (kept if size else 0), x
    compared.count(2 * len(points), **EXACT, level="exhaustive", domain=12 * (len(ordered) - 1) + 12)


@pytest.mark.parametrize("name", [*SMALL, "float16"])
@given(numerator=st.integers(-(10**9), 10**9), denominator=st.integers(1, 10**9))
def test_any_rational(name: str, numerator: int, denominator: int, formats: dict[str, Any], compared: Ledger) -> None:
    form = formats[name]
    ordered = sizes(form) if name in SMALL else HALVES
    for x in (Fraction(numerator, denominator), Fraction(numerator, denominator * 2**16)):
        size = nearest(ordered, x)
        want = size + form.sign_bit * (x < 0)
        compared.equal(form.of_rat("kept", x), want, **EXACT, level="sampled")
        if abs(x) <= form.largest:
            compared.equal(form.round(x), ordered[size] * (-1 if x < 0 else 1), **EXACT, level="sampled")


@pytest.mark.parametrize("name", [*SMALL, *MEDIUM, "float32"])
@given(numerator=st.integers(-(10**12), 10**12), denominator=st.integers(1, 10**9))
def test_the_error_of_rounding(
    name: str, numerator: int, denominator: int, formats: dict[str, Any], compared: Ledger
) -> None:
    """|x - fl x| <= u |x| + eta, and without eta where x is no smaller than the smallest normal number."""
    form = formats[name]
    for x in (Fraction(numerator, denominator), Fraction(numerator, denominator * 2**16)):
        error = abs(x - form.round(x))
        assert error <= form.unit_roundoff * abs(x) + form.underflow_error
        assert abs(x) < form.smallest_normal or error <= form.unit_roundoff * abs(x)
        compared.count(1, **EXACT, level="sampled")


class _Half:
    exponent_bits, mantissa_bits, bias, specials = 5, 10, 15, "ieee"


HALVES = sizes(_Half)
