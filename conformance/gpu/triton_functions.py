"""Functions in Triton as they stand in a file, or with a bug planted there: compiled to Triton's own intermediate
representation (TTIR), and run in Triton's interpreter.

Both happen in a process of their own, this module run as a program: which of the two a file's functions are for is
settled when it is imported. No GPU and no assembler is needed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Call:
    """A function marked `@triton.jit` of a file, called with scalars of Triton's types ("u8", "i32", "*i16", ...) and
    with constants; `arguments` are the bits of the scalars of many calls, for the interpreter."""

    path: str
    function: str
    types: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    arguments: Sequence[Sequence[int]] = ()


def compiled(calls: Sequence[Call]) -> list[str]:
    """The TTIR of each function, after Triton's inlining and simplification. Raises RuntimeError if one has none."""
    texts: list[str] = _answers("compiled", calls)
    return texts


def interpreted(calls: Sequence[Call]) -> list[list[list[int]]]:
    """The bits of what each function returns, for all of its arguments; raises RuntimeError if one cannot be run."""
    found: list[list[list[int]]] = _answers("interpreted", calls)
    return found


def called() -> list[str]:
    """The functions that the shipped kernels call, as Triton names them: `module.function__` and what they get."""
    names: list[str] = _answers("called", ())
    return names


def _answers(how: str, calls: Sequence[Call]) -> Any:
    command = [sys.executable, "-m", "conformance.gpu.triton_functions", how]
    interpret = str(int(how == "interpreted"))
    environment = {**os.environ, "TRITON_INTERPRET": interpret, "TRITON_DEFAULT_FP_FUSION": "0"}
    text = json.dumps([asdict(call) for call in calls])
    root = Path(__file__).parents[2]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=environment, cwd=root)
    if run.returncode:
        raise RuntimeError(f"these functions are not {how}: {run.stderr.strip()}")
    return json.loads(run.stdout)


TARGETS = (("cuda", 90, 32), ("hip", "gfx90a", 64))


class Compiler:
    """The first stage of Triton's compilation."""

    def __init__(self, target: tuple[str, int | str, int]) -> None:
        from triton.backends.compiler import GPUTarget, Language
        from triton.compiler.compiler import make_backend

        self.target = GPUTarget(*target)
        self.backend: Any = make_backend(self.target)
        self.options, self.language = self.backend.parse_options({}), Language.TRITON

    def module(self, function: Any, types: Mapping[str, str], constants: Mapping[str, Any]) -> Any:
        """What the front end makes of a function, before inlining."""
        from triton._C.libtriton import ir
        from triton.compiler import ASTSource

        context = ir.context()
        ir.load_dialects(context)
        self.backend.load_dialects(context)
        source = ASTSource(function, {**types, **dict.fromkeys(constants, "constexpr")}, dict(constants))
        helpers = self.backend.get_codegen_implementation(self.options)
        return source.make_ir(self.target, self.options, helpers, self.backend.get_module_map(), context)

    def ttir(self, function: Any, call: Call) -> str:
        module, stages = self.module(function, call.types, call.constants), dict[str, Any]()
        self.backend.add_stages(stages, self.options, self.language)
        text: str = stages["ttir"](module, {}).str_nodebug()
        return text


def _compiled(function: Any, call: Call) -> str:
    """The same for NVIDIA and for AMD, or else an error."""
    texts = {Compiler(target).ttir(function, call) for target in TARGETS}
    if len(texts) != 1:
        raise RuntimeError(f"{call.function} differs from device to device: {texts}")
    return texts.pop()


def _run(function: Any, call: Call) -> list[list[int]]:
    import numpy as np
    import triton.language as tl
    from triton.runtime.interpreter import TensorHandle, _get_np_dtype

    given = []
    for kind, bits in zip(call.types.values(), call.arguments, strict=True):
        scalar = tl.str_to_ty(kind, None)
        dtype = np.dtype(_get_np_dtype(scalar))
        data = np.array(bits, f"u{dtype.itemsize}").view(dtype)
        given.append(tl.tensor(TensorHandle(data, scalar), tl.block_type(scalar, [len(data)])))
    found = function(**dict(zip(call.types, given, strict=True)), **call.constants)
    results = found if isinstance(found, tuple | tl.tuple) else (found,)
    arrays = [result.handle.data for result in results]
    return [array.view(f"u{array.itemsize}").tolist() for array in arrays]


def _loaded(path: Path) -> Any:
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} is no module")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _constants(given: Mapping[str, Any]) -> dict[str, Any]:
    """FORMAT is given by the id of an element format, KIND by the name of a type of Triton."""
    import triton.language as tl

    from q35kernels.triton.mx_format import format_named

    made: dict[str, Callable[[str], Any]] = {"FORMAT": format_named, "KIND": lambda name: getattr(tl, name)}
    return {name: made[name](value) if name in made else value for name, value in given.items()}


def _called() -> list[str]:
    """Of variants that differ in sizes or formats alone, one is enough."""
    from q35kernels.triton import variants

    chosen = {}
    for variant in variants():
        choices = tuple(value for value in variant.constants.values() if isinstance(value, bool))
        chosen[variant.kernel.__name__, tuple(variant.signature.values()), choices] = variant
    compiler, names = Compiler(TARGETS[0]), set()
    for variant in chosen.values():
        text = compiler.module(variant.kernel, variant.signature, variant.constants).str_nodebug()
        names |= set(re.findall(r'tt\.call @"?([^"(]+)', text))
    return sorted(names)


def main(how: str) -> None:
    if how == "called":
        json.dump(_called(), sys.stdout)
        return
    calls = [Call(**row) for row in json.load(sys.stdin)]
    calls = [replace(call, constants=_constants(call.constants)) for call in calls]
    modules = {path: _loaded(Path(path)) for path in {call.path for call in calls}}
    answer = _compiled if how == "compiled" else _run
    json.dump([answer(getattr(modules[call.path], call.function), call) for call in calls], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
