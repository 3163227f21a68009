"""The network's matrices in this project's 3.5-bit format: what the shipped weights will be, seen while training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from q35.model.packed import PackedModel
from q35.model.safetensors_io import Model
from q35.model.select import matrix_shape
from q35.model.torch_layers import linear_from_file
from q35kernels import wrappers
from q35kernels.schemes import scheme_named
from q35prover.train.model import Network

SCHEME = "codebook"
BLOCK_SIZE = 64


def linears(network: Network) -> dict[str, nn.Linear]:
    """The linear layers by name, but for the small ones of the value and of what a tactic is worth."""
    return {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and layer not in (network.value, network.worth)
    }


def matrices(network: Network) -> dict[str, Tensor]:
    """The weights that are stored in the format, by name: those of the linear layers and the embedding."""
    weights = {f"{name}.weight": layer.weight for name, layer in linears(network).items()}
    return {**weights, "embedding.weight": network.embedding.weight}


def rounded(weight: Tensor) -> Tensor:
    """The value of the format that stands for `weight` `[rows, cols]`."""
    threads, values = torch.get_num_threads(), weight.detach().float().cpu().numpy()
    codes, steps, _ = wrappers.quantize(values, SCHEME, BLOCK_SIZE, threads=threads)
    table, cols = scheme_named(SCHEME).table, weight.shape[1]
    return torch.from_numpy(wrappers.dequantize(codes, steps, table, BLOCK_SIZE, cols, threads=threads)).to(weight)


def round_matrices(network: Network) -> None:
    """Every matrix of the format becomes the value that stands for it."""
    with torch.no_grad():
        for weight in matrices(network).values():
            weight.copy_(rounded(weight))


def is_quantized(path: Path) -> bool:
    """Whether a file of weights is in a format of this project. Raises `InputError` for what is no such file."""
    with Model(path) as model:
        return "q35.schema" in model.metadata


def load_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights, float32, by name; those in the format become the values that they stand for.

    Raises `InputError` for a file that is damaged or no such file.
    """
    with Model(path) as model:
        names = list(model.tensors)
        loaded: dict[str, Tensor] = {}
        if "q35.schema" in model.metadata:
            packed = PackedModel(model)
            names = list(packed.copied)
            for item in packed.originals.values():
                rows, cols = matrix_shape(item.shape)
                loaded[item.name] = torch.from_numpy(packed.scheme.dequantize(packed.part(item, 0, rows), cols))
        for name in names:
            ((_, flat),) = model.float_rows(name, cols=model.tensors[name].elements, rows_at_once=1)
            loaded[name] = torch.from_numpy(flat.copy()).reshape(model.tensors[name].shape)
    return loaded


def run_on_kernels(network: Network, path: Path) -> None:
    """The products become those of q35kernels, with the weights of the file `path`, which is in the format.

    They round the activations to 8 bits. Raises `InputError` for a file that does not have them.
    """
    for name in linears(network):
        owner, _, child = name.rpartition(".")
        setattr(network.get_submodule(owner), child, linear_from_file(path, name))
    network.write = linear_from_file(path, "embedding")
