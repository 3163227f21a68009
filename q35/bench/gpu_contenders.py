"""Who takes part on a GPU, and what a contender and a device offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from q35.bench.contenders import Contender
from q35.bench.problem import Floats

Operands = Literal["f16", "bf16", "s8"]
"""What the matrix instructions of a product multiply, which decides the peak that bounds it."""


class Captured(Protocol):
    """Calls that follow each other on the device without the host between them."""

    @property
    def outputs(self) -> Sequence[Any]:
        """Where the calls leave their results, one a call."""

    def run(self) -> None:
        """Runs all calls once, and waits for them."""

    def seconds(self) -> float:
        """Seconds a call, by the device's clock: the mean over all calls, repeated until the clock is fine enough."""


class Device(Protocol):
    """A GPU, or in tests what stands for one."""

    @property
    def cache_bytes(self) -> int:
        """Size of the largest cache."""

    def describe(self) -> dict[str, Any]:
        """As the schema's `device`: name, memory, clocks, driver, versions."""

    def limits(self) -> dict[str, Any]:
        """As the schema's `limits`: copy bandwidth in GB/s and matrix peaks in Tera operations/s, measured now."""

    def tensor(self, array: NDArray[Any], dtype: str | None = None) -> Any:
        """A copy of `array` on the device, as its own type or as torch's type of that name."""

    def array(self, tensor: Any) -> Floats:
        """A copy of `tensor` on the host, float32."""

    def capture(self, calls: Sequence[Callable[[], Any]]) -> Captured:
        """The calls, ready to run together."""


@dataclass(frozen=True, eq=False)
class GpuWeights:
    """Weights in the form in which a contender multiplies with them.

    `tensors` on the device are all that a product reads of them; `stored` is what they stand for, float32, the distinct
    rows alone. `multiply(x, *tensors)` with x `[M, K]` of the type `activations` gives `[M, N]`.
    """

    tensors: tuple[Any, ...]
    multiply: Callable[..., Any]
    stored: Floats
    activations: str = "float16"
    operands: Operands = "f16"
    details: dict[str, str] = field(default_factory=dict)


class Prepare(Protocol):
    """What the module of a contender offers under the name `prepare`."""

    def __call__(self, device: Device, variant: str, weights: Floats, outputs: int) -> GpuWeights:
        """Quantizes the distinct rows `weights` with the contender's own quantizer and repeats them to `outputs`."""


OURS = tuple(
    Contender(f"q35-{variant}", title, "q35.bench.gpu_peers.ours", variant, "q35")
    for variant, title in (
        ("codebook-fp16", "Q35 codebook 64 x fp16"),
        ("codebook-bf16", "Q35 codebook 64 x bf16"),
        ("codebook-int8", "Q35 codebook 64 x int8"),
        ("block-fp16", "Q35 block 64 x fp16"),
        ("mxfp4-fp16", "MXFP4 x fp16"),
    )
)

PEERS = tuple(
    Contender(f"torch-{variant}", f"torch {variant}", "q35.bench.gpu_peers.torch", variant, "torch")
    for variant in ("fp16", "bf16", "int8", "int4")
)
