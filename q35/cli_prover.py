"""The commands of the prover: `q35 prove` and `q35 prover …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from q35.cli_project import Json, print_json

prover = typer.Typer(help="Search for proofs, train and compare policies.", no_args_is_help=True, add_completion=False)


@prover.command()
def extract(
    mathlib: Annotated[
        Path, typer.Option(metavar="DIR", help="A checkout of Mathlib, of any version; nothing is built.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The data set to write; gzip if named `.gz`.")],
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; one a core if not given.")] = None,
    json_: Json = False,
) -> None:
    """Read the tactic steps out of Mathlib's text. A run that was ended goes on where it was."""
    from q35.lean.progress import terminal_report
    from q35prover.extract.mathlib import extract as work

    with terminal_report() as report:
        header = work(mathlib, out, jobs, report)
    if json_:
        return print_json(header)
    files = header["provenance"]["files"]
    print(f"{header['steps']:,} steps of {header['theorems']:,} theorems in {files:,} files; {header['splits']}")


@prover.command()
def generate(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON document to write.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same goals.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many goals.")] = 1000,
) -> None:
    """Make up goals of our field, true by construction, none that resembles a held-out one."""
    from q35.files import write_whole
    from q35prover.train.expert_iteration import held_out_statements
    from q35prover.train.generate import document
    from q35prover.train.generate import generate as work

    write_whole(out, document(seed, work(seed, count, held_out_statements())))


@prover.command()
def collect(
    journal: Annotated[Path, typer.Option(metavar="FILE", help="What was tried; a later run goes on from it.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The data set of all proofs in the journal.")],
    policy: Annotated[
        str, typer.Option(help="portfolio or heuristic; replay: our library's own proofs.")
    ] = "heuristic",
    seconds: Annotated[float, typer.Option(min=0, help="When to stop.")] = 300,
    workers: Annotated[int, typer.Option(min=1, help="Lean processes, of 2.5 GB each.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the exercises.")] = 0,
    generated: Annotated[int, typer.Option(min=0, help="How many goals of our own.")] = 1000,
    library: Annotated[int, typer.Option(min=0, help="How many statements of Lean's own library.")] = 0,
    field: Annotated[bool, typer.Option(help="The benchmark's goals for tuning too.")] = True,
    json_: Json = False,
) -> None:
    """Search for proofs of exercises and make a data set of them."""
    from q35.lean import find_toolchain, terminal_report
    from q35.project import find_project
    from q35prover.policy.by_name import policy_by_name
    from q35prover.search.mcts import Mcts
    from q35prover.server.pool import Pool
    from q35prover.train import expert_iteration as work
    from q35prover.train.replay import written_proofs

    proofs = find_project() / "proofs"
    toolchain = find_toolchain(proofs)
    with terminal_report() as report, Pool(toolchain, workers, work.LIMITS, report) as pool:
        if policy == "replay":
            written = written_proofs(proofs)
            exercises, solve = work.written_exercises(written), work.by_replay(pool, written)
        else:
            exercises = work.field_exercises() if field else []
            exercises += work.library_exercises(toolchain, seed, library) if library else []
            exercises += work.generated_exercises(seed, generated, proofs) if generated else []
            solve = work.by_search(pool, policy_by_name(policy, toolchain, proofs, report), Mcts(), work.BUDGET)
        counts = work.collect(exercises, policy, solve, journal, seconds, report)
    header = work.write_collected(journal, out, work.held_out_statements())
    if json_:
        return print_json({"schema": "q35.collected/1", "counts": counts, "data": header})
    tried = f"{counts['proved']} of {counts['tried']} proved in {counts['minutes']} minutes"
    print(f"{tried}; {header['steps']:,} steps of {header['theorems']:,} theorems in the data set")
