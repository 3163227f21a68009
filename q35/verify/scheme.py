"""What the verifier knows of a scheme, from the spec's data files alone."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35.errors import CheckFailed
from q35.verify.exact import Floats, PairRule, SlotRule

# The theorem behind each scheme's error bound.
THEOREMS = {
    "row-absmax": "Q35.slotError_le",
    "row-affine": "Q35.affineError_le",
    "block": "Q35.block_error_le",
    "codebook": "Q35.codebook_error_le",
}
REGION = "hull"  # the region of `cover.json` within which the covering radius is promised
FIRST, LAST = np.array([-8, -4]), np.array([7, 3])  # the integers of the hi and the lo slot


@dataclass(frozen=True)
class Scheme:
    """A scheme with its parameters; `table` is `[128, 2]` in code order, `per` is what shares a step."""

    id: str
    per: str
    block_size: int | None
    storage: str
    scale: NDArray[np.int64]
    table: NDArray[np.int64]
    pair_rule: PairRule | None
    theorem: str

    def blocks(self, cols: int) -> int:
        """Steps of a row."""
        return -(-cols // self.block_size) if self.block_size else 1

    def spread(self, steps: Floats, pairs: int) -> Floats:
        """The steps laid out so that they broadcast to `[rows, pairs, 2]`."""

        def lay(values: NDArray[np.int64]) -> NDArray[np.int64]:
            if self.per == "column":
                return np.pad(values, (0, 2 * pairs - len(values))).reshape(pairs, 2)
            if self.block_size is None:
                return values[..., None]
            return np.repeat(values, self.block_size // 2, axis=1)[:, :pairs, None]

        return Floats(lay(steps.mantissa), lay(steps.exponent))

    def reconstruct(
        self, codes: NDArray[np.uint8], zero_points: NDArray[np.int8] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], SlotRule | PairRule]:
        """The slots' integers and the table's entries `[rows, pairs, 2]` of `codes`, and the rule that they obey."""
        slots = SLOTS[codes]
        if self.pair_rule:
            return slots, self.table[codes], self.pair_rule
        zero: NDArray[np.int64] = np.zeros(2, np.int64)
        if zero_points is not None:
            zero = np.pad(zero_points.astype(np.int64), (0, len(zero_points) % 2)).reshape(-1, 2)
        rule = SlotRule(
            2 * (FIRST * self.scale - zero) - self.scale,
            2 * (LAST * self.scale - zero) + self.scale,
            self.scale,
            FIRST,
            LAST,
        )
        return slots, slots * self.scale - zero, rule

    def max_safe_k(self, zero_points: NDArray[np.int8] | None) -> int:
        """The largest K for which no sum of at most K products with int8 values leaves int32, hi slot first."""
        pairs = self.table
        if zero_points is not None:
            hi, lo = (np.append(zero_points[slot::2].astype(int), 0) for slot in (0, 1))
            hi_ends, lo_ends = (FIRST[0] - hi.max(), LAST[0] - hi.min()), (FIRST[1] - lo.max(), LAST[1] - lo.min())
            pairs = np.array([(a, b) for a in hi_ends for b in lo_ends])
        up = np.maximum(127 * pairs, -128 * pairs)
        down = np.maximum(-127 * pairs, 128 * pairs)
        return min(_longest(up, 2**31 - 1), _longest(down, 2**31))


def _longest(growth: NDArray[np.int64], limit: int) -> int:
    """How many weights fit when each pair of them can add at most one row of `growth` to a sum of at most `limit`."""
    pair, first = int(growth.sum(axis=1).max()), int(growth[:, 0].max())
    return 2 * (limit // pair) + (limit % pair >= first)


def _slots() -> NDArray[np.int64]:
    """All codes read as two's complement: bits 6..3 and bits 2..0."""
    code = np.arange(128)
    high, low = code >> 3, code & 7
    return np.stack([high - 16 * (high > 7), low - 8 * (low > 3)], axis=1)


SLOTS = _slots()


def _hull(table: NDArray[np.int64]) -> tuple[tuple[int, int, int], ...]:
    """The sides (a, b, c), a x + b y <= c, of the convex hull: the lines through two entries with none beyond them."""
    sides = []
    for x, y in table.tolist():
        lines = np.column_stack([table[:, 1] - y, x - table[:, 0]])
        edges = lines @ np.array([x, y])
        bounding = (lines @ table.T <= edges[:, None]).all(axis=1) & lines.any(axis=1)
        sides += [(a, b, c) for (a, b), c in zip(lines[bounding].tolist(), edges[bounding].tolist(), strict=True)]
    return tuple(sides)


def load_scheme(stated: Mapping[str, Any]) -> Scheme:
    """The scheme that a certificate's `format` section states; `CheckFailed` when it is not the spec's."""
    folder = importlib.resources.files("q35spec")
    raw = folder.joinpath("formats.json").read_bytes()
    formats = json.loads(raw)
    if stated["formats_sha256"] != hashlib.sha256(raw).hexdigest():
        raise CheckFailed("it was made with another formats.json than this version has", "certificate, format")
    row = next(row for row in formats["schemes"] if row["id"] == stated["scheme"])
    per = row["step"]["per"]
    if (per == "block") != (stated["block_size"] is not None):
        raise CheckFailed(
            f"block size {stated['block_size']} does not go with scheme {row['id']}", "certificate, format"
        )
    rule = None
    if row["table"]["kind"] == "learned":
        book = json.loads(folder.joinpath(row["table"]["file"]).read_text())
        table, scale = np.array(book["entries"], np.int64), np.ones(2, np.int64)
        regions = json.loads(folder.joinpath("cover.json").read_text())["regions"]
        radius = next(Fraction(region["covering_radius"]) for region in regions if region["name"] == REGION)
        rule = PairRule(_hull(table), radius)
    else:
        scale = np.array([row["table"]["hi_scale"], row["table"]["lo_scale"]], np.int64)
        table = SLOTS * scale
    digest = hashlib.sha256(table.astype(np.int8).tobytes()).hexdigest()
    if stated["table_sha256"] != digest or row["table"].get("sha256", digest) != digest:
        raise CheckFailed(f"the table of {row['id']} has sha256 {digest}, not the stated one", "certificate, format")
    return Scheme(row["id"], per, stated["block_size"], stated["storage"], scale, table, rule, THEOREMS[row["id"]])
