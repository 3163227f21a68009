"""The commands that compare policies: `q35 prover bench …`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from q35.cli_project import Json, print_json
from q35.errors import InputError

if TYPE_CHECKING:
    from q35prover.benchmark.problems import Split, Suite

bench = typer.Typer(help="Compare policies on the same theorems.", no_args_is_help=True, add_completion=False)

Out = Annotated[Path, typer.Option(metavar="FILE", help="The results, JSON; a run that was ended goes on from it.")]
Contenders = Annotated[
    str,
    typer.Option(
        metavar="POLICY/METHOD,...",
        help="portfolio, heuristic, neural or a folder of weights; one-tactic, best-first or mcts.",
    ),
]
Seconds = Annotated[float, typer.Option(min=0.1, help="Wall clock of an attempt.")]
Seeds = Annotated[int, typer.Option(min=1, help="How many seeds: 0, 1, ...")]
Workers = Annotated[int, typer.Option(min=1, help="Lean processes, of 2.5 GB each.")]


@bench.command()
def field(
    out: Out,
    split: Annotated[str, typer.Option(help="tuning, held-out or all.")] = "tuning",
    contenders: Contenders = "portfolio/one-tactic,heuristic/mcts",
    seconds: Seconds = 30,
    seeds: Seeds = 1,
    workers: Workers = 1,
    json_: Json = False,
) -> None:
    """Goals of our field, of graded difficulty."""
    from q35prover.benchmark.problems import SPLITS

    chosen = SPLITS if split == "all" else tuple(name for name in SPLITS if name == split)
    if not chosen:
        raise InputError(f"--split {split} is none of {', '.join(SPLITS)}, all")
    _bench("field", chosen, out, contenders, seconds, seeds, workers, json_)


@bench.command()
def library(
    out: Out,
    contenders: Contenders = "portfolio/one-tactic,heuristic/mcts",
    seconds: Seconds = 30,
    seeds: Seeds = 1,
    workers: Workers = 1,
    json_: Json = False,
) -> None:
    """Statements of Lean's own library, which a proof may not use. All are held out."""
    _bench("library", ("held-out",), out, contenders, seconds, seeds, workers, json_)


@bench.command()
def show(
    results: Annotated[Path, typer.Argument(metavar="FILE", help="What `field` or `library` wrote.")],
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw success against budget.")] = None,
) -> None:
    """Print the tables of results that were kept."""
    from q35prover.benchmark.plots import write_plot
    from q35prover.benchmark.run import read_results

    document = read_results(results)
    _print_results(document)
    if plot:
        write_plot(document, plot)


def _bench(
    suite: Suite,
    splits: tuple[Split, ...],
    out: Path,
    contenders: str,
    seconds: float,
    seeds: int,
    workers: int,
    json_: bool,
) -> None:
    """Run a benchmark and print its tables."""
    from q35.lean import find_toolchain, terminal_report
    from q35.project import find_project
    from q35prover.benchmark.problems import entries
    from q35prover.benchmark.run import Contender, Request, run
    from q35prover.gate.judge import Gate
    from q35prover.policy.by_name import policy_by_name
    from q35prover.search.best_first import BestFirst
    from q35prover.search.mcts import Mcts
    from q35prover.search.one_tactic import OneTactic
    from q35prover.server.pool import Limits, Pool

    proofs, methods = find_project() / "proofs", {method.name: method for method in (OneTactic(), BestFirst(), Mcts())}
    toolchain, limits = find_toolchain(proofs), Limits()
    lean = {"toolchain": toolchain.identity, "workers": workers}
    lean |= {"heartbeats": limits.heartbeats, "step_seconds": limits.seconds}
    with terminal_report() as report, contextlib.ExitStack() as started:
        chosen = []
        for name in contenders.split(","):
            policy, _, method = name.rpartition("/")
            if method not in methods or not policy:
                raise InputError(f"--contenders {name}: no such method", fix=f"POLICY/{', POLICY/'.join(methods)}")
            chosen.append(Contender(policy_by_name(policy, toolchain, proofs, report), methods[method]))
        if len({contender.name for contender in chosen}) < len(chosen):
            raise InputError(f"--contenders {contenders}: two have the same name", fix="rename a folder")
        request = Request(suite, splits, seconds, tuple(range(seeds)), tuple(chosen), lean)
        pool = started.enter_context(Pool(toolchain, workers, limits, report))

        def gate() -> Gate:
            pool.close()  # two processes at a time are enough for the machine
            return started.enter_context(Gate(toolchain, report=report))

        document = run(request, entries(suite, splits), pool, gate, out, report)
    if json_:
        return print_json(document)
    _print_results(document)


def _print_results(document: dict[str, Any]) -> None:
    from rich.console import Console

    from q35prover.benchmark.table import tables

    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(tables(document))
