"""Operations of matrix products: activations to int8, and the products with int8 and with float16 activations."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from conformance import inputs, truth, vectors
from conformance.author.operation import Arguments, Array, Case, Index, Made, Operation, Part, shown
from conformance.author.weights import block_size_of, random_steps
from conformance.formats import scheme
from conformance.vectors import SCHEME_OF

SHAPES = (
    (1, 1, 1),
    (1, 1, 2),
    (2, 3, 31),
    (1, 17, 33),
    (5, 2, 64),
    (3, 33, 65),
    (2, 5, 129),
    (4, 19, 257),
    (1, 3, 640),
)
"""Rows of activations, rows of weights, columns."""


def activation_cases(made: Made) -> Iterator[Case]:
    for seed in range(8):
        part = Part("halves of the scale and their neighbours", "exact-rational")
        yield Case(part, {"x": around_halves(np.random.default_rng(seed))})
    for seed, kind in enumerate(sorted(inputs.KINDS)):
        for cols in (1, 3, 64, 129):
            x = inputs.make(kind, (3, cols), seed)
            yield Case(Part("rows of many kinds", "exact-rational"), {"x": x})
    x = np.random.default_rng(0).normal(size=(4, 33)).astype(np.float32)
    x[0], x[1, 32], x[2, 0] = 0, np.nan, -np.inf
    yield Case(Part("rows of zeros, with NaN and with an infinity", "exact-rational"), {"x": x})


def around_halves(random: np.random.Generator) -> Array:
    """float32 [2, 300]: halves of a row's scale, or close to one, and numbers next to them."""
    largest = np.ldexp([[127.0], [random.uniform(64, 128)]], random.integers(-130, 100, (2, 1))).astype(np.float32)
    scale = largest / np.float32(127)
    x = (random.integers(-253, 254, (2, 300)) / 2 * scale).astype(np.float32)
    x = np.where(random.random((2, 300)) < 0.6, x, np.nextafter(x, random.normal(size=(2, 300)).astype(np.float32)))
    x = x.clip(-largest, largest)
    x[:, :1] = largest
    return np.asarray(x, np.float32)


def quantize_activations(x: Array) -> tuple[Array, ...]:
    a, scales = np.zeros(x.shape, np.int8), np.zeros(len(x), np.float32)
    for row, values in enumerate(x):
        scales[row] = np.abs(values).max(initial=0) / np.float32(127) if np.isfinite(values).all() else np.nan
        if scales[row] > 0:
            scale = Fraction(float(scales[row]))
            quotients = [Fraction(float(value)) / scale for value in values]
            a[row] = [truth.quantize_slot(-128, 127, q.numerator, q.denominator) for q in quotients]
    return a, scales


def smaller_activations(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    row = arguments["x"][index[0] : index[0] + 1]
    if output == 0:
        yield {"x": row[:, [int(np.nanargmax(np.abs(row[0]))), index[1]]]}
        yield {"x": row[:, : index[1] + 1]}
    for col in range(min(row.shape[1], 64)):
        yield {"x": row[:, col : col + 1]}
    yield {"x": row}


def activation_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    row = arguments["x"][index[0]]
    largest = {"largest of its row": shown(np.abs(row).max())}
    return {"x": shown(row[index[1]]), **largest} if output == 0 else {"row": str(index[0]), **largest}


def multiplied(a: Array, scales: Array, codes: Array, steps: Array, table: str, block_size: int) -> dict[str, Any]:
    """Arguments of `linear_int8`, the table by name."""
    own = scheme(table).array()
    return {"a": a, "scales": scales, "codes": codes, "steps": steps, "table": own, "block_size": block_size}


def linear_cases(made: Made) -> Iterator[Case]:
    codes, a = np.arange(128, dtype=np.uint8)[:, None], np.zeros((512, 2), np.int8)
    a[:256, 0] = a[256:, 1] = np.arange(-128, 128)
    part = Part("every code times every activation", "exact-rational", len(made.tables) * 512 * 128)
    for name in made.tables:
        size = block_size_of(name, made.block_sizes[0], 2)
        ones = np.ones(512, np.float32), np.ones((128, 1), np.float16)
        yield Case(part, multiplied(a, ones[0], codes, ones[1], name, size))
    yield from lean_dots(made)
    part = Part("odd shapes, sums of blocks in the declared order", "float32-model")
    for m, n, k in SHAPES:
        for name in made.tables:
            for own in made.block_sizes:
                random, size = np.random.default_rng(k), block_size_of(name, own, k)
                codes = random.integers(0, 128, (n, -(-k // 2))).astype(np.uint8)
                activations = random.integers(-128, 128, (m, k)).astype(np.int8)
                scales = np.ldexp(random.normal(size=m), random.integers(-9, 9, m)).astype(np.float32)
                steps = random_steps(random, (n, -(-k // size)))
                yield Case(part, multiplied(activations, scales, codes, steps, name, size))
    part = Part("the largest sums of a block", "exact-rational")
    for name in made.tables:
        for own in made.block_sizes:
            table, size = scheme(name).array(), block_size_of(name, own, 128)
            code = np.abs(table.astype(int)).sum(axis=1).argmax()
            signs = np.where(np.arange(size) % 2, table[code, 1], table[code, 0]) < 0
            extreme = np.where(signs, -128, 127).astype(np.int8)
            codes = np.full((2, size // 2), code, np.uint8)
            steps, scales = np.ones((2, 1), np.float16), np.ones(2, np.float32)
            yield Case(part, multiplied(np.stack([extreme, ~extreme]), scales, codes, steps, name, size))


def lean_dots(made: Made) -> Iterator[Case]:
    """Lean's integer dot products of one row, with step and scale 1: float32 holds them exactly."""
    for row in vectors.having("accumulate", "activations", "codes", "dot", "dot32", "table"):
        a = np.array(row["activations"], np.int8).reshape(1, -1)
        name, k = SCHEME_OF.get(row["table"]), a.size
        if name in made.tables and 0 < k <= made.block_sizes[0] and abs(row["dot"]) < 1 << 24:
            codes = np.array([row["codes"]], np.uint8)
            size = block_size_of(name, made.block_sizes[0], k)
            arguments = multiplied(a, np.ones(1, np.float32), codes, np.ones((1, 1), np.float16), name, size)
            yield Case(Part("dot products", "lean-vector"), arguments, (np.array([[row["dot"]]], np.float32),))


def linear_int8(
    a: Array, scales: Array, codes: Array, steps: Array, table: Array, block_size: int
) -> tuple[Array, ...]:
    k = a.shape[1]
    entries = table[codes].reshape(len(codes), -1)[:, :k].astype(np.int64)
    total = np.zeros((len(a), len(codes)), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for block, first in enumerate(range(0, k, block_size)):
            part = slice(first, first + block_size)
            dots = a[:, part].astype(np.int64) @ entries[:, part].T
            total = total + steps[:, block].astype(np.float32)[None, :] * dots.astype(np.float32)
        return (np.asarray(total * scales[:, None], np.float32),)


def linear_float_cases(made: Made) -> Iterator[Case]:
    part = Part("odd shapes, sums in any order", "proved-bound")
    for m, n, k in (*SHAPES, (1, 2, 2048)):
        for name in made.tables:
            for own in made.block_sizes:
                random, size = np.random.default_rng(k), block_size_of(name, own, k)
                codes = random.integers(0, 128, (n, -(-k // 2))).astype(np.uint8)
                x = np.ldexp(random.normal(size=(m, k)), random.integers(-9, 9, (m, k))).astype(np.float16)
                steps = random_steps(random, (n, -(-k // size)))
                table = scheme(name).array()
                yield Case(part, {"x": x, "codes": codes, "steps": steps, "table": table, "block_size": size})


def linear_float(x: Array, codes: Array, steps: Array, table: Array, block_size: int) -> tuple[Array, ...]:
    from q35ref import linear_float_bound

    return linear_float_bound.linear_float_bounds(x, codes, steps, table, block_size)


def smaller_linear(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    (m, n), size = index, arguments["block_size"]
    columns = "a" if "a" in arguments else "x"
    k = arguments[columns].shape[1]

    def part(first: int, last: int) -> dict[str, Any]:
        """The one output, with the columns first to last; first starts a block, or last ends before the next one."""
        own = {
            columns: arguments[columns][m : m + 1, first:last],
            "codes": arguments["codes"][n : n + 1, first // 2 : -(-last // 2)],
            "steps": arguments["steps"][n : n + 1, first // size : -(-last // size)],
        }
        rows = {"scales": arguments["scales"][m : m + 1]} if "scales" in arguments else {}
        return {**arguments, **own, **rows}

    for first in range(0, min(k, 128), 2):
        yield part(first, min(first + 2, k))
    for first in range(0, k, size):
        for length in (4, 8, 16, size):
            yield part(first, min(first + length, first + size, k))
    for last in range(size, k, size):
        yield part(0, last)
    yield part(0, k)


def linear_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    m, n = index
    found = {name: shown(arguments[name][m]) for name in ("a", "x") if name in arguments}
    found |= {"codes": shown(arguments["codes"][n]), "steps": shown(arguments["steps"][n])}
    return found | ({"scale": shown(arguments["scales"][m])} if "scales" in arguments else {})


OPERATIONS = (
    Operation(
        "quantize_activations",
        ("a int8 [M, K]", "scales float32 [M]"),
        activation_cases,
        quantize_activations,
        smaller_activations,
        activation_words,
    ),
    Operation("linear_int8", ("float32 [M, N]",), linear_cases, linear_int8, smaller_linear, linear_words),
    Operation(
        "linear_float",
        ("float32 [M, N]",),
        linear_float_cases,
        linear_float,
        smaller_linear,
        linear_words,
        bounded=True,
    ),
)
