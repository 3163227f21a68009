"""What a search method is to the loop that runs it: it says what to try next, and is told what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from q35prover.interface import Policy, Suggestion
from q35prover.search.tree import Edge, Node, Tree


@dataclass(frozen=True)
class Selection:
    """Tactics to try on a node, and the edges through which it was chosen, from the root down."""

    node: Node
    tactics: list[Suggestion]
    edges: list[Edge] = field(default_factory=list)


class Frontier(Protocol):
    """A search under way."""

    def select(self, most: int) -> Selection | None:
        """Choose a node and 1 to `most` tactics, and mark it pending.

        None if there is nothing to choose until a request in flight is answered; with none in flight: ever.
        """
        ...

    def update(self, selection: Selection, added: list[Edge]) -> None:
        """The selection was answered (its node is not pending any more) and these edges are new in the tree."""
        ...


class Method(Protocol):
    """The options of a search method."""

    @property
    def name(self) -> str: ...

    def start(self, tree: Tree, policy: Policy, seed: int) -> Frontier: ...
