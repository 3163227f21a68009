"""The NumPy reference: whole tensors, with the codes and steps that the exact definitions give, bit for bit.

Steps are chosen in the arithmetic that `spec/formats.json` prescribes (`step_choice_arithmetic`), so that every kernel
can agree. Tensors are processed a bounded number of weights at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35ref import cells, exact, formats
from q35ref.errors import InputError, NonFiniteError
from q35ref.formats import (
    CODES,
    HI_RANGE,
    LO_BITS,
    LO_RANGE,
    AbsmaxStep,
    ArithmeticTable,
    RangeStep,
    Scheme,
    SearchedStep,
    Table,
)

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Halves = NDArray[np.float16]

WEIGHTS_AT_ONCE = 1 << 18
LANES = 8
LARGEST_HALF = 65504.0


@dataclass(frozen=True)
class QuantizedTensor:
    """A quantized `[rows, cols]` tensor.

    codes: uint8 `[rows, ceil(cols / 2)]`. steps: float16 `[rows, blocks]`, `[rows, 1]` for `row-absmax`, `[cols]` for
    `row-affine`. zero_points: int8 `[cols]` for `row-affine`, else None. shape: the true `(rows, cols)`. block_size:
    None where the scheme has no blocks.
    """

    codes: Codes
    steps: Halves
    zero_points: NDArray[np.int8] | None
    shape: tuple[int, int]
    scheme: str
    block_size: int | None


# Quantizing


def quantize(
    weights: NDArray[Any], scheme: str = formats.DEFAULT.scheme, block_size: int | None = None, name: str = "weights"
) -> QuantizedTensor:
    """Quantizes `weights`, float32 `[rows, cols]` (float16 and bfloat16 are converted, exactly).

    block_size: one of `formats.BLOCK_SIZES`, or None for the default; schemes without blocks take None only. `name`
    stands for the tensor in errors. Raises `NonFiniteError` with the first index that is NaN or infinite, and
    `InputError` for another shape, element type, scheme or block size.
    """
    size = formats.check_block_size(scheme, block_size)
    row = formats.scheme(scheme)
    floats = _checked(weights, name)
    rows, cols = floats.shape
    zero_points = None
    if isinstance(row.step, SearchedStep):
        assert size is not None, "a scheme with blocks has a block size"
        codes, steps = _quantize_blocks(row, row.step, size, floats)
    elif isinstance(row.step, AbsmaxStep):
        codes, steps = _quantize_rows(row, row.step, floats)
    else:
        codes, steps, zero_points = _quantize_columns(floats)
    return QuantizedTensor(codes, steps, zero_points, (rows, cols), scheme, size)


def _checked(weights: NDArray[Any], name: str) -> Floats:
    if weights.ndim != 2:
        raise InputError(f"{name} has shape {list(weights.shape)}: a matrix [rows, cols] is expected")
    if weights.dtype.name not in ("float32", "float16", "bfloat16"):
        raise InputError(f"{name} is {weights.dtype.name}: float32, float16 or bfloat16 is expected")
    floats: Floats = weights.astype(np.float32, copy=False)
    for start, stop in _row_chunks(*floats.shape):
        bad = np.argwhere(~np.isfinite(floats[start:stop]))
        if len(bad):
            index = start + int(bad[0, 0]), int(bad[0, 1])
            raise NonFiniteError(name, index, float(floats[index]))
    return floats


def _row_chunks(rows: int, cols: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that hold about `WEIGHTS_AT_ONCE` weights each, at least one row."""
    step = max(1, WEIGHTS_AT_ONCE // max(1, cols))
    return ((start, min(start + step, rows)) for start in range(0, rows, step))


def _halves(values: Doubles) -> Halves:
    """The nearest float16, ties to even, saturating; what rounds to zero is +0 (`half_overflow`, `step_zero_sign`)."""
    # Numbers from 65504 up to 65520 round to 65504 anyway. Adding +0 turns -0 into +0 and changes nothing else.
    return np.clip(values, -LARGEST_HALF, LARGEST_HALF).astype(np.float16) + np.float16(0)


def _padded(values: NDArray[Any], width: int) -> NDArray[Any]:
    """`values` with its last axis padded with zeros to a whole number of `width`s."""
    missing = -values.shape[-1] % width
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)]) if missing else values


def _encode(row: Scheme, weights: Doubles, d: Doubles) -> Codes:
    """Codes `[n, w / 2]` of weights `[n, w]` under the steps d `[n]`, exactly the nearest; 0 where the step is 0."""
    divisor = np.where(d == 0, 1.0, d)[:, None]
    if isinstance(row.table, ArithmeticTable):
        # With w = a 2^i, a < 2^24, and d = b 2^j, b < 2^11, the quotient's distance from a tie t is |w - t d| / |d|,
        # and w - t d is a multiple of 2^(i - 1) or of 2^(j - 1): unless 0 it is at least 2^-25 of w, or of t d. Ties
        # within the slot are below 9. One rounding of the quotient (2^-53) therefore reaches no tie and leaves none.
        high = _slot(weights[:, ::2] / divisor, HI_RANGE)
        low = _slot(weights[:, 1::2] / (divisor * row.table.lo_scale), LO_RANGE)
        codes = _join(high, low)
    else:
        pairs = weights.shape[1] // 2
        codes = cells.nearest(row.id, weights.reshape(-1, 2), np.repeat(divisor[:, 0], pairs)).reshape(-1, pairs)
    codes[d == 0] = 0
    return codes


def encode_blocks(weights: Floats, steps: Halves, scheme: str, block_size: int) -> Codes:
    """Codes uint8 `[rows, pairs]` of float32 `[rows, cols]` under given steps float16 `[rows, blocks]` (`encodeBlock`).

    Exactly the nearest entries of the scheme's table; code 0 where the step is 0. All must be finite.
    """
    rows, cols = weights.shape
    blocks = _padded(weights.astype(np.float64), block_size).reshape(-1, block_size)
    codes = _encode(formats.scheme(scheme), blocks, steps.astype(np.float64).ravel())
    return codes.reshape(rows, -1)[:, : -(-cols // 2)]


def _slot(x: Doubles, ends: tuple[int, int]) -> NDArray[np.int8]:
    return np.rint(x).clip(*ends).astype(np.int8)


def _join(high: NDArray[np.int8], low: NDArray[np.int8]) -> Codes:
    """The codes of two slots' values."""
    mask = (1 << LO_BITS) - 1
    return (((high.view(np.uint8) << LO_BITS) & (CODES - 1)) | (low.view(np.uint8) & mask)).astype(np.uint8)


def _quantize_rows(row: Scheme, rule: AbsmaxStep, floats: Floats) -> tuple[Codes, Halves]:
    """Codes `[rows, pairs]` and steps `[rows, 1]`.

    m / divisor is nowhere nearer than 2^-24 of itself to a tie of float16 unless it is one (m has 24 bits, a tie times
    the divisor 15), so its rounding to double does not matter.
    """
    codes, steps = [], []
    for start, stop in _row_chunks(*floats.shape):
        weights = _padded(floats[start:stop].astype(np.float64), 2)
        d = _halves(np.abs(weights).max(axis=1, initial=0.0) / rule.divisor)
        codes.append(_encode(row, weights, d.astype(np.float64)))
        steps.append(d)
    return _joined(codes, np.uint8, -(-floats.shape[1] // 2)), _joined([d[:, None] for d in steps], np.float16, 1)


def _joined(parts: list[NDArray[Any]], dtype: type[np.generic], width: int) -> NDArray[Any]:
    return np.concatenate([np.empty((0, width), dtype), *parts])


def _quantize_columns(floats: Floats) -> tuple[Codes, Halves, NDArray[np.int8]]:
    """Codes `[rows, pairs]`, steps and zero points `[cols]`; each column's parameters are computed exactly."""
    rows, cols = floats.shape
    least, largest = floats.min(axis=0, initial=0), floats.max(axis=0, initial=0)
    parameters = [
        exact.affine_parameters(*exact.slot_range(c), Fraction(float(least[c])), Fraction(float(largest[c])))
        for c in range(cols)
    ]
    steps = np.array([bits for bits, _ in parameters], np.uint16).view(np.float16)
    zero_points = np.array([z for _, z in parameters], np.int8)
    d = _padded(steps.astype(np.float64), 2)
    z = _padded(zero_points.astype(np.float64), 2)
    codes = []
    for start, stop in _row_chunks(rows, cols):
        # w / s is no nearer to a tie than 2^-24 (see `_encode`), nor is w / s + z: rounding the sum reaches no tie.
        x = _padded(floats[start:stop].astype(np.float64), 2) / np.where(d == 0, 1.0, d) + z
        x = np.where(d == 0, 0.0, x)
        codes.append(_join(_slot(x[:, ::2], HI_RANGE), _slot(x[:, 1::2], LO_RANGE)))
    return _joined(codes, np.uint8, -(-cols // 2)), steps, zero_points


def _quantize_blocks(row: Scheme, rule: SearchedStep, size: int, floats: Floats) -> tuple[Codes, Halves]:
    """Codes `[rows, pairs]` and steps `[rows, blocks]`."""
    cols = floats.shape[1]
    pairs, blocks = -(-cols // 2), -(-cols // size)
    codes, steps = [], []
    for start, stop in _row_chunks(*floats.shape):
        weights = _padded(floats[start:stop].astype(np.float64), size).reshape(-1, size)
        counted = np.full((stop - start, blocks), size)
        counted[:, -1:] = 2 * pairs - size * (blocks - 1)
        found, d = _best_steps(row, rule, weights, counted.ravel())
        codes.append(found.reshape(stop - start, -1)[:, :pairs])
        steps.append(d.reshape(stop - start, blocks))
    return _joined(codes, np.uint8, pairs), _joined(steps, np.float16, blocks)


def _best_steps(row: Scheme, rule: SearchedStep, weights: Doubles, counted: NDArray[Any]) -> tuple[Codes, Halves]:
    """For blocks of weights `[n, size]`, of which the first `counted[n]` count: codes `[n, size / 2]`, steps `[n]`."""
    largest = np.abs(weights).max(axis=1)
    codes = np.zeros((len(weights), weights.shape[1] // 2), np.uint8)
    steps = np.zeros(len(weights), np.float16)
    # A block of zeros keeps step 0 and codes 0: no candidate is better than no error.
    errors = np.where(largest == 0, 0.0, np.inf)
    for step in _candidates(rule, largest):
        d = step.astype(np.float64)
        found = _encode(row, weights, d)
        error = _squared_error(row, weights, counted, found, d)
        better = error < errors
        codes[better], steps[better], errors[better] = found[better], step[better], error[better]
    return codes, steps


def _candidates(rule: SearchedStep, largest: Doubles) -> Iterator[Halves]:
    """The candidate steps in order; m * p / q is exact in double: 24 bits, a small integer, a power of two."""
    for numerator in rule.numerators:
        step = largest * numerator / rule.denominator
        yield _halves(step)
        if rule.signed:
            yield _halves(-step)


def _squared_error(row: Scheme, weights: Doubles, counted: NDArray[Any], codes: Codes, d: Doubles) -> Doubles:
    """Each block's squared error `[n]` in the prescribed order of operations (`step_choice_arithmetic`)."""
    entries = formats.table(row.id).astype(np.float64)[codes].reshape(weights.shape)
    e = weights - d[:, None] * entries
    e[np.arange(weights.shape[1]) >= counted[:, None]] = 0.0  # adding 0 * 0 changes no sum
    lanes = np.zeros((len(e), LANES))
    for start in range(0, e.shape[1], LANES):
        group = e[:, start : start + LANES]
        lanes += group * group
    l0, l1, l2, l3, l4, l5, l6, l7 = lanes.T
    return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))


# Reading back


def dequantize(q: QuantizedTensor) -> Floats:
    """The weights, float32 `[rows, cols]`: the exact float32 products of step and entry, or of step and q - z.

    A zero carries the sign of the IEEE product. A step that is not finite makes NaN of all its weights. Raises
    `InputError` for a code of 128 or more and for parts whose shapes do not fit together.
    """
    _check_parts(q)
    cols = q.shape[1]
    entries = _entries(formats.table(q.scheme), q.codes, cols).astype(np.float32)
    steps = np.where(np.isfinite(q.steps), q.steps, np.float16(np.nan)).astype(np.float32)
    if q.zero_points is not None:
        return np.asarray(steps * (entries - q.zero_points.astype(np.float32)), np.float32)
    width = q.block_size or max(cols, 1)
    return np.asarray(np.repeat(steps, width, axis=1)[:, :cols] * entries, np.float32)


def _entries(table: Table, codes: Codes, cols: int) -> NDArray[np.int8]:
    """The entries that codes `[rows, ceil(cols / 2)]` stand for, int8 `[rows, cols]`."""
    return table[_checked_codes(codes)].reshape(len(codes), 2 * codes.shape[1])[:, :cols]


def _check_parts(q: QuantizedTensor) -> None:
    rows, cols = q.shape
    scheme = formats.scheme(q.scheme)
    size = formats.check_block_size(q.scheme, q.block_size)
    affine = isinstance(scheme.step, RangeStep)
    steps = (cols,) if affine else (rows, 1 if size is None else -(-cols // size))
    expected = ((rows, -(-cols // 2)), steps, (cols,) if affine else None)
    found = (q.codes.shape, q.steps.shape, None if q.zero_points is None else q.zero_points.shape)
    if found != expected:
        raise InputError(f"codes, steps and zero points have shapes {found}, not {expected}")


def _checked_codes(codes: Codes) -> Codes:
    if codes.dtype != np.uint8:
        raise InputError(f"codes are {codes.dtype.name}: uint8 is expected")
    if codes.size and codes.max() >= CODES:
        index = [int(i) for i in np.argwhere(codes >= CODES)[0]]
        raise InputError(f"code {codes[tuple(index)]} at {index} is not below {CODES}")
    return codes


# Storage


def pack_stream(codes: Codes) -> NDArray[np.uint8]:
    """The rows' streams, uint8 `[rows, ceil(7 * pairs / 8)]`, of codes `[rows, pairs]`. Raises `InputError`."""
    _checked_codes(_matrix(codes))
    rows, pairs = codes.shape
    packed = np.zeros((rows, exact.stream_size(pairs)), np.uint8)
    for start, stop in _row_chunks(rows, 2 * pairs):
        bits = np.unpackbits(codes[start:stop, :, None], axis=2, count=exact.CODE_BITS, bitorder="little")
        packed[start:stop] = np.packbits(bits.reshape(stop - start, -1), axis=1, bitorder="little")
    return packed


def unpack_stream(pairs: int, data: NDArray[np.uint8]) -> Codes:
    """The codes `[rows, pairs]` of streams uint8 `[rows, ceil(7 * pairs / 8)]`.

    Raises `InputError` for another width and for non-zero bits after a row's last code.
    """
    rows, width = _matrix(data).shape
    if width != exact.stream_size(pairs):
        raise InputError(f"{pairs} codes take {exact.stream_size(pairs)} bytes a row, not {width}")
    codes = np.zeros((rows, pairs), np.uint8)
    for start, stop in _row_chunks(rows, 2 * pairs):
        bits = np.unpackbits(data[start:stop], axis=1, bitorder="little")
        tail = np.argwhere(bits[:, exact.CODE_BITS * pairs :].any(axis=1))
        if len(tail):
            raise InputError(f"the stream of row {start + int(tail[0, 0])} has a bit set after its last code")
        kept = bits[:, : exact.CODE_BITS * pairs].reshape(stop - start, pairs, exact.CODE_BITS)
        codes[start:stop] = np.packbits(kept, axis=2, bitorder="little")[:, :, 0] if pairs else 0
    return codes


def pack_bytes(codes: Codes) -> NDArray[np.uint8]:
    """The byte layout, uint8 `[rows, pairs]`: the codes themselves. Raises `InputError` for a code of 128 or more."""
    return _checked_codes(_matrix(codes)).copy()


def unpack_bytes(data: NDArray[np.uint8]) -> Codes:
    """The codes of the byte layout, uint8 `[rows, pairs]`. Raises `InputError` for a byte of 128 or more."""
    return _checked_codes(_matrix(data)).copy()


def _matrix(values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim != 2 or values.dtype != np.uint8:
        raise InputError(f"{values.dtype.name} {list(values.shape)} given: a uint8 matrix is expected")
    return values


# Integer products


def _integer_weights(codes: Codes, table: Table, cols: int) -> Doubles:
    """Table entries of codes `[rows, pairs]` as float64 `[rows, cols]`, in which integers of this size are exact."""
    if codes.shape[1] != -(-cols // 2):
        raise InputError(f"{codes.shape[1]} codes a row do not fit activations of {cols} columns")
    return _entries(table, codes, cols).astype(np.float64)


def block_dots(a: NDArray[np.int8], codes: Codes, table: Table, block_size: int) -> NDArray[np.int32]:
    """Integer dot products of each block, int32 `[M, N, blocks]`, exact: a int8 `[M, K]`, codes `[N, ceil(K / 2)]`."""
    weights, cols = _integer_weights(codes, table, a.shape[1]), a.shape[1]
    dots = np.zeros((len(a), len(weights), -(-cols // block_size)), np.int32)
    for block in range(dots.shape[2]):
        part = slice(block * block_size, (block + 1) * block_size)
        dots[:, :, block] = a[:, part].astype(np.float64) @ weights[:, part].T
    return dots


def matmul_int32(a: NDArray[np.int8], codes: Codes, table: Table) -> NDArray[np.int32]:
    """Integer dot products over whole rows: a int8 `[M, K]`, codes `[N, ceil(K / 2)]` -> int32 `[M, N]`, exact.

    Raises `InputError` where K is above the table's largest safe K (`exact.max_safe_k`).
    """
    safe = exact.max_safe_k([(int(first), int(second)) for first, second in table])
    if a.shape[1] > safe:
        raise InputError(f"{a.shape[1]} products can overflow int32: the table's largest safe number is {safe}")
    return (a.astype(np.float64) @ _integer_weights(codes, table, a.shape[1]).T).astype(np.int32)


def matmul(a: NDArray[np.int8], a_scale: Floats, codes: Codes, steps: Halves, table: Table, block_size: int) -> Floats:
    """Products of activations `a_scale[m] * a[m]` with quantized rows, float32 `[M, N]`.

    a: int8 `[M, K]`; a_scale: float32 `[M]`; codes: `[N, ceil(K / 2)]`; steps: float16 `[N, blocks]`. The blocks are
    added in order in float32 (`numerics.matmul`); a row-absmax tensor is one block, so its block_size is K or more.
    """
    dots = block_dots(a, codes, table, block_size)
    if steps.shape != dots.shape[1:] or a_scale.shape != a.shape[:1]:
        raise InputError(f"steps {steps.shape} and scales {a_scale.shape} do not fit {dots.shape} block sums")
    acc = np.zeros(dots.shape[:2], np.float32)
    for block in range(dots.shape[2]):
        acc = acc + steps[:, block].astype(np.float32) * dots[:, :, block].astype(np.float32)
    return np.asarray(acc * a_scale.astype(np.float32)[:, None], np.float32)
