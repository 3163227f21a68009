"""The MX kernels behind NumPy arrays, and what the tests of several of them share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.formats import ELEMENTS
from conformance.gpu import subjects
from conformance.subjects import reference

FORMATS = tuple(name for name in ELEMENTS if name != "int8")
"""The elements that have GPU kernels."""
TYPES = ("float16",) if subjects.DEVICE == "cpu" else ("float16", "bfloat16")
"""The types of operands whose products are judged here: those of bfloat16 are wrong in the interpreter itself."""
POLICY = ("scale_rule", "scale_overflow", "zero_block_scale", "zero_sign")

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def claim(truth: str = "reference-vectorized", level: str = "sampled", **more: Any) -> dict[str, Any]:
    """What is said about a comparison."""
    return {"subject": subjects.subject(), "truth": truth, "level": level} | more


def policy(choices: tuple[str, ...]) -> Any:
    """The policy of the kernels for (rule, overflow, zero scale, zero sign)."""
    return subjects.module("mx_format").MxPolicy(**dict(zip(POLICY, choices, strict=True)))


def typed(values: Any, dtype: str) -> Any:
    """A tensor as an array; bfloat16 as its bits, int16."""
    import torch

    values = values.cpu()
    return values.view(torch.int16).numpy() if dtype == "bfloat16" else values.numpy()


def narrowed(values: Floats, dtype: str) -> Any:
    """float32 numbers rounded to a type on the CPU, as `typed` gives them."""
    import torch

    return typed(torch.from_numpy(np.ascontiguousarray(values)).to(getattr(torch, dtype)), dtype)


def quantize(values: Any, element: str, choices: tuple[str, ...] = (), dtype: str = "float32") -> Bytes:
    """Rows of numbers (bfloat16 as int16 bits) as the kernel stores them: uint8 `[rows, bytes of a row]`."""
    import torch

    x = subjects.tensor(values)
    x = x.view(torch.bfloat16) if dtype == "bfloat16" else x
    found = subjects.module("mx_quantize").mx_quantize(x, element, policy(choices) if choices else None)
    data: Bytes = found.cpu().numpy()
    return data


def dequantize(data: Bytes, element: str, cols: int, dtype: str = "float32") -> Any:
    """Stored rows as numbers `[rows, cols]`; see `typed`."""
    import torch

    kernel = subjects.module("mx_dequantize").mx_dequantize
    return typed(kernel(subjects.tensor(data), element, cols, getattr(torch, dtype)), dtype)


def stored(values: Floats, element: str, choices: tuple[str, ...] = ()) -> Bytes:
    """What the reference stores of rows of float32 numbers: uint8 `[rows, bytes of a row]`."""
    arrays, mx = reference("mx_vectorized"), reference("mx")
    rule = mx.MxPolicy(*choices, "unused") if choices else mx.standard
    kind = mx.element(element)
    return pack_rows(arrays.quantize(arrays.blocks_of(values), kind, rule), element, len(values))


def pack_rows(blocks: Any, element: str, rows: int) -> Bytes:
    """Blocks as the reference stores them, in rows."""
    data: Bytes = reference("mx_vectorized").pack(blocks, reference("mx").element(element))
    return data.reshape(rows, -1)


def blocks_of(data: Bytes, element: str) -> Any:
    """The reference's blocks of stored rows."""
    kind = reference("mx").element(element)
    return reference("mx_vectorized").unpack(data.reshape(-1, reference("mx").mx_block_bits(kind) // 8), kind)


def read_back(data: Bytes, element: str, cols: int) -> Floats:
    """Stored rows as float32 numbers `[rows, cols]` by the reference."""
    kind = reference("mx").element(element)
    values: Floats = reference("mx_vectorized").dequantize(blocks_of(data, element), kind)
    return np.ascontiguousarray(values.reshape(len(data), -1)[:, :cols])


def one_nan(values: Any) -> Any:
    """The numbers with every NaN replaced by the same one: NaNs count as one value. int16 stands for bfloat16."""
    if values.dtype == np.int16:
        return np.where((values & 0x7FFF) > 0x7F80, np.int16(0x7FC0), values)
    return np.where(np.isnan(values), np.array(np.nan, values.dtype), values)


def all_elements(element: str) -> tuple[Any, Any]:
    """Every scale with every element: scales uint8 `[blocks]` and elements uint8 `[blocks, 32]`."""
    count = max(1 << reference("mx").element(element).width, 32)
    codes = np.resize(np.arange(1 << reference("mx").element(element).width, dtype=np.uint8), (256, count))
    return np.repeat(np.arange(256, dtype=np.uint8), count // 32), codes.reshape(-1, 32)
