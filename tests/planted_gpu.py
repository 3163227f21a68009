"""What stands for a GPU in the benchmark's tests, and contenders with known faults: all in PyTorch on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from q35.bench.gpu_contenders import GpuWeights
from q35.bench.problem import Floats, repeat_rows

COPY_GB_S = 4000.0
CLOCKS = {"processors": 1980.0, "memory": 3201.0, "processors_most": 1980.0, "memory_most": 3201.0}
NANOSECONDS_OF_A_BYTE = 0.5
"""The clock of this device counts the bytes of weights alone: 2 GB/s."""


class Calls:
    """See `q35.bench.gpu_contenders.Captured`."""

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        self._calls, self.outputs = calls, [call() for call in calls]

    def run(self) -> None:
        for output, call in zip(self.outputs, self._calls, strict=True):
            output.copy_(call())

    def seconds(self) -> float:
        weights = self._calls[0].args[1:]  # type: ignore[attr-defined]
        return float(sum(tensor.nbytes for tensor in weights) * NANOSECONDS_OF_A_BYTE * 1e-9)


class PlantedGpu:
    """See `q35.bench.gpu_contenders.Device`."""

    cache_bytes = 1 << 12

    def describe(self) -> dict[str, Any]:
        none = dict.fromkeys(("driver", "cuda", "hip", "triton", "power_limit_watts"))
        sizes = {"processors": 132, "memory_bytes": 1 << 37, "cache_bytes": self.cache_bytes, "clocks_mhz": CLOCKS}
        return {"name": "planted", "architecture": "sm_90", "torch": torch.__version__, **sizes, **none}

    def limits(self) -> dict[str, Any]:
        return {
            "copy_gb_s": COPY_GB_S,
            "f16_top_s": 800.0,
            "bf16_top_s": 800.0,
            "s8_top_s": 1600.0,
            "clocks_mhz": CLOCKS,
        }

    def tensor(self, array: NDArray[Any], dtype: str | None = None) -> Any:
        return torch.from_numpy(array).to(getattr(torch, dtype) if dtype else None, copy=True)

    def array(self, tensor: Any) -> Floats:
        found: Floats = tensor.float().numpy().copy()
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
        y, number = torch.nn.functional.linear(x.float(), w), next(calls)
        if variant == "one block missing":
            y -= torch.nn.functional.linear(x[:, :64].float(), w[:, :64])
        elif variant == "one output wrong":
            y[-1, -1] += 0.2 * x.shape[1] ** 0.5 * 8
        elif variant == "not finite":
            y[0, 0] = torch.nan
        elif variant == "another shape":
            y = y[:, 1:]
        elif variant == "rows of a tile swapped":
            y = torch.roll(y, 64, 0)
        elif variant == "columns of a tile swapped":
            y = torch.roll(y, 1024, 1)
        elif variant == "changes" and number > 0:
            y = y * (1 + 1e-3 * (number % 2))
        elif variant == "aborts":
            os.abort()
        return y

    return GpuWeights((dense,), multiply, weights, "float16", "f16", {"fault": variant})
