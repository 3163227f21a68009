"""Streams of codes of any width: the Lean definitions of `proofs/Q35/Bits.lean`, under the same names, on integers."""

from __future__ import annotations

from collections.abc import Sequence


def bit_size(width: int, count: int) -> int:
    """Bytes of a stream of `count` codes of `width` bits: ceil(width * count / 8) (`bitSize_bounds`)."""
    return (width * count + 7) // 8


def pack_bits(width: int, codes: Sequence[int]) -> list[int]:
    """The stream's bytes: bit j of code i is bit k = width * i + j, in byte k div 8 (`packBits_bit`); the tail is zero.

    Codes are numbers of `width` bits.
    """
    whole = sum(code << width * i for i, code in enumerate(codes))
    return list(whole.to_bytes(bit_size(width, len(codes)), "little"))


def unpack_bits(width: int, count: int, data: Sequence[int]) -> list[int] | None:
    """The `count` codes of a stream; None for a wrong length, a byte out of 0..255 or a non-zero tail.

    Reads back what `pack_bits` writes, and nothing else (`unpackBits_packBits`, `packBits_unpackBits`).
    """
    if len(data) != bit_size(width, count) or not all(0 <= byte < 256 for byte in data):
        return None
    whole = int.from_bytes(bytes(data), "little")
    if whole >> width * count:
        return None
    return [whole >> width * i & ((1 << width) - 1) for i in range(count)]
