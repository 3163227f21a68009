"""Speed of the kernels on this machine: `python -m q35kernels.benchmark [--json]`.

Random weights. The cases are interleaved, round after round, so that a change of the machine's clock meets all of
them; the median of the rounds is shown. With one thread, time is its processor time, so that other programs count as
little as possible. Step searches take fewer rows, the scalar ones, which are references, fewer still.

Two roofs are measured in the same rounds, for one thread: float32 numbers written to new memory, which the system has
to clear and map first, and to memory that was used before (`out=`). A dequantizing case shows its share of its roof.
Packing stands beside a plain copy of the codes, by NumPy.
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
from q35kernels.wrappers import Codes, Floats

SCHEMA = "q35.kernel-benchmark/2"
NEW, USED = "write new memory", "write used memory"
"""The roofs."""


@dataclass(frozen=True)
class Case:
    """One function under one instruction set; a call handles `megabytes` of float32 weights (of codes: streams).

    `roof` names the case that bounds it from above.
    """

    name: str
    isa: str
    megabytes: float
    call: Callable[[], object]
    roof: str | None = None


@dataclass(frozen=True)
class Result:
    """Median speed of a case, in megabytes (1e6 bytes) of weights or codes a second, and as a share of its roof's."""

    name: str
    isa: str
    megabytes_per_second: float
    percent_of_roof: float | None


def machine_name() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()} ({platform.machine()})"


def roofs(rows: int, cols: int) -> list[Case]:
    """One thread writes a matrix of `rows` x `cols` float32 numbers, nothing else."""
    used = np.ones((rows, cols), np.float32)
    return [
        Case(NEW, "-", used.nbytes / 1e6, lambda: np.empty((rows, cols), np.float32).fill(1)),
        Case(USED, "-", used.nbytes / 1e6, lambda: used.fill(1)),
    ]


def cases(isa: str, rows: int, cols: int, threads: int = 1) -> list[Case]:
    """All cases of an instruction set on a matrix of `rows` x `cols` weights of N(0, 1)."""
    default = q35spec.formats()["default"]
    scheme, size = default["scheme"], default["block_size"]
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((rows, cols), np.float32)
    few = weights[: max(1, rows // (16 if isa != "scalar" else 1024))]
    codes = rng.integers(0, 128, (rows, -(-cols // 2)), np.uint8)
    steps = rng.uniform(0.01, 0.1, (rows, -(-cols // size))).astype(np.float16)
    column_steps, zero_points = np.full(cols, 0.1, np.float16), rng.integers(-4, 4, cols).astype(np.int8)
    table, stream = q35kernels.scheme_named(scheme).table, q35kernels.pack_stream(codes)
    used = q35kernels.dequantize(codes, steps, table, size, cols)
    used_codes, used_stream = codes.copy(), stream.copy()

    def quantize(name: str, array: Floats, block_size: int | None = None) -> Case:
        def call() -> object:
            return q35kernels.quantize(array, name, block_size, isa=isa, threads=threads)

        return Case(f"quantize {name}", isa, array.nbytes / 1e6, call)

    def dequantize(name: str, call: Callable[[Floats | None], object]) -> list[Case]:
        return [
            Case(name, isa, weights.nbytes / 1e6, lambda: call(None), NEW),
            Case(f"{name}, out", isa, weights.nbytes / 1e6, lambda: call(used), USED),
        ]

    def from_codes(out: Floats | None) -> Floats:
        return q35kernels.dequantize(codes, steps, table, size, cols, out=out, isa=isa, threads=threads)

    def from_stream(out: Floats | None) -> Floats:
        return q35kernels.dequantize_stream(stream, steps, table, size, cols, out=out, isa=isa, threads=threads)

    def from_columns(out: Floats | None) -> Floats:
        return q35kernels.dequantize_row_affine(codes, column_steps, zero_points, out=out, isa=isa, threads=threads)

    def pack(out: Codes | None) -> Codes:
        return q35kernels.pack_stream(codes, out=out, isa=isa, threads=threads)

    def unpack(out: Codes | None) -> Codes:
        return q35kernels.unpack_stream(stream, codes.shape[1], out=out, isa=isa, threads=threads)

    size_of_codes = codes.nbytes / 1e6
    return [
        quantize("block", few, size),
        quantize("codebook", few, size),
        quantize("row-absmax", weights),
        quantize("row-affine", weights),
        *dequantize("dequantize", from_codes),
        *dequantize("dequantize stream", from_stream),
        *dequantize("dequantize row-affine", from_columns),
        Case("copy codes", isa, size_of_codes, lambda: np.copyto(used_codes, codes)),
        Case("pack stream", isa, size_of_codes, lambda: pack(None)),
        Case("pack stream, out", isa, size_of_codes, lambda: pack(used_stream)),
        Case("unpack stream", isa, size_of_codes, lambda: unpack(None)),
        Case("unpack stream, out", isa, size_of_codes, lambda: unpack(used_codes)),
    ]


def measure(chosen: list[Case], rounds: int, clock: Callable[[], float] = time.thread_time) -> list[Result]:
    """Runs every case once a round; `rounds` rounds after one to warm up."""
    seconds: list[list[float]] = [[] for _ in chosen]
    for turn in range(rounds + 1):
        for case, taken in zip(chosen, seconds, strict=True):
            start = clock()
            case.call()
            if turn > 0:
                taken.append(clock() - start)
    speeds = [case.megabytes / statistics.median(taken) for case, taken in zip(chosen, seconds, strict=True)]
    by_name = {case.name: speed for case, speed in zip(chosen, speeds, strict=True)}
    return [
        Result(case.name, case.isa, round(speed, 3), round(100 * speed / by_name[case.roof], 1) if case.roof else None)
        for case, speed in zip(chosen, speeds, strict=True)
    ]


def main() -> None:
    """Prints the speeds as a table, or with `--json` as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m q35kernels.benchmark", description="Speed of the CPU kernels.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that are measured (default 5)")
    parser.add_argument("--rows", type=int, default=4096, help="rows of the matrix (default 4096)")
    parser.add_argument("--cols", type=int, default=4096, help="columns of the matrix (default 4096)")
    parser.add_argument("--threads", type=int, default=1, help="threads of a call (default 1)")
    options = parser.parse_args()
    if min(options.rounds, options.rows, options.cols, options.threads) < 1:
        parser.error("rounds, rows, columns and threads are at least 1")
    rows, cols, threads = options.rows, options.cols, options.threads
    chosen = roofs(rows, cols)
    # AMX multiplies; what is measured here it does as AVX-512 does.
    for isa in q35kernels.available_isas():
        chosen += cases(isa, rows, cols, threads) if isa != "amx" else []
    results = measure(chosen, options.rounds, time.thread_time if threads == 1 else time.perf_counter)
    if options.json:
        shape = {"rows": rows, "cols": cols, "rounds": options.rounds, "threads": threads}
        head = {"schema": SCHEMA, "machine": machine_name(), "source_sha256": q35kernels.source_sha256(), **shape}
        print(json.dumps({**head, "results": [asdict(result) for result in results]}, indent=1))
        return
    print(f"{machine_name()}, {threads} thread(s), {rows} x {cols}, median of {options.rounds} rounds, MB/s")
    for result in results:
        share = "" if result.percent_of_roof is None else f"{result.percent_of_roof:8.0f} % of the roof"
        print(f"{result.name:<28}{result.isa:<8}{result.megabytes_per_second:>12,.2f}{share}")


if __name__ == "__main__":
    main()
