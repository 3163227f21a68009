"""Runs the contenders of `q35 bench gpu` on the CPU, ours in the interpreter; prints one JSON object a contender."""

from __future__ import annotations

import json
import os
from importlib import import_module
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"  # before any kernel is imported

import torch
from numpy.typing import NDArray

from q35.bench.gpu_contenders import OURS, PEERS
from q35.bench.gpu_worker import Worker
from q35.bench.problem import Floats
from tests.planted_gpu import PlantedGpu

WRONG = ("q35-codebook-bf16",)
"""In the interpreter, whose products of bfloat16 are wrong."""


class TorchCpu(PlantedGpu):
    """PyTorch's CPU as a device."""

    def tensor(self, array: NDArray[Any], dtype: str | None = None) -> Any:
        return torch.from_numpy(array).to(getattr(torch, dtype) if dtype else None, copy=True)

    def array(self, tensor: Any) -> Floats:
        found: Floats = tensor.float().numpy()
        return found


def main() -> None:
    for contender in (*OURS, *PEERS):
        if contender.name in WRONG:
            continue
        worker = Worker(TorchCpu(), import_module(contender.module).prepare, contender.variant)
        try:
            told = worker.prepare(256, 64)
            told["output_rmse"] = {rows: worker.select(rows)["output_rmse"] for rows in (1, 8)}
        except NotImplementedError as error:
            told = {"error": str(error)}
        print(json.dumps({"name": contender.name, **told}))


if __name__ == "__main__":
    main()
