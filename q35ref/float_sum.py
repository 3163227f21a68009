"""Sums in floating point: the Lean definitions of `proofs/Q35/FloatSum.lean`, exactly, under the same names.

A computation is a tree of leaves, rounded products, rounded sums and fused operations; `fl` is any function that rounds
an exact number with an error of at most `u` relative to it plus `eta`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from q35ref.floats import Number

Rounding = Callable[[Fraction], Fraction]


@dataclass(frozen=True)
class Leaf:
    """A number that is at hand."""

    x: Number


@dataclass(frozen=True)
class Product:
    """The rounded product of two numbers."""

    a: Number
    b: Number


@dataclass(frozen=True)
class Add:
    """The rounded sum of two computed sums."""

    left: SumTree
    right: SumTree


@dataclass(frozen=True)
class Fma:
    """The product `a * b` added to a computed sum with one rounding for both."""

    a: Number
    b: Number
    rest: SumTree


SumTree = Leaf | Product | Add | Fma


def evaluate(fl: Rounding, tree: SumTree) -> Fraction:
    """The sum as computed (`SumTree.eval`): `fl` is applied to the exact result of every operation."""
    match tree:
        case Leaf(x):
            return Fraction(x)
        case Product(a, b):
            return fl(Fraction(a) * b)
        case Add(left, right):
            return fl(evaluate(fl, left) + evaluate(fl, right))
        case Fma(a, b, rest):
            return fl(Fraction(a) * b + evaluate(fl, rest))


def terms(tree: SumTree) -> list[Fraction]:
    """The exact terms of the sum; their sum is its exact value, that of their sizes its magnitude."""
    match tree:
        case Leaf(x):
            return [Fraction(x)]
        case Product(a, b):
            return [Fraction(a) * b]
        case Add(left, right):
            return terms(left) + terms(right)
        case Fma(a, b, rest):
            return [Fraction(a) * b, *terms(rest)]


def depth(tree: SumTree) -> int:
    """The largest number of roundings that a term goes through."""
    match tree:
        case Leaf():
            return 0
        case Product():
            return 1
        case Add(left, right):
            return max(depth(left), depth(right)) + 1
        case Fma(_, _, rest):
            return depth(rest) + 1


def roundings(tree: SumTree) -> int:
    """The number of roundings."""
    match tree:
        case Leaf():
            return 0
        case Product():
            return 1
        case Add(left, right):
            return roundings(left) + roundings(right) + 1
        case Fma(_, _, rest):
            return roundings(rest) + 1


def chain(first: SumTree, rest: Sequence[SumTree]) -> SumTree:
    """Trees added to a first one, from left to right."""
    for tree in rest:
        first = Add(first, tree)
    return first


def sum_error_bound(u: Fraction, eta: Fraction, depth: int, roundings: int, magnitude: Number) -> Fraction:
    """The bound on the error of a sum of terms of the total size `magnitude` that is rounded `roundings` times, each
    term at most `depth` times.
    """
    growth = (1 + u) ** depth
    return (growth - 1) * magnitude + roundings * (growth * eta)


def error_bound(u: Fraction, eta: Fraction, tree: SumTree) -> Fraction:
    """What a computed sum can be off by (`SumTree.error_le`)."""
    return sum_error_bound(u, eta, depth(tree), roundings(tree), sum(map(abs, terms(tree))))
