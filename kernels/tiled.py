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

import q35spec
from q35.errors import InputError
from q35kernels import _cpu as native
from q35kernels import wrappers
from q35kernels.wrappers import BadValue, Codes, Floats, Steps

Width = Literal["stream", "byte", "fp4", "fp6"]
"""Seven bits a code, or a byte a code: the same products, the second one without unpacking but with more to read. Or MX
elements of four or six bits."""

MxKind = Literal["e2m1", "e2m3", "e3m2"]


@dataclass(frozen=True, eq=False)
class TiledWeights:
    """A quantized matrix of weights [rows, cols] in the layout of the products.

    `data` uint8 `[bytes]`, aligned to 64 bytes; `rows` the outputs N, `cols` the inputs K of the product; `block_size`
    weights share a step; `table` int8 `[128, 2]`. Of an MX format, `table` has for each element the pair (low, high),
    which stands for low + 16 high units of 2^-unit_exponent.
    """

    data: Codes
    rows: int
    cols: int
    block_size: int
    table: NDArray[np.int8]
    width: Width
    unit_exponent: int = 0

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
        raise InputError(f"codes are not stored with width {width!r}", fix="choose stream or byte")
    finite = np.isfinite(steps)
    wrappers.reject_step(-1 if finite.all() else int(finite.argmin()), steps)
    data = wrappers.result_array(None, (native.tiled_size(codes.shape[0], cols, block_size, width),), np.uint8)
    bad = native.tile_weights(codes, steps.view(np.uint16), cols, block_size, width, data)
    wrappers.reject_code(bad, codes)
    data.flags.writeable = False
    return TiledWeights(data, codes.shape[0], cols, block_size, table, width)


def untile_weights(tiled: TiledWeights) -> tuple[Codes, Steps]:
    """The codes uint8 `[N, pairs]` and steps float16 `[N, blocks]` that `tile_weights` was given (untileMatrix).

    Raises `InputError` for weights of an MX format.
    """
    if tiled.width not in ("stream", "byte"):
        raise InputError("these are weights of an MX format", fix="use untile_mx")
    codes = np.empty((tiled.rows, -(-tiled.cols // 2)), np.uint8)
    steps = np.empty((tiled.rows, -(-tiled.cols // tiled.block_size)), np.uint16)
    native.untile_weights(tiled.data, tiled.cols, tiled.block_size, tiled.width, codes, steps)
    return codes, steps.view(np.float16)


def tile_mx(elements: Codes, scales: Codes, kind: MxKind) -> TiledWeights:
    """MX weights in the layout of the products: `elements` uint8 `[N, K]`, the bits of one in each byte, and the E8M0
    `scales` uint8 `[N, ceil(K / 32)]`.

    A scale of 255 is NaN and makes its row's products NaN. Raises `BadValue` at the first byte with more bits than an
    element of the `kind` has, `InputError` for an unknown kind or an array of another type or shape.
    """
    if kind not in _MX:
        raise InputError(f"no products with elements {kind!r}", fix=f"choose one of {', '.join(_MX)}")
    elements = wrappers.checked(elements, "elements", np.uint8, 2)
    scales = wrappers.checked(scales, "scales", np.uint8, 2)
    rows, cols = elements.shape
    wrappers.require_shape(scales, "scales", (rows, -(-cols // native.UNIT_WEIGHTS)))
    width, row = _MX[kind], q35spec.float_format(kind)
    exponent_bits, mantissa_bits = row["exponent_bits"], row["mantissa_bits"]
    wide = elements >= 2 << (exponent_bits + mantissa_bits)
    if wide.any():
        index = tuple(np.argwhere(wide)[0].tolist())
        raise BadValue(f"byte {elements[index]} is not an element {kind}", index)
    data = wrappers.result_array(None, (native.tiled_size(rows, cols, native.UNIT_WEIGHTS, width),), np.uint8)
    native.tile_mx(elements, scales, width, data)
    data.flags.writeable = False
    table, unit_exponent = _mx_table(exponent_bits, mantissa_bits), row["bias"] + mantissa_bits - 1
    return TiledWeights(data, rows, cols, native.UNIT_WEIGHTS, table, width, unit_exponent)


def untile_mx(tiled: TiledWeights) -> tuple[Codes, Codes]:
    """The elements uint8 `[N, K]` and the scales uint8 `[N, blocks]` that `tile_mx` was given.

    Raises `InputError` for weights that are not of an MX format.
    """
    if tiled.width not in ("fp4", "fp6"):
        raise InputError("these are not weights of an MX format", fix="use untile_weights")
    elements = np.empty((tiled.rows, tiled.cols), np.uint8)
    scales = np.empty((tiled.rows, -(-tiled.cols // tiled.block_size)), np.uint8)
    native.untile_mx(tiled.data, tiled.width, elements, scales)
    return elements, scales


_MX: dict[str, Width] = {"e2m1": "fp4", "e2m3": "fp6", "e3m2": "fp6"}
"""How the elements are stored, of the formats that have products."""


def _mx_table(exponent_bits: int, mantissa_bits: int) -> NDArray[np.int8]:
    """For each element (low, high): its value is low + 16 high smallest subnormals (mxUnits in the proofs)."""
    bits = np.arange(2 << (exponent_bits + mantissa_bits))
    mantissa = bits & ((1 << mantissa_bits) - 1)
    exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1)
    size = np.where(exponent == 0, mantissa, (mantissa + (1 << mantissa_bits)) << np.maximum(exponent - 1, 0))
    units = np.where(bits >> (exponent_bits + mantissa_bits), -size, size)
    fits = abs(units) <= np.iinfo(np.int8).max
    table = np.zeros((128, 2), np.int8)
    table[: len(bits), 0], table[: len(bits), 1] = np.where(fits, units, 0), np.where(fits, 0, units // _HIGH_UNITS)
    table.flags.writeable = False
    return table


_HIGH_UNITS = 16
"""What the high part of an element counts: the least unit of elements beyond int8 is a multiple of it."""


def quantize_activations(x: Floats, *, isa: str = "auto", threads: int = 1) -> tuple[NDArray[np.int8], Floats]:
    """`x` float32 `[M, K]` -> int8 `[M, K]` and scales float32 `[M]`: a row's scale is max|x| / 127 as float32 divides.

    Exactly the nearest int8 of x / scale, ties to even (quantizeActivations). A row of zeros has scale 0; a row with a
    NaN or an infinity has zeros and the scale NaN, so that its products are NaN.
    """
    x = wrappers.checked(x, "x", np.float32, 2)
    a, scales = np.empty(x.shape, np.int8), np.empty(x.shape[0], np.float32)
    native.quantize_activations(wrappers.resolve_isa(isa), x, a, scales, wrappers.checked_threads(threads))
    return a, scales


def linear(x: Floats, tiled: TiledWeights, *, out: Floats | None = None, isa: str = "auto", threads: int = 1) -> Floats:
    """`x` float32 `[M, K]` times the weights [N, K], transposed: float32 `[M, N]`, written to `out` if that is given.

    `linear_int8` of `quantize_activations(x)`, in one call. A row with a NaN or an infinity gives a row of NaN.
    Raises `InputError` for arrays of another type or shape.
    """
    x = wrappers.checked(x, "x", np.float32, 2)
    y = _output(x, tiled, out)
    isa = wrappers.resolve_isa(isa)
    native.linear(isa, x, tiled.data, *_format(tiled), y, wrappers.checked_threads(threads))
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
    native.linear_int8(
        wrappers.resolve_isa(isa), a, scales, tiled.data, *_format(tiled), y, wrappers.checked_threads(threads)
    )
    return y


def _format(tiled: TiledWeights) -> tuple[NDArray[np.int8], int, int, Width]:
    return tiled.table, tiled.unit_exponent, tiled.block_size, tiled.width


def _output(x: NDArray[np.generic], tiled: TiledWeights, out: Floats | None) -> Floats:
    wrappers.require_shape(x, "the activations", (x.shape[0], tiled.cols))
    return wrappers.result_array(out, (x.shape[0], tiled.rows), np.float32)
