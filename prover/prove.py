"""Close the `sorry`s of a file: search, have the whole file judged by the gate, write it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from q35.errors import InputError
from q35.lean import Report, silent
from q35prover.gate.submission import Submission
from q35prover.gate.verdict import Verdict
from q35prover.interface import Environment, Policy, Problem, TacticState
from q35prover.search.attempt import Attempt, attempt
from q35prover.search.best_first import BestFirst
from q35prover.search.budget import Budget
from q35prover.search.frontier import Method
from q35prover.search.mcts import Mcts
from q35prover.search.script import script, script_for
from q35prover.search.shorten import shorten
from q35prover.sorries import Sorry, find_sorries

METHODS: dict[str, Method] = {"mcts": Mcts(), "best-first": BestFirst()}
_SHORTEN_SHARE = 0.25
"""Of the seconds of a search, for making its proof shorter."""


class Judge(Protocol):
    """The gate, as far as it is needed here."""

    def judge_file(self, submission: Submission) -> Verdict: ...


@dataclass(frozen=True)
class Means:
    """What a search is made with. The budget is for one `sorry`."""

    environment: Environment
    policy: Policy
    method: Method
    budget: Budget
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """What became of one theorem: `line` from 1, `proofs` the texts for its `sorry`s if all were found.

    `stuck` are the states that the best beginnings leave open, `verdict` is the gate's if there was a proof to judge,
    `steps` and `seconds` (wall clock) what the searches took.
    """

    theorem: str
    line: int
    proofs: tuple[str, ...]
    stuck: tuple[TacticState, ...]
    verdict: Verdict | None
    steps: int
    seconds: float

    @property
    def closed(self) -> bool:
        return self.verdict is not None and self.verdict.accepted

    def shown(self, file: str) -> str:
        """For people: what was proved and how, or why not and where the search got stuck."""
        head = f"{file}:{self.line}: {self.theorem}: {self.steps} tactics run in {self.seconds:.1f} s"
        if self.closed:
            return f"{head}: proved\n" + "\n".join(self.proofs)
        if self.verdict:
            return f"{head}: refused\n" + "\n".join(str(finding) for finding in self.verdict.findings)
        goals = [goal.text for state in self.stuck for goal in state.goals]
        return f"{head}: not proved; it is stuck at\n" + "\n\n".join(goals)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "theorem": self.theorem,
            "line": self.line,
            "closed": self.closed,
            "proofs": list(self.proofs),
            "stuck": [[goal.text for goal in state.goals] for state in self.stuck],
            "findings": [str(finding) for finding in self.verdict.findings] if self.verdict else [],
            "axioms": list(self.verdict.axioms) if self.verdict else [],
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
        }


def document(file: str, results: Sequence[Result]) -> dict[str, Any]:
    """The results of a file as JSON data, valid against `prove.schema.json`."""
    return {"schema": "q35.prove/1", "file": file, "theorems": [result.as_json() for result in results]}


def find_package(file: Path) -> Path | None:
    """The folder of the Lake package that a file lies in, if it lies in one."""
    return next((folder for folder in file.resolve().parents if (folder / "lakefile.toml").is_file()), None)


def prove(
    text: str,
    means: Means,
    judge: Judge,
    package: Path | None = None,
    theorem: str | None = None,
    report: Report = silent,
) -> tuple[str, list[Result]]:
    """The file with every proof that was found and accepted, and what became of each theorem, in their order.

    Only the `sorry`s of `theorem` (its full name, or the end of it), if one is given. Raises `InputError` if there is
    no `sorry`, or one in a declaration without a name.
    """
    results = []
    for name in _wanted(find_sorries(text), theorem):
        here = [sorry for sorry in find_sorries(text) if sorry.theorem == name]
        submission, result = _search(text, here, means, package, report)
        if submission:
            report(f"{name}: a proof was found; judging the whole file", 0, 0)
            result = replace(result, verdict=judge.judge_file(submission))
        if submission and result.closed:
            text = submission.text
        results.append(result)
    return text, results


def _wanted(found: Sequence[Sorry], theorem: str | None) -> list[str]:
    if not found:
        raise InputError("there is no sorry")
    names = list(dict.fromkeys(sorry.theorem for sorry in found))
    if theorem is not None:
        names = [name for name in names if f".{name}".endswith(f".{theorem}")]
        if not names:
            raise InputError(f"no sorry in a theorem {theorem}")
    if "" in names:
        line = next(sorry.line for sorry in found if not sorry.theorem)
        raise InputError("a sorry in a declaration without a name cannot be judged", f"line {line}", "name it")
    return names


def _search(
    text: str, sorries: Sequence[Sorry], means: Means, package: Path | None, report: Report
) -> tuple[Submission | None, Result]:
    """A search for each of a theorem's `sorry`s; the whole to be judged if all of them were found."""
    attempts, proofs = [], []
    for sorry in sorries:
        problem = Problem(sorry.theorem, text[: sorry.start], text[sorry.end :], package=package)
        made = attempt(problem, means.environment, means.policy, means.method, means.budget, means.seed, report)
        attempts.append(made)
        proofs.append(_text(made, sorry, means))
    result = Result(
        theorem=sorries[0].theorem,
        line=sorries[0].line,
        proofs=tuple(proof for proof in proofs if proof is not None),
        stuck=tuple(state for made in attempts if not made.proof for state in made.stuck),
        verdict=None,
        steps=sum(made.steps for made in attempts),
        seconds=sum(made.seconds for made in attempts),
    )
    if len(result.proofs) < len(sorries):
        return None, replace(result, proofs=())
    starts = [0, *(sorry.end for sorry in sorries)]
    ends = [*(sorry.start for sorry in sorries), len(text)]
    pieces = tuple(text[start:end] for start, end in zip(starts, ends, strict=True))
    return Submission(result.theorem, pieces, result.proofs, package=package), result


def _text(made: Attempt, sorry: Sorry, means: Means) -> str | None:
    """The proof as it will stand in the file, as short as it gets in a part of the search's time."""
    if made.proof is None:
        return None
    budget = replace(means.budget, seconds=means.budget.seconds * _SHORTEN_SHARE)
    proof = shorten(made.proof, means.environment, budget)
    line = made.problem.before.rpartition("\n")[2]
    if sorry.is_term:
        column = len(line) - len(line.lstrip(" ·")) + 2
        if proof.length == 1 and "\n" not in proof.tactic:
            return f"by {proof.tactic}"
        return f"by\n{' ' * column}{script(proof, column)}"
    if sorry.in_row and proof.length > 1:
        return f"({script(proof, len(line) + 1)})"
    return script_for(made.problem, proof)
