"""Layers of quantized models as PyTorch modules; torch must be installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from q35.errors import InputError
from q35.model.packed import PackedModel
from q35.model.safetensors_io import Model
from q35kernels.tiled import Width
from q35kernels.torch_ops import Q35Linear


def linear_from_file(source: Path, name: str, *, width: Width = "stream") -> Q35Linear:
    """The linear layer `name` of the quantized model `source`: NAME.weight, and NAME.bias where the file has one.

    The bias is kept as float32, exactly. Raises `InputError` for a file that is not a quantized model, a layer that it
    does not have quantized as a matrix, or a scheme without blocks.
    """
    with Model(source) as model:
        packed = PackedModel(model)
        item = packed.originals.get(f"{name}.weight")
        if item is None or len(item.shape) != 2:
            raise InputError(
                f"no matrix {name + '.weight'!r} is quantized here", str(source), "`q35 inspect` lists the names"
            )
        if packed.scheme.block_size is None:
            raise InputError(f"scheme {packed.scheme.id} has no blocks, and products no kernel for it", str(source))
        rows, cols = item.shape
        part = packed.part(item, 0, rows)
        return Q35Linear.from_quantized(
            np.array(part.codes),  # copies, since the file is closed
            np.array(part.steps),
            in_features=cols,
            bias=_bias(packed, f"{name}.bias", rows),
            scheme=packed.scheme.id,
            block_size=packed.scheme.block_size,
            width=width,
        )


def _bias(packed: PackedModel, name: str, rows: int) -> NDArray[np.float32] | None:
    if name in packed.originals:
        raise InputError(f"the bias {name!r} is quantized", str(packed.model.source), "leave biases as they are")
    info = packed.copied.get(name)
    if info is None:
        return None
    if info.shape != (rows,):
        raise InputError(f"the bias {name!r} has shape {list(info.shape)}, not [{rows}]", str(packed.model.source))
    return np.array(next(packed.model.float_rows(name, rows, 1))[1][0])
