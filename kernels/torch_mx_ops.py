"""The Microscaling (MX) kernels in PyTorch, as operators that torch.compile sees through.

    data = torch.ops.q35.mx_quantize(weights, "e2m1")                 # [rows, cols] -> uint8 [rows, bytes of a row]
    y = torch.ops.q35.mx_linear(x, data, "e2m1")                      # float16 or bfloat16 [..., cols] -> [..., rows]
    w = torch.ops.q35.mx_dequantize(data, "e2m1", cols, torch.float16)
    torch.ops.q35.kv_quantize(keys, cache, slots, "e4m3")             # writes [tokens, heads, head_dim] to the cache
    keys = torch.ops.q35.kv_dequantize(cache, slots, "e4m3", head_dim)

Elements are "e2m1" (MXFP4), "e2m3" and "e3m2" (MXFP6), "e4m3" and "e5m2" (MXFP8). The operators run on a GPU, through
Triton; tensors elsewhere are an error. Importing this module without torch or Triton raises ImportError.
"""

from __future__ import annotations

import q35spec

try:
    import torch
    from torch import Tensor

    from q35kernels.triton import kv_cache, mx_dequantize, mx_linear, mx_quantize
except ImportError as error:
    raise ImportError("torch and Triton are not installed: pip install 'q35[gpu]'") from error
from q35kernels.torch_ops import define
from q35kernels.triton.mx_format import MxPolicy, format_named, row_bytes


def _quantize(x: Tensor, element: str, *policy: str) -> Tensor:
    return mx_quantize.mx_quantize(x, element, MxPolicy(*policy))


def _fake_quantize(x: Tensor, element: str, *policy: str) -> Tensor:
    return x.new_empty((*x.shape[:-1], row_bytes(format_named(element), x.shape[-1])), dtype=torch.uint8)


def _fake_dequantize(data: Tensor, element: str, cols: int, dtype: torch.dtype = torch.float32) -> Tensor:
    mx_dequantize.check_rows(data, format_named(element), cols)
    return data.new_empty((*data.shape[:-1], cols), dtype=dtype)


def _fake_linear(x: Tensor, data: Tensor, element: str) -> Tensor:
    mx_linear.check_product(x, data, format_named(element), x.shape[-1])
    return x.new_empty((*x.shape[:-1], data.shape[0]))


def _kv_quantize(tokens: Tensor, cache: Tensor, slots: Tensor, element: str, *policy: str) -> None:
    kv_cache.kv_quantize(tokens, cache, slots, element, MxPolicy(*policy))


def _fake_kv_quantize(tokens: Tensor, cache: Tensor, slots: Tensor, element: str, *policy: str) -> None:
    kv_cache.check_cache(cache, slots, format_named(element), tokens.dtype, tokens.shape[-1])


def _fake_kv_dequantize(
    cache: Tensor, slots: Tensor, element: str, head_dim: int, dtype: torch.dtype = torch.float16
) -> Tensor:
    kv_cache.check_cache(cache, slots, format_named(element), dtype, head_dim)
    return cache.new_empty((slots.shape[0], cache.shape[1], head_dim), dtype=dtype)


_PARAMETERS = q35spec.formats()["mx"]["parameters"]
_POLICY = ", ".join(
    f'str {name}="{_PARAMETERS[name]["default"]}"'
    for name in ("scale_rule", "scale_overflow", "zero_block_scale", "zero_sign")
)
define("q35::mx_quantize", f"(Tensor x, str element, {_POLICY}) -> Tensor", _quantize, _fake_quantize)
define(
    "q35::mx_dequantize",
    "(Tensor data, str element, SymInt cols, ScalarType dtype=float) -> Tensor",
    mx_dequantize.mx_dequantize,
    _fake_dequantize,
)
define("q35::mx_linear", "(Tensor x, Tensor data, str element) -> Tensor", mx_linear.mx_linear, _fake_linear)
define(
    "q35::kv_quantize",
    f"(Tensor tokens, Tensor(a!) cache, Tensor slots, str element, {_POLICY}) -> ()",
    _kv_quantize,
    _fake_kv_quantize,
)
define(
    "q35::kv_dequantize",
    "(Tensor cache, Tensor slots, str element, SymInt head_dim, ScalarType dtype=half) -> Tensor",
    kv_cache.kv_dequantize,
    _fake_kv_dequantize,
)
