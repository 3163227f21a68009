"""Functions of `kernels/hip/decode.hpp`: compiled for this machine, lifted, and run natively.

Each is called by a small function with C's names and types. The compiler's checks for undefined behaviour are on and
trap, and code that could trap is not lifted: what is proved does not hang on what one compiler makes of a shift by too
much or of a signed overflow, which is another thing on another processor.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import z3

from conformance.gpu.symbolic import Function
from conformance.machine_code.binary import Binary
from conformance.machine_code.machine import Machine

FLAGS = ("-std=c++20", "-O2", "-shared", "-fPIC", "-fcf-protection=none", "-fno-stack-protector")
CHECKS = ("-fsanitize=shift,signed-integer-overflow", "-fsanitize-undefined-trap-on-error")


@dataclass(frozen=True)
class Entry:
    """A function of C: `expression` of its parameters `a`, `b`, ..., unsigned numbers of these many bits."""

    expression: str
    parameters: tuple[int, ...]
    result: int

    def code(self, name: str) -> str:
        declared = ", ".join(f"uint{bits}_t {letter}" for letter, bits in zip("abcd", self.parameters, strict=False))
        return f'extern "C" uint{self.result}_t {name}({declared}) {{ return {self.expression}; }}'


def built(sources: Path, entries: dict[str, Entry], folder: Path) -> Binary:
    """A library of the entries, from the headers in `sources`; raises RuntimeError where they do not compile."""
    code = ["#include <decode.hpp>", "using namespace q35::gpu;"]
    (folder / "entries.cpp").write_text("\n".join([*code, *(entry.code(name) for name, entry in entries.items())]))
    library = folder / "entries.so"
    command = ["g++", *FLAGS, *CHECKS, f"-I{sources}", str(folder / "entries.cpp"), "-o", str(library)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{sources} does not compile: {run.stderr}")
    return Binary(library)


def lifted(binary: Binary, name: str, entry: Entry) -> Function:
    """What the machine code of an entry computes. The upper bits of a register hold anything, as it is agreed on."""
    parameters = [z3.BitVec(letter, bits) for letter, bits in zip("abcd", entry.parameters, strict=False)]
    arguments = [z3.Concat(z3.BitVec(f"above {term}", 64), term) for term in parameters]
    arguments = [z3.Extract(63, 0, argument) for argument in arguments]
    result = z3.BitVec("no path", entry.result)
    for state in Machine(binary, arguments).run(binary.functions[name]):
        returned = z3.Extract(entry.result - 1, 0, state.register("rax"))
        result = z3.If(z3.And(True, *state.path), returned, result)
    return Function(parameters, [z3.simplify(result)], z3.BoolVal(True))


def native(binary: Binary, name: str, entry: Entry, arguments: Sequence[int]) -> int:
    """What the processor computes."""
    kinds: dict[int, Any] = {8: ctypes.c_uint8, 16: ctypes.c_uint16, 32: ctypes.c_uint32, 64: ctypes.c_uint64}
    call = binary.native(name, kinds[entry.result], *[kinds[bits] for bits in entry.parameters])
    return int(call(*arguments))
