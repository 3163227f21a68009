"""Kernels read no byte past the end of an input: every input ends at a page that may not be touched."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conformance.guarded import CALLS
from conformance.ledger import Ledger
from conformance.runner import REPOSITORY
from conformance.subjects import KERNEL_ISAS, machine_lacks


@pytest.mark.parametrize("isa", KERNEL_ISAS)
@pytest.mark.parametrize("call", CALLS)
def test_no_read_past_the_end(isa: str, call: str, compared: Ledger, pytestconfig: pytest.Config) -> None:
    if reason := machine_lacks(isa):
        pytest.skip(reason)
    root = pytestconfig.getoption("--q35-root")
    done = subprocess.run(
        [sys.executable, "-m", "conformance.guarded", isa, call, *([root] if root else [])],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if call == "overrun":
        assert done.returncode < 0, "the guard page does not guard"
        compared.count(1, subject="framework", truth="expected-outcome", level="sampled")
        return
    assert done.returncode == 0, (
        f"exit status {done.returncode} (negative: killed by that signal)\n{done.stderr[-800:]}"
    )
    compared.count(int(done.stdout), subject=f"kernel-{isa}", truth="expected-outcome", level="sampled")
