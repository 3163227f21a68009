"""Operations of the Microscaling formats: blocks of 32 elements that share a scale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance import vectors
from conformance.author.operation import Arguments, Array, Case, Index, Made, Operation, Part, shown
from conformance.formats import POLICY
from conformance.vectors import float32_of, floats_of, octets, optional, rational

WIDTH = 32


def standard_rows(made: Made) -> Iterator[Any]:
    """Lean's blocks of 32 float32 numbers under the standard policy with each rule, for each element."""
    from q35ref import mx

    others = {field: getattr(mx.standard, field) for field in POLICY if field != "rule"}
    for row in vectors.having("mx_blocks", "decoded", "element", "elements", "scale", "ties", "values", *POLICY):
        values = [text and float32_of(rational(text)) for text in row["values"]]
        fits = row["element"] in made.elements and row["rule"] in made.rules and None not in values
        if fits and all(row[field] == value for field, value in others.items()):
            yield row


def dequantize_cases(made: Made) -> Iterator[Case]:
    from q35ref import mx

    for row in standard_rows(made):
        decoded = [optional(text) for text in row["decoded"]]
        if all(value is not None and abs(value) < 2**127 for value in decoded):
            elements, scales = np.array([octets(row["elements"])], np.uint8), np.array([row["scale"]], np.uint8)
            signs = mx_dequantize(elements, scales, row["element"])[0]
            values = np.array([[float(value or 0) for value in decoded]], np.float32)
            arguments = {"elements": elements, "scales": scales, "element": row["element"]}
            yield Case(Part("blocks", "lean-vector"), arguments, (np.copysign(values, signs),))
    sizes = {name: max(1 << mx.element(name).width, WIDTH) for name in made.elements}
    part = Part("every element at every scale", "reference-vectorized", 256 * sum(sizes.values()))
    for name, size in sizes.items():
        codes = np.resize(np.arange(1 << mx.element(name).width, dtype=np.uint8), (256, size)).reshape(-1, WIDTH)
        scales = np.repeat(np.arange(256, dtype=np.uint8), size // WIDTH)
        order = np.argsort(scales != 127, kind="stable")  # scale 1 first: a difference is easy to read there
        yield Case(part, {"elements": codes[order], "scales": scales[order], "element": name})


def mx_dequantize(elements: Array, scales: Array, element: str) -> tuple[Array, ...]:
    from q35ref import mx, mx_vectorized

    return (mx_vectorized.dequantize(mx_vectorized.MxBlocks(scales, elements), mx.element(element)),)


def smaller_dequantize(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    block, place = index
    alone = np.zeros((1, WIDTH), np.uint8)
    alone[0, place] = arguments["elements"][block, place]
    scale = {"scales": arguments["scales"][block : block + 1]}
    yield {**arguments, "elements": alone, **scale}
    yield {**arguments, "elements": arguments["elements"][block : block + 1], **scale}


def dequantize_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    return {
        "code": f"{arguments['elements'][index]} of {arguments['element']}",
        "scale": f"0x{int(arguments['scales'][index[0]]):02x}",
    }


def quantize_cases(made: Made) -> Iterator[Case]:
    from q35ref import mx

    for row in standard_rows(made):
        answer = np.array([octets(row["elements"])], np.uint8), np.array([row["scale"]], np.uint8)
        values = floats_of(row["values"])[None, :]
        yield Case(Part("blocks", "lean-vector"), quantized(values, row["element"], row["rule"]), answer)
    for name in made.elements:
        for rule in made.rules:
            for what, values in (
                ("ties of elements and their neighbours", ties(mx.element(name))),
                ("powers of two and their neighbours as the largest", largest_values()),
                ("any float32 numbers, NaN and infinities too", any_blocks()),
            ):
                yield Case(Part(what, "reference-vectorized"), quantized(values, name, rule))


def quantized(values: Array, element: str, rule: str) -> dict[str, Any]:
    return {"values": values, "element": element, "rule": rule}


def neighbours(points: Array) -> Array:
    """float32 [3 n]: predecessors, the points, successors."""
    return np.concatenate([np.nextafter(points, np.float32(0)), points, np.nextafter(points, np.float32(np.inf))])


def ties(kind: Any) -> Array:
    """Every tie of an element and its neighbours, both signs, in blocks whose first number makes the scale 1."""
    top = kind.format.largest_bits if kind.format else 127
    points = np.array([float(kind.to_rat(bits) + kind.to_rat(bits + 1)) / 2 for bits in range(top)], np.float32)
    tied = neighbours(points)
    tied = np.concatenate([tied, -tied])
    tied = np.resize(tied, (-(-len(tied) // (WIDTH - 1)), WIDTH - 1))
    return np.concatenate([np.full((len(tied), 1), 2.0**kind.emax, np.float32), tied], axis=1)


def largest_values() -> Array:
    """Blocks with one number each: every power of two of float32, its predecessor and its successor."""
    values = neighbours(np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32))
    blocks = np.zeros((len(values), WIDTH), np.float32)
    blocks[np.arange(len(values)), np.arange(len(values)) % WIDTH] = values
    return blocks


def any_blocks() -> Array:
    random = np.random.default_rng(1)
    blocks = random.integers(0, 2**32, (64, WIDTH), dtype=np.uint32).view(np.float32)
    alike = np.ldexp(random.normal(size=(192, WIDTH)), random.integers(-149, 127, (192, 1))).astype(np.float32)
    return np.concatenate([blocks, alike])


def mx_quantize(values: Array, element: str, rule: str) -> tuple[Array, ...]:
    from dataclasses import replace

    from q35ref import mx, mx_vectorized

    policy = replace(mx.standard, rule=rule)  # type: ignore[arg-type]
    found = mx_vectorized.quantize(values, mx.element(element), policy)
    return found.elements, found.scales


def smaller_quantize(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    block = arguments["values"][index[0]]
    largest = int(np.nanargmax(np.abs(np.append(block, np.float32(0))))) % WIDTH
    for kept in ([largest], [largest, index[-1]]):
        alone = np.zeros((1, WIDTH), np.float32)
        alone[0, kept] = block[kept]
        yield {**arguments, "values": alone}
    yield {**arguments, "values": block[None, :]}


def quantize_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    block = arguments["values"][index[0]]
    value = {"value": shown(block[index[1]])} if output == 0 else {"result": "scale"}
    return {**value, "largest": shown(np.abs(block).max()), "element": arguments["element"], "rule": arguments["rule"]}


OPERATIONS = (
    Operation(
        "mx_dequantize",
        ("float32 [blocks, 32]",),
        dequantize_cases,
        mx_dequantize,
        smaller_dequantize,
        dequantize_words,
    ),
    Operation(
        "mx_quantize",
        ("elements uint8 [blocks, 32]", "scales uint8 [blocks]"),
        quantize_cases,
        mx_quantize,
        smaller_quantize,
        quantize_words,
    ),
)
