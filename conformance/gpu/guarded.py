"""Interprets kernels on tensors that end at a page which may not be touched: `python -m conformance.gpu.guarded CALLS
[ROOT]`, the calls separated by commas.

A read or a write past the end kills the process. Prints how many calls were made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"

import numpy as np
import torch

from conformance.formats import scheme
from conformance.gpu.subjects import module
from conformance.guarded import codes_of, guarded, steps_of
from conformance.roots import judge_packages_in

SHAPES = ((1, 64), (33, 65), (40, 199))
"""Rows and columns of weights: in whole tiles and blocks and not."""


def tensor(array: Any) -> Any:
    """The array before a guard page, if it then begins at a multiple of 16 bytes, as kernels want it; else as it is."""
    held = guarded(np.ascontiguousarray(array))
    return torch.from_numpy(held if held.ctypes.data % 16 == 0 else array)


def empty(shape: Any, dtype: Any, device: Any) -> Any:
    """torch.empty, before a guard page."""
    like = torch.zeros(shape, dtype=dtype)
    return torch.from_numpy(guarded(like.numpy())) if like.numel() else like


def weights(rows: int, cols: int, block_size: int) -> Any:
    from q35kernels import tile_weights

    table = scheme("codebook").array()
    tiled = tile_weights(codes_of(rows, cols), steps_of(rows, cols, block_size), table, block_size, cols)
    return module("launcher").Weights(tensor(tiled.data), tensor(table), rows, cols, block_size)


def all_weights() -> Iterator[Any]:
    for rows, cols in SHAPES:
        for block_size in (32, 64):
            yield weights(rows, cols, block_size)


def x_of(m: int, cols: int, dtype: Any) -> Any:
    return tensor(np.random.default_rng(m).normal(size=(m, cols)).astype(dtype))


def dequantize() -> Iterator[object]:
    for held in all_weights():
        yield module("dequantize").dequantize(held, torch.float16)


def quantize_activations() -> Iterator[object]:
    for m, cols, stride in ((1, 64, 64), (3, 65, 96), (4, 4100, 4100)):
        yield module("activations").quantize_activations(x_of(m, cols, np.float32), stride)


def linear() -> Iterator[object]:
    for held in all_weights():
        for m in (1, 5):
            a = tensor(np.ones((m, held.padded_cols), np.int8))
            yield module("linear").linear_int8(a, tensor(np.ones(m, np.float32)), held)


def linear_float() -> Iterator[object]:
    for held in all_weights():
        for m in (1, 5):
            yield module("linear_float").linear_float(x_of(m, held.cols, np.float16), held)


def all_rows() -> Iterator[tuple[str, Any, Any]]:
    """An element of each width, 16 rows of numbers and the same as MX rows; most end inside a block."""
    for element in ("e2m1", "e2m3", "e4m3"):
        for cols in (8, 40, 64, 104):
            x = x_of(16, cols, np.float16)
            yield element, x, tensor(module("mx_quantize").mx_quantize(x, element).numpy())


def mx_quantize() -> Iterator[object]:
    for _, _, data in all_rows():
        yield data


def mx_dequantize() -> Iterator[object]:
    for element, x, data in all_rows():
        yield module("mx_dequantize").mx_dequantize(data, element, x.shape[1])


def mx_linear() -> Iterator[object]:
    for element, x, data in all_rows():
        for m in (1, 5, 16):
            yield module("mx_linear").mx_linear(tensor(x[:m].numpy()), data, element)


def kv_cache() -> Iterator[object]:
    for element, x, data in all_rows():
        cache, slots = data.view(16, 1, -1), tensor(np.array([15, 0, 16, -1]))
        yield module("kv_cache").kv_quantize(tensor(x[:4, None].numpy()), cache, slots, element)
        yield module("kv_cache").kv_dequantize(cache, slots, element, x.shape[1])


def convert() -> Iterator[object]:
    for target in ("e2m1", "hi"):
        yield module("convert").convert(tensor(np.ones(1028, np.float32)), target)


def overrun() -> Iterator[object]:
    """Reads one row of tiles too many on purpose."""
    held = weights(32, 64, 64)
    variant = module("dequantize").VARIANTS[2]
    words, table = module("launcher").prepared(held)
    yield variant.launch((1, 1), empty((64, 64), torch.float32, "cpu"), words, table, 64, 64, 1)


CALLS: dict[str, Callable[[], Iterator[object]]] = {
    call.__name__: call
    for call in (
        *(dequantize, quantize_activations, linear, linear_float),
        *(mx_quantize, mx_dequantize, mx_linear, kv_cache, convert, overrun),
    )
}


def main() -> None:
    calls, *root = sys.argv[1:]
    if root:
        judge_packages_in(Path(root[0]).resolve())
    torch.empty = empty
    print(sum(1 for call in calls.split(",") for _ in CALLS[call]()))


if __name__ == "__main__":
    main()
