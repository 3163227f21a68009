"""Judges one function: every case against its exact answer, up to the first difference, which is made small."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from conformance.author.kernel_file import KernelFailed, KernelFile
from conformance.author.operation import Arguments, Array, Case, Index, Operation, Part, shown


@dataclass(frozen=True)
class Difference:
    """Where results and answers differ first: an output and a place in it, None for the whole output."""

    output: int
    index: Index | None
    expected: str
    got: str


def difference(results: tuple[Array, ...], answers: tuple[Array, ...]) -> Difference | None:
    """The first place where results are not bit for bit the answers; one NaN is as good as another."""
    for output, (got, want) in enumerate(zip(results, answers, strict=True)):
        if other := other_kind(output, got, want.dtype, want.shape):
            return other
        raw = np.dtype(f"u{want.dtype.itemsize}")
        wrong = np.ascontiguousarray(got).view(raw) != np.ascontiguousarray(want).view(raw)
        if want.dtype.kind == "f":
            wrong &= ~(np.isnan(got) & np.isnan(want))
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            return Difference(output, index, shown(want[index]), shown(got[index]))
    return None


def other_kind(output: int, got: Array, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Difference | None:
    """The difference of a result that has not this type and shape."""
    if got.dtype == dtype and got.shape == shape:
        return None
    return Difference(output, None, f"{dtype} {list(shape)}", f"{got.dtype} {list(got.shape)}")


def beyond(got: Array, expected: Array, bounds: Array) -> Difference | None:
    """The first of the float32 results that is further from what is expected than its bound; NaN is."""
    if other := other_kind(0, got, np.dtype(np.float32), expected.shape):
        return other
    off = ~(np.abs(got.astype(np.float64) - expected) <= bounds)
    if not off.any():
        return None
    index = tuple(int(i) for i in np.argwhere(off)[0])
    return Difference(0, index, f"{expected[index]!s}, give or take {bounds[index]:.3g}", shown(got[index]))


def tried(file: KernelFile, operation: Operation, case: Case) -> tuple[int, Difference | None]:
    """How many values a call gave, and the first that is not the answer. Raises `KernelFailed`."""
    answers = operation.answer(**case.arguments) if case.answer is None else case.answer
    results = file.call(operation, case.arguments)
    if operation.bounded:
        return results[0].size, beyond(results[0], *answers)
    return sum(answer.size for answer in answers), difference(results, answers)


def made_small(
    file: KernelFile, operation: Operation, arguments: Arguments, found: Difference
) -> tuple[Arguments, Difference]:
    """The smallest call of `Operation.smaller` that shows a difference too, or the one that was found."""
    if found.index is not None:
        for smaller in operation.smaller(arguments, found.output, found.index):
            try:
                _, still = tried(file, operation, Case(Part("", ""), smaller))
            except KernelFailed:
                continue
            if still is not None and still.index is not None:
                return smaller, still
    return arguments, found


def as_data(value: Any) -> Any:
    """An argument for the evidence: an array by its bytes."""
    if isinstance(value, np.ndarray):
        return {
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "hex": np.ascontiguousarray(value).tobytes().hex(),
        }
    return value


def counterexample(operation: Operation, arguments: Arguments, found: Difference) -> dict[str, Any]:
    """A difference for the evidence and for a reader."""
    words = operation.words(arguments, found.output, found.index) if found.index is not None else {}
    return {
        "call": operation.call_text(arguments),
        "result": operation.outputs[found.output],
        "place": None if found.index is None else list(found.index),
        "words": [{"name": name, "value": value} for name, value in words.items()],
        "expected": found.expected,
        "got": found.got,
        "arguments": {name: as_data(value) for name, value in arguments.items()},
    }


def judge(file: KernelFile, operation: Operation, budget_s: float) -> dict[str, Any]:
    """The verdict on one function, as `spec/schemas/conform.schema.json` says it.

    After the first case none is begun later than `budget_s` seconds: what is left of a domain then counts as samples.
    """
    counts: dict[Part, int] = {}
    found: dict[str, Any] | None = None
    started = time.monotonic()
    in_time = True
    for case in operation.cases(file.made):
        in_time = not counts or time.monotonic() - started < budget_s
        if not in_time:
            break
        try:
            compared, differs = tried(file, operation, case)
        except KernelFailed as failure:
            found = counterexample(
                operation, case.arguments, Difference(0, None, ", ".join(operation.outputs), str(failure))
            )
            break
        if differs is not None:
            found = counterexample(operation, *made_small(file, operation, case.arguments, differs))
            break
        counts[case.part] = counts.get(case.part, 0) + compared
    return {
        "name": operation.name,
        "verdict": "failed" if found else "passed" if sum(counts.values()) else "void",
        "compared": [
            {**asdict(part), "compared": count, "exhaustive": count == part.domain} for part, count in counts.items()
        ],
        "in_time": in_time,
        "counterexample": found,
        "seconds": round(time.monotonic() - started, 2),
    }
