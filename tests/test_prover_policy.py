"""The index of library theorems and the policies, on goal texts; Lean itself is asked once."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from q35.lean import find_toolchain, silent
from q35prover.interface import Goal, Problem, Step, TacticState
from q35prover.library import Library, index
from q35prover.policy import heuristic
from q35prover.policy.goal_text import Term, read_goal, read_term, states
from q35prover.policy.heuristic import WEIGHTS, Heuristic
from q35prover.policy.portfolio import Portfolio
from q35prover.policy.retrieval import Retrieval, Role

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
    return [name, "Init.M", "theorem", False, [hypotheses, conclusion, conclusion[0], rewritten, explicit, explicit]]


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


def test_the_portfolio_has_nothing_for_what_a_tactic_leaves() -> None:
    left = TacticState(Problem("t", ""), (Goal("⊢ True", ""),), (Step("intros"),))
    assert Portfolio().suggest([left, state("⊢ True")], 1) == [[], Portfolio().suggest([state("⊢ True")], 1)[0]]


def shown(term: Term) -> str:
    return f"({term.head} {' '.join(map(shown, term.arguments))})" if term.arguments else term.head


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("a + b * c ≤ -x ∧ ¬p", "(∧ (≤ (+ a (* b c)) (- x)) (¬ p))"),
        ("a - b - c = x ^ 2 ^ y", "(= (- (- a b) c) (^ x (^ 2 y)))"),
        ("p → q → r ∨ s", "(→ p (→ q (∨ r s)))"),
        ("∀ (x : Nat), x < 2 → f x (y + 1) = y", "(∀ binders (→ (< x 2) (= (() f x (+ y 1)) y)))"),
        ("(if a ≤ b then a else b) = 3", "(= (if (≤ a b) a b) 3)"),
        ("(x + 1#8).toNat = xs[i]", "(= (.toNat (+ x 1#8)) ([] xs i))"),
        ("↑(a - b) = ↑a - ↑b", "(= (↑ (- a b)) (- (↑ a) (↑ b)))"),
        ("x :: xs ++ ys = []", "(= (++ (:: x xs) ys) [)"),
        ("x >>> 4 <<< 4 &&& y", "(&&& (<<< (>>> x 4) 4) y)"),
    ],
)
def test_terms_are_read_with_leans_precedences(text: str, reading: str) -> None:
    assert shown(read_term(text)) == reading


@pytest.mark.parametrize(
    "text", ["", ")", "f (", "∀", "if", "match x with | none => 0", "a ≤", "|x|", "⟨", "fun", "· 1", "⊢ ⊢"]
)
def test_what_is_no_term_is_read_all_the_same(text: str) -> None:
    assert read_term(text).text in text


def test_no_text_is_too_odd_for_the_heuristic(retrieval: Retrieval) -> None:
    words = "a b xs x✝ 2 f Nat.add ( ) [ ] ⟨ ⟩ { } | + - * / % ^ ∣ = ≠ ≤ < ∧ ∨ ¬ ↔ → ∀ ∃ fun"
    words += " , : := => if then else ↑ :: ++ .1 .toNat"
    random_ = random.Random(35)
    for _ in range(400):
        left, right = (" ".join(random_.choices(words.split(), k=random_.randrange(9))) for _ in range(2))
        assert proposed(retrieval, f"a b : Int\nxs : List Nat\nh : {left}\n⊢ {right}")


def test_a_term_nested_too_deeply_is_an_atom() -> None:
    deep = "(" * 10_000 + "x" + ")" * 10_000
    assert read_term(deep) == Term("", (), deep)
    assert sum(1 for _ in read_term(" + ".join("x" * 5000)).subterms()) == 9999


def test_subterms_keep_their_text() -> None:
    texts = [term.text for term in read_term("f (x + y) * z ≤ 3").subterms()]
    assert texts == ["f (x + y) * z ≤ 3", "f (x + y) * z", "f (x + y)", "f", "x + y", "x", "y", "z", "3"]


GOAL = """case succ.a
n m : Nat
h : n ≤
  m
k : Nat := 5
x✝ : Bool
⊢ n <
    m + 1"""


def test_a_goal_is_read_as_it_was_printed() -> None:
    goal = read_goal(GOAL)
    assert [(h.name, h.type, h.value, h.accessible) for h in goal.hypotheses] == [
        ("n", "Nat", None, True),
        ("m", "Nat", None, True),
        ("h", "n ≤ m", None, True),
        ("k", "Nat", "5", True),
        ("x✝", "Bool", None, False),
    ]
    assert goal.target == "n < m + 1"
    assert [h.name for h in goal.propositions] == ["h"]
    assert [states(text) for text in ("∀ x, x = y", "Nat → Nat", "List Nat", "¬p")] == [True, False, False, True]


FILE = """namespace Q35
/-- The size. -/
def abs (x : Rat) : Rat := if 0 ≤ x then x else -x
theorem abs_mul (x y : Rat) : abs (x * y) = abs x * abs y := by
  grind [abs]
@[simp] theorem abs_nonneg (x : Rat) : 0 ≤ abs x := by grind [abs]
theorem goal (x y : Rat) (h : 0 ≤ y) : abs (x * y) = abs x * y := by
  """


@pytest.fixture
def retrieval() -> Retrieval:
    """Over enough theorems for the frequencies of their constants to tell something."""
    numbers = [row(f"Nat.padding{i}", ["Nat"], ["Eq", "Nat", "HAdd.hAdd"], "HAdd.hAdd") for i in range(30)]
    return Retrieval(
        index._from_rows(
            [
                *numbers,
                row("Int.add_comm", ["Int"], ["Eq", "Int", "HAdd.hAdd"], "HAdd.hAdd"),
                row("Int.mul_nonneg", ["Int", "LE.le"], ["LE.le", "Int", "OfNat.ofNat", "HMul.hMul"], "", 2),
                row("Rat.mul_nonneg", ["Rat", "LE.le"], ["LE.le", "Rat", "OfNat.ofNat", "HMul.hMul"], "", 2),
                row("Rat.mul_comm", ["Rat"], ["Eq", "Rat", "HMul.hMul"], "HMul.hMul"),
                row("BitVec.toNat_and", ["BitVec"], ["Eq", "Nat", "BitVec.toNat", "HAnd.hAnd"], "BitVec.toNat"),
                row("List.length_append", ["List"], ["Eq", "Nat", "List.length", "HAppend.hAppend"], "List.length"),
                ["List.length_append"],
            ]
        )
    )


@pytest.mark.parametrize(
    ("text", "role", "best"),
    [
        ("a b : Int\n⊢ 0 ≤ a * b", "conclude", "Int.mul_nonneg"),
        ("a b : Rat\n⊢ a * b ≥ 0", "conclude", "Rat.mul_nonneg"),
        ("a b : Rat\n⊢ a * b = b * a", "rewrite", "Rat.mul_comm"),
        ("a b : Int\n⊢ a + b = b + a", "conclude", "Int.add_comm"),
        ("x y : BitVec 8\n⊢ (x &&& y).toNat < 256", "rewrite", "BitVec.toNat_and"),
        ("xs ys : List Nat\n⊢ (xs ++ ys).length = n", "fact", "List.length_append"),
        ("n : Nat\n⊢ (f n ++ f n).length = n", "conclude", "List.length_append"),
    ],
)
def test_the_theorem_on_the_goals_constants_is_ranked_first(
    retrieval: Retrieval, text: str, role: Role, best: str
) -> None:
    ranked = retrieval.rank(read_goal(text), Problem("t", ""), 3)[role]
    assert ranked[0].name == best
    assert [p.score for p in ranked] == sorted((p.score for p in ranked), reverse=True)


def test_theorems_of_the_file_are_found_and_forbidden_ones_are_not(retrieval: Retrieval) -> None:
    goal = read_goal("x y : Rat\nh : 0 ≤ y\n⊢ abs (x * y) = abs x * y")
    problem = Problem("Q35.goal", FILE)
    assert [p.name for p in retrieval.rank(goal, problem, 1)["rewrite"]] == ["abs_mul"]
    assert retrieval.definitions(goal, problem) == ["abs"]
    forbidding = Problem("Q35.goal", FILE, forbidden=frozenset({"Rat.mul_comm"}))
    found = {premise.name for premise in retrieval.rank(goal, forbidding, 50)["fact"]}
    assert "abs_nonneg" in found
    assert not found & {"goal", "Rat.mul_comm"}


def test_a_theorem_that_the_file_does_not_import_is_not_offered() -> None:
    beyond: list[object] = ["Std.add_comm", "Std.M", *row("", ["Nat"], ["Eq", "Nat", "HAdd.hAdd"], "HAdd.hAdd")[2:]]
    retrieval = Retrieval(index._from_rows([beyond, row("Nat.mul_comm", ["Nat"], ["Eq", "Nat", "HMul.hMul"])]))
    goal = read_goal("a b : Nat\n⊢ a + b = b + a")
    found = [retrieval.rank(goal, Problem("t", before), 9)["fact"] for before in ("", "import Std\n")]
    assert ["Std.add_comm" in [premise.name for premise in premises] for premises in found] == [False, True]


def test_a_conclusion_that_speaks_of_something_else_is_not_applied(retrieval: Retrieval) -> None:
    ranked = retrieval.rank(read_goal("a b : Int\n⊢ 0 ≤ a + b"), Problem("t", ""), 50)
    assert "Int.mul_nonneg" not in {premise.name for premise in ranked["conclude"]}
    assert "Int.mul_nonneg" in {premise.name for premise in ranked["fact"]}


def test_the_rarest_constant_of_a_theorem_comes_first(retrieval: Retrieval) -> None:
    words = ["List.length", "HAppend.hAppend", "HAdd.hAdd"]
    assert retrieval.spoken("List.length_append", words, Problem("t", "")) == words[:2]


def proposed(retrieval: Retrieval, text: str, before: str = "", count: int = 64) -> list[str]:
    return [s.tactic for s in Heuristic(retrieval).suggest([state(text, before)], count)[0]]


@pytest.mark.parametrize(
    ("text", "tactic"),
    [
        ("⊢ ∀ (x y : Nat), x < y → ¬y < x", "intro x y h h1"),
        ("x : Nat\n⊢ ∀ x, x = 0 → p", "intro x1 h"),
        ("h : p ∧ q\n⊢ q", "obtain ⟨h1, h2⟩ := h"),
        ("h : ∃ k, n = 2 * k\n⊢ q", "obtain ⟨k, h1⟩ := h"),
        ("h : a = 0 ∨ a = 1\n⊢ q", "rcases h with h | h"),
        ("⊢ p ∧ q", "constructor"),
        ("n k : Nat\nh : n = 2 * k\n⊢ ∃ m, n = m + m", "refine ⟨k, ?_⟩"),
        ("x : Int\n⊢ (if x ≤ 0 then 0 else x) ≤ y", "split"),
        ("x : Int\n⊢ (if x ≤ 0 then 0 else x) ≤ y", "by_cases h : x ≤ 0"),
        ("xs : List Nat\n⊢ xs.sum = 0", "induction xs with | nil => ?_ | cons x xs1 ih => ?_"),
        ("n : Nat\n⊢ 2 ^ n = n", "induction n with | zero => ?_ | succ n1 ih => ?_"),
        ("xs : List Nat\nn : Nat\n⊢ xs.take n = []", "induction xs generalizing n <;> cases n <;> simp_all"),
        (
            "x : Int\n⊢ x * x % 2 = x % 2",
            "rcases (by omega : x % 2 = 0 ∨ x % 2 = 1) with hr | hr <;> simp [Int.mul_emod, Int.add_emod, hr]",
        ),
        (
            "a b : Int\n⊢ 12 * (a * b) ≤ 9 * (a * a) + 4 * (b * b)",
            "have hs := Lean.Grind.OrderedRing.sq_nonneg (a := 3 * a - 2 * b); grind",
        ),
        ("x : Rat\nh : q x\ng : ∀ (y : Rat), q y → ∃ z, p z\n⊢ r", "obtain ⟨x1, hx⟩ := g _ h"),
        ("r : Nat → Nat → Prop\nx y : Nat\nh : ∀ (y : Nat), r x y\n⊢ ∃ x, r x y", "exact ⟨_, h _⟩"),
        ("a b : Nat\n⊢ a % b < c", "have hd := Nat.mod_lt a (show 0 < b by grind)"),
        (
            "a b c : Rat\nh : a ≤ b\n⊢ a * c ≤ b * c",
            "have hm : 0 ≤ (b - (a)) * (b - (a)) := Rat.mul_nonneg (by grind) (by grind)",
        ),
        (
            "k m n : Nat\nh : m ≤ n\n⊢ (k * m + 7) / 8 ≤ (k * n + 7) / 8",
            "have hm := Nat.mul_le_mul_left k h; first | omega | grind",
        ),
        (
            "k a b : Rat\nh : a ≤ b\n⊢ k * a ≤ b * k",
            "have hm := Rat.mul_le_mul_of_nonneg_left h (show 0 ≤ k by grind); grind",
        ),
        (
            "n b : Nat\nhb : 0 < b\n⊢ n ≤ (n + b - 1) / b * b",
            "have hd0 := Nat.div_add_mod' (n + b - 1) b; have hr0 := Nat.mod_lt (n + b - 1) (show 0 < b by omega); "
            "first | omega | grind",
        ),
        (
            "a b : Int\nha : a.natAbs ≤ 8\nhb : b.natAbs ≤ 4\n⊢ (a * b).natAbs ≤ 32",
            "have hm := Nat.mul_le_mul ha hb; simp only [Int.natAbs_mul, Int.natAbs_natCast]; first | omega | grind",
        ),
        (
            "p q : Rat\n⊢ 0 ≤ (p - 1) * (p - 1) + (q - 2) * (q - 2)",
            "have hs := Lean.Grind.OrderedRing.sq_nonneg (a := p - 1); "
            "have hs1 := Lean.Grind.OrderedRing.sq_nonneg (a := q - 2); grind",
        ),
        ("f : Int → Int\na b : Int\n⊢ f (a + b) = f (b + a)", "congr 1 <;> first | omega | grind"),
        ("xs : List Rat\n⊢ 0 ≤ xs.sum", "induction xs <;> simp_all <;> first | omega | grind"),
        ("x : BitVec 8\n⊢ x &&& 0#8 = 0#8", "decide +revert +kernel"),
        ("x y : BitVec 8\n⊢ x = y", "apply BitVec.eq_of_toNat_eq"),
        ("a b : Int\nha : 0 ≤ a\n⊢ 0 ≤ a * b", "apply Int.mul_nonneg <;> first | assumption | omega | grind"),
    ],
)
def test_the_heuristic_proposes_what_the_goal_calls_for(retrieval: Retrieval, text: str, tactic: str) -> None:
    assert tactic in proposed(retrieval, text)


def test_the_heuristic_knows_the_files_definitions(retrieval: Retrieval) -> None:
    tactics = proposed(retrieval, "x y : Rat\n⊢ abs (x * y) = abs x * abs y", FILE)
    assert {"unfold abs", "grind [abs]", "rw [abs_mul]"} <= set(tactics)


def test_the_heuristic_takes_what_a_theorem_says_of_all_arguments_of_a_function(retrieval: Retrieval) -> None:
    tactics = proposed(retrieval, "x y : Rat\nh : abs x = abs (-y)\n⊢ x * x = y * y", FILE)
    assert "have hf := abs_nonneg x; have hf1 := abs_nonneg (-y); grind" in tactics


def test_leans_own_definitions_are_not_the_packages_that_has_theorems_on_them() -> None:
    shape = [[], ["Eq"], "Eq", "", 0, 0]
    rows = [
        row("List.length_nil", ["List"], ["Eq"]),
        ["List.length", "Init.M", "def", False, shape],
        ["List.mine", "Mine", "theorem", False, shape],
        ["Own.f", "Mine", "def", False, shape],
        ["Own.t", "Mine", "theorem", False, shape],
    ]
    retrieval = Retrieval(index._from_rows(rows))
    assert [name for name in ("List.length", "Own.f") if retrieval.is_own(name, Problem("t", ""))] == ["Own.f"]


def test_induction_is_tried_first_where_the_argument_of_a_function_is_a_sum(retrieval: Retrieval) -> None:
    tactics = proposed(retrieval, "b m v : Nat\n⊢ f b (m + 1) (v / b) = f b m v", count=1000)
    inductions = [tactic.split(" ")[1] for tactic in tactics if tactic.startswith("induction")]
    assert list(dict.fromkeys(inductions)) == ["m", "b", "v"]


@pytest.mark.parametrize(
    "problem", [Problem("goal", "namespace List.Sub\n"), Problem("List.Sub.goal", "theorem List.Sub.goal : ")]
)
def test_namespaces_that_a_theorem_lies_in_are_open(retrieval: Retrieval, problem: Problem) -> None:
    context = retrieval.context(problem)
    assert retrieval.constants(read_term("length"), read_goal("⊢ length"), context) == ["List.length"]


def test_a_tactic_never_names_what_cannot_be_named(retrieval: Retrieval) -> None:
    goal = "a✝ b : Nat\nh✝ : a✝ = b ∧ b ∣ a✝\nk : ∃ n, a✝ = n\n⊢ a✝ / b * (a✝ % b) ≤ if a✝ ≤ b then 1 else 2"
    tactics = proposed(retrieval, goal)
    assert len(tactics) > 20
    assert not [tactic for tactic in tactics if "✝" in tactic]


@pytest.mark.parametrize("text", [GOAL, "⊢ ∀ x, x = 0", "h : p\n⊢ p", "⊢ "])
def test_suggestions_are_a_distribution_that_a_larger_count_only_adds_to(retrieval: Retrieval, text: str) -> None:
    (few,), (all_,) = (Heuristic(retrieval).suggest([state(text)], count) for count in (5, 10_000))
    assert all_[:5] == few
    assert len({s.tactic for s in all_}) == len(all_)
    assert sum(math.exp(s.log_probability) for s in all_) == pytest.approx(1)
    assert [s.log_probability for s in all_] == sorted((s.log_probability for s in all_), reverse=True)
    assert Heuristic(retrieval).remaining([state(text)])[0] >= 1


def test_every_rule_has_a_weight_above_zero() -> None:
    assert heuristic._RULES.keys() == WEIGHTS.keys()
    assert min(WEIGHTS.values()) > 0


def test_an_operator_without_operands_is_no_operation() -> None:
    """Rules look at the arguments of operators by place."""
    assert [term.head for term in read_term("f (^)").subterms()] == ["()", "f", ""]
    assert [term.head for term in read_term("a ^^ b").subterms()] == ["^^", "a", "b"]
