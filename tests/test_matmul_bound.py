"""The bounds of sums and products: the mirror of the Lean definitions, on exact numbers and against real float32."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from q35ref import float_sum, formats, matmul_bound, vectorized
from q35ref.errors import InputError
from q35ref.float_sum import Add, Fma, Leaf, Product
from q35ref.floats import float32
from q35ref.matmul_bound import ProductBlock

FLOAT32 = float32.unit_roundoff, float32.underflow_error
TREES = st.recursive(
    st.builds(Leaf, st.floats(-1e6, 1e6, width=32).map(Fraction))
    | st.builds(Product, st.integers(-(1 << 20), 1 << 20), st.fractions(-9, 9, max_denominator=99)),
    lambda trees: st.builds(Add, trees, trees) | st.builds(Fma, st.integers(-99, 99), st.integers(-99, 99), trees),
    max_leaves=12,
)


@given(TREES)
def test_a_sum_is_off_by_at_most_its_bound(tree: float_sum.SumTree) -> None:
    found, numbers = float_sum.evaluate(float32.round, tree), float_sum.terms(tree)
    assert abs(sum(numbers) - found) <= float_sum.error_bound(*FLOAT32, tree)
    assert float_sum.depth(tree) <= len(numbers)
    assert float_sum.roundings(tree) + 1 <= 2 * len(numbers)


def test_order_grouping_and_fusing_matter_as_lean_says() -> None:
    one, large = Leaf(1), Leaf(1 << 24)
    assert float_sum.evaluate(float32.round, float_sum.chain(large, [one, one])) == 1 << 24
    assert float_sum.evaluate(float32.round, float_sum.chain(one, [one, large])) == (1 << 24) + 2
    assert float_sum.evaluate(float32.round, Add(Leaf(-16785408), Product(4097, 4097))) == 0
    assert float_sum.evaluate(float32.round, Fma(4097, 4097, Leaf(-16785408))) == 1


def test_the_row_that_lean_proves_tight() -> None:
    """`matmul_bound_attained`: an error of 33, all of the quantization part."""
    row = [
        ProductBlock(_fractions([5, 6]), _fractions([1, 2]), Fraction(2), [2, 4], _fractions([3, -5]), [3, -5]),
        ProductBlock(
            _fractions([6, -4, 2]),
            _fractions([2, 4, 2]),
            Fraction(-4),
            [-2, 0, 0],
            _fractions([-7, -1, 1]),
            [-7, -1, 1],
        ),
    ]
    assert all(block.valid for block in row)
    computed = matmul_bound.matmul_row(float32.round, Fraction(1), matmul_bound.operands(row))
    assert abs(matmul_bound.exact_row(row) - computed) == matmul_bound.quantization_bound(Fraction(1), row) == 33
    bound = matmul_bound.matmul_bound(*FLOAT32, Fraction(1), row)
    assert 33 < bound < 33 + Fraction(1, 10000)


def test_an_error_that_is_too_small_is_not_valid() -> None:
    one = [Fraction(1)]
    assert ProductBlock([Fraction(5)], one, Fraction(2), [2], one, [1]).valid
    assert not ProductBlock([Fraction(5)], [Fraction(1, 2)], Fraction(2), [2], one, [1]).valid
    assert not ProductBlock([Fraction(5)] * 2, one, Fraction(2), [2], one, [1]).valid
    assert not ProductBlock([Fraction(5)], one, Fraction(2), [2], one, []).valid


@pytest.mark.parametrize(("scheme", "cols"), [("codebook", 70), ("block", 33)])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_outputs_of_a_layer_are_within_both_bounds(scheme: str, cols: int, seed: int) -> None:
    """The double version is at least the exact bound, by little, and the reference's outputs are within the exact one
    and equal to `matmul_row`.
    """
    random = np.random.default_rng(seed)
    weights = random.standard_normal((2, cols)).astype(np.float32)
    x = random.standard_normal((2, cols)).astype(np.float32)
    scale = (np.abs(x).max(axis=1) / np.float32(127)).astype(np.float32)
    table, q = formats.table(scheme), vectorized.quantize(weights, scheme, 32)
    a = np.array(
        [matmul_bound.quantize_activations(Fraction(float(s)), _fractions(r)) for r, s in zip(x, scale, strict=True)],
        np.int8,
    )
    errors = np.nextafter(np.abs(weights.astype(np.float64) - vectorized.dequantize(q)), np.inf)
    outputs = vectorized.matmul(a, scale, q.codes, q.steps, table, 32)
    bounds = matmul_bound.matmul_bounds(x, a, scale, q.codes, q.steps, table, 32, errors)
    for m, n in np.ndindex(outputs.shape):
        row = []
        for start in range(0, cols, 32):
            part = slice(start, start + 32)
            entries = table[q.codes[n]].reshape(-1)[:cols][part].tolist()
            step, ints = Fraction(float(q.steps[n, start // 32])), a[m, part].tolist()
            numbers = [_fractions(values[part]) for values in (weights[n], errors[n], x[m])]
            row.append(ProductBlock(numbers[0], numbers[1], step, entries, numbers[2], ints))
        s = Fraction(float(scale[m]))
        bound = matmul_bound.matmul_bound(*FLOAT32, s, row)
        computed = matmul_bound.matmul_row(float32.round, s, matmul_bound.operands(row))
        assert all(block.valid for block in row)
        assert computed == Fraction(float(outputs[m, n]))
        assert abs(matmul_bound.exact_row(row) - computed) <= bound
        assert bound <= Fraction(float(bounds[m, n])) <= bound * (1 + Fraction(1, 1 << 38))


def _fractions(values: Sequence[float]) -> list[Fraction]:
    return [Fraction(float(value)) for value in values]


def test_shapes_that_do_not_fit_are_refused() -> None:
    x, a, scale = np.ones((1, 4), np.float32), np.ones((1, 4), np.int8), np.ones(1, np.float32)
    codes, steps, table = np.zeros((1, 2), np.uint8), np.ones((1, 1), np.float16), formats.table("block")
    matmul_bound.matmul_bounds(x, a, scale, codes, steps, table, 64, np.ones((1, 4)))
    with pytest.raises(InputError):
        matmul_bound.matmul_bounds(x, a, scale, codes, steps, table, 64, np.ones((1, 3)))
    with pytest.raises(InputError):
        matmul_bound.matmul_bounds(x, a, scale, codes, steps, table, 64, np.ones((2, 4)))
