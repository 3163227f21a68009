"""Byte-level BPE (Sennrich et al. 2016) over pieces of Lean text; any text comes back as it was.

The text is cut into pieces first, and no token crosses a piece: identifiers up to their dots (`Nat`, `.add_comm`),
single digits (so that literals are copied digit by digit), line breaks with their indentation, runs of one kind of
symbol. A space belongs to the piece that follows it.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from q35.errors import InputError
from q35.files import canonical_json, read_json, write_whole

SCHEMA = "q35.tokenizer/1"

PAD, STATE, STATEMENT, TACTIC, END = range(5)
"""What stands for no text: filling; before a goal; before a theorem's statement; before a tactic; after a tactic."""

_FIRST_BYTE = 5
_FIRST_MERGE = _FIRST_BYTE + 256

_PIECE = re.compile(r"\n *| ?\.?[^\W\d][\w'!?]*| ?\d| ?([^\w\s])\1*|.", re.DOTALL)


class Tokenizer:
    """Tokens 0-4 are the marks above, then the 256 bytes, then one for each merge of two tokens, in order."""

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        self.merges = tuple(merges)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._bytes = [b""] * _FIRST_BYTE + [bytes([value]) for value in range(256)]
        for left, right in self.merges:
            self._bytes.append(self._bytes[left] + self._bytes[right])
        self._known: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._bytes)

    def encode(self, text: str) -> list[int]:
        """The tokens of `text`; none of them is a mark."""
        tokens: list[int] = []
        for match in _PIECE.finditer(text):
            piece = match.group()
            known = self._known.get(piece)
            if known is None:
                known = self._known[piece] = self._merge(piece)
            tokens += known
        return tokens

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of `tokens`; marks are left out.

        What a network may write and is no text becomes U+FFFD: bytes that are no UTF-8, tokens that are not used.
        """
        return b"".join(self._bytes[t] if t < len(self) else b"\xff" for t in tokens).decode(errors="replace")

    def _merge(self, piece: str) -> tuple[int, ...]:
        tokens = _of_bytes(piece)
        while len(tokens) > 1:
            rank = min(self._ranks.get(pair, len(self.merges)) for pair in pairwise(tokens))
            if rank == len(self.merges):
                break
            tokens = _merged(tokens, self.merges[rank], _FIRST_MERGE + rank)
        return tuple(tokens)

    def save(self, path: Path) -> None:
        """Write it as JSON. Raises `InputError` when that fails."""
        write_whole(path, canonical_json({"schema": SCHEMA, "merges": [list(pair) for pair in self.merges]}))


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer that `save` wrote. Raises `InputError` for anything else."""
    value = read_json(path)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA or not isinstance(value.get("merges"), list):
        raise InputError(f"not a tokenizer of schema {SCHEMA}", str(path))
    merges = []
    for number, pair in enumerate(value["merges"]):
        below = range(_FIRST_BYTE, _FIRST_MERGE + number)
        if not isinstance(pair, list) or len(pair) != 2 or any(type(t) is not int or t not in below for t in pair):
            raise InputError(f"merge {number} is not two earlier tokens", str(path))
        merges.append((pair[0], pair[1]))
    return Tokenizer(merges)


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most `size` tokens: again and again the commonest pair of neighbours becomes one.

    Distinct pieces are counted once and worked on with their counts. Of pairs equally common the smaller one is
    taken, so the order of the texts does not matter. A pair seen once is not merged.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(match.group() for match in _PIECE.finditer(text))
    words = [(_of_bytes(piece), count) for piece, count in sorted(counts.items())]
    pairs: Counter[tuple[int, int]] = Counter()
    places: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for place, (word, count) in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += count
            places[pair].add(place)
    # A heap of counts as they were; an entry whose count has changed since is put back with the right one.
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    merges: list[tuple[int, int]] = []
    while heap and _FIRST_MERGE + len(merges) < size:
        negative, pair = heapq.heappop(heap)
        if pairs[pair] != -negative:
            if pairs[pair] > 1:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        if -negative < 2:
            break
        new = _FIRST_MERGE + len(merges)
        merges.append(pair)
        with_new = set()
        for place in places.pop(pair):
            word, count = words[place]
            after = _merged(word, pair, new)
            for old in pairwise(word):
                pairs[old] -= count
            for made in pairwise(after):
                pairs[made] += count
                if new in made:
                    places[made].add(place)
                    with_new.add(made)
            words[place] = after, count
        for made in with_new:
            heapq.heappush(heap, (-pairs[made], made))
    return Tokenizer(merges)


def _of_bytes(piece: str) -> list[int]:
    return [_FIRST_BYTE + byte for byte in piece.encode()]


def _merged(tokens: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """`tokens` with every `pair` replaced by `new`, from the left."""
    after: list[int] = []
    for token in tokens:
        if after and (after[-1], token) == pair:
            after[-1] = new
        else:
            after.append(token)
    return after
