"""The prover's benchmark: its statements and their split, runs over a toy environment, its statistics; and that the
goals of our field are true: their reference proofs, which nothing that searches may read, are elaborated."""

from __future__ import annotations

import copy
import io
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prover_toy import PROBLEM, Numbers, ToyPolicy
from rich.console import Console

import q35spec
from q35.cli import run as run_command
from q35.errors import InputError
from q35.files import cache_folder, canonical_json, read_json, sha256_file, sha256_tree, write_whole
from q35.lean import cache, find_toolchain
from q35.project import find_project
from q35prover.benchmark.plots import spent, write_plot
from q35prover.benchmark.problems import LIBRARY, SPLIT, Entry, entries, field_statements
from q35prover.benchmark.run import Contender, Request, read_results, run
from q35prover.benchmark.split import held_out
from q35prover.benchmark.statements import families, read_statements
from q35prover.benchmark.table import difference, success, tables, wilson
from q35prover.gate.forbidden import forbidden_word
from q35prover.gate.verdict import Finding, Verdict
from q35prover.interface import Problem, TacticState
from q35prover.search.best_first import BestFirst
from q35prover.search.one_tactic import OneTactic

REFERENCES = Path(__file__).resolve().parent / "field_proofs"
PROOFS = find_project(Path(__file__).resolve().parents[1]) / "proofs"

# ----- The goals of our field -----


def test_every_goal_has_a_reference_proof_of_the_same_statement() -> None:
    goals = [(topic, s.name, s.header, s.text) for topic, s in field_statements()]
    assert goals == [(topic, s.name, s.header, s.text) for topic, s in field_statements(REFERENCES)]
    assert {s.proof for _, s in field_statements()} == {"  sorry"}
    assert len({name for _, name, _, _ in goals}) == len(goals) >= 168
    assert all(forbidden_word(s.proof) is None for _, s in field_statements(REFERENCES))


def test_the_goals_are_true() -> None:
    """One Lean process reads all reference proofs. A verdict stands while all that it follows from is the same."""
    toolchain = find_toolchain(PROOFS)
    library = sha256_tree(PROOFS, PROOFS.rglob("*.lean"))
    files = sorted(REFERENCES.glob("*.lean"))
    assert files
    with toolchain.start_server([PROOFS, REFERENCES]) as server:
        for file in files:
            kept = cache_folder() / "field-proofs" / cache.digest_json([toolchain.identity, library, sha256_file(file)])
            if not kept.exists():
                result = toolchain.run_file(file, PROOFS, server=server)
                assert result.ok, [f"{file.name}:{m.line}: {m.text}" for m in result.messages]
                assert not any("sorry" in message.text for message in result.messages)
                write_whole(kept, canonical_json({"file": file.name, "seconds": result.seconds}))


def test_the_split_holds_out_a_third_of_every_topic_and_grade_by_whole_families() -> None:
    rows = read_json(SPLIT)["goals"]
    texts = {statement.name: statement.text for _, statement in field_statements()}
    assert rows.keys() == texts.keys()
    family = families(texts)
    assert all(row["family"] == family[name] for name, row in rows.items())
    assert all(row["split"] == rows[row["family"]]["split"] for row in rows.values())
    tuning, out = (entries("field", (split,)) for split in ("tuning", "held-out"))
    assert not {e.name for e in tuning} & {e.name for e in out}
    assert abs(len(out) - len(rows) / 3) < 3
    for key in ("topic", "grade"):
        total, held = (Counter(getattr(e, key) for e in found) for found in ([*tuning, *out], out))
        assert all(abs(held[value] - count / 3) <= 3 for value, count in total.items())
    strata = {e.name: (e.topic, e.grade) for e in entries("field")}
    assert held_out(strata, family, read_json(SPLIT)["seed"]) == {e.name for e in out}


def test_grade_one_is_what_one_tactic_closes_and_most_goals_are_harder() -> None:
    rows = read_json(SPLIT)["goals"].values()
    assert all((row["grade"] == 1) == bool(row["closed_by"]) for row in rows)
    assert sum(row["grade"] > 1 for row in rows) >= len(rows) / 2


def test_goals_of_nearly_the_same_form_are_a_family() -> None:
    found = families(
        {
            "a": "theorem a (n : Nat) : (n + 63) / 64 * 64 - n < 64 := by",
            "b": "theorem b (k : Nat) : (k + 31) / 32 * 32 - k < 32 := by",
            "c": "theorem c (x y : Rat) (h : abs x ≤ abs y) : x * x ≤ y * y := by",
        }
    )
    assert found == {"a": "a", "b": "a", "c": "c"}


def test_a_file_with_something_between_its_theorems_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.lean"
    file.write_text("/-- A. -/\ntheorem a : True := by\n  sorry\n\ndef x := 1\n")
    with pytest.raises(InputError, match="between"):
        read_statements(file)


# ----- Statements of Lean's own library -----


def test_library_statements_forbid_themselves_and_follow_the_quota() -> None:
    document = read_json(LIBRARY)
    found = entries("library")
    assert len({e.name for e in found}) == len(found) == 300
    assert Counter(e.topic for e in found) == document["quota"]
    assert all(e.name in e.problem.forbidden and e.split == "held-out" for e in found)
    assert all(e.problem.before.count("theorem goal ") == 1 for e in found)
    assert sum("type_of%" in e.problem.before for e in found) < 60


# ----- Runs -----


class Lean(Numbers):
    """Numbers to be brought to 0; asked for the root so many times it is interrupted."""

    def __init__(self, roots: float = float("inf")) -> None:
        super().__init__(2)
        self.left = roots
        self.attempts = 0

    def root(self, problem: Problem) -> TacticState:
        if self.attempts == self.left:
            raise KeyboardInterrupt
        self.attempts += 1
        return super().root(problem)


class Gate:
    """Refuses proofs that hold a word."""

    def __init__(self, word: str = "nothing of the kind") -> None:
        self.word, self.judged = word, 0

    def judge(self, problem: Problem, proof: str) -> Verdict:
        self.judged += 1
        return Verdict((Finding("word", self.word),) if self.word in proof else ())


ENTRIES = [Entry(f"toy_{i}", "toy", 1 + i % 2, "tuning", PROBLEM) for i in range(4)]
MACHINE = {"toolchain": "toy", "workers": 1, "heartbeats": 1, "step_seconds": 1.0}
GOOD = ToyPolicy({"half": -0.1, "less": -1.0, "zero": -1.0})
REQUEST = Request(
    "field", ("tuning",), 5.0, (0, 1), (Contender(GOOD, OneTactic()), Contender(GOOD, BestFirst(noise=0.0))), MACHINE
)


def ran(out: Path, lean: Lean | None = None, gate: Gate | None = None, request: Request = REQUEST) -> dict[str, Any]:
    judge = gate or Gate()
    return run(request, ENTRIES, lean or Lean(), lambda: judge, out)


def timeless(document: dict[str, Any]) -> dict[str, Any]:
    plain = copy.deepcopy(document)
    del plain["started"], plain["seconds"]
    for row in plain["outcomes"]:
        del row["seconds"]
    return plain


def shown(document: dict[str, Any]) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(tables(document))
    return text.getvalue()


def test_contenders_take_turns_on_each_problem_and_the_document_is_valid(tmp_path: Path) -> None:
    gate = Gate()
    document = ran(tmp_path / "r.json", gate=gate)
    jsonschema.validate(document, q35spec.schema("prover_bench"))
    assert document == read_results(tmp_path / "r.json")
    turns = [(row["theorem"], row["seed"], row["contender"].split("/")[1]) for row in document["outcomes"]]
    assert turns == [(e.name, s, m) for e in ENTRIES for s in (0, 1) for m in ("one-tactic", "best-first")]
    assert gate.judged == len(ENTRIES), "the same proof of the same theorem is judged once"
    one, best = (success(document, contender["name"]) for contender in document["contenders"])
    assert set(one.values()) == {0.0}
    assert set(best.values()) == {1.0}
    assert "100.0% of 4" in shown(document)


def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = ran(tmp_path / "whole.json")
    out = tmp_path / "r.json"
    with pytest.raises(KeyboardInterrupt):
        ran(out, Lean(roots=10))
    assert len(read_results(out)["outcomes"]) == 8, "two problems were over"
    assert "unfinished: 8 of 16" in shown(read_results(out))
    lean = Lean()
    document = ran(out, lean)
    assert lean.attempts == 8
    assert timeless(document) == timeless(whole)
    again = Lean()
    assert ran(out, again) == document
    assert again.attempts == 0


def test_what_the_gate_refuses_is_a_failure_and_is_shown(tmp_path: Path) -> None:
    document = ran(tmp_path / "r.json", gate=Gate("half"))
    assert all(set(success(document, contender["name"]).values()) == {0.0} for contender in document["contenders"])
    assert "0.0% of 4" in shown(document)
    assert "refused: toy_0, toy/best-first, seed 0: word: half" in shown(document)
    assert spent(document, "toy/best-first", "seconds") == ([], [])


@pytest.mark.parametrize(
    ("contenders", "wrong"),
    [("mcts", "no such method"), ("heuristic", "no such method"), ("portfolio/mcts,portfolio/mcts", "the same name")],
)
def test_contenders_that_cannot_be_are_refused(
    contenders: str, wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["prover", "bench", "field", "--out", str(tmp_path / "r.json"), "--contenders", contenders]
    assert run_command(command) == 1
    assert wrong in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


def test_results_of_another_run_are_not_mixed_in(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    ran(out)
    with pytest.raises(InputError, match="budget"):
        ran(out, request=Request("field", ("tuning",), 6.0, (0, 1), REQUEST.contenders, MACHINE))
    out.write_text("{}")
    with pytest.raises(InputError, match="not the results"):
        ran(out)


# ----- Statistics -----


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [(8, 10, (0.4902, 0.9433)), (0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (79, 80, (0.9325, 0.9978))],
)
def test_wilson_interval(successes: int, trials: int, interval: tuple[float, float]) -> None:
    assert wilson(successes, trials) == pytest.approx(interval, abs=1e-4)


def test_paired_difference() -> None:
    names = [f"t{i}" for i in range(100)]
    first = dict.fromkeys(names, 1.0)
    second = {name: float(i < 70) for i, name in enumerate(names)}
    assert difference(first, first) == (0.0, 0.0, 0.0)
    gap, low, high = difference(first, second)
    assert gap == pytest.approx(0.3)
    assert (low, high) == pytest.approx((0.3 - 1.96 * 0.0458, 0.3 + 1.96 * 0.0458), abs=0.011)
    assert difference(first, second) == (gap, low, high), "the same seed, the same interval"


def result(contender: str, theorem: str, seconds: float, tactics: int | None) -> dict[str, Any]:
    found = {"theorem": theorem, "seed": 0, "contender": contender, "seconds": seconds, "steps": 10, "states": 2}
    proof = None if tactics is None else "simp"
    ended = {"reason": "seconds" if proof is None else "proved", "tactics": tactics, "proof": proof}
    return {**found, **ended, "refused": None, "judged": True}


def test_pairs_compare_lengths_and_times_where_both_have_a_proof(tmp_path: Path) -> None:
    document = ran(tmp_path / "r.json")
    a, b = (contender["name"] for contender in document["contenders"])
    rows = [(a, "toy_0", 4.0, 4), (b, "toy_0", 1.0, 3), (a, "toy_1", 5.0, None), (b, "toy_1", 3.0, 9)]
    document |= {"seeds": [0], "outcomes": [result(*row) for row in rows]}
    assert "+50.0" in shown(document)
    assert "0.75x of 1" in shown(document)
    assert "0.25x of 1" in shown(document)
    assert spent(document, b, "seconds") == ([1.0, 3.0], [0.5, 1.0])


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    write_plot(ran(tmp_path / "r.json"), tmp_path / "r.svg")
    assert (tmp_path / "r.svg").read_text().startswith("<?xml")
