"""`lean.wasm` with the exports that JavaScript names; its other functions are found in its table.

Lean exports 201,110 names, so that compiled code can be looked up when a program of Lean is interpreted. Each thread of
each process makes an object for every one of them and puts it into the table through which functions are called by
number, which takes half of the processor time of a start. Here the module itself says that they stand in its table,
which costs nothing, and a file beside it tells the number of each. Nothing else of the module changes: all other
sections, the code above all, are copied byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from q35.errors import ToolchainError
from q35.lean.launcher import IDENTIFIER

NAMES = "lean.names"
"""The file beside the module that tells the number of each exported function."""

_HEADER = b"\0asm\1\0\0\0"
_TABLE, _EXPORT, _ELEMENT = 4, 7, 9
_FUNCTION = 0
_ONE_TABLE = b"\1\x70\0"
"""One table of functions without a limit; its size follows."""
_FROM = b"\0\x41%b\x0b"
"""The functions of the first table from a number on, which stands inside; their list follows."""


@dataclass(frozen=True)
class Export:
    """An exported name: what kind of thing has it, and which one."""

    name: bytes
    kind: int
    index: int

    def __bytes__(self) -> bytes:
        return _unsigned(len(self.name)) + self.name + bytes([self.kind]) + _unsigned(self.index)


class _Reader:
    """Reads a module's bytes from `at` on (WebAssembly Core Specification, chapter 5, binary format)."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def counted(self) -> bytes:
        """A length and so many bytes."""
        length = self.unsigned()
        self.at += length
        return self.data[self.at - length : self.at]

    def constant(self, expected: bytes) -> None:
        self.at += len(expected)
        if self.data[self.at - len(expected) : self.at] != expected:
            raise ToolchainError("lean.wasm is not built as the pinned one")


def _unsigned(value: int) -> bytes:
    """LEB128."""
    written = bytearray()
    while value >= 128:
        written.append(value % 128 + 128)
        value >>= 7
    return bytes([*written, value])


def _signed(value: int) -> bytes:
    """LEB128 of a number that is not negative, where it could be: bit 6 of the last byte is its sign."""
    written = _unsigned(value)
    return written if written[-1] < 64 else written[:-1] + bytes([written[-1] + 128, 0])


def _list(items: Iterable[bytes]) -> bytes:
    items = list(items)
    return _unsigned(len(items)) + b"".join(items)


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Each section's number and content."""
    reader = _Reader(module)
    reader.constant(_HEADER)
    while reader.at < len(module):
        reader.at += 1
        yield module[reader.at - 1], reader.counted()


def _exports(content: bytes) -> Iterator[Export]:
    reader = _Reader(content)
    for _ in range(reader.unsigned()):
        name, kind = reader.counted(), reader.unsigned()
        yield Export(name, kind, reader.unsigned())


def slim(module: bytes, script: str) -> tuple[bytes, bytes]:
    """The module as the JavaScript `script` needs it, and the list of its functions' numbers.

    Kept are exports that occur as a word of the script, and all that are no functions. The list has a line
    `name number` for each exported function, in the order of their bytes. Raises ToolchainError when the module is not
    built as expected.
    """
    sections = list(_sections(module))
    content = dict(sections)
    exports = list(_exports(content[_EXPORT]))
    table, elements = _Reader(content[_TABLE]), _Reader(content[_ELEMENT])
    table.constant(_ONE_TABLE)
    size = table.unsigned()
    elements.constant(b"\1" + _FROM % _signed(1))
    numbers = {elements.unsigned(): number for number in range(1, 1 + elements.unsigned())}
    named = {export.name: export.index for export in exports if export.kind == _FUNCTION}
    more = sorted(set(named.values()) - numbers.keys())
    numbers |= {index: size + at for at, index in enumerate(more)}
    words = {word.encode() for word in IDENTIFIER.findall(script)}
    changed = {
        _TABLE: _ONE_TABLE + _unsigned(size + len(more)),
        _EXPORT: _list(bytes(export) for export in exports if export.kind != _FUNCTION or export.name in words),
        _ELEMENT: b"\2" + content[_ELEMENT][1:] + _FROM % _signed(size) + _list(map(_unsigned, more)),
    }
    made = [_HEADER]
    for section, as_it_was in sections:
        written = changed.get(section, as_it_was)
        made += [bytes([section]), _unsigned(len(written)), written]
    return b"".join(made), b"".join(b"%s %d\n" % (name, numbers[index]) for name, index in sorted(named.items()))
