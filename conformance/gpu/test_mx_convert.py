"""float32 to MX elements and to slots of Q35 in Triton, one number after the other: every boundary here, all 2^32
numbers on a device.

A conversion is monotone, so a table of the numbers at which the result changes says all of it. The table comes from the
exact definitions by bisection; it knows nothing of exponents, significands or shifts.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import truth
from conformance.gpu import subjects
from conformance.gpu.mx import FORMATS, claim
from conformance.gpu.subjects import covers
from conformance.ledger import Ledger
from conformance.subjects import reference

SLOTS = {"hi": (-8, 7), "lo": (-4, 3)}
TARGETS = (*FORMATS, *SLOTS)
INFINITY = 0x7F800000
CHUNK = 1 << 26


def exact(target: str, size: int, negative: bool) -> int:
    """What a finite float32 of these size bits becomes: bits without sign of an element, or the size of an integer."""
    x = Fraction(float(np.uint32(size).view(np.float32)))
    if target in FORMATS:
        return int(reference("mx").element(target).format.size_bits(x))
    low, high = SLOTS[target]
    return abs(truth.quantize_slot(low, high, -x.numerator if negative else x.numerator, x.denominator))


@cache
def changes(target: str, negative: bool) -> NDArray[np.int64]:
    """Entry r: the smallest size bits of a float32 whose result is larger than r."""
    found, start = [], 0
    for result in range(exact(target, INFINITY - 1, negative)):
        low, high = start, INFINITY - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if exact(target, middle, negative) > result else (middle + 1, high)
        found.append(low)
        start = low
    return np.array(found, np.int64)


def by_table(target: str, bits: Any, keep_sign: bool) -> Any:
    """What bits int64 (a tensor) of float32 numbers become, from the table alone; 0 for what is no number."""
    import torch

    negative, size = bits >> 31 == 1, bits & 0x7FFFFFFF
    above, below = (
        torch.bucketize(size, torch.from_numpy(changes(target, sign)).to(bits.device), right=True)
        for sign in (False, True)
    )
    if target in FORMATS:
        signed = negative & ((below > 0) | ((size > 0) & keep_sign))
        result = torch.where(signed, below + reference("mx").element(target).format.sign_bit, above)
    else:
        result = torch.where(negative, -below, above)
    return torch.where(size < INFINITY, result, 0).to(torch.uint8 if target in FORMATS else torch.int8)


def convert(bits: Any, target: str, keep_sign: bool) -> Any:
    """The kernel's results for bits int64, as a tensor."""
    import torch

    x = bits.to(torch.int32).view(torch.float32)
    return subjects.module("convert").convert(x, target, keep_sign=keep_sign)


def boundaries(target: str) -> NDArray[np.int64]:
    """Every change and its neighbours, every exponent with the ends and the middle of its fractions; both signs."""
    near = np.concatenate([changes(target, sign) for sign in (False, True)])
    ends = np.array([0, 1, 0x3FFFFF, 0x400000, 0x400001, 0x7FFFFE, 0x7FFFFF])
    exponents = np.add.outer(np.arange(256) << 23, ends).ravel()
    sizes = np.unique(np.concatenate([*(near + d for d in range(-2, 3)), exponents]))
    sizes = np.concatenate([sizes, np.random.default_rng(35).integers(0, 1 << 31, 2000)])
    return np.concatenate([sizes, sizes + (1 << 31)])


@covers("convert", values=True)
@pytest.mark.parametrize("target", TARGETS)
def test_every_boundary(target: str, compared: Ledger) -> None:
    """By the exact definitions one by one, and by the table, which is judged with it."""
    import torch

    bits = boundaries(target)
    for keep_sign in (True, False) if target in FORMATS else (True,):
        want = []
        for number in bits.tolist():
            size, negative = number & 0x7FFFFFFF, number >> 31 == 1
            result = exact(target, size, negative) if size < INFINITY else 0
            if negative and target in FORMATS:
                signed = size < INFINITY and (result > 0 or (size > 0 and keep_sign))
                result += reference("mx").element(target).format.sign_bit if signed else 0
            want.append(-result if negative and target in SLOTS else result)
        got = convert(subjects.tensor(bits), target, keep_sign)
        compared.equal(got.tolist(), want, **claim("exact-rational"))
        table = by_table(target, torch.from_numpy(bits), keep_sign)
        compared.equal(table.tolist(), want, **claim("exact-rational") | {"subject": "framework"})


@pytest.mark.layer("f", "convert")
@pytest.mark.parametrize("target", TARGETS)
def test_all_numbers(target: str, compared: Ledger) -> None:
    """All 2^32 bit patterns of float32, NaN payloads included, on the device."""
    if subjects.DEVICE == "cpu":
        pytest.skip("no device: 2^32 numbers take hours in the interpreter; run with --q35-device cuda on a GPU")
    import torch

    for start in range(0, 1 << 32, CHUNK):
        bits = torch.arange(start, start + CHUNK, dtype=torch.int64, device=subjects.DEVICE)
        got, want = convert(bits, target, True), by_table(target, bits, True)
        if not torch.equal(got, want):
            at = int((got != want).nonzero()[0])
            raise AssertionError(f"bits {start + at:#010x} became {int(got[at])} instead of {int(want[at])}")
    compared.count(1 << 32, **claim("exact-rational", "exhaustive", domain=1 << 32))


@covers("convert", values=True)
def test_wrong_tensors_are_refused(compared: Ledger) -> None:
    from q35.errors import InputError

    kernel, x = subjects.module("convert").convert, subjects.tensor(np.ones((2, 3), np.float32))
    assert kernel(x, "hi").tolist() == [[1] * 3] * 2
    assert kernel(x[:0], "e2m1").shape == (0, 3)
    for call, word in ((partial(kernel, x, "mid"), "'mid'"), (partial(kernel, x.double(), "hi"), "float64")):
        compared.refused(call, InputError, [word], **claim("expected-outcome"))
