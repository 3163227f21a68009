"""Whether a found proof counts: the whole file is elaborated anew, with the proof in place of the `sorry`, and judged.

A proof is untrusted input. Its text is looked at first (`forbidden.py`), so that none of it runs code. Then a Lean
process that never saw the search reads the file as it was and as it is now (`judge.lean` reports, `verdict.py` judges).
The proof counts if the file has no error, no command begins inside the proof and all around it is read as before, every
declaration has the type it had, the theorem rests on no `sorry`, no axiom beyond the standard ones and no forbidden
constant, and the kernel accepts once more all that it rests on in this file.

Where it stops: at statements of other modules. Those of the same package are followed by the audit (`q35.lean.audit`);
those of Lean's own library are trusted as built.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from q35.errors import InputError
from q35.lean import Report, ServerDied, Toolchain, audit, silent
from q35.lean.launcher import MEMORY_LIMIT
from q35.lean.package import parse_header
from q35.lean.server import TimedOut
from q35.lean.sources import plain
from q35prover.gate.forbidden import forbidden_word, reason
from q35prover.gate.submission import Submission
from q35prover.gate.verdict import Facts, Finding, Verdict, declared, judge_facts
from q35prover.imports import module_setup
from q35prover.interface import Problem

PROGRAM = Path(__file__).resolve().with_name("judge.lean")
# A fresh process stands at 0.5 GB, and what a file took is never given back.
_MEMORY_CEILING = MEMORY_LIMIT // 2


class Gate:
    """A Lean process that judges files, each from its own imports. Use as a context manager, or call `close`.

    A file that takes longer than `seconds` (wall clock) is refused. Not for use by two threads at once.
    """

    def __init__(self, toolchain: Toolchain, seconds: float = 120.0, report: Report = silent) -> None:
        self.seconds = seconds
        self._toolchain, self._report = toolchain, report
        self._server = toolchain.start_server(program=PROGRAM)
        self._imports: dict[tuple[Path | None, tuple[str, ...]], _Imports] = {}
        self._before: tuple[tuple[str, str], Facts] | None = None

    def close(self) -> None:
        """End the process. The next proof starts another."""
        self._server.close()

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def judge(self, problem: Problem, proof: str) -> Verdict:
        """Whether the proof counts. Raises `InputError` if the problem's own file is not fit to be judged."""
        return self.judge_file(Submission.of(problem, proof))

    def judge_all(self, proofs: Sequence[tuple[Problem, str]]) -> Iterator[Verdict]:
        """One verdict a proof, in their order, each as soon as it is there."""
        return (self.judge(problem, proof) for problem, proof in proofs)

    def judge_file(self, submission: Submission) -> Verdict:
        """The same for a theorem with several `sorry`s."""
        began = time.monotonic()
        words = [word for proof in submission.proofs if (word := forbidden_word(proof))]
        if words:
            return Verdict(tuple(Finding("word", f"`{word}` {reason(word)}") for word in words))
        imports = self._imported(submission)
        before = self._original(submission, imports)
        try:
            after = self._read(submission, submission.text, submission.holes, imports, self.seconds)
        except ServerDied as death:
            rule = "seconds" if isinstance(death, TimedOut) else "crash"
            return Verdict((Finding(rule, str(death)),), seconds=time.monotonic() - began)
        return judge_facts(submission, before, after, imports.axioms, time.monotonic() - began)

    def _original(self, submission: Submission, imports: _Imports) -> Facts:
        """How the file with its `sorry`s is read; kept for the next proof of the same theorem."""
        key = submission.theorem, submission.original
        if self._before is None or self._before[0] != key:
            facts = self._read(submission, submission.original, [], imports, None)
            if facts["errors"]:
                first = facts["errors"][0]
                raise InputError(f"the file has an error without any proof: {first['text']}", f"line {first['line']}")
            if submission.theorem not in declared(facts):
                raise InputError(f"the file declares no {submission.theorem}")
            self._before = key, facts
        return self._before[1]

    def _read(
        self,
        submission: Submission,
        text: str,
        holes: Sequence[tuple[int, int]],
        imports: _Imports,
        seconds: float | None,
    ) -> Facts:
        if self._server.memory > _MEMORY_CEILING:
            self._server.close()
        secret = secrets.token_hex(16)
        places = [{"start": start, "stop": stop} for start, stop in holes]
        answer = self._server.request(
            "read", seconds, source=text, theorem=submission.theorem, holes=places, setup=imports.setup, secret=secret
        )
        if answer.get("secret") != secret:
            self.close()
            raise ServerDied("the Lean process printed what passes for an answer")
        return answer

    def _imported(self, submission: Submission) -> _Imports:
        key = submission.package, tuple(item.module for item in parse_header(submission.pieces[0])[1])
        if key not in self._imports:
            problem = Problem(submission.theorem, submission.pieces[0], package=submission.package)
            setup = module_setup(self._toolchain, problem, self._report)
            self._imports[key] = _Imports(setup, submission.package, self._toolchain, self._report)
        return self._imports[key]


@dataclass
class _Imports:
    """What a file sees of its package: Lean's setup, and what is known of the axioms that it may reach there."""

    setup: Mapping[str, Any]
    package: Path | None
    toolchain: Toolchain
    report: Report

    def axioms(self, module: str, constant: str) -> frozenset[str]:
        """The axioms that a constant of the package reaches, or those of the declaration that it was made for."""
        if module not in self.setup["importArts"]:
            return frozenset()
        name = plain(constant)
        while name and name not in self._known:
            name = name.rpartition(".")[0]
        if not name:
            raise InputError(f"the audit does not know {constant}", module)
        return self._known[name]

    @cached_property
    def _known(self) -> Mapping[str, frozenset[str]]:
        """The axioms of each theorem and definition of the imported modules: from the audit, made when first asked."""
        assert self.package is not None
        found = audit(self.package, self.toolchain, self.report, self.setup["importArts"])
        return {item.name: frozenset(item.axioms) for item in found.declarations}
