"""The MX cache in Triton: tokens go where their slots say and nowhere else, and come back from there."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from conformance.gpu import mx, subjects
from conformance.gpu.mx import FORMATS, Bytes, claim
from conformance.gpu.subjects import covers
from conformance.ledger import Ledger
from conformance.subjects import reference

DTYPES = ("float16", "bfloat16")
HEADS, SLOTS = 3, 11


def tokens_of(count: int, head_dim: int, dtype: str) -> Any:
    """Random tokens `[count, HEADS, head_dim]` as a tensor."""
    values = np.random.default_rng(count + head_dim).normal(size=(count, HEADS, head_dim))
    import torch

    return subjects.tensor(values.astype(np.float32)).to(getattr(torch, dtype))


def empty_cache(element: str, head_dim: int) -> Bytes:
    """Random bytes, so that what is written shows, and what should not be."""
    size = reference("mx").mx_row_bytes(reference("mx").element(element), head_dim)
    return np.random.default_rng(1).integers(0, 256, (SLOTS, HEADS, size)).astype(np.uint8)


def write(tokens: Any, cache: Any, slots: list[int], element: str, **options: Any) -> Bytes:
    """The cache after tokens are written to it."""
    held = subjects.tensor(cache) if isinstance(cache, np.ndarray) else cache
    places = subjects.tensor(np.array(slots, np.int64))
    subjects.module("kv_cache").kv_quantize(tokens, held, places, element, **options)
    data: Bytes = held.cpu().numpy()
    return data


def read(cache: Bytes, slots: list[int], element: str, head_dim: int, dtype: str) -> Any:
    """The tokens of slots, as `mx.typed` gives them."""
    import torch

    places = subjects.tensor(np.array(slots, np.int64))
    kernel = subjects.module("kv_cache").kv_dequantize
    return mx.typed(kernel(subjects.tensor(cache), places, element, head_dim, getattr(torch, dtype)), dtype)


@covers("kv_cache", values=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FORMATS)
def test_tokens_go_to_their_slots_and_come_back(name: str, dtype: str, compared: Ledger) -> None:
    """Slots in any order; those outside the cache stand for no token; all other bytes stay as they are."""
    for head_dim in (33, 128):
        slots = [7, -1, 0, SLOTS, 10, 3, -(2**40), 2**40]
        tokens, before = tokens_of(len(slots), head_dim, dtype), empty_cache(name, head_dim)
        after = write(tokens, before.copy(), slots, name)
        want = before.copy()
        for token, slot in zip(tokens.float().cpu().numpy(), slots, strict=True):
            if 0 <= slot < SLOTS:
                want[slot] = mx.stored(token, name)
        compared.bits(after, want, **claim())
        back = read(after, slots, name, head_dim, dtype)
        for row, slot in zip(back, slots, strict=True):
            values = np.full((HEADS, head_dim), np.nan, np.float32)
            if 0 <= slot < SLOTS:
                values = mx.read_back(want[slot], name, head_dim)
            compared.bits(mx.one_nan(row), mx.one_nan(mx.narrowed(values, dtype)), **claim())


@covers("kv_cache", values=True)
def test_a_contiguous_and_a_paged_cache_hold_the_same(compared: Ledger) -> None:
    """Tokens appended one by one, and in portions; pages in any order."""
    head_dim, pages = 64, [2, 0, 1]
    tokens = tokens_of(9, head_dim, "float16")
    contiguous, paged = (subjects.tensor(empty_cache("e4m3", head_dim)) for _ in range(2))
    for token in range(9):
        write(tokens[token : token + 1], contiguous, [token], "e4m3")
    for first, last in ((0, 4), (4, 5), (5, 9)):
        write(tokens[first:last], paged, [3 * pages[t // 3] + t % 3 for t in range(first, last)], "e4m3")
    got = read(paged.cpu().numpy(), [3 * pages[t // 3] + t % 3 for t in range(2, 9)], "e4m3", head_dim, "float16")
    want = read(contiguous.cpu().numpy(), list(range(2, 9)), "e4m3", head_dim, "float16")
    compared.bits(got, want, **claim("expected-outcome"))
    assert read(contiguous.cpu().numpy(), [], "e4m3", head_dim, "float16").shape == (0, HEADS, head_dim)


@covers("kv_cache", values=True)
def test_the_policy_is_that_of_the_caller(compared: Ledger) -> None:
    tokens, choices = tokens_of(1, 64, "float16"), ("rceil", "nan", "one", "positive")
    tokens[0, 0] = 0
    after = write(tokens, empty_cache("e2m1", 64), [5], "e2m1", policy=mx.policy(choices))
    compared.bits(after[5], mx.stored(tokens[0].float().cpu().numpy(), "e2m1", choices), **claim())


@covers("kv_cache", values=True)
def test_wrong_tensors_are_refused(compared: Ledger) -> None:
    from q35.errors import InputError

    tokens, cache = tokens_of(2, 64, "float16"), empty_cache("e2m1", 64)
    holder = subjects.tensor(np.zeros(cache.size + 1, np.uint8))
    calls: list[tuple[Any, str]] = [
        (partial(write, tokens, cache, [0, 1], "e9m9"), "e9m9"),
        (partial(write, tokens.float(), cache, [0, 1], "e2m1"), "float32"),
        (partial(write, tokens[0], cache, [0, 1], "e2m1"), "[3, 64]"),
        (partial(write, tokens, cache, [0], "e2m1"), "1 slots"),
        (partial(write, tokens[:, :2], cache, [0, 1], "e2m1"), "3 heads"),
        (partial(write, tokens, cache[0], [0, 1], "e2m1"), "[slots, heads"),
        (partial(write, tokens, cache[:, :, :33], [0, 1], "e2m1"), "33"),
        (partial(write, tokens, holder[1:].view(cache.shape), [0, 1], "e2m1"), "multiple of 16"),
        (partial(read, cache, [0], "e2m1", 20, "float16"), "17"),
        (partial(read, cache, [0], "e2m1", 64, "float32"), "float32"),
    ]
    for call, word in calls:
        compared.refused(call, InputError, [word], **claim("expected-outcome"))
    kernel = subjects.module("kv_cache").kv_dequantize
    slots = subjects.tensor(np.zeros(1, np.int32))
    call = partial(kernel, subjects.tensor(cache), slots, "e2m1", 64)
    compared.refused(call, InputError, ["int32"], **claim("expected-outcome"))
