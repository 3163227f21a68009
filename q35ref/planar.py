"""The planar layout: the Lean definitions of `proofs/Q35/Planar.lean`, under the same names, on integers.

First the upper slots of all codes as 4-bit patterns, two a byte; then the lower slots as 3-bit patterns, eight in three
bytes. Each plane begins at a byte and ends with zero bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from q35ref.bits import bit_size, pack_bits, unpack_bits
from q35ref.exact import pack_stream, unpack_stream


def planar_size(count: int) -> int:
    """Bytes of the planar layout of `count` codes: at most one more than of the stream (`planarSize_bounds`)."""
    return bit_size(4, count) + bit_size(3, count)


def hi_plane(codes: Sequence[int]) -> list[int]:
    """The 4-bit patterns of the upper slots."""
    return [code >> 3 for code in codes]


def lo_plane(codes: Sequence[int]) -> list[int]:
    """The 3-bit patterns of the lower slots."""
    return [code & 7 for code in codes]


def join_planes(uppers: Sequence[int], lowers: Sequence[int]) -> list[int]:
    """The codes of equally many upper and lower patterns (`joinPlanes_planes`)."""
    return [upper << 3 | lower for upper, lower in zip(uppers, lowers, strict=True)]


def pack_planar(codes: Sequence[int]) -> list[int]:
    """The bytes of the planar layout (`packPlanar_hi`, `packPlanar_lo` say where each slot lies)."""
    return pack_bits(4, hi_plane(codes)) + pack_bits(3, lo_plane(codes))


def unpack_planar(count: int, data: Sequence[int]) -> list[int] | None:
    """The `count` codes of a planar layout; None for a wrong length, a byte out of 0..255 or a non-zero tail.

    Reads back what `pack_planar` writes, and nothing else (`unpackPlanar_packPlanar`, `packPlanar_unpackPlanar`).
    """
    split = bit_size(4, count)
    uppers, lowers = unpack_bits(4, count, data[:split]), unpack_bits(3, count, data[split:])
    return None if uppers is None or lowers is None else join_planes(uppers, lowers)


def planar_of_stream(count: int, stream: Sequence[int]) -> list[int] | None:
    """The planar layout of the `count` codes of a stream; None where `unpack_stream` is."""
    codes = unpack_stream(count, stream)
    return None if codes is None else pack_planar(codes)


def stream_of_planar(count: int, planar: Sequence[int]) -> list[int] | None:
    """The stream of the `count` codes of a planar layout; None where `unpack_planar` is."""
    codes = unpack_planar(count, planar)
    return None if codes is None else pack_stream(codes)
