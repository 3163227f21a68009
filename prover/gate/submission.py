"""A file in which proofs stand in place of `sorry`s: what the gate is asked to judge."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, chain, zip_longest
from pathlib import Path

from q35prover.interface import Problem


@dataclass(frozen=True)
class Submission:
    """A file's text around some `sorry`s of one theorem, and the proofs to stand there: one piece more than proofs.

    `forbidden` are constants that the theorem may not use, `package` the folder of the Lake package whose modules the
    file imports.
    """

    theorem: str
    pieces: tuple[str, ...]
    proofs: tuple[str, ...]
    forbidden: frozenset[str] = frozenset()
    package: Path | None = None

    @classmethod
    def of(cls, problem: Problem, proof: str) -> Submission:
        """The problem's file with this proof."""
        return cls(problem.theorem, (problem.before, problem.after), (proof,), problem.forbidden, problem.package)

    @property
    def original(self) -> str:
        """The file with its `sorry`s."""
        return "sorry".join(self.pieces)

    @property
    def text(self) -> str:
        """The file with the proofs."""
        return "".join(self._parts)

    @property
    def holes(self) -> list[tuple[int, int]]:
        """First byte and end of each proof in `text`."""
        ends = list(accumulate(len(part.encode()) for part in self._parts))
        return list(zip(ends[0:-1:2], ends[1::2], strict=True))

    def moved(self, position: int) -> int:
        """Where a byte of `original` that lies in no `sorry` is in `text`."""
        start = shift = 0
        for piece, proof in zip(self.pieces, self.proofs, strict=False):
            start += len(piece.encode())
            if position >= start:
                shift += len(proof.encode()) - len(b"sorry")
            start += len(b"sorry")
        return position + shift

    @property
    def _parts(self) -> list[str]:
        return list(chain.from_iterable(zip_longest(self.pieces, self.proofs, fillvalue="")))[:-1]
