"""What the launchers of the kernels share: weights on a device, and what is refused before a kernel runs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from q35.errors import InputError
from q35kernels import _cpu as native

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
"""Whether kernels run in Triton's interpreter, on tensors of the CPU."""

NAMES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
SIZES = (32, 64, 128)
COUNTS = (16, 128)
"""Rows of activations that a program of a matrix kernel takes."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A quantized matrix [rows, cols] on a device, in the layout of `q35kernels.TiledWeights`.

    `tiled` uint8 `[bytes]`, seven bits a code; `table` int8 `[128, 2]`; `arithmetic`: the table is (hi, 2 lo), which is
    then not read.
    """

    tiled: Tensor
    table: Tensor
    rows: int
    cols: int
    block_size: int = 64
    width: str = "stream"
    arithmetic: bool = False

    @property
    def tiles(self) -> int:
        """Tiles of 32 rows."""
        return -(-self.rows // 32)

    @property
    def blocks(self) -> int:
        """Blocks of a row."""
        return -(-self.cols // self.block_size)

    @property
    def padded_cols(self) -> int:
        """Columns with those that fill up the last block."""
        return self.blocks * self.block_size

    @property
    def bytes(self) -> int:
        """Bytes that they take."""
        return int(native.tiled_size(self.rows, self.cols, self.block_size, self.width))


def prepared(weights: Weights, *others: Tensor) -> tuple[Tensor, Tensor]:
    """The tiled bytes as uint32 words, and the table as int16 pairs, as the kernels take them.

    Raises `InputError` for a block size or a width without a kernel, for tensors of another type or size, and where
    these and `others` are not on one device that runs the kernels.
    """
    if weights.block_size not in SIZES:
        raise InputError(f"no kernel for blocks of {weights.block_size}", fix=f"choose {', '.join(map(str, SIZES))}")
    if weights.width != "stream":
        raise InputError(f"no kernel for codes of the width {weights.width!r}", fix="choose stream")
    expected = {"tiled": (torch.uint8, (weights.bytes,)), "table": (torch.int8, (128, 2))}
    for name, (dtype, shape) in expected.items():
        tensor = getattr(weights, name)
        if tensor.dtype != dtype or tuple(tensor.shape) != shape:
            raise InputError(f"{name} is {tensor.dtype} {list(tensor.shape)}, expected {dtype} {list(shape)}")
    check_devices(weights.tiled, weights.table, *others)
    return aligned(weights.tiled).view(torch.uint32), aligned(weights.table).view(torch.int16)[:, 0]


def check_devices(first: Tensor, *others: Tensor) -> None:
    """Raises `InputError` unless all are on one device, and that one runs the kernels."""
    if first.device.type != ("cpu" if INTERPRETED else "cuda"):
        raise InputError(f"there is no Triton kernel for the device {first.device}", fix="move the tensors to a GPU")
    for other in others:
        if other.device != first.device:
            raise InputError(f"tensors are on the devices {first.device} and {other.device}", fix="move all to one")


def aligned(tensor: Tensor) -> Tensor:
    """The tensor, contiguous and from a multiple of 16 bytes on, which is what variants are compiled for."""
    tensor = tensor.contiguous()
    return tensor if tensor.data_ptr() % 16 == 0 else tensor.clone()


def bias_of(bias: Tensor | None, y: Tensor) -> Tensor:
    """The bias as the kernels take it, float32 `[N]`; for none anything that can be pointed at."""
    if bias is None:
        return y
    if bias.device != y.device or tuple(bias.shape) != tuple(y.shape[1:]):
        raise InputError(f"the bias is {list(bias.shape)} on {bias.device}, expected {[y.shape[1]]} on {y.device}")
    return aligned(bias.float())


def check_activations(x: Tensor, dtypes: Iterable[torch.dtype], cols: int | None = None) -> None:
    """Raises `InputError` unless `x` is `[M, cols]`, or a matrix at all, of one of the types."""
    if x.dtype not in dtypes:
        raise InputError(f"activations of {x.dtype}", fix=f"use one of {', '.join(map(str, dtypes))}")
    if x.dim() != 2 or cols not in (None, x.shape[1]):
        raise InputError(f"the activations have shape {list(x.shape)}, expected [M, {'K' if cols is None else cols}]")


def smallest(counts: tuple[int, ...], m: int) -> int:
    """The smallest of ascending `counts` that `m` rows fit in, or the last."""
    return next((count for count in counts if m <= count), counts[-1])
