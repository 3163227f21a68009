"""The golden vectors: what the Lean definitions answered, asked again of the reference and of every kernel."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import subjects, truth, vectors
from conformance.formats import scheme
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject, exact_reference
from conformance.vectors import SCHEME_OF, Row, expect, float32_of, floats_of, octets, rational

CODE_ROWS = ("code", "encoded", "hi", "lo")
STREAM_ROWS = ("bytes", "codes", "read", "read_bytes", "stream")
BLOCK_ROWS = ("block_size", "candidates", "codes", "scheme", "squared_error", "step", "weights")
DOT_ROWS = ("activations", "codes", "dot", "dot32", "table")
RUN_ROWS = ("dot", "dot32", "runs", "table")
LIMIT_ROWS = ("greatest", "least", "max_safe_k", "max_safe_pairs", "table")
ONE = 0x3C00
"""The half 1.0."""


def table_named(name: str) -> list[truth.Pair]:
    """A vector's table: one of the schemes', or one slot alone with zeros in the other."""
    if name in SCHEME_OF:
        return list(scheme(SCHEME_OF[name]).table)
    return [(hi, 0) if name == "hi" else (0, lo) for hi, lo in truth.CODES]


def halves(*bits: int) -> NDArray[np.float16]:
    """float16 [1, n]."""
    return np.array([bits], np.uint16).view(np.float16)


def exactly(values: NDArray[np.float32]) -> list[Fraction | None]:
    return [Fraction(float(value)) if np.isfinite(value) else None for value in values.ravel()]


def answer_or_none(subject: ArraySubject, call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call returns; None when it refuses."""
    try:
        return call(*arguments)
    except subject.errors:
        return None


# The exact reference


def test_codes_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.having("codes", *CODE_ROWS):
        pair = (row["hi"], row["lo"])
        got = (exact.decode(row["code"]), exact.hi(row["code"]), exact.lo(row["code"]), exact.encode(pair))
        expect(got, (pair, *pair, row["encoded"]), row, "reference", compared)
    for row in vectors.having("codes", "byte", "pair"):
        want = None if row["pair"] is None else tuple(row["pair"])
        expect(exact.decode_byte(row["byte"]), want, row, "reference", compared)
    for row in vectors.having("codes", "code", "pair"):
        expect(exact.encode(tuple(row["pair"])), row["code"], row, "reference", compared)


def test_rounding_of_the_reference(compared: Ledger) -> None:
    for row in vectors.rows("rounding"):
        expect(exact_reference().round_half_even(rational(row["x"])), row["rounded"], row, "reference", compared)
    for row in vectors.rows("slots"):
        got = exact_reference().quantize_slot(row["low"], row["high"], rational(row["x"]))
        expect(got, row["q"], row, "reference", compared)


def test_halves_of_the_reference(compared: Ledger) -> None:
    for row in vectors.having("half", "bits", "value"):
        want = None if row["value"] is None else rational(row["value"])
        expect(exact_reference().half_to_rat(row["bits"]), want, row, "reference", compared)
    for row in vectors.having("half", "bits", "x"):
        expect(exact_reference().rat_to_half(rational(row["x"])), row["bits"], row, "reference", compared)


def test_streams_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.having("streams", *STREAM_ROWS):
        codes, stream, plain = row["codes"], octets(row["stream"]), octets(row["bytes"])
        got = (exact.pack_stream(codes), exact.unpack_stream(len(codes), stream), exact.unpack_bytes(plain))
        expect(got, (stream, row["read"], row["read_bytes"]), row, "reference", compared)
        expect(exact.pack_bytes(codes), plain, row, "reference", compared)
    for row in vectors.having("streams", "bytes", "codes", "stream"):
        got_both = (exact.pack_stream(row["codes"]), exact.pack_bytes(row["codes"]))
        expect(got_both, (octets(row["stream"]), octets(row["bytes"])), row, "reference", compared)
    for row in vectors.having("streams", "codes", "count", "stream"):
        expect(exact.unpack_stream(row["count"], octets(row["stream"])), row["codes"], row, "reference", compared)
    for row in vectors.having("streams", "bytes", "codes"):
        expect(exact.unpack_bytes(octets(row["bytes"])), row["codes"], row, "reference", compared)


def test_pairs_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.rows("pairs"):
        form = exact.formats.scheme(SCHEME_OF[row["table"]])
        point = (rational(row["x"]), rational(row["y"]))
        code = exact.encode_pair(form, 1, point)
        got = (code, exact.dist_sq(point, exact.table_of(form)[code]))
        expect(got, (row["code"], rational(row["distance_squared"])), row, "reference", compared)


def test_blocks_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.having("blocks", *BLOCK_ROWS):
        form, weights = exact.formats.scheme(row["scheme"]), [rational(text) for text in row["weights"]]
        step, codes = exact.best_step(form, weights)
        error = exact.squared_error(exact.table_of(form), exact.finite(step), codes, weights)
        want = (row["step"], row["codes"], rational(row["squared_error"]))
        expect((step, codes, error), want, row, "reference", compared)
        if row["candidates"]:
            got = exact.step_candidates(form, max(abs(w) for w in weights))
            expect(got, row["candidates"], row, "reference", compared)


def test_dots_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.having("accumulate", *LIMIT_ROWS):
        expect(exact.max_safe_pairs(table_named(row["table"])), row["max_safe_pairs"], row, "reference", compared)
        expect(exact.max_safe_k(table_named(row["table"])), row["max_safe_k"], row, "reference", compared)
    for row in vectors.having("accumulate", *DOT_ROWS):
        a = [x for pair in row["activations"] for x in pair]
        expect(exact.dot(table_named(row["table"]), a, row["codes"]), row["dot"], row, "reference", compared)
    for row in vectors.having("accumulate", *RUN_ROWS):
        table = table_named(row["table"])
        got_sum = sum(n * exact.dot_pair((a, b), table[code]) for n, a, b, code in row["runs"])
        expect(got_sum, row["dot"], row, "reference", compared)


# Arrays: the vectorised reference and the kernels


def test_codes(array_subject: ArraySubject, compared: Ledger) -> None:
    """Decoded by dequantizing at step 1 with the table (hi, lo); a byte without a pair is refused."""
    for row in vectors.having("codes", *CODE_ROWS):
        got = array_subject.dequantize(subjects.row_of([row["code"]]), halves(ONE), "row-absmax", 64, 2)
        expect(exactly(got), [row["hi"], row["lo"]], row, array_subject.name, compared)
    for row in vectors.having("codes", "byte", "pair"):
        if row["byte"] < 256:
            codes = subjects.row_of([row["byte"]])
            values = answer_or_none(array_subject, array_subject.dequantize, codes, halves(ONE), "row-absmax", 64, 2)
            expect(None if values is None else exactly(values), row["pair"], row, array_subject.name, compared)


def test_slots(array_subject: ArraySubject, compared: Ledger) -> None:
    """Slots as encoded at step 1 with the table (hi, 2 lo), for every x that fits a float32."""
    for row in vectors.rows("slots"):
        hi = row["slot"] == "hi"
        x = float32_of(rational(row["x"]) * (1 if hi else 2))
        if x is not None:
            weights = np.array([[x, 0] if hi else [0, x]], np.float32)
            code = int(array_subject.encode(weights, halves(ONE), "block", 64)[0, 0])
            expect(truth.CODES[code][0 if hi else 1], row["q"], row, array_subject.name, compared)


def test_halves(array_subject: ArraySubject, compared: Ledger) -> None:
    """Values as dequantized with the entry 1; rounding to half as the step of a row whose largest weight is 7 x."""
    one = subjects.row_of([truth.CODE_OF[1, 0]])
    for row in vectors.having("half", "bits", "value"):
        if row["bits"] < 65536:
            got = array_subject.dequantize(one, halves(row["bits"]), "row-absmax", 64, 1)
            want = None if row["value"] is None else rational(row["value"])
            expect(exactly(got), [want], row, array_subject.name, compared)
    for row in vectors.having("half", "bits", "x"):
        largest = float32_of(7 * abs(rational(row["x"])))
        if largest is not None:
            _, steps = array_subject.quantize(np.array([[largest]], np.float32), "row-absmax", 64)
            expect(int(steps[0, 0].view(np.uint16)), row["bits"] & 0x7FFF, row, array_subject.name, compared)


def test_streams(array_subject: ArraySubject, compared: Ledger) -> None:
    for keys in (STREAM_ROWS, ("bytes", "codes", "stream")):
        for row in vectors.having("streams", *keys):
            expect(array_subject.pack(row["codes"]), octets(row["stream"]), row, array_subject.name, compared)
            got = array_subject.unpack(octets(row["stream"]), len(row["codes"]))
            expect(got, row["codes"], row, array_subject.name, compared)
    for row in vectors.having("streams", "codes", "count", "stream"):
        got = answer_or_none(array_subject, array_subject.unpack, octets(row["stream"]), row["count"])
        expect(got, row["codes"], row, array_subject.name, compared)


@pytest.mark.parametrize("step", [ONE, ONE | 0x8000, 0x1C00, 0xE800], ids=lambda bits: f"{bits:04x}")
def test_pairs(step: int, array_subject: ArraySubject, compared: Ledger) -> None:
    """Points as weights at a step that is a power of two of either sign, for every point that fits float32 so."""
    scale = Fraction(float(halves(step)[0, 0]))
    for name, scheme_id in SCHEME_OF.items():
        rows = [row for row in vectors.rows("pairs") if row["table"] == name]
        points = [[float32_of(rational(row[axis]) * scale) for axis in ("x", "y")] for row in rows]
        fitting = [i for i, point in enumerate(points) if None not in point]
        weights = np.array([points[i] for i in fitting], np.float32)
        steps = np.repeat(halves(step), len(weights), axis=0)
        codes = array_subject.encode(weights, steps, scheme_id, 64)
        for i, code in zip(fitting, codes[:, 0].tolist(), strict=True):
            expect(code, rows[i]["code"], rows[i], array_subject.name, compared)


def test_blocks(array_subject: ArraySubject, compared: Ledger) -> None:
    """Each block alone, and all blocks of one length and scheme as the rows of one tensor."""
    together: dict[tuple[str, int, int], list[Row]] = {}
    for row in vectors.having("blocks", *BLOCK_ROWS):
        weights = floats_of(row["weights"])
        codes, steps = array_subject.quantize(weights[None, :], row["scheme"], row["block_size"])
        got = (int(steps[0, 0].view(np.uint16)), codes[0].tolist())
        expect(got, (row["step"], row["codes"]), row, array_subject.name, compared)
        together.setdefault((row["scheme"], row["block_size"], len(weights)), []).append(row)
    for (name, size, _), alike in together.items():
        tensor = np.stack([floats_of(row["weights"]) for row in alike])
        codes, steps = array_subject.quantize(tensor, name, size)
        for row, own_codes, own_steps in zip(alike, codes, steps, strict=True):
            got = (int(own_steps[0].view(np.uint16)), own_codes.tolist())
            expect(got, (row["step"], row["codes"]), row, array_subject.name, compared)


def test_dots(array_subject: ArraySubject, compared: Ledger) -> None:
    """Sums up to the largest safe length are exact; longer ones, which Lean shows to wrap in int32, are refused."""
    for row in vectors.having("accumulate", *LIMIT_ROWS):
        table = np.array(table_named(row["table"]), np.int8)
        expect(array_subject.max_safe_k(table), row["max_safe_k"], row, array_subject.name, compared)
    limits = {row["table"]: row["max_safe_pairs"] for row in vectors.having("accumulate", *LIMIT_ROWS)}
    for row in vectors.having("accumulate", *DOT_ROWS):
        a = np.array(row["activations"], np.int8).reshape(1, -1)
        table = np.array(table_named(row["table"]), np.int8)
        got = array_subject.matmul_int32(a, subjects.row_of(row["codes"]), table)
        expect(int(got[0, 0]), row["dot32"], row, array_subject.name, compared)
    for row in vectors.having("accumulate", *RUN_ROWS):
        counts = [run[0] for run in row["runs"]]
        a = np.repeat(np.array([run[1:3] for run in row["runs"]], np.int8), counts, axis=0).reshape(1, -1)
        codes = np.repeat(np.array([run[3] for run in row["runs"]], np.uint8), counts)[None, :]
        table = np.array(table_named(row["table"]), np.int8)
        dots = answer_or_none(array_subject, array_subject.matmul_int32, a, codes, table)
        want = row["dot"] if codes.size <= limits[row["table"]] else None
        expect(None if dots is None else int(dots[0, 0]), want, row, array_subject.name, compared)


@pytest.mark.parametrize("name", vectors.NAMES)
def test_every_group_says_what_it_detects(name: str, compared: Ledger) -> None:
    """Each group of vectors names the bugs that it detects, and has rows."""
    rows = vectors.rows(name)
    assert rows, f"{name}.json has no rows"
    assert all(row.flags for row in rows), f"a group of {name}.json has no flags"
    compared.count(len(rows), subject="framework", truth="expected-outcome", level="sampled")
