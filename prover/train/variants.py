"""Written proofs made into others: a theorem and its proof changed alike, in the hope that it still is one.

What a change makes is a guess that Lean judges: a variant whose proof does not run to its end is no data.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from q35prover.extract.declarations import Binder, binders
from q35prover.extract.tactics import Node
from q35prover.extract.text import tokens
from q35prover.train.replay import VARIANT, WrittenProof

_NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-f]+|\d+)(?![\w.]*[a-zA-Z_])")
_WIDTH = re.compile(
    r"(?:BitVec|Fin|ofNat|ofInt|setWidth|zeroExtend|truncate|signExtend|\^|<<<|>>>|#|replicate|Vector \w+) ?(\d+)"
)
_TRIES = 12
"""For each variant that is wanted, at most so many changes are drawn."""


def variants(proof: WrittenProof, count: int, seed: int) -> Iterator[WrittenProof]:
    """Up to `count` different ones."""
    rng = random.Random(f"{seed} {proof.name}")
    seen = {proof.statement}
    for _ in range(count * _TRIES):
        made = _varied(proof, rng)
        if made.statement not in seen:
            seen.add(made.statement)
            yield replace(made, name=f"{proof.name}{VARIANT}{len(seen) - 1}")
            if len(seen) > count:
                return


def _varied(proof: WrittenProof, rng: random.Random) -> WrittenProof:
    """One to three changes, one after the other."""
    for change in rng.sample(_CHANGES, rng.choice((1, 1, 2, 3))):
        proof = change(proof, rng)
    return proof


def _mapped(proof: WrittenProof, change: Callable[[str], str]) -> WrittenProof:
    """The same change in the statement and in every tactic."""

    def of_block(block: Sequence[Node]) -> list[Node]:
        return [
            replace(node, text=node.text and change(node.text), blocks=[of_block(inner) for inner in node.blocks])
            for node in block
        ]

    return replace(proof, statement=change(proof.statement), block=of_block(proof.block))


def _numbers(proof: WrittenProof, rng: random.Random) -> WrittenProof:
    """Other constants: widths grow by as much as the exponents of powers of two, other numbers anyhow."""
    growth = rng.choice((-3, -2, -1, 1, 1, 2, 2, 3, 4))
    widths = {int(found[1]) for found in _WIDTH.finditer(proof.statement)}
    others: dict[int, int] = {}

    def new(value: int) -> int:
        if value in widths and value > 1:
            parts = 2 if value / 2 in widths else 1
            return max(1, value + parts * growth)
        if value < 3:
            return value
        for offset in (0, -1):
            exponent = (value - offset).bit_length() - 1
            if value - offset == 1 << exponent:
                return (1 << max(1, exponent + growth)) + offset
        return others.setdefault(value, max(2, value + rng.choice((-2, -1, 0, 0, 1, 2, 3, value))))

    def change(text: str) -> str:
        return _NUMBER.sub(lambda found: _in_base(found[1], new(int(found[1], 0))), text)

    return _mapped(proof, change)


def _in_base(text: str, value: int) -> str:
    """The value as the number `text` is written: hexadecimal or decimal."""
    return f"0x{value:0{len(text) - 2}x}" if text.startswith("0x") else str(value)


def _kind(proof: WrittenProof, rng: random.Random) -> WrittenProof:
    """Another kind of numbers, and the theorems of the same names about them."""
    old, new = rng.choice((("Nat", "Int"), ("Int", "Nat"), ("Int", "Rat"), ("Rat", "Int"), ("Nat", "Rat")))
    return _mapped(proof, lambda text: re.sub(rf"(?<![\w.]){old}(?!\w)", new, text))


def _strictness(proof: WrittenProof, rng: random.Random) -> WrittenProof:
    """`<` for `≤` in one place of the statement, or the other way round."""
    places = [found.start() for found in re.finditer(r"(?<=\s)[<≤](?=\s)", proof.statement)]
    if not places:
        return proof
    place, text = rng.choice(places), proof.statement
    other = "≤" if text[place] == "<" else "<"
    return replace(proof, statement=text[:place] + other + text[place + 1 :])


def _order(proof: WrittenProof, rng: random.Random) -> WrittenProof:
    """Two neighbouring binders change places, if neither speaks of the other."""
    found = _round_binders(proof.statement)
    pairs = [(first, second) for first, second in pairwise(found) if second.mentions.isdisjoint(first.names)]
    if not pairs:
        return proof
    first, second = (binder.text(binder.names) for binder in rng.choice(pairs))
    return replace(proof, statement=proof.statement.replace(f"{first} {second}", f"{second} {first}", 1))


def _distraction(proof: WrittenProof, rng: random.Random) -> WrittenProof:
    """One more hypothesis, that the proof does not need."""
    numbers = [b for b in _round_binders(proof.statement) if b.type in ("Nat", "Int", "Rat")]
    if not numbers:
        return proof
    kind = rng.choice(numbers).type
    names = [name for binder in numbers if binder.type == kind for name in binder.names]
    left = rng.choice(names)
    right = rng.choice([*(name for name in names if name != left), "0", "1", "y'"])
    if "'" in proof.statement:
        return proof
    last = numbers[-1].text(numbers[-1].names)
    added = f"(y' : {kind})" if right == "y'" else f"(h' : {left} {rng.choice('<≤≠')} {right})"
    return replace(proof, statement=proof.statement.replace(last, f"{last} {added}", 1))


def _round_binders(statement: str) -> list[Binder]:
    """The binders `(a b : T)` before the statement's type."""
    found: list[Binder] = []
    rest = statement.strip()
    while rest[:1] in ("(", "{", "["):
        following = binders(rest, tokens(rest))
        if not following or not rest.startswith(text := following[0].text(following[0].names)):
            break
        found.append(following[0])
        rest = rest[len(text) :].lstrip()
    return [binder for binder in found if binder.bracket == "("]


_CHANGES = (_numbers, _numbers, _numbers, _kind, _strictness, _strictness, _order, _distraction)
