"""Floats to Microscaling (MX) rows, bit for bit as `quantize_block_mx` of the reference.

Every policy of the specification: its choices are run-time numbers (`MxPolicy.numbers`), so they need no kernel each.
"""

from __future__ import annotations

from itertools import product

import torch
import triton
import triton.language as tl
from torch import Tensor

from q35.errors import InputError
from q35kernels.triton.launcher import NAMES, aligned, check_devices
from q35kernels.triton.mx_decode import bits_as_f32
from q35kernels.triton.mx_dequantize import check_type
from q35kernels.triton.mx_encode import element_of_quotient, scale_of_largest, store_blocks
from q35kernels.triton.mx_format import BLOCK, FORMATS, MxFormat, MxPolicy, format_named, row_bytes
from q35kernels.triton.variant import Variant

POLICY = {"last": "i32", "beyond": "i32", "of_zeros": "i32", "keep_sign": "i32"}
"""The numbers of a policy, as parameters of a kernel."""


@triton.jit
def load_and_quantize(x, block, mask, cols, row_blocks, last, beyond, of_zeros, keep_sign, FORMAT: tl.constexpr):
    """Blocks of `x` `[rows, cols]`, zeros after a row's end: scales int32 `[B]` and elements int32 `[B, 32]`.

    `block` int32 `[B]` counts the blocks of all rows, in order. A NaN or an infinity makes the scale NaN and the
    elements 0.
    """
    row, col = block // row_blocks, (block % row_blocks * 32)[:, None] + tl.arange(0, 32)[None, :]
    values = tl.load(x + row.to(tl.int64)[:, None] * cols + col, mask[:, None] & (col < cols), 0)
    bits = bits_as_f32(values)
    scales = scale_of_largest(tl.max(bits & 0x7FFFFFFF, axis=1), last, beyond, of_zeros, FORMAT)
    codes = element_of_quotient(bits, scales[:, None], keep_sign, FORMAT)
    return scales, tl.where((scales == 255)[:, None], 0, codes)


@triton.jit(do_not_specialize=["blocks", "row_blocks", *POLICY])
def mx_quantize_kernel(data, x, blocks, cols, row_blocks, last, beyond, of_zeros, keep_sign,
                       FORMAT: tl.constexpr, BLOCKS: tl.constexpr):  # fmt: skip
    """`data` uint8 with `blocks` blocks of `x` `[rows, cols]`, `row_blocks` of them a row; a program has BLOCKS."""
    block = BLOCKS * tl.program_id(0) + tl.arange(0, BLOCKS)
    mask = block < blocks
    scales, codes = load_and_quantize(x, block, mask, cols, row_blocks, last, beyond, of_zeros, keep_sign, FORMAT)
    store_blocks(data, block, mask, scales, codes, FORMAT)


BLOCKS = 128
"""Blocks that a program has."""


def _variant(kind: MxFormat, dtype: torch.dtype) -> Variant:
    return Variant(
        f"mx_quantize {NAMES[dtype]} to {kind.id}",
        mx_quantize_kernel,
        {"data": "*u8", "x": f"*{NAMES[dtype]}", "blocks": "i32", "cols": "i32", "row_blocks": "i32"} | POLICY,
        {"FORMAT": kind, "BLOCKS": BLOCKS},
        num_warps=8,
    )


_CHOICES = {(kind.id, dtype): _variant(kind, dtype) for kind, dtype in product(FORMATS.values(), NAMES)}
VARIANTS = tuple(_CHOICES.values())


def mx_quantize(x: Tensor, element: str, policy: MxPolicy | None = None) -> Tensor:
    """`x` `[..., cols]` float32, float16 or bfloat16 -> uint8 `[..., bytes of a row]`: whole blocks, padded with zeros.

    `policy` defaults to the specification's choices. A NaN or an infinity makes its block's scale NaN and its elements
    0. Raises `InputError` for an unknown element, another type, and rows without elements.
    """
    kind = format_named(element)
    check_type(x.dtype)
    check_devices(x)
    if x.dim() == 0 or x.shape[-1] == 0:
        raise InputError(f"values of shape {list(x.shape)} have no rows of elements")
    cols = x.shape[-1]
    data = torch.empty((*x.shape[:-1], row_bytes(kind, cols)), dtype=torch.uint8, device=x.device)
    blocks = data.numel() // kind.block_bytes
    if blocks:
        numbers = (policy or MxPolicy()).numbers(kind)
        grid = (-(-blocks // BLOCKS),)
        _CHOICES[element, x.dtype].launch(grid, data, aligned(x), blocks, cols, -(-cols // BLOCK), *numbers)
    return data
