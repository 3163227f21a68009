"""The command for those who write kernels: `q35 conform FILE.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from q35.cli_project import Json, Project, print_json
from q35.errors import CheckFailed


def conform(
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Defines decode, dequantize, linear_int8, …")],
    device: Annotated[
        str, typer.Option(metavar="interpreter|cuda", help="Where Triton kernels and tensors are.")
    ] = "interpreter",
    limit: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Longest time for one call.")] = 60,
    budget: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="No new call of an operation after it.")] = 60,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the evidence goes.")] = Path("evidence"),
    project: Project = None,
    json_: Json = False,
) -> None:
    """Judge your own kernels: functions with the names of the operations, against Lean's vectors and exact arithmetic.

    Prints the first counterexample of each operation. Exit code 3 if one differs, or if nothing was compared.
    """
    from q35.conform import Request, report_path
    from q35.conform import conform as work
    from q35.project import find_project

    if device not in ("interpreter", "cuda"):
        raise typer.BadParameter("interpreter or cuda", param_hint="--device")
    request = Request(find_project(project), file, device, limit, budget, out)
    report = work(request, (lambda verdict: None) if json_ else _print_verdict)
    if json_:
        print_json(report)
    else:
        _print_rest(report, report_path(request))
    if report["verdict"] != "passed":
        failed = [item["name"] for item in report["operations"] if item["verdict"] == "failed"]
        what = f"differs from the specification: {', '.join(failed)}" if failed else "nothing was compared"
        raise CheckFailed(what, file.name, document=json_)


def _print_verdict(verdict: dict[str, Any]) -> None:
    """One operation: what was compared, or the first counterexample."""
    found = verdict["counterexample"]
    compared = "; ".join(_counted(part) for part in verdict["compared"])
    if found is None:
        print(f"{verdict['verdict']:7} {verdict['name']:21} {compared}")
        return
    print(f"FAILED  {verdict['name']:21} {'after ' + compared if compared else 'at the first call'}")
    words = ", ".join(f"{word['name']} {word['value']}" for word in found["words"])
    place = f" at {found['place']}" if found["place"] is not None else ""
    print(f"        {found['call']}{place}")
    print(f"        {words + ': ' if words else ''}expected {found['expected']}, got {found['got']}")


def _counted(part: dict[str, Any]) -> str:
    if part["exhaustive"]:
        return f"{part['what']}: all {part['compared']:,}"
    of = f" of {part['domain']:,}" if part["domain"] else ""
    return f"{part['what']}: {part['compared']:,}{of}"


def _print_rest(report: dict[str, Any], path: Path) -> None:
    for row in report["layers"]:
        status = row["status"] if row["status"] == "covered" else row["status"].upper()
        print(f"layer {row['layer']}, {row['meaning']}: {status}{': ' + row['reason'] if row['reason'] else ''}")
    for what, names in (("not in the file", report["not_in_the_file"]), ("no operation", report["not_judged"])):
        if names:
            print(f"{what}: {', '.join(names)}")
    late = [item["name"] for item in report["operations"] if not item["in_time"]]
    if late:
        print(f"not all compared in time (--budget {report['limits']['seconds_an_operation']:g}): {', '.join(late)}")
    print(f"{report['verdict']}: {path}")
