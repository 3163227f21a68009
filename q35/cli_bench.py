"""The commands that measure speed: `q35 bench cpu` and `q35 bench gpu`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from q35.cli_project import Json, print_json
from q35.errors import CheckFailed, InputError

if TYPE_CHECKING:
    from q35.bench.results import Tell

bench = typer.Typer(help="Measure speed beside other libraries.", no_args_is_help=True, add_completion=False)


@bench.callback()
def _group() -> None:
    """Measure speed beside other libraries."""


@bench.command()
def cpu(
    shapes: Annotated[
        str, typer.Option(metavar="KxN,...", help="Shapes of the weights: inputs x outputs.")
    ] = "4096x4096,4096x11008,8192x8192,8192x28672",
    rows: Annotated[str, typer.Option(metavar="M,...", help="Rows of activations.")] = "1,8,64,512",
    threads: Annotated[str, typer.Option(metavar="N,...", help="Numbers of threads.")] = "1,2",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender; the median counts.")] = 5,
    peers: Annotated[str, typer.Option(metavar="all|none|NAME,...", help="Which other libraries take part.")] = "all",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JSON.")] = None,
    plots: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the figures as SVG.")] = None,
    json_: Json = False,
) -> None:
    """Time products with Q35 weights and with other libraries' in turn, cold and hot, speed beside accuracy.

    Exit code 3 if a product of ours is wrong or could not be measured.
    """
    from q35.bench.contenders import OURS, choose_peers
    from q35.bench.cpu import Request, run
    from q35.bench.problem import Problem

    problems = tuple(Problem.parse(text) for text in shapes.split(","))
    contenders = (*OURS, *choose_peers(peers.split(",")))
    request = Request(problems, _numbers("rows", rows), _numbers("threads", threads), rounds, contenders)
    # What cannot be written is better known before the run.
    if out is not None:
        _check_writable(out)
    if plots is not None:
        from q35.bench.plots import check_drawing, write_plots

        check_drawing()
    with _progress() as tell:
        document = run(request, tell)
    _write(document, out)
    if plots is not None:
        write_plots(document, plots)
    _show(document, json_)


@bench.command()
def gpu(
    shapes: Annotated[
        str, typer.Option(metavar="KxN,...", help="Shapes of the weights: inputs x outputs.")
    ] = "4096x4096,4096x11008,11008x4096,8192x1024,8192x8192,8192x28672,28672x8192",
    rows: Annotated[str, typer.Option(metavar="M,...", help="Rows of activations.")] = "1,8,64,512,4096",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender; the median counts.")] = 9,
    peers: Annotated[str, typer.Option(metavar="all|none|NAME,...", help="Which other libraries take part.")] = "all",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JSON.")] = None,
    json_: Json = False,
) -> None:
    """Time products with Q35 and MXFP4 weights on a GPU and PyTorch's in turn, speed beside accuracy.

    The shapes are the layers of LLaMA 7B and 70B. Where there is no GPU every cell says "not measured", and why. Exit
    code 3 if there is one, and a product of ours is wrong or could not be measured.
    """
    from q35.bench import gpu_contenders
    from q35.bench.contenders import choose_peers
    from q35.bench.gpu import DEVICE, Request, run
    from q35.bench.problem import Problem

    problems = tuple(Problem.parse(text) for text in shapes.split(","))
    contenders = (*gpu_contenders.OURS, *choose_peers(peers.split(","), gpu_contenders.PEERS))
    request = Request(problems, _numbers("rows", rows), rounds, contenders, DEVICE)
    if out is not None:
        _check_writable(out)
    with _progress() as tell:
        document = run(request, tell)
    _write(document, out)
    _show(document, json_)


def _write(document: dict[str, Any], out: Path | None) -> None:
    from q35.files import canonical_json, write_whole

    if out is not None:
        write_whole(out, canonical_json(document))


def _show(document: dict[str, Any], json_: bool) -> None:
    """Prints the results; raises `CheckFailed` if one of ours has none, unless the machine lacks the device."""
    if json_:
        print_json(document)
    else:
        _print_tables(document)
    ours = {contender["name"] for contender in document["contenders"] if contender["ours"]}
    failed = [entry for entry in document["not_measured"] if entry["contender"] in ours]
    if failed and document.get("device", True) is not None:
        what = f"{failed[0]['contender']} was not measured: {failed[0]['reason']}"
        raise CheckFailed(what, document=json_)


@bench.command()
def show(
    results: Annotated[Path, typer.Argument(metavar="FILE", help="What `q35 bench cpu` or `gpu` wrote to --out FILE.")],
    against: Annotated[str | None, typer.Option(metavar="PEER", help="Compare with this peer alone.")] = None,
) -> None:
    """Print the tables of results that were kept."""
    import jsonschema

    import q35spec
    from q35.files import read_json

    document = read_json(results)
    on_gpu = isinstance(document, dict) and document.get("schema") == "q35.benchmark-gpu/1"
    try:
        jsonschema.validate(document, q35spec.schema("benchmark_gpu" if on_gpu else "benchmark"))
    except jsonschema.ValidationError as error:
        raise InputError(f"not the results of a benchmark: {error.message[:100]}", str(results)) from None
    _print_tables(document, against)


def _print_tables(document: dict[str, Any], against: str | None = None) -> None:
    from rich.console import Console

    from q35.bench.table import tables

    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(tables(document, against))


def _check_writable(path: Path) -> None:
    """Raises `InputError` when no file can be made there."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError("cannot write", str(path))


def _numbers(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers of at least 1, each once; raises `InputError` for anything else."""
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--{name} {text} is not a list of numbers", fix="write them as in 1,8,64")
    return tuple(dict.fromkeys(map(int, parts)))


@contextlib.contextmanager
def _progress() -> Iterator[Tell]:
    """A bar on stderr that is drawn between turns only, since drawing takes a processor's time; no bar without one."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("")

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total, refresh=True)

        yield tell
