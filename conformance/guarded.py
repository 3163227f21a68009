"""Calls kernels on inputs that end at a page which may not be touched: `python -m conformance.guarded ISA CALL [ROOT]`.

A read past the end kills the process. Prints how many calls were made.
"""

from __future__ import annotations

import ctypes
import dataclasses
import mmap
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance import inputs
from conformance.formats import BLOCK_SCHEMES, scheme
from conformance.roots import judge_packages_in
from conformance.subjects import Kernel

LENGTHS = (1, 2, 3, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 143, 191, 257)
_KEPT: list[mmap.mmap] = []


def guarded(array: NDArray[Any]) -> NDArray[Any]:
    """A contiguous, aligned copy whose last byte is the last before a page without access. Raises OSError."""
    page = mmap.PAGESIZE
    whole = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, whole + page)
    _KEPT.append(memory)  # unmapping would free the guard for other use
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if protect(base + whole, page, 0) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")
    view: NDArray[Any] = np.frombuffer(memory, array.dtype, array.size, whole - array.nbytes).reshape(array.shape)
    view[...] = array
    return view


def weights_of(cols: int) -> NDArray[np.float32]:
    return inputs.make("gaussian", (2, cols), cols)


def steps_of(rows: int, cols: int, size: int) -> NDArray[np.float16]:
    return np.full((rows, -(-cols // size)), 0.25, np.float16)


def codes_of(rows: int, cols: int) -> NDArray[np.uint8]:
    return np.random.default_rng(cols).integers(0, 128, (rows, -(-cols // 2))).astype(np.uint8)


def activations(cols: int) -> NDArray[np.int8]:
    return np.random.default_rng(cols).integers(-128, 128, (3, cols)).astype(np.int8)


def quantize(kernel: Kernel) -> Iterator[object]:
    for cols in LENGTHS:
        for name in BLOCK_SCHEMES:
            yield kernel.quantize(guarded(weights_of(cols)), name, 64)


def encode(kernel: Kernel) -> Iterator[object]:
    for cols in LENGTHS:
        for name in BLOCK_SCHEMES:
            yield kernel.encode(guarded(weights_of(cols)), guarded(steps_of(2, cols, 64)), name, 64)


def dequantize(kernel: Kernel) -> Iterator[object]:
    for cols in LENGTHS:
        codes = codes_of(2, cols)
        yield kernel.dequantize(guarded(codes), guarded(steps_of(2, cols, 32)), "codebook", 32, cols)
        stream = kernel.native.pack_stream(codes, isa=kernel.isa)
        yield kernel.dequantize_stream(guarded(stream), guarded(steps_of(2, cols, 32)), "codebook", 32, cols)


def rows(kernel: Kernel) -> Iterator[object]:
    for cols in LENGTHS:
        yield kernel.quantize(guarded(weights_of(cols)), "row-absmax", 64)


def affine(kernel: Kernel) -> Iterator[object]:
    for cols in LENGTHS:
        codes, steps, zeros = kernel.quantize_affine(guarded(weights_of(cols)))
        yield kernel.dequantize_affine(guarded(codes), guarded(steps), guarded(zeros))


def streams(kernel: Kernel) -> Iterator[object]:
    for cols in LENGTHS:
        stream = kernel.native.pack_stream(guarded(codes_of(2, cols)), isa=kernel.isa)
        yield kernel.native.unpack_stream(guarded(stream), -(-cols // 2), isa=kernel.isa)


def dots(kernel: Kernel) -> Iterator[object]:
    table = guarded(scheme("codebook").array())
    for cols in LENGTHS:
        yield kernel.block_dots(guarded(activations(cols)), guarded(codes_of(5, cols)), table, 64)
        yield kernel.matmul_int32(guarded(activations(cols)), guarded(codes_of(5, cols)), table)


def matmul(kernel: Kernel) -> Iterator[object]:
    table, scale = guarded(scheme("codebook").array()), guarded(np.ones(3, np.float32))
    for cols in LENGTHS:
        codes, steps = guarded(codes_of(5, cols)), guarded(steps_of(5, cols, 64))
        yield kernel.matmul(guarded(activations(cols)), scale, codes, steps, table, 64)


def linear(kernel: Kernel) -> Iterator[object]:
    for cols in LENGTHS:
        codes, steps = guarded(codes_of(33, cols)), guarded(steps_of(33, cols, 64))
        for width in ("stream", "byte"):
            tiled = kernel.native.tile_weights(codes, steps, scheme("codebook").array(), 64, cols, width=width)
            held = dataclasses.replace(tiled, data=guarded(tiled.data))
            yield kernel.native.untile_weights(held)
            for m in (1, 3, 9):
                x = guarded(np.random.default_rng(cols).normal(size=(m, cols)).astype(np.float32))
                yield kernel.native.linear(x, held, out=guarded(np.empty((m, 33), np.float32)), isa=kernel.isa)


def overrun(kernel: Kernel) -> Iterator[object]:
    """Reads one byte too far on purpose."""
    array = guarded(codes_of(1, 9))
    yield ctypes.string_at(array.ctypes.data, array.nbytes + 1)


CALLS: dict[str, Callable[[Kernel], Iterator[object]]] = {
    call.__name__: call for call in (quantize, encode, dequantize, rows, affine, streams, dots, matmul, linear, overrun)
}


def main() -> None:
    isa, call, *root = sys.argv[1:]
    if root:
        judge_packages_in(Path(root[0]).resolve())
    print(sum(1 for _ in CALLS[call](Kernel(isa))))


if __name__ == "__main__":
    main()
