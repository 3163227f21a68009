"""The errors that the reference raises: all are `ValueError`s whose text says what is wrong and where."""

from __future__ import annotations


class InputError(ValueError):
    """An argument is wrong: a shape, a type, a scheme's name, a code, a byte stream."""


class NonFiniteError(InputError):
    """A weight is NaN or infinite; `name` and `index` say which."""

    def __init__(self, name: str, index: tuple[int, ...], value: float) -> None:
        self.name, self.index, self.value = name, index, value
        super().__init__(f"{name}{list(index)} is {value}: only finite weights can be quantized")
