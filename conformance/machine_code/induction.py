"""Proofs for every length, by induction over the turns of a kernel's main loop.

One step of the induction is a number of turns that handles a fixed number of codes. Its hypothesis, before step m: the
registers are those of the first step plus m times their stride, accumulators hold anything, the codes of m steps are
done, at least one more turn is left. A run from there must either come back to the loop's head with the hypothesis for
m + 1 and the outputs of its codes, or return with all that is left. The strides are read off a run at one length; that
they are right is then proved, so a wrong guess is a proof that fails and never a wrong proof.

An array is seen through a window that starts where the step's codes start: "byte 3" is the third one of the step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import z3

from conformance.machine_code import statement
from conformance.machine_code.binary import Binary
from conformance.machine_code.machine import ARCH, Cells, Machine, Region, State
from conformance.machine_code.operations import Bits, Unsupported
from conformance.machine_code.proofs import CLAIMS, TABLE_BYTES, Claim, answer, narrowed

LONGEST = 1 << 40
"""No array is longer than this many codes; there are no wrapped indices below it."""
TRIAL = 64
"""The length of the run that the strides are read off."""
GROUP = 8
"""Codes that take whole bytes of the stream."""
LENGTH, STEP, LEFT, BYTES = z3.BitVecs("length step left bytes", 64)
"""How many codes there are, how many steps were made, how many codes are left after them; and the bytes of the stream
that the steps made: a symbol of its own, as solvers are slow at multiples of 7 (what holds of any number holds of it).
"""
SIZES = {
    "codes": LENGTH,
    "a": LENGTH,
    "b": LENGTH,
    "stream": z3.LShR(statement.code_bits() * LENGTH + 7, 3),
    "values": 2 * LENGTH,
    "table": TABLE_BYTES,
}
"""Bytes of the arrays of a call with `LENGTH` codes (or weights)."""
GENERAL = tuple((ARCH.get_register_offset("rax") + 8 * number, 8) for number in range(16))
VECTOR = tuple((ARCH.get_register_offset("ymm0") + 32 * number, 16) for number in range(16))


class NotProved(AssertionError):
    """An obligation of the induction that does not hold, or that the solver does not decide."""


@dataclass(frozen=True)
class Loop:
    """The main loop of a kernel, as one run shows it."""

    head: int
    step: int
    """Codes a step."""
    turns: int
    """Turns a step."""
    ahead: int
    """Codes that are at least left at the head."""
    strides: dict[tuple[int, int], int]
    """What one step adds to a register (place and size), where that is a constant; the others may hold anything."""


def observed(slot: str, binary: Binary) -> Loop:
    """The loop in a run of `TRIAL` codes: its head is the block that the run comes to most often."""
    claim = CLAIMS[slot](TRIAL)
    machine = Machine(binary, list(claim.arguments), claim.known)
    machine.run(binary.functions[slot])
    head = machine.visits.most_common(1)[0][0]
    state = machine.start(binary.functions[slot])
    seen: list[dict[tuple[int, int], Bits]] = []
    while at_head := _at(machine.follow([_resumed(state)], head), head):
        (state,) = at_head
        seen.append({place: state.registers.read(*place) for place in (*GENERAL, *VECTOR)})
    if len(seen) < 3 or (TRIAL % len(seen) and len(seen) % TRIAL):
        raise Unsupported(f"a loop of {len(seen)} turns for {TRIAL} codes")
    step = max(GROUP, TRIAL // len(seen))
    turns = step * len(seen) // TRIAL
    strides = {}
    for place in seen[0]:
        steps = [z3.simplify(after[place] - before[place]) for before, after in pairwise(seen)]
        if all(z3.is_bv_value(difference) and difference.eq(steps[0]) for difference in steps):
            strides[place] = steps[0].as_signed_long() * turns
    return Loop(head, step, turns, max(1, TRIAL // len(seen)), strides)


def _at(states: Iterable[State], head: int) -> list[State]:
    return [state for state in states if state.next == head]


def _resumed(state: State) -> State:
    state.blocks = 0
    return state


class Induction:
    """The proof of one kernel of a binary for all lengths up to `LONGEST`, given those below `covered`."""

    def __init__(self, slot: str, binary: Binary) -> None:
        self.slot, self.binary, self.loop = slot, binary, observed(slot, binary)
        self.covered = 2 * self.loop.step
        claim = CLAIMS[slot](self.loop.step)
        self.arrays = {
            region.name: replace(
                region, size=SIZES[region.name], table=region.table if region.writable else _contents(region)
            )
            for region in claim.arrays
        }
        self.windows = {
            region.name: BYTES if region.name == "stream" else z3.simplify(STEP * region.size)
            for region in claim.arrays
            if region.name != "table"
        }
        self.machine = self.run_of(LENGTH)

    def run_of(self, length: Bits) -> Machine:
        """The kernel called with that many codes."""
        sizes = {
            name: replace(region, size=self.of_length(z3.BitVecVal(0, 64) + region.size, length))
            for name, region in self.arrays.items()
        }
        claim = CLAIMS[self.slot](self.covered)
        arguments = [sizes[a.name] if isinstance(a, Region) else length for a in claim.arguments]
        limits = [z3.ULE(symbol, LONGEST) for symbol in (LENGTH, STEP, LEFT, z3.LShR(BYTES, 8))]
        return Machine(self.binary, arguments, [*limits, *map(self.seen, claim.known)])

    def of_length(self, term: Bits, length: Bits) -> Bits:
        """A term for a call with that many codes. Eight times BYTES is a multiple of STEP, and is written that way."""
        term = z3.simplify(z3.substitute(_linear(term), (LENGTH, length)))
        bits = statement.code_bits() * self.loop.step * STEP
        return z3.simplify(z3.substitute(term, (z3.simplify(bits), BYTES << 3)))

    def prove(self) -> int:
        """Proves all obligations and returns how many lengths it leaves to be proved one by one; raises NotProved."""
        arrived = self.machine.follow([self.machine.start(self.binary.functions[self.slot])], self.loop.head)
        first = _at(arrived, self.loop.head)
        for state in arrived:
            if state not in first:
                self.show(state, z3.ULT(LENGTH, self.covered), "only short arrays do not reach the loop")
        if not first:
            raise NotProved(f"{self.slot}: no length reaches the loop")
        for state in first:
            self.show(state, z3.UGE(LENGTH, self.loop.ahead), "what is left at the first turn")
        self.machine = self.run_of(STEP * self.loop.step + LEFT)
        self.machine.windows = self.windows
        for state in first:
            self.step_from(state)
        return self.covered

    def step_from(self, first: State) -> None:
        """One step from anywhere, for the path that came to the loop as `first`."""
        start = self.hypothesis(first)
        done: list[State] = []
        running = [start.fork(True, self.loop.head)]
        for _ in range(self.loop.turns):
            arrived = self.machine.follow([_resumed(state) for state in running], self.loop.head)
            running = _at(arrived, self.loop.head)
            done += [state for state in arrived if state.next != self.loop.head]
        accumulated = self.accumulated(done)
        if accumulated is not None:
            begun = self.holding(accumulated, first)
            self.show(start, begun == 0, "what the accumulators hold at first")
        for state in running:
            self.keeps(start, state)
            self.output(state, self.loop.step)
            if accumulated is not None:
                total = self.holding(accumulated, state)
                self.show(state, _same(total, accumulated + self.stated(self.loop.step)[0]), "the accumulators")
            elif self.output_array is None:
                self.show(state, self.stated(self.loop.step)[0] == self.loop.step, "nothing to return in this step")
        for state in done:
            self.returns(state, accumulated)

    def hypothesis(self, first: State) -> State:
        """Any state at the head of the loop; `first` is the one of step 0."""

        def now(term: Bits) -> Bits:
            return self.of_length(term, STEP * self.loop.step + LEFT)

        registers = Cells(lambda offset: z3.BitVec(f"register byte {offset} before the step", 8))
        for place, size in (*GENERAL, *VECTOR):
            stride, value = self.loop.strides.get((place, size)), _anything(place, size)
            if stride is not None:
                value = now(first.registers.read(place, size) + stride * z3.ZeroExt(8 * size - 64, STEP))
            registers.write(place, value)
        direction = ARCH.get_register_offset("dflag")
        registers.write(direction, first.registers.read(direction, 8))
        stack = first.memory["stack"]
        memory = {"stack": Cells(stack.fresh, {place: (now(stack.read(place, 1)), 0) for place in stack.cells})}
        for name, region in self.arrays.items():
            if region.writable and first.memory[name].cells:
                raise Unsupported(f"{self.slot} writes to {name} before its loop")
            memory[name] = Cells(first.memory[name].fresh if region.writable else self.byte_of(region))
        return State([*map(now, first.path), z3.UGE(LEFT, self.loop.ahead)], registers, memory, self.loop.head)

    def keeps(self, start: State, state: State) -> None:
        """The hypothesis, one step later."""
        self.show(state, z3.UGE(LEFT, self.loop.step + self.loop.ahead), "what is left at the next step")
        for (place, size), stride in self.loop.strides.items():
            want = start.registers.read(place, size) + stride
            self.show(state, state.registers.read(place, size) == want, f"the register at {place}")
        before, after = start.memory["stack"], state.memory["stack"]
        for place in before.cells:
            self.show(state, before.read(place, 1) == after.read(place, 1), f"byte {place} of the stack")

    def returns(self, state: State, accumulated: Bits | None) -> None:
        """All that was left is done, however much that was; or the answer was found before the end."""
        for left in range(self.covered + 1):
            here = z3.UGE(LEFT, left) if left == self.covered else left == LEFT
            if not self.machine.possible(state, here):
                continue
            case = state.fork(here, state.next)
            self.output(case, left)
            if self.output_array is not None or accumulated is not None:
                self.show(case, left < self.covered, "nothing is left at the return")
            if self.output_array is None:
                stated = self.stated(left)[0]
                before = accumulated if accumulated is not None else STEP * self.loop.step
                self.show(case, _same(answer(self.claim(left), case)[0], before + stated), "the result")
                if left == self.covered:
                    self.show(case, z3.ULT(stated, left), "the result is found")

    def output(self, state: State, count: int) -> None:
        """The step wrote the output of `count` codes and nothing else."""
        region = self.output_array
        if region is None:
            return
        stated = self.stated(count)
        cells = state.memory[region.name]
        if not set(cells.cells) <= set(range(len(stated))):
            raise NotProved(f"{self.slot}: a byte of {region.name} is written that is not the step's")
        same = [cells.read(place, 1) == want for place, want in enumerate(stated)]
        self.show(state, z3.And(True, *same), f"the output of {count} codes")

    @property
    def output_array(self) -> Region | None:
        return next((region for region in self.arrays.values() if region.writable), None)

    def accumulated(self, done: list[State]) -> Bits | None:
        """What the accumulators hold, for a kernel that returns a sum: its result where all that is read is zero."""
        if self.slot != "dot":
            return None
        result = answer(self.claim(0), done[0])[0]
        reads = [(term, z3.BitVecVal(0, 8)) for term in _reads(result)]
        return z3.simplify(z3.substitute(result, *reads))

    def holding(self, accumulated: Bits, state: State) -> Bits:
        """What the accumulators of a state hold."""
        pairs = [(_anything(*place), state.registers.read(*place)) for place in (*GENERAL, *VECTOR)]
        return z3.simplify(z3.substitute(accumulated, *pairs))

    def claim(self, count: int) -> Claim:
        return CLAIMS[self.slot](count)

    def stated(self, count: int) -> list[Bits]:
        """What the specification says of the first `count` codes of the step."""
        return [self.seen(term) for term in self.claim(count).stated]

    def seen(self, term: Bits) -> Bits:
        """A statement about the bytes of arrays as one about the bytes of the step."""
        pairs = []
        for claim_array in CLAIMS[self.slot](self.covered).arrays:
            if not claim_array.writable and claim_array.table is None:
                byte = self.byte_of(self.arrays[claim_array.name])
                pairs += [(claim_array.byte(index), byte(index)) for index in range(claim_array.size)]
        return z3.substitute(term, *pairs)

    def byte_of(self, region: Region) -> Any:
        window = self.windows.get(region.name, z3.BitVecVal(0, 64))
        return lambda index: z3.Select(region.table, z3.simplify(window + index))

    def show(self, state: State, claim: Any, what: str) -> None:
        if self.machine.solver.check(*state.path, z3.Not(claim)) != z3.unsat:
            raise NotProved(f"{self.slot}: {what}")


def _anything(place: int, size: int) -> Bits:
    """What a register may hold before a step."""
    return z3.BitVec(f"register at {place} before the step", 8 * size)


def _linear(term: Bits) -> Bits:
    """The same term as a multiple of LENGTH plus what does not depend on it, where it is one (64 bits)."""
    if not z3.is_bv(term) or term.size() != 64:
        return term
    at_zero, at_one = (z3.substitute(term, (LENGTH, z3.BitVecVal(value, 64))) for value in (0, 1))
    factor = z3.simplify(at_one - at_zero)
    candidate = z3.simplify(at_zero + factor * LENGTH)
    solver = z3.Solver()
    solver.set("timeout", 2_000)
    same = z3.is_bv_value(factor) and solver.check(term != candidate) == z3.unsat
    return candidate if same else term


def _contents(region: Region) -> Any:
    return region.table if region.table is not None else z3.Array(region.name, z3.BitVecSort(64), z3.BitVecSort(8))


def _same(got: Bits, want: Bits) -> Any:
    return z3.simplify(narrowed(got) == narrowed(want))


def _reads(term: Bits) -> list[Bits]:
    """The bytes of arrays in a term."""
    found: dict[int, Bits] = {}
    seen, waiting = set(), [term]
    while waiting:
        part = waiting.pop()
        if part.get_id() not in seen:
            seen.add(part.get_id())
            if z3.is_select(part):
                found[part.get_id()] = part
            waiting += part.children()
    return list(found.values())
