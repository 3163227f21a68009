"""Microscaling (MX) rows back as floats: float32 exactly, narrower types the nearest to it, ties to even.

A row is stored as whole blocks (`q35ref.mx_vectorized.pack`, low nibble first); its true length is kept beside it.
"""

from __future__ import annotations

from itertools import product

import torch
import triton
import triton.language as tl
from torch import Tensor

from q35.errors import InputError
from q35kernels.triton.launcher import NAMES, aligned, check_devices
from q35kernels.triton.mx_decode import (
    bits_to_16,
    bits_to_f32,
    f32_bits_to_bf16_bits,
    load_codes,
    load_scales,
    product_to_f32_bits,
)
from q35kernels.triton.mx_format import BLOCK, FORMATS, MxFormat, format_named, row_bytes
from q35kernels.triton.variant import Variant


@triton.jit
def store_values(out, codes, scales, block, mask, cols, row_blocks, FORMAT: tl.constexpr):
    """Stores the values of blocks at `out` `[rows, cols]`; `block` int32 `[B]` counts those of all rows, in order."""
    bits = product_to_f32_bits(codes, scales[:, None], FORMAT)
    if out.dtype.element_ty == tl.bfloat16:  # by its bits: the interpreter cuts them off where a GPU rounds
        values = bits_to_16(f32_bits_to_bf16_bits(bits), tl.bfloat16)
    else:
        values = bits_to_f32(bits).to(out.dtype.element_ty)
    row, col = block // row_blocks, (block % row_blocks * 32)[:, None] + tl.arange(0, 32)[None, :]
    tl.store(out + row.to(tl.int64)[:, None] * cols + col, values, mask[:, None] & (col < cols))


@triton.jit(do_not_specialize=["blocks", "row_blocks"])
def mx_dequantize_kernel(out, data, blocks, cols, row_blocks, FORMAT: tl.constexpr, BLOCKS: tl.constexpr):
    """`out` `[rows, cols]` of `data` uint8 with `blocks` blocks, `row_blocks` of them a row; a program has BLOCKS."""
    block = BLOCKS * tl.program_id(0) + tl.arange(0, BLOCKS)
    mask = block < blocks
    scales = load_scales(data, block, mask, 0, FORMAT)
    store_values(out, load_codes(data, block, mask, FORMAT), scales, block, mask, cols, row_blocks, FORMAT)


BLOCKS = 128
"""Blocks that a program has."""


def _variant(kind: MxFormat, dtype: torch.dtype) -> Variant:
    return Variant(
        f"mx_dequantize {kind.id} to {NAMES[dtype]}",
        mx_dequantize_kernel,
        {"out": f"*{NAMES[dtype]}", "data": "*u8", "blocks": "i32", "cols": "i32", "row_blocks": "i32"},
        {"FORMAT": kind, "BLOCKS": BLOCKS},
        num_warps=8,
    )


_CHOICES = {(kind.id, dtype): _variant(kind, dtype) for kind, dtype in product(FORMATS.values(), NAMES)}
VARIANTS = tuple(_CHOICES.values())


def check_rows(data: Tensor, kind: MxFormat, cols: int) -> None:
    """Raises `InputError` unless `data` is uint8 `[..., bytes of a row]`."""
    size = row_bytes(kind, cols)
    if data.dtype != torch.uint8 or data.dim() == 0 or data.shape[-1] != size or cols < 1:
        expected = f"uint8 [..., {size}] for {cols} elements {kind.id}"
        raise InputError(f"the blocks are {data.dtype} {list(data.shape)}, expected {expected}")


def check_type(dtype: torch.dtype) -> None:
    """Raises `InputError` for a type without a kernel."""
    if dtype not in NAMES:
        raise InputError(f"no kernel for {dtype}", fix=f"choose one of {', '.join(map(str, NAMES))}")


def mx_dequantize(data: Tensor, element: str, cols: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """`data` uint8 `[..., bytes of a row]` -> `[..., cols]` of `dtype`: float32, float16 or bfloat16.

    A product of 2^128 or more is an infinity; a NaN scale makes NaN (0x7FC00000) of its block. Raises `InputError` for
    an unknown element or type and for data of another type or shape.
    """
    kind = format_named(element)
    check_type(dtype)
    check_rows(data, kind, cols)
    check_devices(data)
    out = torch.empty((*data.shape[:-1], cols), dtype=dtype, device=data.device)
    blocks = data.numel() // kind.block_bytes
    if blocks:
        _CHOICES[element, dtype].launch((-(-blocks // BLOCKS),), out, aligned(data), blocks, cols, -(-cols // BLOCK))
    return out
