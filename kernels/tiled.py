"""Products with quantized weights: a layout made for them, and the product with activations quantized on the way.

    tiled = tile_weights(quantized.codes, quantized.steps, scheme_named("codebook").table, 64)
    y = linear(x, tiled)                                  # float32 [M, K] -> [M, N]

Every instruction set and any number of threads give the same bits: those of `q35kernels.matmul`, which the proofs call
matmulRow. The layout is described in `kernels/cpu/tiled.hpp` and proved to read back in `proofs/Q35/Tiled.lean`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from q35.errors import InputError
from q35kernels import _cpu as native
from q35kernels import wrappers
from q35kernels.wrappers import BadValue, Codes, Floats, Steps

Width = Literal["stream", "byte"]
"""Seven bits a code, or a byte a code: the same products, the second one without unpacking but more to read."""

_ALIGNMENT = 64


@dataclass(frozen=True, eq=False)
class TiledWeights:
    """A quantized matrix of weights [rows, cols] in the layout of the products.

    `data` uint8 `[bytes]`, aligned to 64 bytes; `rows` the outputs N, `cols` the inputs K of the product; `block_size`
    weights share a step; `table` int8 `[128, 2]`.
    """

    data: Codes
    rows: int
    cols: int
    block_size: int
    table: NDArray[np.int8]
    width: Width

    @property
    def bits_per_weight(self) -> float:
        """Bits that a weight takes, its share of the steps and of the padding included."""
        return 8 * self.data.nbytes / (self.rows * self.cols)


def tile_weights(
    codes: Codes,
    steps: Steps,
    table: NDArray[np.int8],
    block_size: int,
    cols: int | None = None,
    *,
    width: Width = "stream",
) -> TiledWeights:
    """`codes` uint8 `[N, pairs]` and `steps` float16 `[N, blocks]` in the layout of the products (tileMatrix).

    `block_size` is a multiple of 32, at most 256; `cols` defaults to 2 * pairs. Raises `BadValue` at the first byte
    >= 128 or the first step that is not finite, `InputError` for another block size or an array of other type or shape.
    """
    codes, steps = wrappers.checked(codes, "codes", np.uint8, 2), wrappers.checked(steps, "steps", np.float16, 2)
    table = wrappers.checked_table(table).copy()
    table.flags.writeable = False
    cols = wrappers.checked_cols(codes, cols)
    if block_size not in range(native.UNIT_WEIGHTS, native.MAX_BLOCK + 1, native.UNIT_WEIGHTS):
        raise InputError(f"block size {block_size} is not a multiple of {native.UNIT_WEIGHTS} up to {native.MAX_BLOCK}")
    wrappers.require_shape(steps, "steps", (codes.shape[0], -(-cols // block_size)))
    if width not in ("stream", "byte"):
        raise InputError(f"unknown width {width!r}", fix="choose stream or byte")
    finite = np.isfinite(steps)
    if not finite.all():
        row, block = np.argwhere(~finite)[0].tolist()
        raise BadValue("a step that is not finite is not a step", (row, block))
    data = _aligned(native.tiled_size(codes.shape[0], cols, block_size, width == "byte"))
    bad = native.tile_weights(codes, steps.view(np.uint16), cols, block_size, width == "byte", data)
    wrappers.reject_code(bad, codes)
    data.flags.writeable = False
    return TiledWeights(data, codes.shape[0], cols, block_size, table, width)


def untile_weights(tiled: TiledWeights) -> tuple[Codes, Steps]:
    """The codes uint8 `[N, pairs]` and steps float16 `[N, blocks]` that `tile_weights` was given (untileMatrix)."""
    codes = np.empty((tiled.rows, -(-tiled.cols // 2)), np.uint8)
    steps = np.empty((tiled.rows, -(-tiled.cols // tiled.block_size)), np.uint16)
    native.untile_weights(tiled.data, tiled.cols, tiled.block_size, tiled.width == "byte", codes, steps)
    return codes, steps.view(np.float16)


def quantize_activations(x: Floats, *, isa: str = "auto", threads: int = 1) -> tuple[NDArray[np.int8], Floats]:
    """`x` float32 `[M, K]` -> int8 `[M, K]` and scales float32 `[M]`: a row's scale is max|x| / 127 as float32 divides.

    Exactly the nearest int8 of x / scale, ties to even (quantizeActivations). A row of zeros has scale 0; a row with a
    NaN or an infinity has zeros and the scale NaN, so that its products are NaN.
    """
    x = wrappers.checked(x, "x", np.float32, 2)
    a, scales = np.empty(x.shape, np.int8), np.empty(x.shape[0], np.float32)
    native.quantize_activations(wrappers.resolve_isa(isa), x, a, scales, _threads(threads))
    return a, scales


def linear(x: Floats, tiled: TiledWeights, *, out: Floats | None = None, isa: str = "auto", threads: int = 1) -> Floats:
    """`x` float32 `[M, K]` times the weights [N, K], transposed: float32 `[M, N]`, written to `out` if that is given.

    `linear_int8` of `quantize_activations(x)`, in one call. A row with a NaN or an infinity gives a row of NaN.
    Raises `InputError` for arrays of another type or shape.
    """
    x = wrappers.checked(x, "x", np.float32, 2)
    y = _output(x, tiled, out)
    isa = wrappers.resolve_isa(isa)
    native.linear(isa, x, tiled.data, tiled.table, tiled.block_size, tiled.width == "byte", y, _threads(threads))
    return y


def linear_int8(
    a: NDArray[np.int8],
    scales: Floats,
    tiled: TiledWeights,
    *,
    out: Floats | None = None,
    isa: str = "auto",
    threads: int = 1,
) -> Floats:
    """`a` int8 `[M, K]` with `scales` float32 `[M]` times the weights, transposed: float32 `[M, N]` (matmulRow).

    For each block in order acc = acc + step * dot in float32 without fma, then acc * scale: the bits of
    `q35kernels.matmul`. Raises `InputError` for arrays of another type or shape.
    """
    a, scales = wrappers.checked(a, "a", np.int8, 2), wrappers.checked(scales, "scales", np.float32, 1)
    wrappers.require_shape(scales, "scales", (a.shape[0],))
    y = _output(a, tiled, out)
    isa, byte = wrappers.resolve_isa(isa), tiled.width == "byte"
    native.linear_int8(isa, a, scales, tiled.data, tiled.table, tiled.block_size, byte, y, _threads(threads))
    return y


def _output(x: NDArray[np.generic], tiled: TiledWeights, out: Floats | None) -> Floats:
    wrappers.require_shape(x, "the activations", (x.shape[0], tiled.cols))
    shape = (x.shape[0], tiled.rows)
    if out is None:
        return np.empty(shape, np.float32)
    if out.dtype != np.float32 or out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise InputError(f"out must be a writeable, contiguous float32 array {list(shape)}")
    return out


def _threads(threads: int) -> int:
    if threads < 1:
        raise InputError(f"{threads} threads cannot multiply", fix="use at least one")
    return threads


def _aligned(size: int) -> Codes:
    """Bytes that begin at a multiple of 64. NumPy asks for huge pages where an array is large."""
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size]
