"""How the public declarations of the proofs use each other: what rests on what, what shows that hypotheses are met.

Pure functions of what the audit found; the lints of `q35 spec check` and the theorem book both read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from q35.lean.audit import Declaration
from q35.lean.sources import Example

Witness = Example | Declaration
"""What shows that hypotheses can be met: an example that names the theorem, or a theorem without any that uses it."""


@dataclass(frozen=True)
class ProofGraph:
    """The declarations by name, what uses each, and which unconditional theorem's proof reaches each theorem."""

    declarations: Mapping[str, Declaration]
    users: Mapping[str, tuple[str, ...]]
    unconditional_user: Mapping[str, str]

    @staticmethod
    def of(declarations: Iterable[Declaration]) -> ProofGraph:
        """The graph of public declarations, structure fields left out: they belong to their structure."""
        known = {item.name: item for item in declarations if item.public and item.kind != "field"}
        users: dict[str, list[str]] = {name: [] for name in known}
        for item in known.values():
            for used in sorted({*item.statement_uses, *item.proof_uses} & known.keys()):
                users[used].append(item.name)
        return ProofGraph(known, {name: tuple(found) for name, found in users.items()}, _unconditional_users(known))

    @property
    def theorems(self) -> list[Declaration]:
        """The theorems, in the order of the declarations."""
        return [item for item in self.declarations.values() if item.kind == "theorem"]

    def below(self, roots: Iterable[str]) -> set[str]:
        """`roots` and all that their statements and proofs rest on."""
        found: set[str] = set()
        work = [name for name in roots if name in self.declarations]
        while work:
            name = work.pop()
            if name not in found:
                found.add(name)
                item = self.declarations[name]
                work += [used for used in (*item.statement_uses, *item.proof_uses) if used in self.declarations]
        return found

    def witness(self, name: str) -> Witness | None:
        """What shows that the hypotheses of the theorem `name` can be met, if anything does."""
        if examples := self.declarations[name].examples:
            return examples[0]
        user = self.unconditional_user.get(name)
        return self.declarations[user] if user else None


def _unconditional_users(known: Mapping[str, Declaration]) -> dict[str, str]:
    """Conditional theorem -> a theorem without hypotheses whose proof uses it, directly or through other theorems.

    Through theorems only: a definition may use a theorem for an argument that no value of it ever has.
    """
    found: dict[str, str] = {}
    for start in known.values():
        if start.kind != "theorem" or start.hypotheses:
            continue
        work = [*start.proof_uses]
        while work:
            used = known.get(work.pop())
            if used and used.kind == "theorem" and used.hypotheses and used.name not in found:
                found[used.name] = start.name
                work += used.proof_uses
    return found
