"""The GPU of PyTorch (CUDA, and HIP, which PyTorch calls by the same name): memory, graphs, clock and limits.

This module has not run on a GPU wherever `kernels/measured` holds no results of one.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from q35.bench.problem import Floats
from q35.bench.results import digits, version

COPY_BYTES = 1 << 30
PEAK_SIZE = 8192
"""The copy bandwidth is that of so many bytes, the matrix peaks those of square products of this size."""

FINE_SECONDS = 0.005
"""A measurement takes at least so long: the events' clock counts half microseconds, and starting a graph takes some."""

LIMIT_ROUNDS = 9

QUERIED = ("driver_version", "clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem", "power.limit")


class Calls:
    """Calls captured as one graph."""

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            calls[0]()  # what is compiled or chosen at the first call is not captured
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self.outputs = [call() for call in calls]
        self._repeats = 1
        self.run()
        self._repeats = max(1, round(FINE_SECONDS / (self.seconds() * len(calls))))

    def run(self) -> None:
        """See `Captured.run`."""
        self._graph.replay()
        torch.cuda.synchronize()

    def seconds(self) -> float:
        """See `Captured.seconds`."""
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(self._repeats):
            self._graph.replay()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3 / (self._repeats * len(self.outputs))


class Gpu:
    """See `q35.bench.gpu_contenders.Device`."""

    def __init__(self) -> None:
        self._properties = torch.cuda.get_device_properties(0)
        self.cache_bytes = int(self._properties.L2_cache_size)

    def describe(self) -> dict[str, Any]:
        """The device, its clocks as the driver tells them (None where it does not), and versions."""
        told = _driver()
        return {
            "name": self._properties.name,
            "architecture": getattr(self._properties, "gcnArchName", None) or _compute_capability(self._properties),
            "processors": self._properties.multi_processor_count,
            "memory_bytes": self._properties.total_memory,
            "cache_bytes": self.cache_bytes,
            "driver": told["driver_version"],
            "clocks_mhz": _clocks(told),
            "power_limit_watts": _number(told["power.limit"]),
            "cuda": torch.version.cuda,
            "hip": torch.version.hip,
            "torch": torch.__version__,
            "triton": version("triton"),
        }

    def limits(self) -> dict[str, Any]:
        """Copy bandwidth in GB/s, read and written bytes both counted, and peaks of matrix products in Top/s."""
        found: dict[str, Any] = {"copy_gb_s": digits(2 * COPY_BYTES / _median(self, _copy()) / 1e9)}
        for operands, product in (
            ("f16", _product(torch.float16)),
            ("bf16", _product(torch.bfloat16)),
            ("s8", _int_product()),
        ):
            found[f"{operands}_top_s"] = digits(2 * PEAK_SIZE**3 / _median(self, product) / 1e12)
        # Read at once: a clock falls within milliseconds of the last product.
        return {**found, "clocks_mhz": _clocks(_driver())}

    def tensor(self, array: NDArray[Any], dtype: str | None = None) -> Any:
        """See `Device.tensor`."""
        return torch.from_numpy(array).to("cuda", getattr(torch, dtype) if dtype else None)

    def array(self, tensor: Any) -> Floats:
        """See `Device.array`."""
        found: Floats = tensor.float().cpu().numpy()
        return found

    def capture(self, calls: Sequence[Callable[[], Any]]) -> Calls:
        """See `Device.capture`."""
        with torch.inference_mode():
            return Calls(calls)


def device() -> Gpu:
    """This machine's first GPU; raises RuntimeError with the reason when PyTorch finds none."""
    if torch.version.cuda is None and torch.version.hip is None:
        raise RuntimeError(f"torch {torch.__version__} is built without CUDA and HIP")
    if not torch.cuda.is_available():
        raise RuntimeError("torch finds no GPU on this machine")
    return Gpu()


def _copy() -> Callable[[], Any]:
    source = torch.zeros(COPY_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def _square(dtype: Any) -> Any:
    """Values of any size and sign, as in a model: easy ones would draw less power, and the clock would stay higher."""
    return (40 * torch.randn(PEAK_SIZE, PEAK_SIZE, device="cuda")).clamp(-127, 127).to(dtype)


def _product(dtype: Any) -> Callable[[], Any]:
    a = _square(dtype)
    return lambda: torch.matmul(a, a)


def _int_product() -> Callable[[], Any]:
    a = _square(torch.int8)
    return lambda: torch._int_mm(a, a.t())  # the second operand by columns, as cuBLAS wants it


def _median(gpu: Gpu, call: Callable[[], Any]) -> float:
    captured = gpu.capture([call])
    return statistics.median(captured.seconds() for _ in range(LIMIT_ROUNDS))


def _compute_capability(properties: Any) -> str:
    return f"sm_{properties.major}{properties.minor}"


def _driver() -> dict[str, str | None]:
    """What nvidia-smi says of the first GPU; None for all without it."""
    if shutil.which("nvidia-smi") is None:
        return dict.fromkeys(QUERIED)
    query = ["nvidia-smi", "--id=0", f"--query-gpu={','.join(QUERIED)}", "--format=csv,noheader,nounits"]
    done = subprocess.run(query, capture_output=True, text=True, check=True)
    return dict(zip(QUERIED, (item.strip() for item in done.stdout.split(",")), strict=True))


def _clocks(told: dict[str, str | None]) -> dict[str, float | None]:
    names = {"processors": "clocks.sm", "memory": "clocks.mem"}
    most = {"processors_most": "clocks.max.sm", "memory_most": "clocks.max.mem"}
    return {name: _number(told[key]) for name, key in {**names, **most}.items()}


def _number(text: str | None) -> float | None:
    """A number of nvidia-smi; None where it says "[N/A]"."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
