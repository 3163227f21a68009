"""`python -m q35.lean`: build, run, doctor without the rest of the program."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from q35.errors import Q35Error
from q35.lean.audit import audit
from q35.lean.build import BuildResult, RunResult, shown_path
from q35.lean.package import load_package
from q35.lean.progress import terminal_report
from q35.lean.toolchain import Diagnosis, Toolchain, doctor, find_toolchain


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 good, 1 wrong input, 2 usage, 3 a module failed)."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except Q35Error as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m q35.lean", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="build modules of the package (default: its default targets)")
    build.add_argument("modules", nargs="*", metavar="MODULE", help="module name, or path of its file")
    build.set_defaults(run=_build)
    run = commands.add_parser("run", help="elaborate a file with the package at hand and print its messages")
    run.add_argument("file", type=Path, metavar="FILE")
    run.set_defaults(run=_run)
    check = commands.add_parser("doctor", help="tell which Lean is used and why, and whether it is fit to use")
    check.set_defaults(run=_doctor)
    review = commands.add_parser("audit", help="list all theorems with their axioms; fail on what is not proved")
    review.set_defaults(run=_audit)
    for command in (build, run, check, review):
        command.add_argument("--project", type=Path, default=Path("proofs"), help="folder of lakefile.toml")
        command.add_argument("--toolchain", metavar="FOLDER|embedded", help="instead of $Q35_LEAN, PATH, embedded")
        command.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _toolchain(options: argparse.Namespace) -> Toolchain:
    with terminal_report() as report:
        return find_toolchain(options.project, options.toolchain, report)


def _build(options: argparse.Namespace) -> int:
    package = load_package(options.project)
    targets = [package.module_at(Path(m)) or m if m.endswith(".lean") else m for m in options.modules]
    toolchain = _toolchain(options)
    with terminal_report() as report:
        result = toolchain.build_package(options.project, targets, report)
    if options.json:
        print(json.dumps(build_as_json(result), indent=1, ensure_ascii=False))
    else:
        _print_build(result)
    return 0 if result.ok else 3


def _print_build(result: BuildResult) -> None:
    for module in result.modules:
        for message in module.messages:
            print(message.shown(shown_path(module.path)))
        if module.status == "skipped":
            print(f"{shown_path(module.path)}:1:0: not built: an import failed")
    built = sum(m.status == "built" for m in result.modules)
    failed = sum(not m.ok for m in result.modules)
    counts = f"{len(result.modules)} modules: {built} built, {len(result.modules) - built - failed} up to date"
    print(f"{counts}, {failed} failed or skipped; {result.seconds:.1f} s")


def build_as_json(result: BuildResult) -> dict[str, object]:
    """A build's result as plain JSON data."""
    modules = [
        {
            "module": m.module,
            "file": shown_path(m.path),
            "status": m.status,
            "seconds": round(m.seconds, 3),
            "key": m.artifact.key if m.artifact else None,
            "messages": [asdict(message) for message in m.messages],
        }
        for m in result.modules
    ]
    return {"ok": result.ok, "seconds": round(result.seconds, 3), "starts": result.starts, "modules": modules}


def _doctor(options: argparse.Namespace) -> int:
    with terminal_report() as report:
        found = doctor(options.project, options.toolchain, report)
    print(json.dumps(found.as_json(), indent=1) if options.json else describe(found))
    return 0 if found.ok else 3


def describe(found: Diagnosis) -> str:
    """A diagnosis for people."""
    lines = [f"{found.kind} Lean {found.version}, because {found.why}", f"  in {found.folder}"]
    if not found.official:
        lines.append(f"  a third party's build, not an official release of Lean {found.wanted}")
        lines.append(
            "  what starts it is changed (lean.js, and the exports and table of lean.wasm); Lean's code is not"
        )
    lines += [f"  {name}: {value}" for name, value in found.hashes.items()]
    lines += [f"  not taken: {other.what}: {other.why}" for other in found.rejected]
    lines += [f"  PROBLEM: {problem}" for problem in found.problems]
    if found.ok:
        lines.append("  self-test passed: it accepts what is true and refuses what is false, in the kernel too")
    return "\n".join(lines)


def _audit(options: argparse.Namespace) -> int:
    toolchain = _toolchain(options)
    with terminal_report() as report:
        found = audit(options.project, toolchain, report)
    if options.json:
        print(json.dumps(found.as_json(), indent=1, ensure_ascii=False))
    else:
        for violation in found.violations:
            print(violation)
        counts = (
            f"{len(found.theorems)} theorems, {len(found.definitions)} definitions, {len(found.violations)} violations"
        )
        print(f"{counts}; axioms: {', '.join(found.axioms) or 'none'}; {found.rechecked} values checked again")
    return 0 if found.ok else 3


def _run(options: argparse.Namespace) -> int:
    toolchain = _toolchain(options)
    with terminal_report() as report:
        result = toolchain.run_file(options.file, options.project, report)
    if options.json:
        data = asdict(result) | {"path": str(result.path), "output": result.output}
        print(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        _print_run(result)
    return 0 if result.ok else 3


def _print_run(result: RunResult) -> None:
    for message in result.messages:
        if message.severity == "information":
            print(message.text)
        else:
            print(message.shown(shown_path(result.path)), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
