"""Sums and matrix products in floating point: the exact reference against Lean's answers, and IEEE single precision
against the same rounding."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from conformance import vectors
from conformance.ledger import Ledger
from conformance.subjects import reference
from conformance.vectors import Row, rational

SUM_ROWS = ("bound", "computed", "depth", "format", "magnitude", "roundings", "sum", "tree")
PRODUCT_ROWS = ("activation_scale", "blocks", "bound", "computed", "product", "quantization_bound", "scheme")
LEAN: dict[str, Any] = {"subject": "reference", "truth": "lean-vector", "level": "sampled"}


def expect(got: object, want: object, row: Row, compared: Ledger) -> None:
    """Compares one figure; a difference names the row and the bugs that it detects."""
    assert got == want, f"{row.place} (detects {', '.join(row.flags)}): {got!r} instead of Lean's {want!r}"
    compared.count(1, **LEAN)


def tree_of(float_sum: Any, data: list[Any]) -> Any:
    """The tree of operations that a row writes as nested lists."""
    match data:
        case ["leaf", x]:
            return float_sum.Leaf(rational(x))
        case ["product", a, b]:
            return float_sum.Product(rational(a), rational(b))
        case ["add", left, right]:
            return float_sum.Add(tree_of(float_sum, left), tree_of(float_sum, right))
        case ["fma", a, b, rest]:
            return float_sum.Fma(rational(a), rational(b), tree_of(float_sum, rest))
    raise ValueError(f"{data[0]} is no operation")


def row_of(matmul_bound: Any, blocks: list[dict[str, Any]]) -> list[Any]:
    """The blocks of a row."""
    return [
        matmul_bound.ProductBlock(
            *([rational(x) for x in block[name]] for name in ("weights", "errors")),
            rational(block["step"]),
            block["entries"],
            [rational(x) for x in block["activations"]],
            block["ints"],
        )
        for block in blocks
    ]


def test_sums(compared: Ledger) -> None:
    """Every order, grouping and fusing: the computed value, and what its error can be."""
    float_sum, formats = reference("float_sum"), reference("floats").FORMATS
    for row in vectors.having("products", *SUM_ROWS):
        form, tree = formats[row["format"]], tree_of(float_sum, row["tree"])
        expect(float_sum.evaluate(form.round, tree), rational(row["computed"]), row, compared)
        expect(sum(float_sum.terms(tree), Fraction(0)), rational(row["sum"]), row, compared)
        expect((float_sum.depth(tree), float_sum.roundings(tree)), (row["depth"], row["roundings"]), row, compared)
        bound = float_sum.error_bound(form.unit_roundoff, form.underflow_error, tree)
        expect(bound, rational(row["bound"]), row, compared)
        assert abs(rational(row["computed"]) - rational(row["sum"])) <= bound, row.place


def test_products(compared: Ledger) -> None:
    """Rows of a matrix product: the exact output, the one that the kernels compute, and its bound."""
    matmul_bound, float32 = reference("matmul_bound"), reference("floats").FORMATS["float32"]
    for row in vectors.having("products", *PRODUCT_ROWS):
        blocks, s = row_of(matmul_bound, row["blocks"]), rational(row["activation_scale"])
        assert all(block.valid for block in blocks), row.place
        expect(matmul_bound.exact_row(blocks), rational(row["product"]), row, compared)
        computed = matmul_bound.matmul_row(float32.round, s, matmul_bound.operands(blocks))
        expect(computed, rational(row["computed"]), row, compared)
        expect(matmul_bound.quantization_bound(s, blocks), rational(row["quantization_bound"]), row, compared)
        bound = matmul_bound.matmul_bound(float32.unit_roundoff, float32.underflow_error, s, blocks)
        expect(bound, rational(row["bound"]), row, compared)
        assert abs(computed - rational(row["product"])) <= bound, row.place


def test_products_in_single_precision(compared: Ledger) -> None:
    """The same rows with the machine's float32: what Lean computes is what IEEE arithmetic gives."""
    matmul_bound = reference("matmul_bound")
    for row in vectors.having("products", *PRODUCT_ROWS):
        acc = np.float32(0)
        for block in row_of(matmul_bound, row["blocks"]):
            acc = np.float32(acc + np.float32(np.float32(float(block.step)) * np.float32(block.dot)))
        out = np.float32(acc * np.float32(float(rational(row["activation_scale"]))))
        expect(Fraction(float(out)), rational(row["computed"]), row, compared)


@pytest.mark.parametrize("name", ["float32", "float16"])
def test_sums_in_hardware_order(name: str, compared: Ledger) -> None:
    """Trees without a fused operation, evaluated with NumPy's own arithmetic of the format."""
    kind = np.dtype(name).type

    def run(data: list[Any]) -> Any:
        match data:
            case ["leaf", x]:
                return kind(float(rational(x)))
            case ["product", a, b]:
                return kind(kind(float(rational(a))) * kind(float(rational(b))))
            case ["add", left, right]:
                return kind(run(left) + run(right))
        raise LookupError("fused")

    def stands_in(data: list[Any]) -> bool:
        """Whether every number of the tree is one of the format, and nothing is fused."""
        if data[0] in ("leaf", "product"):
            return all(Fraction(float(kind(float(rational(x))))) == rational(x) for x in data[1:])
        return data[0] == "add" and all(stands_in(part) for part in data[1:])

    rows = [r for r in vectors.having("products", *SUM_ROWS) if r["format"] == name and stands_in(r["tree"])]
    for row in rows:
        expect(Fraction(float(run(row["tree"]))), rational(row["computed"]), row, compared)
