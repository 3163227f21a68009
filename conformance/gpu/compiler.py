"""What GPU compilers make of a kernel: its resources and its instructions, without a GPU.

    python -m conformance.gpu.compiler MODULE... [--sizes SIZES...] [--root DIR] [--processes N]

compiles every `Variant` of each module's `VARIANTS` for every target, and prints one JSON object a line, see `Built`.
It is a process of its own, since kernels that were imported for the interpreter cannot be compiled. What was compiled
from the same content before is taken from the cache; the others are compiled in processes of their own, a few in each,
since a compiler can crash. Machine code of NVIDIA is disassembled together: the disassembler takes long to start.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import inspect
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import accumulate, chain
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from conformance.roots import judge_packages_in
from q35.files import cache_folder, canonical_json, read_json, write_whole
from q35.lean import cache

SIZES = ("multiples of 16", "any")
"""What a compiled kernel may know of its integers, the most and the least: at launch a kernel is compiled once more for
multiples of 16 (and for 1), unless it forbids that. The first ones are those of real layers, and take the most shared
memory."""

KIB = 1024


@dataclass(frozen=True)
class Target:
    """A GPU architecture; `shared_limit`: bytes of shared memory that a block of threads can have there.

    Limits: CUDA C++ Programming Guide, table of technical specifications (compute capability 8.0 and 9.0); AMD CDNA 2
    instruction set architecture, local data share.
    """

    name: str
    backend: str
    arch: int | str
    warp_size: int
    shared_limit: int


TARGETS = {
    target.name: target
    for target in (
        Target("sm_80", "cuda", 80, 32, 163 * KIB),
        Target("sm_90", "cuda", 90, 32, 227 * KIB),
        Target("gfx90a", "hip", "gfx90a", 64, 64 * KIB),
    )
}


@dataclass(frozen=True)
class Built:
    """One variant compiled for one target. `instructions` counts mnemonics of the machine code; sizes are in bytes.

    `spills`: registers that the compiler put into memory, or loads and stores that do it. `stack`: of a thread.
    `approximate`: divisions and functions that are not rounded correctly. `flushes_subnormals`: by a mode of the
    processor. `error`: why there is no machine code.
    """

    module: str
    variant: str
    target: str
    sizes: str
    matrix_operands: str | None
    error: str | None = None
    shared: int = 0
    stack: int = 0
    spills: int = 0
    registers: int = 0
    instructions: dict[str, int] = field(default_factory=dict)
    approximate: tuple[str, ...] = ()
    flushes_subnormals: bool = False


def missing_tool() -> str | None:
    """Why nothing can be compiled here, or None."""
    if find_spec("triton") is None:
        return "triton is not installed"
    lacking = [tool for tool in ("cuobjdump", "nvdisasm") if not os.access(_tool(tool), os.X_OK)]
    return f"triton came without {', '.join(lacking)}" if lacking else None


def build(modules: Sequence[str], sizes: tuple[str, ...] = SIZES[:1], root: str | None = None) -> list[Built]:
    """Compiles the variants of `modules` in a process of its own, unless nothing has changed since that was done.

    `sizes`: some of SIZES. `root` as in the option `--q35-root`. Raises RuntimeError with what the process said when it
    fails.
    """
    kept = cache_folder() / "compiled" / f"{len(sizes)}-{_sources_sha256(modules)}.jsonl"
    with cache.locked(kept.with_suffix(".lock")):  # tests run side by side
        if not kept.is_file():
            options = ["--sizes", *sizes, *(["--root", root] if root else [])]
            environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
            command = [sys.executable, "-m", "conformance.gpu.compiler", *modules, *options]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"the compiling process ended with {done.returncode}: {done.stderr[-2000:]}")
            write_whole(kept, done.stdout.encode())
    return [_from_data(json.loads(line)) for line in kept.read_text().splitlines()]


def _sources_sha256(modules: Sequence[str]) -> str:
    """A hash of the modules, of the kernels' package, of this file, and of what compiles them."""
    specs = [find_spec(name) for name in (*modules, "q35kernels.triton.variant")]
    origins = [Path(spec.origin) for spec in specs if spec and spec.origin]
    assert len(origins) == len(specs)
    files = {*origins, *origins[-1].parent.glob("*.py"), Path(__file__)}
    parts = [version("triton"), version("torch"), sys.version, *(file.read_text() for file in sorted(files))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _from_data(data: dict[str, Any]) -> Built:
    return Built(**{**data, "approximate": tuple(data["approximate"])})


# Judging


MATRIX = {
    "cuda": {
        "s8": r"[IQ]G?MMA\.[\w.]*S8\.S8\b",
        "f16": r"HG?MMA\.[0-9x]+\.F32$",
        "bf16": r"HG?MMA\.[0-9x]+\.F32\.BF16$",
    },
    "hip": {
        "s8": r"v_mfma_i32_[0-9x]+_?i8$",
        "f16": r"v_mfma_f32_[0-9x]+_?f16$",
        "bf16": r"v_mfma_f32_[0-9x]+_?bf16(_1k)?$",
    },
}
"""The matrix instructions that take these operands and sum in 32 bits."""
ANY_MATRIX = r"[A-Z]G?MMA\.|v_mfma_"

FUSED = {"cuda": r"(FFMA|HFMA2)\b", "hip": r"v_(pk_)?(fma|fmac|mad|mac)_(f16|f32|mix)"}
"""Multiplications in float32 or float16 that are added without rounding between."""

IN_DIVISION = {"cuda": {"FCHK": 5, "FFMA.RZ": 10}, "hip": {"v_div_fixup_f32": 5}}
"""How many of them belong to divisions of float32 that are rounded correctly, for each instruction of the kind: a check
of the operands, and the routine for those that do not pass it; the last step of a division."""

FLUSHING = r"F(ADD|MUL|FMA)\b.*\.FTZ"
FLUSHING_IN_DIVISION = {"FFMA.RZ": 2}
"""Arithmetic of NVIDIA that takes subnormals for zeros, and how much of it such a routine has (on NaN and infinity)."""


def problems(built: Built, *, bits_promised: bool) -> list[str]:
    """Why a variant must not be shipped; empty when it may be.

    `bits_promised`: its float32 operations are those of the specification one by one, so that none may be fused,
    approximate or flush subnormals, but for what the compiler makes divisions of. The whole kernel is judged, not only
    the sums that are promised.
    """
    if built.error:
        return [f"does not compile: {built.error}"]
    target, found = TARGETS[built.target], []
    if built.shared > target.shared_limit:
        found.append(f"needs {built.shared} bytes of shared memory, of {target.shared_limit}")
    if built.stack or built.spills:
        found.append(f"spills: {built.spills} registers or accesses, {built.stack} bytes of stack a thread")
    matrix = _matching(ANY_MATRIX, built)
    wanted = _matching(MATRIX[target.backend][built.matrix_operands], built) if built.matrix_operands else []
    if built.matrix_operands and not wanted:
        found.append(f"has no matrix instruction for {built.matrix_operands}")
    if others := sorted(set(matrix) - set(wanted)):
        found.append(f"has matrix instructions that are not expected: {', '.join(others)}")
    if bits_promised:
        if count := _count(FUSED[target.backend], IN_DIVISION[target.backend], built):
            found.append(f"fuses multiplications and additions: {count} beside those in divisions")
        if built.approximate:
            found.append(f"does not round correctly: {', '.join(built.approximate)}")
        if built.flushes_subnormals or _count(FLUSHING, FLUSHING_IN_DIVISION, built):
            found.append("flushes subnormals to zero")
    return found


def _matching(pattern: str, built: Built) -> list[str]:
    return [name for name in built.instructions if re.match(pattern, name)]


def _count(pattern: str, expected: dict[str, int], built: Built) -> int:
    """How many instructions there are of a pattern, more than those that come with others, so many for each of them."""
    found = sum(built.instructions[name] for name in _matching(pattern, built))
    return found - sum(built.instructions.get(name, 0) * each for name, each in expected.items())


# Compiling


def _compile(module: str, index: int, target: Target, sizes: str) -> dict[str, Any]:
    """One variant's `Built` as data, without what tells it apart; raises what the compiler raises.

    For NVIDIA it has the machine code instead of what only its instructions tell, see `_disassemble`.
    """
    import triton
    from triton.backends.compiler import GPUTarget

    row = import_module(module).VARIANTS[index]
    gpu = GPUTarget(target.backend, target.arch, target.warp_size)
    compiled = triton.compile(_source(row, sizes), target=gpu, options=row.options)
    read = _nvidia if target.backend == "cuda" else _amd
    return {"shared": compiled.metadata.shared, **read(compiled.asm)}


def _source(row: Any, sizes: str) -> Any:
    from triton.compiler import ASTSource

    attributes = dict(row.attributes)
    if sizes == SIZES[0]:
        attributes |= {(number,): [["tt.divisibility", 16]] for number in _integers(row)}
    signature = {**row.signature, **dict.fromkeys(row.constants, "constexpr")}
    return ASTSource(row.kernel, signature, dict(row.constants), attributes)


def _integers(row: Any) -> list[int]:
    """The numbers of the integer parameters for which the launcher compiles kernels of their own."""
    own = {parameter.name for parameter in row.kernel.params if not parameter.do_not_specialize}
    kinds = enumerate(row.signature.items())
    return [number for number, (name, kind) in kinds if not kind.startswith("*") and name in own]


def _tool(name: str) -> Path:
    spec = find_spec("triton")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "backends" / "nvidia" / "bin" / name


SASS = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)([^;/]*);", re.MULTILINE)
"""An instruction of NVIDIA: its address, a predicate, the mnemonic, operands."""

SASS_BYTES = 16
NVDISASM = {"sm_80": "SM80", "sm_90": "SM90a"}
"""How the disassembler calls what each target's code is compiled for."""

NOT_FUSED = re.compile(r"\s*R\d+(\.\w+)?, -?RZ(\.\w+)?, |.*, -RZ\s*$|.*, 1\.84467440737095516160e\+19, RZ\s*$")
"""The operands of a multiplication and addition that rounds no sum: a factor is 0 (so constants are written, and halves
of a double compared), -0 is added, or a subnormal operand of a division is scaled by 2^64."""


def _nvidia(asm: dict[str, Any]) -> dict[str, Any]:
    from elftools.elf.elffile import ELFFile

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(asm["cubin"])
        file.flush()
        command = [str(_tool("cuobjdump")), "-res-usage", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        sections = [part.data() for part in ELFFile(file).iter_sections() if part.name.startswith(".text.")]
    used = re.search(r"REG:(\d+) STACK:(\d+) .*LOCAL:(\d+)", text)
    assert used is not None, "cuobjdump told no resources"
    return {
        "registers": int(used[1]),
        "stack": int(used[2]) + int(used[3]),
        "approximate": sorted(set(re.findall(r"\b\w+\.(?:full|approx)(?:\.\w+)*", asm["ptx"]))),
        "code": b"".join(sections),
    }


def _disassemble(target: Target, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `_nvidia` found of some variants, with the instructions in the place of the code."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(one["code"] for one in found))
        file.flush()
        command = [str(_tool("nvdisasm")), "--binary", NVDISASM[target.name], file.name]
        listing = SASS.findall(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    sizes = [len(one["code"]) // SASS_BYTES for one in found]
    assert all(sizes), "there is no machine code"
    assert sum(sizes) == len(listing), "nvdisasm did not list every instruction"
    return [
        _with_instructions(one, listing[end - size : end])
        for one, size, end in zip(found, sizes, accumulate(sizes), strict=True)
    ]


def _with_instructions(one: dict[str, Any], listing: Sequence[tuple[str, str]]) -> dict[str, Any]:
    instructions = Counter(
        name for name, operands in listing if not (re.match(FUSED["cuda"], name) and NOT_FUSED.match(operands))
    )
    spills = sum(count for name, count in instructions.items() if re.match(r"(LDL|STL)\b", name))
    stack = one["stack"] if spills else 0  # what is never accessed is kept for calls
    rest = {key: value for key, value in one.items() if key != "code"}
    return {**rest, "instructions": dict(instructions), "spills": spills, "stack": stack}


def _amd(asm: dict[str, Any]) -> dict[str, Any]:
    text = asm["amdgcn"]
    told = {key: int(value) for key, value in re.findall(r"[.]((?:amdhsa_)?\w+):?\s+(\d+)$", text, re.MULTILINE)}
    instructions = Counter(
        re.sub(r"_(e32|e64|dpp|sdwa)$", "", name)
        for name, operands in re.findall(r"^\t((?:v|s|ds|buffer|global|flat|scratch)_\w+)(.*)", text, re.MULTILINE)
        # A product of float16 in float32: -0 is added.
        if not (name == "v_fma_mix_f32" and re.search(r", neg\(0\)", operands))
    )
    estimates = [name for name in instructions if re.match(r"v_(rcp|rsq|sqrt|exp|log)_f32", name)]
    # A division of float32 that is rounded correctly starts from a reciprocal and ends with v_div_fixup; divisions of
    # integers start from one too.
    if instructions["v_rcp_f32"] <= instructions["v_div_fixup_f32"] or not re.search(r"\bfdiv\b|\.rcp\b", asm["llir"]):
        estimates = [name for name in estimates if name != "v_rcp_f32"]
    return {
        "registers": told["vgpr_count"],
        "stack": told["private_segment_fixed_size"],
        "spills": told["vgpr_spill_count"] + told["sgpr_spill_count"],
        "instructions": dict(instructions),
        "approximate": sorted(estimates),
        "flushes_subnormals": told["amdhsa_float_denorm_mode_32"] != 3,
    }


# The process


Task = tuple[str, int, Target, str]
"""A module, a variant's index in it, a target, and what is known of sizes."""

BATCH = 8
"""So many variants are compiled by one process: to start one, and to copy the memory that it writes to, takes long."""


def _tasks(modules: Sequence[str], chosen: Sequence[str]) -> list[Task]:
    return [
        (module, index, target, sizes)
        for module in modules
        for index, row in enumerate(import_module(module).VARIANTS)
        for target in TARGETS.values()
        for sizes in (chosen if _integers(row) else SIZES[-1:])
    ]


def _built(tasks: Sequence[Task], processes: int) -> Iterator[Built]:
    """The tasks' results: from the cache, or compiled in processes that may crash."""
    rows = {task: import_module(task[0]).VARIANTS[task[1]] for task in tasks}
    kept = {task: cache_folder() / "compiled" / f"{_key(rows[task], *task[2:])}.json" for task in tasks}
    new = [task for task in tasks if not kept[task].is_file()]
    if new:
        _begin()
    batches = [[partial(_compile, *task) for task in new[start : start + BATCH]] for start in range(0, len(new), BATCH)]
    with ThreadPoolExecutor(processes) as pool:
        found = dict(zip(new, chain.from_iterable(pool.map(apart, batches)), strict=True))
    for target in TARGETS.values():
        coded = [task for task in new if task[2] == target and "code" in found[task]]
        if coded:
            found |= zip(coded, _disassemble(target, [found[task] for task in coded]), strict=True)
    for task, one in found.items():
        write_whole(kept[task], canonical_json(one))
    for task in tasks:
        (module, _, target, sizes), row = task, rows[task]
        label = Built(module, row.name, target.name, sizes, row.matrix_operands)
        yield _from_data({**asdict(label), **read_json(kept[task])})


def _key(row: Any, target: Target, sizes: str) -> str:
    """A hash of all that the compiled code and what is read of it follow from."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler.compiler import make_backend
    from triton.runtime.cache import triton_key

    backend = make_backend(GPUTarget(target.backend, target.arch, target.warp_size))
    parts = [triton_key(), _source(row, sizes).hash(), backend.hash(), str(sorted(row.options.items())), str(target)]
    readers = [
        inspect.getsource(function) for function in (_compile, _source, _nvidia, _disassemble, _with_instructions, _amd)
    ]
    patterns = [SASS.pattern, NOT_FUSED.pattern, FUSED["cuda"]]
    return hashlib.sha256("\0".join([*parts, *readers, *patterns]).encode()).hexdigest()


def _begin() -> None:
    """Compiles a small kernel for every target: what a compiler does once, as to load its parts and look for its tools,
    takes longer than many a kernel, and a process that is forked after it finds it done.
    """
    module = "conformance.gpu.planted_variants"
    (smallest,) = (index for index, row in enumerate(import_module(module).VARIANTS) if row.name == "exact")
    for target in TARGETS.values():
        _compile(module, smallest, target, SIZES[-1])


def apart(compilations: Sequence[Callable[[], dict[str, Any]]]) -> list[dict[str, Any]]:
    """What each of them returns, in a process of their own; {"error": why} for one that raises or crashes.

    Another process goes on after a crash.
    """
    context = multiprocessing.get_context("fork")
    answers: list[dict[str, Any]] = []
    while rest := compilations[len(answers) :]:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(rest, sender))
        process.start()
        sender.close()
        with contextlib.suppress(EOFError):
            for _ in rest:
                answers.append(receiver.recv())
        process.join()
        if len(answers) < len(compilations):
            code = process.exitcode or 0
            ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            answers.append({"error": f"the compiler ended {ended}"})
    return answers


def _answer(compilations: Sequence[Callable[[], dict[str, Any]]], sender: Connection) -> None:
    gc.disable()  # its memory lasts for a few compilations
    for compiling in compilations:
        with tempfile.TemporaryFile("w+") as told:
            os.dup2(told.fileno(), 2)
            try:
                answer = compiling()
            except Exception as error:
                lines = [line for line in str(error).splitlines() if line.strip()]
                answer = {"error": f"{type(error).__name__}: {lines[-1].strip() if lines else ''}"[:300]}
            told.seek(0)
            # LLVM tells some errors and goes on, to code that lacks what it could not compile.
            if errors := [line for line in told.read().splitlines() if line.startswith("error:")]:
                answer = {"error": errors[0]}
        sender.send(answer)


def main() -> None:
    """Compiles what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m conformance.gpu.compiler", description=__doc__)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=SIZES[:1])
    parser.add_argument("modules", nargs="+", metavar="MODULE")
    arguments = parser.parse_args()
    if arguments.root:
        judge_packages_in(arguments.root)
    with tempfile.TemporaryDirectory() as folder:
        # Triton's own cache would keep every binary for ever.
        os.environ["TRITON_CACHE_DIR"] = folder
        for built in _built(_tasks(arguments.modules, arguments.sizes), arguments.processes):
            print(json.dumps(asdict(built)), flush=True)


if __name__ == "__main__":
    main()
