"""Monte Carlo tree search over the AND/OR graph, with PUCT.

After AlphaProof (Hubert et al., Nature 2025): the value of a state is discount^(tactics left), the hardest unsolved
state of an AND is tried first, the exploration constant grows with the visits, and a node is expanded again as its
visits grow, keeping what it has. Values live in the nodes and are recomputed from the edges' visits (as in Monte Carlo
graph search: Czech et al., 2021), so they stay right where several edges lead to one node.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from q35prover.interface import Policy
from q35prover.search.candidates import Candidates, prior
from q35prover.search.frontier import Frontier, Selection
from q35prover.search.tree import Edge, Node, Tree


@dataclass(frozen=True)
class Mcts:
    """Options of the search."""

    discount: float = 0.99
    """What a state is worth less for each tactic that its proof still takes."""
    conjunction: Literal["hardest", "product"] = "hardest"
    """An AND is worth what its hardest unsolved state is worth (AlphaProof), or the product over them (HTPS)."""
    exploration: float = 0.001
    """Constant part of PUCT's c."""
    exploration_base: float = 3200.0
    """The number of visits at which c has grown by log 2."""
    batch: int = 4
    """Tactics tried on a node at one time, at the most."""
    sure: float = 0.5
    """Fewer, if they have such a share of the probability of all that are left: then the first is likely to do."""
    widening: float = 0.6
    """A node that was visited v times is expanded while fewer than batch * v^widening tactics were tried on it."""
    virtual_loss: float = 10.0
    """A request in flight counts as a visit that found so many more tactics to be needed."""
    first: int = 16
    most: int = 64
    noise: float = 0.1
    """How candidates are asked for: see `Candidates`."""

    name = "mcts"

    def start(self, tree: Tree, policy: Policy, seed: int) -> Frontier:
        """Begin a search of the tree, which holds its root alone."""
        candidates = Candidates(tree, policy, seed, self.first, self.most, self.noise)
        return _Search(self, tree, policy, candidates)


Verdict = Literal["busy", "dead"]


@dataclass
class _Frame:
    """A node on the way down, how it was reached, and which ways on are left."""

    node: Node
    edge: Edge | None
    ways: Iterator[tuple[Edge, Node]] = field(default_factory=lambda: iter(()))


@dataclass
class _Search:
    options: Mcts
    tree: Tree
    policy: Policy
    candidates: Candidates

    def __post_init__(self) -> None:
        self._estimate([self.tree.root])

    def select(self, most: int) -> Selection | None:
        while path := self._descend():
            node = path[-1].node
            if taken := self.candidates.take(node, min(most, self.options.batch), self.options.sure):
                node.pending = True
                edges = [frame.edge for frame in path if frame.edge]
                for edge in edges:
                    edge.pending += 1
                return Selection(node, taken, edges)
            self.tree.settle(node)
        return None

    def update(self, selection: Selection, added: list[Edge]) -> None:
        node = selection.node
        children = [child for edge in added for child in edge.children]
        self._estimate([child for child in dict.fromkeys(children) if child.visits == 0 and child.estimate == 0.0])
        node.visits += 1
        node.fruitless += not added
        self._revalue(node)
        for edge in reversed(selection.edges):
            edge.pending -= 1
            edge.visits += 1
            edge.parent.visits += 1
            self._revalue(edge.parent)

    def _estimate(self, nodes: list[Node]) -> None:
        """Ask the policy what new nodes are worth."""
        if nodes:
            for node, left in zip(nodes, self.policy.remaining([node.state for node in nodes]), strict=True):
                node.estimate = node.value = math.pow(self.options.discount, max(1.0, left))

    def _revalue(self, node: Node) -> None:
        """The mean over the node's visits: what each live edge is worth, and once the policy's estimate.

        Each visit that led to nothing counts as one more tactic there. Failed edges are known to be no way, so they
        say nothing about the others.
        """
        live = node.live_edges
        total = node.estimate * math.pow(self.options.discount, node.fruitless)
        total += sum(edge.visits * self._worth(edge) for edge in live)
        node.value = total / (1 + sum(edge.visits for edge in live))

    def _worth(self, edge: Edge) -> float:
        """One tactic, then the unsolved states."""
        values = [child.value for child in edge.unproved]
        if self.options.conjunction == "product":
            return self.options.discount * math.prod(values)
        return self.options.discount * min(values, default=1.0)

    def _by_score(self, node: Node) -> list[Edge]:
        """The edges by PUCT. A request in flight counts as a visit that was worth less (virtual loss)."""
        options = self.options
        visits = node.visits + sum(edge.pending for edge in node.edges)
        c = math.log((visits + options.exploration_base + 1) / options.exploration_base) + options.exploration

        def score(edge: Edge) -> float:
            seen = 1 + edge.visits + edge.pending
            loss = edge.pending / seen * (1 - math.pow(options.discount, options.virtual_loss))
            return self._worth(edge) * (1 - loss) + c * prior(node, edge.log_probability) * math.sqrt(visits) / seen

        return sorted(node.live_edges, key=score, reverse=True)

    def _descend(self) -> list[_Frame] | None:
        """The way to the node to expand next; None while requests in flight bar every way, or after failure."""
        if self.tree.root.status != "open":
            return None
        verdicts: dict[Node, Verdict] = {}
        path = [self._frame(self.tree.root, None)]
        while path:
            node = path[-1].node
            if self._widens(node):
                return path
            onward = self._onward(path, verdicts)
            if onward:
                path.append(onward)
            elif not (node.exhausted or node.pending):
                return path  # nothing to do below, so widen after all
            else:
                below = {verdicts.get(child) for edge in node.live_edges for child in edge.unproved}
                verdicts[node] = "busy" if node.pending or "busy" in below else "dead"
                path.pop()
        return self._around_cycles() if verdicts[self.tree.root] == "dead" else None

    def _onward(self, path: list[_Frame], verdicts: dict[Node, Verdict]) -> _Frame | None:
        """The next way down from the path's end that does not lead back to it."""
        above = {frame.node for frame in path}
        for edge, child in path[-1].ways:
            if child in verdicts or any(other in above or verdicts.get(other) == "dead" for other in edge.unproved):
                continue
            return self._frame(child, edge)
        return None

    def _around_cycles(self) -> list[_Frame] | None:
        """A way that the descent misses: what it found dead below one node may live below another."""
        ways = self.tree.fail_hopeless()
        node = self.tree.root
        path = [self._frame(node, None)]
        while node.exhausted and node.status == "open":
            edge = ways[node]
            node = edge.unproved[0]
            path.append(self._frame(node, edge))
        return path if node.status == "open" and not node.pending else None

    def _frame(self, node: Node, edge: Edge | None) -> _Frame:
        """Ways are ordered when the first is asked for: the best edge first, its hardest state first."""

        def ways() -> Iterator[tuple[Edge, Node]]:
            for way in self._by_score(node):
                for child in sorted(way.unproved, key=lambda child: child.value):
                    yield way, child

        return _Frame(node, edge, ways())

    def _widens(self, node: Node) -> bool:
        if node.exhausted or node.pending:
            return False
        return not node.live_edges or node.tried < self.options.batch * node.visits**self.options.widening
