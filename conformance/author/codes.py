"""Operations on codes alone: decode, a slot's rounding, and the 7-bit stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance import truth, vectors
from conformance.author.operation import SLOTS, Arguments, Array, Case, Index, Made, Operation, Part, shown
from conformance.hard import with_neighbours
from conformance.vectors import float32_of, octets, rational

LENGTHS = (1, 2, 3, 7, 8, 9, 31, 33, 64, 65, 127, 129, 1000)


def decode_cases(made: Made) -> Iterator[Case]:
    rows = sorted(vectors.having("codes", "code", "encoded", "hi", "lo"), key=lambda row: int(row["code"]))
    lean = np.array([[row["hi"], row["lo"]] for row in rows], np.int8)
    codes = np.array([row["code"] for row in rows], np.uint8)
    yield Case(Part("every code", "lean-vector", 256), {"codes": codes}, (lean,))
    for length in LENGTHS:
        codes = np.random.default_rng(length).integers(0, 128, length).astype(np.uint8)
        yield Case(Part("codes in arrays of other lengths", "exact-rational"), {"codes": codes})


def decode(codes: Array) -> tuple[Array, ...]:
    return (np.array([truth.slots(int(code)) for code in codes], np.int8).reshape(-1, 2),)


def smaller_decode(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    yield {"codes": arguments["codes"][index[0] : index[0] + 1]}


def decode_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    return {"code": str(arguments["codes"][index[0]]), "slot": SLOTS[index[1]]}


def slot_cases(made: Made) -> Iterator[Case]:
    for low, high in truth.SLOTS:
        lean = [row for row in vectors.rows("slots") if (row["low"], row["high"]) == (low, high)]
        points = [(float32_of(rational(row["x"])), row["q"]) for row in lean]
        fitting = [(x, q) for x, q in points if x is not None]
        x, q = np.array([x for x, _ in fitting], np.float32), np.array([q for _, q in fitting], np.int8)
        yield Case(Part("points around ties and ends", "lean-vector"), {"x": x, "low": low, "high": high}, (q,))
        ties = with_neighbours((np.arange(-40, 41) / 2).astype(np.float32))
        yield Case(Part("ties and their neighbours", "exact-rational"), {"x": ties, "low": low, "high": high})
        bits = np.random.default_rng(high).integers(0, 2**32, 4000, dtype=np.uint32).view(np.float32)
        anything = bits[np.isfinite(bits)]
        yield Case(Part("any float32 numbers", "exact-rational"), {"x": anything, "low": low, "high": high})


def quantize_slot(x: Array, low: int, high: int) -> tuple[Array, ...]:
    one = 1 << truth.FLOAT32_UNIT
    return (np.array([truth.quantize_slot(low, high, truth.float32_int(value), one) for value in x], np.int8),)


def smaller_slot(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    yield {**arguments, "x": arguments["x"][index[0] : index[0] + 1]}


def slot_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    return {"x": shown(arguments["x"][index[0]]), "range": f"[{arguments['low']}, {arguments['high']}]"}


def stream_rows() -> Iterator[tuple[Array, Array]]:
    """Lean's codes uint8 [1, n] and their stream uint8 [1, bytes]."""
    for row in vectors.having("streams", "bytes", "codes", "stream"):
        yield np.array([row["codes"]], np.uint8), np.array([octets(row["stream"])], np.uint8)


def rows_of_codes(pairs: int) -> Array:
    return np.random.default_rng(pairs).integers(0, 128, (3, pairs)).astype(np.uint8)


def pack_cases(made: Made) -> Iterator[Case]:
    for codes, stream in stream_rows():
        yield Case(Part("each bit alone", "lean-vector"), {"codes": codes}, (stream,))
    for pairs in LENGTHS:
        yield Case(Part("rows of many lengths", "exact-rational"), {"codes": rows_of_codes(pairs)})


def pack_stream(codes: Array) -> tuple[Array, ...]:
    streams = [truth.pack_stream(row) for row in codes.tolist()]
    return (np.array(streams, np.uint8).reshape(len(codes), truth.stream_size(codes.shape[1])),)


def smaller_pack(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    row = arguments["codes"][index[0] : index[0] + 1]
    for pairs in range(1, min(row.shape[1], 64)):
        yield {"codes": row[:, :pairs]}
    yield {"codes": row}


def pack_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    return {"row of codes": shown(arguments["codes"][index[0]]), "byte": str(index[1])}


def unpack_cases(made: Made) -> Iterator[Case]:
    for codes, stream in stream_rows():
        part = Part("each bit alone", "lean-vector")
        yield Case(part, {"stream": stream, "pairs": codes.shape[1]}, (codes,))
    for pairs in LENGTHS:
        codes = rows_of_codes(pairs)
        arguments: dict[str, Any] = {"stream": pack_stream(codes)[0], "pairs": pairs}
        yield Case(Part("rows of many lengths", "exact-rational"), arguments)


def unpack_stream(stream: Array, pairs: int) -> tuple[Array, ...]:
    rows = [int.from_bytes(row.tobytes(), "little") for row in stream]
    codes = [[row >> 7 * place & 127 for place in range(pairs)] for row in rows]
    return (np.array(codes, np.uint8).reshape(len(stream), pairs),)


def smaller_unpack(arguments: Arguments, output: int, index: Index) -> Iterator[Arguments]:
    row = arguments["stream"][index[0] : index[0] + 1]
    codes = unpack_stream(row, arguments["pairs"])[0]
    for pairs in range(index[1] + 1, min(arguments["pairs"], index[1] + 17)):
        yield {"stream": pack_stream(codes[:, :pairs])[0], "pairs": pairs}
    yield {**arguments, "stream": row}


def unpack_words(arguments: Arguments, output: int, index: Index) -> dict[str, str]:
    return {"row's stream": shown(arguments["stream"][index[0]]), "code number": str(index[1])}


OPERATIONS = (
    Operation("decode", ("int8 [n, 2]: hi and lo",), decode_cases, decode, smaller_decode, decode_words),
    Operation("quantize_slot", ("int8 [n]",), slot_cases, quantize_slot, smaller_slot, slot_words),
    Operation("pack_stream", ("uint8 [rows, bytes]",), pack_cases, pack_stream, smaller_pack, pack_words),
    Operation("unpack_stream", ("uint8 [rows, pairs]",), unpack_cases, unpack_stream, smaller_unpack, unpack_words),
)
