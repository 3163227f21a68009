"""Steps with the hypotheses of their goals called otherwise: what a network is to learn is to copy names."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from q35prover.train.data import TacticStep

_POOL = (
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"h{suffix}" for suffix in "abcdijklmnpqstwxyz₀₁₂₃₄12345'"),
    *(
        "hxy",
        "hab",
        "hle",
        "hlt",
        "hne",
        "hyp",
        "this",
        "ih",
        "key",
        "x₁",
        "x₂",
        "xs",
        "ys",
        "a₁",
        "b₁",
        "n₁",
        "lo",
        "hi",
    ),
)

_HYPOTHESES = re.compile(r"^([^\s:⊢|]+(?: [^\s:⊢|]+)*) :", re.MULTILINE)
_NAME = r"(?<![\w.'✝])(?:{})(?![\w'✝])"


def renamed(step: TacticStep, choice: random.Random) -> TacticStep:
    """The step, which has a state, with names from a pool for its hypotheses, each by a chance of one half.

    A step whose tactic names an argument (`(n := 1)`) or begins with the name of a hypothesis is returned as it is.
    """
    state = step.state or ""
    names = {
        name for line in _HYPOTHESES.findall(state) for name in line.split() if re.fullmatch(r"[^\W\d][\w']*", name)
    }
    if ":=" in step.tactic or re.split(r"\W", step.tactic, maxsplit=1)[0] in names:
        return step
    used = set(re.findall(r"[\w']+", " ".join([state, step.tactic, *(tactic for tactic, _ in step.tried)])))
    free = [name for name in _POOL if name not in used]
    old = [name for name in sorted(names) if choice.random() < 0.5][: len(free)]
    if not old:
        return step
    new = dict(zip(old, choice.sample(free, len(old)), strict=True))
    pattern = re.compile(_NAME.format("|".join(map(re.escape, sorted(old, key=len, reverse=True)))))

    def rename(text: str) -> str:
        return pattern.sub(lambda match: new[match.group()], text)

    tried = tuple((rename(tactic), closed) for tactic, closed in step.tried)
    return replace(step, state=rename(state), tactic=rename(step.tactic), tried=tried)
