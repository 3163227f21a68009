"""Sums by adders of several operands and products on matrix units: the mirror of the Lean definitions, exactly, with
imitated tensor cores, and in doubles against real float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from q35ref import adder_tree, formats, mx, mx_vectorized, vectorized
from q35ref.adder_tree import Adder, AdderTree
from q35ref.errors import InputError
from q35ref.float_sum import Leaf
from q35ref.floats import FloatFormat, bfloat16, float16, float32
from q35ref.linear_float_bound import (
    IEEE,
    MFMA,
    TENSOR_CORE,
    FloatBlock,
    MatrixUnit,
    float_terms,
    linear_float_bound,
    linear_float_bounds,
    mx_linear_bounds,
    output_bound,
    row_magnitude,
    step_sizes,
    stored_row,
)
from q35ref.mx import two_pow

FLOATS = st.floats(-1e6, 1e6, width=32).map(Fraction)


def aligned(bits: int, operands: Sequence[AdderTree]) -> Adder:
    """An aligned adder of these operands: it counts for one level fewer than it has operands."""
    inputs = adder_tree.beside(operands)
    return Adder(len(operands) - 1, adder_tree.aligned_adder(bits, -149, adder_tree.operands(inputs)), inputs)


def rounded(operands: Sequence[AdderTree]) -> Adder:
    """One rounded addition of all the operands."""
    inputs = adder_tree.beside(operands)
    return Adder(1, float32.round(sum(adder_tree.operands(inputs))), inputs)


TREES = st.recursive(
    FLOATS.map(Leaf),
    lambda trees: (
        st.builds(aligned, st.integers(24, 26), st.lists(trees, min_size=4, max_size=6))
        | st.builds(rounded, st.lists(trees, min_size=2, max_size=3))
    ),
    max_leaves=20,
)


@given(TREES)
def test_a_sum_by_adders_is_off_by_at_most_its_bound(tree: AdderTree) -> None:
    exact, found = sum(adder_tree.terms(tree)), sum(adder_tree.operands(tree))
    assert adder_tree.obeys(TENSOR_CORE.u, TENSOR_CORE.eta, tree)
    assert abs(exact - found) <= adder_tree.error_bound(TENSOR_CORE.u, TENSOR_CORE.eta, tree)
    assert adder_tree.depth(tree) < len(adder_tree.terms(tree))
    assert adder_tree.roundings(tree) < len(adder_tree.terms(tree))


def test_aligned_adders_lose_what_lean_says() -> None:
    """`alignedAdder_nearly_tight`, and an adder that claims too few levels does not obey."""
    numbers = [Fraction(1), *[Fraction(1023, 1 << 34)] * 3]
    assert adder_tree.aligned_adder(24, -149, numbers) == 1
    assert float32.round(sum(numbers)) == 1 + two_pow(-23)
    tree = aligned(24, [Leaf(x) for x in numbers])
    bound = adder_tree.error_bound(two_pow(-23), two_pow(-148), tree)
    assert bound * Fraction(49, 100) <= sum(numbers) - 1 <= bound
    assert adder_tree.obeys(two_pow(-23), two_pow(-148), tree)
    assert not adder_tree.obeys(two_pow(-23), two_pow(-148), Adder(1, tree.result, tree.operands))
    assert not adder_tree.obeys(two_pow(-26), two_pow(-148), tree)


@pytest.mark.parametrize(
    ("bits", "low", "x", "expected"),
    [(1, -9, 7, 6), (1, -9, -7, -6), (2, 0, Fraction(-7, 2), -3), (3, -1, Fraction(3, 8), 0), (3, -9, 0, 0)],
)
def test_cutting_off(bits: int, low: int, x: int | Fraction, expected: int) -> None:
    assert adder_tree.truncate(bits, low, Fraction(x)) == expected


def tensor_core_dot(x: Sequence[Fraction], t: Sequence[Fraction], at_once: int = 8) -> Fraction:
    """A dot product by aligned adders of 24 bits, `at_once` products and the accumulator each."""
    total = Fraction(0)
    for start in range(0, len(x), at_once):
        part = slice(start, start + at_once)
        products = [a * b for a, b in zip(x[part], t[part], strict=True)]
        products += [Fraction(0)] * (at_once - len(products))
        total = adder_tree.aligned_adder(24, -149, [total, *products])
    return total


def float_dot(x: Sequence[Fraction], t: Sequence[Fraction]) -> Fraction:
    """A dot product by fused float32 operations, the last product first."""
    total = Fraction(0)
    for a, b in zip(reversed(x), reversed(t), strict=True):
        total = float32.round(total + a * b)
    return total


def computed(row: Sequence[FloatBlock], bias: Fraction) -> Fraction:
    """Blocks in order from 0, then the bias, as `floatTree`."""
    total = Fraction(0)
    for term in float_terms(row):
        total = float32.round(total + float32.round(term))
    return float32.round(total + bias)


@pytest.mark.parametrize(("unit", "dot"), [(TENSOR_CORE, tensor_core_dot), (IEEE, float_dot)])
@pytest.mark.parametrize(("form", "cols"), [(float16, 70), (bfloat16, 33)])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_outputs_are_within_both_bounds(
    unit: MatrixUnit,
    dot: Callable[[Sequence[Fraction], Sequence[Fraction]], Fraction],
    form: FloatFormat,
    cols: int,
    seed: int,
) -> None:
    """An imitated kernel is within the exact bound, and the doubles are at least that, by little."""
    random = np.random.default_rng(seed)
    weights = random.standard_normal((2, cols)).astype(np.float32)
    x = np.array([[float(form.round(Fraction(value))) for value in random.standard_normal(cols)]])
    bias = random.standard_normal(2).astype(np.float32)
    q = vectorized.quantize(weights, "codebook", 32)
    table = formats.table("codebook")
    expected, bounds = linear_float_bounds(x, q.codes, q.steps, table, 32, bias, unit=unit)
    of_output = linear_float_bounds(x, q.codes, q.steps, table, 32, bias, form, unit)
    for n in range(2):
        row = []
        for start in range(0, cols, 32):
            part = slice(start, min(start + 32, cols))
            numbers = _fractions(x[0, part])
            entries = _fractions(table[q.codes[n]].reshape(-1)[part])
            row.append(FloatBlock(Fraction(float(q.steps[n, start // 32])), entries, numbers, dot(numbers, entries)))
        added = Fraction(float(bias[n]))
        exact, found = stored_row(row) + added, computed(row, added)
        bound = linear_float_bound(unit, 32, len(row), row_magnitude(row), step_sizes(row), abs(added))
        assert abs(exact - found) <= bound
        _is_covered(exact, bound, expected[0, n], bounds[0, n])
        bound = output_bound(form, bound, exact)
        assert abs(exact - form.round(found)) <= bound
        _is_covered(exact, bound, of_output[0][0, n], of_output[1][0, n])


def _is_covered(exact: Fraction, bound: Fraction, expected: float, found: float) -> None:
    """The doubles stand for an interval that holds the exact one, and is hardly wider."""
    off = abs(Fraction(float(expected)) - exact)
    assert bound + off <= Fraction(float(found)) <= bound * (1 + Fraction(1, 1 << 10))


def _fractions(values: Sequence[float]) -> list[Fraction]:
    return [Fraction(float(value)) for value in values]


@pytest.mark.parametrize("form", [float16, bfloat16])
def test_products_are_exact_in_float32(form: FloatFormat) -> None:
    """`float32_mul_int8`, `float32_mul_element`, `operand_int8`, `operand_element`: at both ends of the formats."""
    elements = {value for kind in mx.ELEMENTS.values() for b in range(1 << kind.width) if (value := kind.to_rat(b))}
    operands = {Fraction(t) for t in range(-128, 128)} | elements
    places = [0, 1, 2, 1 << form.mantissa_bits, form.largest_bits - 1, form.largest_bits]
    for x in map(form.magnitude, places):
        assert all(float32.round(x * t) == x * t for t in operands)
    assert all(form.round(t) == t and abs(t) <= form.largest for t in operands)


@pytest.mark.parametrize("kind", ["e2m1", "e5m2", "int8"])
def test_mx_outputs_are_within_their_bounds(kind: str) -> None:
    random = np.random.default_rng(5)
    element = mx.ELEMENTS[kind]
    weights = random.standard_normal((3, 70)).astype(np.float32)
    blocks = mx_vectorized.quantize(mx_vectorized.blocks_of(weights), element, mx.standard)
    x = random.standard_normal((2, 70)).astype(np.float16)
    stored = mx_vectorized.dequantize(blocks, element).reshape(3, -1)[:, :70]
    expected, bounds = mx_linear_bounds(x, blocks, element)
    outputs = x.astype(np.float32) @ stored.T
    np.testing.assert_allclose(expected, x.astype(np.float64) @ stored.T.astype(np.float64), rtol=0, atol=1e-12)
    assert (np.abs(outputs - expected) <= bounds).all()
    assert (bounds < 1e-4 * np.abs(x).astype(np.float64) @ np.abs(stored).T).all()


def test_a_wrong_weight_is_seen() -> None:
    """One code off by one entry is beyond the bound of an output of 4096 weights."""
    random = np.random.default_rng(7)
    codes, steps = random.integers(0, 128, (1, 2048)).astype(np.uint8), np.full((1, 64), 0.01, np.float16)
    table, x = formats.table("block"), np.ones((1, 4096), np.float16)
    expected, bounds = linear_float_bounds(x, codes, steps, table, 64)
    codes[0, 77] ^= 8
    other, _ = linear_float_bounds(x, codes, steps, table, 64)
    assert np.abs(other - expected) > bounds


def test_flushed_activations_widen_the_bound() -> None:
    codes, steps, table = np.full((1, 1), 8, np.uint8), np.ones((1, 1), np.float16), formats.table("block")
    x = np.array([[2.0**-15, 1.0]])
    _, bounds = linear_float_bounds(x, codes, steps, table, 32, unit=TENSOR_CORE)
    _, wider = linear_float_bounds(x, codes, steps, table, 32, unit=MFMA)
    assert bounds < 2.0**-15 <= wider


def test_what_does_not_fit_or_could_overflow_is_refused() -> None:
    codes, steps, table = np.zeros((1, 2), np.uint8), np.ones((1, 1), np.float16), formats.table("block")
    codes[0, 0] = 8
    x = np.ones((1, 4), np.float16)
    linear_float_bounds(x, codes, steps, table, 64)
    for wrong, what in ((x[:, :2], codes), (x, codes[:, :1]), (x * np.float16(np.inf), codes)):
        with pytest.raises(InputError):
            linear_float_bounds(wrong, what, steps, table, 64)
    with pytest.raises(InputError, match="group"):
        linear_float_bounds(x, codes, steps, table, 64, group=24)
    with pytest.raises(InputError, match="overflow float32"):
        linear_float_bounds(x.astype(np.float64) * 2.0**127, codes, steps, table, 64)
    linear_float_bounds(x * np.float16(65504), codes, steps, table, 64, output=bfloat16)
    with pytest.raises(InputError, match="its format"):
        linear_float_bounds(x * np.float16(65504), codes, steps, table, 64, output=float16)
    blocks = mx_vectorized.MxBlocks(np.array([127], np.uint8), np.zeros((1, 32), np.uint8))
    mx_linear_bounds(x, blocks, mx.ELEMENTS["e2m1"])
    with pytest.raises(InputError, match="NaN"):
        mx_linear_bounds(x, mx_vectorized.MxBlocks(np.array([255], np.uint8), blocks.elements), mx.ELEMENTS["e2m1"])
    with pytest.raises(InputError, match="rows"):
        mx_linear_bounds(np.ones((1, 64), np.float16), blocks, mx.ELEMENTS["e2m1"])
