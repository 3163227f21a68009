"""Products with int8 activations: the bits of `q35kernels.linear`, for any number of rows.

For each block in order acc = acc + step * dot in float32 without fma, then acc * scale. The integers of a block may be
added in any order, so its dot product is for the tensor cores (int8 operands, int32 sums); the blocks' order is kept.
"""

from __future__ import annotations

from itertools import product

import torch
import triton
import triton.language as tl
from torch import Tensor

from q35.errors import InputError
from q35kernels.triton.activations import quantize_activations
from q35kernels.triton.decode import decode_words, load_block, load_blocks, load_table
from q35kernels.triton.launcher import (
    COUNTS,
    NAMES,
    SIZES,
    Weights,
    aligned,
    bias_of,
    check_activations,
    prepared,
    smallest,
)
from q35kernels.triton.variant import Variant


@triton.jit
def add_in_order(total, terms):
    """`total` `[R]` plus `terms` `[R, S]`, S a power of two, one after the other."""
    rows: tl.constexpr = terms.shape[0]
    count: tl.constexpr = terms.shape[1]
    if count == 1:
        total += tl.reshape(terms, (rows,))
    else:
        first, second = tl.split(tl.permute(tl.reshape(terms, (rows, 2, count // 2)), (0, 2, 1)))
        total = add_in_order(add_in_order(total, first), second)
    return total


@triton.jit(do_not_specialize=["rows", "blocks", "biased"])
def linear_vector_kernel(y, a, scales, words, table, bias, rows, blocks, biased, BLOCK: tl.constexpr,
                         ARITHMETIC: tl.constexpr, SPAN: tl.constexpr):  # fmt: skip
    """One row of activations times a tile of weights, SPAN blocks at a time."""
    tile = tl.program_id(0)
    if ARITHMETIC:
        pairs = 0
    else:
        pairs = load_table(table)
    place = tl.arange(0, SPAN * BLOCK)
    total = tl.zeros((32,), tl.float32)
    for start in range(0, blocks, SPAN):
        stored, steps = load_blocks(words, tile, tile + 1, start, blocks, 1, SPAN, BLOCK)
        first, second = decode_words(stored, pairs, ARITHMETIC)
        values = tl.load(a + start * BLOCK + place, place < (blocks - start) * BLOCK, 0).to(tl.int32)
        even, odd = tl.split(tl.reshape(values, (SPAN * BLOCK // 2, 2)))
        products = first.to(tl.int32) * even[None, :] + second.to(tl.int32) * odd[None, :]
        dots = tl.sum(tl.reshape(products, (32, SPAN, BLOCK // 2)), 2)
        total = add_in_order(total, steps.to(tl.float32) * dots.to(tl.float32))
    row = 32 * tile + tl.arange(0, 32)
    # y + -0 is y, for a zero of either sign.
    offset = tl.load(bias + row, row < biased, -0.0)
    tl.store(y + row, total * tl.load(scales) + offset, row < rows)


@triton.jit(do_not_specialize=["m", "rows", "blocks", "biased"])
def linear_matrix_kernel(y, a, scales, words, table, bias, m, rows, blocks, biased, BLOCK: tl.constexpr,
                         TILES: tl.constexpr, COUNT: tl.constexpr):  # fmt: skip
    """COUNT rows of activations times TILES tiles of weights, block by block."""
    tile = TILES * tl.program_id(0)
    pairs = load_table(table)
    place = tl.arange(0, BLOCK)
    of_x = COUNT * tl.program_id(1) + tl.arange(0, COUNT)
    start = of_x.to(tl.int64) * blocks * BLOCK
    total = tl.zeros((32 * TILES, COUNT), tl.float32)
    for block in range(blocks):
        entries, steps = load_block(words, pairs, tile, tl.cdiv(rows, 32), block, blocks, TILES, BLOCK)
        values = tl.load(a + start[None, :] + (block * BLOCK + place)[:, None], (of_x < m)[None, :], 0)
        dots = tl.dot(entries, values, out_dtype=tl.int32)
        total += steps * dots.to(tl.float32)
    row = 32 * tile + tl.arange(0, 32 * TILES)
    scale = tl.load(scales + of_x, of_x < m, 0)
    offset = tl.load(bias + row, row < biased, -0.0)
    result = total * scale[None, :] + offset[:, None]
    tl.store(y + of_x.to(tl.int64)[None, :] * rows + row[:, None], result, (row < rows)[:, None] & (of_x < m)[None, :])


_POINTERS = {"y": "*fp32", "a": "*i8", "scales": "*fp32", "words": "*u32", "table": "*i16", "bias": "*fp32"}


def _vector(block_size: int, arithmetic: bool) -> Variant:
    return Variant(
        f"linear 1 row, block {block_size}" + ", (hi, 2 lo)" * arithmetic,
        linear_vector_kernel,
        _POINTERS | {"rows": "i32", "blocks": "i32", "biased": "i32"},
        {"BLOCK": block_size, "ARITHMETIC": arithmetic, "SPAN": 2048 // block_size},
        num_warps=16,
    )


def _matrix(count: int, block_size: int) -> Variant:
    many = count == COUNTS[-1]
    return Variant(
        f"linear {count} rows, block {block_size}",
        linear_matrix_kernel,
        _POINTERS | {"m": "i32", "rows": "i32", "blocks": "i32", "biased": "i32"},
        {"BLOCK": block_size, "TILES": 4 if many else 2, "COUNT": count},
        num_warps=8 if many else 4,
        num_stages=3,
        matrix_operands="s8",
    )


_VECTORS = {choice: _vector(*choice) for choice in product(SIZES, (False, True))}
_MATRICES = {choice: _matrix(*choice) for choice in product(COUNTS, SIZES)}
VARIANTS = (*_VECTORS.values(), *_MATRICES.values())


def linear(x: Tensor, weights: Weights, bias: Tensor | None = None) -> Tensor:
    """`x` `[M, K]` times the weights [N, K], transposed, plus `bias` `[N]`: float32 `[M, N]`.

    x is float32, float16 or bfloat16; it is quantized row by row (`quantize_activations`). A row with a NaN or an
    infinity gives a row of NaN. Raises `InputError` for other types and shapes, and off the device.
    """
    check_activations(x, NAMES, weights.cols)
    return linear_int8(*quantize_activations(x, weights.padded_cols), weights, bias)


def linear_int8(a: Tensor, scales: Tensor, weights: Weights, bias: Tensor | None = None) -> Tensor:
    """`a` int8 `[M, padded_cols]`, zero from column K on, with `scales` float32 `[M]`, times the weights: `linear`."""
    words, table = prepared(weights, a, scales)
    check_activations(a, (torch.int8,), weights.padded_cols)
    m = len(a)
    if scales.dtype != torch.float32 or tuple(scales.shape) != (m,):
        raise InputError(f"the scales are {scales.dtype} {list(scales.shape)}, expected {torch.float32} {[m]}")
    y = torch.empty((m, weights.rows), dtype=torch.float32, device=a.device)
    if not y.numel():
        return y
    pointers = y, aligned(a), aligned(scales), words, table, bias_of(bias, y)
    sizes = weights.rows, weights.blocks, 0 if bias is None else weights.rows
    if m == 1:
        variant = _VECTORS[weights.block_size, weights.arithmetic]
        variant.launch((weights.tiles,), *pointers, *sizes)
    else:
        variant = _MATRICES[smallest(COUNTS, m), weights.block_size]
        grid = -(-weights.tiles // variant.constants["TILES"]), -(-m // variant.constants["COUNT"])
        variant.launch(grid, *pointers, m, *sizes)
    return y
