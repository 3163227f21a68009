"""What a function of a kernel author's file is judged by: the calls to make and their exact answers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.formats import BLOCK_SIZES, ELEMENTS, RULES, TABLES, scheme

Array = NDArray[Any]
Arguments = Mapping[str, Any]
"""Arrays, numbers and names of a call, by parameter and in their order."""
Index = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """A part of the judgement: what it compares, with which truth, and how many values exist (None: samples)."""

    what: str
    truth: str
    domain: int | None = None


@dataclass(frozen=True)
class Case:
    """One call; `answer`: what Lean answered, or None where `Operation.answer` says it."""

    part: Part
    arguments: Arguments
    answer: tuple[Array, ...] | None = None


@dataclass(frozen=True)
class Made:
    """What the functions of a file are made for. One that declares less is judged on less, and the evidence says so."""

    tables: tuple[str, ...] = TABLES
    block_sizes: tuple[int, ...] = BLOCK_SIZES
    elements: tuple[str, ...] = ELEMENTS
    rules: tuple[str, ...] = RULES


@dataclass(frozen=True)
class Operation:
    """An operation of the specification.

    `outputs`: dtype and meaning of each result. `answer`: from the arguments, the exact results; if `bounded`, the
    exact number for each result and how far it may be from it, float64. `smaller`: from arguments and the place of a
    difference in an output, calls that may show it too, the smallest first. `words`: the place in the format's words.
    """

    name: str
    outputs: tuple[str, ...]
    cases: Callable[[Made], Iterator[Case]]
    answer: Callable[..., tuple[Array, ...]]
    smaller: Callable[[Arguments, int, Index], Iterator[Arguments]]
    words: Callable[[Arguments, int, Index], dict[str, str]]
    bounded: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the arguments, in the order in which they are passed."""
        return tuple(inspect.signature(self.answer).parameters)

    def call_text(self, arguments: Arguments) -> str:
        """A call as a reader would write it."""
        return f"{self.name}({', '.join(f'{name}={shown(value)}' for name, value in arguments.items())})"


def shown(value: Any) -> str:
    """An argument or a result for a reader: tables by name, short arrays as lists, long ones of zeros by the others."""
    if isinstance(value, np.floating):
        return f"{value!s} (0x{int(value.view(f'u{value.itemsize}')):0{2 * value.itemsize}x})"
    if not isinstance(value, np.ndarray):
        return repr(value) if isinstance(value, str) else str(value)
    if value.shape == (128, 2):
        names = [name for name in TABLES if np.array_equal(scheme(name).array(), value)]
        return f"<table of {names[0]}>" if names else "<table>"
    if value.size <= SHORT:
        return _listed(value)
    kind, apart = f"{value.dtype} {list(value.shape)}", [tuple(place.tolist()) for place in np.argwhere(value != 0)]
    if len(apart) > 2:
        return f"<{kind}>"
    return f"<{kind}: 0 but {', '.join(f'{value[place]!s} at {list(place)}' for place in apart)}>"


SHORT = 16
"""An array of so many elements is shown as a list."""


def _listed(array: Array) -> str:
    """Nested lists; each number with as many digits as its type needs."""
    if array.ndim == 0:
        return str(array[()])
    return f"[{', '.join(_listed(part) for part in array)}]"


SLOTS = ("hi", "lo")


def slot_words(arguments: Arguments, row: int, col: int) -> dict[str, str]:
    """Code, slot and step of the weight (row, col) in arguments with `codes`, `steps` and `block_size`."""
    return {
        "code": str(arguments["codes"][row, col // 2]),
        "slot": SLOTS[col % 2],
        "scale": shown(arguments["steps"][row, col // arguments["block_size"]]),
    }
