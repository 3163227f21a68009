"""Statements that say almost the same: three-token pieces in common, whatever their variables and numbers are.

The resemblance of two statements is the Jaccard index of their sets of pieces (A. Broder, "On the resemblance and
containment of documents", 1997); MinHash with banding finds pairs without comparing all (J. Leskovec, A. Rajaraman,
J. Ullman, "Mining of Massive Datasets", ch. 3), and each pair found is then compared exactly. Data sets are cleaned
of such pairs because models recall them (K. Lee et al., "Deduplicating training data makes language models better",
ACL 2022).
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from q35prover.extract.text import CLOSING, OPENING, tokens

RESEMBLANCE = 0.7

_PIECE = 3
# 20 bands of 4: a pair at 0.7 is found with probability 0.996, one at 0.8 with 0.99997.
_BANDS, _ROWS = 20, 4
_BATCH = 1 << 12

_BINDERS = frozenset(["∀", "∃", "fun", "λ", "∑", "∏", "⨆", "⨅", "⋃", "⋂", "∫"])
_END_OF_NAMES = frozenset([":", ",", "=>", "↦", "∈", "<", "≤", ">", "≥", ":=", "in"])
_SAME_TYPE = {"ℕ": "Nat", "ℤ": "Int", "ℚ": "Rat", "≠": "!=", "↦": "=>"}


def shape(statement: str) -> str:
    """The statement's tokens, separated by spaces: variables are `x0`, `x1` in the order of appearance, numbers `0`."""
    words = [token.text for token in tokens(statement)]
    bound = _bound(words)
    names: dict[str, str] = {}
    shaped: list[str] = []
    for word in words:
        head, dot, rest = word.partition(".")
        if head in bound:
            shaped.append(names.setdefault(head, f"x{len(names)}") + dot + rest)
        else:
            shaped.append("0" if word[0].isdigit() else _SAME_TYPE.get(word, word))
    return " ".join(shaped)


def _bound(words: list[str]) -> set[str]:
    """The names that brackets (`(a b : T)`) and binders (`∀ a b, …`) bind."""
    bound: set[str] = set()
    pending: list[str] | None = None
    for word in words:
        if word in _BINDERS or word in OPENING:
            pending = []
        elif word in _END_OF_NAMES:
            bound.update(pending or ())
            pending = None
        elif word in CLOSING:
            pending = None
        elif pending is not None:
            if word[0].isalpha() or word[0] == "_":
                pending.append(word)
            else:
                pending = None
    return bound


def near_duplicates(shapes: Sequence[str], others: Sequence[str], resemblance: float = RESEMBLANCE) -> list[int | None]:
    """For each of `shapes` one of `others` that resembles it at least so much, by index; None where there is none."""
    same: dict[str, int] = {other: index for index, other in reversed(list(enumerate(others)))}
    buckets: dict[bytes, list[int]] = defaultdict(list)
    for index, bands in enumerate(_bands(others)):
        for band in bands:
            buckets[band].append(index)
    pieces = [_pieces(other) for other in others]
    found: list[int | None] = []
    for text, bands in zip(shapes, _bands(shapes), strict=True):
        twin = same.get(text)
        if twin is None:
            own = _pieces(text)
            candidates = sorted({index for band in bands for index in buckets.get(band, ())})
            twin = next((i for i in candidates if _resemblance(own, pieces[i]) >= resemblance), None)
        found.append(twin)
    return found


def _resemblance(left: frozenset[int], right: frozenset[int]) -> float:
    """The Jaccard index of two sets that are not empty."""
    common = len(left & right)
    return common / (len(left) + len(right) - common)


def _pieces(text: str) -> frozenset[int]:
    """The hashes of each three tokens in a row (of all tokens, if they are fewer)."""
    words = text.split(" ")
    last = max(len(words) - _PIECE, 0)
    return frozenset(zlib.crc32(" ".join(words[i : i + _PIECE]).encode()) for i in range(last + 1))


def _bands(shapes: Sequence[str]) -> list[list[bytes]]:
    """The bands of each text's MinHash: two texts of resemblance s share one with probability 1 - (1 - s^4)^20."""
    # Multiply-shift hashing (M. Dietzfelbinger et al., 1997): the upper half of an odd multiple plus an offset.
    random = np.random.default_rng(0)
    count = _BANDS * _ROWS
    factors = random.integers(0, 1 << 63, (count, 1), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = random.integers(0, 1 << 63, (count, 1), dtype=np.uint64)
    result: list[list[bytes]] = []
    for start in range(0, len(shapes), _BATCH):
        sets = [_pieces(text) for text in shapes[start : start + _BATCH]]
        values: npt.NDArray[np.uint64] = np.fromiter((piece for pieces in sets for piece in pieces), np.uint64)
        ends = np.cumsum([len(pieces) for pieces in sets])
        signature = np.empty((count, len(sets)), np.uint32)
        for row in range(count):
            hashed = ((values * factors[row] + offsets[row]) >> np.uint64(32)).astype(np.uint32)
            signature[row] = np.minimum.reduceat(hashed, ends - [len(pieces) for pieces in sets])
        for column in np.ascontiguousarray(signature.T):
            raw = column.tobytes()
            result.append([bytes([band]) + raw[16 * band : 16 * (band + 1)] for band in range(_BANDS)])
    return result
