"""Lean for this program: found or brought, builds of a Lake package, a started process that answers, the audit."""

from q35.lean.audit import AuditReport, Declaration, Violation, audit
from q35.lean.build import BuildResult, Message, ModuleResult, RunResult
from q35.lean.progress import Report, silent, terminal_report
from q35.lean.server import Server, ServerDied
from q35.lean.toolchain import Diagnosis, Toolchain, doctor, find_toolchain

__all__ = [
    "AuditReport",
    "BuildResult",
    "Declaration",
    "Diagnosis",
    "Message",
    "ModuleResult",
    "Report",
    "RunResult",
    "Server",
    "ServerDied",
    "Toolchain",
    "Violation",
    "audit",
    "doctor",
    "find_toolchain",
    "silent",
    "terminal_report",
]
