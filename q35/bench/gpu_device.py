"""The GPU of PyTorch (CUDA, and HIP, which PyTorch calls by the same name): memory, graphs, clock and limits.

This module has not run on a GPU wherever `kernels/measured` holds no results of one.
"""

from __future__ import annotations

import math
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

WARM_SECONDS = 0.02
"""Before it the same calls run so long: a GPU that was idle has a low clock at first."""

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
        self.run()
        self._seconds = self._timed(1)

    def run(self) -> None:
        """See `Captured.run`."""
        self._graph.replay()
        torch.cuda.synchronize()

    def seconds(self) -> float:
        """See `Captured.seconds`."""
        for _ in range(math.ceil(WARM_SECONDS / self._seconds)):
            self._graph.replay()
        return self._timed(math.ceil(FINE_SECONDS / self._seconds)) / len(self.outputs)

    def _timed(self, repeats: int) -> float:
        """Seconds that the graph takes, the mean of `repeats` runs."""
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(repeats):
            self._graph.replay()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3 / repeats


class Gpu:
    """See `q35.bench.gpu_contenders.Device`."""

    def __init__(self) -> None:
        self._properties = torch.cuda.get_device_properties(0)
        self.cache_bytes = int(self._properties.L2_cache_size)

    def describe(self) -> dict[str, Any]:
        """The device, its clocks as the driver tells them (None where it does not), and versions."""
        told = self._driver()
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
        """Copy bandwidth in GB/s, read and written bytes both counted, and peaks of matrix products in Top/s.

        A peak is None where PyTorch has no such product for the device.
        """
        found: dict[str, Any] = {"copy_gb_s": digits(2 * COPY_BYTES / _median(self, _copy()) / 1e9)}
        for operands, product in (
            ("f16", _product(torch.float16)),
            ("bf16", _product(torch.bfloat16)),
            ("s8", _int_product()),
        ):
            found[f"{operands}_top_s"] = _peak(self, product)
        # Read at once: a clock falls within milliseconds of the last product.
        return {**found, "clocks_mhz": _clocks(self._driver())}

    def _driver(self) -> dict[str, str | None]:
        """What nvidia-smi says of this GPU; None for all where it says nothing."""
        command = ["nvidia-smi", f"--id=GPU-{self._properties.uuid}", f"--query-gpu={','.join(QUERIED)}"]
        if shutil.which(command[0]) is None:
            return dict.fromkeys(QUERIED)
        done = subprocess.run([*command, "--format=csv,noheader,nounits"], capture_output=True, text=True)
        told = [item.strip() for item in done.stdout.split(",")]
        return dict(zip(QUERIED, told, strict=True)) if done.returncode == 0 else dict.fromkeys(QUERIED)

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


def _peak(gpu: Gpu, product: Callable[[], Any]) -> float | None:
    try:
        product()
    except RuntimeError:
        return None
    return digits(2 * PEAK_SIZE**3 / _median(gpu, product) / 1e12)


def _median(gpu: Gpu, call: Callable[[], Any]) -> float:
    captured = gpu.capture([call])
    return statistics.median(captured.seconds() for _ in range(LIMIT_ROUNDS))


def _compute_capability(properties: Any) -> str:
    return f"sm_{properties.major}{properties.minor}"


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
