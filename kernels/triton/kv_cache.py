"""A cache of keys or values in a Microscaling (MX) format, written and read token by token.

The cache is uint8 `[slots, heads, bytes of a row]`, one row for each head of a token. A list of slots says where tokens
are: for a contiguous cache a range, for a paged one `page * page_size + place`. A slot outside the cache stands for no
token: nothing is written there, and what is read from it is NaN.
"""

from __future__ import annotations

from itertools import product

import torch
import triton
import triton.language as tl
from torch import Tensor

from q35.errors import InputError
from q35kernels.triton.launcher import NAMES, aligned, check_devices
from q35kernels.triton.mx_decode import load_codes, load_scales
from q35kernels.triton.mx_dequantize import check_rows, store_values
from q35kernels.triton.mx_encode import store_blocks
from q35kernels.triton.mx_format import BLOCK, FORMATS, MxFormat, MxPolicy, format_named
from q35kernels.triton.mx_quantize import POLICY, load_and_quantize
from q35kernels.triton.variant import Variant

COUNTS = {"blocks": "i32", "capacity": "i32", "token_blocks": "i32", "cols": "i32", "row_blocks": "i32"}
"""What a kernel is told of the cache and the tokens: see `_counts`."""


@triton.jit
def place_in_cache(slots, block, mask, capacity, token_blocks):
    """For blocks of tokens, counted in order: which block of the cache each is (int64), and whether there is one."""
    slot = tl.load(slots + block // token_blocks, mask, -1)
    return slot * token_blocks + block % token_blocks, (slot >= 0) & (slot < capacity)


@triton.jit(do_not_specialize=["blocks", "capacity", "token_blocks", "row_blocks", *POLICY])
def kv_quantize_kernel(cache, tokens, slots, blocks, capacity, token_blocks, cols, row_blocks, last, beyond, of_zeros,
                       keep_sign, FORMAT: tl.constexpr, BLOCKS: tl.constexpr):  # fmt: skip
    """`tokens` `[tokens, heads, cols]` to their `slots` int64 `[tokens]` of `cache`; a program has BLOCKS blocks."""
    block = BLOCKS * tl.program_id(0) + tl.arange(0, BLOCKS)
    place, mask = place_in_cache(slots, block, block < blocks, capacity, token_blocks)
    scales, codes = load_and_quantize(tokens, block, mask, cols, row_blocks, last, beyond, of_zeros, keep_sign, FORMAT)
    store_blocks(cache, place, mask, scales, codes, FORMAT)


@triton.jit(do_not_specialize=["blocks", "capacity", "token_blocks", "row_blocks"])
def kv_dequantize_kernel(out, cache, slots, blocks, capacity, token_blocks, cols, row_blocks, FORMAT: tl.constexpr,
                         BLOCKS: tl.constexpr):  # fmt: skip
    """`out` `[tokens, heads, cols]` from the `slots` int64 `[tokens]` of `cache`; a program has BLOCKS blocks."""
    block = BLOCKS * tl.program_id(0) + tl.arange(0, BLOCKS)
    wanted = block < blocks
    place, there = place_in_cache(slots, block, wanted, capacity, token_blocks)
    scales = load_scales(cache, place, there, 255, FORMAT)
    store_values(out, load_codes(cache, place, there, FORMAT), scales, block, wanted, cols, row_blocks, FORMAT)


BLOCKS = 128
"""Blocks that a program has."""
TYPES = (torch.float16, torch.bfloat16)
"""The types of keys and values."""


def _write(kind: MxFormat, dtype: torch.dtype) -> Variant:
    return Variant(
        f"kv_cache {NAMES[dtype]} to {kind.id}",
        kv_quantize_kernel,
        {"cache": "*u8", "tokens": f"*{NAMES[dtype]}", "slots": "*i64"} | COUNTS | POLICY,
        {"FORMAT": kind, "BLOCKS": BLOCKS},
        num_warps=8,
    )


def _read(kind: MxFormat, dtype: torch.dtype) -> Variant:
    return Variant(
        f"kv_cache {kind.id} to {NAMES[dtype]}",
        kv_dequantize_kernel,
        {"out": f"*{NAMES[dtype]}", "cache": "*u8", "slots": "*i64"} | COUNTS,
        {"FORMAT": kind, "BLOCKS": BLOCKS},
        num_warps=8,
    )


_WRITES = {(kind.id, dtype): _write(kind, dtype) for kind, dtype in product(FORMATS.values(), TYPES)}
_READS = {(kind.id, dtype): _read(kind, dtype) for kind, dtype in product(FORMATS.values(), TYPES)}
VARIANTS = (*_WRITES.values(), *_READS.values())


def check_cache(cache: Tensor, slots: Tensor, kind: MxFormat, dtype: torch.dtype, head_dim: int) -> None:
    """Raises `InputError` unless these are a cache of heads of `head_dim`, slots of it, and a type with a kernel."""
    if dtype not in TYPES:
        raise InputError(f"no cache for {dtype}", fix=f"choose one of {', '.join(map(str, TYPES))}")
    check_rows(cache, kind, head_dim)
    if cache.dim() != 3:
        raise InputError(f"the cache has shape {list(cache.shape)}, expected [slots, heads, bytes of a row]")
    if slots.dtype != torch.int64 or slots.dim() != 1:
        raise InputError(f"the slots are {slots.dtype} {list(slots.shape)}, expected torch.int64 [tokens]")


def _counts(cache: Tensor, tokens: int, head_dim: int) -> tuple[int, int, int, int, int]:
    """Blocks of all tokens, slots, blocks of a token, elements and blocks of a head."""
    capacity, heads, _ = cache.shape
    row_blocks = -(-head_dim // BLOCK)
    return tokens * heads * row_blocks, capacity, heads * row_blocks, head_dim, row_blocks


def kv_quantize(tokens: Tensor, cache: Tensor, slots: Tensor, element: str, policy: MxPolicy | None = None) -> None:
    """Writes `tokens` `[tokens, heads, head_dim]` float16 or bfloat16 to their `slots` int64 `[tokens]` of `cache`.

    Which of two tokens for one slot stays there is not determined. Raises `InputError` for an unknown element, tensors
    of other types and shapes, and a cache that is not contiguous from a multiple of 16 bytes on.
    """
    kind = format_named(element)
    if tokens.dim() != 3:
        raise InputError(f"the tokens have shape {list(tokens.shape)}, expected [tokens, heads, head_dim]")
    check_cache(cache, slots, kind, tokens.dtype, tokens.shape[2])
    if tokens.shape[:2] != (len(slots), cache.shape[1]):
        raise InputError(f"tokens {list(tokens.shape)} do not fit {len(slots)} slots and {cache.shape[1]} heads")
    if not cache.is_contiguous() or cache.data_ptr() % 16:
        raise InputError("the cache is not contiguous from a multiple of 16 bytes on", fix="pass the whole cache")
    check_devices(cache, tokens, slots)
    counts = _counts(cache, *tokens.shape[::2])
    if counts[0]:
        numbers = (policy or MxPolicy()).numbers(kind)
        grid = (-(-counts[0] // BLOCKS),)
        _WRITES[element, tokens.dtype].launch(grid, cache, aligned(tokens), aligned(slots), *counts, *numbers)


def kv_dequantize(
    cache: Tensor, slots: Tensor, element: str, head_dim: int, dtype: torch.dtype = torch.float16
) -> Tensor:
    """The tokens `[tokens, heads, head_dim]` float16 or bfloat16 in the `slots` int64 `[tokens]` of `cache`.

    Each number is the nearest to the exact product, ties to even. Raises `InputError` as `kv_quantize` does.
    """
    kind = format_named(element)
    check_cache(cache, slots, kind, dtype, head_dim)
    check_devices(cache, slots)
    out = torch.empty((len(slots), cache.shape[1], head_dim), dtype=dtype, device=cache.device)
    counts = _counts(cache, len(slots), head_dim)
    if counts[0]:
        grid = (-(-counts[0] // BLOCKS),)
        _READS[element, dtype].launch(grid, out, aligned(cache), aligned(slots), *counts)
    return out
