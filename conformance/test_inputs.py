"""What comes in: not numbers, empty rows, views that are not contiguous, memory that is not aligned."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from conformance import inputs
from conformance.formats import scheme
from conformance.ledger import Ledger
from conformance.subjects import ArraySubject, Kernel

SCHEMES = ("row-absmax", "row-affine", "block", "codebook")
NOT_NUMBERS = (np.nan, np.inf, -np.inf)


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=str)
@pytest.mark.parametrize("name", SCHEMES)
def test_not_a_number_is_refused_with_its_index(
    name: str, value: float, array_subject: ArraySubject, compared: Ledger
) -> None:
    for at in ((0, 0), (0, 63), (1, 64), (2, 156)):
        weights = inputs.make("gaussian", (3, 157), 1)
        weights[at] = weights[2, 156] = value
        claim: dict[str, Any] = {"subject": array_subject.name, "truth": "expected-outcome", "level": "sampled"}
        call = partial(array_subject.quantize, weights, name, 64)
        refusal = compared.refused(call, array_subject.errors, **claim)
        compared.equal(getattr(refusal, "index", None), at, **claim)


def test_not_a_number_is_refused_with_the_name_of_its_tensor(compared: Ledger) -> None:
    """The reference takes the tensor's name; kernels know only the index, and their caller adds the name."""
    from q35ref import errors, vectorized

    weights = np.array([[1, np.nan]], np.float32)
    compared.refused(
        partial(vectorized.quantize, weights, "codebook", 64, "layer.7.weight"),
        errors.InputError,
        mentions=["layer.7.weight", "[0, 1]", "nan"],
        subject="reference-vectorized", truth="expected-outcome", level="sampled",
    )  # fmt: skip


def unaligned(array: NDArray[Any]) -> NDArray[Any]:
    """The same values one byte off their natural alignment."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    assert array.dtype.itemsize == 1 or not view.flags.aligned
    return view


def every_other(array: NDArray[Any]) -> NDArray[Any]:
    """The same values as every second column of an array twice as wide, whose other columns are garbage."""
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), 99, array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


LAYOUTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "unaligned": unaligned,
    "every other column": every_other,
    "column major": np.asfortranarray,
    "reversed": lambda array: np.ascontiguousarray(array[..., ::-1])[..., ::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["block", "codebook"])
def test_memory_layout_does_not_matter(name: str, layout: str, array_subject: ArraySubject, compared: Ledger) -> None:
    """Every function on a view gives what it gives on a plain array."""
    change = LAYOUTS[layout]
    weights = inputs.make("gaussian", (5, 157), 2)
    table = scheme(name).array()
    claim: dict[str, Any] = {"subject": array_subject.name, "truth": "expected-outcome", "level": "sampled"}
    codes, steps = array_subject.quantize(weights, name, 64)
    other_codes, other_steps = array_subject.quantize(change(weights), name, 64)
    compared.bits(other_codes, codes, **claim)
    compared.bits(other_steps, steps, **claim)
    compared.bits(
        array_subject.dequantize(change(codes), change(steps), name, 64, 157),
        array_subject.dequantize(codes, steps, name, 64, 157),
        **claim,
    )
    a = np.random.default_rng(4).integers(-128, 128, (3, 157)).astype(np.int8)
    compared.bits(
        array_subject.block_dots(change(a), change(codes), table, 64),
        array_subject.block_dots(a, codes, table, 64),
        **claim,
    )


@pytest.mark.parametrize("name", ["block", "codebook"])
def test_inputs_are_left_alone(name: str, array_subject: ArraySubject, compared: Ledger) -> None:
    weights = inputs.make("gaussian", (2, 65), 3)
    before = weights.copy()
    codes, steps = array_subject.quantize(weights, name, 32)
    kept = codes.copy()
    array_subject.dequantize(codes, steps, name, 32, 65)
    claim: dict[str, Any] = {"subject": array_subject.name, "truth": "expected-outcome", "level": "sampled"}
    compared.bits(weights, before, **claim)
    compared.bits(codes, kept, **claim)


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("name", SCHEMES)
def test_empty_tensors(name: str, shape: tuple[int, int], array_subject: ArraySubject, compared: Ledger) -> None:
    """No rows or no columns: empty codes of the right shape, which read back as an empty tensor of the right shape."""
    weights = np.zeros(shape, np.float32)
    rows, cols = shape
    claim: dict[str, Any] = {"subject": array_subject.name, "truth": "expected-outcome", "level": "sampled"}
    if name == "row-affine":
        codes, steps, zeros = array_subject.quantize_affine(weights)
        compared.equal((steps.shape, zeros.shape), ((cols,), (cols,)), **claim)
        back = array_subject.dequantize_affine(codes, steps, zeros)
    else:
        codes, steps = array_subject.quantize(weights, name, 64)
        blocks = 1 if name == "row-absmax" else -(-cols // 64)
        compared.equal(steps.shape, (rows, blocks), **claim)
        compared.equal(not steps.any(), True, **claim)
        if name == "row-absmax" and cols == 0:
            return  # a row without weights has a step all the same, and nothing to read back
        back = array_subject.dequantize(codes, steps, name, 64, cols)
    compared.equal((codes.shape, back.shape, back.dtype), ((rows, -(-cols // 2)), shape, np.float32), **claim)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", SCHEMES)
def test_narrow_floats_convert_exactly(name: str, dtype: str, compared: Ledger) -> None:
    """The vectorised reference takes float16 and bfloat16; kernels take float32 only and refuse them."""
    from q35ref import vectorized

    narrow = inputs.make("gaussian", (3, 157), 6).astype(np.float16 if dtype == "float16" else ml_dtypes.bfloat16)
    got, want = vectorized.quantize(narrow, name), vectorized.quantize(narrow.astype(np.float32), name)
    claim: dict[str, Any] = {"subject": "reference-vectorized", "truth": "expected-outcome", "level": "sampled"}
    compared.bits(got.codes, want.codes, **claim)
    compared.bits(got.steps, want.steps, **claim)


def test_kernels_refuse_other_element_types(kernel: Kernel, compared: Ledger) -> None:
    claim: dict[str, Any] = {"subject": kernel.name, "truth": "expected-outcome", "level": "sampled"}
    for dtype in (np.float16, np.float64, np.int32):
        call = partial(kernel.quantize, np.ones((2, 64), dtype), "block", 64)
        compared.refused(call, kernel.errors, mentions=[np.dtype(dtype).name], **claim)
