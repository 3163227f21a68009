"""float32 numbers one by one: to the nearest Microscaling (MX) element, as with the scale 1, or to a slot of Q35.

These are the conversions inside the quantizers, small enough that all 2^32 inputs are compared on a device.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

import q35spec
from q35.errors import InputError
from q35kernels.triton.launcher import aligned, check_devices
from q35kernels.triton.mx_decode import f32_to_bits
from q35kernels.triton.mx_encode import element_of_quotient, slot_of
from q35kernels.triton.mx_format import FORMATS, MxFormat
from q35kernels.triton.variant import Variant


@triton.jit(do_not_specialize=["count", "keep_sign"])
def convert_to_element_kernel(out, x, count, keep_sign, FORMAT: tl.constexpr, SIZE: tl.constexpr):
    """`out` uint8 `[count]`: the elements nearest to `x` float32 `[count]`; a program has SIZE."""
    at = SIZE * tl.program_id(0).to(tl.int64) + tl.arange(0, SIZE)
    bits = f32_to_bits(tl.load(x + at, at < count, 0))
    code = element_of_quotient(bits, 127, keep_sign, FORMAT)
    tl.store(out + at, tl.where(bits & 0x7FFFFFFF < 0x7F800000, code, 0).to(tl.uint8), at < count)


@triton.jit(do_not_specialize=["count"])
def convert_to_slot_kernel(out, x, count, LOW: tl.constexpr, HIGH: tl.constexpr, SIZE: tl.constexpr):
    """`out` int8 `[count]`: the integers of [LOW, HIGH] nearest to `x` float32 `[count]`; a program has SIZE."""
    at = SIZE * tl.program_id(0).to(tl.int64) + tl.arange(0, SIZE)
    bits = f32_to_bits(tl.load(x + at, at < count, 0))
    slot = slot_of(bits, LOW, HIGH)
    tl.store(out + at, tl.where(bits & 0x7FFFFFFF < 0x7F800000, slot, 0).to(tl.int8), at < count)


SIZE = 1024
"""Numbers that a program has."""
_WIDTHS = q35spec.formats()["code"]
SLOTS = {"hi": 1 << _WIDTHS["hi_bits"] - 1, "lo": 1 << _WIDTHS["lo_bits"] - 1}
"""The slots of a code: each has the integers from -n to n - 1."""


def _element(kind: MxFormat) -> Variant:
    signature = {"out": "*u8", "x": "*fp32", "count": "i32", "keep_sign": "i32"}
    return Variant(f"convert to {kind.id}", convert_to_element_kernel, signature, {"FORMAT": kind, "SIZE": SIZE})


def _slot(name: str, ends: int) -> Variant:
    signature = {"out": "*i8", "x": "*fp32", "count": "i32"}
    constants = {"LOW": -ends, "HIGH": ends - 1, "SIZE": SIZE}
    return Variant(f"convert to slot {name}", convert_to_slot_kernel, signature, constants)


_ELEMENTS = {name: _element(kind) for name, kind in FORMATS.items()}
_SLOTS = {name: _slot(name, ends) for name, ends in SLOTS.items()}
VARIANTS = (*_ELEMENTS.values(), *_SLOTS.values())


def convert(x: Tensor, target: str, *, keep_sign: bool = True) -> Tensor:
    """Each of `x` float32, of any shape, as the bits uint8 of the nearest element `target`, or as the integer int8 of
    the slot `target`, "hi" or "lo": ties to even, saturating.

    What is no number (NaN, infinity) becomes 0. `keep_sign`: a negative number that rounds to zero becomes -0 where the
    target has one; an input of -0 is the number 0. Raises `InputError` for another target or type.
    """
    if target not in _ELEMENTS | _SLOTS:
        raise InputError(f"no conversion to {target!r}", fix=f"choose one of {', '.join(_ELEMENTS | _SLOTS)}")
    if x.dtype != torch.float32:
        raise InputError(f"no conversion from {x.dtype}", fix="pass float32")
    check_devices(x)
    is_element = target in _ELEMENTS
    out = torch.empty(x.shape, dtype=torch.uint8 if is_element else torch.int8, device=x.device)
    if x.numel():
        grid = (-(-x.numel() // SIZE),)
        if is_element:
            _ELEMENTS[target].launch(grid, out, aligned(x), x.numel(), -int(keep_sign))
        else:
            _SLOTS[target].launch(grid, out, aligned(x), x.numel())
    return out
