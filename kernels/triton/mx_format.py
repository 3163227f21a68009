"""The Microscaling (MX) element formats and policies as the kernels take them, from the rows of `spec/formats.json`."""

from __future__ import annotations

from dataclasses import dataclass

import q35spec
from q35.errors import InputError

_MX = q35spec.formats()["mx"]

BLOCK: int = _MX["block_size"]
"""Elements that share a scale."""


@dataclass(frozen=True)
class MxFormat:
    """An element format, a constant of kernels: a sign bit, then the exponent and the mantissa field.

    `width` bits; `largest`: the bits of the largest number, without a sign; `infinity`: those of infinity, -1 if there
    is none; above the largest number all else is NaN. `emax`: the exponent of the largest power of two.
    """

    id: str
    width: int
    mantissa_bits: int
    bias: int
    largest: int
    infinity: int
    emax: int

    @property
    def sign_bit(self) -> int:
        """The sign bit, as a number."""
        return 1 << self.width - 1

    @property
    def unit_exponent(self) -> int:
        """The smallest positive number is 2^-this."""
        return self.bias + self.mantissa_bits - 1

    @property
    def block_bytes(self) -> int:
        """Bytes of a block: its scale and its elements."""
        return 1 + BLOCK * self.width // 8


def _format(name: str, width: int, emax: int) -> MxFormat:
    row = q35spec.float_format(name)
    mantissa_bits, specials = row["mantissa_bits"], row["specials"]
    taken = {"none": 0, "nan": 1, "ieee": 1 << mantissa_bits}[specials]
    largest = (1 << width - 1) - 1 - taken
    return MxFormat(name, width, mantissa_bits, row["bias"], largest, largest + 1 if specials == "ieee" else -1, emax)


FORMATS = {row["id"]: _format(row["id"], row["width"], row["emax"]) for row in _MX["elements"] if row["id"] != "int8"}
"""The formats with GPU kernels by id: all of the standard's but MXINT8."""


def format_named(name: str) -> MxFormat:
    """The format of that id; raises `InputError` for one without a kernel."""
    if name not in FORMATS:
        raise InputError(f"no kernel for elements {name!r}", fix=f"choose one of {', '.join(FORMATS)}")
    return FORMATS[name]


def row_bytes(kind: MxFormat, cols: int) -> int:
    """Bytes of a row of `cols` values, whole blocks."""
    return -(-cols // BLOCK) * kind.block_bytes


@dataclass(frozen=True)
class MxPolicy:
    """What the standard leaves to a quantizer: choices of the parameters of `spec/formats.json` of these names."""

    scale_rule: str = _MX["parameters"]["scale_rule"]["default"]
    scale_overflow: str = _MX["parameters"]["scale_overflow"]["default"]
    zero_block_scale: str = _MX["parameters"]["zero_block_scale"]["default"]
    zero_sign: str = _MX["parameters"]["zero_sign"]["default"]

    def __post_init__(self) -> None:
        """Raises `InputError` for a choice that the parameter does not have."""
        for name, choice in vars(self).items():
            choices = _MX["parameters"][name]["choices"]
            if choice not in choices:
                raise InputError(f"unknown {name} {choice!r}", fix=f"choose one of {', '.join(choices)}")

    def numbers(self, kind: MxFormat) -> tuple[int, int, int, int]:
        """The policy as run-time numbers of the kernels.

        The last 24-bit significand of a block's largest value that does not step to the next scale; the scale beyond
        the largest one; the scale of a block of zeros; all ones where a negative number that becomes zero is -0.
        """
        one, mantissa_bits = 1 << 23, kind.mantissa_bits
        last = {
            "floor": 2 * one - 1,
            "ceil": one,
            "rceil": (kind.largest & (1 << mantissa_bits) - 1 | 1 << mantissa_bits) << 23 - mantissa_bits,
            "even": 2 * one - (one >> mantissa_bits + 1) - 1,
        }
        beyond, of_zeros = {"clamp": 254, "nan": 255}, {"smallest": 0, "one": 127}
        return (
            last[self.scale_rule],
            beyond[self.scale_overflow],
            of_zeros[self.zero_block_scale],
            -int(self.zero_sign == "kept"),
        )
