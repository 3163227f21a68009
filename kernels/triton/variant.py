"""What a kernel is compiled with: one row of data for the launcher and for the tests of the machine code alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, eq=False)
class Variant:
    """One configuration of a kernel that is shipped, for NVIDIA and AMD alike.

    `signature`: run-time parameter -> Triton type ("*fp16", "*u8", "i32"), in the kernel's order; pointers are those of
    tensors that begin at a multiple of 16 bytes. `constants`: the values of the constexpr parameters, which follow.
    `matrix_operands`: "s8", "f16" or "bf16" where a matrix instruction is expected in the machine code.
    """

    name: str
    kernel: Any
    signature: Mapping[str, str]
    constants: Mapping[str, Any]
    num_warps: int = 4
    num_stages: int = 2
    matrix_operands: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Options of the compiler. Products and sums are never fused, unless a kernel says so."""
        return {"num_warps": self.num_warps, "num_stages": self.num_stages, "enable_fp_fusion": False}

    @property
    def attributes(self) -> dict[tuple[int, ...], list[list[Any]]]:
        """What the compiler may know of the parameters: that pointers are multiples of 16."""
        pointers = (index for index, kind in enumerate(self.signature.values()) if kind.startswith("*"))
        return {(index,): [["tt.divisibility", 16]] for index in pointers}

    def launch(self, grid: tuple[int, ...], *args: Any) -> None:
        """Runs the kernel on a grid of programs, on the device of the first argument; arguments as in the signature."""
        with torch.cuda.device_of(args[0]):
            self.kernel[grid](*args, **self.constants, **self.options)
