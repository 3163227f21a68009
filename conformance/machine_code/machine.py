"""Runs lifted machine code on symbolic inputs.

A function's arguments are numbers and arrays. An array lies anywhere: its address is a symbol of which only the
contract is known (arrays do not overlap, none is at the end of the address space). Each load and store must lie in one
array, in the stack frame, or (loads) in what the file fixes, for every input; anything else ends the run with
`OutOfBounds`. Where a branch depends on the input, both sides are followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyvex
import z3

from conformance.machine_code.binary import Binary
from conformance.machine_code.operations import (
    Bits,
    Unsupported,
    carry,
    flag_condition,
    joined,
    numeral,
    operation,
    size_in_bytes,
    variable,
)

ARCH = pyvex.ARCH_AMD64
MOST_BLOCKS = 20_000
FRAME = 4096
"""Bytes of stack that a function may use."""
RETURN_ADDRESS = 0x30_0000_0000
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
PRESERVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")


class OutOfBounds(Exception):
    """The code reads or writes outside the arrays of its contract, or breaks the calling convention."""


class Cells:
    """Bytes by address: what was written there, or what was there before (`fresh`)."""

    def __init__(self, fresh: Callable[[int], Bits], cells: dict[int, tuple[Bits, int]] | None = None) -> None:
        self.fresh = fresh
        self.cells = cells or {}

    def copy(self) -> Cells:
        return Cells(self.fresh, dict(self.cells))

    def write(self, address: int, value: Bits) -> None:
        for number in range(size_in_bytes(value)):
            self.cells[address + number] = (value, number)

    def read(self, address: int, size: int) -> Bits:
        runs: list[tuple[Bits, int, int]] = []
        for value, number in map(self._cell, range(address, address + size)):
            if runs and runs[-1][0] is value and runs[-1][2] == number:
                runs[-1] = (value, runs[-1][1], number + 1)
            else:
                runs.append((value, number, number + 1))
        if len(runs) == 1 and runs[0][1] == 0 and runs[0][2] == size_in_bytes(runs[0][0]):
            return runs[0][0]  # as most are: what was written is read
        return z3.simplify(joined([z3.Extract(8 * end - 1, 8 * start, value) for value, start, end in runs]))

    def _cell(self, address: int) -> tuple[Bits, int]:
        found = self.cells.get(address)
        return found if found is not None else (self.fresh(address), 0)


@dataclass(frozen=True, eq=False)
class Region:
    """An array, or the stack frame: `size` bytes, the first of them `start` bytes after the symbol `base`."""

    name: str
    size: Any
    """A number, or a term of 64 bits."""
    writable: bool = False
    table: Any = None
    """For an array that is only read, and may be read at an index that is no constant: a z3 array of its bytes."""
    start: int = 0
    content: bytes | None = None
    """For an array that is only read and holds the same in every call."""

    @property
    def base(self) -> Bits:
        return variable(f"address of {self.name}", 64)

    def byte(self, index: int) -> Bits:
        """What byte `index` holds before the call."""
        if self.table is not None:
            return z3.Select(self.table, numeral(index, 64))
        if self.content is not None:
            return numeral(self.content[index], 8)
        return variable(f"{self.name}[{index}]", 8)

    def before(self) -> list[Bits]:
        return [self.byte(index) for index in range(self.size)]


STACK = Region("stack", FRAME + 64, True, start=-FRAME)


@dataclass
class State:
    """One path: what it knows of the inputs, and what it has computed."""

    path: list[Any]
    registers: Cells
    memory: dict[str, Cells]
    next: int
    blocks: int = 0

    def fork(self, condition: Any, target: int) -> State:
        memory = {name: cells.copy() for name, cells in self.memory.items()}
        return State([*self.path, condition], self.registers.copy(), memory, target, self.blocks)

    def register(self, name: str) -> Bits:
        return self.registers.read(ARCH.get_register_offset(name), 8)

    def set_register(self, name: str, value: Bits) -> None:
        self.registers.write(ARCH.get_register_offset(name), value)

    def array(self, region: Region) -> list[Bits]:
        """The bytes of an array now."""
        return [self.memory[region.name].read(index, 1) for index in range(region.size)]


@dataclass
class Machine:
    """A function of a binary on arguments: arrays, numbers (64 bits) or terms of 64 bits."""

    binary: Binary
    arguments: list[Region | int | Bits]
    assumptions: list[Any] = field(default_factory=list)
    windows: dict[str, Bits] = field(default_factory=dict)
    """For arrays that are met at an index which is a term: the index from which their bytes are counted."""
    visits: Counter[int] = field(default_factory=Counter)
    """How often the run came to each block."""
    solver: Any = field(default_factory=z3.Solver)
    lifted: dict[tuple[int, int], Any] = field(default_factory=dict)
    results: dict[tuple[str | int, ...], tuple[Bits, tuple[Bits, ...]]] = field(default_factory=dict)
    """Of each operation on each operands, which are kept so that their numbers stay theirs."""
    indices: dict[int, tuple[Region | None, Bits, Bits]] = field(default_factory=dict)
    """Of each address: its array and index, and the address itself, kept for the same reason."""

    def __post_init__(self) -> None:
        arrays = [argument for argument in self.arguments if isinstance(argument, Region)]
        self.regions = {str(region.base): region for region in [*arrays, STACK]}
        self.solver.set("timeout", 120_000)
        self.solver.add(*_placed(list(self.regions.values())), *self.assumptions)

    def run(self, entry: int) -> list[State]:
        """All paths from the entry to the return."""
        return self.follow([self.start(entry)], RETURN_ADDRESS)

    def start(self, entry: int) -> State:
        registers = Cells(lambda offset: variable(f"register byte {offset}", 8))
        memory = {region.name: Cells(_contents(region)) for region in self.regions.values()}
        state = State([], registers, memory, entry)
        for name, argument in zip(ARGUMENTS, self.arguments, strict=False):
            value = argument.base if isinstance(argument, Region) else argument
            state.set_register(name, z3.BitVecVal(value, 64) if isinstance(value, int) else value)
        state.set_register("rsp", STACK.base)
        state.set_register("dflag", z3.BitVecVal(1, 64))
        state.memory["stack"].write(0, z3.BitVecVal(RETURN_ADDRESS, 64))
        return state

    def follow(self, waiting: list[State], stop: int) -> list[State]:
        """Runs every path until it arrives at the address `stop`, or returns."""
        arrived: list[State] = []
        while waiting:
            state = waiting.pop()
            if state.next in (stop, RETURN_ADDRESS) and state.blocks:
                if state.next == RETURN_ADDRESS:
                    self._check_return(state)
                arrived.append(state)
            elif state.next in self.binary.externals:
                self._external(state, self.binary.externals[state.next])
                waiting.append(state)
            else:
                waiting += self._block(state, stop)
        return arrived

    def possible(self, state: State, *conditions: Any) -> bool:
        """Whether some input takes this path and meets the conditions."""
        answer = self.solver.check(*state.path, *conditions)
        if answer == z3.unknown:
            raise Unsupported(f"the solver gave up on a branch at {state.next:#x}")
        return bool(answer == z3.sat)

    def _lift(self, address: int, stop: int) -> Any:
        """The block at an address, which ends at `stop` at the latest."""
        limit = min(400, stop - address) if stop > address else 400
        if (address, limit) not in self.lifted:
            code = self.binary.code(address, 400)
            self.lifted[address, limit] = pyvex.lift(code, address, ARCH, max_bytes=limit, opt_level=1)
        return self.lifted[address, limit]

    def _block(self, state: State, stop: int) -> list[State]:
        state.blocks += 1
        self.visits[state.next] += 1
        if state.blocks > MOST_BLOCKS:
            raise Unsupported("a loop without end")
        block = self._lift(state.next, stop)
        if block.jumpkind not in ("Ijk_Boring", "Ijk_Call", "Ijk_Ret"):
            raise Unsupported(f"{block.jumpkind} at {state.next:#x}")
        run = Block(self, state)
        others: list[State] = []
        for statement in block.statements:
            if isinstance(statement, pyvex.stmt.Exit):
                condition = z3.simplify(run.value(statement.guard) == 1)
                target = statement.dst.value
                if z3.is_true(condition):
                    state.next = target
                    return [*others, state]
                if not z3.is_false(condition):
                    taken, passed = self.possible(state, condition), self.possible(state, z3.Not(condition))
                    if not passed:
                        state.next = target
                        return [*others, state]
                    if taken:
                        others.append(state.fork(condition, target))
                        state.path.append(z3.Not(condition))
            else:
                run.step(statement)
        target = run.value(block.next)
        if not z3.is_bv_value(target):
            raise Unsupported(f"a jump to a computed address at {state.next:#x}")
        state.next = target.as_long()
        return [*others, state]

    def result(self, name: str, *operands: Bits) -> Bits:
        """What an operation makes of its operands; z3 gives equal terms one number, so that loops are cheap."""
        key = name, *(operand.get_id() for operand in operands)
        if key not in self.results:
            self.results[key] = (z3.simplify(operation(name)(*operands)), operands)
        return self.results[key][0]

    def place(self, state: State, address: Bits, size: int) -> tuple[Region | None, int | Bits]:
        """The array that holds `size` bytes at an address, for every input of this path, and where in its window; no
        array for an address in the file itself."""
        region, index = self._array_at(address)
        if region is None:
            return None, int(address.as_long())
        place = self._in_window(state, region, index)
        if region.name in self.windows and isinstance(place, int):
            index = z3.simplify(self.windows[region.name] + place)
        if z3.is_bv_value(index) and isinstance(region.size, int):
            inside = region.start <= index.as_signed_long() <= region.start + region.size - size
        else:
            end = z3.BitVecVal(0, 64) + region.size
            fits = z3.And(z3.UGE(end, size), z3.ULE(index - region.start, end - size))
            inside = not self.possible(state, z3.Not(fits))
        if not inside:
            raise OutOfBounds(f"{size} bytes at {index} of {region.name}, which has {region.size}")
        return region, place

    def _array_at(self, address: Bits) -> tuple[Region | None, Bits]:
        """The array that an address is of, and the index; no array for a constant."""
        if (key := address.get_id()) not in self.indices:
            terms = address.children() if address.decl().kind() == z3.Z3_OP_BADD else [address]
            named = [(term.decl().name(), term) for term in terms if z3.is_const(term)]
            bases = [(self.regions[name], term) for name, term in named if name in self.regions]
            if len(bases) == 1:
                ((region, base),) = bases
                self.indices[key] = region, z3.simplify(address - base), address
            elif not bases and z3.is_bv_value(address):
                self.indices[key] = None, address, address
            else:
                raise OutOfBounds(f"an address that belongs to no array: {address}")
        return self.indices[key][:2]

    def _in_window(self, state: State, region: Region, index: Bits) -> int | Bits:
        """The index as a distance from the window's, where it is the same for every input; else the index itself."""
        window = self.windows.get(region.name)
        distance = index if window is None else z3.simplify(index - window)
        if window is not None and not z3.is_bv_value(distance) and self.possible(state):
            guess = self.solver.model().eval(distance, model_completion=True)
            if not self.possible(state, distance != guess):
                distance = guess
        return int(distance.as_signed_long()) if z3.is_bv_value(distance) else index

    def load(self, state: State, address: Bits, size: int) -> Bits:
        region, place = self.place(state, address, size)
        if region is None:
            content = self.binary.fixed(int(place), size)
            if content is None:
                raise OutOfBounds(f"{size} bytes at {address}, which are not fixed")
            return z3.BitVecVal(int.from_bytes(content, "little"), 8 * size)
        if isinstance(place, int):
            return state.memory[region.name].read(place, size)
        if region.table is None:
            raise Unsupported(f"a load at an index of {region.name} that depends on the input")
        return joined([z3.Select(region.table, z3.simplify(place + number)) for number in range(size)])

    def store(self, state: State, address: Bits, value: Bits) -> None:
        region, place = self.place(state, address, size_in_bytes(value))
        if region is None or not region.writable:
            raise OutOfBounds(f"a store to {address}, which may only be read")
        if not isinstance(place, int):
            raise Unsupported(f"a store at an index of {region.name} that depends on the input")
        state.memory[region.name].write(place, value)

    def _external(self, state: State, name: str) -> None:
        """The one function of another library that the kernels call, by its contract; it may spoil any register that
        the convention does not preserve."""
        if name != "memset":
            raise Unsupported(f"a call of {name}")
        target, byte, count = (state.register(register) for register in ("rdi", "rsi", "rdx"))
        byte = z3.simplify(z3.Extract(7, 0, byte))
        if z3.is_bv_value(count):
            for number in range(count.as_long()):
                self.store(state, z3.simplify(target + number), byte)
        else:
            self._fill(state, target, byte, count)
        stack = state.register("rsp")
        kept = {register: state.register(register) for register in PRESERVED}
        back = self.load(state, stack, 8)
        call = state.blocks
        state.registers = Cells(lambda offset: z3.BitVec(f"register byte {offset} after block {call}", 8))
        for register, value in {**kept, "rax": target, "rsp": z3.simplify(stack + 8)}.items():
            state.set_register(register, value)
        state.set_register("dflag", z3.BitVecVal(1, 64))
        state.next = back.as_long()

    def _fill(self, state: State, target: Bits, byte: Bits, count: Bits) -> None:
        """Sets a whole array of any length."""
        region = self.regions.get(str(target))
        if region is None or not region.writable or self.possible(state, count != region.size):
            raise Unsupported("a call of memset for a part of an array, of a size that depends on the input")
        state.memory[region.name] = Cells(lambda _: byte)

    def _check_return(self, state: State) -> None:
        before = self.start(0)
        same = [state.register(name) == before.register(name) for name in PRESERVED]
        kept = z3.simplify(z3.And(state.register("rsp") == STACK.base + 8, *same))
        if not z3.is_true(kept):
            raise OutOfBounds("the function returns without the registers that it has to preserve")


class Block:
    """The evaluation of one lifted block."""

    def __init__(self, machine: Machine, state: State) -> None:
        self.machine, self.state = machine, state
        self.temporaries: dict[int, Bits] = {}

    def step(self, statement: Any) -> None:
        match statement:
            case pyvex.stmt.IMark() | pyvex.stmt.AbiHint() | pyvex.stmt.NoOp():
                pass
            case pyvex.stmt.WrTmp():
                self.temporaries[statement.tmp] = self.value(statement.data)
            case pyvex.stmt.Put():
                value = self.value(statement.data)
                self.state.registers.write(statement.offset, value)
            case pyvex.stmt.Store():
                self.machine.store(self.state, self.value(statement.addr), self.value(statement.data))
            case _:
                raise Unsupported(f"the statement {statement}")

    def value(self, expression: Any) -> Bits:
        match expression:
            case pyvex.expr.RdTmp():
                return self.temporaries[expression.tmp]
            case pyvex.expr.Const():
                return _constant(expression.con.type, expression.con.value)
            case pyvex.expr.Get():
                return self.state.registers.read(expression.offset, _size(expression.ty) // 8)
            case pyvex.expr.Load():
                return self.machine.load(self.state, self.value(expression.addr), _size(expression.ty) // 8)
            case pyvex.expr.Unop() | pyvex.expr.Binop():
                return self.machine.result(expression.op, *map(self.value, expression.args))
            case pyvex.expr.ITE():
                condition = self.value(expression.cond) == 1
                return z3.simplify(z3.If(condition, self.value(expression.iftrue), self.value(expression.iffalse)))
            case pyvex.expr.CCall() if expression.callee.name == "amd64g_calculate_condition":
                code, flags_of, first, second, _ = map(self.value, expression.args)
                if z3.is_bv_value(code) and z3.is_bv_value(flags_of):
                    return z3.simplify(flag_condition(code.as_long(), flags_of.as_long(), first, second))
                raise Unsupported(f"a condition on unknown flags: {expression}")
            case pyvex.expr.CCall() if expression.callee.name == "amd64g_calculate_rflags_c":
                flags_of, first, second, _ = map(self.value, expression.args)
                if z3.is_bv_value(flags_of):
                    return z3.simplify(carry(flags_of.as_long(), first, second))
                raise Unsupported(f"the carry of unknown flags: {expression}")
            case _:
                raise Unsupported(f"the expression {expression}")


def _size(kind: str) -> int:
    size = int(kind.removeprefix("Ity_").lstrip("IV"))
    if kind.removeprefix("Ity_")[0] not in "IV":
        raise Unsupported(f"the type {kind}")
    return size


@cache
def _constant(kind: str, value: int) -> Bits:
    if kind == "Ity_V128":
        mask = [0xFF if value >> number & 1 else 0 for number in range(16)]
        return z3.BitVecVal(int.from_bytes(bytes(mask), "little"), 128)
    return z3.BitVecVal(value, _size(kind))


def _contents(region: Region) -> Callable[[int], Bits]:
    return lambda index: z3.simplify(region.byte(index))


def _placed(regions: Iterable[Region]) -> list[Any]:
    """The contract of addresses: each array in the lower half of the address space, no two overlap; the stack as the
    calling convention aligns it."""
    rules: list[Any] = [z3.Extract(3, 0, STACK.base) == 8]
    ends: list[tuple[Bits, Bits]] = []
    for region in regions:
        low, high = region.base + region.start, region.base + (region.start + region.size)
        rules += [z3.UGE(low, 4096), z3.ULE(low, (1 << 47) - region.size)]
        rules += [z3.Or(z3.ULE(high, other_low), z3.ULE(other_high, low)) for other_low, other_high in ends]
        ends.append((low, high))
    return rules
