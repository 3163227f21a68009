"""The kernels' functions with their arguments checked: types, shapes, and an error that names the position."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import q35spec
from q35.errors import CheckFailed, InputError
from q35kernels import _cpu as native
from q35kernels.schemes import Scheme, scheme_named

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Steps = NDArray[np.float16]


class BadValue(InputError):
    """One value of an array is not allowed; `index` is where it stands in that array."""

    def __init__(self, what: str, index: tuple[int, ...], fix: str | None = None) -> None:
        super().__init__(what, f"index {index if len(index) > 1 else index[0]}", fix)
        self.index = index


class Quantized(NamedTuple):
    """A quantized matrix.

    `codes` uint8 `[rows, pairs]`; `steps` float16 `[rows, blocks]` (row-absmax `[rows, 1]`, row-affine `[cols]`);
    `zero_points` int8 `[cols]` for row-affine, else None.
    """

    codes: Codes
    steps: Steps
    zero_points: NDArray[np.int8] | None


def _check_widths() -> None:
    widths = q35spec.formats()["code"]
    if (widths["hi_bits"], widths["lo_bits"]) != (native.HI_BITS, native.LO_BITS):
        raise CheckFailed("the kernels' code widths are not those of formats.json", fix="rebuild the package")


_check_widths()


def available_isas() -> tuple[str, ...]:
    """The instruction sets that run on this machine, the slowest first: "scalar" always."""
    return tuple(native.available_isas())


def resolve_isa(isa: str = "auto") -> str:
    """The instruction set that `isa` selects; raises `InputError` for one that is unknown or not available here."""
    if isa != "auto" and isa not in native.available_isas():
        raise InputError(
            f"instruction set {isa!r} is not available here", fix=f"use auto, {', '.join(available_isas())}"
        )
    return native.resolve_isa(isa)


def source_sha256() -> str:
    """The hash of the C++ sources that this extension was built from; see `source_sha256_of`."""
    return native.source_sha256()


def extension_path() -> Path:
    """The file of the compiled extension that runs."""
    return Path(str(native.__file__))


def stream_size(pairs: int) -> int:
    """Bytes of the 7-bit stream of `pairs` codes (streamSize in the proofs)."""
    return ((native.HI_BITS + native.LO_BITS) * pairs + 7) // 8


def checked(value: NDArray[Any], name: str, dtype: type[np.generic], ndim: int) -> NDArray[Any]:
    """`value` as a contiguous, aligned array; raises `InputError` for another type or number of dimensions."""
    if not isinstance(value, np.ndarray) or value.dtype != dtype or value.ndim != ndim:
        found = f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InputError(f"{name} must be a {ndim}-dimensional {np.dtype(dtype).name} array, not {found}")
    return np.require(value, requirements=["C", "A"])


def require_shape(value: NDArray[Any], name: str, shape: tuple[int, ...]) -> None:
    """Raises `InputError` for another shape."""
    if value.shape != shape:
        raise InputError(f"{name} has shape {list(value.shape)}, expected {list(shape)}")


def _block_size(block_size: int) -> None:
    if block_size < 2 or block_size % 2:
        raise InputError(f"block size {block_size} is not even and positive")


def _blocks(cols: int, block_size: int) -> int:
    _block_size(block_size)
    return -(-cols // block_size)


def _pairs(cols: int) -> int:
    return -(-cols // 2)


def checked_cols(codes: Codes, cols: int | None) -> int:
    """How many weights a row of `codes` holds; two a code unless `cols` says otherwise."""
    cols = 2 * codes.shape[1] if cols is None else cols
    if _pairs(cols) != codes.shape[1]:
        raise InputError(f"{codes.shape[1]} bytes a row do not hold {cols} weights")
    return cols


def checked_table(table: NDArray[np.int8]) -> NDArray[np.int8]:
    """`table` as a contiguous int8 `[128, 2]`; raises `InputError` for another type or shape."""
    values = checked(table, "table", np.int8, 2)
    require_shape(values, "table", (1 << (native.HI_BITS + native.LO_BITS), 2))
    return values


def _position(flat: int, width: int) -> tuple[int, int]:
    return flat // width, flat % width


def result_array(out: NDArray[Any] | None, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """`out` where it can be written in place, or a new array that starts a cache line, good to be used again."""
    if out is None:
        size, line = math.prod(shape) * np.dtype(dtype).itemsize, 64
        memory = np.empty(size + line, np.uint8)
        first = -memory.ctypes.data % line
        return memory[first : first + size].view(dtype).reshape(shape)
    if not isinstance(out, np.ndarray) or out.dtype != dtype or out.shape != shape:
        raise InputError(f"out must be a {np.dtype(dtype).name} array {list(shape)}")
    if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise InputError("out must be contiguous, aligned and writeable")
    return out


def checked_threads(threads: int) -> int:
    """`threads`; raises `InputError` for less than one or more than a machine has."""
    if not 1 <= threads <= 1024:
        raise InputError(f"{threads} threads are not between 1 and 1024")
    return threads


def reject_code(flat: int, codes: Codes) -> None:
    """Raises `BadValue` if `flat` is the position of a bad code, and not -1."""
    if flat >= 0:
        index = _position(flat, codes.shape[1])
        raise BadValue(f"byte {codes[index]} is not a code: codes are 0..127", index)


def reject_step(flat: int, steps: Steps) -> None:
    """Raises `BadValue` if `flat` is the position of a step that is not finite, and not -1."""
    if flat >= 0:
        raise BadValue("a step that is not finite is not a step", _position(flat, steps.shape[1]))


def _reject_weight(flat: int, weights: Floats) -> None:
    if flat >= 0:
        index = _position(flat, weights.shape[1])
        raise BadValue(f"weight {weights[index]} is not finite", index)


def _reject_tail(row: int) -> None:
    if row >= 0:
        raise BadValue("the unused bits after the last code of the row's stream are not zero", (row,))


def check_codes(codes: Codes, *, isa: str = "auto") -> None:
    """Raises `BadValue` at the first byte >= 128 of `codes` uint8 `[rows, pairs]` (decodeByte in the proofs)."""
    codes = checked(codes, "codes", np.uint8, 2)
    reject_code(native.first_invalid_code(resolve_isa(isa), codes), codes)


def check_finite(weights: Floats, *, isa: str = "auto") -> None:
    """Raises `BadValue` at the first NaN or infinity of `weights` float32 `[rows, cols]`."""
    weights = checked(weights, "weights", np.float32, 2)
    _reject_weight(native.first_not_finite(resolve_isa(isa), weights), weights)


def pack_stream(codes: Codes, *, out: Codes | None = None, isa: str = "auto", threads: int = 1) -> Codes:
    """`codes` uint8 `[rows, pairs]` -> 7-bit streams uint8 `[rows, stream_size(pairs)]`, one a row (packStream).

    Raises `BadValue` at the first byte >= 128.
    """
    codes = checked(codes, "codes", np.uint8, 2)
    stream = result_array(out, (codes.shape[0], stream_size(codes.shape[1])), np.uint8)
    reject_code(native.pack_stream(resolve_isa(isa), codes, stream, checked_threads(threads)), codes)
    return stream


def unpack_stream(stream: Codes, pairs: int, *, out: Codes | None = None, isa: str = "auto", threads: int = 1) -> Codes:
    """Streams uint8 `[rows, stream_size(pairs)]` -> codes uint8 `[rows, pairs]` (unpackStream).

    Raises `InputError` for another length and `BadValue` with the row whose unused tail bits are not zero.
    """
    stream = checked(stream, "stream", np.uint8, 2)
    if pairs < 0:
        raise InputError(f"a row cannot hold {pairs} codes")
    require_shape(stream, "stream", (stream.shape[0], stream_size(pairs)))
    codes = result_array(out, (stream.shape[0], pairs), np.uint8)
    _reject_tail(native.unpack_stream(resolve_isa(isa), stream, codes, checked_threads(threads)))
    return codes


def quantize(
    weights: Floats, scheme: str, block_size: int | None = None, *, isa: str = "auto", threads: int = 1
) -> Quantized:
    """Quantizes `weights` float32 `[rows, cols]` with a scheme of the specification.

    `block_size` (even; None for the default of formats.json) belongs to the block schemes, row schemes take None only.
    Steps are the best of the scheme's candidates in the prescribed arithmetic, codes exactly the nearest entries.
    Raises `BadValue` at the first NaN or infinity, `InputError` for an unknown scheme, a block size that does not fit
    it or an array of another type.
    """
    weights = checked(weights, "weights", np.float32, 2)
    chosen, isa = scheme_named(scheme), resolve_isa(isa)
    rows, cols = weights.shape
    codes = np.empty((rows, _pairs(cols)), np.uint8)
    if chosen.rule == "least-squares":
        size = q35spec.formats()["default"]["block_size"] if block_size is None else block_size
        return _quantize_blocks(weights, chosen, size, codes, isa, checked_threads(threads))
    if block_size is not None:
        raise InputError(f"scheme {scheme} has no blocks: leave the block size out")
    if chosen.rule == "range":
        return _quantize_row_affine(weights, codes, isa, checked_threads(threads))
    steps = np.empty((rows, 1), np.uint16)
    assert chosen.scales is not None
    bad = native.quantize_row_absmax(
        isa, weights, *chosen.scales, chosen.divisor, codes, steps, checked_threads(threads)
    )
    _reject_weight(bad, weights)
    return Quantized(codes, steps.view(np.float16), None)


def _quantize_blocks(
    weights: Floats, scheme: Scheme, block_size: int, codes: Codes, isa: str, threads: int
) -> Quantized:
    steps = np.empty((weights.shape[0], _blocks(weights.shape[1], block_size)), np.uint16)
    if block_size > native.MAX_BLOCK:
        raise InputError(f"block size {block_size} is more than {native.MAX_BLOCK}")
    assert scheme.numerators is not None
    numerators, denominator = scheme.numerators, scheme.denominator
    if scheme.scales is not None:
        bad = native.quantize_block(
            isa, weights, block_size, *scheme.scales, numerators, denominator, codes, steps, threads
        )
    else:
        bad = native.quantize_codebook(
            isa, weights, block_size, scheme.table, numerators, denominator, codes, steps, threads
        )
    _reject_weight(bad, weights)
    return Quantized(codes, steps.view(np.float16), None)


def _quantize_row_affine(weights: Floats, codes: Codes, isa: str, threads: int) -> Quantized:
    steps, zero_points = np.empty(weights.shape[1], np.uint16), np.empty(weights.shape[1], np.int8)
    _reject_weight(native.quantize_row_affine(isa, weights, codes, steps, zero_points, threads), weights)
    return Quantized(codes, steps.view(np.float16), zero_points)


def encode_blocks(weights: Floats, steps: Steps, scheme: str, block_size: int, *, isa: str = "auto") -> Codes:
    """The codes of `weights` float32 `[rows, cols]` for given `steps` float16 `[rows, blocks]`: uint8 `[rows, pairs]`.

    Exactly the nearest entries of the scheme's table to w / step (encodePair); a step of 0 gives code 0. Any even block
    size; the scheme "row-affine" has no steps a block and is refused. Raises `BadValue` at a weight or a step that is
    not finite.
    """
    weights, steps = checked(weights, "weights", np.float32, 2), checked(steps, "steps", np.float16, 2)
    chosen, isa = scheme_named(scheme), resolve_isa(isa)
    if chosen.rule == "range":
        raise InputError(f"scheme {scheme} has its steps by column, not by block")
    rows, cols = weights.shape
    require_shape(steps, "steps", (rows, _blocks(cols, block_size)))
    check_finite(weights, isa=isa)
    codes = np.empty((rows, _pairs(cols)), np.uint8)
    bits = steps.view(np.uint16)
    if chosen.scales is not None:
        bad = native.encode_block(isa, weights, bits, block_size, *chosen.scales, codes)
    else:
        bad = native.encode_codebook(isa, weights, bits, block_size, chosen.table, codes)
    reject_step(bad, steps)
    return codes


def dequantize(
    codes: Codes,
    steps: Steps,
    table: NDArray[np.int8],
    block_size: int,
    cols: int | None = None,
    *,
    out: Floats | None = None,
    isa: str = "auto",
    threads: int = 1,
) -> Floats:
    """`codes` uint8 `[rows, pairs]`, `steps` float16 `[rows, blocks]` -> weights float32 `[rows, cols]`.

    The float32 product step * table entry, which is exact; NaN throughout a block whose step is not finite. `cols`
    defaults to 2 * pairs; for row-absmax the block is the row (an even `block_size` >= cols). Raises `BadValue` at the
    first byte >= 128.
    """
    codes, steps = checked(codes, "codes", np.uint8, 2), checked(steps, "steps", np.float16, 2)
    cols = checked_cols(codes, cols)
    require_shape(steps, "steps", (codes.shape[0], _blocks(cols, block_size)))
    weights = result_array(out, (codes.shape[0], cols), np.float32)
    bits, table = steps.view(np.uint16), checked_table(table)
    bad = native.dequantize(resolve_isa(isa), codes, bits, table, block_size, weights, checked_threads(threads))
    reject_code(bad, codes)
    return weights


def dequantize_stream(
    stream: Codes,
    steps: Steps,
    table: NDArray[np.int8],
    block_size: int,
    cols: int,
    *,
    out: Floats | None = None,
    isa: str = "auto",
    threads: int = 1,
) -> Floats:
    """As `dequantize`, from the stream layout uint8 `[rows, stream_size(pairs)]`, without unpacking all of it first.

    Raises `BadValue` with the row whose unused tail bits are not zero.
    """
    stream, steps = checked(stream, "stream", np.uint8, 2), checked(steps, "steps", np.float16, 2)
    require_shape(stream, "stream", (stream.shape[0], stream_size(_pairs(cols))))
    require_shape(steps, "steps", (stream.shape[0], _blocks(cols, block_size)))
    weights = result_array(out, (stream.shape[0], cols), np.float32)
    bits, table = steps.view(np.uint16), checked_table(table)
    bad = native.dequantize_stream(resolve_isa(isa), stream, bits, table, block_size, weights, checked_threads(threads))
    _reject_tail(bad)
    return weights


def dequantize_row_affine(
    codes: Codes,
    steps: Steps,
    zero_points: NDArray[np.int8],
    *,
    out: Floats | None = None,
    isa: str = "auto",
    threads: int = 1,
) -> Floats:
    """`codes` uint8 `[rows, pairs]`, `steps` float16 `[cols]`, `zero_points` int8 `[cols]` -> float32 `[rows, cols]`.

    The float32 product s * (q - z), which is exact; NaN throughout a column whose step is not finite.
    Raises `BadValue` at the first byte >= 128.
    """
    codes, steps = checked(codes, "codes", np.uint8, 2), checked(steps, "steps", np.float16, 1)
    zero_points = checked(zero_points, "zero_points", np.int8, 1)
    cols = checked_cols(codes, steps.shape[0])
    require_shape(zero_points, "zero_points", (cols,))
    weights = result_array(out, (codes.shape[0], cols), np.float32)
    bits = steps.view(np.uint16)
    used = out is not None
    bad = native.dequantize_affine(resolve_isa(isa), codes, bits, zero_points, weights, used, checked_threads(threads))
    reject_code(bad, codes)
    return weights


def max_safe_k(table: NDArray[np.int8]) -> int:
    """The most weights of `table` int8 `[128, 2]` whose products with int8 values sum up within int32, in any order.

    With one more, some weights and values overflow (maxSafeK in the proofs).
    """
    return native.max_safe_k(checked_table(table))


def block_dots(
    a: NDArray[np.int8], codes: Codes, table: NDArray[np.int8], block_size: int, *, isa: str = "auto"
) -> NDArray[np.int32]:
    """int8 activations `a [M, K]` times `codes` uint8 `[N, ceil(K / 2)]`: int32 `[M, N, blocks]`, exact.

    `dots[m, n, b]` is the sum of a * T over block b. Raises `InputError` when a block is longer than
    `max_safe_k(table)`, `BadValue` at the first byte >= 128.
    """
    a, codes, table = checked(a, "a", np.int8, 2), checked(codes, "codes", np.uint8, 2), checked_table(table)
    _check_product(a, codes, table, block_size)
    dots = np.empty((a.shape[0], codes.shape[0], _blocks(a.shape[1], block_size)), np.int32)
    reject_code(native.block_dots(resolve_isa(isa), a, codes, table, block_size, dots), codes)
    return dots


def _check_product(a: NDArray[np.int8], codes: Codes, table: NDArray[np.int8], block_size: int) -> None:
    _block_size(block_size)
    require_shape(codes, "codes", (codes.shape[0], _pairs(a.shape[1])))
    length, limit = min(block_size, a.shape[1]), native.max_safe_k(table)
    if length > limit:
        raise InputError(f"a sum of {length} products can overflow int32", fix=f"the table's largest safe K is {limit}")


def matmul_int32(a: NDArray[np.int8], codes: Codes, table: NDArray[np.int8], *, isa: str = "auto") -> NDArray[np.int32]:
    """`a` int8 `[M, K]` times `codes` uint8 `[N, ceil(K / 2)]` over whole rows: int32 `[M, N]`, exact.

    Raises `InputError` when K is more than `max_safe_k(table)`, `BadValue` at the first byte >= 128.
    """
    whole_row = max(2, 2 * _pairs(checked(a, "a", np.int8, 2).shape[1]))
    dots = block_dots(a, codes, table, whole_row, isa=isa)
    return np.ascontiguousarray(dots[:, :, 0]) if dots.shape[2] else np.zeros(dots.shape[:2], np.int32)


def matmul(
    a: NDArray[np.int8],
    a_scale: Floats,
    codes: Codes,
    steps: Steps,
    table: NDArray[np.int8],
    block_size: int,
    *,
    isa: str = "auto",
) -> Floats:
    """`a` int8 `[M, K]` with `a_scale` float32 `[M]` times quantized weights: float32 `[M, N]`.

    `codes` uint8 `[N, ceil(K / 2)]`, `steps` float16 `[N, blocks]`. For each block in order acc = acc + step * dot in
    float32 without fma, then acc * a_scale; a step that is not finite makes the row's results NaN. Errors: see
    `block_dots`.
    """
    a, codes, table = checked(a, "a", np.int8, 2), checked(codes, "codes", np.uint8, 2), checked_table(table)
    a_scale, steps = checked(a_scale, "a_scale", np.float32, 1), checked(steps, "steps", np.float16, 2)
    _check_product(a, codes, table, block_size)
    require_shape(a_scale, "a_scale", (a.shape[0],))
    require_shape(steps, "steps", (codes.shape[0], _blocks(a.shape[1], block_size)))
    y = np.empty((a.shape[0], codes.shape[0]), np.float32)
    bits = steps.view(np.uint16)
    reject_code(native.matmul(resolve_isa(isa), a, a_scale, codes, bits, table, block_size, y), codes)
    return y
