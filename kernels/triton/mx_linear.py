"""Products of float16 or bfloat16 activations with Microscaling (MX) weights.

The elements are exact in both types, so that they are operands as they are; a block's 32 products are summed in
float32, and the sum, not the weights, is multiplied by the block's scale. Two kernels: one for a single row of
activations, which multiplies in float32, and one with matrix instructions. The order of the sums is not declared.

Matrix instructions of gfx90a take subnormal operands for 0: activations of float16 below 2^-14 are lost there. Of the
elements only E5M2 has numbers so small, and its products with float16 are refused on AMD devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
import triton
import triton.language as tl
from torch import Tensor

from q35.errors import InputError
from q35kernels.triton.launcher import NAMES, aligned, check_devices
from q35kernels.triton.mx_decode import (
    bits_as_f32,
    bits_to_16,
    bits_to_f32,
    element_to_bf16_bits,
    element_to_f16_bits,
    element_to_f32_bits,
    load_codes,
    load_scales,
    scale_to_f32_bits,
)
from q35kernels.triton.mx_dequantize import check_rows
from q35kernels.triton.mx_format import BLOCK, FORMATS, MxFormat, format_named
from q35kernels.triton.variant import Variant


@triton.jit
def operands_of(codes, FLOAT16: tl.constexpr, FORMAT: tl.constexpr):
    """Elements as float16 or bfloat16 numbers."""
    if FLOAT16:
        numbers = bits_to_16(element_to_f16_bits(codes, FORMAT), tl.float16)
    else:
        numbers = bits_to_16(element_to_bf16_bits(codes, FORMAT), tl.bfloat16)
    return numbers


@triton.jit
def load_factors(data, place, mask, FORMAT: tl.constexpr):
    """The scales of blocks as float32 numbers, 1 where `mask` is false."""
    return bits_to_f32(scale_to_f32_bits(load_scales(data, place, mask, 127, FORMAT)))


@triton.jit(do_not_specialize=["rows", "row_blocks"])
def mx_gemv_kernel(y, x, data, rows, cols, row_blocks, FORMAT: tl.constexpr, ROWS: tl.constexpr, BLOCKS: tl.constexpr):
    """`y` `[rows]` of `x` `[cols]`; a program has ROWS outputs, and BLOCKS blocks of each at a time."""
    lane = tl.arange(0, ROWS * BLOCKS)
    row, first = ROWS * tl.program_id(0) + lane // BLOCKS, lane % BLOCKS
    sums = tl.zeros((ROWS * BLOCKS,), tl.float32)
    for start in range(0, row_blocks, BLOCKS):
        place, mask = row * row_blocks + start + first, (row < rows) & (start + first < row_blocks)
        col = 32 * start + tl.reshape(tl.arange(0, 32 * BLOCKS), (BLOCKS, 32))
        # What a row's last block has after its end counts nothing.
        codes = tl.reshape(load_codes(data, place, mask, FORMAT), (ROWS, BLOCKS, 32))
        codes = tl.where((col < cols)[None, :, :], codes, 0)
        weights = bits_to_f32(element_to_f32_bits(codes, FORMAT))
        activations = bits_to_f32(bits_as_f32(tl.load(x + col, col < cols, 0)))
        products = weights * activations[None, :, :]
        sums += tl.reshape(tl.sum(products, axis=2), (ROWS * BLOCKS,)) * load_factors(data, place, mask, FORMAT)
    out = ROWS * tl.program_id(0) + tl.arange(0, ROWS)
    total = tl.sum(tl.reshape(sums, (ROWS, BLOCKS)), axis=1)
    tl.store(y + out, total.to(y.dtype.element_ty), out < rows)


@triton.jit(do_not_specialize=["count", "rows", "row_blocks"])
def mx_gemm_kernel(y, x, data, count, rows, cols, row_blocks, FORMAT: tl.constexpr, ROWS: tl.constexpr,
                   COUNT: tl.constexpr):  # fmt: skip
    """`y` `[count, rows]` of `x` `[count, cols]`; a program has ROWS outputs of COUNT rows of activations.

    The weights are the first operand: it may come from registers, where they are decoded.
    """
    row = ROWS * tl.program_id(0) + tl.arange(0, ROWS)
    at = (COUNT * tl.program_id(1) + tl.arange(0, COUNT)).to(tl.int64)
    inside = row < rows
    sums = tl.zeros((ROWS, COUNT), tl.float32)
    for block in range(row_blocks):
        col = 32 * block + tl.arange(0, 32)
        place = row * row_blocks + block
        codes = tl.where((col < cols)[None, :], load_codes(data, place, inside, FORMAT), 0)
        here = (col < cols)[:, None] & (at < count)[None, :]
        activations = tl.load(x + at[None, :] * cols + col[:, None], here, 0)
        dots = tl.dot(operands_of(codes, x.dtype.element_ty == tl.float16, FORMAT), activations, out_dtype=tl.float32)
        sums += dots * load_factors(data, place, inside, FORMAT)[:, None]
    tl.store(
        y + at[None, :] * rows + row[:, None], sums.to(y.dtype.element_ty), inside[:, None] & (at < count)[None, :]
    )


@dataclass(frozen=True)
class Tile:
    """What a program has: `rows` outputs of `count` rows of activations."""

    rows: int
    count: int
    num_warps: int


TILES = (Tile(64, 16, 4), Tile(128, 64, 8))
"""Tiles of the kernel with matrix instructions, the first one that has room for all activations; else the last."""
GEMV_ROWS, GEMV_BLOCKS = 4, 32
TYPES = (torch.float16, torch.bfloat16)
"""The types of activations and results."""


def _gemv(kind: MxFormat, dtype: torch.dtype) -> Variant:
    floats = f"*{NAMES[dtype]}"
    return Variant(
        f"mx_linear {NAMES[dtype]} x {kind.id}, one row",
        mx_gemv_kernel,
        {"y": floats, "x": floats, "data": "*u8", "rows": "i32", "cols": "i32", "row_blocks": "i32"},
        {"FORMAT": kind, "ROWS": GEMV_ROWS, "BLOCKS": GEMV_BLOCKS},
    )


def _gemm(kind: MxFormat, dtype: torch.dtype, tile: Tile) -> Variant:
    floats = f"*{NAMES[dtype]}"
    counts = {"count": "i32", "rows": "i32", "cols": "i32", "row_blocks": "i32"}
    return Variant(
        f"mx_linear {NAMES[dtype]} x {kind.id}, {tile.rows} x {tile.count}",
        mx_gemm_kernel,
        {"y": floats, "x": floats, "data": "*u8"} | counts,
        {"FORMAT": kind, "ROWS": tile.rows, "COUNT": tile.count},
        num_warps=tile.num_warps,
        matrix_operands={torch.float16: "f16", torch.bfloat16: "bf16"}[dtype],
    )


_GEMV = {(kind.id, dtype): _gemv(kind, dtype) for kind, dtype in product(FORMATS.values(), TYPES)}
_GEMM = {
    (kind.id, dtype, tile): _gemm(kind, dtype, tile) for kind, dtype, tile in product(FORMATS.values(), TYPES, TILES)
}
VARIANTS = (*_GEMV.values(), *_GEMM.values())


def check_product(x: Tensor, data: Tensor, kind: MxFormat, cols: int) -> None:
    """Raises `InputError` unless `x` is `[..., cols]` of a type with a kernel and `data` the rows of a matrix."""
    if x.dtype not in TYPES:
        raise InputError(f"activations of {x.dtype}", fix=f"use one of {', '.join(map(str, TYPES))}")
    check_rows(data, kind, cols)
    if data.dim() != 2:
        raise InputError(f"the weights have shape {list(data.shape)}, expected [rows, bytes of a row]")
    if x.dim() == 0 or x.shape[-1] != cols:
        raise InputError(f"the activations have shape {list(x.shape)}, expected [..., {cols}]")


def mx_linear(x: Tensor, data: Tensor, element: str) -> Tensor:
    """`x` `[..., cols]` float16 or bfloat16 times the weights [rows, cols], transposed: `[..., rows]` of x's type.

    `data` uint8 `[rows, bytes of a row]` as from `mx_quantize`. The float32 sums are rounded once (nearest, ties to
    even). A NaN scale, and an infinite or NaN element or activation, make what IEEE arithmetic makes of them. Raises
    `InputError` for an unknown element and for tensors of other types, shapes or devices.
    """
    kind = format_named(element)
    cols = x.shape[-1] if x.dim() else 0
    check_product(x, data, kind, cols)
    check_devices(x, data)
    if torch.version.hip and element == "e5m2" and x.dtype == torch.float16:
        raise InputError("this device may take small elements e5m2 in float16 for 0", fix="use bfloat16")
    rows, count = data.shape[0], x.numel() // cols
    y = torch.empty((*x.shape[:-1], rows), dtype=x.dtype, device=x.device)
    if y.numel() == 0:
        return y
    sizes = rows, cols, -(-cols // BLOCK)
    if count == 1:
        _GEMV[element, x.dtype].launch((-(-rows // GEMV_ROWS),), y, aligned(x), aligned(data), *sizes)
        return y
    tile = next((tile for tile in TILES if count <= tile.count), TILES[-1])
    grid = -(-rows // tile.rows), -(-count // tile.count)
    _GEMM[element, x.dtype, tile].launch(grid, y, aligned(x), aligned(data), count, *sizes)
    return y
