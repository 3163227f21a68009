"""The tactics to try at a node, in order: the policy's, asked for in growing numbers, none of them twice."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from q35prover.interface import Policy, Suggestion, TacticState
from q35prover.search.tree import Node, Tree


@dataclass(frozen=True)
class Candidates:
    """`first` tactics are asked for at a node, then twice as many each time that they run out, `most` at the most.

    `seed` decides the noise that is added to the logarithms of the probabilities: Gumbel's, times `noise`. (At 1 the
    order would be a sample without replacement from the policy; at 0 seeds make no difference.)
    """

    tree: Tree
    policy: Policy
    seed: int
    first: int
    most: int
    noise: float

    def take(self, node: Node, count: int, share: float = 1.0) -> list[Suggestion]:
        """Up to `count` tactics that were not tried at the node yet, no more than have `share` of the probability of
        all such that are known (at least one); none if there are no more."""
        self._add_of_twin(node)
        while node.tried == len(node.candidates) and not node.complete:
            self._ask(node)
        untried = node.candidates[node.tried :]
        enough = share * math.fsum(prior(node, one.log_probability) for one in untried)
        taken: list[Suggestion] = []
        mass = 0.0
        for suggestion in untried[:count]:
            if taken and mass >= enough:
                break
            taken.append(suggestion)
            mass += prior(node, suggestion.log_probability)
        node.tried += len(taken)
        return taken

    def _ask(self, node: Node) -> None:
        node.asked = min(self.most, max(self.first, 2 * node.asked))
        (suggestions,) = self.policy.suggest([node.state], node.asked)
        node.complete = len(suggestions) < node.asked or node.asked == self.most
        known = {candidate.tactic for candidate in node.candidates}
        # Drawn from the state alone, so that the noise does not depend on what the other workers do.
        draw = random.Random(f"{self.seed} {node.asked} {node.state.key}")
        new = [
            Suggestion(suggestion.tactic, suggestion.log_probability + self.noise * _gumbel(draw))
            for suggestion in suggestions
            if suggestion.tactic not in known
        ]
        node.candidates += sorted(new, key=lambda suggestion: -suggestion.log_probability)
        _normalise(node)

    def _add_of_twin(self, node: Node) -> None:
        """What proved a state that differs in names only is tried next, under the names that are used here."""
        if twin := self.tree.proved_twin(node):
            assert twin.proof is not None
            tactic = renamed(twin.proof.tactic, twin.state, node.state)
            if all(candidate.tactic != tactic for candidate in node.candidates):
                node.candidates.insert(node.tried, Suggestion(tactic, 0.0))
                _normalise(node)


def prior(node: Node, log_probability: float) -> float:
    """A tactic's probability among the candidates of its node."""
    return math.exp(log_probability - node.log_mass)


def renamed(tactic: str, source: TacticState, target: TacticState) -> str:
    """The tactic with the names of the hypotheses of `source` replaced by those of `target`, one for one."""
    names = dict(zip(_names(source), _names(target), strict=False))
    return re.sub(r"(?<![\w.'])[^\W\d][\w'!?]*", lambda found: names.get(found[0], found[0]), tactic)


def _names(state: TacticState) -> list[str]:
    """The names that the state's goals are printed with, in order."""
    lines = "\n".join(goal.text for goal in state.goals)
    return [name for found in re.findall(r"^([^\s⊢][^:\n]*) : ", lines, re.MULTILINE) for name in found.split()]


def _gumbel(draw: random.Random) -> float:
    return -math.log(-math.log(draw.random() or 0.5))


def _normalise(node: Node) -> None:
    logarithms: Sequence[float] = [candidate.log_probability for candidate in node.candidates]
    if logarithms:
        peak = max(logarithms)
        node.log_mass = peak + math.log(sum(math.exp(value - peak) for value in logarithms))
