"""The network's matrices in this project's 3.5-bit format: what the shipped weights will be, seen while training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from q35kernels import wrappers
from q35kernels.schemes import scheme_named
from q35prover.train.model import Network

SCHEME = "codebook"
BLOCK_SIZE = 64


def matrices(network: Network) -> dict[str, Tensor]:
    """The weights that are stored in the format: those of the blocks, by name."""
    return {
        f"{name}.weight": layer.weight
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and name.startswith("blocks.")
    }


def rounded(weight: Tensor) -> Tensor:
    """The value of the format that stands for `weight` `[rows, cols]`."""
    codes, steps, _ = wrappers.quantize(weight.detach().float().cpu().numpy(), SCHEME, BLOCK_SIZE)
    table = scheme_named(SCHEME).table
    return torch.from_numpy(wrappers.dequantize(codes, steps, table, BLOCK_SIZE, weight.shape[1])).to(weight)


def round_matrices(network: Network) -> None:
    """Every matrix of the format becomes the value that stands for it."""
    with torch.no_grad():
        for weight in matrices(network).values():
            weight.copy_(rounded(weight))
