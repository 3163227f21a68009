"""Operations on blocks of weights: dequantize, encode with given steps, and quantize."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance import formats, hard, inputs, truth, vectors
from conformance.author.operation import Arguments, Array, Case, Index, Made, Operation, Part, shown, slot_words
from conformance.formats import BLOCK_SCHEMES
from conformance.vectors import SCHEME_OF, float32_of, floats_of, rational

COLS = (1, 2, 3, 31, 33, 63, 64, 65, 127, 129, 191, 257)
FIRST_STEPS = (0x3C00, 0xBC00, *hard.STEPS, 0x0000, 0x8000, 0x7C00, 0xFC00, 0x7E00)
"""1 and -1, then ends of ranges, zeros, infinities and NaN: a difference is first seen where it is easy to read."""
SWEPT = (0, 1, 16, 256, *range(2048, 65537, 2048))
"""Ends of the portions in which all steps are passed."""


def block_size_of(table: str, block_size: int, cols: int) -> int:
    """What a call passes as block size: a row of a row scheme is one block."""
    return block_size if table in BLOCK_SCHEMES else cols + cols % 2


def all_steps() -> Array:
    """The bits of all float16 numbers: FIRST_STEPS, then the others so that every beginning is spread evenly."""
    spread = np.array([int(f"{number:016b}"[::-1], 2) for number in range(65536)])
    first = list(dict.fromkeys(FIRST_STEPS))
    return np.array([*first, *spread[~np.isin(spread, first)]], np.uint16)


def sweep(made: Made, first: int, last: int) -> Iterator[Case]:
    """All codes at the steps first to last of `all_steps`, for each table; one step a row."""
    part = Part("every code at every step", "exact-rational", len(made.tables) * 65536 * 256)
    for name in made.tables:
        size = block_size_of(name, made.block_sizes[0], 256)
        steps = np.repeat(all_steps()[first:last, None], -(-256 // size), axis=1).view(np.float16)
        codes = np.tile(np.arange(128, dtype=np.uint8), (last - first, 1))
        yield Case(part, dequantized(codes, steps, name, size, 256))


def dequantized(codes: Array, steps: Array, table: str, block_size: int, cols: int) -> dict[str, Any]:
    return {
        "codes": codes,
        "steps": steps,
        "table": formats.scheme(table).array(),
        "block_size": block_size,
        "cols": cols,
    }


def random_steps(random: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Finite float16 steps of all sizes and both signs."""
    bits = random.integers(0, 0x7C00, shape) | random.choice([0, 0x8000], shape)
    steps: Array = bits.astype(np.uint16).view(np.float16)
    return steps


def dequantize_cases(made: Made) -> Iterator[Case]:
    portions = list(itertools.pairwise(SWEPT))
    for portion in portions[:2]:
        yield from sweep(made, *portion)
    part = Part("odd shapes, each block with its own step", "exact-rational")
    for cols in COLS:
        random = np.random.default_rng(cols)
        for name in made.tables:
            for own in made.block_sizes:
                size = block_size_of(name, own, cols)
                codes = random.integers(0, 128, (3, -(-cols // 2))).astype(np.uint8)
                steps = random_steps(random, (3, -(-cols // size)))
                yield Case(part, dequantized(codes, steps, name, size, cols))
    for portion in portions[2:]:
        yield from sweep(made, *portion)


def dequantize(codes: Array, steps: Array, table: Array, block_size: int, cols: int) -> tuple[Array, ...]:
    entries = table[codes].reshape(len(codes), -1)[:, :cols].astype(np.int64)
    bits = np.repeat(steps.view(np.uint16).astype(np.int64), block_size, axis=1)[:, :cols]
    finite = truth.finite_steps()[bits]
    exact = truth.product_bits(entries, bits).view(np.float32)
    return (np.where(finite, exact, np.float32(np.nan)),)


def smaller_dequantize(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    (row, col), size = index, arguments["block_size"]
    pair, block = col // 2, col // size
    own = {
        "codes": arguments["codes"][row : row + 1, pair : pair + 1],
        "steps": arguments["steps"][row : row + 1, block : block + 1],
    }
    yield {**arguments, **own, "cols": col % 2 + 1}
    for cols in (col + 1, arguments["cols"]):
        before = {
            "codes": arguments["codes"][row : row + 1, : -(-cols // 2)],
            "steps": arguments["steps"][row : row + 1, : -(-cols // size)],
        }
        yield {**arguments, **before, "cols": cols}


def dequantize_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    return slot_words(arguments, *index)


def encode_cases(made: Made) -> Iterator[Case]:
    size = made.block_sizes[0]
    chosen = [name for name in made.tables if name in BLOCK_SCHEMES]
    for name in chosen:
        rows = [row for row in vectors.rows("pairs") if SCHEME_OF[row["table"]] == name]
        points = [([float32_of(rational(row[axis])) for axis in ("x", "y")], row["code"]) for row in rows]
        fitting = [(point, code) for point, code in points if None not in point]
        weights, codes = np.array([p for p, _ in fitting], np.float32), np.array([[c] for _, c in fitting], np.uint8)
        steps = np.ones((len(weights), 1), np.float16)
        yield Case(Part("points at step 1", "lean-vector"), encoded(weights, steps, name, size), (codes,))
    for name in chosen:
        for bits in hard.STEPS:
            weights, known = hard.hard_cases(name, bits)
            steps = np.full((len(weights), 1), bits, np.uint16).view(np.float16)
            part = Part("ties, bisectors and their neighbours", "exact-rational")
            yield Case(part, encoded(weights, steps, name, size), (known[:, None],))
    for cols in COLS:
        for name in chosen:
            weights = inputs.make("gaussian", (3, cols), cols)
            steps = random_steps(np.random.default_rng(cols), (3, -(-cols // size)))
            yield Case(Part("odd shapes", "exact-rational"), encoded(weights, steps, name, size))


def encoded(weights: Array, steps: Array, name: str, block_size: int) -> dict[str, Any]:
    return {"weights": weights, "steps": steps, "scheme": name, "block_size": block_size}


def encode_blocks(weights: Array, steps: Array, scheme: str, block_size: int) -> tuple[Array, ...]:
    rows, cols = weights.shape
    codes = np.zeros((rows, -(-cols // 2)), np.uint8)
    for row, first in np.ndindex(rows, -(-cols // block_size)):
        start = first * block_size
        part = weights[row, start : start + block_size]
        padded = np.append(part, np.float32(0)) if part.size % 2 else part
        pairs = truth.as_pairs(truth.float32_ints(padded))
        bits = int(steps.view(np.uint16)[row, first])
        own = formats.scheme(scheme).codes(padded.astype(np.float64).reshape(-1, 2), pairs, bits)
        codes[row, start // 2 : start // 2 + len(own)] = own
    return (codes,)


def smaller_encode(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    (row, pair), cols = index, arguments["weights"].shape[1]
    block = 2 * pair // arguments["block_size"]
    own = {
        "weights": arguments["weights"][row : row + 1, 2 * pair : 2 * pair + 2],
        "steps": arguments["steps"][row : row + 1, block : block + 1],
    }
    yield {**arguments, **own}
    yield {**arguments, "weights": arguments["weights"][row : row + 1], "steps": arguments["steps"][row : row + 1]}
    if cols > 1:
        yield {**arguments, "weights": arguments["weights"][:, : cols - 1], "steps": arguments["steps"]}


def encode_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    row, pair = index
    step = arguments["steps"][row, 2 * pair // arguments["block_size"]]
    weights = ", ".join(shown(weight) for weight in arguments["weights"][row, 2 * pair : 2 * pair + 2])
    return {"weights": weights, "scale": shown(step), "scheme": arguments["scheme"]}


def quantize_cases(made: Made) -> Iterator[Case]:
    chosen = [name for name in made.tables if name in BLOCK_SCHEMES]
    for row in vectors.having(
        "blocks", "block_size", "candidates", "codes", "scheme", "squared_error", "step", "weights"
    ):
        if row["scheme"] in chosen and row["block_size"] in made.block_sizes:
            answer = np.array([row["codes"]], np.uint8), np.array([[row["step"]]], np.uint16).view(np.float16)
            arguments = quantized(floats_of(row["weights"])[None, :], row["scheme"], row["block_size"])
            yield Case(Part("blocks", "lean-vector"), arguments, answer)
    for seed, (kind, cols) in enumerate((kind, cols) for kind in sorted(inputs.KINDS) for cols in COLS):
        for name in chosen:
            for size in made.block_sizes:
                arguments = quantized(inputs.make(kind, (2, cols), seed), name, size)
                yield Case(Part("weights of many kinds in odd shapes", "reference-vectorized"), arguments)


def quantized(weights: Array, name: str, block_size: int) -> dict[str, Any]:
    return {"weights": weights, "scheme": name, "block_size": block_size}


def quantize(weights: Array, scheme: str, block_size: int) -> tuple[Array, ...]:
    from q35ref import vectorized

    found = vectorized.quantize(weights, scheme, block_size)
    return found.codes, found.steps


def smaller_quantize(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    size, row = arguments["block_size"], arguments["weights"][index[0] : index[0] + 1]
    block = index[1] if output == 1 else 2 * index[1] // size
    own = row[:, block * size : (block + 1) * size]
    for cols in range(1, own.shape[1]):
        yield {**arguments, "weights": own[:, :cols]}
    yield {**arguments, "weights": own}
    yield {**arguments, "weights": row}


def quantize_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    place = {"block": str(index[1])} if output else {"pair": str(index[1])}
    return {**place, "row of weights": shown(arguments["weights"][index[0]]), "scheme": arguments["scheme"]}


OPERATIONS = (
    Operation(
        "dequantize",
        ("float32 [rows, cols]",),
        dequantize_cases,
        dequantize,
        smaller_dequantize,
        dequantize_words,
    ),
    Operation("encode_blocks", ("uint8 [rows, pairs]",), encode_cases, encode_blocks, smaller_encode, encode_words),
    Operation(
        "quantize",
        ("codes uint8 [rows, pairs]", "steps float16 [rows, blocks]"),
        quantize_cases,
        quantize,
        smaller_quantize,
        quantize_words,
    ),
)
