"""Speed of the kernels on this machine: `python -m q35kernels.benchmark [--json]`.

One thread, random weights. The cases are interleaved, round after round, so that a change of the machine's clock meets
all of them; the median of the rounds is shown. Time is the thread's processor time, so other programs count as little
as possible. The scalar step searches are references and take a smaller matrix.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import q35kernels
import q35spec

SCHEMA = "q35.kernel-benchmark/1"


@dataclass(frozen=True)
class Case:
    """One function under one instruction set; a call handles `megabytes` of float32 weights (of codes: streams)."""

    name: str
    isa: str
    megabytes: float
    call: Callable[[], object]


@dataclass(frozen=True)
class Result:
    """Median speed of a case, in megabytes (1e6 bytes) of weights or codes a second."""

    name: str
    isa: str
    megabytes_per_second: float


def machine_name() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()} ({platform.machine()})"


def cases(isa: str, rows: int, cols: int) -> list[Case]:
    """All cases of an instruction set on a matrix of `rows` x `cols` weights of N(0, 1)."""
    default = q35spec.formats()["default"]
    scheme, size = default["scheme"], default["block_size"]
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((rows, cols), np.float32)
    few = weights if isa != "scalar" else weights[: max(1, rows // 64)]
    quantized = q35kernels.quantize(weights, scheme, size)
    codes, steps, table = quantized.codes, quantized.steps, q35kernels.scheme_named(scheme).table
    stream = q35kernels.pack_stream(codes)

    def case(name: str, array: np.ndarray, call: Callable[[], object]) -> Case:
        return Case(name, isa, array.nbytes / 1e6, call)

    return [
        case("quantize block", few, lambda: q35kernels.quantize(few, "block", size, isa=isa)),
        case("quantize codebook", few, lambda: q35kernels.quantize(few, "codebook", size, isa=isa)),
        case("quantize row-absmax", weights, lambda: q35kernels.quantize(weights, "row-absmax", isa=isa)),
        case("quantize row-affine", weights, lambda: q35kernels.quantize(weights, "row-affine", isa=isa)),
        case("dequantize", weights, lambda: q35kernels.dequantize(codes, steps, table, size, cols, isa=isa)),
        case(
            "dequantize stream",
            weights,
            lambda: q35kernels.dequantize_stream(stream, steps, table, size, cols, isa=isa),
        ),
        case("pack stream", codes, lambda: q35kernels.pack_stream(codes, isa=isa)),
        case("unpack stream", codes, lambda: q35kernels.unpack_stream(stream, codes.shape[1], isa=isa)),
    ]


def measure(chosen: list[Case], rounds: int) -> list[Result]:
    """Runs every case once a round; `rounds` rounds after one to warm up."""
    seconds: list[list[float]] = [[] for _ in chosen]
    for turn in range(rounds + 1):
        for case, taken in zip(chosen, seconds, strict=True):
            start = time.thread_time()
            case.call()
            if turn > 0:
                taken.append(time.thread_time() - start)
    return [
        Result(case.name, case.isa, round(case.megabytes / statistics.median(taken), 3))
        for case, taken in zip(chosen, seconds, strict=True)
    ]


def main() -> None:
    """Prints the speeds as a table, or with `--json` as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m q35kernels.benchmark", description="Speed of the CPU kernels.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that are measured (default 5)")
    parser.add_argument("--rows", type=int, default=1024, help="rows of the matrix (default 1024)")
    parser.add_argument("--cols", type=int, default=1024, help="columns of the matrix (default 1024)")
    options = parser.parse_args()
    if min(options.rounds, options.rows, options.cols) < 1:
        parser.error("rounds, rows and columns are at least 1")
    chosen = [case for isa in q35kernels.available_isas() for case in cases(isa, options.rows, options.cols)]
    results = measure(chosen, options.rounds)
    if options.json:
        shape = {"rows": options.rows, "cols": options.cols, "rounds": options.rounds}
        head = {"schema": SCHEMA, "machine": machine_name(), "source_sha256": q35kernels.source_sha256(), **shape}
        print(json.dumps({**head, "results": [asdict(result) for result in results]}, indent=1))
        return
    print(f"{machine_name()}, one thread, {options.rows} x {options.cols}, median of {options.rounds} rounds, MB/s")
    for result in results:
        print(f"{result.name:<22}{result.isa:<8}{result.megabytes_per_second:>12,.2f}")


if __name__ == "__main__":
    main()
