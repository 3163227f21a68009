"""The Triton kernels behind NumPy arrays: interpreted on the CPU, or on a device (`--q35-device cuda`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

import conformance.subjects

DEVICE = "cuda" if conformance.subjects.DEVICE == "cuda" else "cpu"
"""Where torch has the tensors; on "cpu" kernels are interpreted."""


def covers(*kernels: str, values: bool = False) -> Callable[[Any], Any]:
    """A mark: the test covers these kernels in the interpreter or on the device, and in layer a if `values`."""
    where = pytest.mark.layer("c" if DEVICE == "cpu" else "f", *kernels)
    return lambda test: pytest.mark.layer("a", *kernels)(where(test)) if values else where(test)


def examples(count: int) -> hypothesis.settings:
    """That many sampled examples by default, and in proportion with `--q35-effort`: interpreting takes its time."""
    profile = hypothesis.settings.default
    assert profile is not None
    return hypothesis.settings(max_examples=max(2, count * profile.max_examples // 100))


@cache
def module(name: str) -> Any:
    """The module `q35kernels.triton.<name>`, for the device of this session."""
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
    arithmetic: bool = False,
) -> Any:
    """`codes` `[rows, pairs]` and `steps` `[rows, blocks]` as the kernels take them."""
    from q35kernels import tile_weights

    data = np.array(tile_weights(codes, steps, table, block_size, cols).data)
    shape = len(codes), cols, block_size
    return module("launcher").Weights(tensor(data), tensor(table), *shape, arithmetic=arithmetic)


def every_place() -> NDArray[np.uint8]:
    """Codes uint8 `[32, 2048]`: in 128 units each code in each of the 512 places of one."""
    unit, row, place = np.arange(128)[None, :, None], np.arange(32)[:, None, None], np.arange(16)[None, None, :]
    codes: NDArray[np.uint8] = ((unit + 5 * row + 11 * place) % 128).astype(np.uint8).reshape(32, 2048)
    return codes
