"""Sums by adders of several operands: the Lean definitions of `proofs/Q35/AdderTree.lean`, under the same names.

A tree says what was added in which order and what came out of each adder. Nothing is said about how an adder works:
only that its result is as near to the exact sum of its operands as `levels` roundings would leave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from q35ref.float_sum import Leaf, sum_error_bound
from q35ref.mx import floor_log2, two_pow


@dataclass(frozen=True)
class Beside:
    """Operands that stand side by side, for the adder above them."""

    left: AdderTree
    right: AdderTree


@dataclass(frozen=True)
class Adder:
    """One adder: how many roundings it counts for, what came out of it, and its operands."""

    levels: int
    result: Fraction
    operands: AdderTree


AdderTree = Leaf | Beside | Adder


def beside(trees: Sequence[AdderTree]) -> AdderTree:
    """All the trees (at least one) as the operands of one adder."""
    first, *rest = trees
    for tree in rest:
        first = Beside(first, tree)
    return first


def operands(tree: AdderTree) -> list[Fraction]:
    """The numbers that the tree hands to the adder above it."""
    match tree:
        case Leaf(x):
            return [Fraction(x)]
        case Beside(left, right):
            return operands(left) + operands(right)
        case Adder(_, result, _):
            return [result]


def terms(tree: AdderTree) -> list[Fraction]:
    """The exact terms of the sum; their sum is its exact value, that of their sizes its magnitude."""
    match tree:
        case Leaf(x):
            return [Fraction(x)]
        case Beside(left, right):
            return terms(left) + terms(right)
        case Adder(_, _, inner):
            return terms(inner)


def depth(tree: AdderTree) -> int:
    """The largest number of levels that a term goes through."""
    match tree:
        case Leaf():
            return 0
        case Beside(left, right):
            return max(depth(left), depth(right))
        case Adder(levels, _, inner):
            return levels + depth(inner)


def roundings(tree: AdderTree) -> int:
    """The levels of all adders together."""
    match tree:
        case Leaf():
            return 0
        case Beside(left, right):
            return roundings(left) + roundings(right)
        case Adder(levels, _, inner):
            return levels + roundings(inner)


def obeys(u: Fraction, eta: Fraction, tree: AdderTree) -> bool:
    """Whether every adder is as good as its levels say."""
    match tree:
        case Leaf():
            return True
        case Beside(left, right):
            return obeys(u, eta, left) and obeys(u, eta, right)
        case Adder(levels, result, inner):
            numbers = operands(inner)
            allowed = sum_error_bound(u, eta, levels, levels, sum(map(abs, numbers)))
            return abs(sum(numbers) - result) <= allowed and obeys(u, eta, inner)


def error_bound(u: Fraction, eta: Fraction, tree: AdderTree) -> Fraction:
    """What the result of a tree that obeys can be off by (`AdderTree.error_le`)."""
    return sum_error_bound(u, eta, depth(tree), roundings(tree), sum(map(abs, terms(tree))))


# An adder that aligns its operands and cuts them off


def truncate_to(grid: Fraction, x: Fraction) -> Fraction:
    """The multiple of `grid` next to `x` on the side of zero."""
    size = abs(x) // grid * grid
    return -size if x < 0 else size


def grid_of(bits: int, low: int, size: Fraction) -> Fraction:
    """The place of the last bit of a number of this size that has `bits` bits after its leading one: at least 2^low."""
    return two_pow(max(floor_log2(size) - bits, low) if size else low)


def truncate(bits: int, low: int, x: Fraction) -> Fraction:
    """`x` without what lies behind `bits` bits after its leading one, or below 2^low."""
    return truncate_to(grid_of(bits, low, abs(x)), x)


def aligned_sum(bits: int, low: int, numbers: Sequence[Fraction]) -> Fraction:
    """The sum of numbers that are cut off where the largest of them has its `bits`-th bit after the leading one."""
    grid = grid_of(bits, low, max(map(abs, numbers), default=Fraction(0)))
    return sum((truncate_to(grid, x) for x in numbers), Fraction(0))


def aligned_adder(bits: int, low: int, numbers: Sequence[Fraction]) -> Fraction:
    """What an aligned adder gives as a float32 number: its sum, cut off behind the 24 bits of a significand."""
    return truncate(23, low, aligned_sum(bits, low, numbers))
