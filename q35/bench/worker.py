"""One contender in a process of its own: `python -m q35.bench.worker MODULE VARIANT`.

Reads one JSON object a line and answers each with one: `prepare` a shape, `select` a number of activation rows and of
threads, `time` the product. The answer to what fails is {"error": why}. The first argument after them is the number of
the file descriptor of the memory that is read to evict the caches.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import mmap
import os
import signal
import statistics
import sys
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35.bench.contenders import Prepare, Prepared
from q35.bench.problem import Floats, Problem, output_error, relative_rmse

AWAKE = Problem(512, 512)
"""A small product that wakes a library's threads before a call, as the layers before would in a model."""

WAKE_SECONDS = 0.02
"""How long that goes on: a process that was stopped finds its threads on one processor, and the system takes some
milliseconds to spread them again."""

HOT_SECONDS, HOT_CALLS = 0.02, 20
"""A hot turn repeats the call for about so long, at most so often."""


class Worker:
    """The state between requests."""

    _problem: Problem
    _large: Prepared
    _small: Prepared
    _call: Callable[[], Floats] | None
    _wake: Callable[[], Floats] | None

    def __init__(self, prepare: Prepare, variant: str, evicting: NDArray[np.uint64]) -> None:
        self._prepare, self._variant, self._evicting = prepare, variant, evicting
        self._call = self._wake = None

    def prepare(self, inputs: int, outputs: int) -> dict[str, Any]:
        """Quantizes a problem's weights; tells what they take and how far they are from the original ones."""
        self._problem = Problem(inputs, outputs)
        self._large = self._prepare(self._variant, self._problem.weights, outputs)
        self._small = self._prepare(self._variant, AWAKE.weights, AWAKE.outputs)
        return {
            "bits_per_weight": self._large.bits_per_weight,
            "weight_rmse": relative_rmse(self._large.weights, self._problem.weights),
            "details": self._large.details,
        }

    def select(self, rows: int, threads: int) -> dict[str, Any]:
        """Gets a product ready; tells how far its result is from the product of the original weights in float64."""
        # What is prepared for the case before goes first: two pools of threads would be in each other's way.
        self._call = self._wake = None
        activations = self._problem.activations(rows)
        self._wake = self._small.product(AWAKE.activations(1), threads)
        self._call = self._large.product(activations, threads)
        found, shape = self._call(), (rows, self._problem.outputs)
        if found.shape != shape or found.dtype != np.float32:
            raise ValueError(f"the result is {found.dtype} {list(found.shape)}, not float32 {list(shape)}")
        error = output_error(found, self._problem.product(activations))
        return {"output_rmse": error.relative_rmse, "worst": error.worst}

    def time(self, cold: bool) -> dict[str, Any]:
        """Seconds of one call after all caches were evicted, or the median of calls that follow each other."""
        assert self._call is not None
        assert self._wake is not None
        if cold:
            self._evict()
        end = perf_counter() + WAKE_SECONDS
        while perf_counter() < end:
            self._wake()
        if cold:
            return {"seconds": _seconds(self._call)}
        calls = int(HOT_SECONDS / max(_seconds(self._call), 1e-9))
        return {"seconds": statistics.median(_seconds(self._call) for _ in range(min(max(calls, 1), HOT_CALLS)))}

    def _evict(self) -> None:
        """Reads memory on every processor, each a part of its own, which fills the caches with nothing of use."""
        processors = sorted(os.sched_getaffinity(0))

        def read(processor: int, part: NDArray[np.uint64]) -> None:
            os.sched_setaffinity(0, {processor})  # of this thread alone
            part.sum()

        parts = np.array_split(self._evicting, len(processors))
        threads = [threading.Thread(target=read, args=pair) for pair in zip(processors, parts, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _seconds(call: Callable[[], Floats]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def serve(make: Callable[[], Any]) -> None:
    """Answers each request with the method of its name, of what `make` makes at the first one.

    Ends with its input, or with its parent.
    """
    # A stopped process would outlive a parent that is killed.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    # Libraries print what they like: to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker: Any = None
    gc.disable()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            worker = worker or make()
            answer = getattr(worker, request.pop("do"))(**request)
        except ModuleNotFoundError as missing:
            answer = {"error": f"{missing.name} is not installed (pip install 'q35[bench]')"}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Serves as the worker of the contender that the command line names."""
    module, variant, descriptor = sys.argv[1], sys.argv[2], int(sys.argv[3])
    evicting = np.frombuffer(mmap.mmap(descriptor, 0, prot=mmap.PROT_READ), np.uint64)
    serve(lambda: Worker(importlib.import_module(module).prepare, variant, evicting))


if __name__ == "__main__":
    main()
