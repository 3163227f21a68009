"""Runs the MX kernels in the interpreter on tensors that end at a page which may not be touched.

    python -m conformance.gpu.guarded_mx [ROOT]

A read or a write past an end kills the process. Prints how many calls were made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from conformance.gpu import subjects
from conformance.guarded import guarded
from conformance.roots import judge_packages_in

ELEMENTS = ("e2m1", "e2m3", "e4m3")
"""One of each width."""


def calls() -> Iterator[object]:
    """Every kernel, with rows that end inside a block."""
    launcher = subjects.module("launcher")
    import torch

    launcher.aligned = lambda tensor: tensor  # a copy would lie elsewhere
    names = ("mx_quantize", "mx_dequantize", "mx_linear", "kv_cache", "convert")
    quantize, dequantize, linear, cache, convert = (subjects.module(name) for name in names)

    def empty(shape: Any, dtype: Any, device: Any) -> Any:
        return held(torch.zeros(tuple(shape), dtype=dtype, device=device))

    torch.empty = empty  # results end at such a page too
    for element in ELEMENTS:
        for cols in (1, 31, 33, 64, 97):
            x = held(torch.ones((3, cols), dtype=torch.float16))
            data = quantize.mx_quantize(x, element)
            yield data
            yield dequantize.mx_dequantize(data, element, cols)
            yield linear.mx_linear(x[:1], data, element)
            yield linear.mx_linear(x, data, element)
            slots, tokens = held(torch.tensor([15, 0])), held(torch.ones((2, 1, cols), dtype=torch.float16))
            store = held(torch.zeros((16, 1, data.shape[1]), dtype=torch.uint8))
            yield cache.kv_quantize(tokens, store, slots, element)
            yield cache.kv_dequantize(store, slots, element, cols)
        yield convert.convert(held(torch.ones(1025)), element)
    yield convert.convert(held(torch.ones(1025)), "hi")


def held(tensor: Any) -> Any:
    """A copy of the tensor that ends at a page without access."""
    import torch

    return torch.from_numpy(guarded(np.ascontiguousarray(tensor.numpy())))


def main() -> None:
    if len(sys.argv) > 1:
        judge_packages_in(Path(sys.argv[1]).resolve())
    print(sum(1 for _ in calls()))


if __name__ == "__main__":
    main()
