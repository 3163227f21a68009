"""Exact error figures from floating-point arithmetic that cannot round.

A weight (24 bits) and its reconstruction (at most 19 bits) are doubles without loss, and so is nearly always their
difference; where it is not, an error-free transformation says so and Python's fractions take over. Sums of squares go
through limbs of 18 bits whose products add up below 2^53, so that plain dot products of doubles are exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from q35.model.bounds import Promise

LIMB = 18
AT_ONCE = 1 << 17  # limbs are at most 2^17 in size, so 2^17 products add up to at most 2^51
DECIMALS = 12

Doubles = NDArray[np.float64]


@dataclass
class Figures:
    """Exact figures of some weights: what a certificate says of a tensor."""

    weights: int = 0
    squared_error: Fraction = field(default_factory=Fraction)
    squared_weight: Fraction = field(default_factory=Fraction)
    largest_error: Fraction = field(default_factory=Fraction)
    outside: int = 0
    bound: Fraction = field(default_factory=Fraction)

    def add(self, other: Figures) -> None:
        """Take the figures of more weights in."""
        self.weights += other.weights
        self.squared_error += other.squared_error
        self.squared_weight += other.squared_weight
        self.largest_error = max(self.largest_error, other.largest_error)
        self.outside += other.outside
        self.bound = max(self.bound, other.bound)

    def texts(self) -> dict[str, str | int]:
        """The figures as the certificate spells them."""
        return {
            "weights": self.weights,
            "largest_error": dyadic(self.largest_error),
            "squared_error": dyadic(self.squared_error),
            "squared_weight": dyadic(self.squared_weight),
            "relative_rmse": relative_rmse(self.squared_error, self.squared_weight),
            "outside_region": self.outside,
            "error_bound": ratio(self.bound),
        }


def measure(weights: NDArray[np.float32], restored: NDArray[np.float32], steps: Doubles, promise: Promise) -> Figures:
    """The exact figures of `weights` `[rows, cols]` against `restored`; `steps` `[rows, cols]` or `[cols]` are each
    weight's.
    """
    w = weights.astype(np.float64)
    error, lost = _difference(w, restored.astype(np.float64))
    exact = error if not lost.any() else np.where(lost != 0, 0.0, error)
    figures = Figures(w.size, sum_of_squares(exact), sum_of_squares(w), Fraction(float(abs(exact).max())))
    for index in np.argwhere(lost != 0).tolist():
        place = tuple(index)
        true = abs(Fraction(float(weights[place])) - Fraction(float(restored[place])))
        figures.squared_error += true * true
        figures.largest_error = max(figures.largest_error, true)
    figures.outside, figures.bound = promise.evaluate(w, steps)
    return figures


def _difference(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """The rounded differences and what rounding lost of each (Knuth's error-free sum)."""
    difference = a - b
    back = difference - a
    return difference, (a - (difference - back)) - (b + back)


def sum_of_squares(values: Doubles) -> Fraction:
    """The exact sum of squares of finite doubles (of magnitudes between 2^-300 and 2^300, or 0)."""
    flat = values.reshape(-1)
    return sum((_sum_of_squares(flat[i : i + AT_ONCE]) for i in range(0, len(flat), AT_ONCE)), Fraction())


def _sum_of_squares(values: Doubles) -> Fraction:
    largest = float(abs(values).max(initial=0.0))
    if largest == 0:
        return Fraction()
    _, exponent = np.frexp(largest)
    unit = int(exponent) - 3 * LIMB + 1  # all values are below 2^53 units
    scaled = values * 2.0**-unit
    rough = scaled != np.rint(scaled)
    smaller = values[rough]  # not integers in these units, hence below the largest's binade: the recursion ends
    if smaller.size:
        scaled[rough] = 0
    high = np.rint(scaled * 2.0 ** (-2 * LIMB))
    scaled -= high * 2.0 ** (2 * LIMB)
    middle = np.rint(scaled * 2.0**-LIMB)
    scaled -= middle * 2.0**LIMB
    sums = {
        4: high @ high,
        3: 2 * (high @ middle),
        2: 2 * (high @ scaled) + middle @ middle,
        1: 2 * (middle @ scaled),
        0: scaled @ scaled,
    }
    total = sum(int(value) << LIMB * power for power, value in sums.items())
    return total * Fraction(2) ** (2 * unit) + (_sum_of_squares(smaller) if smaller.size else 0)


def dyadic(value: Fraction) -> str:
    """A fraction whose denominator is a power of two, as "n*2^e" with n odd, or "0*2^0"; `ValueError` for another."""
    numerator, denominator = value.numerator, value.denominator
    if denominator & (denominator - 1):
        raise ValueError(f"{value} is not dyadic")
    if numerator == 0:
        return "0*2^0"
    twos = (numerator & -numerator).bit_length() - 1
    return f"{numerator >> twos}*2^{twos - denominator.bit_length() + 1}"


def from_dyadic(text: str) -> Fraction:
    """The fraction that `dyadic` wrote."""
    numerator, _, exponent = text.partition("*2^")
    return int(numerator) * Fraction(2) ** int(exponent)


def ratio(value: Fraction) -> str:
    """A fraction in lowest terms, as "n/d"."""
    return f"{value.numerator}/{value.denominator}"


def relative_rmse(squared_error: Fraction, squared_weight: Fraction) -> str:
    """sqrt(squared_error / squared_weight) with 12 decimals, halves up, from exact integers; 0 when all weights are
    0.
    """
    if squared_weight == 0:
        return f"0.{0:0{DECIMALS}d}"
    square = squared_error / squared_weight * 4 * 10 ** (2 * DECIMALS)
    whole, decimals = divmod((isqrt(square.numerator // square.denominator) + 1) // 2, 10**DECIMALS)
    return f"{whole}.{decimals:0{DECIMALS}d}"
