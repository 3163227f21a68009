"""One contender on a GPU, in a process of its own: `python -m q35.bench.gpu_worker DEVICE [MODULE VARIANT]`.

DEVICE is the module that offers `device`, MODULE the one that offers `prepare`, see `q35.bench.gpu_contenders`.
Requests and answers as in `q35.bench.worker`: `describe` the device, measure its `limits`; `prepare` a shape, `select`
a number of activation rows, `time` the product.
"""

from __future__ import annotations

import gc
import importlib
import sys
from functools import partial
from typing import Any

import numpy as np

from q35.bench.gpu_contenders import Captured, Device, GpuWeights, Prepare
from q35.bench.problem import Problem, output_error, relative_rmse, repeat_rows
from q35.bench.worker import serve

DISTINCT_ACTIVATIONS = 61
"""The rows of activations repeat after so many, for the sake of the exact product's time: a prime, as DISTINCT_ROWS."""

COLD_CACHES = 4
"""A call reads weights that were last read this many times the L2 cache ago."""


class Worker:
    """The state between requests."""

    _problem: Problem
    _weights: GpuWeights
    _copies: list[tuple[Any, ...]]
    _captured: Captured | None

    def __init__(self, device: Device, prepare: Prepare | None, variant: str) -> None:
        self._device, self._prepare, self._variant = device, prepare, variant
        self._copies, self._captured = [], None

    def describe(self) -> dict[str, Any]:
        """What the device is."""
        return self._device.describe()

    def limits(self) -> dict[str, Any]:
        """What it can do at most, measured now."""
        return self._device.limits()

    def prepare(self, inputs: int, outputs: int) -> dict[str, Any]:
        """Quantizes a problem's weights and copies them often enough; tells how far they are from the original ones."""
        assert self._prepare is not None
        self._captured, self._copies = None, []
        gc.collect()  # memory for what follows
        self._problem = Problem(inputs, outputs)
        self._weights = self._prepare(self._device, self._variant, self._problem.weights, outputs)
        size = sum(tensor.nbytes for tensor in self._weights.tensors)
        copies = max(2, -(-COLD_CACHES * self._device.cache_bytes // size))
        self._copies = [tuple(tensor.clone() for tensor in self._weights.tensors) for _ in range(copies)]
        return {
            "bits_per_weight": 8 * size / (inputs * outputs),
            "copies": copies,
            "operands": self._weights.operands,
            "weight_rmse": relative_rmse(self._weights.stored, self._problem.weights),
            "details": self._weights.details,
        }

    def select(self, rows: int) -> dict[str, Any]:
        """Captures one product with each copy of the weights and runs them once; tells how far what they left is from
        the product of the original weights in float64.
        """
        self._captured = None
        distinct = self._problem.activations(min(rows, DISTINCT_ACTIVATIONS))
        x = self._device.tensor(repeat_rows(distinct, rows), self._weights.activations)
        self._captured = self._device.capture([partial(self._weights.multiply, x, *copy) for copy in self._copies])
        self._captured.run()
        found, shape = [self._device.array(output) for output in self._captured.outputs], (rows, self._problem.outputs)
        if found[0].shape != shape:
            raise ValueError(f"the result is {list(found[0].shape)}, not {list(shape)}")
        if any(not np.array_equal(other, found[0], equal_nan=True) for other in found[1:]):
            raise ValueError("refused: equal copies of the weights give different results")
        error = output_error(found[0], repeat_rows(self._problem.product(distinct), rows))
        return {"output_rmse": error.relative_rmse, "worst": error.worst}

    def time(self) -> dict[str, Any]:
        """Seconds of one product: the mean over all copies, which follow each other."""
        assert self._captured is not None
        return {"seconds": self._captured.seconds()}


def main() -> None:
    """Serves as the worker that the command line names."""

    def make() -> Worker:
        device = importlib.import_module(sys.argv[1]).device()
        if len(sys.argv) == 2:
            return Worker(device, None, "")
        return Worker(device, importlib.import_module(sys.argv[2]).prepare, sys.argv[3])

    serve(make)


if __name__ == "__main__":
    main()
