"""The Microscaling formats: the exact reference against Lean's answers, and all scales times all elements."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from conformance import formats, vectors
from conformance.formats import ELEMENTS, POLICY, RULES
from conformance.ledger import Ledger
from conformance.subjects import exact_reference, reference
from conformance.vectors import expect, octets, optional, rational

EXACT: dict[str, Any] = {"subject": "reference", "truth": "exact-rational"}


@pytest.fixture
def mx() -> Any:
    return reference("mx")


def test_the_rows_of_data_are_the_elements_of_lean(mx: Any, compared: Ledger) -> None:
    data = {row["id"]: row for row in formats.formats()["mx"]["elements"]}
    counts = ("width", "emax", "mantissa_bits", "largest_units")
    figures = ("largest", "units_of_one", "top_spacing", "clip_gap")
    keys = ("block_bits", "block_size", "element", "format", *counts, *figures)
    rows = vectors.having("mx_elements", *keys)
    assert tuple(row["element"] for row in rows) == ELEMENTS == tuple(data) == tuple(mx.ELEMENTS)
    for row in rows:
        kind = mx.element(row["element"])
        for name in ("width", "emax"):
            expect((data[kind.id][name], getattr(kind, name)), (row[name], row[name]), row, "reference", compared)
        expect(
            kind.format, None if row["format"] is None else mx.floats.FORMATS[row["format"]], row, "reference", compared
        )
        for name in counts:
            expect(getattr(kind, name), row[name], row, "reference", compared)
        for name in figures:
            expect(getattr(kind, name), rational(row[name]), row, "reference", compared)
        expect(
            (mx.mx_block_size, mx.mx_block_bits(kind)),
            (row["block_size"], row["block_bits"]),
            row,
            "reference",
            compared,
        )


def test_the_choices_are_those_of_lean(mx: Any, compared: Ledger) -> None:
    """Every choice of a policy that Lean knows is a choice of the parameters, and the default one is in a vector."""
    parameters = formats.formats()["mx"]["parameters"]
    seen = {name: {row[name] for row in vectors.rows("mx_blocks") if name in row.data} for name in POLICY}
    for name in POLICY:
        parameter = parameters[POLICY[name]]
        assert seen[name] == set(parameter["choices"]), name
        compared.equal(getattr(mx.standard, name), parameter["default"], **EXACT, level="sampled")
    for parameter in parameters.values():
        assert parameter["default"] in parameter["choices"]


def test_scales(mx: Any, compared: Ledger) -> None:
    for row in vectors.having("mx_scales", "scale", "value"):
        expect(mx.scale_to_rat(row["scale"]), optional(row["value"]), row, "reference", compared)
    for row in vectors.having("mx_scales", "clamp", "exponent", "nan"):
        got = (mx.scale_bits("clamp", row["exponent"]), mx.scale_bits("nan", row["exponent"]))
        expect(got, (row["clamp"], row["nan"]), row, "reference", compared)


def test_logarithms(mx: Any, compared: Ledger) -> None:
    """Every power of two of float32, its predecessor and its successor."""
    for row in vectors.having("mx_scales", "ceil_log2", "floor_log2", "x"):
        x = rational(row["x"])
        expect((mx.floor_log2(x), mx.ceil_log2(x)), (row["floor_log2"], row["ceil_log2"]), row, "reference", compared)


def test_scale_exponents(mx: Any, compared: Ledger) -> None:
    for row in vectors.having("mx_scales", "element", "m", *RULES):
        kind, m = mx.element(row["element"]), rational(row["m"])
        for rule in RULES:
            got = mx.scale_exponent(rule, kind.emax, kind.largest, kind.mantissa_bits, m)
            expect(got, row[rule], row, "reference", compared)


def test_elements(mx: Any, compared: Ledger) -> None:
    for row in vectors.having("mx_elements", "bits", "element", "units", "value"):
        kind = mx.element(row["element"])
        got = (kind.to_rat(row["bits"]), kind.units(row["bits"]))
        expect(got, (optional(row["value"]), rational(row["units"])), row, "reference", compared)


def test_integer_elements(mx: Any, compared: Ledger) -> None:
    for row in vectors.having("mx_elements", "element", "ties", "unused", "used", "x"):
        x = rational(row["x"])
        got = (mx.int8_of_rat("unused", x), mx.int8_of_rat("used", x))
        expect(got, (row["unused"], row["used"]), row, "reference", compared)


def test_sizes(mx: Any, compared: Ledger) -> None:
    for row in vectors.having("mx_elements", "count", "element", "row_bytes"):
        expect(mx.mx_row_bytes(mx.element(row["element"]), row["count"]), row["row_bytes"], row, "reference", compared)
    shape = ("layers", "heads", "dim", "tokens")
    for row in vectors.having("mx_elements", "cache_bytes", "element", "fp16_cache_bytes", *shape):
        counts = [row[name] for name in shape]
        got = (mx.mx_kv_cache_bytes(mx.element(row["element"]), *counts), mx.fp16_kv_cache_bytes(*counts))
        expect(got, (row["cache_bytes"], row["fp16_cache_bytes"]), row, "reference", compared)


def test_blocks(mx: Any, compared: Ledger) -> None:
    """Blocks under the policy that their rows name, quantized and read back."""
    for row in vectors.having("mx_blocks", "decoded", "element", "elements", "scale", "ties", "values", *POLICY):
        kind, policy = mx.element(row["element"]), mx.MxPolicy(*(row[name] for name in POLICY))
        values = [optional(text) for text in row["values"]]
        block = mx.quantize_block_mx(policy, kind, values)
        expect((block.scale, block.elements), (row["scale"], octets(row["elements"])), row, "reference", compared)
        decoded = [optional(text) for text in row["decoded"]]
        expect(mx.dequantize_block_mx(kind, block), decoded, row, "reference", compared)
        expect(mx.restore_block_mx(policy, kind, values), decoded, row, "reference", compared)
        if None not in decoded:
            step = mx.scale_to_rat(block.scale) / kind.units_of_one
            expect([n * step for n in mx.mx_units(kind, block)], decoded, row, "reference", compared)


def test_dots(mx: Any, compared: Ledger) -> None:
    for row in vectors.having("mx_blocks", "a", "b", "element", "other", "units"):
        a = mx.mx_units(mx.element(row["element"]), mx.MxBlock(127, octets(row["a"])))
        b = mx.mx_units(mx.element(row["other"]), mx.MxBlock(127, octets(row["b"])))
        for factors in ((a, b), (b, a)):
            expect(exact_reference().dot_int(*factors), rational(row["units"]), row, "reference", compared)


@cache
def values_of_lean(name: str) -> list[Fraction | None]:
    """What Lean says that the bits of an element stand for, in their order."""
    rows = vectors.having("mx_elements", "bits", "element", "units", "value")
    found = {row["bits"]: optional(row["value"]) for row in rows if row["element"] == name}
    return [found[code] for code in range(len(found))]


@pytest.mark.parametrize("name", ELEMENTS)
def test_all_scales_times_all_elements(name: str, mx: Any, compared: Ledger) -> None:
    """2^(b - 127) times the element, for b = 0 too; NaN for b = 255 and for elements that are no number."""
    kind = mx.element(name)
    codes = range(1 << kind.width)
    elements = values_of_lean(name)[: len(codes)]
    for scale in range(256):
        factor = None if scale == 255 else Fraction(2 ** max(scale - 127, 0), 2 ** max(127 - scale, 0))
        for code, value in zip(codes, elements, strict=True):
            want = None if factor is None or value is None else factor * value
            assert mx.mx_value(kind, scale, code) == want, (scale, code)
    compared.count(256 << kind.width, **EXACT, level="exhaustive", domain=256 << kind.width)


def test_an_unknown_element_is_refused(mx: Any, compared: Ledger) -> None:
    error = reference("errors").InputError
    compared.refused(lambda: mx.element("e1m2"), error, ["e1m2", "int8"], **EXACT, level="sampled")
