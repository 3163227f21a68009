"""Learns the 128 int8 pairs of the `codebook` scheme: weighted k-means on pairs of block-normalised synthetic weights.

Run as `python -m q35ref.learn_codebook`; it rewrites `spec/codebook.json`. No model's weights are used. In each round
every block chooses its step among the scheme's own candidates under the present table; then each entry moves to the
mean of the pairs that chose it, a block of step d counting with weight d^2, so that the rounds lower the squared error
in the weights' own units. Learning may be approximate: what is binding is the table that it writes.

The table is not closed under negation, and steps take both signs. Measured with as many candidates, a symmetric table
costs 0.4 points of relative RMSE: 11.3 % against 10.9 % on N(0,1), 11.5 % against 11.1 % on a model's linear weights.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import q35spec

SEED = 35
ROUNDS = 150
BLOCK_SIZE = 64
CODES = 128
LARGEST_ENTRY = 127
CELLS = 512  # of a side of the lookup grid, which covers [-EDGE, EDGE) and clips what lies outside
EDGE = 176.0
SOURCES = {"normal": 24576, "student-t(5)": 4096, "laplace": 4096}  # blocks of each distribution, at unit variance

Floats = NDArray[np.float64]


def training_blocks(rng: np.random.Generator) -> NDArray[np.float32]:
    """Blocks of synthetic weights, float32 `[blocks, BLOCK_SIZE / 2, 2]`, each distribution scaled to unit variance."""
    draws: dict[str, Callable[[tuple[int, ...]], Any]] = {
        "normal": rng.standard_normal,
        "student-t(5)": lambda size: rng.standard_t(5, size) * np.sqrt(3 / 5),
        "laplace": lambda size: rng.laplace(0.0, np.sqrt(0.5), size),
    }
    return np.concatenate([draws[name]((n, BLOCK_SIZE // 2, 2)) for name, n in SOURCES.items()]).astype(np.float32)


def nearest_of_cells(table: Floats) -> NDArray[np.uint8]:
    """For each cell of the grid, the entry nearest to the cell's middle: uint8 `[CELLS * CELLS]`."""
    middle = ((np.arange(CELLS) + 0.5) / CELLS * 2 - 1) * EDGE
    first, second = ((middle[:, None] - table[:, slot]) ** 2 for slot in (0, 1))
    return np.concatenate([np.argmin(row + second, axis=1) for row in first[:, None]]).astype(np.uint8)


def choose(blocks: NDArray[np.float32], table: Floats, steps: Floats) -> tuple[NDArray[np.uint8], Floats, Floats]:
    """Each block's best codes `[blocks, pairs]`, step and squared error `[blocks]`; `steps` in units of its max |w|."""
    cells, entries = nearest_of_cells(table), table.astype(np.float32)
    largest = np.abs(blocks).max(axis=(1, 2)).astype(np.float64)
    codes = np.zeros(blocks.shape[:2], np.uint8)
    step, error = np.zeros(len(blocks)), np.full(len(blocks), np.inf)
    for candidate in steps:
        d = (largest * candidate).astype(np.float16).astype(np.float32)
        at = ((blocks / d[:, None, None] + EDGE) * (CELLS / 2 / EDGE)).clip(0, CELLS - 1).astype(np.int32)
        found = cells[at[..., 0] * CELLS + at[..., 1]]
        e = np.square(blocks - d[:, None, None] * entries[found]).sum(axis=(1, 2))
        better = e < error
        codes[better], step[better], error[better] = found[better], d[better], e[better]
    return codes, step, error


def learn(blocks: NDArray[np.float32], steps: Floats, rng: np.random.Generator) -> Floats:
    """The learned table before rounding, float64 `[CODES, 2]`, within the int8 range."""
    start = blocks / (np.abs(blocks).max(axis=(1, 2), keepdims=True) * np.median(np.abs(steps)))
    table = rng.choice(start.reshape(-1, 2), CODES, replace=False).astype(np.float64)
    for number in range(ROUNDS):
        table = table.clip(-LARGEST_ENTRY, LARGEST_ENTRY)
        codes, step, error = choose(blocks, table, steps)
        weight = np.repeat(step**2, blocks.shape[1])
        scaled = (blocks / step[:, None, None]).reshape(-1, 2)
        mass = np.bincount(codes.ravel(), weight, CODES)
        sums = np.stack([np.bincount(codes.ravel(), weight * scaled[:, slot], CODES) for slot in (0, 1)], axis=1)
        table = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1e-300)[:, None], table)
        rmse = np.sqrt(error.sum() / np.square(blocks, dtype=np.float64).sum())
        print(f"round {number + 1:3}/{ROUNDS}: relative RMSE {rmse:.5f}", file=sys.stderr)
    return table.clip(-LARGEST_ENTRY, LARGEST_ENTRY)


def render(document: dict[str, Any]) -> str:
    """The document as JSON with one entry of the table a line."""
    rows = ",\n  ".join(json.dumps(entry) for entry in document["entries"])
    return json.dumps(document | {"entries": []}, indent=1).replace("[]", f"[\n  {rows}\n ]", 1) + "\n"


def main() -> None:
    """Learns the table and writes `spec/codebook.json` whole."""
    row = next(s for s in q35spec.formats()["schemes"] if s["id"] == "codebook")["step"]
    sizes = np.array(row["numerators"]) / row["denominator"]
    rng = np.random.default_rng(SEED)
    table = learn(training_blocks(rng), np.concatenate([sizes, -sizes]), rng)
    entries = sorted({(int(a), int(b)) for a, b in np.rint(table)})
    if len(entries) != CODES:
        raise SystemExit(f"two entries of the learned table coincide: {len(entries)} distinct ones, not {CODES}")
    mixture = ", ".join(f"{n} of {name}" for name, n in SOURCES.items())
    document = {
        "schema": "q35.codebook/1",
        "entries": [list(entry) for entry in entries],
        "learned_on": f"{sum(SOURCES.values())} synthetic blocks of {BLOCK_SIZE} weights at unit variance: {mixture}",
        "seed": SEED,
        "sha256": hashlib.sha256(np.array(entries, np.int8).tobytes()).hexdigest(),
    }
    target = Path(q35spec.FOLDER) / "codebook.json"
    partial = target.with_suffix(".partial")
    partial.write_text(render(document))
    os.replace(partial, target)
    print(f"{target}: sha256 {document['sha256']}; copy it into formats.json", file=sys.stderr)


if __name__ == "__main__":
    main()
