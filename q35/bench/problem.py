"""The product that all contenders compute, and how far a result is from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from q35.errors import InputError

Floats = NDArray[np.float32]
Scalar = TypeVar("Scalar", bound=np.generic)

DISTINCT_ROWS = 1021
"""The rows of a weight matrix repeat after so many: that spares time to quantize, and no product can profit from it. A
prime, so that no tile of a kernel passes for another."""

SEED = 35


@dataclass(frozen=True)
class Problem:
    """A matrix of weights of N(0, 1) with `inputs` columns (K) and `outputs` rows (N), to multiply activations with."""

    inputs: int
    outputs: int

    @staticmethod
    def parse(text: str) -> Problem:
        """The shape of "KxN"; raises `InputError` for anything else."""
        numbers = text.lower().split("x")
        if len(numbers) != 2 or not all(number.isdecimal() and int(number) > 0 for number in numbers):
            raise InputError(f"{text!r} is not a shape", fix="write inputs x outputs, as in 4096x11008")
        return Problem(int(numbers[0]), int(numbers[1]))

    def __str__(self) -> str:
        return f"{self.inputs}x{self.outputs}"

    @cached_property
    def weights(self) -> Floats:
        """The distinct rows of the weights, float32 `[min(N, DISTINCT_ROWS), K]`."""
        generator = np.random.default_rng([SEED, self.inputs, self.outputs])
        return generator.standard_normal((min(self.outputs, DISTINCT_ROWS), self.inputs), np.float32)

    def activations(self, rows: int) -> Floats:
        """Activations of N(0, 1), float32 `[rows, K]`."""
        return np.random.default_rng([SEED, self.inputs, rows]).standard_normal((rows, self.inputs), np.float32)

    def product(self, activations: Floats) -> NDArray[np.float64]:
        """The product with the distinct rows in float64, `[M, distinct]`; the other outputs repeat these."""
        return activations.astype(np.float64) @ self.weights.astype(np.float64).T


def repeat_rows(rows: NDArray[Scalar], count: int) -> NDArray[Scalar]:
    """`count` rows: those of `rows`, over and over."""
    return np.resize(rows, (count, *rows.shape[1:]))


def relative_rmse(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The root mean square of the differences over that of the expected values."""
    wide = expected.astype(np.float64)
    return float(np.sqrt(np.square(found - wide).sum() / np.square(wide).sum()))


@dataclass(frozen=True)
class OutputError:
    """How far outputs are from the exact ones: all together, and the worst of them, over the exact root mean square."""

    relative_rmse: float
    worst: float


def output_error(found: Floats, distinct: NDArray[np.float64]) -> OutputError:
    """The error of `found` `[M, N]` against `distinct` of `Problem.product`; not finite where an output is not."""
    squares = exact_squares = worst = 0.0
    for start in range(0, found.shape[1], distinct.shape[1]):
        part = found[:, start : start + distinct.shape[1]]
        exact = distinct[:, : part.shape[1]]
        difference = part - exact
        squares += float(np.square(difference).sum())
        exact_squares += float(np.square(exact).sum())
        worst = float(np.maximum(worst, np.abs(difference).max()))  # keeps a NaN, unlike max
    return OutputError((squares / exact_squares) ** 0.5, worst / (exact_squares / found.size) ** 0.5)
