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
