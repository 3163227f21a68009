"""Layer d: every configuration of the Triton kernels, compiled for each architecture and judged by its machine code.

There is no GPU in this: what is compiled here is not run. Kernels that must be refused are compiled and judged the same
way, since a judge that refuses nothing shows nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest

from conformance.gpu import compiler
from conformance.gpu.compiler import TARGETS, Built
from conformance.ledger import Ledger

CLAIM: dict[str, Any] = {"subject": "gpu-compiler", "truth": "expected-outcome"}

MODULES = {
    "dequantize": "dequantize",
    "quantize_activations": "activations",
    "linear": "linear",
    "linear_float": "linear_float",
    "mx_dequantize": "mx_dequantize",
    "mx_quantize": "mx_quantize",
    "mx_linear": "mx_linear",
    "kv_cache": "kv_cache",
    "convert": "convert",
}
"""Each kernel, and the module of its variants."""

ANY_ORDER = ("linear_float", "mx_linear")
"""The kernels whose sums are bounded, not promised bit by bit."""

PLANTED = "conformance.gpu.planted_variants"


def _of_the_package(module: str) -> str:
    return f"q35kernels.triton.{module}"


@pytest.fixture(scope="session")
def build(request: pytest.FixtureRequest) -> Any:
    """What was compiled of a module, all modules in one process; a skip where that cannot be done."""
    if reason := compiler.missing_tool():
        pytest.skip(f"not covered: {reason}")
    sizes = compiler.SIZES if request.config.getoption("--q35-effort") == "deep" else compiler.SIZES[:1]

    @cache
    def everything() -> list[Built]:
        modules = [*(_of_the_package(name) for name in MODULES.values()), PLANTED]
        return compiler.build(modules, sizes, request.config.getoption("--q35-root"))

    def found(module: str) -> list[Built]:
        return [built for built in everything() if built.module == module]

    return found


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kernel", [pytest.param(kernel, marks=pytest.mark.layer("d", kernel)) for kernel in MODULES])
def test_every_variant_may_be_shipped(kernel: str, target: str, build: Any, compared: Ledger) -> None:
    results = [one for one in build(_of_the_package(MODULES[kernel])) if one.target == target]
    wrong = {
        f"{one.variant}, sizes: {one.sizes}": problems
        for one in results
        if (problems := compiler.problems(one, bits_promised=kernel not in ANY_ORDER))
    }
    assert not wrong
    compared.count(len(results), **CLAIM, level="exhaustive", domain=len(results))


def test_every_module_is_compiled(compared: Ledger) -> None:
    """The modules above are those that the package ships."""
    from q35kernels import triton

    compared.equal(sorted(MODULES.values()), sorted(triton.MODULES), **CLAIM, level="sampled")


SPILLS, NO_MATRIX, OTHER_MATRIX = "spills: ", "has no matrix instruction for f16", "matrix instructions that are not"
SHARED, SHORT, FUSES = "bytes of shared memory, of", "does not compile: CompilationError: Input shapes", "fuses multipl"
NEAR, FLUSHES = "does not round correctly: div.full.f32", "flushes subnormals"
REFUSED: dict[str, dict[str, tuple[str, ...]]] = {
    "right": {},
    "too much shared memory": dict.fromkeys(TARGETS, (SHARED,)),
    "no matrix instruction": {"sm_80": (NO_MATRIX,), "sm_90": (NO_MATRIX,), "gfx90a": (NO_MATRIX, OTHER_MATRIX)},
    "other operands": dict.fromkeys(TARGETS, (NO_MATRIX, OTHER_MATRIX)),
    "unexpected matrix instruction": dict.fromkeys(TARGETS, (OTHER_MATRIX,)),
    "short int8 dot": {"sm_80": (SHORT,), "sm_90": (SHORT,)},
    "spills": dict.fromkeys(TARGETS, (SPILLS,)),
    "exact": {},
    "exact division": {},
    "fused": dict.fromkeys(TARGETS, (FUSES,)),
    "fused beside a division": dict.fromkeys(TARGETS, (FUSES,)),
    "approximate": {"sm_80": (NEAR,), "sm_90": (NEAR,)},  # for AMD every division is rounded correctly
    "approximate power": dict.fromkeys(TARGETS, ("does not round correctly: ",)),
    "flushing": {"sm_80": (FLUSHES,), "sm_90": (FLUSHES,), "gfx90a": ("does not compile: error: could not allocate",)},
}
"""For each planted variant and target the problems that must be found, and no others."""


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("variant", REFUSED)
def test_planted_variants_are_refused(variant: str, target: str, build: Any, compared: Ledger) -> None:
    (built,) = [one for one in build(PLANTED) if (one.variant, one.target) == (variant, target)]
    found = compiler.problems(built, bits_promised=built.matrix_operands is None)
    expected = REFUSED[variant].get(target, ())
    assert len(found) == len(expected), found
    for problem, words in zip(found, expected, strict=True):
        assert words in problem
    compared.count(1, **CLAIM, level="sampled")


@pytest.mark.parametrize("target", TARGETS)
def test_shared_memory_is_judged_by_each_targets_limit(target: str, compared: Ledger) -> None:
    """227 KiB on sm_90, 163 KiB on sm_80, 64 KiB on gfx90a: that much passes, one byte more does not."""
    limit = {"sm_80": 163, "sm_90": 227, "gfx90a": 64}[target] * 1024
    fits = Built("module", "variant", target, "any", None, shared=limit)
    assert not compiler.problems(fits, bits_promised=True)
    more = compiler.problems(replace(fits, shared=limit + 1), bits_promised=True)
    compared.equal(more, [f"needs {limit + 1} bytes of shared memory, of {limit}"], **CLAIM, level="sampled")


def test_a_compiler_that_crashes_is_told_and_the_others_are_compiled(compared: Ledger) -> None:
    def compiled(shared: int) -> Callable[[], dict[str, int]]:
        return lambda: {"shared": shared}

    def told(how: str) -> dict[str, str]:
        return {"error": f"the compiler ended {how}"}

    answers = compiler.apart(
        [compiled(1), partial(os._exit, 5), compiled(2), compiled(3), _is_killed, _raises, compiled(4)]
    )
    expected = [
        {"shared": 1},
        told("with exit code 5"),
        {"shared": 2},
        {"shared": 3},
        told("by SIGKILL"),
        {"error": "ValueError: no such type"},
        {"shared": 4},
    ]
    compared.equal(answers, expected, **CLAIM, level="sampled")


def _raises() -> dict[str, Any]:
    raise ValueError("no such type")


def _is_killed() -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
