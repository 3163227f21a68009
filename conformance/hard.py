"""Pairs of weights where encoding is hardest: ties, bisectors of table entries, and their float32 neighbours."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from conformance import truth
from conformance.formats import Scheme, scheme

STEPS = (0x3C00, 0xBC00, 0x2E66, 0xAE67, 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x5555, 0x1FFF)
"""Ordinary, least and largest subnormal, least normal and largest halves, of both signs."""
INFINITY = np.float32(np.inf)


def with_neighbours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [3 n]: predecessors, values, successors; those that leave the finite range are dropped."""
    with np.errstate(over="ignore"):
        every: NDArray[np.float32] = np.concatenate(
            [np.nextafter(values, -INFINITY), values, np.nextafter(values, INFINITY)]
        )
    return every[np.isfinite(every)]


def around_ties(lo_scale: int, step: float) -> NDArray[np.float32]:
    """float32 [n, 2]: every tie of either slot, inside and outside its range, and its neighbours, in all pairs."""
    halves = np.arange(-23, 24) / 2
    hi = with_neighbours((halves * step).astype(np.float32))
    lo = with_neighbours((halves * lo_scale * step).astype(np.float32))
    return np.stack(np.meshgrid(hi, lo, indexing="ij"), axis=-1).reshape(-1, 2)


@cache
def bisectors(table: tuple[truth.Pair, ...]) -> NDArray[np.float64]:
    """[n, 2] points in units of the step: middles of neighbouring entries, and other points as far from both.

    Two entries are neighbours when both are nearest to their middle. Coordinates are multiples of 1/2, so that points
    times a step are float32 numbers.
    """
    points = []
    for code, a in enumerate(table):
        for b in table[:code]:
            middle = (a[0] + b[0], a[1] + b[1])  # twice the middle
            reach = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
            if all((middle[0] - 2 * t[0]) ** 2 + (middle[1] - 2 * t[1]) ** 2 >= reach for t in table):
                across = (a[1] - b[1], b[0] - a[0])
                points += [(middle[0] + k * across[0], middle[1] + k * across[1]) for k in (-4, -2, -1, 0, 1, 2, 4)]
    return np.array(points, dtype=np.float64) / 2


def around_bisectors(table: tuple[truth.Pair, ...], step: float) -> NDArray[np.float32]:
    """float32 [n, 2]: bisector points, and each with one coordinate moved to its float32 predecessor or successor."""
    points = (bisectors(table) * step).astype(np.float32)
    moved = [points]
    for slot in (0, 1):
        for direction in (-INFINITY, INFINITY):
            other = points.copy()
            other[:, slot] = np.nextafter(points[:, slot], direction)
            moved.append(other)
    return np.concatenate(moved)


def outward_normals(table: tuple[truth.Pair, ...]) -> NDArray[np.float64]:
    """[n, 2] integers: the directions in which two entries of the table are farthest, both equally.

    Far out in such a direction w, w . e = w . f for both entries, and only their lengths, by then tiny, tell which is
    nearer: sums that round lose them.
    """
    normals = []
    for a in table:
        for b in table:
            normal = (a[1] - b[1], b[0] - a[0])
            reach = normal[0] * a[0] + normal[1] * a[1]
            if a != b and all(normal[0] * t[0] + normal[1] * t[1] <= reach for t in table):
                normals.append(normal)
    return np.array(normals, dtype=np.float64)


def far_out(table: tuple[truth.Pair, ...], step: float) -> NDArray[np.float32]:
    """float32 [n, 2]: outward normals at distances from a thousand to 2^90 times the step."""
    normals = outward_normals(table) * np.sign(step)
    return np.concatenate([np.ldexp(normals, exponent) for exponent in (0, 10, 20, 40, 70, 90)]).astype(np.float32)


def unclipped_blocks() -> list[NDArray[np.float32]]:
    """Blocks [32] of the `block` scheme whose best step clips nothing: multiples of one step within both slots."""
    random = np.random.default_rng(9)
    blocks = []
    for exponent in range(-6, 6):
        hi, lo = random.integers(-6, 7, 16), 2 * random.integers(-2, 3, 16)
        hi[0] = 7
        blocks.append(np.ldexp(np.stack([hi, lo], axis=1).reshape(-1), exponent).astype(np.float32))
    return blocks


def hard_weights(form: Scheme, step_bits: int) -> NDArray[np.float32]:
    step = float(np.uint16(step_bits).view(np.float16))
    if form.lo_scale is None:
        return np.concatenate([around_bisectors(form.table, step), far_out(form.table, step)])
    return around_ties(form.lo_scale, step)


@cache
def hard_cases(name: str, step_bits: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Hard weights [n, 2] at a step and their exactly nearest codes [n], computed once for all subjects."""
    form = scheme(name)
    weights = hard_weights(form, step_bits)
    pairs = truth.as_pairs(truth.float32_ints(weights))
    return weights, np.array(form.codes(weights.astype(np.float64), pairs, step_bits), dtype=np.uint8)


CLOSE_ERRORS = {
    "block": (
        "82a9f5bec74d4d3e2897debed0d209c03333893ede610a3f",
        "6439a63effba1dc044dd0e4021b77f3eaca0bfbccdf636be",
    ),
    "codebook": (
        "bdb5823fc5383abf889a00c027effd3f3f147cbfd4903abf",
        "cf3d6f3f5110923f59a13bbf5eeea7bf3f52b5be244ab53f",
        "6ff08b3ea8c67f3d9bbf51bf28b5ba3d343e97be0eecd83d",
        "0d7f82bfa0093c3ee9de8bbe05b035bf89d4b3bfc579193c",
        "a47e60bf9766693e94778b3f4838953fe50bb43f7a32253e",
        "b7c213be39903dbf3cc33340ff3a69bfb5badabe60a92dbf",
    ),
}
"""Blocks of six weights, as float32 bytes: errors of their two best steps, summed in float32, are in wrong order."""


def close_blocks(name: str) -> NDArray[np.float32]:
    """float32 [n, 6]: the scheme's CLOSE_ERRORS."""
    return np.frombuffer(bytes.fromhex("".join(CLOSE_ERRORS[name])), "<f4").reshape(-1, 6).astype(np.float32)
