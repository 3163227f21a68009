"""A compiled extension: the bytes that run, where its kernels begin, and how to call one of them directly."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

SHF_ALLOC, SHF_WRITE, SHF_EXECUTE = 2, 1, 4
RELATIVE, GLOBAL, JUMP = 8, 6, 7
"""Types of x86-64 relocations: an address in the file itself, and two of a symbol that the dynamic linker looks up."""

EXPORTED = ("tile_weights", "untile_weights")
"""Functions of the namespace q35 beside the kernels' table that are found by their own names."""
LOAD_ADDRESS = 0x10_0000_0000
"""Where the lifted copy lies; its code does not depend on the place."""
EXTERNAL_ADDRESS = 0x20_0000_0000
"""From here on one address for each function of another library, 16 bytes apart."""


@dataclass(frozen=True)
class Section:
    """A part of the file that is in memory when it runs."""

    start: int
    content: bytes
    fixed: bool
    executable: bool


class Binary:
    """An extension module of this machine's processor (x86-64 ELF), as its file holds it.

    Its functions are those that `EXPORTED` names and the slots of the kernels' table that `kernels_header` declares;
    without a header all that it exports.
    """

    def __init__(self, path: Path, kernels_header: Path | None = None) -> None:
        self.path = path
        with path.open("rb") as file:
            elf = ELFFile(file)
            if elf.get_machine_arch() != "x64":
                raise ValueError(f"{path} is made for {elf.get_machine_arch()}, not for x86-64")
            parts = [section for section in elf.iter_sections() if section["sh_flags"] & SHF_ALLOC]
            self.sections = [
                Section(
                    LOAD_ADDRESS + part["sh_addr"],
                    part.data(),
                    not part["sh_flags"] & SHF_WRITE,
                    bool(part["sh_flags"] & SHF_EXECUTE),
                )
                for part in parts
                if part["sh_type"] == "SHT_PROGBITS"
            ]
            comment = elf.get_section_by_name(".comment")
            self.compiler = comment.data().decode().split("\0")[0] if comment is not None else "unknown"
            self.pointers: dict[int, int] = {}
            self.externals: dict[int, str] = {}
            for name in (".rela.dyn", ".rela.plt"):
                self._relocate(elf, elf.get_section_by_name(name))
            exported: Any = elf.get_section_by_name(".dynsym")
            addresses = {row.name: LOAD_ADDRESS + row["st_value"] for row in exported.iter_symbols()}
        if kernels_header is None:
            self.functions = addresses
        else:
            self.functions = {name: found for name in EXPORTED if (found := _named(name, addresses)) is not None}
            self.functions |= self._kernels(re.findall(r"\(\*(\w+)\)\(", _struct(kernels_header, "Isa")))

    def _relocate(self, elf: Any, table: Any) -> None:
        if table is None:
            return
        symbols = elf.get_section(table["sh_link"])
        for row in table.iter_relocations():
            place, kind = LOAD_ADDRESS + row["r_offset"], row["r_info_type"]
            if kind == RELATIVE:
                self.pointers[place] = LOAD_ADDRESS + row["r_addend"]
            elif kind in (GLOBAL, JUMP):
                self.pointers[place] = self._external(symbols.get_symbol(row["r_info_sym"]).name)

    def _external(self, name: str) -> int:
        known = {found: address for address, found in self.externals.items()}
        address = known.get(name, EXTERNAL_ADDRESS + 16 * len(known))
        self.externals[address] = name
        return address

    def _kernels(self, slots: list[str]) -> dict[str, int]:
        """The scalar kernels' table is a pointer to the text "scalar", then one pointer to code for each slot."""
        found = []
        for place, target in self.pointers.items():
            if self.fixed(target, 7) == b"scalar\0":
                entries = [self.pointers.get(place + 8 * number, 0) for number in range(1, len(slots) + 1)]
                if all(self._is_code(entry) for entry in entries):
                    found.append(dict(zip(slots, entries, strict=True)))
        if not slots or len(found) != 1:
            raise ValueError(f"{self.path} holds {len(found)} tables of {len(slots)} scalar kernels")
        return found[0]

    def _is_code(self, address: int) -> bool:
        section = self._section(address)
        return section is not None and section.executable

    def _section(self, address: int) -> Section | None:
        for section in self.sections:
            if section.start <= address < section.start + len(section.content):
                return section
        return None

    def fixed(self, address: int, size: int) -> bytes | None:
        """Bytes that no program changes once the file is loaded; None where there are none."""
        if size == 8 and address in self.pointers:
            return self.pointers[address].to_bytes(8, "little")
        section = self._section(address)
        if section is None or not section.fixed or address + size > section.start + len(section.content):
            return None
        return section.content[address - section.start : address - section.start + size]

    def code(self, address: int, limit: int) -> bytes:
        """At most `limit` bytes of instructions; raises ValueError where there is no code."""
        section = self._section(address)
        if section is None or not section.executable:
            raise ValueError(f"no code at {address:#x}")
        return section.content[address - section.start : address - section.start + limit]

    def native(self, slot: str, result: Any, *arguments: Any) -> Any:
        """The kernel in a slot as a function of ctypes: the very code that is lifted, run by the processor."""
        address = _loaded_at(self.path) + self.functions[slot] - LOAD_ADDRESS
        return ctypes.CFUNCTYPE(result, *arguments)(address)


def _named(name: str, addresses: dict[str, int]) -> int | None:
    found = [address for symbol, address in addresses.items() if symbol.startswith(f"_ZN3q35{len(name)}{name}E")]
    return found[0] if len(found) == 1 else None


def _struct(header: Path, name: str) -> str:
    found = re.search(rf"^struct {name} {{$(.*?)^}};$", header.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{header} declares no struct {name}")
    return found[1]


@cache
def _loaded_at(path: Path) -> int:
    """Where the dynamic linker put the file in this process."""
    ctypes.CDLL(str(path))
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, _, offset, *_, name = line.split(maxsplit=5)
        if Path(name) == path.resolve() and int(offset, 16) == 0:
            return int(addresses.split("-")[0], 16)
    raise ValueError(f"{path} is not loaded")
