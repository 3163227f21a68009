"""Triton kernels touch no byte past the end of a tensor: each ends at a page that may not be touched."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conformance.ledger import Ledger
from conformance.runner import REPOSITORY

KERNELS = (
    *("dequantize", "quantize_activations", "linear", "linear_float"),
    *("mx_quantize", "mx_dequantize", "mx_linear", "kv_cache", "convert"),
)


def ran(calls: str, pytestconfig: pytest.Config) -> subprocess.CompletedProcess[str]:
    root = pytestconfig.getoption("--q35-root")
    command = [sys.executable, "-m", "conformance.gpu.guarded", calls, *([root] if root else [])]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)


@pytest.mark.layer("c", *KERNELS)
def test_nothing_past_the_end(compared: Ledger, pytestconfig: pytest.Config) -> None:
    done = ran(",".join(KERNELS), pytestconfig)
    assert done.returncode == 0, (
        f"exit status {done.returncode} (negative: killed by that signal)\n{done.stderr[-800:]}"
    )
    compared.count(int(done.stdout), subject="triton", truth="expected-outcome", level="sampled")


def test_the_guard_pages_guard(compared: Ledger, pytestconfig: pytest.Config) -> None:
    assert ran("overrun", pytestconfig).returncode < 0
    compared.count(1, subject="framework", truth="expected-outcome", level="sampled")
