"""The AND/OR graph of a search. A node is a tactic state (OR: one of its edges suffices), an edge is a tactic that
applied and the states that it left (AND: all of them have to be proved).

Statuses go one way: an open node becomes proved or failed once, whatever limit is reached later. Nodes and edges are
only ever added. States with equal keys and equal texts are one node, so that what is learnt of one holds for the other
and every tactic that names a hypothesis means the same one; equal keys alone make two nodes `twins`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from q35prover.interface import Closed, Opened, Outcome, Step, Suggestion, TacticState

Identity = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(eq=False, slots=True)
class Edge:
    """A tactic that applied at `parent`, and the nodes that it left, in the order of Lean's goals."""

    parent: Node
    tactic: str
    log_probability: float
    children: tuple[Node, ...]
    failed: bool = False
    visits: int = 0
    pending: int = 0
    """Requests in flight at the nodes below that were selected through this edge."""

    @property
    def unproved(self) -> list[Node]:
        return [child for child in self.children if child.status != "proved"]


@dataclass(eq=False, slots=True)
class Node:
    """A tactic state: what was tried on it, what is known of it."""

    state: TacticState
    status: Literal["open", "proved", "failed"] = "open"
    edges: list[Edge] = field(default_factory=list)
    parents: list[Edge] = field(default_factory=list)
    proof: Edge | None = None
    """The first step of the shortest proof known."""
    length: int = 0
    """Tactics in that proof."""

    candidates: list[Suggestion] = field(default_factory=list)
    tried: int = 0
    """So many of the candidates, from the front, were submitted."""
    asked: int = 0
    """So many candidates were asked of the policy."""
    complete: bool = False
    """The policy has no more candidates than these."""
    log_mass: float = 0.0
    """Logarithm of the sum of the candidates' probabilities."""
    pending: bool = False
    """A request for this node is in flight."""

    visits: int = 0
    fruitless: int = 0
    """Expansions that added no edge."""
    estimate: float = 0.0
    """The policy's value of the state."""
    value: float = 0.0
    """What the search thinks of the state: the larger, the more promising."""

    @property
    def exhausted(self) -> bool:
        """Every candidate that the policy has was tried, and answered."""
        return self.complete and self.tried == len(self.candidates) and not self.pending

    @property
    def live_edges(self) -> list[Edge]:
        return [edge for edge in self.edges if not edge.failed]


@dataclass(frozen=True)
class Proof:
    """A proved state: a tactic, and the proofs of the states that it leaves."""

    state: TacticState
    tactic: str
    branches: tuple[Proof, ...] = ()

    @property
    def length(self) -> int:
        """Tactics in the whole proof."""
        return 1 + sum(branch.length for branch in self.branches)

    def parts(self) -> Iterator[Proof]:
        """This proof and those within it, in the order of the text."""
        yield self
        for branch in self.branches:
            yield from branch.parts()


class Tree:
    """The graph, from `root` on. `nodes` are in the order of their discovery."""

    def __init__(self, root: TacticState) -> None:
        self._by_identity: dict[Identity, Node] = {}
        self._by_key: dict[tuple[str, ...], list[Node]] = {}
        self.root = self._node(root)

    @property
    def nodes(self) -> list[Node]:
        return list(self._by_identity.values())

    def find(self, state: TacticState) -> Node | None:
        """The node of the state, if there is one."""
        return self._by_identity.get(_identity(state))

    def proved_twin(self, node: Node) -> Node | None:
        """A proved node whose state differs in names only."""
        twins = (twin for twin in self._by_key[node.state.key] if twin is not node and twin.status == "proved")
        return next(twins, None)

    def expand(self, node: Node, tried: Sequence[Suggestion], outcomes: Sequence[Outcome]) -> list[Edge]:
        """Add what the tactics `tried` on the node did; returns the edges that are new."""
        added = []
        for suggestion, outcome in zip(tried, outcomes, strict=True):
            match outcome:
                case Closed():
                    added += self._edge(node, suggestion, ())
                case Opened(states):
                    if not states:
                        raise ValueError(f"{suggestion.tactic}: opened without states is neither progress nor a proof")
                    added += self._edge(node, suggestion, states)
        self.settle(node)
        return added

    def give_up(self, node: Node) -> None:
        """Try nothing more at the node: what is found of it is all there is."""
        del node.candidates[node.tried :]
        node.complete = True
        self.settle(node)

    def settle(self, node: Node) -> None:
        """Mark the node failed if nothing is left to try at it, and those that depended on it."""
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if node.status == "open" and node.exhausted and not node.live_edges:
                node.status = "failed"
                for edge in node.parents:
                    edge.failed = True
                    waiting.append(edge.parent)

    def fail_hopeless(self) -> dict[Node, Edge]:
        """Mark failed every open node that cannot be proved even if all untried candidates close their states.

        `settle` does not see those that wait for each other in a cycle. Returns for each exhausted open node that
        is left an edge such that following these edges ends at nodes that are not exhausted.
        """
        hopeful: set[Node] = set()
        ways: dict[Node, Edge] = {}
        waiting = [node for node in self.nodes if node.status == "proved" or not node.exhausted]
        missing: dict[Edge, int] = {}
        while waiting:
            node = waiting.pop()
            if node in hopeful:
                continue
            hopeful.add(node)
            for edge in node.parents:
                left = missing.get(edge, len(set(edge.children))) - 1
                missing[edge] = left
                if left == 0 and edge.parent not in hopeful:
                    ways.setdefault(edge.parent, edge)
                    waiting.append(edge.parent)
        for node in self.nodes:
            if node not in hopeful and node.status == "open":
                node.status = "failed"
                for edge in node.parents:
                    edge.failed = True
        return ways

    def needed(self, node: Node) -> bool:
        """Whether a proof of the node could still become part of a proof of the root."""
        seen, waiting = {node}, [node]
        while waiting:
            node = waiting.pop()
            if node.status != "open":
                continue
            if node is self.root:
                return True
            above = [edge.parent for edge in node.parents if not edge.failed and edge.parent not in seen]
            seen.update(above)
            waiting += reversed(above)
        return False

    def proof(self, node: Node | None = None) -> Proof:
        """The shortest proof known of the node (default: the root), which has to be proved."""
        node = node or self.root
        if node.proof is None:
            raise ValueError("the state is not proved")
        return Proof(node.state, node.proof.tactic, tuple(self.proof(child) for child in node.proof.children))

    def check_invariants(self) -> None:
        """Raise `AssertionError` if the graph is not as this module promises. For tests."""
        for identity, node in self._by_identity.items():
            assert identity == _identity(node.state)
            assert (node.status == "proved") == (node.proof is not None)
            if node.proof:
                assert node.proof in node.edges
                assert all(child.status == "proved" for child in node.proof.children)
                assert node.length == 1 + sum(child.length for child in node.proof.children)
            if node.status == "failed":
                assert node.exhausted
                assert not node.live_edges
            for edge in node.edges:
                assert edge.parent is node
                assert edge.failed == any(child.status == "failed" for child in edge.children)
                assert all(edge in child.parents for child in edge.children)
            if node is not self.root:
                # The state is the one that the first edge found, so it continues that parent's own path.
                first = node.parents[0]
                places = [place for place, child in enumerate(first.children) if child is node]
                assert node.state.path == (*first.parent.state.path, Step(first.tactic, places[0]))

    def _node(self, state: TacticState) -> Node:
        identity = _identity(state)
        if identity not in self._by_identity:
            node = self._by_identity[identity] = Node(state)
            self._by_key.setdefault(state.key, []).append(node)
        return self._by_identity[identity]

    def _edge(self, node: Node, suggestion: Suggestion, states: Sequence[TacticState]) -> list[Edge]:
        """The edge in a list; an empty list if it says nothing new."""
        identities = [_identity(state) for state in states]
        if _identity(node.state) in identities:
            return []  # to prove the state would take a proof of the state
        for edge in node.edges:
            if [_identity(child.state) for child in edge.children] == identities:
                return []  # another tactic does the same
        children = tuple(self._node(state) for state in states)
        failed = any(child.status == "failed" for child in children)
        edge = Edge(node, suggestion.tactic, suggestion.log_probability, children, failed)
        node.edges.append(edge)
        for child in dict.fromkeys(children):
            child.parents.append(edge)
        self._relax(edge)
        return [edge]

    def _relax(self, edge: Edge) -> None:
        """Tell the nodes above of a proof, or of a shorter one."""
        waiting = [edge]
        while waiting:
            edge = waiting.pop()
            if edge.unproved:
                continue
            node, length = edge.parent, 1 + sum(child.length for child in edge.children)
            if node.proof is None or length < node.length or node.proof is edge:
                changed = node.length != length
                node.status, node.proof, node.length = "proved", edge, length
                if changed:
                    waiting += node.parents


def _identity(state: TacticState) -> Identity:
    return state.key, tuple(goal.text for goal in state.goals)
