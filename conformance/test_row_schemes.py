"""Whole rows of the published schemes: what Lean quantized and restored, asked of the reference and of every kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance import vectors
from conformance.formats import scheme
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject, exact_reference, reference
from conformance.test_vectors import exactly
from conformance.vectors import expect, float32_of, rational

ABSMAX_ROWS = ("codes", "restored", "step", "weights")
AFFINE_ROWS = ("matrix", "matrix_codes", "matrix_restored", "steps", "zeros")


def rationals(texts: list[str]) -> list[Any]:
    return [rational(text) for text in texts]


def test_absmax_of_the_reference(compared: Ledger) -> None:
    rows = reference("rows")
    exact = exact_reference()
    for row in vectors.having("rows", *ABSMAX_ROWS):
        weights = rationals(row["weights"])
        want = (row["step"], row["codes"])
        expect(rows.row_absmax(weights), want, row, "reference", compared)
        expect(exact.row_absmax(exact.formats.scheme("row-absmax"), weights), want, row, "reference", compared)
        restored = rows.restore_absmax(len(weights), want)
        expect(restored, rationals(row["restored"]), row, "reference", compared)
        expect(
            rows.restore_columns(rows.absmax_columns(row["step"], len(weights)), weights),
            restored,
            row,
            "reference",
            compared,
        )


def test_affine_of_the_reference(compared: Ledger) -> None:
    rows = reference("rows")
    exact = exact_reference()
    for row in vectors.having("rows", *AFFINE_ROWS):
        matrix, count = [rationals(texts) for texts in row["matrix"]], len(row["steps"])
        parameters = [rows.affine_column(matrix, column) for column in range(count)]
        want = (row["steps"], row["zeros"])
        expect(([s for s, _ in parameters], [z for _, z in parameters]), want, row, "reference", compared)
        expect(rows.row_affine(matrix), row["matrix_codes"], row, "reference", compared)
        restored = [rows.restore_affine(matrix, weights) for weights in matrix]
        expect(restored, [rationals(texts) for texts in row["matrix_restored"]], row, "reference", compared)
        columns = len(matrix[0])
        steps, zeros, codes = exact.row_affine(matrix, columns)
        got = (steps, zeros, codes)
        expect(got, (row["steps"][:columns], row["zeros"][:columns], row["matrix_codes"]), row, "reference", compared)


def test_absmax(array_subject: ArraySubject, compared: Ledger) -> None:
    """Every row whose weights are float32."""
    for row in vectors.having("rows", *ABSMAX_ROWS):
        weights = [float32_of(x) for x in rationals(row["weights"])]
        if weights and None not in weights:
            tensor = np.array([weights], np.float32)
            codes, steps = array_subject.quantize(tensor, scheme("row-absmax").id, 64)
            got = (int(steps[0, 0].view(np.uint16)), codes[0].tolist())
            expect(got, (row["step"], row["codes"]), row, array_subject.name, compared)
            back = array_subject.dequantize(codes, steps, "row-absmax", 64, len(weights))
            expect(exactly(back), rationals(row["restored"]), row, array_subject.name, compared)


def test_affine(array_subject: ArraySubject, compared: Ledger) -> None:
    """Every matrix whose weights are float32."""
    for row in vectors.having("rows", *AFFINE_ROWS):
        matrix = [[float32_of(x) for x in rationals(texts)] for texts in row["matrix"]]
        if all(None not in weights for weights in matrix):
            tensor = np.array(matrix, np.float32)
            columns = tensor.shape[1]
            codes, steps, zeros = array_subject.quantize_affine(tensor)
            got = (steps.ravel().view(np.uint16).tolist(), zeros.ravel().tolist(), codes.tolist())
            want = (row["steps"][:columns], row["zeros"][:columns], row["matrix_codes"])
            expect(got, want, row, array_subject.name, compared)
