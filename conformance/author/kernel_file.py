"""A kernel author's file: imported, its functions found, and called with arrays of the kind that it works on."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from conformance.author import OPERATIONS
from conformance.author.operation import Arguments, Array, Made, Operation
from q35.errors import InputError

Announce = Callable[[str | None], None]


class KernelFailed(Exception):
    """A function of the file raised an exception or returned what is no array: which, and where in the file."""


def place_in(path: Path, error: BaseException) -> str:
    """The file, with the line in it at which `error` arose where there is one."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path.name}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path.name}:{lines[-1]}" if lines else path.name


def said(error: BaseException) -> str:
    """An exception as one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def import_file(path: Path) -> ModuleType:
    """The file as a module; its folder is on the path. Raises `InputError` with the line when it does not import."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError("not a Python file", str(path), "its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"it does not import: {said(error)}", place_in(path, error)) from None
    return module


@dataclass(frozen=True)
class KernelFile:
    """What a file offers: its operations, what it is made for, and where the tensors are that its functions take.

    Without `torch` they take NumPy arrays. `unknown`: functions that are no operation. `announce` gets each call before
    it is made, and None when it has returned: one may not.
    """

    path: Path
    functions: dict[str, Callable[..., Any]]
    made: Made
    torch: ModuleType | None
    device: str
    unknown: tuple[str, ...]
    announce: Announce

    def call(self, operation: Operation, arguments: Arguments) -> tuple[Array, ...]:
        """The results as NumPy arrays. Raises `KernelFailed`."""
        passed = [self._given(value) for value in arguments.values()]
        self.announce(operation.call_text(arguments))
        try:
            result = self.functions[operation.name](*passed)
            results = result if isinstance(result, tuple) else (result,)
            arrays = tuple(self._taken(value) for value in results)
        except (Exception, SystemExit) as error:
            raise KernelFailed(f"{said(error)} at {place_in(self.path, error)}") from None
        finally:
            self.announce(None)
        if len(arrays) != len(operation.outputs) or not all(isinstance(array, np.ndarray) for array in arrays):
            raise KernelFailed(", ".join(type(value).__name__ for value in results))
        return arrays

    def _given(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        own = np.array(value, order="C")  # a copy: a function may write to what it gets
        return own if self.torch is None else self.torch.from_numpy(own).to(self.device)

    def _taken(self, value: Any) -> Any:
        if self.torch is not None and isinstance(value, self.torch.Tensor):
            return value.detach().cpu().numpy()
        return value


def load(path: Path, device: str, announce: Announce) -> KernelFile:
    """Imports a file for "interpreter" or "cuda".

    A file that imports torch gets tensors, on the GPU for "cuda"; any other gets NumPy arrays. Raises `InputError` for
    a file that does not import, parameters that do not fit, a declaration of something unknown, or no such device.
    """
    module = import_file(path)
    torch = getattr(module, "torch", None)
    torch = torch if isinstance(torch, ModuleType) else None
    if device == "cuda" and (torch is None or not torch.cuda.is_available()):
        missing = "the file does not import torch" if torch is None else "torch sees no GPU here"
        raise InputError(f"--device cuda: {missing}", str(path), "use --device interpreter")
    functions = {name: getattr(module, name) for name in OPERATIONS if callable(getattr(module, name, None))}
    for name, function in functions.items():
        _check_parameters(path, OPERATIONS[name], function)
    own = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    unknown = tuple(_with_suggestion(name) for name in own if name not in OPERATIONS)
    place = "cuda" if device == "cuda" else "cpu"
    return KernelFile(path, functions, _declared(path, module), torch, place, unknown, announce)


def _check_parameters(path: Path, operation: Operation, function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind(*operation.parameters)
    except TypeError as error:
        wanted = f"{operation.name}({', '.join(operation.parameters)})"
        raise InputError(f"{operation.name}: {error}", str(path), f"it is called as {wanted}") from None


def _with_suggestion(name: str) -> str:
    close = get_close_matches(name, OPERATIONS, 1)
    return f"{name} (is it meant to be {close[0]}?)" if close else name


def _declared(path: Path, module: ModuleType) -> Made:
    """What TABLES, BLOCK_SIZES, ELEMENTS and RULES of the file say; everything where they are missing."""
    known, declared = Made(), {}
    for field in fields(Made):
        every = getattr(known, field.name)
        chosen = tuple(getattr(module, field.name.upper(), every))
        if not chosen or set(chosen) - set(every):
            raise InputError(
                f"{field.name.upper()} = {chosen}: expected some of {every}", str(path), "leave it out to mean all"
            )
        declared[field.name] = chosen
    return Made(**declared)
