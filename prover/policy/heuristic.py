"""The heuristic policy: rules that look at the goal's shape and at its hypotheses, and retrieved theorems.

Each rule names tactics for a goal and shares its weight among them; a tactic's probability is its part of the sum.
The weights are data, tuned on goals that are not held out.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from q35prover.interface import Problem, Suggestion, TacticState
from q35prover.policy.goal_text import RELATIONS, GoalText, Hypothesis, Term, read_goal, read_term
from q35prover.policy.retrieval import Premise, Retrieval, Role, read_head

WEIGHTS = {
    "introduce": 60.0,
    "assume": 20.0,
    "arithmetic": 12.0,
    "decide": 10.0,
    "compute": 2.0,
    "close": 14.0,
    "close with definitions": 16.0,
    "connective": 16.0,
    "witness": 10.0,
    "branch": 14.0,
    "take apart": 14.0,
    "use equation": 5.0,
    "use hypothesis": 4.0,
    "substitute": 8.0,
    "unfold": 5.0,
    "induction on lists": 24.0,
    "induction on numbers": 6.0,
    "recursion": 5.0,
    "cases": 2.5,
    "extensionality": 4.0,
    "congruence": 2.0,
    "finish with theorem": 16.0,
    "apply theorem": 3.0,
    "rewrite with theorem": 12.0,
    "simplify with theorem": 5.0,
    "grind with theorem": 10.0,
    "products": 14.0,
    "division": 16.0,
    "residues": 10.0,
    "squares": 20.0,
    "squares beside definitions": 3.0,
    "bit vector": 4.0,
    "instance of theorem": 6.0,
    "instances of theorem": 16.0,
    "order": 4.0,
    "casts": 2.0,
    "generalize": 2.0,
    "contradict": 1.0,
}
"""How much of the probability each rule gets where it applies, before all are divided by their sum."""

_NUMBERS = ("Nat", "Int", "Rat")
_FEW_BITS = 10.0
"""`decide` goes through all values of variables of at most so many bits together; more can end the process."""
_FEW_RESIDUES = 8
_PREMISES = 6
_MOST_INSTANCES = 4


@dataclass(frozen=True)
class _View:
    """A goal, with what several rules ask of it."""

    goal: GoalText
    problem: Problem
    retrieval: Retrieval

    @cached_property
    def target(self) -> Term:
        return read_term(self.goal.target)

    @cached_property
    def hypotheses(self) -> list[Hypothesis]:
        """The propositions among the hypotheses that a tactic can name, the latest first."""
        return [h for h in reversed(self.goal.propositions) if h.accessible]

    @cached_property
    def variables(self) -> list[Hypothesis]:
        """The other hypotheses that a tactic can name."""
        propositions = {h.name for h in self.goal.propositions}
        return [h for h in self.goal.hypotheses if h.name not in propositions and h.accessible]

    @cached_property
    def terms(self) -> list[Term]:
        """All terms of the target and of the hypotheses, without repetition."""
        texts = [self.goal.target, *(h.type for h in self.goal.propositions)]
        return list({term.text: term for text in texts for term in read_term(text).subterms()}.values())

    @cached_property
    def kinds(self) -> set[str]:
        """The heads of the types that the goal speaks of, as far as its text tells."""
        words = {word for h in self.goal.hypotheses for word in re.findall(r"[A-Z]\w*", h.type)}
        return words | set(re.findall(r"\b[A-Z]\w*", self.goal.target))

    @cached_property
    def number(self) -> str:
        """The type of numbers that the target is most likely about."""
        return next((kind for kind in reversed(_NUMBERS) if kind in self.kinds), "Nat")

    @cached_property
    def definitions(self) -> list[str]:
        """The package's definitions that the goal speaks of, other than as the type of a variable."""
        kinds = {read_head(v.type) for v in self.variables}
        found = self.retrieval.definitions(self.goal, self.problem)
        return [name for name in found if name.rpartition(".")[2] not in kinds][:6]

    @cached_property
    def grind(self) -> str:
        """`grind` with the definitions that the goal speaks of."""
        return f"grind [{', '.join(self.functions)}]" if self.functions else "grind"

    @cached_property
    def functions(self) -> list[str]:
        """The definitions without those that state something: `grind` unfolds abbreviations, and refuses to be told."""
        stated = {read_head(text) for text in (self.goal.target, *(h.type for h in self.goal.propositions))}
        return [name for name in self.definitions if name.rpartition(".")[2] not in stated]

    @cached_property
    def products(self) -> list[Term]:
        """The products of two terms of which none is a number."""
        found = (term for term in self.terms if term.head == "*" and len(term.arguments) == 2)
        return [term for term in found if not any(a.text.isdigit() for a in term.arguments)]

    def kind(self, name: str) -> str:
        """The head of a variable's type."""
        return read_head(self.goal.types.get(name, ""))

    def fresh(self, *wanted: str) -> list[str]:
        """Names like the wanted ones that nothing in the goal has yet."""
        taken = set(self.goal.types)
        found = []
        for name in wanted:
            numbered = (f"{name}{i}" for i in itertools.count(1))
            free = next(n for n in itertools.chain([name], numbered) if n not in taken)
            taken.add(free)
            found.append(free)
        return found

    @cached_property
    def premises(self) -> dict[Role, list[Premise]]:
        return self.retrieval.rank(self.goal, self.problem, _PREMISES)


Rule = Callable[[_View], Iterator[str]]


def _introduce(view: _View) -> Iterator[str]:
    names = _binder_names(view)
    if names:
        yield f"intro {' '.join(names)}"
        yield "intros"


def _binder_names(view: _View) -> list[str]:
    """A name for each binder of the target: its own, or `h` for a hypothesis."""
    term, wanted = view.target, list[str]()
    while term.head in ("∀", "→", "¬", "≠", "let"):
        if term.head == "∀":
            groups = re.findall(r"[({\[⦃]([^:(){}]*)\s:", term.arguments[0].text) or [term.arguments[0].text]
            wanted += [name for group in groups for name in group.split(" : ")[0].replace("✝", "").split()]
        elif term.head == "let":
            wanted.append(term.arguments[0].text.split(" ")[0])
        else:
            wanted.append("h")
        if term.head in ("¬", "≠"):
            break
        term = term.arguments[-1]
    return view.fresh(*wanted)


def _assume(view: _View) -> Iterator[str]:
    if any(h.type == view.goal.target for h in view.goal.propositions):
        yield "assumption"
    if view.target.head == "=" and len({a.text for a in view.target.arguments}) == 1:
        yield "rfl"


def _arithmetic(view: _View) -> Iterator[str]:
    if view.target.head in (*RELATIONS, "∧", "∨", "¬", "↔", "False", "→"):
        if "BitVec" in view.kinds:
            yield "bv_omega"
        if view.kinds & {"Nat", "Int", "Fin", "List"}:
            yield "omega"


def _decide(view: _View) -> Iterator[str]:
    if not view.goal.hypotheses:
        yield "decide"
        yield "decide +kernel"
    elif sum(_bits(view, variable) for variable in view.variables) <= _FEW_BITS:
        yield "decide +revert +kernel"


def _bits(view: _View, variable: Hypothesis) -> float:
    """How many bits the values of a variable take; infinite where that is not known."""
    kind = variable.type
    if found := re.fullmatch(r"(BitVec|Fin) (\d+)", kind):
        return float(found[2]) if found[1] == "BitVec" else math.log2(max(int(found[2]), 1))
    if kind == "Nat":
        bounds = [re.fullmatch(rf"{re.escape(variable.name)} [<≤] (\d+)", h.type) for h in view.hypotheses]
        return min((math.log2(int(bound[1]) + 1) for bound in bounds if bound), default=math.inf)
    if view.retrieval.is_own(read_head(kind), view.problem):
        return _FEW_BITS / 2  # A type that the package defines may be finite; to try costs little.
    return {"Bool": 1.0}.get(kind, math.inf)


def _compute(view: _View) -> Iterator[str]:
    if view.target.head == "=":
        yield "rfl"


def _close(view: _View) -> Iterator[str]:
    # What the package defines is opaque to `grind`, and a failure of it takes longest.
    yield from ("simp_all", "grind") if view.definitions else ("grind", "simp_all")
    yield "simp"
    if view.kinds & {"Nat", "Int", "List", "BitVec", "Fin"}:
        yield "simp_all <;> omega"
        yield "simp <;> omega"


def _close_with_definitions(view: _View) -> Iterator[str]:
    if names := ", ".join(view.definitions):
        yield view.grind
        yield f"simp_all [{names}]"
        yield f"simp [{names}]"
        yield f"simp_all [{names}]; omega"
        yield f"simp only [{names}] at *; omega"
        yield f"simp only [{names}] at *; split <;> omega"
        if len(view.definitions) > 1:
            yield from (f"grind [{name}]" for name in view.definitions)


def _connective(view: _View) -> Iterator[str]:
    match view.target.head:
        case "∧":
            yield "constructor"
            yield "refine ⟨?_, ?_⟩ <;> grind"
        case "↔":
            (name,) = view.fresh("h")
            yield f"constructor <;> intro {name}"
            yield "constructor <;> grind"
            yield "apply propext"
        case "∨":
            yield "left"
            yield "right"
        case "¬" | "≠":
            yield "intro h; omega"


def _witness(view: _View) -> Iterator[str]:
    if view.target.head not in ("∃", "∣"):
        return
    yield "exact ⟨_, rfl⟩"
    for h in view.hypotheses[:3]:
        arguments = " _" * (read_term(h.type).head == "∀")
        yield f"exact ⟨_, {h.name}{arguments}⟩"
    bound = {name for term in view.terms if term.head == "∃" for name in re.findall(r"\w+", term.arguments[0].text)}
    free = set(view.goal.types)
    for term in sorted(view.terms, key=lambda term: len(term.text)):
        words = set(re.findall(r"[^\W\d][\w'✝]*", term.text))
        value = term.head not in (*RELATIONS, *_LOGIC, "", "[")
        if value and not words & bound and (words & free or term.head.isdigit()):
            yield f"refine ⟨{term.text}, ?_⟩"
    yield "refine ⟨?_, ?_⟩"


_LOGIC = ("∀", "∃", "→", "¬", "∧", "∨", "↔", "binders", "fun", "if")


def _branch(view: _View) -> Iterator[str]:
    conditions = [term.arguments[0].text for term in view.terms if term.head == "if" and term.arguments[0].text]
    if any(term.head in ("if", "match") for term in view.target.subterms()):
        yield "split"
        yield "split <;> omega"
        yield "split <;> grind"
        yield "split <;> simp_all"
        yield "repeat' split"
    for h in view.hypotheses:
        if any(term.head in ("if", "match") for term in read_term(h.type).subterms()):
            yield f"split at {h.name}"
    (name,) = view.fresh("h")
    for condition in conditions[:2]:
        yield f"by_cases {name} : {condition}"
        yield f"by_cases {name} : {condition} <;> simp_all"


def _take_apart(view: _View) -> Iterator[str]:
    for h in view.hypotheses:
        term = read_term(h.type)
        if term.head == "∧":
            one, two = view.fresh(h.name, h.name)
            yield f"obtain ⟨{one}, {two}⟩ := {h.name}"
        elif term.head == "∃":
            word, fact = view.fresh(term.arguments[0].text.split(" ")[0].strip("(") or "x", h.name)
            yield f"obtain ⟨{word}, {fact}⟩ := {h.name}"
        elif term.head == "∨":
            yield f"rcases {h.name} with {h.name} | {h.name}"
        elif term.head == "∣":
            word, fact = view.fresh("k", h.name)
            yield f"obtain ⟨{word}, {fact}⟩ := {h.name}"
        elif term.head == "False":
            yield "contradiction"


def _use_equation(view: _View) -> Iterator[str]:
    for h in view.hypotheses[:4]:
        if read_term(h.type).head in ("=", "↔"):
            yield f"rw [{h.name}]"
            yield f"simp [{h.name}]"
            yield f"rw [← {h.name}]"


def _use_hypothesis(view: _View) -> Iterator[str]:
    for h in view.hypotheses[:4]:
        term = read_term(h.type)
        if term.head in ("∀", "→", "¬"):
            yield f"apply {h.name}"
            yield from _instances(view, h, term)
        elif term.head in RELATIONS:
            yield f"simpa using {h.name}"
            yield f"simp at {h.name}"
    if view.hypotheses:
        yield "simp at *"


def _instances(view: _View, general: Hypothesis, term: Term) -> Iterator[str]:
    """What a general hypothesis says of other hypotheses and of variables; what it says there is, is taken."""
    body = term
    while body.head in ("∀", "→"):
        body = body.arguments[-1]
    x, fact = view.fresh("x", "hx")
    start = f"obtain ⟨{x}, {fact}⟩" if body.head == "∃" else f"have {fact}"
    blanks = " _" * len(re.findall(r"\w+", term.arguments[0].text.split(" : ")[0])) if term.head == "∀" else ""
    if "→" in general.type:
        for other in view.hypotheses[:4]:
            if other != general:
                yield f"{start} := {general.name}{blanks} {other.name}"
    for variable in view.variables[-3:]:
        if term.head == "∀":
            yield f"{start} := {general.name} {variable.name}"


def _substitute(view: _View) -> Iterator[str]:
    for h in view.hypotheses:
        term = read_term(h.type)
        if term.head == "=" and any(a.text in view.goal.types for a in term.arguments):
            yield f"subst {h.name}"


def _unfold(view: _View) -> Iterator[str]:
    for name in view.definitions:
        yield f"unfold {name}"
        yield f"simp only [{name}]"
    if view.definitions:
        yield f"simp only [{', '.join(view.definitions)}] at *"
        yield f"unfold {' '.join(view.definitions)} at *"


_STEPS = {
    "List.replicate": "List.replicate_succ",
    "List.range": "List.range_succ",
    "^": "Nat.pow_succ",
    "/": "Nat.div_div_eq_div_mul",
    "+": "Nat.add_right_comm",
}
"""What `simp` has to be told to take a step with a function where a number grows by one."""


def _simp_set(view: _View) -> str:
    """The definitions and steps that the goal speaks of, in brackets if there are any."""
    text = " ".join([view.goal.target, *(h.type for h in view.hypotheses)])
    names = [*view.definitions, *(lemma for word, lemma in _STEPS.items() if word in text)]
    return f" [{', '.join(names)}]" if names else ""


def _inductions(view: _View, kind: str, cases: str, fresh: Sequence[str]) -> Iterator[str]:
    """Induction over each variable of a kind in the target, first those in sums that a function is applied to.

    One way for each of the variables, then the next way.
    """
    words = [term.text for term in view.target.subterms() if not term.arguments]
    applied = [term for term in view.target.subterms() if term.head == "()"]
    sums = [a for term in applied for a in term.arguments if a.head in ("+", "++", "::")]
    grown = {word.text for whole in sums for word in whole.subterms()}
    variables = [
        variable
        for variable in view.variables
        if read_head(variable.type) == kind and any(re.match(rf"{variable.name}\b", word) for word in words)
    ]
    variables.sort(key=lambda variable: variable.name not in grown)
    for found in itertools.zip_longest(*(_inductions_over(v, view, cases, fresh) for v in variables), fillvalue=()):
        yield from itertools.chain(*found)


def _inductions_over(variable: Hypothesis, view: _View, cases: str, fresh: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ways of an induction: each with the other variables fixed, and free."""
    names = f" [{', '.join(view.definitions)}]" if view.definitions else ""
    values = dict(zip(fresh, view.fresh(*(name or variable.name for name in fresh)), strict=True))
    alternatives = cases.format(**{name or "tail": value for name, value in values.items()})
    others = [v for v in view.variables if v != variable and not v.type.startswith(("Type", "Sort"))]
    generalizing = f" generalizing {' '.join(v.name for v in others)}" if others else ""
    starts = [f"induction {variable.name}{tail}" for tail in dict.fromkeys(["", generalizing])]
    rest = f"simp_all{_simp_set(view)}"
    both = [f"{starts[-1]} <;> cases {v.name}" for v in others if read_head(v.type) in ("List", "Nat")]
    yield [f"{start} <;> {rest}" for start in [*starts, *both]]
    yield [f"{start} <;> {rest} <;> first | omega | grind" for start in starts]
    yield [tactic for start in starts for tactic in (f"{start} with {alternatives}", f"{start} <;> grind{names}")]
    yield [f"{start} <;> grind{names}" for start in both]


def _induction_on_lists(view: _View) -> Iterator[str]:
    return _inductions(view, "List", "| nil => ?_ | cons {x} {tail} {ih} => ?_", ("x", "", "ih"))


def _induction_on_numbers(view: _View) -> Iterator[str]:
    return _inductions(view, "Nat", "| zero => ?_ | succ {tail} {ih} => ?_", ("", "ih"))


def _recursion(view: _View) -> Iterator[str]:
    """Induction along the calls of a function that the file or package defines."""
    for term in view.terms:
        if term.head == "()" and view.retrieval.is_own(term.arguments[0].text, view.problem):
            yield f"fun_induction {term.text} <;> simp_all"
            yield f"fun_induction {term.text} <;> grind"
            yield f"fun_induction {term.text}"


def _cases(view: _View) -> Iterator[str]:
    for variable in view.variables:
        match read_head(variable.type):
            case "Bool" | "Option" | "Sum" | "Prod" | "×":
                yield f"cases {variable.name} <;> simp_all"
                yield f"cases {variable.name}"
            case "List":
                x, xs = view.fresh("x", variable.name)
                yield f"cases {variable.name} with | nil => ?_ | cons {x} {xs} => ?_"
            case "Nat":
                (n,) = view.fresh(variable.name)
                yield f"cases {variable.name} with | zero => ?_ | succ {n} => ?_"
            case "Fin":
                i, h = view.fresh(variable.name, "h")
                yield f"obtain ⟨{i}, {h}⟩ := {variable.name}"
            case kind if kind in view.definitions or (kind[:1].isupper() and kind not in (*_NUMBERS, "BitVec", "Type")):
                yield f"cases {variable.name} <;> simp_all"
                yield f"cases {variable.name}"


def _extensionality(view: _View) -> Iterator[str]:
    if view.target.head != "=" or (view.kinds <= {"Nat", "Int", "Rat", "Bool"} and view.variables):
        return
    (i,) = view.fresh("i")
    if "BitVec" in view.kinds:
        yield "apply BitVec.eq_of_toNat_eq"
        yield "apply BitVec.eq_of_toNat_eq; simp"
        yield f"ext {i} h{i}; simp"
        yield f"ext {i} h{i}; simp; grind"
    if "List" in view.kinds:
        yield "apply List.ext_getElem <;> simp"
        yield "apply List.ext_getElem"
    if "Fin" in view.kinds:
        yield "apply Fin.ext"
    yield f"ext {i}"
    yield f"funext {i}"


def _congruence(view: _View) -> Iterator[str]:
    """Both sides of an equation apply the same function."""
    if view.target.head == "=" and len({_function(side) for side in view.target.arguments}) == 1:
        yield "congr 1 <;> first | omega | grind"
        yield "congr 1"


def _function(term: Term) -> str:
    return term.arguments[0].text if term.head == "()" else term.head


def _finish_with_theorem(view: _View) -> Iterator[str]:
    """A theorem whose hypotheses, if it has any, are at hand."""
    rational = "Rat" in view.kinds
    names = [premise.name for premise in view.premises["conclude"] if not premise.supposed]
    if names[:3] and (rational or view.target.head != "="):
        # `exact` unfolds the order of the rational numbers before it sees that two terms differ; `simp` does not.
        yield f"simp only [{', '.join([*names[:3], *'*'[: len(view.hypotheses)]])}]"
    for premise in view.premises["conclude"]:
        if premise.supposed != 0:
            yield f"apply {premise.name} <;> first | assumption | omega | {view.grind}"
        elif not rational:
            yield f"exact {premise.name} .."


def _apply_theorem(view: _View) -> Iterator[str]:
    for premise in view.premises["conclude"]:
        yield f"apply {premise.name}"


def _rewrite_with_theorem(view: _View) -> Iterator[str]:
    for place, premise in enumerate(view.premises["rewrite"]):
        yield f"rw [{premise.name}]"
        if place < 2:
            yield f"rw [← {premise.name}]"


def _simplify_with_theorem(view: _View) -> Iterator[str]:
    new = [premise.name for premise in view.premises["rewrite"] if not premise.simp]
    names = [*view.definitions, *new[:3]]
    if new:
        yield f"simp [{', '.join(names)}]"
        yield f"simp [{', '.join(names)}]; omega"
        yield f"simp_all [{', '.join(names)}]"
    for name in new[:3]:
        yield f"simp only [{name}]"


def _grind_with_theorem(view: _View) -> Iterator[str]:
    facts = [premise.name for premise in view.premises["fact"]]
    helped = [facts[:1], facts, facts[:3], facts[1:2], facts[2:3], facts[3:4]]
    alone = [facts[:1], facts[1:2], facts[2:3], facts]
    for names in [*([*view.functions, *some] for some in helped if some), *filter(None, alone)]:
        yield f"grind [{', '.join(names)}]"


def _products(view: _View) -> Iterator[str]:
    """What a product of two quantities of known sign comes to; `grind` knows only what is linear."""
    products = view.products
    if not products:
        return
    (fact,) = view.fresh("hm")
    kind = view.number
    known = [(h.name, difference) for h in view.hypotheses if (difference := _difference(h))]
    pairs = list(itertools.islice(itertools.combinations_with_replacement(known, 2), 6))
    if any(h.type.endswith(" = 0") for h in view.hypotheses):
        yield f"simp_all [{kind}.mul_eq_zero]"
    if any(term.head.endswith("natAbs") or term.text == "Int.natAbs" for term in view.terms):
        end = "simp only [Int.natAbs_mul, Int.natAbs_natCast]; first | omega | grind"
        yield from (f"have {fact} := Nat.mul_le_mul {two} {one}; {end}" for (one, _), (two, _) in pairs if one != two)
    yield from _scaled(view, products, fact)
    if kind == "Nat":
        for (one, _), (two, _) in pairs:
            yield f"have {fact} := Nat.mul_le_mul {one} {two}"
        for product in products[:2]:
            yield f"rw [Nat.mul_comm {' '.join(map(_argument, product.arguments))}]"
        return
    facts = [
        f"have {fact} : 0 ≤ ({one}) * ({two}) := {kind}.mul_nonneg (by grind) (by grind)"
        for (_, one), (_, two) in pairs
    ]
    if len(facts) > 1:
        yield "; ".join([*facts, "grind"])
    yield from facts
    yield from (f"{fact}; grind" for fact in facts)


def _scaled(view: _View, products: Sequence[Term], fact: str) -> Iterator[str]:
    """An inequality times what one of its sides is multiplied with."""
    for h in view.hypotheses:
        term = read_term(h.type)
        if term.head not in ("≤", "<"):
            continue
        sides = {a.text for a in term.arguments}
        ways = [way for product in products for way in (product.arguments, product.arguments[::-1])]
        for factor in dict.fromkeys(_argument(other) for side, other in ways if side.text in sides):
            if view.number == "Nat":
                yield f"have {fact} := Nat.mul_le_mul_left {factor} {h.name}; first | omega | grind"
                yield f"have {fact} := Nat.mul_le_mul_left {factor} {h.name}"
            else:
                lemma = f"{view.number}.mul_le_mul_of_nonneg_left"
                yield f"have {fact} := {lemma} {h.name} (show 0 ≤ {factor} by grind); grind"


def _difference(hypothesis: Hypothesis) -> str | None:
    """What an inequality says is not negative."""
    term = read_term(hypothesis.type)
    if term.head not in ("≤", "<", "≥", ">") or len(term.arguments) != 2:
        return None
    small, large = (a.text for a in (term.arguments if term.head in ("≤", "<") else term.arguments[::-1]))
    return large if small == "0" else f"{large} - ({small})"


def _argument(term: Term) -> str:
    return term.text if not term.arguments or term.head.startswith(".") else f"({term.text})"


def _division(view: _View) -> Iterator[str]:
    (fact,) = view.fresh("hd")
    if facts := _quotients(view):
        yield f"{facts}; first | omega | grind"
    for term in view.terms:
        if term.head not in ("/", "%") or len(term.arguments) != 2 or term.arguments[1].text.isdigit():
            continue  # What there is to know of a quotient by a number, `omega` and `grind` know.
        a, b = (_argument(argument) for argument in term.arguments)
        if view.number == "Nat":
            yield f"have {fact} := Nat.mod_lt {a} (show 0 < {b} by grind)"
            yield f"have {fact} := Nat.div_add_mod {a} {b}"
            yield f"have {fact} := Nat.div_mul_le_self {a} {b}"
        elif view.number == "Int":
            yield f"have {fact} := Int.emod_lt_of_pos {a} (show 0 < {b} by grind)"
            yield f"have {fact} := Int.emod_nonneg {a} (show {b} ≠ 0 by grind)"
            yield f"have {fact} := Int.mul_ediv_add_emod {a} {b}"
        elif term.head == "/":
            yield f"have {fact} := Rat.div_mul_cancel (a := {a}) (show {b} ≠ 0 by grind)"
            yield "simp only [Rat.div_def] at *"
            yield "simp only [Rat.div_def, Rat.neg_mul, Rat.mul_neg] at *"
    for term in view.terms:
        if term.head == "^" and term.arguments[0].text == "2" and view.number == "Nat":
            yield f"have {fact} := Nat.two_pow_pos {_argument(term.arguments[1])}"
            yield "rw [Nat.pow_succ]"


def _quotients(view: _View) -> str:
    """What defines each quotient by a term that is no number, and each rest, as one tactic."""
    pairs = [t.arguments for t in view.terms if t.head in ("/", "%") and len(t.arguments) == 2]
    texts = dict.fromkeys((_argument(a), _argument(b)) for a, b in pairs if not b.text.isdigit())
    facts = []
    for n, (a, b) in enumerate(itertools.islice(texts, 3)):
        whole, rest = view.fresh(f"hd{n}", f"hr{n}")
        if view.number == "Nat":
            facts += [
                f"have {whole} := Nat.div_add_mod' {a} {b}",
                f"have {rest} := Nat.mod_lt {a} (show 0 < {b} by omega)",
            ]
        elif view.number == "Int":
            facts += [f"have {whole} := Int.emod_nonneg {a} (show {b} ≠ 0 by omega)"]
            facts += [f"have {rest} := Int.emod_lt_of_pos {a} (show 0 < {b} by omega)"]
    return "; ".join(facts)


def _residues(view: _View) -> Iterator[str]:
    """All cases of a variable modulo a small number."""
    for term in view.terms:
        if term.head == "%" and term.arguments[1].text.isdigit() and 1 < int(term.arguments[1].text) <= _FEW_RESIDUES:
            modulus = int(term.arguments[1].text)
            for name in sorted({part.text for part in term.arguments[0].subterms()} & set(view.goal.types)):
                if (kind := view.kind(name)) in ("Nat", "Int"):
                    (fact,) = view.fresh("hr")
                    cases = " ∨ ".join(f"{name} % {modulus} = {rest}" for rest in range(modulus))
                    lemmas = "Nat.mul_mod, Nat.add_mod" if kind == "Nat" else "Int.mul_emod, Int.add_emod"
                    alternatives = " | ".join([fact] * modulus)
                    yield f"rcases (by omega : {cases}) with {alternatives} <;> simp [{lemmas}, {fact}]"


def _squares(view: _View) -> Iterator[str]:
    """Squares of variables, sums and differences that stand in products are not negative."""
    if view.number == "Nat" or any(term.head == "%" or term.text.endswith("natAbs") for term in view.terms):
        return
    squared = [a.text for a, b in (term.arguments for term in view.products) if a.text == b.text and a.arguments]
    if squared:
        yield _square(view, *dict.fromkeys(squared[:3]))
    powers = [term for term in view.terms if term.head == "^" and term.arguments[1].text.isdigit()]
    factors = [part.text for term in [*view.products, *powers] for part in term.subterms()]
    names = [name for name in view.goal.types if name in factors][:4]
    scaled = [f"{_root(name, view)}{name}" for name in names]
    pairs = list(dict.fromkeys([*itertools.combinations(scaled, 2), *itertools.combinations(names, 2)]))
    if len(names) == 4:  # The squares of sums of products are of degree 4.
        a, b, c, d = names
        yield from (
            _square(view, f"{p} * {q} - {r} * {t}") for p, q, r, t in ((a, d, b, c), (a, b, c, d), (a, c, b, d))
        )
    elif len(names) == 3:
        yield _square(view, *(f"{one} - {two}" for one, two in pairs[:3]))
    for root in [*(f"{one} {sign} {two}" for sign in "-+" for one, two in pairs), *names]:
        yield _square(view, root)
    if names:
        yield _square(view, *names)
        yield _square(view, f"{names[0]} - 1")


def _square(view: _View, *roots: str) -> str:
    """That the squares of the roots are not negative, and what follows."""
    names = view.fresh(*["hs"] * len(roots))
    lemma = "Lean.Grind.OrderedRing.sq_nonneg"
    return "; ".join([*(f"have {n} := {lemma} (a := {root})" for n, root in zip(names, roots, strict=True)), "grind"])


def _root(name: str, view: _View) -> str:
    """The factor of which the square stands before the variable's square: `3 * ` of `9 * (x * x)`."""
    for term in view.terms:
        if term.head == "*" and term.arguments[0].text.isdigit() and term.arguments[1].text == f"{name} * {name}":
            factor = int(term.arguments[0].text)
            if math.isqrt(factor) ** 2 == factor > 1:
                return f"{math.isqrt(factor)} * "
    return ""


def _bit_vector(view: _View) -> Iterator[str]:
    if "BitVec" not in view.kinds:
        return
    (fact,) = view.fresh("hb")
    for term in view.terms:
        mask = re.match(r"\d+", term.arguments[1].text) if term.head == "&&&" else None
        if mask and (int(mask[0]) + 1).bit_count() == 1 and int(mask[0]):
            lemma = f"Nat.and_two_pow_sub_one_eq_mod {_argument(term.arguments[0])}.toNat {int(mask[0]).bit_length()}"
            yield f"have {fact} := {lemma}; simp at {fact} ⊢ <;> omega"
            yield f"have {fact} := {lemma}; simp_all <;> omega"
    if any(term.head.endswith(".toInt") for term in view.terms):
        yield "simp [BitVec.toInt_eq_toNat_cond] at *; omega"
        yield "simp only [BitVec.toInt_eq_toNat_cond] at *"
        yield "rw [BitVec.toInt_eq_toNat_bmod]"
    yield "simp [BitVec.toNat_eq]"
    yield "simp [BitVec.le_def, BitVec.lt_def]"
    yield "simp [BitVec.toNat_eq, BitVec.le_def, BitVec.lt_def] at *"
    for variable in view.variables:
        if read_head(variable.type) == "BitVec":
            yield f"have {fact} := {variable.name}.isLt"


def _instance_of_theorem(view: _View) -> Iterator[str]:
    """What a theorem says of one of the variables, or what follows by it from one of the hypotheses."""
    (fact,) = view.fresh("hf")
    first = sorted(view.premises["fact"][:3], key=lambda premise: premise.supposed != 1)
    for premise in first:
        called = _called(premise, view)
        for given in (view.hypotheses if premise.supposed == 1 else view.variables)[:3]:
            if not called.startswith(f"{given.name}."):
                yield f"have {fact} := {called} {given.name}"


def _called(premise: Premise, view: _View) -> str:
    """A theorem by its name, or as a field of a variable of the type in whose namespace it lies."""
    namespace, _, name = premise.name.rpartition(".")
    owners = [v.name for v in view.variables if read_head(v.type) == namespace.rpartition(".")[2]]
    return f"{owners[0]}.{name}" if len(owners) == 1 else premise.name


def _instances_of_theorem(view: _View) -> Iterator[str]:
    """What a theorem says of all that one of the package's functions is applied to, or of all hypotheses of a kind.

    A function that has an inverse is injective, for example; `grind` takes instances only where a pattern stands.
    """
    applied: dict[str, list[str]] = {}
    for term in view.terms:
        if term.head == "()" and view.retrieval.is_own(term.arguments[0].text, view.problem):
            applied.setdefault(term.arguments[0].text, []).append(_argument(term.arguments[-1]))
    supposed: dict[str, list[str]] = {}
    for h in reversed(view.hypotheses):
        supposed.setdefault(h.type.split(" ")[0], []).append(h.name)
    found = []
    # An equation is what `grind` itself takes instances of.
    for premise in sorted(view.premises["fact"], key=lambda premise: premise.equation):
        for word in _subjects(view, premise, supposed if premise.supposed else applied):
            values = (supposed if premise.supposed else applied)[word]
            if len(values) > _MOST_INSTANCES:
                continue
            names = view.fresh(*["hf"] * len(values))
            name = _called(premise, view)
            facts = [f"have {n} := {name} {value}" for n, value in zip(names, values, strict=True)]
            # What the theorem says of the function is to be enough.
            others = [other for other in view.functions if premise.supposed or other.rpartition(".")[2] != word]
            found.append(("; ".join(facts), f"grind [{', '.join(others)}]" if others else "grind"))
    yield from (f"{facts}; {end}" for facts, end in found)
    yield from (facts for facts, _ in found)


def _subjects(view: _View, premise: Premise, words: Iterable[str]) -> list[str]:
    """Those first words of hypotheses that the theorem's only one may begin with; or, if it has none, its function."""
    if not premise.supposed:
        return view.retrieval.spoken(premise.name, words, view.problem)[:1]
    known = view.retrieval.spoken(premise.name, words, view.problem, "hypotheses")
    other = [word for word in words if word in known or not view.retrieval.is_own(word, view.problem)]
    return other if premise.supposed == 1 else []


def _order(view: _View) -> Iterator[str]:
    kind = view.number
    if view.target.head == "=" and view.kinds <= {"Nat", "Int", "Rat"}:
        yield f"apply {kind}.le_antisymm"
        known = ", ".join(premise.name for premise in view.premises["fact"][:2])
        if kind != "Rat" and all(a.text in view.goal.types for a in view.target.arguments):
            (less,) = view.fresh("h")
            one, two = (a.text for a in view.target.arguments)
            cases = f"{kind}.lt_trichotomy {one} {two} with {less} | {less} | {less}"
            yield f"rcases {cases} <;> grind [{known}]"
    if view.target.head in ("≤", "<"):
        small, large = (a.text for a in view.target.arguments[:2])
        for h in view.hypotheses:
            term = read_term(h.type)
            if term.head == "≤" and len(term.arguments) == 2:
                if term.arguments[0].text == small and view.target.head == "≤":
                    yield f"refine {kind}.le_trans {h.name} ?_"
                if term.arguments[1].text == large and view.target.head == "≤":
                    yield f"refine {kind}.le_trans ?_ {h.name}"


def _casts(view: _View) -> Iterator[str]:
    if view.target.head in ("≤", "<") and "Rat" in view.kinds:
        # Of integers; in rational numbers `grind` may say more, and 1 is less than 2 there too.
        yield f"{'apply Int.le_of_lt_add_one; ' * (view.target.head == '≤')}apply Rat.intCast_lt_intCast.mp; push_cast"
    if any(term.head == "↑" for term in view.terms):
        yield "push_cast"
        yield "norm_cast"
        for h in view.hypotheses[:2]:
            yield f"exact_mod_cast {h.name}"


def _generalize(view: _View) -> Iterator[str]:
    for term in view.terms:
        if term.head == "*" and not any(a.text.isdigit() for a in term.arguments):
            (name,) = view.fresh("p")
            yield f"generalize {term.text} = {name} at *"
            yield f"generalize {term.text} = {name} at *; omega"


def _contradict(view: _View) -> Iterator[str]:
    if view.hypotheses and view.target.head != "False":
        yield "exfalso; grind"
        yield "exfalso"
        yield "contradiction"
        if view.target.head in RELATIONS:
            (name,) = view.fresh("hn")
            yield f"by_cases {name} : {view.goal.target} <;> grind"


_RULES: dict[str, Rule] = {
    "introduce": _introduce,
    "assume": _assume,
    "arithmetic": _arithmetic,
    "decide": _decide,
    "compute": _compute,
    "close": _close,
    "close with definitions": _close_with_definitions,
    "connective": _connective,
    "witness": _witness,
    "branch": _branch,
    "take apart": _take_apart,
    "use equation": _use_equation,
    "use hypothesis": _use_hypothesis,
    "substitute": _substitute,
    "unfold": _unfold,
    "induction on lists": _induction_on_lists,
    "induction on numbers": _induction_on_numbers,
    "recursion": _recursion,
    "cases": _cases,
    "extensionality": _extensionality,
    "congruence": _congruence,
    "finish with theorem": _finish_with_theorem,
    "apply theorem": _apply_theorem,
    "rewrite with theorem": _rewrite_with_theorem,
    "simplify with theorem": _simplify_with_theorem,
    "grind with theorem": _grind_with_theorem,
    "products": _products,
    "division": _division,
    "residues": _residues,
    "squares": lambda view: iter(()) if view.definitions else _squares(view),
    "squares beside definitions": lambda view: _squares(view) if view.definitions else iter(()),
    "bit vector": _bit_vector,
    "instance of theorem": _instance_of_theorem,
    "instances of theorem": _instances_of_theorem,
    "order": _order,
    "casts": _casts,
    "generalize": _generalize,
    "contradict": _contradict,
}


class Heuristic:
    """Rules over the text of the main goal, with theorems from `retrieval`."""

    name = "heuristic"

    def __init__(self, retrieval: Retrieval) -> None:
        self._retrieval = retrieval

    def suggest(self, states: Sequence[TacticState], count: int) -> list[list[Suggestion]]:
        """For each state the `count` likeliest tactics of all that the rules name."""
        return [self._suggestions(state)[:count] for state in states]

    def remaining(self, states: Sequence[TacticState]) -> list[float]:
        """One tactic, and more for each connective and for length, of all goals of a state together."""
        return [sum(_remaining(read_goal(goal.text)) for goal in state.goals) for state in states]

    def _suggestions(self, state: TacticState) -> list[Suggestion]:
        view = _View(read_goal(state.goals[0].text), state.problem, self._retrieval)
        mass: dict[str, float] = {}
        for rule, weight in WEIGHTS.items():
            tactics = [tactic for tactic in dict.fromkeys(_RULES[rule](view)) if "✝" not in tactic]
            # The n-th tactic of a rule gets a share of 1 / n.
            total = sum(1 / n for n in range(1, len(tactics) + 1))
            for n, tactic in enumerate(tactics, 1):
                mass[tactic] = mass.get(tactic, 0.0) + weight / (n * total)
        whole = sum(mass.values())
        ranked = sorted(mass.items(), key=lambda item: (-item[1], item[0]))
        return [Suggestion(tactic, math.log(part / whole)) for tactic, part in ranked]


def _remaining(goal: GoalText) -> float:
    connectives = sum(term.head in _LOGIC for term in read_term(goal.target).subterms())
    return 1.0 + 0.5 * connectives + len(goal.target) / 80
