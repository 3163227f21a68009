"""What stands for a GPU in the benchmark's tests, and contenders with known faults, all in NumPy."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35.bench.gpu_contenders import GpuWeights
from q35.bench.problem import Floats, repeat_rows

COPY_GB_S = 4000.0
CLOCKS = {"processors": 1980.0, "memory": 3201.0, "processors_most": 1980.0, "memory_most": 3201.0}
NANOSECONDS_OF_A_BYTE = 0.5
"""The clock of this device counts the bytes of weights alone: 2 GB/s."""


class Tensor(np.ndarray[Any, Any]):
    """An array with what is asked of tensors."""

    def clone(self) -> Tensor:
        return self.copy()


class Calls:
    """See `q35.bench.gpu_contenders.Captured`."""

    def __init__(self, calls: Sequence[Any]) -> None:
        self._calls = calls
        self.outputs: list[Any] = []

    def run(self) -> None:
        self.outputs = [call() for call in self._calls]

    def seconds(self) -> float:
        """By this device's clock; `args` of a call are the activations and the weights."""
        return float(sum(tensor.nbytes for tensor in self._calls[0].args[1:]) * NANOSECONDS_OF_A_BYTE * 1e-9)


class PlantedGpu:
    """See `q35.bench.gpu_contenders.Device`."""

    cache_bytes = 1 << 12

    def describe(self) -> dict[str, Any]:
        none = dict.fromkeys(("driver", "cuda", "hip", "triton", "power_limit_watts"))
        sizes = {"processors": 132, "memory_bytes": 1 << 37, "cache_bytes": self.cache_bytes, "clocks_mhz": CLOCKS}
        return {"name": "planted", "architecture": "sm_90", "torch": "0.0", **sizes, **none}

    def limits(self) -> dict[str, Any]:
        peaks = {"f16_top_s": 800.0, "bf16_top_s": 800.0, "s8_top_s": 1600.0}
        return {"copy_gb_s": COPY_GB_S, **peaks, "clocks_mhz": CLOCKS}

    def tensor(self, array: NDArray[Any], dtype: str | None = None) -> Any:
        return array.astype(dtype or array.dtype).view(Tensor)

    def array(self, tensor: Any) -> Floats:
        found: Floats = np.asarray(tensor, np.float32)
        return found

    def capture(self, calls: Sequence[Callable[[], Any]]) -> Calls:
        return Calls(calls)


def device() -> PlantedGpu:
    return PlantedGpu()


def prepare(gpu: PlantedGpu, variant: str, weights: Floats, outputs: int) -> GpuWeights:
    """float32 weights, multiplied with the fault `variant`."""
    if variant == "refuses":
        raise ValueError("no such shape")
    dense, calls = gpu.tensor(repeat_rows(weights, outputs)), iter(range(1 << 30))

    def multiply(x: Any, w: Any) -> Any:
        y, number = np.asarray(x.astype(np.float32) @ w.T), next(calls)
        if variant == "one block missing":
            y -= x[:, :64].astype(np.float32) @ w[:, :64].T
        elif variant == "one output wrong":
            y[-1, -1] += x.shape[1] ** 0.5
        elif variant == "not finite":
            y[0, 0] = np.nan
        elif variant == "another shape":
            y = y[:, 1:]
        elif variant == "rows of a tile swapped":
            y = np.roll(y, 64, 0)
        elif variant == "columns of a tile swapped":
            y = np.roll(y, 1024, 1)
        elif variant == "changes":
            y = y * np.float32(1 + 1e-3 * (number % 2))
        elif variant == "aborts":
            os.abort()
        return y

    return GpuWeights((dense,), multiply, weights, "float16", "f16", {"fault": variant})
