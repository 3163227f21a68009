"""What the benchmarks share: when a contender is refused, and how its numbers and version are written."""

from __future__ import annotations

import importlib.metadata
import math
from typing import Any, Protocol

from q35.bench.contenders import Contender
from q35.bench.process import NotMeasured

TOLERATED, WORST_TOLERATED = 1.25, 8.0
"""An output's error may exceed the weights' own so far, all together and the worst one, plus what follows."""

ROUNDING = 0.02
"""What activations of 8 bits (0.7 %) or bfloat16 add at most to the relative error of outputs."""

METHOD = {"weight_rmse_times": TOLERATED, "worst_times": WORST_TOLERATED, "plus": ROUNDING}
"""The same as a document says it."""


class Tell(Protocol):
    """Called with what is being done, and how many of the turns are over."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


def refuse_wrong(found: dict[str, Any], weight_rmse: float) -> None:
    """Raises `NotMeasured` when outputs are further from the exact ones than the weights' errors explain."""
    if not math.isfinite(found["worst"]):
        raise NotMeasured("refused: its result has values that are not finite")
    limit = TOLERATED * weight_rmse + ROUNDING
    if found["output_rmse"] > limit:
        raise NotMeasured(
            f"refused: its result has a relative error of {found['output_rmse']:.3g}, its weights of {weight_rmse:.3g}"
        )
    if found["worst"] > WORST_TOLERATED * limit:
        raise NotMeasured(f"refused: one output is {found['worst']:.3g} of the exact root mean square away")


def description(contender: Contender, details: dict[str, str]) -> dict[str, Any]:
    """A contender, its version, and what it told of itself."""
    return {
        "name": contender.name,
        "title": contender.title,
        "ours": contender.ours,
        "distribution": contender.distribution,
        "version": version(contender.distribution),
        "details": details,
    }


def digits(value: float) -> float:
    """As many digits as a measurement deserves."""
    return float(f"{value:.5g}")


def version(distribution: str) -> str | None:
    """Of an installed package; None without it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
