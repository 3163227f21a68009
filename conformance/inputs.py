"""Weights to test with: kinds that make ties, subnormals, saturation, zeros and outliers common instead of rare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Weights = NDArray[np.float32]
Generator = np.random.Generator


def gaussian(random: Generator, shape: tuple[int, int]) -> Weights:
    return np.ldexp(random.normal(size=shape), int(random.integers(-20, 12))).astype(np.float32)


def grid(random: Generator, shape: tuple[int, int]) -> Weights:
    """Multiples of half a power of two: every rounding of a fitting step is a tie or exact."""
    return np.ldexp(random.integers(-18, 19, shape).astype(np.float32), int(random.integers(-12, 4)))


def outlier(random: Generator, shape: tuple[int, int]) -> Weights:
    """One large weight, the others a hundredth of it: most of them near code zero."""
    weights = random.normal(size=shape) / 100
    weights[tuple(int(random.integers(0, n)) for n in shape)] = random.choice([-1, 1])
    return weights.astype(np.float32)


def sparse(random: Generator, shape: tuple[int, int]) -> Weights:
    """Mostly zeros of both signs."""
    weights = random.normal(size=shape) * (random.random(shape) < 0.1)
    return np.copysign(weights, random.normal(size=shape)).astype(np.float32)


def one_sided(random: Generator, shape: tuple[int, int]) -> Weights:
    magnitudes: Weights = np.abs(random.normal(size=shape)).astype(np.float32)
    return -magnitudes if random.random() < 0.5 else magnitudes


def subnormal(random: Generator, shape: tuple[int, int]) -> Weights:
    """float32 subnormals of both signs: every step rounds to zero."""
    magnitude = random.integers(0, 0x800000, shape, dtype=np.uint32)
    bits: NDArray[np.uint32] = magnitude | random.integers(0, 2, shape, dtype=np.uint32) << np.uint32(31)
    return bits.view(np.float32)


def half_subnormal(random: Generator, shape: tuple[int, int]) -> Weights:
    """Blocks whose best step is a half's subnormal."""
    return np.ldexp(random.normal(size=shape), int(random.integers(-24, -12))).astype(np.float32)


def huge(random: Generator, shape: tuple[int, int]) -> Weights:
    """Up to the largest float32: the step saturates and codes clip."""
    return np.ldexp(random.uniform(-1, 1, shape), int(random.integers(15, 129))).astype(np.float32)


def any_bits(random: Generator, shape: tuple[int, int]) -> Weights:
    """Any finite float32."""
    bits = random.integers(0, 2**32, shape, dtype=np.uint32)
    return np.where(bits & 0x7F800000 == 0x7F800000, bits & 0xBFFFFFFF, bits).astype(np.uint32).view(np.float32)


def constant(random: Generator, shape: tuple[int, int]) -> Weights:
    return np.full(shape, random.choice([0.0, -0.0, 1.0, -3.5, 1e-30, 1e30]), np.float32)


KINDS: dict[str, Callable[[Generator, tuple[int, int]], Weights]] = {
    kind.__name__: kind
    for kind in (
        gaussian, grid, outlier, sparse, one_sided, subnormal, half_subnormal, huge, any_bits, constant,
    )
}  # fmt: skip


def make(kind: str, shape: tuple[int, int], seed: int) -> Weights:
    """float32 weights of a kind; the same seed gives the same weights."""
    return KINDS[kind](np.random.default_rng(seed), shape)


@st.composite
def weights(draw: st.DrawFn, max_rows: int = 3, max_cols: int = 300) -> Weights:
    """Hypothesis strategy: float32 [rows, cols] of any kind, also of one element."""
    shape = draw(st.integers(1, max_rows)), draw(st.integers(1, max_cols))
    return make(draw(st.sampled_from(sorted(KINDS))), shape, draw(st.integers(0, 2**32)))
