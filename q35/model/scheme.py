"""A scheme with its parameters, as model files use it: the spec's data, the kernels' arithmetic and the proved bound.

All numeric work is that of `q35kernels`; there is no other way to quantize, so a missing extension is an error.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import q35spec
from q35.errors import InputError, Q35Error
from q35.files import sha256_file
from q35.model.bounds import THEOREMS, Doubles, PairPromise, Promise, SlotPromise

SLOTS = ((-8, 7), (-4, 3))  # the integers of the hi and the lo slot


@cache
def kernels() -> ModuleType:
    """The module `q35kernels`; `InputError` with the fix when its extension is not built."""
    try:
        import q35kernels
    except ImportError as error:
        raise InputError(f"the kernels are not built: {error}", None, "pip install -e . builds them") from None
    return q35kernels


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a quantized matrix: codes uint8 `[rows, pairs]`, steps float16 as `Scheme.step_shape`, zero points int8
    `[cols]`.
    """

    codes: NDArray[np.uint8]
    steps: NDArray[np.float16]
    zero_points: NDArray[np.int8] | None


@dataclass(frozen=True, eq=False)
class Scheme:
    """One scheme of `formats.json` with a block size (None for the row schemes) and a storage; `table` is int8 `[128,
    2]`.
    """

    id: str
    block_size: int | None
    storage: str
    row: dict[str, Any]
    table: NDArray[np.int8]

    @property
    def affine(self) -> bool:
        """Whether steps and zero points belong to columns."""
        return bool(self.row["step"]["per"] == "column")

    @property
    def theorem(self) -> str:
        """The theorem that gives the error bound."""
        return THEOREMS[self.id]

    @property
    def table_sha256(self) -> str:
        """Of the table's 256 bytes in code order."""
        return hashlib.sha256(self.table.tobytes()).hexdigest()

    @property
    def formats_sha256(self) -> str:
        """Of the file `formats.json`."""
        return sha256_file(q35spec.FOLDER / "formats.json")

    def row_bytes(self, cols: int) -> int:
        """Bytes of a stored row of `cols` weights' codes."""
        pairs = -(-cols // 2)
        bits: int = q35spec.formats()["storages"][self.storage]["bits_per_code"]
        return -(-bits * pairs // 8)

    def step_shape(self, rows: int, cols: int) -> tuple[int, ...]:
        """The shape of the steps of a `[rows, cols]` matrix."""
        if self.affine:
            return (cols,)
        return (rows, -(-cols // self.block_size) if self.block_size else 1)

    def quantize(self, weights: NDArray[np.float32], ranges: NDArray[np.float32] | None) -> Part:
        """Quantize rows float32 `[n, cols]`, all finite.

        `row-affine` rows are part of a larger matrix whose columns' largest and smallest weights are `ranges` `[2,
        cols]`: quantized on top of them, every part gets the matrix's own steps and zero points.
        """
        if ranges is None:
            return Part(*kernels().quantize(weights, self.id, self.block_size))
        part = kernels().quantize(np.concatenate([ranges, weights]), self.id)
        return Part(part.codes[len(ranges) :], part.steps, part.zero_points)

    def dequantize(self, part: Part, cols: int) -> NDArray[np.float32]:
        """The weights float32 `[n, cols]` that `part` stands for, exactly."""
        if part.zero_points is not None:
            values = kernels().dequantize_row_affine(part.codes, part.steps, part.zero_points)
        else:
            values = kernels().dequantize(part.codes, part.steps, self.table, self._block(cols), cols)
        return np.asarray(values, np.float32)

    def _block(self, cols: int) -> int:
        """The weights that share a step: a block's, or those of a row padded to whole pairs."""
        return self.block_size or cols + cols % 2

    def store(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Codes `[n, pairs]` as the storage keeps them, `[n, row_bytes]`."""
        return np.asarray(kernels().pack_stream(codes), np.uint8) if self.storage == "stream" else codes

    def load(self, stored: NDArray[np.uint8], cols: int, where: str, first_row: int) -> NDArray[np.uint8]:
        """The codes of stored rows; `InputError` at `where` for a byte that is no code or a tail bit that is not
        zero.
        """
        try:
            if self.storage == "stream":
                return np.asarray(kernels().unpack_stream(stored, -(-cols // 2)), np.uint8)
            kernels().check_codes(stored)
            return stored
        except kernels().BadValue as error:
            row, *column = error.index
            place = f"row {first_row + row}" + (f", pair {column[0]}" if column else "")
            raise InputError(f"{place}: {error.what}", where) from None

    def spread(self, steps: NDArray[np.float16], cols: int) -> Doubles:
        """The steps as doubles, one a weight: `[n, cols]`, `[n, 1]` or `[cols]`."""
        values = steps.astype(np.float64)
        return values if self.block_size is None else np.repeat(values, self.block_size, axis=1)[:, :cols]

    def promise(self, cols: int, zero_points: NDArray[np.int8] | None) -> Promise:
        """The proved error bound for `cols` columns."""
        if self.row["table"]["kind"] == "learned":
            return _learned_promise()
        scales = [self.row["table"]["hi_scale"], self.row["table"]["lo_scale"]]
        low, high = (
            _alternate([scale * (slot[end] + side / 2) for slot, scale in zip(SLOTS, scales, strict=True)], cols)
            for end, side in ((0, -1), (1, 1))
        )
        zero = 0.0 if zero_points is None else zero_points.astype(np.float64)
        return SlotPromise(low - zero, high - zero, (Fraction(scales[0], 2), Fraction(scales[1], 2)))

    def max_safe_k(self, zero_points: NDArray[np.int8] | None) -> int:
        """The largest number of products of int8 values and this tensor's integers whose sum cannot leave int32."""
        table = self.table
        if zero_points is not None:  # the columns' tables differ: one that reaches as far as any of them
            ends = [
                [slot[0] - int(part.max(initial=0)), slot[1] - int(part.min(initial=0))]
                for slot, part in zip(SLOTS, (zero_points[0::2], zero_points[1::2]), strict=True)
            ]
            table = np.zeros_like(table)
            table[:4] = [(first, second) for first in ends[0] for second in ends[1]]
        return int(kernels().max_safe_k(table))

    def describe_kernels(self) -> dict[str, str]:
        """The kernels that do the work, by the hash of the sources they were built from."""
        import q35  # the extension is part of this package and has its version

        return {
            "name": f"q35kernels {kernels().resolve_isa()}",
            "version": q35.__version__,
            "source_sha256": kernels().source_sha256(),
        }


def _alternate(values: list[float], cols: int) -> Doubles:
    """The two slots' values, one a column."""
    return np.resize(np.array(values, np.float64), cols)


@cache
def _learned_promise() -> PairPromise:
    """The learned table's covering radius on its region, the convex hull of its entries."""
    hull = next(region for region in q35spec.cover()["regions"] if region["name"] == "hull")
    return PairPromise([(a, b, c) for a, b, c in hull["sides"]], Fraction(hull["covering_radius"]))


def make_scheme(name: str | None, block_size: int | None, storage: str | None) -> Scheme:
    """The scheme `name` of the spec; None stands for the default. `InputError` for what the spec does not have."""
    formats = q35spec.formats()
    name, storage = name or formats["default"]["scheme"], storage or formats["default"]["storage"]
    rows = {row["id"]: row for row in formats["schemes"]}
    if name not in rows:
        raise InputError(f"unknown scheme {name!r}", None, f"choose {', '.join(rows)}")
    if storage not in formats["storages"]:
        raise InputError(f"unknown storage {storage!r}", None, f"choose {', '.join(formats['storages'])}")
    row = rows[name]
    if row["step"]["per"] == "block":
        block_size = block_size or formats["default"]["block_size"]
        if block_size not in formats["block_sizes"]:
            raise InputError(
                f"block size {block_size} is not supported",
                None,
                f"choose {', '.join(map(str, formats['block_sizes']))}",
            )
    elif block_size is not None:
        raise InputError(f"scheme {name} has no blocks, so it takes no block size")
    try:
        table = kernels().scheme_named(name).table
    except Q35Error as error:
        raise InputError(error.what, error.where, error.fix) from None
    return Scheme(str(name), block_size, str(storage), row, table)
