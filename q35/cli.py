"""The command line. Each command imports what it needs when it runs, so that `q35 --help` answers at once.

Exit codes: 0 done, 1 wrong input, 2 wrong usage, 3 a check failed, 130 interrupted (143 terminated). Errors are one
line on stderr; with `--json` the one document on stdout then says the same. `Q35_DEBUG=1` adds Python's traceback.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from q35 import cli_bench, cli_conform, cli_project, cli_prover
from q35.cli_project import Json, print_json
from q35.errors import CheckFailed, InputError, Q35Error

if TYPE_CHECKING:
    from q35.model.quantize import Progress

app = typer.Typer(
    help="State, prove, implement, test and certify low-bit number formats.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Force = Annotated[bool, typer.Option("--force", help="Write over existing files.")]

Project = Annotated[Path | None, typer.Option(metavar="DIR", help="The project's folder, if not this one.")]
Toolchain = Annotated[
    str | None, typer.Option(metavar="FOLDER|embedded", help="Which Lean, instead of $Q35_LEAN, PATH, embedded.")
]


app.add_typer(cli_project.spec, name="spec")
app.command()(cli_project.compare)
app.command()(cli_project.book)
app.command()(cli_project.layers)
app.command()(cli_project.certify)
app.command()(cli_conform.conform)
app.add_typer(cli_bench.bench, name="bench")
app.command()(cli_prover.prove)
app.add_typer(cli_prover.prover, name="prover")


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. No exception leaves this function but what kills Python itself."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    wants_json = "--json" in arguments
    try:
        app(list(arguments), prog_name="q35")
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        if code == 130:
            print("q35: interrupted; nothing half done is left", file=sys.stderr)
        return code
    except Q35Error as error:
        return _report(error, wants_json)
    except Exception as error:
        where = f"{type(error).__name__}: {error}".splitlines()[0]
        return _report(InputError(f"unexpected error, {where}", None, "Q35_DEBUG=1 shows the details"), wants_json)
    return 0


def _terminate(number: int, frame: FrameType | None) -> None:
    """Leave through all `with` blocks, so that nothing half written stays, when asked to end."""
    raise SystemExit(128 + number)


def _report(error: Q35Error, wants_json: bool) -> int:
    """Say what is wrong, once, where the caller looks; the exit code."""
    if os.environ.get("Q35_DEBUG"):
        traceback.print_exc()
    print("q35: " + " ".join(str(error).split()), file=sys.stderr)
    if wants_json and not (isinstance(error, CheckFailed) and error.document):
        print_json(
            {
                "schema": "q35.error/1",
                "exit_code": error.exit_code,
                "what": error.what,
                "where": error.where,
                "fix": error.fix,
            }
        )
    return error.exit_code


@contextlib.contextmanager
def _progress(label: str) -> Iterator[Progress]:
    """A bar on stderr while a model is worked on; nothing where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(label),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[tensor]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, tensor="")
        yield lambda name, done, total: bar.update(task, completed=done, total=total, tensor=name)


@app.command()
def doctor(
    toolchain: Toolchain = None,
    project: Project = None,
    json_: Json = False,
) -> None:
    """Tell which Lean is used and why, and whether it is fit to use; install it if there is none."""
    _lean("doctor", [], project, toolchain, json_)


@app.command()
def build(
    modules: Annotated[
        list[str] | None, typer.Argument(metavar="MODULE...", help="Names or files; all if none.")
    ] = None,
    toolchain: Toolchain = None,
    project: Project = None,
    json_: Json = False,
) -> None:
    """Build the proofs; only what changed."""
    _lean("build", modules or [], project, toolchain, json_)


def _lean(command: str, arguments: list[str], project: Path | None, toolchain: str | None, json_: bool) -> None:
    """Run a command of `q35.lean` and exit with its code."""
    from q35.lean.__main__ import main as lean
    from q35.project import find_project

    options = ["--project", str(find_project(project) / "proofs")]
    options += ["--toolchain", toolchain] if toolchain else []
    raise typer.Exit(lean([command, *arguments, *options, *(["--json"] if json_ else [])]))


@app.command()
def quantize(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A safetensors file, an index, or a folder with either.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; its certificate is OUT.cert.json.")],
    scheme: Annotated[str | None, typer.Option(help="codebook (default), block, row-affine or row-absmax.")] = None,
    block_size: Annotated[int | None, typer.Option(help="32, 64 (default) or 128 weights a step.")] = None,
    storage: Annotated[str | None, typer.Option(help="stream (default): 7 bits a code; byte: 8.")] = None,
    include: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Quantize these tensors and no others.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Keep these tensors as they are.")] = None,
    json_: Json = False,
    force: Force = False,
) -> None:
    """Quantize a model to 3.5 bits a weight and certify how exact it is."""
    from q35.model.quantize import Request
    from q35.model.quantize import quantize as work

    request = Request(scheme, block_size, storage, tuple(include or ()), tuple(exclude or ()), force)
    with _progress("quantizing") as progress:
        result = work(source, target, request, progress)
    if json_:
        return print_json(result)
    print(
        f"{result['quantized']} of {result['tensors']} tensors, {result['weights']:,} weights, "
        f"{_ratio(result['bits_per_weight']):.4g} bits/weight, relative RMSE {float(result['relative_rmse']):.2%}, "
        f"{result['seconds']:.2f} s, {result['weights'] / 1e6 / max(result['seconds'], 1e-3):.1f} M weights/s"
    )


@app.command()
def verify(
    model: Annotated[Path, typer.Argument(metavar="OUT", help="The quantized model.")],
    against: Annotated[Path, typer.Option(metavar="IN", help="The model that it was made from.")],
    certificate: Annotated[Path | None, typer.Option(help="Its certificate, if not OUT.cert.json.")] = None,
    json_: Json = False,
) -> None:
    """Derive every figure of a certificate anew, exactly, with none of the quantizer's code."""
    from time import perf_counter

    from q35.verify import verify as work

    started = perf_counter()
    result = work(model, against, certificate)
    result["seconds"] = round(perf_counter() - started, 3)
    if json_:
        return print_json(result)
    print(
        f"verified: {result['quantized']} quantized and {result['tensors'] - result['quantized']} copied tensors, "
        f"{result['weights']:,} weights, relative RMSE {float(result['relative_rmse']):.2%}, every figure of the "
        f"certificate derived anew, {result['seconds']:.2f} s"
    )


@app.command()
def dequantize(
    source: Annotated[Path, typer.Argument(metavar="OUT", help="A quantized model.")],
    target: Annotated[Path, typer.Argument(metavar="BACK", help="The ordinary safetensors file to write.")],
    dtype: Annotated[str | None, typer.Option(help="F32 (exact), F16 or BF16; the original dtypes by default.")] = None,
    json_: Json = False,
    force: Force = False,
) -> None:
    """Turn a quantized model back into ordinary weights."""
    from q35.model.dequantize import dequantize as work

    with _progress("dequantizing") as progress:
        result = work(source, target, dtype, force, progress)
    if json_:
        return print_json(result)
    print(
        f"{result['dequantized']} of {result['tensors']} tensors dequantized, {result['bytes']:,} bytes, "
        f"{result['seconds']:.2f} s"
    )


@app.command()
def inspect(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Any safetensors file, index or folder.")],
    json_: Json = False,
) -> None:
    """List a model's tensors; for a quantized one with its scheme and its certified errors."""
    from q35.model.inspect import inspect as work

    result = work(source)
    if json_:
        return print_json(result)
    _print_tensors(result)


def _print_tensors(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("tensor", overflow="fold")
    for heading in ("dtype", "shape", "stored", "bits/weight", "RMSE", "largest error", "bound", "outside"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in result["tensors"]:
        stored = "as it was" if entry["action"] == "copied" else "quantized"
        table.add_row(
            escape(entry["name"]),
            entry["dtype"],
            "x".join(map(str, entry["shape"])) or "scalar",
            stored,
            f"{entry['bits_per_weight']:.4g}",
            _shown(entry["relative_rmse"], ".2%"),
            _shown(entry["largest_error"], ".3g"),
            _shown(entry["error_bound"], ".3g"),
            _shown(entry["outside_region"], "d"),
        )
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table)
    totals, format_, certified = result["totals"], result["format"], result["certificate"]
    line = f"{totals['tensors']} tensors, {totals['bytes']:,} bytes"
    if format_:
        blocks = f", block size {format_['block_size']}" if format_["block_size"] else ""
        line += f", {totals['quantized']} quantized: {format_['scheme']}{blocks}, storage {format_['storage']}"
    if certified:
        sums = certified["totals"]
        line += f", {_ratio(sums['bits_per_weight']):.4g} bits/weight, relative RMSE {float(sums['relative_rmse']):.2%}"
    elif format_:
        line += ", no certificate"
    console.print(line)


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _ratio(text: str) -> float:
    """The value of a certificate's "n/d"."""
    numerator, denominator = map(int, text.split("/"))
    return numerator / denominator
