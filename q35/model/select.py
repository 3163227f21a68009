"""Which tensors of a model are quantized."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from q35.errors import InputError
from q35.model.safetensors_io import FLOAT_DTYPES, Model, TensorInfo

DEFAULT_INCLUDE = ("*weight",)
# Embeddings are looked up, not multiplied, and norms are few and sensitive; both by their usual names, in lower case.
DEFAULT_EXCLUDE = ("*embed*", "*norm*", "*wte.weight", "*wpe.weight")
PARTS = ("codes", "steps", "zero_points")


def select(model: Model, include: Sequence[str], exclude: Sequence[str]) -> list[TensorInfo]:
    """The tensors to quantize, in the model's order: float tensors whose name matches `include` and not `exclude`.

    Without `include` these are the weights of two and more dimensions, embeddings and norms excepted. Patterns are
    those of a shell. Raises `InputError` when a pattern matches nothing that it could act on, or nothing is left.
    """
    able = [info for info in model.tensors.values() if info.dtype in FLOAT_DTYPES and info.shape and info.elements]
    for pattern in (*include, *exclude):
        if not any(fnmatchcase(info.name, pattern) for info in able):
            raise InputError(
                f"no float tensor's name matches {pattern!r}", str(model.source), "`q35 inspect` lists the names"
            )
    chosen = (
        [info for info in able if _matches(info.name, include) and not _matches(info.name, exclude)]
        if include
        else [
            info
            for info in able
            if len(info.shape) > 1
            and _matches(info.name, DEFAULT_INCLUDE)
            and not _matches(info.name, exclude)
            and not _matches(info.name.lower(), DEFAULT_EXCLUDE)
        ]
    )
    if not chosen:
        raise InputError("no tensor to quantize", str(model.source), "choose some with --include")
    for info in chosen:
        for part in PARTS:
            if f"{info.name}.{part}" in model.tensors:
                raise InputError(
                    f"tensor {info.name!r} cannot be quantized: {info.name}.{part} exists", str(model.source)
                )
    return chosen


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def matrix_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns that a tensor is quantized as: `[shape[0], rest]`, one row for a vector."""
    if len(shape) == 1:
        return 1, shape[0]
    cols = 1
    for size in shape[1:]:
        cols *= size
    return shape[0], cols
