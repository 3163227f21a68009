"""The commands that judge the project itself: `q35 spec …`, `q35 compare`, `q35 layers`, `q35 book`, `q35 certify`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from q35.errors import CheckFailed
from q35.project import find_project

if TYPE_CHECKING:
    from q35.certify.stages import StageResult
    from q35.lean.audit import AuditReport
    from q35.lean.progress import Report
    from q35.lean.toolchain import Toolchain
    from q35.model.layers import Comparison

spec = typer.Typer(help="Check and renew what `spec/` says.", no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
Project = Annotated[
    Path | None, typer.Option("--project", metavar="DIR", help="A checkout of q35; this one by default.")
]
ToolchainSetting = Annotated[str | None, typer.Option("--toolchain", help="A folder that holds lean, or 'embedded'.")]


def print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _audited(project: Path, setting: str | None, report: Report) -> tuple[Toolchain, AuditReport]:
    """The toolchain and the proofs as they are now; raises `CheckFailed` when they do not stand."""
    from q35.lean.audit import audit
    from q35.lean.toolchain import find_toolchain

    toolchain = find_toolchain(project / "proofs", setting, report)
    found = audit(project / "proofs", toolchain, report)
    found.raise_on_violation()
    return toolchain, found


@spec.command()
def check(project: Project = None, toolchain: ToolchainSetting = None, json_: Json = False) -> None:
    """Links lead somewhere, theorems serve a requirement and are not empty, files are fresh, statements as agreed."""
    from q35.lean.progress import terminal_report
    from q35.spec_check import as_data, check_all
    from q35.spec_data import Proofs

    root = find_project(project)
    with terminal_report() as report:
        lean, found = _audited(root, toolchain, report)
        checks = check_all(root, Proofs.of(found), lean, report)
    if json_:
        print_json(as_data(checks))
    else:
        for item in checks:
            print(f"{'passed' if item.passed else 'FAILED'}  {item.name}: {item.examined} examined")
            for finding in item.findings:
                print(f"        {finding}")
    wrong = [item for item in checks if not item.passed]
    if wrong:
        findings = [finding for item in wrong for finding in item.findings] or [f"{wrong[0].name} examined nothing"]
        raise CheckFailed(f"{len(findings)} findings, the first: {findings[0]}", "spec", document=json_)


@spec.command()
def renew(project: Project = None, toolchain: ToolchainSetting = None) -> None:
    """Write the golden vectors and the generated Lean files anew from the definitions and the data."""
    from q35.lean.progress import terminal_report
    from q35.lean.toolchain import find_toolchain
    from q35.spec_check import write_generated
    from q35.spec_vectors import export_vectors

    root = find_project(project)
    with terminal_report() as report:
        write_generated(root, root)
        export_vectors(root, find_toolchain(root / "proofs", toolchain, report), root / "spec" / "vectors", report)


@spec.command()
def agree(project: Project = None, toolchain: ToolchainSetting = None) -> None:
    """Take the statements of linked theorems and open goals as they are now as the agreed ones. Read them first."""
    from q35.lean.progress import terminal_report
    from q35.open_goals import agree_on_goals, stated
    from q35.spec_check import agree_on_statements
    from q35.spec_data import Proofs

    root = find_project(project)
    with terminal_report() as report:
        lean, found = _audited(root, toolchain, report)
        count = agree_on_statements(root, Proofs.of(found))
        goals = agree_on_goals(root, stated(root, lean, report))
    print(f"{count} statements agreed in spec/statements.json, {goals} open goals in spec/goals.json")


def compare(
    model: Annotated[
        Path | None, typer.Argument(help="A safetensors file; the installed evaluation model by default.")
    ] = None,
    json_: Json = False,
) -> None:
    """Compare all schemes, the published ones and plain int4 and int8 on a model's own weights."""
    from q35.model.compare import compare as work
    from q35.model.compare import evaluation_model

    source = model or evaluation_model()
    rows = work(source)
    if json_:
        return print_json({"schema": "q35.comparison/1", "model": source.name, "rows": rows})
    print(f"{'relative RMSE on ' + source.name:<36}{'bits/weight':>12}{'RMSE':>10}")
    for row in rows:
        print(f"{row['name']:<36}{row['bits_per_weight']:>12.3f}{row['relative_rmse']:>10.2%}")


def book(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")] = Path("evidence/theorems.html"),
    project: Project = None,
    toolchain: ToolchainSetting = None,
) -> None:
    """Write all theorems and definitions, with what they rest on and what they serve, as one page."""
    from q35.certify.book import render_book
    from q35.files import write_whole
    from q35.lean.progress import terminal_report

    root = find_project(project)
    with terminal_report() as report:
        found = _audited(root, toolchain, report)[1]
    write_whole(out, render_book(root, found).encode())
    print(f"{len(found.theorems)} theorems, {len(found.definitions)} definitions: {out}")


def layers(
    model: Annotated[
        Path | None, typer.Argument(help="A safetensors file; the installed evaluation model by default.")
    ] = None,
    count: Annotated[int, typer.Option("--layers", min=1, help="How many layers, spread evenly over the model.")] = 10,
    scheme: Annotated[str | None, typer.Option(help="codebook (default) or block.")] = None,
    block_size: Annotated[int | None, typer.Option(help="32, 64 (default) or 128 weights a step.")] = None,
    json_: Json = False,
) -> None:
    """Compare the kernels' matrix products on a model's layers with the exact ones and with their proved bound.

    Exit code 3 if any output is further from the exact product than the bound says.
    """
    from dataclasses import asdict

    from q35.model.compare import evaluation_model
    from q35.model.layers import layer_errors

    source = model or evaluation_model()
    rows = layer_errors(source, count, scheme, block_size)
    beyond = sum(row.beyond for row in rows)
    if json_:
        found = [asdict(row) for row in rows]
        print_json({"schema": "q35.layers/1", "model": source.name, "passed": not beyond, "rows": found})
    else:
        _print_layers(source.name, rows)
    if beyond:
        what = f"{beyond} outputs are further from the exact product than their bound"
        raise CheckFailed(what, source.name, document=json_)


def _print_layers(name: str, rows: list[Comparison]) -> None:
    heading = "products of " + name
    width = max(len(heading), *(len(row.layer) for row in rows))
    print(f"{heading:<{width}}{'activations':>12}{'error':>9}{'bound':>9}{'largest ratio':>15}{'own errors':>12}")
    for row in rows:
        print(
            f"{row.layer:<{width}}{row.activations:>12}{row.error:>9.3g}{row.bound:>9.3g}"
            f"{row.largest_ratio:>15.3f}{row.largest_own_ratio:>12.5f}"
        )


def certify(
    model: Annotated[Path | None, typer.Argument(help="A model; the installed evaluation model by default.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the report and the quantized model go.")] = Path(
        "evidence"
    ),
    quantized: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Verify this quantized file instead of making a new one.")
    ] = None,
    project: Project = None,
    toolchain: ToolchainSetting = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Run the conformance suite even if it passed on the same inputs.")
    ] = False,
    json_: Json = False,
) -> None:
    """Prove, test, quantize, verify, and write the evidence report. Exit code 3 if any part failed or did not run."""
    from q35.certify.evidence import Request
    from q35.certify.evidence import certify as work
    from q35.lean.progress import terminal_report

    with terminal_report() as progress:
        request = Request(find_project(project), model, out, quantized, fail_fast, fresh, toolchain, progress)
        report = work(request, _announce)
    if json_:
        print_json(report)
    else:
        print(f"{report['verdict']}: {out / 'report.html'}")
    if report["verdict"] != "passed":
        findings = [finding for stage in report["stages"] for finding in stage["findings"]]
        where = str(out / "report.json")
        raise CheckFailed(f"the evidence does not hold: {findings[0]}", where, document=json_)


def _announce(event: StageResult | str) -> None:
    """One line on stderr for each stage that ended, and one for each of its findings."""
    if isinstance(event, str):
        return
    replayed = f" (replayed from {event.replayed_from})" if event.replayed_from else ""
    print(
        f"{event.status.replace('_', ' '):8} {event.name:12} {event.seconds:7.1f} s  {event.summary}{replayed}",
        file=sys.stderr,
    )
    for finding in event.findings:
        print(f"         {finding}", file=sys.stderr)
