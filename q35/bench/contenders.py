"""Who takes part: our schemes and the peers, each with the module that knows how to prepare and call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from q35.bench.problem import Floats
from q35.errors import InputError


class Prepared(Protocol):
    """Weights in the form in which a contender multiplies with them."""

    @property
    def bits_per_weight(self) -> float:
        """Bits that the contender's format takes for a weight, scales included."""

    @property
    def weights(self) -> Floats:
        """What the stored weights stand for, float32, the distinct rows alone."""

    @property
    def details(self) -> dict[str, str]:
        """What a reader should know of how it is run."""

    def product(self, activations: Floats, threads: int) -> Callable[[], Floats]:
        """A call that multiplies `activations` `[M, K]` and returns float32 `[M, N]`; the next call may reuse that."""


class Prepare(Protocol):
    """What the module of a contender offers under the name `prepare`."""

    def __call__(self, variant: str, weights: Floats, outputs: int) -> Prepared:
        """Quantizes the distinct rows `weights` with the contender's own quantizer and repeats them to `outputs`."""


@dataclass(frozen=True)
class Contender:
    """One library with one format. `module` offers `prepare`; `distribution` is the package whose version counts."""

    name: str
    title: str
    module: str
    variant: str
    distribution: str

    @property
    def ours(self) -> bool:
        """Whether it is one of the Q35 schemes."""
        return self.distribution == "q35"


OURS = (
    Contender("q35-block", "Q35 block 64", "q35.bench.peers.ours", "block", "q35"),
    Contender("q35-codebook", "Q35 codebook 64", "q35.bench.peers.ours", "codebook", "q35"),
)

PEERS = (
    Contender("ggml-q4_0", "ggml Q4_0", "q35.bench.peers.ggml", "q4_0", "llama-cpp-python"),
    Contender("ggml-q4_k", "ggml Q4_K", "q35.bench.peers.ggml", "q4_k", "llama-cpp-python"),
    Contender("ggml-mxfp4", "ggml MXFP4", "q35.bench.peers.ggml", "mxfp4", "llama-cpp-python"),
    Contender("ggml-q3_k", "ggml Q3_K", "q35.bench.peers.ggml", "q3_k", "llama-cpp-python"),
    Contender("onnxruntime", "onnxruntime MatMulNBits", "q35.bench.peers.onnxruntime", "int4", "onnxruntime"),
    Contender("openvino", "OpenVINO u4", "q35.bench.peers.openvino", "u4", "openvino"),
    Contender("torch-int4", "torch int4", "q35.bench.peers.torch", "int4", "torch"),
    Contender("torch-bf16", "torch bf16", "q35.bench.peers.torch", "bf16", "torch"),
    Contender("torch-fp32", "torch fp32", "q35.bench.peers.torch", "fp32", "torch"),
)


def choose_peers(names: Sequence[str], peers: tuple[Contender, ...] = PEERS) -> tuple[Contender, ...]:
    """Those of `peers` with these names, "all" or "none" of them; raises `InputError` for a name that is unknown."""
    if list(names) == ["all"]:
        return peers
    if list(names) == ["none"]:
        return ()
    known = {peer.name: peer for peer in peers}
    for name in names:
        if name not in known:
            raise InputError(f"unknown peer {name!r}", fix=f"choose all, none, or some of {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names))
