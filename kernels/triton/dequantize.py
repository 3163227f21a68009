"""Weights back from the tiled layout: each the product of an entry of the table and its block's step.

The product is exact in float32 (11 bits times 8), so float32 gives the very weights and a narrower type the nearest to
them, ties to even.
"""

from __future__ import annotations

from itertools import product

import torch
import triton
import triton.language as tl
from torch import Tensor

from q35.errors import InputError
from q35kernels.triton.decode import load_block, load_table
from q35kernels.triton.launcher import NAMES, SIZES, Weights, prepared
from q35kernels.triton.variant import Variant


@triton.jit(do_not_specialize=["rows", "blocks"])
def dequantize_kernel(out, words, table, rows, cols, blocks, BLOCK: tl.constexpr,
                      TILES: tl.constexpr):  # fmt: skip
    """`out` `[rows, cols]` of the weights; a program has a block of TILES tiles."""
    block, first = tl.program_id(0), TILES * tl.program_id(1)
    pairs = load_table(table)
    entries, steps = load_block(words, pairs, first, tl.cdiv(rows, 32), block, blocks, TILES, BLOCK)
    weights = entries.to(tl.float32) * steps
    row = 32 * first + tl.arange(0, 32 * TILES)
    col = BLOCK * block + tl.arange(0, BLOCK)
    inside = (row < rows)[:, None] & (col < cols)[None, :]
    tl.store(out + row.to(tl.int64)[:, None] * cols + col[None, :], weights.to(out.dtype.element_ty), inside)


TILES = 2
"""Tiles that a program has."""


def _variant(dtype: torch.dtype, block_size: int) -> Variant:
    return Variant(
        f"dequantize {NAMES[dtype]}, block {block_size}",
        dequantize_kernel,
        {"out": f"*{NAMES[dtype]}", "words": "*u32", "table": "*i16", "rows": "i32", "cols": "i32", "blocks": "i32"},
        {"BLOCK": block_size, "TILES": TILES},
    )


_CHOICES = {choice: _variant(*choice) for choice in product(NAMES, SIZES)}
VARIANTS = tuple(_CHOICES.values())


def dequantize(weights: Weights, dtype: torch.dtype = torch.float32) -> Tensor:
    """The weights `[rows, cols]` in float32 (exact), float16 or bfloat16 (the nearest, ties to even).

    Raises `InputError` for another type and for what `prepared` refuses.
    """
    if dtype not in NAMES:
        raise InputError(f"weights of {dtype}", fix=f"choose one of {', '.join(map(str, NAMES))}")
    words, table = prepared(weights)
    out = torch.empty((weights.rows, weights.cols), dtype=dtype, device=words.device)
    if out.numel():
        variant = _CHOICES[dtype, weights.block_size]
        grid = weights.blocks, -(-weights.tiles // TILES)
        variant.launch(grid, out, words, table, weights.rows, weights.cols, weights.blocks)
    return out
