"""What the file of a problem imports, built and told to Lean: for the server and for the gate, each by itself."""

from __future__ import annotations

from typing import Any

from q35.errors import CheckFailed, InputError
from q35.lean import Report, Toolchain, silent
from q35.lean.build import Artifact, setup
from q35.lean.package import load_package, parse_header
from q35prover.interface import Problem


def module_setup(toolchain: Toolchain, problem: Problem, report: Report = silent) -> dict[str, Any]:
    """Lean's `ModuleSetup` for the problem's file; what it imports of its package is built first.

    Raises `InputError` for a broken package or one whose imported modules do not build.
    """
    artifacts: tuple[Artifact, ...] = ()
    if problem.package:
        package = load_package(problem.package)
        own = [item.module for item in parse_header(problem.before)[1] if package.owns(item.module)]
        if own:
            built = toolchain.build_package(problem.package, own, report)
            try:
                built.raise_on_failure()
            except CheckFailed as failed:
                raise InputError(f"what {problem.theorem} imports does not build: {failed}") from failed
            artifacts = tuple(built.artifacts)
    return setup("Q35Prover", artifacts, toolchain.lean.options)
