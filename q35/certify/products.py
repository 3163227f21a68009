"""The stage that measures matrix products: the kernels' outputs on a model's own layers, against their proved bound."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from q35.certify.stages import Outcome
from q35.model.compare import evaluation_model
from q35.model.layers import layer_errors

LAYERS = 10


def measure(model: Path | None) -> Outcome:
    """Products of up to ten layers of `model` in the default format, on random and on adversarial activations."""
    source = model or evaluation_model()
    rows = layer_errors(source, LAYERS, None, None)
    layers = len({row.layer for row in rows})
    closest = max(row.largest_ratio for row in rows)
    outputs = sum(row.outputs for row in rows)
    return Outcome(
        f"{outputs:,} outputs of {layers} layers within their proved bound (closest: {100 * closest:.0f} % of it)",
        [
            f"{row.layer}: {row.beyond} of {row.outputs} outputs ({row.activations}) exceed their proved bound"
            for row in rows
            if row.beyond
        ],
        {
            "theorem": "Q35.matmulRow_error_le",
            "layers": layers,
            "rows": [{**asdict(row), "shape": list(row.shape)} for row in rows],
        },
    )
