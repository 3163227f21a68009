"""Calls every C++ kernel on arrays that end where memory ends: `python -m conformance.gpu.hip_calls LIBRARY [ROOT]`.

An access past the end kills the process. Under the address sanitizer, the arrays that the library makes itself are
watched too. Prints how many calls were made.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from conformance.formats import scheme
from conformance.guarded import guarded
from conformance.roots import judge_packages_in

SHAPES = [
    *((1, 1, 1, 32), (1, 33, 67, 64), (1, 5, 2081, 32), (2, 1, 3, 32), (3, 33, 66, 64), (65, 65, 31, 96)),
    *((2, 64, 256, 256), (1, 64, 256, 256)),
]
"""M, N, K and block size."""


def calls(file: Path) -> Iterator[object]:
    from q35kernels import TiledWeights, tile_weights
    from q35kernels.hip import Library

    library, random = Library(file), np.random.default_rng(35)

    def octets(limit: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return guarded(random.integers(0, limit, shape).astype(np.uint8))

    for count in (1, 31, 256, 257):
        yield library.decode(octets(128, count))
        yield library.decode_mx("e4m3", octets(256, count), octets(256, -(-count // 32)))
    for m, n, k, size in SHAPES:
        steps = np.full((n, -(-k // size)), 0.25, np.float16)
        made = tile_weights(octets(128, n, -(-k // 2)), steps, scheme("codebook").array(), size, k)
        tiled: TiledWeights = dataclasses.replace(made, data=guarded(made.data), table=guarded(made.table))
        yield library.dequantize(tiled, out=guarded(np.empty((n, k), np.float32)))
        yield library.dequantize(tiled, np.float16, out=guarded(np.empty((n, k), np.float16)))
        a, scales = octets(256, m, k).view(np.int8), guarded(np.ones(m, np.float32))
        yield library.linear_int8(a, scales, tiled, out=guarded(np.empty((m, n), np.float32)))


def main() -> None:
    library, *root = sys.argv[1:]
    if root:
        judge_packages_in(Path(root[0]).resolve())
    print(sum(1 for _ in calls(Path(library))))


if __name__ == "__main__":
    main()
