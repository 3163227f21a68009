"""Kernels that must be refused once they are compiled, and one that must not; see `test_compiled.py`."""

# Parameters of kernels are Triton's: they have no types here, and constants are in capitals.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: N803

from __future__ import annotations

import triton
import triton.language as tl

from q35kernels.triton.variant import Variant


@triton.jit
def product(x, w, y, K: tl.constexpr, M: tl.constexpr, N: tl.constexpr, BLOCK: tl.constexpr, precision: tl.constexpr):
    """y [M, N] = x [M, K] times w [N, K] transposed."""
    m, n, k = tl.arange(0, M), tl.arange(0, N), tl.arange(0, BLOCK)
    kind: tl.constexpr = tl.int32 if y.dtype.element_ty == tl.int32 else tl.float32
    acc = tl.zeros((M, N), kind)
    for start in range(0, K, BLOCK):
        a = tl.load(x + m[:, None] * K + start + k[None, :])
        b = tl.load(w + n[None, :] * K + start + k[:, None])
        acc = tl.dot(a, b, acc, input_precision=precision, out_dtype=kind)
    tl.store(y + m[:, None] * N + n[None, :], acc)


@triton.jit
def centred(x, y, SIZE: tl.constexpr):
    """y [SIZE] = x - sum(x): all of x is live at once."""
    at = tl.arange(0, SIZE)
    values = tl.load(x + at)
    tl.store(y + at, values - tl.sum(values))


@triton.jit
def combined(x, y, z, FLAW: tl.constexpr):
    """z = x * y + z for 256 values, each operation rounded; or with a flaw."""
    at = tl.arange(0, 256)
    a, b, c = tl.load(x + at), tl.load(y + at), tl.load(z + at)
    if FLAW == "fused":
        found = tl.fma(a, b, c)
    elif FLAW == "approximate":
        found = a / b + c
    elif FLAW == "approximate power":
        found = tl.exp2(a) * b + c
    elif FLAW == "fused beside a division":
        found = tl.fma(tl.div_rn(a, b), b, c)
    elif FLAW == "flushing":  # in NVIDIA's language: for AMD it does not compile
        found = tl.inline_asm_elementwise("mul.ftz.f32 $0, $1, $2;", "=f,f,f", [a, b], tl.float32, True, 1) + c
    elif FLAW == "exact division":
        found = tl.div_rn(a, b) * b + c
    else:
        found = a * b + c
    tl.store(z + at, found)


def _product(name: str, kind: str, operands: str | None, block: int, stages: int = 2, n: int = 64) -> Variant:
    constants = {"K": 4096, "M": 64, "N": n, "BLOCK": block, "precision": "ieee"}
    signature = {"x": f"*{kind}", "w": f"*{kind}", "y": "*i32" if kind == "i8" else "*fp32"}
    return Variant(name, product, signature, constants, num_stages=stages, matrix_operands=operands)


def _combined(name: str) -> Variant:
    return Variant(name, combined, dict.fromkeys("xyz", "*fp32"), {"FLAW": name}, num_warps=1)


FLAWS = ("exact", "exact division", "fused", "fused beside a division", "approximate", "approximate power", "flushing")

VARIANTS = (
    _product("right", "fp16", "f16", 64),
    _product("too much shared memory", "fp16", "f16", 512, stages=4, n=16),
    _product("no matrix instruction", "fp32", "f16", 16),
    _product("other operands", "bf16", "f16", 64),
    _product("unexpected matrix instruction", "fp16", None, 64),
    _product("short int8 dot", "i8", "s8", 16),
    Variant("spills", centred, {"x": "*fp32", "y": "*fp32"}, {"SIZE": 32768}, num_warps=1),
    *map(_combined, FLAWS),
)
