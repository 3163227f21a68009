"""The declarations of a package as Lean reported them, and what each uses and reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """One declaration as Lean reported it."""

    fact: dict[str, Any]
    module: str

    @property
    def uses(self) -> list[str]:
        return [*self.fact["inType"], *self.fact["inValue"]]


class Graph:
    """The package's declarations and what each reaches. `named` are those that the report says are used."""

    def __init__(self, facts: Sequence[Mapping[str, Any]]) -> None:
        self.nodes = {f["name"]: Node(f, entry["module"]) for entry in facts for f in entry["declarations"]}
        self._axioms = {
            axiom for node in self.nodes.values() for axiom in node.fact["axioms"] + node.fact["axiomsOfValue"]
        }
        self._axioms |= {name for name, node in self.nodes.items() if node.fact["kind"] == "axiom"}
        self.named: set[str] = set()
        self._parts: dict[str, list[str]] = {}
        for name, node in self.nodes.items():
            if node.fact["kind"] == "constructor":
                self._parts.setdefault(name.rpartition(".")[0], []).append(name)

    def reach(self, start: str) -> tuple[set[str], set[str], set[str]]:
        """Axioms, own declarations and library statements below `start`: one worklist."""
        axioms, own, library, work = set(), set(), set(), [start]
        while work:
            name = work.pop()
            if name in self._axioms:
                axioms.add(name)
            if name not in self.nodes:
                library.add(name)
            elif name not in own:
                own.add(name)
                work += [*self.nodes[name].uses, *self._parts.get(name, ())]
        return axioms, own - {start}, library - axioms

    def used(self, name: str, direct: Iterable[str]) -> tuple[str, ...]:
        """The named declarations among those that `name` uses by `direct`, the others followed until there is one."""
        found, seen, work = set(), {name}, [*direct, *self._parts.get(name, ())]
        while work:
            used = work.pop()
            if used in seen or used not in self.nodes:
                continue
            seen.add(used)
            if used in self.named:
                found.add(used)
            else:
                work += [*self.nodes[used].uses, *self._parts.get(used, ())]
        return tuple(sorted(found))

    def cycle(self) -> str | None:
        """A theorem or definition whose value rests on itself, if there is one. (Inductive types may.)"""
        state: dict[str, int] = {}
        for start in self.nodes:
            stack: list[tuple[str, bool]] = [(start, False)]
            while stack:
                name, leaving = stack.pop()
                if leaving:
                    state[name] = 2
                elif state.get(name) == 1:
                    return name
                elif name not in state and self._has_value(name):
                    state[name] = 1
                    stack.append((name, True))
                    stack += [(used, False) for used in self.nodes[name].uses if state.get(used) != 2]
        return None

    def _has_value(self, name: str) -> bool:
        return name in self.nodes and "recheck" in self.nodes[name].fact
