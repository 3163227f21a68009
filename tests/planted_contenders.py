"""Contenders with known faults, for the benchmark's tests: `prepare` runs in a worker."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from q35.bench.problem import Floats, repeat_rows


@dataclass(frozen=True, eq=False)
class Planted:
    """Exact float32 weights with a product that has the fault `variant`."""

    variant: str
    weights: Floats
    outputs: int
    bits_per_weight: float = 32.0

    @property
    def details(self) -> dict[str, str]:
        """See `Prepared.details`."""
        return {"fault": self.variant}

    def product(self, activations: Floats, threads: int) -> Callable[[], Floats]:
        """See `Prepared.product`."""
        exact = repeat_rows((activations @ self.weights.T).T, self.outputs).T.astype(np.float32)

        def call() -> Floats:
            result = exact.copy()
            if self.variant == "one block missing":
                result -= (activations[:, :64] @ repeat_rows(self.weights, self.outputs)[:, :64].T).astype(np.float32)
            elif self.variant == "one output wrong":
                result[-1, -1] += 0.2 * np.sqrt(activations.shape[1])
            elif self.variant == "not finite":
                result[0, 0] = np.nan
            elif self.variant == "another shape":
                result = result[:, 1:]
            elif self.variant == "aborts":
                print("planted: out of order", flush=True)
                os.abort()
            elif self.variant == "hangs":
                time.sleep(60)
            return result

        return call


def prepare(variant: str, weights: Floats, outputs: int) -> Planted:
    """See `Prepare`."""
    if variant == "refuses":
        raise ValueError("no such shape")
    return Planted(variant, weights, outputs)
