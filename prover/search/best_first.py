"""Best-first search by length-normalised log-probability (BFS-Prover, Xin et al. 2025): the simple baseline.

The score of a tactic at a state is the sum of the logarithms of the probabilities on the way to it, itself included,
over (number of tactics)^alpha. The best untried tactics of the whole graph are tried next, unless their state has
become useless: proved, or left by a tactic one of whose other states has failed.
"""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass, field

from q35prover.interface import Policy
from q35prover.search.candidates import Candidates
from q35prover.search.frontier import Frontier, Selection
from q35prover.search.tree import Edge, Node, Tree


@dataclass(frozen=True)
class BestFirst:
    """Options of the search."""

    alpha: float = 0.5
    batch: int = 4
    """Tactics tried on a node at one time."""
    first: int = 16
    most: int = 64
    noise: float = 0.1
    """How candidates are asked for: see `Candidates`."""

    name = "best-first"

    def start(self, tree: Tree, policy: Policy, seed: int) -> Frontier:
        """Begin a search of the tree, which holds its root alone."""
        candidates = Candidates(tree, policy, seed, self.first, self.most, self.noise)
        return _Search(self, tree, candidates)


@dataclass(order=True)
class _Entry:
    """A node in the queue; out of date when more of its tactics were tried, or a better way to it was found."""

    cost: float
    serial: int
    node: Node = field(compare=False)
    tried: int = field(compare=False)


@dataclass
class _Search:
    options: BestFirst
    tree: Tree
    candidates: Candidates
    _queue: list[_Entry] = field(default_factory=list)
    _serial: itertools.count[int] = field(default_factory=itertools.count)
    _reached: dict[Node, tuple[float, int]] = field(default_factory=dict)
    """The best way to each node: the sum of its logarithms, the number of its tactics."""

    def __post_init__(self) -> None:
        self._reach(self.tree.root, 0.0, 0)

    def select(self, most: int) -> Selection | None:
        while self._queue:
            entry = heapq.heappop(self._queue)
            node = entry.node
            if node.pending or entry.tried != node.tried or not self.tree.needed(node):
                continue
            if taken := self.candidates.take(node, min(most, self.options.batch)):
                node.pending = True
                return Selection(node, taken)
            self.tree.settle(node)
        return None

    def update(self, selection: Selection, added: list[Edge]) -> None:
        total, depth = self._reached[selection.node]
        for edge in added:
            for child in edge.children:
                self._reach(child, total + edge.log_probability, depth + 1)
        self._push(selection.node)

    def _reach(self, node: Node, total: float, depth: int) -> None:
        """A way to the node was found. Pushed even if it is no better: the older one may have become useless."""
        known = self._reached.get(node)
        if known is None or self._score(total, depth) > self._score(*known):
            self._reached[node] = total, depth
        self._push(node)

    def _push(self, node: Node) -> None:
        if node.status != "open" or node.exhausted or node.pending:
            return
        total, depth = self._reached[node]
        untried = node.candidates[node.tried :]
        # Before the policy was asked, its best tactic is taken to be certain.
        score = self._score(total + (untried[0].log_probability if untried else 0.0), depth + 1)
        node.value = score
        heapq.heappush(self._queue, _Entry(-score, next(self._serial), node, node.tried))

    def _score(self, total: float, depth: int) -> float:
        return total / math.pow(max(depth, 1), self.options.alpha)
