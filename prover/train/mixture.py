"""How far the neural policy trusts each of its parts: four numbers, fitted on states that were not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from q35.errors import InputError
from q35.files import canonical_json, read_json, write_whole

SCHEMA = "q35.policy-mixture/1"
_FILE = "mixture.json"
_ROUNDS = 400
_LEAST = -8.0
"""Below this a logarithm says that the network did not learn such tactics, not how wrong they are."""


@dataclass(frozen=True)
class Judged:
    """A tactic on a state: the probability that another policy gives it (0: it does not name it), the logarithm of the
    one that it is written with, and the logit of its worth, both the network's."""

    other: float
    written: float
    worth: float


@dataclass(frozen=True)
class Mixture:
    """A tactic's probability is proportional to `other^trust * written^belief * exp(judgement * worth)`; `strange`
    stands for the probability of what the other policy does not name, e^-8 for any that it is written with less."""

    strange: float = 0.01
    trust: float = 0.5
    belief: float = 0.5
    judgement: float = 0.1

    def score(self, tactic: Judged) -> float:
        """The logarithm of its probability, up to what all have in common."""
        other = self.trust * math.log(tactic.other or self.strange)
        return other + self.belief * max(tactic.written, _LEAST) + self.judgement * tactic.worth


def fit(states: Sequence[Sequence[tuple[Judged, bool]]]) -> tuple[Mixture, dict[str, Any]]:
    """The mixture that gives the tactics that were good (of each it is known) most probability: the logarithm of their
    sum is on average minus `loss`; and figures.

    Only states with good and bad tactics count. Raises `InputError` without any.
    """
    kept = [state for state in states if {good for _, good in state} == {False, True}]
    if not kept:
        raise InputError("no state on which good and bad tactics were tried", None, "q35 prover collect --probes")
    # The numbers of a mixture, all positive, by their logarithms.
    raw = torch.tensor([math.log(value) for value in asdict(Mixture()).values()], requires_grad=True)
    columns = [
        torch.tensor([[t.other, max(t.written, _LEAST), t.worth, float(good)] for t, good in state]).T for state in kept
    ]
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for _ in range(_ROUNDS):
        loss = torch.stack([_surprise(column, raw.exp()) for column in columns]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = Mixture(*(float(f"{value:.3g}") for value in raw.exp().tolist()))
    figures = {
        "states": len(kept),
        "loss": round(loss.item(), 3),
        "first_by_other": _first(kept, lambda tactic: tactic.other),
        "first_by_written": _first(kept, lambda tactic: tactic.written),
        "first_by_worth": _first(kept, lambda tactic: tactic.worth),
        "first": _first(kept, found.score),
    }
    return found, figures


def _surprise(column: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Of a state: minus the logarithm of the probability of its good tactics."""
    other, written, worth, good = column
    strange, trust, belief, judgement = numbers
    scores = trust * torch.where(other > 0, other, strange).log() + belief * written + judgement * worth
    return scores.logsumexp(0) - scores[good == 1].logsumexp(0)


def _first(states: Sequence[Sequence[tuple[Judged, bool]]], score: Callable[[Judged], float]) -> float:
    """The share of states where the tactic with the highest score is good."""
    return sum(max(state, key=lambda pair: score(pair[0]))[1] for state in states) / len(states)


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
