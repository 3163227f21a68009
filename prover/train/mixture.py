"""How far the neural policy trusts each of its parts: three numbers, fitted on states that were not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from q35.errors import InputError
from q35.files import canonical_json, read_json, write_whole

SCHEMA = "q35.policy-mixture/1"
_FILE = "mixture.json"
_ROUNDS = 400


@dataclass(frozen=True)
class Mixture:
    """Of what is proposed the network's own tactics have `own_share`; a tactic's probability is proportional to
    `share^trust * exp(belief * logit)`."""

    own_share: float = 0.3
    trust: float = 1.0
    belief: float = 1.0

    def share(self, own: float, other: float) -> float:
        """Of the proposals, what a tactic has that the two propose with these probabilities."""
        return self.own_share * own + (1 - self.own_share) * other

    def scores(self, shares: Iterable[float], logits: Iterable[float]) -> list[float]:
        """The logarithms of probabilities, up to what all have in common."""
        pairs = zip(shares, logits, strict=True)
        return [self.trust * math.log(share) + self.belief * logit for share, logit in pairs]


@dataclass(frozen=True)
class Judged:
    """A tactic that was tried: the probabilities that the network and the other policy propose it with, the logit of
    its worth, and whether it was one to take."""

    own: float
    other: float
    logit: float
    good: bool


def fit(states: Sequence[Sequence[Judged]]) -> tuple[Mixture, dict[str, Any]]:
    """The mixture that gives the good tactics of the states most probability (the logarithm of their sum, on average);
    and figures.

    Only what was proposed counts, and only states with good and bad tactics. Raises `InputError` without any.
    """
    proposed = [[tactic for tactic in state if tactic.own + tactic.other > 0] for state in states]
    kept = [state for state in proposed if {tactic.good for tactic in state} == {False, True}]
    if not kept:
        raise InputError("no state on which good and bad tactics were tried", None, "q35 prover collect --probes")
    start = Mixture()
    # own_share, trust and belief, each from all numbers by a function onto what it may be.
    raw = torch.tensor([math.log(start.own_share / (1 - start.own_share)), 0.0, 0.0], requires_grad=True)
    columns = [
        torch.tensor([[tactic.own, tactic.other, tactic.logit, float(tactic.good)] for tactic in state]).T
        for state in kept
    ]
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for _ in range(_ROUNDS):
        share, trust, belief = raw[0].sigmoid(), raw[1].exp(), raw[2].exp()
        loss = torch.stack([_surprise(column, share, trust, belief) for column in columns]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = Mixture(*(round(value.item(), 3) for value in (raw[0].sigmoid(), raw[1].exp(), raw[2].exp())))
    figures = {
        "states": len(kept),
        "first_by_others": _first(kept, lambda tactic: tactic.other),
        "first_by_worth": _first(kept, lambda tactic: tactic.logit),
        "first": _first(kept, lambda tactic: _score(found, tactic)),
    }
    return found, figures


def _surprise(column: torch.Tensor, share: torch.Tensor, trust: torch.Tensor, belief: torch.Tensor) -> torch.Tensor:
    """Of a state: minus the logarithm of the probability of its good tactics."""
    own, other, logit, good = column
    scores = trust * (share * own + (1 - share) * other).log() + belief * logit
    return scores.logsumexp(0) - scores[good == 1].logsumexp(0)


def _score(mixture: Mixture, tactic: Judged) -> float:
    return mixture.scores([mixture.share(tactic.own, tactic.other)], [tactic.logit])[0]


def _first(states: Sequence[Sequence[Judged]], score: Callable[[Judged], float]) -> float:
    """The share of states where the tactic with the highest score is good."""
    return sum(max(state, key=score).good for state in states) / len(states)


def save_mixture(folder: Path, mixture: Mixture) -> None:
    """Write it beside the weights."""
    write_whole(folder / _FILE, canonical_json({"schema": SCHEMA, **asdict(mixture)}))


def load_mixture(folder: Path) -> Mixture:
    """What `save_mixture` wrote. Raises `InputError` for anything else."""
    value = read_json(folder / _FILE)
    names = {field.name for field in fields(Mixture)}
    if not isinstance(value, Mapping) or value.get("schema") != SCHEMA or set(value) != names | {"schema"}:
        raise InputError(f"not a mixture of schema {SCHEMA}", str(folder / _FILE))
    return Mixture(**{name: float(value[name]) for name in names})
