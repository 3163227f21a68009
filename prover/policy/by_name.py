"""The policies by the names that the commands know them by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from q35.errors import InputError
from q35.lean import Report, Toolchain, silent
from q35prover.interface import Policy
from q35prover.library.index import theorems
from q35prover.policy.heuristic import Heuristic
from q35prover.policy.portfolio import Portfolio
from q35prover.policy.retrieval import Retrieval

Name = Literal["portfolio", "heuristic", "neural"]

NAMES: tuple[Name, ...] = get_args(Name)


def policy_by_name(name: str, toolchain: Toolchain, package: Path | None = None, report: Report = silent) -> Policy:
    """The policy of this name, or the neural policy with the weights in the folder of this name.

    `package`: the folder of the Lake package whose theorems it may use. Raises `InputError` if there is none of the
    name, and what reading the library raises.
    """
    match name:
        case "portfolio":
            return Portfolio()
        case "heuristic":
            return Heuristic(Retrieval(theorems(toolchain, package, report)))
        case _ if name == "neural" or Path(name).is_dir():
            from q35prover.policy.neural import WEIGHTS, load_neural_policy  # torch takes seconds, is not always there

            folder = WEIGHTS if name == "neural" else Path(name)
            return load_neural_policy(policy_by_name("heuristic", toolchain, package, report), folder)
    fix = f"one of {', '.join(NAMES)}, or a folder that `q35 prover export` wrote"
    raise InputError(f"no policy {name!r}", None, fix)
