"""Relative RMSE, ||W - W'|| / ||W||, of the Q35 schemes and of plain int8 and int4 on the same weights.

Run as `python -m q35ref.compare_schemes [MODEL.safetensors] [--json]`: N(0, 1) always, and the two-dimensional weights
of the model but its embeddings. Bits a weight include the steps; the plain formats have float16 steps too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from q35ref import exact, formats, vectorized
from q35ref.errors import InputError

Floats = NDArray[np.float32]

GAUSSIAN_SEED = 1
GAUSSIAN_SHAPE = (512, 4096)  # rows as long as those of a language model: row schemes depend on it
STORAGE = "stream"


@dataclass(frozen=True)
class Method:
    """A way to quantize a matrix: `apply` gives the weights that are read back and the bits that were stored."""

    name: str
    apply: Callable[[Floats], tuple[Floats, int]]


@dataclass(frozen=True)
class Measurement:
    """What one method costs and loses on one set of weights."""

    method: str
    data: str
    weights: int
    bits_per_weight: float
    relative_rmse: float


def plain_integers(bits: int, divisor: int, group: int | None) -> Callable[[Floats], tuple[Floats, int]]:
    """Integers of `bits` bits with a step of max |w| / divisor for each row, or for each `group` weights of a row."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def apply(weights: Floats) -> tuple[Floats, int]:
        rows, cols = weights.shape
        width = group or cols
        grouped = np.pad(weights, ((0, 0), (0, -cols % width))).reshape(rows, -1, width)
        step = (np.abs(grouped).max(axis=2, keepdims=True) / divisor).astype(np.float16).astype(np.float32)
        integers = np.rint(grouped / np.where(step == 0, 1, step)).clip(low, high)
        restored = (integers * step).reshape(rows, -1)[:, :cols]
        return restored.astype(np.float32), bits * weights.size + 16 * step.size

    return apply


RoundTrip = Callable[[Floats, str, int | None], Floats]
"""Weights, scheme and block size to the weights that are read back."""


def reference_round_trip(weights: Floats, scheme: str, block_size: int | None) -> Floats:
    """Quantize and dequantize with the NumPy reference."""
    return vectorized.dequantize(vectorized.quantize(weights, scheme, block_size))


def q35(scheme: str, block_size: int | None, round_trip: RoundTrip) -> Callable[[Floats], tuple[Floats, int]]:
    """A Q35 scheme, stored as a stream."""

    def apply(weights: Floats) -> tuple[Floats, int]:
        restored = round_trip(weights, scheme, block_size)
        return restored, 8 * exact.stored_bytes(formats.scheme(scheme), block_size, STORAGE, *weights.shape)

    return apply


def methods(round_trip: RoundTrip = reference_round_trip) -> list[Method]:
    """Every row of the comparison: the plain formats, then each scheme by `round_trip`, with blocks in every size."""
    plain = [
        Method("int8, row absmax/127", plain_integers(8, 127, None)),
        Method("int4, row absmax/7", plain_integers(4, 7, None)),
        Method("int4, blocks of 32, absmax/8", plain_integers(4, 8, 32)),
    ]
    ours = []
    for scheme in formats.SCHEMES.values():
        published = " (published)" if scheme.published else ""
        for size in formats.BLOCK_SIZES if scheme.has_blocks else (None,):
            name = f"Q35 {scheme.id}{published}" if size is None else f"Q35 {scheme.id} {size}"
            ours.append(Method(name, q35(scheme.id, size, round_trip)))
    return plain + ours


def measure(method: Method, data: str, tensors: Iterable[Floats]) -> Measurement:
    """Quantizes every tensor by `method` and adds up errors and bits."""
    weights, stored = 0, 0
    error, power = 0.0, 0.0
    for tensor in tensors:
        restored, bits = method.apply(tensor)
        error += float(np.square(tensor.astype(np.float64) - restored).sum())
        power += float(np.square(tensor.astype(np.float64)).sum())
        weights, stored = weights + tensor.size, stored + bits
    if not power:
        raise InputError(f"{data} has no linear weights other than zero")
    return Measurement(method.name, data, weights, float(Fraction(stored, weights)), float(np.sqrt(error / power)))


def linear_weights(path: Path) -> Iterator[Floats]:
    """The two-dimensional float weights of a safetensors file whose names lack `embed`, one by one, as float32.

    Raises `InputError` where the file is not a readable safetensors file.
    """
    try:
        yield from _matrices(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as a safetensors file: {error}") from error


def _matrices(path: Path) -> Iterator[Floats]:
    data = np.memmap(path, np.uint8, "r")
    header_end = 8 + int.from_bytes(data[:8].tobytes(), "little")
    header: dict[str, dict[str, Any]] = json.loads(data[8:header_end].tobytes())
    for name, entry in header.items():
        if name == "__metadata__" or len(entry["shape"]) != 2 or "embed" in name:
            continue
        start, stop = (header_end + offset for offset in entry["data_offsets"])
        raw = data[start:stop].tobytes()
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        elif entry["dtype"] in ("F32", "F16"):
            values = np.frombuffer(raw, "<f4" if entry["dtype"] == "F32" else "<f2").astype(np.float32)
        else:
            continue
        yield values.reshape(entry["shape"])


def table(measurements: list[Measurement]) -> str:
    """The measurements as text: one row a method, bits a weight and relative RMSE for each set of weights."""
    names = list(dict.fromkeys(m.data for m in measurements))
    lines = [f"{'':34}" + "".join(f"{name:>26}" for name in names)]
    lines.append(f"{'':34}" + f"{'bits/weight':>15}{'RMSE':>11}" * len(names))
    for method in dict.fromkeys(m.method for m in measurements):
        row = [m for m in measurements if m.method == method]
        lines.append(f"{method:34}" + "".join(f"{m.bits_per_weight:15.3f}{m.relative_rmse:11.2%}" for m in row))
    return "\n".join(lines)


def main() -> int:
    """Prints the comparison; exit code 1 and one line on a wrong input."""
    parser = argparse.ArgumentParser(prog="python -m q35ref.compare_schemes", description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", type=Path, help="a safetensors file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    gaussian = np.random.default_rng(GAUSSIAN_SEED).standard_normal(GAUSSIAN_SHAPE).astype(np.float32)
    data: dict[str, Callable[[], Iterable[Floats]]] = {"N(0,1)": lambda: [gaussian]}
    if options.model:
        data = {options.model.name: lambda: linear_weights(options.model), **data}
    measurements = []
    try:
        for method in methods():
            print(f"{method.name} ...", file=sys.stderr)
            measurements += [measure(method, name, tensors()) for name, tensors in data.items()]
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps([asdict(m) for m in measurements], indent=1) if options.json else table(measurements))
    return 0


if __name__ == "__main__":
    sys.exit(main())
