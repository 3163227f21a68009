"""Products with float16 or bfloat16 activations, the weights dequantized in registers, sums in float32.

Operands are the table's entries, which both types hold exactly; a block's sum is multiplied by its step afterwards. So
every product is exact, and only sums and the products with steps are rounded: in what order is the compiler's and the
tensor cores' affair, and the result is judged by the proved bound for every order.
"""

from __future__ import annotations

from itertools import product

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn.functional import pad

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
def add_products(entries, values, sums):
    """`sums` float32 `[R, W]` plus four products each, of `entries` int8 `[R, 4 W]` and `values` float32 `[4 W]`."""
    rows: tl.constexpr = sums.shape[0]
    width: tl.constexpr = sums.shape[1]
    t0, t1, t2, t3 = split_four(tl.reshape(entries.to(tl.float32), (rows, width, 2, 2)))
    x0, x1, x2, x3 = split_four(tl.reshape(tl.broadcast_to(values[None, :], (rows, 4 * width)), (rows, width, 2, 2)))
    return tl.fma(t3, x3, tl.fma(t2, x2, tl.fma(t1, x1, tl.fma(t0, x0, sums))))


@triton.jit
def split_four(x):
    """`[R, W, 2, 2]` -> four `[R, W]`."""
    even, odd = tl.split(x)
    x0, x2 = tl.split(even)
    x1, x3 = tl.split(odd)
    return x0, x1, x2, x3


@triton.jit(do_not_specialize=["rows", "blocks", "biased"])
def linear_float_vector_kernel(y, x, words, table, bias, rows, blocks, biased, BLOCK: tl.constexpr,
                               ARITHMETIC: tl.constexpr, SPAN: tl.constexpr):  # fmt: skip
    """One row of activations times a tile of weights, SPAN blocks at a time.

    A row's columns are split among the threads, whose sums are added at the end, always in the same order.
    """
    tile = tl.program_id(0)
    if ARITHMETIC:
        pairs = 0
    else:
        pairs = load_table(table)
    place = tl.arange(0, SPAN * BLOCK)
    total = tl.zeros((32, SPAN * BLOCK // 8), tl.float32)
    for start in range(0, blocks, SPAN):
        stored, steps = load_blocks(words, tile, tile + 1, start, blocks, 1, SPAN, BLOCK)
        first, second = decode_words(stored, pairs, ARITHMETIC)
        values = tl.load(x + start * BLOCK + place, place < (blocks - start) * BLOCK, 0).to(tl.float32)
        even, odd = tl.split(tl.reshape(values, (SPAN * BLOCK // 2, 2)))
        sums = add_products(first, even, tl.zeros((32, SPAN * BLOCK // 8), tl.float32))
        sums = add_products(second, odd, sums)
        of_sums = tl.broadcast_to(steps.to(tl.float32)[:, :, None], (32, SPAN, BLOCK // 8))
        total = tl.fma(tl.reshape(of_sums, (32, SPAN * BLOCK // 8)), sums, total)
    row = 32 * tile + tl.arange(0, 32)
    # y + -0 is y, for a zero of either sign.
    result = tl.sum(total, 1) + tl.load(bias + row, row < biased, -0.0)
    tl.store(y + row, result.to(y.dtype.element_ty), row < rows)


@triton.jit(do_not_specialize=["m", "rows", "blocks", "biased", "portion"])
def linear_float_matrix_kernel(y, x, words, table, bias, m, rows, blocks, biased, portion, BLOCK: tl.constexpr,
                               TILES: tl.constexpr, COUNT: tl.constexpr):  # fmt: skip
    """COUNT rows of activations times TILES tiles of weights, block by block; `portion` blocks for each part of `y`."""
    tile = TILES * tl.program_id(0)
    part = tl.program_id(2)
    pairs = load_table(table)
    place = tl.arange(0, BLOCK)
    of_x = COUNT * tl.program_id(1) + tl.arange(0, COUNT)
    start = of_x.to(tl.int64) * blocks * BLOCK
    total = tl.zeros((32 * TILES, COUNT), tl.float32)
    for block in range(part * portion, tl.minimum((part + 1) * portion, blocks)):
        entries, steps = load_block(words, pairs, tile, tl.cdiv(rows, 32), block, blocks, TILES, BLOCK)
        values = tl.load(x + start[None, :] + (block * BLOCK + place)[:, None], (of_x < m)[None, :], 0)
        dots = tl.dot(entries.to(x.dtype.element_ty), values)
        total = tl.fma(tl.broadcast_to(steps, (32 * TILES, COUNT)), dots, total)
    row = 32 * tile + tl.arange(0, 32 * TILES)
    result = total + tl.load(bias + row, row < biased, -0.0)[:, None]
    places = y + (part * m + of_x).to(tl.int64)[None, :] * rows + row[:, None]
    tl.store(places, result.to(y.dtype.element_ty), (row < rows)[:, None] & (of_x < m)[None, :])


@triton.jit(do_not_specialize=["count", "size", "rows", "biased"])
def add_parts_kernel(y, parts, bias, count, size, rows, biased, CHUNK: tl.constexpr):
    """`y` `[size]` of the `parts` float32 `[count, size]`, added in order, and the bias; `rows` outputs a row."""
    place = tl.program_id(0).to(tl.int64) * CHUNK + tl.arange(0, CHUNK)
    total = tl.zeros((CHUNK,), tl.float32)
    for part in range(count):
        total += tl.load(parts + part * size.to(tl.int64) + place, place < size, 0)
    row = place % rows
    result = total + tl.load(bias + row, row < biased, -0.0)
    tl.store(y + place, result.to(y.dtype.element_ty), place < size)


FLOATS = {torch.float16: "f16", torch.bfloat16: "bf16"}
"""Types of activations, as matrix instructions name them."""


PROGRAMS = 512
"""How many programs the columns of weights are split among, where there are few rows of activations: some for each of
the 108 to 132 processors of an A100, MI210 or H200.
"""


def _vector(dtype: torch.dtype, block_size: int, arithmetic: bool) -> Variant:
    kind = f"*{NAMES[dtype]}"
    return Variant(
        f"linear_float {NAMES[dtype]}, 1 row, block {block_size}" + ", (hi, 2 lo)" * arithmetic,
        linear_float_vector_kernel,
        {"y": kind, "x": kind, "words": "*u32", "table": "*i16", "bias": "*fp32"}
        | {"rows": "i32", "blocks": "i32", "biased": "i32"},
        {"BLOCK": block_size, "ARITHMETIC": arithmetic, "SPAN": 2048 // block_size},
        num_warps=16,
    )


def _matrix(dtype: torch.dtype, count: int, block_size: int) -> Variant:
    few, many = count == COUNTS[0], count == COUNTS[-1]
    kind = f"*{NAMES[dtype]}"
    return Variant(
        f"linear_float {NAMES[dtype]}, {count} rows, block {block_size}",
        linear_float_matrix_kernel,
        {"y": "*fp32" if few else kind, "x": kind, "words": "*u32", "table": "*i16", "bias": "*fp32"}
        | {"m": "i32", "rows": "i32", "blocks": "i32", "biased": "i32", "portion": "i32"},
        # More tiles spill on sm_80; one stage more of the longest blocks is beyond the shared memory of gfx90a.
        {"BLOCK": block_size, "TILES": 4 if many and block_size == 32 else 2,
         "COUNT": count},
        num_warps=8 if many else 4,
        num_stages=2 if block_size == 128 else 3,
        matrix_operands=FLOATS[dtype],
    )  # fmt: skip


def _add_parts(dtype: torch.dtype) -> Variant:
    return Variant(
        f"linear_float {NAMES[dtype]}, sum of parts",
        add_parts_kernel,
        {"y": f"*{NAMES[dtype]}", "parts": "*fp32", "bias": "*fp32"}
        | {"count": "i32", "size": "i32", "rows": "i32", "biased": "i32"},
        {"CHUNK": 1024},
    )


_VECTORS = {choice: _vector(*choice) for choice in product(FLOATS, SIZES, (False, True))}
_MATRICES = {choice: _matrix(*choice) for choice in product(FLOATS, COUNTS, SIZES)}
_ADD_PARTS = {dtype: _add_parts(dtype) for dtype in FLOATS}
VARIANTS = (*_VECTORS.values(), *_MATRICES.values(), *_ADD_PARTS.values())


def linear_float(x: Tensor, weights: Weights, bias: Tensor | None = None) -> Tensor:
    """`x` float16 or bfloat16 `[M, K]` times the weights [N, K], transposed, plus `bias` `[N]`: `[M, N]` of x's type.

    The sum and the bias are rounded to x's type once. Raises `InputError` for other types and shapes, and off the
    device.
    """
    words, table = prepared(weights, x)
    check_activations(x, FLOATS, weights.cols)
    m = len(x)
    y = torch.empty((m, weights.rows), dtype=x.dtype, device=x.device)
    if not y.numel():
        return y
    whole = x if weights.cols == weights.padded_cols else pad(x, (0, weights.padded_cols - weights.cols))
    operands = aligned(whole), words, table, bias_of(bias, y)
    rows, blocks, biased = weights.rows, weights.blocks, 0 if bias is None else weights.rows
    if m == 1:
        variant = _VECTORS[x.dtype, weights.block_size, weights.arithmetic]
        variant.launch((weights.tiles,), y, *operands, rows, blocks, biased)
        return y
    variant = _MATRICES[x.dtype, smallest(COUNTS, m), weights.block_size]
    grid = -(-weights.tiles // variant.constants["TILES"]), -(-m // variant.constants["COUNT"])
    if m > COUNTS[0]:
        variant.launch((*grid, 1), y, *operands, m, rows, blocks, biased, blocks)
        return y
    portion = -(-blocks * grid[0] // PROGRAMS)
    count = -(-blocks // portion)
    parts = torch.empty((count, m, rows), dtype=torch.float32, device=x.device)
    variant.launch((*grid, count), parts, *operands, m, rows, blocks, 0, portion)
    add = _ADD_PARTS[x.dtype]
    chunks = -(-y.numel() // add.constants["CHUNK"])
    add.launch((chunks,), y, parts, operands[-1], count, y.numel(), rows, biased)
    return y
