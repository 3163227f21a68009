"""The Microscaling formats on arrays of float32: the vectorised reference against Lean and the exact definitions."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conformance import vectors
from conformance.formats import ELEMENTS, POLICY, RULES
from conformance.ledger import Ledger
from conformance.subjects import reference
from conformance.vectors import Row, octets, optional

Floats = NDArray[np.float32]
SUBJECT: dict[str, Any] = {"subject": "reference-vectorized"}
EXACT: dict[str, Any] = SUBJECT | {"truth": "exact-rational"}
WIDTH = 32
POLICIES = tuple(product(RULES, ("clamp", "nan"), ("smallest", "one"), ("kept", "positive"), ("used", "unused")))


@pytest.fixture
def arrays() -> Any:
    return reference("mx_vectorized")


@pytest.fixture
def mx() -> Any:
    return reference("mx")


def float32_of(x: Fraction | None) -> np.float32 | None:
    """x as a float32, NaN for no number; None when it is no float32."""
    if x is None:
        return np.float32(np.nan)
    value = np.float32(x.numerator / x.denominator) if abs(x) < 2**128 else np.float32(np.inf)
    return value if np.isfinite(value) and Fraction(float(value)) == x else None


def fractions_of(values: Floats) -> list[Fraction | None]:
    return [Fraction(value) if np.isfinite(value) else None for value in values.tolist()]


def product_of(x: Fraction | None, value: np.float32) -> bool:
    """Whether `value` is x as a float32: NaN or an element's infinity for no number, infinity from 2^128 on."""
    if x is None:
        return not np.isfinite(value)
    if abs(x) >= 2**128:
        return bool(value == (np.inf if x > 0 else -np.inf))
    return bool(np.isfinite(value)) and Fraction(float(value)) == x


def exactly_the_blocks(arrays: Any, mx: Any, name: str, choices: tuple[str, ...], values: Floats) -> int:
    """Asserts that blocks quantize and read back as the exact definitions say; returns how many elements there were."""
    kind, policy = mx.element(name), mx.MxPolicy(*choices)
    found = arrays.quantize(values, kind, policy)
    decoded = arrays.dequantize(found, kind)
    for index, block in enumerate(values):
        want = mx.quantize_block_mx(policy, kind, fractions_of(block))
        got = (int(found.scales[index]), found.elements[index].tolist())
        assert got == (want.scale, want.elements), (name, choices, block)
        exact = mx.dequantize_block_mx(kind, want)
        assert all(map(product_of, exact, decoded[index])), (name, choices, block)
    return values.size


@cache
def groups() -> dict[tuple[str, ...], list[tuple[Row, Floats]]]:
    """Lean's blocks of 32 float32 numbers, by element and policy."""
    found: dict[tuple[str, ...], list[tuple[Row, Floats]]] = {}
    for row in vectors.having("mx_blocks", "decoded", "element", "elements", "scale", "ties", "values", *POLICY):
        values = [float32_of(optional(text)) for text in row["values"]]
        if None not in values:
            key = (row["element"], *(row[name] for name in POLICY))
            found.setdefault(key, []).append((row, np.array(values, np.float32)))
    return found


@pytest.mark.parametrize("name", ELEMENTS)
def test_blocks_of_lean(name: str, arrays: Any, mx: Any, compared: Ledger) -> None:
    """All blocks of a policy as one array, so that a wrong stride or a neighbour's scale shows; NaN and infinities."""
    for (element, *choices), rows in groups().items():
        if element != name:
            continue
        kind, policy = mx.element(element), mx.MxPolicy(*choices)
        values = np.stack([values for _, values in rows])
        infinite = np.where(np.isnan(values), np.float32(-np.inf), values)
        for given_values in (values, infinite):
            found = arrays.quantize(given_values, kind, policy)
            decoded = arrays.dequantize(found, kind)
            for index, (row, _) in enumerate(rows):
                got = (int(found.scales[index]), found.elements[index].tolist())
                want = (row["scale"], octets(row["elements"]))
                assert got == want, f"{row.place} (detects {', '.join(row.flags)}): {got} instead of Lean's {want}"
                exact = [optional(text) for text in row["decoded"]]
                assert all(map(product_of, exact, decoded[index])), row.place
                compared.count(2 * WIDTH, **SUBJECT, truth="lean-vector", level="sampled")


@pytest.mark.parametrize("name", ELEMENTS)
def test_scales_at_every_power_of_two(name: str, arrays: Any, mx: Any, compared: Ledger) -> None:
    """Every 2^k of float32, its predecessor and successor, under every rule: logarithms are exact."""
    kind = mx.element(name)
    powers = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)
    near = [np.nextafter(powers, np.float32(0)), powers, np.nextafter(powers, np.float32(np.inf))]
    largest = np.unique(np.concatenate(near))
    largest = largest[np.isfinite(largest) & (largest > 0)]
    blocks = np.zeros((len(largest), WIDTH), np.float32)
    blocks[np.arange(len(largest)), np.arange(len(largest)) % WIDTH] = largest
    for rule in RULES:
        policy = mx.MxPolicy(rule, "clamp", "smallest", "kept", "unused")
        want = [mx.mx_scale_bits(policy, kind, [Fraction(float(m))]) for m in largest]
        compared.equal(arrays.quantize(blocks, kind, policy).scales.tolist(), want, **EXACT, level="sampled")


@pytest.mark.parametrize("name", ELEMENTS)
def test_all_scales_times_all_elements(name: str, arrays: Any, mx: Any, compared: Ledger) -> None:
    """Bit for bit the product, with the sign of its zero; infinity from 2^128 on; NaN for the scale 255."""
    kind = mx.element(name)
    count = 1 << kind.width
    codes = np.resize(np.arange(count, dtype=np.uint8), (256, max(count, WIDTH))).reshape(-1, WIDTH)
    scales = np.repeat(np.arange(256, dtype=np.uint8), max(count, WIDTH) // WIDTH)
    found = arrays.dequantize(arrays.MxBlocks(scales, codes), kind)
    for scale, block, values in zip(scales.tolist(), codes, found, strict=True):
        for code, value in zip(block.tolist(), values, strict=True):
            exact = mx.mx_value(kind, scale, code)
            assert product_of(exact, value), (scale, code, value)
            negative = kind.format is not None and code >= kind.format.sign_bit
            assert exact != 0 or bool(np.signbit(value)) == negative, (scale, code, value)
    assert np.isnan(found[scales == 255]).all()
    compared.count(found.size, **EXACT, level="exhaustive", domain=256 * max(count, WIDTH))


def ties(mx: Any, name: str) -> Floats:
    """Every tie of an element and its float32 neighbours, both signs, after a first number that makes the scale 1."""
    kind = mx.element(name)
    top = kind.format.largest_bits if kind.format else 127
    middles = [(kind.to_rat(a) + kind.to_rat(a + 1)) / 2 for a in range(top)]
    points = np.array([float(m) for m in middles], np.float32)
    near = [np.nextafter(points, np.float32(0)), points, np.nextafter(points, np.float32(1e9))]
    tied = np.concatenate([sign * x for x in near for sign in (1, -1)]).astype(np.float32)
    tied = np.resize(tied, (-(-len(tied) // (WIDTH - 1)), WIDTH - 1))
    return np.concatenate([np.full((len(tied), 1), 2.0**kind.emax, np.float32), tied], axis=1)


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_tie_of_the_elements(name: str, arrays: Any, mx: Any, compared: Ledger) -> None:
    """At scale 1, at a large and at a small scale, where the neighbours stay float32 numbers."""
    for power in (0, 100, -100):
        blocks = np.ldexp(ties(mx, name), power).astype(np.float32)
        for zero in ("kept", "positive"):
            choices = ("floor", "clamp", "smallest", zero, "unused")
            count = exactly_the_blocks(arrays, mx, name, choices, blocks)
            compared.count(count, **EXACT, level="sampled")


@pytest.mark.parametrize("name", ELEMENTS)
def test_the_largest_element_and_beyond(name: str, arrays: Any, mx: Any, compared: Ledger) -> None:
    """From the largest element to twice its power of two numbers saturate, before the scale is applied."""
    kind = mx.element(name)
    top = float(kind.largest)
    line = np.linspace(top * 0.97, 2.0 ** (kind.emax + 1) * 0.9999, WIDTH // 2, dtype=np.float32)
    block = np.concatenate([line, -line])
    blocks = np.stack([np.ldexp(block, power) for power in (-130, -3, 0, 5, 100)]).astype(np.float32)
    for choices in POLICIES:
        compared.count(exactly_the_blocks(arrays, mx, name, choices, blocks), **EXACT, level="sampled")


@pytest.mark.parametrize("name", ELEMENTS)
@given(
    seed=st.integers(0, 2**32),
    choices=st.sampled_from(POLICIES),
    kind=st.sampled_from(["any-bits", "close", "small", "zeros", "broken"]),
)
def test_any_blocks(
    name: str, seed: int, choices: tuple[str, ...], kind: str, arrays: Any, mx: Any, compared: Ledger
) -> None:
    random = np.random.default_rng(seed)
    bits = random.integers(0, 1 << 32, (3, WIDTH), dtype=np.uint32)
    if kind == "close":  # exponents near each other
        exponents = random.integers(10, 240, (3, 1)) + random.integers(0, 12, (3, WIDTH))
        bits = bits & np.uint32(0x807FFFFF) | exponents.astype(np.uint32) << np.uint32(23)
    elif kind == "small":  # subnormals and the smallest normals
        bits &= 0x81FFFFFF
    elif kind == "zeros":
        bits &= np.where(random.random((3, WIDTH)) < 0.9, 0x80000000, 0xFFFFFFFF).astype(np.uint32)
    values = bits.view(np.float32)
    if kind != "broken":
        values = np.where(np.isfinite(values), values, np.float32(-1))
    compared.count(exactly_the_blocks(arrays, mx, name, choices, values), **EXACT, level="sampled")


# Storage


def bytes_of(width: int, scale: int, elements: list[int], order: str) -> bytes:
    """A block's bytes: the scale and the elements as one number, little-endian, in the order of the parameter."""
    if width == 4 and order == "halves":
        elements = [e for pair in zip(elements[:16], elements[16:], strict=True) for e in pair]
    whole = sum(element << width * i for i, element in enumerate(elements))
    return bytes([scale]) + whole.to_bytes(4 * width, "little")


@pytest.mark.parametrize("order", ["low-first", "halves"])
@pytest.mark.parametrize("name", ELEMENTS)
def test_storage(name: str, order: str, arrays: Any, mx: Any, compared: Ledger) -> None:
    """Several different blocks: every byte where it belongs, and back."""
    kind = mx.element(name)
    random = np.random.default_rng(35)
    elements = random.integers(0, 1 << kind.width, (7, WIDTH), dtype=np.uint8)
    blocks = arrays.MxBlocks(random.integers(0, 256, 7, dtype=np.uint8), elements)
    data = arrays.pack(blocks, kind, order)
    want = [bytes_of(kind.width, int(s), e.tolist(), order) for s, e in zip(blocks.scales, elements, strict=True)]
    assert len(want[0]) == {4: 17, 6: 25, 8: 33}[kind.width]
    compared.bits(data, np.frombuffer(b"".join(want), np.uint8).reshape(7, -1), **EXACT, level="sampled")
    back = arrays.unpack(data, kind, order)
    compared.bits(back.elements, elements, **EXACT, level="sampled")
    compared.bits(back.scales, blocks.scales, **EXACT, level="sampled")


def test_rows_become_whole_blocks(arrays: Any, mx: Any, compared: Ledger) -> None:
    """A tail is padded with zeros; a block never mixes two rows."""
    for cols in (1, 31, 32, 33, 64, 97):
        rows = np.arange(1, 2 * cols + 1, dtype=np.float32).reshape(2, cols)
        blocks = arrays.blocks_of(rows)
        kind = mx.element("e2m1")
        stored = arrays.pack(arrays.quantize(blocks, kind, mx.standard), kind)
        assert stored.size == 2 * mx.mx_row_bytes(kind, cols)
        whole = blocks.reshape(2, -1)
        assert not whole[:, cols:].any()
        compared.bits(np.ascontiguousarray(whole[:, :cols]), rows, **EXACT, level="sampled")


def test_wrong_arrays_are_refused(arrays: Any, mx: Any, compared: Ledger) -> None:
    kind, error = mx.element("e2m1"), reference("errors").InputError
    floats, octs = np.zeros((2, WIDTH), np.float32), np.zeros((2, WIDTH), np.uint8)
    calls = [
        (lambda: arrays.quantize(floats.astype(np.float64), kind, mx.standard), "float64"),
        (lambda: arrays.quantize(floats[:, :31], kind, mx.standard), "31"),
        (lambda: arrays.dequantize(arrays.MxBlocks(octs[0], octs), kind), "do not fit"),
        (lambda: arrays.dequantize(arrays.MxBlocks(octs[:, 0], octs + np.uint8(16)), kind), "16"),
        (lambda: arrays.unpack(octs, kind), "17"),
    ]
    for call, word in calls:
        compared.refused(call, error, [word], **EXACT, level="sampled")
