"""The index of library theorems and the policies, on goal texts; Lean itself is asked once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from q35.lean import find_toolchain, silent
from q35prover.interface import Goal, Problem, TacticState
from q35prover.library import Library, index
from q35prover.policy.portfolio import Portfolio

PACKAGE = """module
namespace Tiny
public theorem sum (a b : Nat) (h : a ≤ b) : a + b = b + a := by omega
@[simp] public theorem twice (n : Int) : n + n = 2 * n ↔ True := ⟨fun _ => trivial, fun _ => by omega⟩
public def double (n : Nat) : Nat := n + n
theorem hidden : True := trivial
end Tiny
"""


def row(
    name: str, hypotheses: list[str], conclusion: list[str], rewritten: str = "", explicit: int = 0
) -> list[object]:
    """A theorem as `list.lean` writes it."""
    return [name, "M", "theorem", False, [hypotheses, conclusion, conclusion[0], rewritten, explicit, explicit]]


@pytest.fixture
def library() -> Library:
    return index._from_rows(
        [
            row("Nat.add_comm", ["Nat", "Nat"], ["Eq", "Nat", "HAdd.hAdd"], "HAdd.hAdd"),
            row("Int.mul_nonneg", ["Int", "LE.le"], ["LE.le", "Int", "HMul.hMul"], "", 2),
            row("Lean.Grind.le", ["Int"], ["LE.le", "Int"]),
            ["Nat.add_comm"],
            ["Nat.double", "M", "def", False, [["Nat"], ["Nat"], "Nat", "", 0, 0]],
        ]
    )


def test_a_theorem_is_what_lean_listed(library: Library) -> None:
    comm, nonneg, internal = library
    assert (comm.hypotheses, comm.conclusion, comm.rewritten) == (("Nat",), ("Eq", "Nat", "HAdd.hAdd"), "HAdd.hAdd")
    assert (comm.simp, nonneg.simp) == (True, False)
    assert (nonneg.head, nonneg.rewritten, nonneg.explicit) == ("LE.le", "", 2)
    assert (comm.auxiliary, internal.auxiliary) == (False, True)
    assert library.definitions == ["Nat.double"]


def test_the_stored_library_is_the_one_that_was_listed(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "library.npz"
    file.write_bytes(index._packed(library))
    assert list(index._unpacked(file)) == list(library)


def test_joined_libraries_keep_their_theorems(library: Library) -> None:
    other = index._from_rows([row("Q.f", ["Q.T", "Int"], ["Q.P", "Int"]), row("Q.g", [], ["Eq", "Q.T"], "Q.h")])
    assert list(index._joined(library, other)) == [*library, *other]


def test_lean_lists_the_public_theorems_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text('name = "tiny"\n[[lean_lib]]\nname = "Tiny"\n')
    (tmp_path / "Tiny.lean").write_text(PACKAGE)
    listed = index._ask(find_toolchain(Path("proofs")), tmp_path, "q35_list", " Tiny ", silent)
    found = index._from_rows(listed)
    total, twice = found
    assert (total.name, total.head, total.rewritten, total.explicit) == ("Tiny.sum", "Eq", "HAdd.hAdd", 1)
    assert total.hypotheses == ("Nat", "LE.le")
    assert (twice.name, twice.head, twice.conclusion[1], twice.simp) == ("Tiny.twice", "Iff", "Eq", True)
    assert found.definitions == ["Tiny.double"]


def state(text: str, before: str = "") -> TacticState:
    return TacticState(Problem("t", before), (Goal(text, text),))


def test_the_portfolio_proposes_its_tactics_in_order_with_probabilities() -> None:
    (found,) = Portfolio(["omega", "simp"]).suggest([state("⊢ True")], 5)
    assert [s.tactic for s in found] == ["omega", "simp"]
    assert sum(math.exp(s.log_probability) for s in found) == pytest.approx(1)
    assert Portfolio().suggest([state("⊢ True")], 3)[0] == Portfolio().suggest([state("⊢ True")], 9)[0][:3]
    assert Portfolio().remaining([state("⊢ True")]) == [1.0]
