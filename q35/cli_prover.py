"""The commands of the prover: `q35 prove` and `q35 prover …`."""

from __future__ import annotations

import typer

prover = typer.Typer(help="Search for proofs, train and compare policies.", no_args_is_help=True, add_completion=False)
