"""GPU kernels in Triton: one source for NVIDIA, AMD and the interpreter on the CPU.

Importing this package imports no kernel: set TRITON_INTERPRET before the first of its modules is imported, if at all.
"""

from __future__ import annotations

from importlib import import_module

from q35kernels.triton.variant import Variant

MODULES = (
    *("dequantize", "activations", "linear", "linear_float"),
    *("mx_dequantize", "mx_quantize", "mx_linear", "kv_cache", "convert"),
)
"""The modules with kernels, each with its VARIANTS."""


def variants() -> tuple[Variant, ...]:
    """Every configuration that is shipped."""
    return tuple(row for name in MODULES for row in import_module(f"{__name__}.{name}").VARIANTS)
