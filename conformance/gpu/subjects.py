"""The Triton kernels behind NumPy arrays: interpreted on the CPU, or on a device (`--q35-device cuda`).

Triton decides when a kernel's module is imported, so `device()` is asked before any is.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEVICE = "cpu"
"""Where kernels run: "cpu" is the interpreter. Set by `--q35-device` before the first test."""


@cache
def module(name: str) -> Any:
    """The module `q35kernels.triton.<name>`, for the device of this session."""
    if DEVICE == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"
    return import_module(f"q35kernels.triton.{name}")


def subject() -> str:
    """The name under which comparisons are counted."""
    return "triton" if DEVICE == "cpu" else "triton-device"


def tensor(array: NDArray[Any]) -> Any:
    """The array on the device."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(array)).to(DEVICE)


def weights(
    codes: NDArray[np.uint8],
    steps: NDArray[np.float16],
    table: NDArray[np.int8],
    block_size: int,
    cols: int,
    width: str = "stream",
    arithmetic: bool = False,
) -> Any:
    """`codes` `[rows, pairs]` and `steps` `[rows, blocks]` as the kernels take them."""
    from q35kernels import tile_weights

    launcher = module("launcher")
    data = np.array(tile_weights(codes, steps, table, block_size, cols, width=width).data)  # type: ignore[arg-type]
    return launcher.Weights(tensor(data), tensor(table), len(codes), cols, block_size, width, arithmetic)
