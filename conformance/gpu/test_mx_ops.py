"""The MX operators in torch: they do what the kernels do, and torch.compile and tracing see through them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from conformance.gpu import mx, subjects
from conformance.gpu.mx import claim
from conformance.gpu.subjects import covers
from conformance.ledger import Ledger


@pytest.fixture
def ops() -> Any:
    """`torch.ops.q35`, for the device of this session."""
    subjects.module("launcher")
    import torch

    import q35kernels.torch_mx_ops  # noqa: F401  defines them

    return torch.ops.q35


def numbers(*shape: int) -> Any:
    return subjects.tensor(np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32))


@covers("mx_quantize", "mx_dequantize", "mx_linear", "kv_cache", values=True)
def test_the_operators_are_the_kernels(ops: Any, compared: Ledger) -> None:
    import torch

    w, policy = numbers(6, 70), ("ceil", "nan", "one", "positive")
    data = ops.mx_quantize(w, "e3m2", *policy)
    compared.bits(data.cpu().numpy(), mx.stored(w.cpu().numpy(), "e3m2", policy), **claim())
    compared.bits(ops.mx_quantize(w, "e3m2").cpu().numpy(), mx.stored(w.cpu().numpy(), "e3m2"), **claim())
    back = ops.mx_dequantize(data, "e3m2", 70)
    compared.bits(back.cpu().numpy(), mx.read_back(data.cpu().numpy(), "e3m2", 70), **claim())
    assert ops.mx_dequantize(data, "e3m2", 70, torch.bfloat16).dtype == torch.bfloat16
    x = numbers(2, 3, 70).half()
    want = subjects.module("mx_linear").mx_linear(x, data, "e3m2")
    compared.bits(ops.mx_linear(x, data, "e3m2").cpu().numpy(), want.cpu().numpy(), **claim("expected-outcome"))
    cache, tokens, slots = cache_of(numbers(2, 3, 40).half())
    ops.kv_quantize(tokens, cache, slots, "e4m3")
    want = subjects.module("kv_cache").kv_dequantize(cache, slots, "e4m3", 40)
    assert (want - tokens).abs().max() < 0.25
    got = ops.kv_dequantize(cache, slots, "e4m3", 40)
    compared.bits(got.cpu().numpy(), want.cpu().numpy(), **claim("expected-outcome"))


def cache_of(tokens: Any) -> tuple[Any, Any, Any]:
    """An empty cache of MXFP8, the tokens, and slots for them."""
    cache = subjects.tensor(np.zeros((5, tokens.shape[1], 33 * -(-tokens.shape[2] // 32)), np.uint8))
    return cache, tokens, subjects.tensor(np.array([4, 1], np.int64))


@covers("mx_quantize", "mx_dequantize", "mx_linear", "kv_cache", values=True)
def test_tracing_sees_through_them(ops: Any, compared: Ledger) -> None:
    """torch's own check: schemas, aliases and fake results are those of the kernels; and whole graphs compile."""
    import torch

    data, x = ops.mx_quantize(numbers(6, 70), "e2m1"), numbers(2, 70).half()
    cache, tokens, slots = cache_of(numbers(2, 3, 40).half())
    calls = [
        (ops.mx_quantize.default, (numbers(6, 70), "e2m1")),
        (ops.mx_dequantize.default, (data, "e2m1", 70, torch.bfloat16)),
        (ops.mx_linear.default, (x, data, "e2m1")),
        (ops.kv_quantize.default, (tokens, cache, slots, "e4m3")),
        (ops.kv_dequantize.default, (cache, slots, "e4m3", 40)),
    ]
    for operator, arguments in calls:
        torch.library.opcheck(operator, arguments, test_utils=("test_schema", "test_faketensor"))
        compared.count(1, **claim("expected-outcome"))

    def model(x: Any, cache: Any) -> Any:
        ops.kv_quantize(tokens, cache, slots, "e4m3")
        return ops.mx_linear(x, data, "e2m1") + ops.kv_dequantize(cache, slots, "e4m3", 40)[:, 0, :6]

    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    got, want = compiled(x, cache.clone()), model(x, cache.clone())
    compared.bits(got.cpu().numpy(), want.cpu().numpy(), **claim("expected-outcome"))


@covers("mx_quantize", "mx_dequantize", "mx_linear", "kv_cache", values=True)
def test_fakes_refuse_what_kernels_refuse(ops: Any, compared: Ledger) -> None:
    import torch

    from q35.errors import InputError

    empty = torch.empty
    data, half = empty(6, 51, dtype=torch.uint8, device="meta"), empty(2, 70, dtype=torch.float16, device="meta")
    tokens, slots = half.view(2, 1, 70), empty(2, dtype=torch.int64, device="meta")
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (ops.mx_quantize, (half, "e9m9")),
        (ops.mx_dequantize, (data, "e2m1", 97)),
        (ops.mx_linear, (half.float(), data, "e2m1")),
        (ops.kv_quantize, (tokens, data.view(6, 1, 51), slots, "e2m3")),
        (ops.kv_dequantize, (data.view(6, 1, 51), slots.int(), "e2m1", 70)),
    ]
    for operator, arguments in calls:
        compared.refused(partial(operator, *arguments), InputError, **claim("expected-outcome"))
    assert ops.mx_linear(half, data, "e2m1").shape == (2, 6)
