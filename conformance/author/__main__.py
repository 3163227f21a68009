"""`python -m conformance.author FILE DEVICE BUDGET [OPERATION...]`: one line of JSON on stdout for each event.

`loaded`: what the file offers; `calling`: a call that may never return, null when it did; `judged`: the verdict on one
operation; or `wrong`: why the file cannot be judged. What the file itself prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from conformance.author import OPERATIONS
from conformance.author.judge import judge
from conformance.author.kernel_file import KernelFile, load
from conformance.layers import LAYERS
from q35.errors import InputError


def versions() -> dict[str, str]:
    """Python and the packages that run kernels, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in ("numpy", "torch", "triton"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def offered(file: KernelFile) -> dict[str, Any]:
    return {
        "operations": list(OPERATIONS),
        "layers": LAYERS,
        "functions": list(file.functions),
        "unknown": list(file.unknown),
        "made_for": asdict(file.made),
        "arrays": "NumPy arrays" if file.torch is None else f"torch tensors ({file.device})",
        "uses_triton": "triton" in sys.modules,
        "versions": versions(),
        "gpu": file.torch.cuda.get_device_name() if file.torch is not None and file.device == "cuda" else None,
    }


def main() -> None:
    path, device, budget, *names = sys.argv[1:]
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)

        def say(event: str, data: Any) -> None:
            answers.write(json.dumps({"event": event, "data": data}) + "\n")
            answers.flush()

        try:
            file = load(Path(path), device, lambda call: say("calling", call))
        except InputError as error:
            return say("wrong", {"what": error.what, "where": error.where, "fix": error.fix})
        say("loaded", offered(file))
        for name in names or file.functions:
            say("judged", judge(file, OPERATIONS[name], float(budget)))


if __name__ == "__main__":
    main()
