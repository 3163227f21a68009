"""The errors a user can meet: each says what is wrong, where, and what to do; each has an exit code."""

from __future__ import annotations


class Q35Error(Exception):
    """Base of all errors of this program: one line for the user, never a traceback.

    `what` is wrong, `where` (file, tensor, line) it is wrong, and how to `fix` it.
    """

    exit_code = 1

    def __init__(self, what: str, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(what)

    def __str__(self) -> str:
        located = f"{self.where}: {self.what}" if self.where else self.what
        return f"{located} ({self.fix})" if self.fix else located


class InputError(Q35Error):
    """The input is wrong: a file, a tensor, an option's value."""


class ToolchainError(Q35Error):
    """Lean cannot be found, installed or kept running."""


class CheckFailed(Q35Error):
    """A check ran and its answer is no: a proof, a vector, a certificate, a test."""

    exit_code = 3

    def __init__(self, what: str, where: str | None = None, fix: str | None = None, document: bool = False) -> None:
        super().__init__(what, where, fix)
        self.document = document
        """Whether the answer is already on stdout as the one document that `--json` promises."""
