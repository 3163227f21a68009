"""The compiled kernels, called on NumPy arrays."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

import q35spec
from q35.errors import CheckFailed, InputError
from q35kernels import _cpu as native
from q35kernels import wrappers
from q35kernels.tiled import TiledWeights
from q35kernels.wrappers import BadValue, Codes, Floats

ELEMENTS = ("e2m1", "e2m3", "e3m2", "e4m3", "e5m2")


class Library:
    """A library that `build` made. Every call copies its arrays to the device and back, where there is one.

    `platform` is "simt" (the host's shim), "cuda" or "hip". Raises `CheckFailed` when the device refuses, or when the
    shim finds a kernel that breaks the rules of its programming model.
    """

    def __init__(self, file: Path) -> None:
        self._native = ctypes.CDLL(str(file))
        self._native.q35_platform.restype = ctypes.c_char_p
        self.platform: str = self._native.q35_platform().decode()

    def decode(self, codes: Codes) -> NDArray[np.int8]:
        """`codes` uint8 `[count]` -> int8 `[count, 2]`, hi and lo (decodeHi, decodeLo).

        Raises `BadValue` at the first byte of 128 or more.
        """
        codes = wrappers.checked(codes, "codes", np.uint8, 1)
        slots, first_bad = np.empty((len(codes), 2), np.int8), np.empty(1, np.uint64)
        if len(codes):
            self._call("decode", codes, ctypes.c_uint64(len(codes)), slots, first_bad)
            if first_bad[0] < len(codes):
                index = int(first_bad[0])
                raise BadValue(f"byte {codes[index]} is not a code", (index,))
        return slots

    def decode_mx(self, kind: str, elements: Codes, scales: Codes) -> Floats:
        """MX `elements` uint8 `[count]`, the bits of one in each byte, and `scales` uint8 `[ceil(count / 32)]` ->
        float32 `[count]`, the float32 products (mxValue).

        Raises `BadValue` at the first byte with more bits than an element has, `InputError` for an unknown `kind`.
        """
        if kind not in ELEMENTS:
            raise InputError(f"no kernel for elements {kind!r}", fix=f"choose one of {', '.join(ELEMENTS)}")
        elements = wrappers.checked(elements, "elements", np.uint8, 1)
        scales = wrappers.checked(scales, "scales", np.uint8, 1)
        wrappers.require_shape(scales, "scales", (-(-len(elements) // 32),))
        width = next(row["width"] for row in q35spec.formats()["mx"]["elements"] if row["id"] == kind)
        if len(wide := np.flatnonzero(elements >> (width - 1) > 1)):
            raise BadValue(f"byte {elements[wide[0]]} is not an element {kind}", (int(wide[0]),))
        values = np.empty(len(elements), np.float32)
        if len(elements):
            self._call(
                "decode_mx", ctypes.c_char_p(kind.encode()), elements, scales, ctypes.c_uint64(len(elements)), values
            )
        return values

    def dequantize(
        self, tiled: TiledWeights, dtype: DTypeLike = np.float32, *, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """The weights `[rows, cols]`, step times entry, as float32 (exact) or float16 (rounded once)."""
        if np.dtype(dtype) not in (np.float32, np.float16):
            raise InputError(f"no kernel for weights of {np.dtype(dtype)}", fix="choose float32 or float16")
        weights = wrappers.result_array(out, (tiled.rows, tiled.cols), np.dtype(dtype).type)
        half = ctypes.c_int(weights.dtype == np.float16)
        self._call("dequantize", *_matrix(tiled), half, weights)
        return weights

    def linear_int8(
        self, a: NDArray[np.int8], scales: Floats, tiled: TiledWeights, *, out: Floats | None = None
    ) -> Floats:
        """`a` int8 `[M, K]` with `scales` float32 `[M]` times the weights, transposed: float32 `[M, N]` (matmulRow).

        The bits of `q35kernels.linear_int8`. Raises `InputError` for arrays of another type or shape.
        """
        a, scales = wrappers.checked(a, "a", np.int8, 2), wrappers.checked(scales, "scales", np.float32, 1)
        wrappers.require_shape(a, "a", (len(a), tiled.cols))
        wrappers.require_shape(scales, "scales", (len(a),))
        y = wrappers.result_array(out, (len(a), tiled.rows), np.float32)
        if len(a):
            self._call("linear", *_matrix(tiled), a, scales, ctypes.c_uint(len(a)), y)
        return y

    def _call(self, name: str, *arguments: Any) -> None:
        function = getattr(self._native, f"q35_{name}")
        function.restype = ctypes.c_char_p
        pointers = [
            value.ctypes.data_as(ctypes.c_void_p) if isinstance(value, np.ndarray) else value for value in arguments
        ]
        if error := function(*pointers):
            raise CheckFailed(f"{name} on {self.platform}: {error.decode()}")


def _matrix(tiled: TiledWeights) -> tuple[Any, ...]:
    """The first arguments of what reads a matrix of weights."""
    if tiled.width != "stream":
        raise InputError(f"no kernel for weights of width {tiled.width!r}", fix="tile them with width 'stream'")
    if tiled.rows == 0 or tiled.cols == 0:
        raise InputError("there are no weights")
    size = native.tiled_size(tiled.rows, tiled.cols, tiled.block_size, tiled.width)
    wrappers.require_shape(tiled.data, "data", (size,))
    sizes = [ctypes.c_uint(size) for size in (tiled.rows, tiled.cols, tiled.block_size)]
    return tiled.data, *sizes, tiled.table
