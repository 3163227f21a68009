"""Whole rows of the published schemes: the Lean definitions of `proofs/Q35/Columns.lean` and `Schemes.lean`, under the
same names, on integers and fractions. A row is a list of weights, a matrix a list of rows.

`q35ref.exact` quantizes such rows too; here is also what they come back as.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from q35ref import exact
from q35ref.exact import pairs_of, slot_range
from q35ref.floats import Number


@dataclass(frozen=True)
class Column:
    """How the weights of one column are quantized: a step, and the integer that stands for 0."""

    step: Fraction
    zero: int

    def position(self, weight: Number) -> Fraction:
        """Where a weight lies in its slot, in units of the step; 0 with the step 0."""
        return Fraction(weight) / self.step + self.zero if self.step else Fraction(0)

    def value(self, q: int) -> Fraction:
        """What the integer `q` of the slot comes back as."""
        return self.step * (q - self.zero)

    def quantize(self, low: int, high: int, weight: Number) -> int:
        """The integer of a weight in the slot `low..high` (`Column.quantize_restore`: again, it stays)."""
        return exact.quantize_slot(low, high, self.position(weight))

    def restore(self, low: int, high: int, weight: Number) -> Fraction:
        """What a weight comes back as: never out of order (`Column.restore_mono`)."""
        return self.value(self.quantize(low, high, weight))


def encode_row(columns: Sequence[Column], weights: Sequence[Number]) -> list[int]:
    """The codes of a row; `columns` has one for each weight and, if they are odd in number, one for the padding."""
    slots = [column.quantize(*slot_range(j), w) for j, (column, w) in enumerate(_padded(columns, weights))]
    codes = [exact.encode((int(first), int(second))) for first, second in pairs_of(slots)]
    return [code for code in codes if code is not None]


def decode_row(columns: Sequence[Column], size: int, codes: Sequence[int]) -> list[Fraction]:
    """The first `size` weights of a row of codes: the padding is left out."""
    slots = [slot for code in codes for slot in exact.decode(code)]
    return [column.value(slot) for column, slot in zip(columns[:size], slots[:size], strict=True)]


def restore_columns(columns: Sequence[Column], weights: Sequence[Number]) -> list[Fraction]:
    """What a row comes back as, column by column: what its codes come back as (`restoreRow_columns`)."""
    return [column.restore(*slot_range(j), w) for j, (column, w) in enumerate(zip(columns, weights, strict=True))]


# row-absmax


def absmax_step(weights: Sequence[Number]) -> int:
    """The row's step: the float16 bits nearest to a seventh of its largest absolute value."""
    return exact.rat_to_half(max((abs(Fraction(w)) for w in weights), default=Fraction(0)) / 7)


def absmax_columns(step: int, count: int) -> list[Column]:
    """`count` columns of the step with the bits `step`, without zero points."""
    return [Column(exact.finite(step), 0)] * count


def row_absmax(weights: Sequence[Number]) -> tuple[int, list[int]]:
    """A row's step bits and codes (`rowAbsmax_error_le`)."""
    step = absmax_step(weights)
    return step, encode_row(absmax_columns(step, len(weights) + 1), weights)


def restore_absmax(size: int, row: tuple[int, Sequence[int]]) -> list[Fraction]:
    """The weights that a row's step and codes stand for."""
    return decode_row(absmax_columns(row[0], size), size, row[1])


# row-affine


def column_extent(column: int, rows: Sequence[Sequence[Number]]) -> tuple[Number, Number]:
    """The least and the greatest weight of a column, and of 0; a weight beyond its row counts as 0."""
    values = [0, *(row[column] for row in rows if column < len(row))]
    return min(values), max(values)


def affine_column(rows: Sequence[Sequence[Number]], column: int) -> tuple[int, int]:
    """Step bits and zero point of a column; 0 and 0 beyond the rows (`affineColumns_error_le`)."""
    return exact.affine_parameters(*slot_range(column), *column_extent(column, rows))


def affine_columns(rows: Sequence[Sequence[Number]], count: int) -> list[Column]:
    """The first `count` columns of a matrix."""
    parameters = [affine_column(rows, column) for column in range(count)]
    return [Column(exact.finite(step), zero) for step, zero in parameters]


def row_affine(rows: Sequence[Sequence[Number]]) -> list[list[int]]:
    """The codes of each row of a matrix."""
    return [encode_row(affine_columns(rows, len(row) + 1), row) for row in rows]


def restore_affine(rows: Sequence[Sequence[Number]], row: Sequence[Number]) -> list[Fraction]:
    """What a row of the matrix comes back as."""
    columns = affine_columns(rows, len(row) + 1)
    return decode_row(columns, len(row), encode_row(columns, row))


def _padded(columns: Sequence[Column], weights: Sequence[Number]) -> list[tuple[Column, Number]]:
    return list(zip(columns, [*weights, 0] if len(weights) % 2 else weights, strict=False))
