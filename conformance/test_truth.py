"""The test suite's own truth against unrelated software (NumPy's conversions), so that a slip in it is seen here."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from conformance import truth
from conformance.ledger import Ledger

CLAIM = {"subject": "framework", "truth": "expected-outcome"}


def test_half_values(compared: Ledger) -> None:
    bits = np.arange(65536, dtype=np.uint16)
    numpy_values = bits.view(np.float16).astype(np.float64)
    for code, value in zip(bits.tolist(), numpy_values.tolist(), strict=True):
        exact = truth.half_int(code)
        assert (exact is None) == (not math.isfinite(value))
        assert exact is None or math.ldexp(exact, -truth.HALF_UNIT) == value
    compared.count(65536, **CLAIM, level="exhaustive", domain=65536)


def test_ratio_to_half_against_numpy(compared: Ledger) -> None:
    random = np.random.default_rng(35)
    raw = random.integers(0, 2**32, 20000, dtype=np.uint32).view(np.float32)
    halves = random.integers(0, truth.LARGEST_HALF_BITS, 10000, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves + np.nextafter(halves.astype(np.float16), np.float16(np.inf)).astype(np.float32)) / 2
    near = np.concatenate([np.nextafter(middles, np.float32(np.inf)), np.nextafter(middles, np.float32(-np.inf))])
    values = np.concatenate([raw[np.isfinite(raw)], middles, -middles, near])
    with np.errstate(over="ignore"):
        want = np.clip(values, -65504, 65504).astype(np.float16).view(np.uint16)
    want[want == 0x8000] = 0
    got = [truth.ratio_to_half(truth.float32_int(v), 1 << truth.FLOAT32_UNIT) for v in values]
    compared.equal(got, want.tolist(), **CLAIM, level="sampled")


def test_products_against_numpy(compared: Ledger) -> None:
    finite = truth.finite_steps()
    steps = np.arange(65536, dtype=np.uint16).view(np.float16)[finite].astype(np.float32)
    want = np.arange(-128, 128, dtype=np.float32)[:, None] * steps[None, :]
    compared.bits(truth.product_bits()[:, finite], want.view(np.uint32), **CLAIM, level="exhaustive", domain=want.size)


def test_rounding_against_python(compared: Ledger) -> None:
    ratios = [(n, d) for n in range(-200, 201) for d in (*range(-12, 0), *range(1, 13))]
    want = [round(Fraction(n, d)) for n, d in ratios]
    compared.equal([truth.round_half_even(n, d) for n, d in ratios], want, **CLAIM, level="sampled")


def test_filtered_nearest_is_the_nearest(compared: Ledger) -> None:
    random = np.random.default_rng(36)
    table = [(int(a), int(b)) for a, b in random.integers(-128, 128, (128, 2))]
    table[90], table[91] = table[3], (-table[3][0], table[3][1])
    for step in (0x3C00, 0x8001, 0x7BFF, 0x2E66):
        weights = (random.normal(size=(50, 2)) * 90 * abs(float(np.uint16(step).view(np.float16)))).astype(np.float32)
        weights[0] = 0
        pairs = truth.as_pairs(truth.float32_ints(weights))
        exact_step = truth.half_int(step)
        assert exact_step is not None
        want = [truth.nearest_code(pair, exact_step, table) for pair in pairs]
        compared.equal(
            truth.nearest_codes(weights.astype(np.float64), pairs, step, table), want, **CLAIM, level="sampled"
        )
