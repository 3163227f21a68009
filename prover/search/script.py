"""What is read off a tree: the proof as Lean text, the best that there is of one, and examples to learn from."""

from __future__ import annotations

from dataclasses import dataclass

from q35prover.interface import Problem, TacticState
from q35prover.search.tree import Node, Proof, Tree


@dataclass(frozen=True)
class Partial:
    """A proof with holes: the states that are still to be proved, in the order of the text."""

    state: TacticState
    tactic: str | None
    """None: this state is a hole."""
    branches: tuple[Partial, ...] = ()

    @property
    def holes(self) -> list[TacticState]:
        if self.tactic is None:
            return [self.state]
        return [hole for branch in self.branches for hole in branch.holes]


@dataclass(frozen=True)
class Example:
    """A state and the tactic to take there; `remaining` counts the tactics of the state's proof, this one included."""

    state: TacticState
    tactic: str
    remaining: int


@dataclass(frozen=True)
class ValueTarget:
    """A state and the tactics in the shortest proof that was found; None if nothing that was suggested proves it."""

    state: TacticState
    remaining: int | None


def script(proof: Proof | Partial, column: int = 0) -> str:
    """The proof as Lean text whose first line begins at `column` of its line (which is not part of the text).

    A tactic is on a line; if it leaves several states, each has a bullet. A hole is a `sorry`. Lines of a tactic
    after its first are taken as indented relative to it.
    """
    return _text(proof, " " * column)


def script_for(problem: Problem, proof: Proof | Partial) -> str:
    """The text that stands for the problem's `sorry`."""
    return script(proof, len(problem.before.rpartition("\n")[2]))


def examples(proof: Proof) -> list[Example]:
    """The steps of the proof, in the order of its text."""
    return [Example(part.state, part.tactic, part.length) for part in proof.parts()]


def value_targets(tree: Tree) -> list[ValueTarget]:
    """What is certain about the tree's states: those that are proved, and those where the policy has nothing left."""
    return [
        ValueTarget(node.state, node.length if node.proof else None) for node in tree.nodes if node.status != "open"
    ]


def best_partial(tree: Tree) -> Partial:
    """The most promising unfinished proof: at each state its best edge, down to states that no tactic has helped."""
    return _partial(tree.root, frozenset())


def _partial(node: Node, above: frozenset[Node]) -> Partial:
    if node.proof:
        return Partial(node.state, node.proof.tactic, tuple(_partial(child, above) for child in node.proof.children))
    above |= {node}
    edges = [edge for edge in node.live_edges or node.edges if above.isdisjoint(edge.children)]
    if not edges:
        return Partial(node.state, None)
    best = max(edges, key=lambda edge: min(child.value for child in edge.unproved))
    return Partial(node.state, best.tactic, tuple(_partial(child, above) for child in best.children))


def _text(proof: Proof | Partial, indent: str) -> str:
    if proof.tactic is None:
        return "sorry"
    lines = [_indented(proof.tactic, indent)]
    match proof.branches:
        case (branch,):
            lines.append(indent + _text(branch, indent))
        case branches:
            lines += [f"{indent}· {_text(branch, indent + '  ')}" for branch in branches]
    return "\n".join(lines)


def _indented(tactic: str, indent: str) -> str:
    first, *others = tactic.strip().split("\n")
    return "\n".join([first.rstrip(), *(f"{indent}{line}".rstrip() for line in others)])
