"""The golden vectors: what the Lean definitions answered, asked again of the reference and of every kernel."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import subjects, truth, vectors
from conformance.formats import scheme
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject, exact_reference
from conformance.vectors import Row, rational

ONE = 0x3C00
"""The half 1.0."""


def claim_of(subject: str) -> dict[str, Any]:
    return {"subject": subject, "truth": "lean-vector", "level": "sampled"}


def expect(got: object, want: object, row: Row, subject: str, compared: Ledger) -> None:
    """Compares one row; a difference names the row and the bugs that it detects."""
    assert got == want, f"{row.place} (detects {', '.join(row.flags)}): {got!r} instead of Lean's {want!r}"
    compared.count(1, **claim_of(subject))


def float32_of(x: Fraction) -> np.float32 | None:
    """x as a float32, or None when it is not one."""
    value = np.float32(x.numerator / x.denominator) if abs(x) < 2**127 else np.float32(np.inf)
    return value if np.isfinite(value) and Fraction(float(value)) == x else None


def floats_of(texts: list[str]) -> NDArray[np.float32]:
    """Weights of a row, each exactly a float32. Raises AssertionError for one that is not."""
    values = [float32_of(rational(text)) for text in texts]
    assert None not in values, "a weight of the vector is not a float32"
    return np.array(values, np.float32)


def halves(*bits: int) -> NDArray[np.float16]:
    """float16 [1, n]."""
    return np.array([bits], np.uint16).view(np.float16)


def exactly(values: NDArray[np.float32]) -> list[Fraction | None]:
    return [Fraction(float(value)) if np.isfinite(value) else None for value in values.ravel()]


# The exact reference


def test_codes_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.having("codes", "code", "hi", "lo"):
        expect((*exact.decode(row["code"]), exact.encode((row["hi"], row["lo"]))), (row["hi"], row["lo"], row["code"]),
               row, "reference", compared)  # fmt: skip
    for row in vectors.having("codes", "byte", "pair"):
        want = None if row["pair"] is None else tuple(row["pair"])
        expect(exact.decode_byte(row["byte"]), want, row, "reference", compared)
    for row in vectors.having("codes", "encode", "pair"):
        expect(exact.encode(tuple(row["pair"])), row["encode"], row, "reference", compared)


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
    for row in vectors.rows("streams"):
        count = row.data.get("count", len(row["codes"] or ()))
        expect(exact.unpack_stream(count, row["bytes"]), row["codes"], row, "reference", compared)
        if row["codes"] is not None:
            expect(exact.pack_stream(row["codes"]), row["bytes"], row, "reference", compared)


def test_pairs_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.rows("pairs"):
        pair = tuple(rational(text) for text in row["weights"])
        got = exact.encode_pair(exact.formats.scheme(row["scheme"]), exact.finite(row["step"]), pair)
        expect(got, row["code"], row, "reference", compared)


def test_blocks_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.rows("blocks"):
        weights = [rational(text) for text in row["weights"]]
        got = exact.best_step(exact.formats.scheme(row["scheme"]), weights)
        expect(got, (row["step"], row["codes"]), row, "reference", compared)


def test_dots_of_the_reference(compared: Ledger) -> None:
    exact = exact_reference()
    for row in vectors.having("accumulate", "a", "codes", "dot"):
        table = exact.table_of(exact.formats.scheme(row["scheme"]))
        expect(exact.dot(table, row["a"], row["codes"]), row["dot"], row, "reference", compared)
    for row in vectors.having("accumulate", "scheme", "max_safe_k"):
        table = exact.table_of(exact.formats.scheme(row["scheme"]))
        expect(exact.max_safe_k(table), row["max_safe_k"], row, "reference", compared)


# Arrays: the vectorised reference and the kernels


def test_codes(array_subject: ArraySubject, compared: Ledger) -> None:
    """Decoded by dequantizing at step 1 with the table (hi, lo)."""
    for row in vectors.having("codes", "code", "hi", "lo"):
        got = array_subject.dequantize(subjects.row_of([row["code"]]), halves(ONE), "row-absmax", 64, 2)
        expect(exactly(got), [row["hi"], row["lo"]], row, array_subject.name, compared)
    for row in vectors.having("codes", "byte", "pair"):
        if row["pair"] is None:
            refused = False
            try:
                array_subject.dequantize(subjects.row_of([row["byte"]]), halves(ONE), "block", 64, 2)
            except array_subject.errors:
                refused = True
            expect(refused, True, row, array_subject.name, compared)


def test_slots(array_subject: ArraySubject, compared: Ledger) -> None:
    """Slots as encoded at step 1 with the table (hi, 2 lo), for every x that fits a float32."""
    for row in vectors.rows("slots"):
        hi = (row["low"], row["high"]) == truth.SLOTS[0]
        x = float32_of(rational(row["x"]) * (1 if hi else 2))
        if x is None or (row["low"], row["high"]) not in truth.SLOTS:
            continue
        weights = np.array([[x, 0] if hi else [0, x]], np.float32)
        code = int(array_subject.encode(weights, halves(ONE), "block", 64)[0, 0])
        expect(truth.CODES[code][0 if hi else 1], row["q"], row, array_subject.name, compared)


def test_halves(array_subject: ArraySubject, compared: Ledger) -> None:
    """Values as dequantized with the entry 1; rounding to half as the step of a row whose largest weight is 7 x."""
    one = subjects.row_of([truth.CODE_OF[1, 0]])
    for row in vectors.having("half", "bits", "value"):
        got = array_subject.dequantize(one, halves(row["bits"]), "row-absmax", 64, 1)
        want = None if row["value"] is None else rational(row["value"])
        expect(exactly(got), [want], row, array_subject.name, compared)
    for row in vectors.having("half", "bits", "x"):
        largest = float32_of(7 * abs(rational(row["x"])))
        if largest is not None:
            _, steps = array_subject.quantize(np.array([[largest]], np.float32), "row-absmax", 64)
            expect(int(steps[0, 0].view(np.uint16)), row["bits"] & 0x7FFF, row, array_subject.name, compared)


def test_streams(array_subject: ArraySubject, compared: Ledger) -> None:
    for row in vectors.rows("streams"):
        codes = row["codes"]
        if codes is not None:
            expect(array_subject.pack(codes), row["bytes"], row, array_subject.name, compared)
        if all(0 <= byte < 256 for byte in row["bytes"]):
            count = row.data.get("count", len(codes or ()))
            try:
                got: list[int] | None = array_subject.unpack(row["bytes"], count)
            except array_subject.errors:
                got = None
            expect(got, codes, row, array_subject.name, compared)


def test_pairs(array_subject: ArraySubject, compared: Ledger) -> None:
    for row in vectors.rows("pairs"):
        got = array_subject.encode(floats_of(row["weights"])[None, :], halves(row["step"]), row["scheme"], 64)
        expect(int(got[0, 0]), row["code"], row, array_subject.name, compared)


def test_blocks(array_subject: ArraySubject, compared: Ledger) -> None:
    """Each block alone, and all blocks of one length and scheme as the rows of one tensor."""
    together: dict[tuple[str, int, int], list[Row]] = {}
    for row in vectors.rows("blocks"):
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
    for row in vectors.having("accumulate", "a", "codes", "dot"):
        a = np.array([row["a"]], np.int8)
        got = array_subject.matmul_int32(a, subjects.row_of(row["codes"]), scheme(row["scheme"]).array())
        expect(int(got[0, 0]), row["dot"], row, array_subject.name, compared)
    for row in vectors.having("accumulate", "scheme", "max_safe_k"):
        got_k = array_subject.max_safe_k(scheme(row["scheme"]).array())
        expect(got_k, row["max_safe_k"], row, array_subject.name, compared)


@pytest.mark.parametrize("name", ["codes", "rounding", "slots", "half", "streams", "pairs", "blocks", "accumulate"])
def test_every_row_says_what_it_detects(name: str, compared: Ledger) -> None:
    """Each group of vectors names the bugs that it detects, and has rows."""
    rows = vectors.rows(name)
    assert rows, f"{name}.json has no rows"
    assert all(row.flags for row in rows), f"a group of {name}.json has no flags"
    compared.count(len(rows), subject="framework", truth="expected-outcome", level="sampled")
