"""`python -m q35prover.server`: answers as leanprover-community/repl does, so that its clients work.

Requests on standard input are JSON texts, each followed by a blank line; so are the answers on standard output. What
is not supported (pickling, info trees, `allTactics`, `rootGoals`) is answered by a `message` that says so. A tactic
runs without error recovery: where that REPL gives a state and error messages, this one gives the error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from q35.errors import InputError, Q35Error
from q35.lean import Toolchain, find_toolchain
from q35.project import find_project
from q35prover.imports import module_setup
from q35prover.interface import Problem
from q35prover.server.client import Client

_UNSUPPORTED = (
    "allTactics", "infotree", "pickleTo", "rootGoals", "unpickleEnvFrom", "unpickleProofStateFrom"
)  # fmt: skip
_FIELDS = ("cmd", "env", "tactic", "proofState", "batch", "maxHeartbeats", "forget")
_OURS = ("id", "memory", "more")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m q35prover.server", description=__doc__)
    parser.add_argument("--package", type=Path, help="a Lake package whose modules may be imported")
    parser.add_argument("--toolchain", help="which Lean, instead of $Q35_LEAN, PATH, embedded")
    options = parser.parse_args()
    try:
        toolchain = find_toolchain(options.package or find_project() / "proofs", options.toolchain)
    except Q35Error as error:
        print(f"q35: {error}", file=sys.stderr)
        return error.exit_code
    with Client(toolchain) as client:
        serve(client, toolchain, options.package, sys.stdin, sys.stdout)
    return 0


def serve(client: Client, toolchain: Toolchain, package: Path | None, source: IO[str], sink: IO[str]) -> None:
    """Answer requests until `source` ends."""
    for text in _requests(source):
        try:
            answer = _answer(client, toolchain, package, text)
        except Q35Error as error:
            answer = {"message": str(error)}
        sink.write(json.dumps(answer, ensure_ascii=False) + "\n\n")
        sink.flush()


def _requests(source: IO[str]) -> Iterator[str]:
    """The texts between blank lines."""
    lines: list[str] = []
    for line in source:
        if line.strip():
            lines.append(line)
        elif lines:
            yield "".join(lines)
            lines = []
    if lines:
        yield "".join(lines)


def _answer(client: Client, toolchain: Toolchain, package: Path | None, text: str) -> dict[str, Any]:
    try:
        request = json.loads(text)
    except json.JSONDecodeError as error:
        return {"message": f"Could not parse JSON:\n{error}"}
    if not isinstance(request, dict):
        return {"message": "Could not parse as a valid JSON command:\nit is not an object"}
    for field in _UNSUPPORTED:
        if request.get(field):
            return {"message": f"{field} is not supported by this server"}
    if "path" in request:
        path = Path(request.pop("path"))
        try:
            request["cmd"] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", str(path)) from error
    asked = {field: request[field] for field in _FIELDS if request.get(field) is not None}
    if "cmd" in asked and "env" not in asked:
        asked["setup"] = module_setup(toolchain, Problem("the command", str(request["cmd"]), package=package))
    *outcomes, answer = client.server.answers("repl", **asked)
    fields = {key: value for key, value in answer.items() if key not in _OURS}
    if "batch" in asked and "message" not in answer:
        fields = {"batch": [{key: value for key, value in ran.items() if key not in _OURS} for ran in outcomes]}
    return fields


if __name__ == "__main__":
    sys.exit(main())
