"""The MX kernels touch no byte past the end of a tensor: every tensor ends at a page that may not be touched."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conformance.gpu import subjects
from conformance.gpu.mx import claim
from conformance.ledger import Ledger
from conformance.runner import REPOSITORY


@pytest.mark.layer("c", "mx_quantize", "mx_dequantize", "mx_linear", "kv_cache", "convert")
def test_no_access_past_the_ends(compared: Ledger, pytestconfig: pytest.Config) -> None:
    if subjects.DEVICE != "cpu":
        pytest.skip("pages are guarded in the interpreter; compute-sanitizer looks for this on a device")
    root = pytestconfig.getoption("--q35-root")
    done = subprocess.run(
        [sys.executable, "-m", "conformance.gpu.guarded_mx", *([root] if root else [])],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, (
        f"exit status {done.returncode} (negative: killed by that signal)\n{done.stderr[-800:]}"
    )
    compared.count(int(done.stdout), **claim("expected-outcome"))
