"""Products with the tiled layout: the Lean definitions of `proofs/Q35/TiledProduct.lean`, under the same names.

Activations are integers; `data` holds bytes of stored codes, of two weights each, whatever their bit 7 is; a table is
128 pairs of integers. There may be fewer activations than weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from q35ref.exact import dot_int
from q35ref.tiled import code_of_stored

Pair = tuple[int, int]
Table = Sequence[Pair]


def table_entries(table: Table, codes: Sequence[int]) -> list[int]:
    """The entries that codes stand for, code by code."""
    return list(chain.from_iterable(table[code] for code in codes))


def operands_of(look: Callable[[int], Pair], data: Sequence[int]) -> list[int]:
    """The two operands of each byte of the layout."""
    return list(chain.from_iterable(map(look, data)))


def table_operands(table: Table, byte: int) -> Pair:
    """The operands of a byte by look-up: the entries of its code, plus 128 (`tableOperands_bounds`)."""
    first, second = table[code_of_stored(byte)]
    return first + 128, second + 128


def arithmetic_operands(byte: int) -> Pair:
    """The operands of a byte by arithmetic: 8 (hi + 8) and 16 (lo + 4) of its code (`arithmeticOperands_eq`)."""
    return byte % 128 // 8 * 8, byte % 8 * 16


def table_dot(table: Table, activations: Sequence[int], data: Sequence[int]) -> int:
    """The dot product of a block with looked-up operands: exactly that with the table's entries (`tableDot_eq`)."""
    operands = operands_of(lambda byte: table_operands(table, byte), data)
    return dot_int(activations, operands) - 128 * sum(activations)


def arithmetic_dot(activations: Sequence[int], data: Sequence[int]) -> int:
    """The dot product of a block with operands by arithmetic: exactly that with (hi, 2 lo) (`arithmeticDot_eq`)."""
    return (dot_int(activations, operands_of(arithmetic_operands, data)) - 64 * sum(activations)) // 8
