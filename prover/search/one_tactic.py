"""The least of methods: the policy's tactics on the root, one after the other. One of them has to prove it."""

from __future__ import annotations

from dataclasses import dataclass

from q35prover.interface import Policy
from q35prover.search.candidates import Candidates
from q35prover.search.frontier import Frontier, Selection
from q35prover.search.tree import Edge, Tree


@dataclass(frozen=True)
class OneTactic:
    """Options: `most` tactics are tried."""

    most: int = 64

    name = "one-tactic"

    def start(self, tree: Tree, policy: Policy, seed: int) -> Frontier:
        """Begin with a tree that holds its root alone. Without noise: all seeds do the same."""
        return _Search(tree, Candidates(tree, policy, seed, self.most, self.most, 0.0))


@dataclass
class _Search:
    tree: Tree
    candidates: Candidates

    def select(self, most: int) -> Selection | None:
        root = self.tree.root
        if root.pending:
            return None
        taken = self.candidates.take(root, 1)
        root.pending = bool(taken)
        return Selection(root, taken) if taken else None

    def update(self, selection: Selection, added: list[Edge]) -> None:
        """What a tactic leaves is not gone on with."""
