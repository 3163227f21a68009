"""Rows of activations as int8 with one scale a row, bit for bit as `q35kernels.quantize_activations`.

The scale is max|x| / 127 as float32 divides. A quotient x / scale in double precision is rounded like the exact one:
near a tie x is at least about half a scale, so that 2 x and an odd multiple of the scale, when they differ, differ by
more than a quotient in double precision is off.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from q35kernels.triton.launcher import NAMES, aligned, check_activations, check_devices
from q35kernels.triton.variant import Variant


@triton.jit
def magnitude_bits(x):
    """float32 -> int32 that orders as |x|; infinity and NaN are those from 0x7F800000 on."""
    return x.to(tl.int32, bitcast=True) & 0x7FFFFFFF


@triton.jit
def nearest_int8(x, scale):
    """float32 -> the int8 nearest to x / scale, ties to even; |x| <= 127 scale up to a rounding, scale > 0."""
    shift: tl.constexpr = 6755399441055744.0  # 1.5 * 2^52: beyond it a double has no fraction
    quotient = x.to(tl.float64) / scale.to(tl.float64)
    return ((quotient + shift) - shift).to(tl.int8)


@triton.jit(do_not_specialize=["stride"])
def quantize_activations_kernel(a, scales, x, cols, stride, CHUNK: tl.constexpr):
    """`x` `[M, cols]` -> `a` int8 `[M, stride]`, zero from `cols` on, and `scales` float32 `[M]`; a row a program."""
    row = tl.program_id(0).to(tl.int64)
    lane = tl.arange(0, CHUNK)
    largest = tl.zeros((CHUNK,), tl.int32)
    for start in range(0, cols, CHUNK):
        values = tl.load(x + row * cols + start + lane, start + lane < cols, 0).to(tl.float32)
        largest = tl.maximum(largest, magnitude_bits(values))
    peak = tl.max(largest, 0)
    finite = peak < 0x7F800000
    scale = tl.div_rn(tl.where(finite, peak, 0).to(tl.float32, bitcast=True), 127.0)
    tl.store(scales + row, tl.where(finite, scale, float("nan")))
    # Without a scale every value is 0 of 1: a row with a NaN or an infinity becomes zeros.
    divisor = tl.where(scale > 0, scale, 1.0)
    usable = tl.where(scale > 0, cols, 0)
    for start in range(0, stride, CHUNK):
        values = tl.load(x + row * cols + start + lane, start + lane < usable, 0).to(tl.float32)
        tl.store(a + row * stride + start + lane, nearest_int8(values, divisor), start + lane < stride)


_CHOICES = {
    dtype: Variant(
        f"quantize_activations {name}",
        quantize_activations_kernel,
        {"a": "*i8", "scales": "*fp32", "x": f"*{name}", "cols": "i32", "stride": "i32"},
        {"CHUNK": 4096},
        num_warps=8,
    )
    for dtype, name in NAMES.items()
}
VARIANTS = tuple(_CHOICES.values())


def quantize_activations(x: Tensor, stride: int | None = None) -> tuple[Tensor, Tensor]:
    """`x` `[M, K]` -> int8 `[M, stride]`, zero from column K on, and scales float32 `[M]` (quantizeActivations).

    `stride` defaults to K. A row of zeros has scale 0; a row with a NaN or an infinity has zeros and the scale NaN.
    Raises `InputError` for another type or shape, and off the device.
    """
    check_activations(x, NAMES)
    stride = x.shape[1] if stride is None else stride
    check_devices(x)
    rows, cols = x.shape
    a = torch.empty((rows, stride), dtype=torch.int8, device=x.device)
    scales = torch.empty(rows, dtype=torch.float32, device=x.device)
    if rows:
        _CHOICES[x.dtype].launch((rows,), a, scales, aligned(x), cols, stride)
    return a, scales
