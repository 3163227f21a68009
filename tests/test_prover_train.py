"""Training of the neural policy: data sets, tokenizer, network, loop, shipped weights."""

from __future__ import annotations

import gzip
import json
import math
import random
import re
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

import q35spec
from q35.cli import run
from q35.errors import InputError
from q35.lean.toolchain import Native, Toolchain
from q35.model.certificate import path_of as certificate_of
from q35prover.interface import Goal, Problem, TacticState
from q35prover.policy.by_name import policy_by_name
from q35prover.policy.neural import WEIGHTS as SHIPPED
from q35prover.policy.neural import NeuralPolicy, load_neural_policy
from q35prover.policy.portfolio import Portfolio
from q35prover.train.beam import Prompt
from q35prover.train.config import configured
from q35prover.train.curves import read_metrics
from q35prover.train.data import SOURCES, SPLITS, Split, TacticStep, read_header, read_steps, write_steps
from q35prover.train.examples import BAD, GOOD, NO_CLASS, UNJUDGED, Example, examples, state_prompt, with_mismatched
from q35prover.train.export import WEIGHTS, add_mixture, export, load_policy_files
from q35prover.train.layout import as_goal
from q35prover.train.loop import train
from q35prover.train.measure import padded
from q35prover.train.mixture import Judged, Mixture, fit, load_mixture, save_mixture
from q35prover.train.model import Network, Reading, Writing
from q35prover.train.quantized import load_weights, matrices, rounded
from q35prover.train.renaming import renamed
from q35prover.train.tokenizer import END, STATE, TACTIC, load_tokenizer, train_tokenizer

TOY = configured("toy", {})

# Data sets of tactic steps

TEXT = st.text(max_size=20)
STEPS = st.lists(
    st.builds(
        TacticStep,
        source=st.sampled_from(SOURCES),
        file=TEXT,
        theorem=TEXT,
        statement=TEXT,
        before=st.lists(TEXT, max_size=3).map(tuple),
        state=st.none() | TEXT,
        tactic=TEXT,
        remaining=st.integers(1, 9),
        split=st.sampled_from(SPLITS),
        tried=st.lists(st.tuples(TEXT, st.booleans()), max_size=3).map(tuple),
    ),
    max_size=5,
)


@given(STEPS, st.sampled_from(["steps.jsonl", "steps.jsonl.gz"]))
@settings(max_examples=30, deadline=None)
def test_a_data_set_reads_back(tmp_path_factory: pytest.TempPathFactory, steps: list[TacticStep], name: str) -> None:
    path = tmp_path_factory.mktemp("data") / name
    header = write_steps(path, steps, {"seed": 1})
    assert list(read_steps(path)) == steps
    assert read_header(path) == header
    assert header["steps"] == len(steps) == sum(header["splits"].values()) == sum(header["sources"].values())
    written = path.read_bytes()
    write_steps(path, steps, {"seed": 1})
    assert path.read_bytes() == written


STEP = TacticStep("field", "F.lean", "t", "theorem t : True", (), None, "trivial", 1, "train")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"schema": "q35.tactic-steps/2", "steps": 1}', "no header"),
        ("[]", "no header"),
        ("{", "not JSON"),
    ],
)
def test_a_wrong_header_is_named(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match=rf"steps\.jsonl:1: {what}"):
        read_header(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("remaining", 0), ("split", "dev"), ("before", "x"), ("state", 3), ("tactic", None), ("tried", [["simp", 1]])],
)
def test_a_wrong_step_is_named_with_its_line(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "steps.jsonl"
    write_steps(path, [STEP, STEP], {})
    lines = path.read_text().splitlines()
    lines[2] = json.dumps({**json.loads(lines[2]), field: value})
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"steps\.jsonl:3: not a tactic step"):
        list(read_steps(path))


def test_a_data_set_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl.gz"
    write_steps(path, [STEP] * 3, {})
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(InputError, match="cannot read"):
        list(read_steps(path))
    path.write_bytes(gzip.compress(gzip.decompress(whole).rpartition(b'{"source"')[0]))
    with pytest.raises(InputError, match="has 2 steps, but its header says 3"):
        list(read_steps(path))


def test_a_missing_data_set_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_header(tmp_path / "none.jsonl")


# The tokenizer

LEAN_LIKE = st.text(st.sampled_from("abhxP _.0127'⊢∀→≤✝\n{}()[]:=+?!é\u2080\U0001d53d"), max_size=60)
TEXTS = ["⊢ x + hx.1 ≤ x₁ → ∀ a, a = 127\n  simp [add_comm, hx.2]", "omega", "simp [add_assoc]"]
TOKENIZER = train_tokenizer(TEXTS * 3, 300)


@given(st.text(max_size=40) | LEAN_LIKE)
def test_the_tokenizer_loses_nothing(text: str) -> None:
    tokens = TOKENIZER.encode(text)
    assert TOKENIZER.decode(tokens) == text
    assert all(END < token < len(TOKENIZER) for token in tokens)


def test_the_tokenizer_is_read_back_and_does_not_depend_on_the_order_of_texts(tmp_path: Path) -> None:
    texts = ["simp at h", "simp [hx]", "omega", "exact hx.1"] * 2
    made = train_tokenizer(texts, 280)
    assert made.merges
    assert made.merges == train_tokenizer(reversed(texts), 280).merges
    made.save(tmp_path / "tokenizer.json")
    assert load_tokenizer(tmp_path / "tokenizer.json").merges == made.merges
    (tmp_path / "tokenizer.json").write_text('{"schema": "q35.tokenizer/1", "merges": [[5, 261]]}')
    with pytest.raises(InputError, match="merge 0"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_digits_are_tokens_of_their_own_and_no_token_crosses_an_identifier() -> None:
    many = train_tokenizer(["255 255 Nat.add_comm h", "255 Nat.add_comm h"] * 5, 300)
    pieces = [many.decode([token]) for token in many.encode("255 Nat.add_comm h")]
    assert pieces == ["2", "5", "5", " Nat", ".add_comm", " h"]


# Examples


def _theorem(name: str, *tactics: tuple[tuple[str, ...], str]) -> list[TacticStep]:
    remaining = range(len(tactics), 0, -1)
    return [
        TacticStep("mathlib", "F", name, "(h : P) : P", before, None, tactic, left, "train")
        for (before, tactic), left in zip(tactics, remaining, strict=True)
    ]


def _tactics(example: Example) -> list[tuple[str, bool]]:
    """The tactics of a sequence, and whether each is to be written."""
    tokens = example.tokens.tolist()
    begins = [place for place, token in enumerate(tokens) if token == TACTIC]
    return [
        (TOKENIZER.decode(tokens[begin + 1 : tokens.index(END, begin)]), bool(example.written[begin + 1]))
        for begin in begins
    ]


def test_a_proof_is_one_sequence_with_its_branches() -> None:
    steps = _theorem("t", ((), "constructor"), (("constructor",), "exact h"), (("constructor",), "simp"))
    (example,) = examples(steps, TOKENIZER, TOY)
    assert _tactics(example) == [("constructor", True), ("exact h", True), ("simp", True)]
    assert example.classes[example.classes != NO_CLASS].tolist() == [2, 1, 0]
    assert example.written.sum() == sum(len(TOKENIZER.encode(step.tactic)) + 1 for step in steps)


def test_a_proof_without_its_beginning_is_given_it() -> None:
    (example,) = examples(_theorem("t", (("intro x",), "exact h")), TOKENIZER, TOY)
    assert _tactics(example) == [("intro x", False), ("exact h", True)]


@given(st.lists(LEAN_LIKE.filter(bool), min_size=1, max_size=12), LEAN_LIKE)
@settings(max_examples=40)
def test_every_short_tactic_is_learned_once_within_the_context(tactics: list[str], statement: str) -> None:
    steps = [
        TacticStep("mathlib", "F", "t", statement, tuple(tactics[:number]), None, tactic, 1, "train")
        for number, tactic in enumerate(tactics)
    ]
    made = list(examples(steps, TOKENIZER, TOY))
    assert all(len(example.tokens) <= TOY.context for example in made)
    learned = [tactic for example in made for tactic, written in _tactics(example) if written]
    assert learned == [tactic for tactic in tactics if len(TOKENIZER.encode(tactic)) <= TOY.longest_tactic]


def test_a_statement_is_laid_out_as_a_goal() -> None:
    statement = "{x y : Nat} [Foo x] [i : Bar] (h : ∀ (z : Nat), z = (x)) : x = y"
    assert as_goal(statement) == "x y : Nat\ninst✝ : Foo x\ni : Bar\nh : ∀ (z : Nat), z = (x)\n⊢ x = y"
    assert as_goal(": P") == "⊢ P"
    for other in ("(x : Nat", "(x : Nat) x = x", ""):
        assert as_goal(other) == other


def test_tactics_of_other_states_of_the_file_are_tried_in_vain() -> None:
    steps = [replace(STEP, state=f"⊢ {n}", tactic=t) for n, t in enumerate(["rw [a]", "omega", "exact b"])]
    steps += [replace(STEP, tactic="rw [text]"), replace(STEP, file="other", state="⊢ 9", tactic="rw [c]")]
    mixed = with_mismatched(steps, 9, seed=0)
    assert [{tactic for tactic, closed in step.tried if not closed} for step in mixed] == [
        {"exact b"},
        {"rw [a]", "exact b"},
        {"rw [a]"},
        set(),
        set(),
    ]
    assert [replace(step, tried=()) for step in mixed] == steps


GOAL = "x y : BitVec 8\nh : x < y\nh' : x.h < y\n⊢ ∀ a, a + x ≤ y"


def test_renamed_hypotheses_are_renamed_everywhere_and_nothing_else_is() -> None:
    step = replace(STEP, state=GOAL, tactic="exact Nat.h x h.le h'")
    choice = random.Random(0)
    seen = set()
    for _ in range(40):
        made = renamed(step, choice)
        assert made.state is not None
        x, y, h, other = re.match(r"(\S+) (\S+) : BitVec 8\n(\S+) : .*\n(\S+) :", made.state).groups()
        assert len({x, y, h, other, "a"}) == 5
        assert made.state == f"{x} {y} : BitVec 8\n{h} : {x} < {y}\n{other} : {x}.h < {y}\n⊢ ∀ a, a + {x} ≤ {y}"
        assert made.tactic == f"exact Nat.h {x} {h}.le {other}"
        seen.add(made.state)
    assert len(seen) > 20


@pytest.mark.parametrize("tactic", ["exact foo (h := rfl)", "h at y"])
def test_a_step_that_names_may_mean_otherwise_is_not_renamed(tactic: str) -> None:
    step = replace(STEP, state=GOAL, tactic=tactic)
    assert all(renamed(step, random.Random(seed)) == step for seed in range(10))


def test_a_long_goal_keeps_its_conclusion() -> None:
    tokens = state_prompt("h : P\n" * 200 + "⊢ x ≤ 127", TOKENIZER, TOY)
    assert len(tokens) + TOY.longest_tactic + 1 <= TOY.context
    assert tokens[0] == STATE
    assert tokens[-1] == TACTIC
    assert TOKENIZER.decode(tokens).endswith("⊢ x ≤ 127")


# The network


@pytest.fixture(scope="module")
def network() -> Network:
    """With weights that are not small, so that every part shows."""
    torch.manual_seed(1)
    made = Network(TOY)
    for parameter in made.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.15)
    return made.eval()


def test_writing_token_by_token_equals_reading_everything(network: Network) -> None:
    generator = torch.Generator().manual_seed(2)
    text = torch.randint(5, TOY.vocabulary, (1, 12), generator=generator)
    own = torch.randint(5, TOY.vocabulary, (3, 6), generator=generator)
    with torch.inference_mode():
        reading = Reading()
        network(text, reading)
        writing = Writing(reading)
        order = torch.tensor([0, 1, 2])
        for place in range(own.shape[1]):
            written = network(own[order, place : place + 1], writing, 12 + place)[:, 0]
            whole = network(torch.cat([text.expand(3, -1), own[order]], dim=1))[:, 12 + place]
            torch.testing.assert_close(written, whole, atol=1e-5, rtol=1e-4)
            # The next token of each goes on from another one, or from the same as its neighbour.
            writing.parents = torch.tensor([1, 1, 0]) if place == 2 else torch.arange(3)
            order = order[writing.parents]


def test_filling_and_neighbours_change_nothing(network: Network) -> None:
    short, long = torch.arange(5, 12), torch.arange(20, 45)
    with torch.inference_mode():
        together = network(torch.nn.utils.rnn.pad_sequence([short, long], batch_first=True))
        torch.testing.assert_close(together[0, :7], network(short[None])[0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(together[1], network(long[None])[0], atol=1e-5, rtol=1e-4)


def _judged(tactics: list[str]) -> list[TacticStep]:
    first, *others = tactics
    tried = tuple((tactic, number % 2 == 0) for number, tactic in enumerate(others))
    return [replace(STEP, state="h : P\n⊢ P", tactic=first, tried=tried)]


def test_tactics_on_one_state_are_read_as_if_each_were_alone(network: Network) -> None:
    tactics = ["simp [hx]", "omega", "a + h.1 = x", "exact h"]
    (together,) = examples(_judged(tactics), TOKENIZER, TOY)
    given = padded([together], "cpu")
    prompt = Prompt(network, state_prompt("h : P\n⊢ P", TOKENIZER, TOY))
    judged = prompt.judge([TOKENIZER.encode(tactic) for tactic in tactics])
    alone = [worth for _, worth in judged]
    with torch.inference_mode():
        hidden = given.hidden(network)
        assert network.judged(hidden)[given.worth != UNJUDGED].tolist() == pytest.approx(alone, abs=1e-4)
        for tactic, (written, _) in zip(tactics, judged, strict=True):
            tokens = tuple(TOKENIZER.encode(tactic))
            prompt_tokens = state_prompt("h : P\n⊢ P", TOKENIZER, TOY)
            assert written == pytest.approx(_log_probability(network, prompt_tokens, tokens), abs=1e-3)
        for tactic, logit in zip(tactics, alone, strict=True):
            (single,) = examples(_judged([tactic]), TOKENIZER, TOY)
            assert network.judged(network(padded([single], "cpu").tokens))[0, -1].item() == pytest.approx(
                logit, abs=1e-4
            )


def test_of_several_tactics_on_a_state_only_the_first_is_written() -> None:
    (example,) = examples(_judged(["simp", "omega", "rfl"]), TOKENIZER, TOY)
    written = example.tokens[example.written]
    assert TOKENIZER.decode(written.tolist()) == "simp"
    assert written[-1] == END
    assert example.worth[example.worth != UNJUDGED].tolist() == [GOOD, GOOD, BAD]
    assert example.tokens[example.worth != UNJUDGED].tolist() == [END] * 3


def _log_probability(network: Network, prompt: list[int], tactic: tuple[int, ...]) -> float:
    tokens = torch.tensor([[*prompt, *tactic, END]])
    with torch.inference_mode():
        logs = network.next_token(network(tokens[:, :-1])).log_softmax(-1)[0, len(prompt) - 1 :]
    return float(logs.gather(1, tokens[0, len(prompt) :, None]).sum())


def test_beam_search_gives_the_probabilities_of_the_network(network: Network) -> None:
    prompt = [STATE, 50, 60, 70, TACTIC]
    found = Prompt(network, prompt).beam(8)
    assert len(found) == 8 == len({tokens for _, tokens in found})
    assert [score for score, _ in found] == sorted((score for score, _ in found), reverse=True)
    for score, tokens in found:
        assert score == pytest.approx(_log_probability(network, prompt, tokens), abs=1e-4)
        assert tokens
        assert min(tokens) > END


def test_a_wide_beam_finds_every_tactic_in_order() -> None:
    torch.manual_seed(3)
    tiny = Network(replace(TOY, vocabulary=12, longest_tactic=2)).eval()
    for parameter in tiny.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    prompt, words = [STATE, 7, 8, TACTIC], range(END + 1, 12)
    tactics = [(word,) for word in words] + [(first, second) for first in words for second in words]
    expected = sorted(((_log_probability(tiny, prompt, tactic), tactic) for tactic in tactics), reverse=True)
    found = Prompt(tiny, prompt).beam(len(tactics))
    assert [tactic for _, tactic in found] == [tactic for _, tactic in expected]


def test_a_beam_leaves_out_what_is_unlikely(network: Network) -> None:
    prompt = Prompt(network, [STATE, 50, 60, 70, TACTIC])
    whole = prompt.beam(8)
    for kept in range(9):
        least = whole[kept][0] if kept < 8 else -math.inf
        assert prompt.beam(8, least) == whole[:kept]


def test_a_beam_of_width_one_is_no_worse_than_greedy_choice(network: Network) -> None:
    prompt = [STATE, 40, 41, TACTIC]
    greedy: tuple[int, ...] = ()
    with torch.inference_mode():
        while len(greedy) < TOY.longest_tactic:
            logits = network.next_token(network(torch.tensor([[*prompt, *greedy]])))[0, -1]
            logits[:END] = -torch.inf
            if (token := int(logits.argmax())) == END and greedy:
                break
            greedy = (*greedy, token)
    ((score, _),) = Prompt(network, prompt).beam(1)
    assert score >= _log_probability(network, prompt, greedy) - 1e-4


# The loop


def _toy_steps() -> list[TacticStep]:
    """The goal is a hypothesis, whose name has to be copied."""
    chance = random.Random(5)
    steps = []
    for number in range(300):
        name, goal = chance.choice(["h", "hx", "a", "hyp", "z"]), chance.choice(["P", "Q", "x = y"])
        split: Split = "train" if number % 10 < 8 else "validation" if number % 10 == 8 else "test"
        row = ("generated", "toy", f"t{number}")
        if number % 3:
            tried = (("omega", False), (f"{name} at {goal}", False), (f"exact ({name})", True))[: number % 4]
            steps.append(TacticStep(*row, "", (), f"{name} : {goal}\n⊢ {goal}", f"exact {name}", 1, split, tried))
        else:
            statement = f"({name} : {goal}) : {goal} ∧ {goal}"
            steps.append(TacticStep(*row, statement, (), None, "constructor", 2, split))
            steps.append(TacticStep(*row, statement, ("constructor",), None, f"exact {name}", 1, split))
    return steps


LOOP = replace(TOY, epochs=5, evaluations=2, checkpoints=6, quantized_from=0.7)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "toy.jsonl.gz"
    write_steps(path, _toy_steps(), {"made by": "tests"})
    return path


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train([data], out, LOOP)
    return out


def test_training_learns_to_copy_and_its_metrics_keep_their_schema(trained: Path) -> None:
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        jsonschema.validate(line, q35spec.schema("training"))
    assert [line["split"] for line in lines] == ["validation"] * LOOP.evaluations + ["test"]
    first, *_, last = lines
    assert last["state"]["loss"] < first["state"]["loss"] / 2
    assert last["state"]["exact"] > 0.9
    assert last["text"]["top8"] > 0.9
    assert last["state"]["judged_first"] > 0.9 > 0.6 > last["state"]["judged_by_chance"]
    assert last["text"]["value_error"] < 0.5
    assert not first["quantized"]
    assert last["quantized"]


def test_an_interrupted_training_ends_with_the_same_weights(data: Path, trained: Path, tmp_path: Path) -> None:
    def interrupt(what: str, done: float, total: float) -> None:
        if what == "training" and done == total // 2 + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([data], tmp_path, LOOP, report=interrupt)
    assert not (tmp_path / "weights.safetensors").exists()
    train([data], tmp_path, LOOP)
    assert (tmp_path / "weights.safetensors").read_bytes() == (trained / "weights.safetensors").read_bytes()


def test_a_folder_is_of_one_training(data: Path, trained: Path) -> None:
    with pytest.raises(InputError, match="begun with another config"):
        train([data], trained, replace(LOOP, seed=1))


def test_a_training_begins_with_the_weights_of_another(data: Path, trained: Path, tmp_path: Path) -> None:
    config = replace(LOOP, epochs=1, muon_rate=0.0, adam_rate=0.0, evaluations=1, seed=7)
    train([data], tmp_path, config, start=trained)
    assert (tmp_path / "weights.safetensors").read_bytes() == (trained / "weights.safetensors").read_bytes()
    with pytest.raises(InputError, match="its network is another"):
        train([data], tmp_path / "wider", replace(config, feed_forward=64), start=trained)


@pytest.mark.parametrize(
    ("preset", "changes", "what"),
    [
        ("tiny", {}, "unknown preset"),
        ("toy", {"depth": "3"}, "no setting 'depth'"),
        ("toy", {"epochs": "x"}, "epochs must be of type int"),
        ("toy", {"precision": "float16"}, "precision must be"),
    ],
)
def test_a_wrong_setting_is_named(preset: str, changes: dict[str, str], what: str) -> None:
    with pytest.raises(InputError, match=what):
        configured(preset, changes)


# Shipped weights and the policy


@pytest.fixture(scope="module")
def shipped(data: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shipped")
    result = export(trained, out, [data])
    assert result["format"].startswith("codebook")
    return out


def test_shipped_weights_are_the_trained_ones_rounded_by_the_format(trained: Path, shipped: Path) -> None:
    expected = load_weights(trained / "weights.safetensors")
    full = Network(LOOP)
    full.load_state_dict(expected)
    expected |= {name: rounded(weight) for name, weight in matrices(full).items()}
    stored = load_weights(shipped / WEIGHTS)
    assert stored.keys() == expected.keys()
    assert all(torch.equal(stored[name], expected[name]) for name in stored)
    assert load_tokenizer(shipped / "tokenizer.json").merges == load_tokenizer(trained / "tokenizer.json").merges
    assert certificate_of(shipped / WEIGHTS).exists()
    card = (shipped / "MODEL_CARD.md").read_text()
    assert "300 theorems" in card
    assert "seed 0" in card
    for belief in (2.0, 3.0):
        mixture = Mixture(belief=belief)
        figures = {"states": 7, "first": 0.5, "first_by_other": 0.2, "first_by_written": 0.3, "first_by_worth": 0.1}
        add_mixture(shipped, mixture, figures)
        assert load_mixture(shipped) == mixture
        card = (shipped / "MODEL_CARD.md").read_text()
        assert card.count("## The mixture") == 1
        assert f"belief {belief}" in card


def test_our_kernels_write_what_the_stored_weights_say(shipped: Path) -> None:
    """Up to the rounding of activations to 8 bits."""
    on_kernels, tokenizer = load_policy_files(shipped)
    plain = Network(on_kernels.config).eval()
    plain.load_state_dict(load_weights(shipped / WEIGHTS))
    tokens = torch.tensor([state_prompt("hyp : Q\n⊢ Q", tokenizer, plain.config)])
    with torch.inference_mode():
        expected, got = (n.next_token(n(tokens)).softmax(-1) for n in (plain, on_kernels))
    assert not torch.equal(got, expected)  # the kernels did run
    torch.testing.assert_close(got, expected, atol=0.05, rtol=0)


def test_a_matrix_that_the_format_spoils_is_shipped_in_float16(trained: Path, data: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "run"
    shutil.copytree(trained, spoilt)
    weights = load_weights(spoilt / "weights.safetensors")
    # One large weight a block, of a channel that is always 0: the others are rounded away.
    weights["norm.weight"][::64] = 0.0
    weights["turn.weight"][:, ::64] = 500.0
    (spoilt / "weights.safetensors").write_bytes(save(weights))
    assert export(spoilt, tmp_path / "out", [data])["format"] == "float16"
    network, _ = load_policy_files(tmp_path / "out")
    expected = weights["blocks.1.up.weight"].half().float()
    assert torch.equal(network.state_dict()["blocks.1.up.weight"], expected)


def _state(text: str) -> TacticState:
    return TacticState(Problem("t", ""), (Goal(text, "key"),))


def test_the_policy_copies_the_name_that_it_sees(shipped: Path) -> None:
    policy = load_neural_policy(Portfolio(), shipped)
    states = [_state("hyp : Q\n⊢ Q"), _state("hx : Q\n⊢ Q")]  # the same key: they differ in names only
    assert [found[0].tactic for found in policy.suggest(states, 4)] == ["exact hyp", "exact hx"]
    assert all(1 <= remaining < 1.5 for remaining in policy.remaining(states))


def test_a_folder_of_weights_is_a_policy(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the folder's name, so that two trainings can be compared; the shipped weights are called neural."""
    monkeypatch.setattr("q35prover.policy.by_name.theorems", lambda *_: None)
    monkeypatch.setattr("q35prover.policy.by_name.Retrieval", lambda _: None)
    toolchain = Toolchain("native", Native(tmp_path / "lean", "4.28.0"))
    other = shutil.copytree(shipped, tmp_path / "longer")
    assert policy_by_name(str(other), toolchain).name == "longer"
    assert policy_by_name("neural", toolchain).name == "neural"
    with pytest.raises(InputError, match="no policy 'shorter'"):
        policy_by_name("shorter", toolchain)


def test_a_larger_count_only_adds(shipped: Path) -> None:
    policy, state = load_neural_policy(Portfolio(), shipped), _state("z : P\n⊢ P")
    lists = [policy.suggest([state], count)[0] for count in (30, 1, 4, 8, 20)]
    lists.sort(key=len)
    for small, large in pairwise(lists):
        assert set(small) <= set(large)
        assert [s.log_probability for s in large] == sorted((s.log_probability for s in large), reverse=True)
        assert len({s.tactic for s in large}) == len(large)
    assert [len(found) for found in lists] == [1, 4, 8, 20, 30]


def test_the_policy_answers_alike_alone_and_among_others(shipped: Path) -> None:
    states = [_state(f"{name} : P\n⊢ P") for name in ("h", "a", "z")]
    together = load_neural_policy(Portfolio(), shipped).suggest(states, 12)
    for state, expected in zip(states, together, strict=True):
        assert load_neural_policy(Portfolio(), shipped).suggest([state], 12) == [expected]


def test_what_both_policies_think_makes_the_probabilities(shipped: Path) -> None:
    network, tokenizer = load_policy_files(shipped)
    state, others = _state("h : P\n⊢ P"), Portfolio(("omega", "simp"))
    policy = NeuralPolicy(network, tokenizer, others, Mixture(strange=0.1, trust=2.0, belief=0.5, judgement=0.25))
    judged = policy.judged(state)
    assert {tactic: what.other for tactic, what in judged.items() if what.other} == {
        "omega": pytest.approx(2 / 3),
        "simp": pytest.approx(1 / 3),
    }
    expected = {
        tactic: (what.other or 0.1) ** 2 * max(math.exp(what.written), math.exp(-8)) ** 0.5 * math.exp(what.worth / 4)
        for tactic, what in judged.items()
    }
    found = {one.tactic: math.exp(one.log_probability) for one in policy.suggest([state], len(expected))[0]}
    total = sum(expected.values())
    assert found == pytest.approx({tactic: share / total for tactic, share in expected.items()}, rel=1e-3)
    prompt = state_prompt("h : P\n⊢ P", tokenizer, network.config)
    written = _log_probability(network, prompt, tuple(tokenizer.encode("exact h")))
    assert judged["exact h"].written == pytest.approx(written, abs=0.05)
    assert judged["exact h"].written > -0.5 > judged["omega"].written


def test_the_mixture_trusts_what_was_right(tmp_path: Path) -> None:
    """The other policy names good and bad tactics alike; what the network would write is right for all but one."""
    likely, unlikely = Judged(0.4, -1.0, 0.0), Judged(0.4, -3.0, 0.0)
    states = [[(likely, True), (unlikely, False)] for _ in range(9)]
    states += [[(likely, False), (unlikely, True)], [(likely, False)] * 2]
    mixture, figures = fit(states)
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    assert figures.pop("loss") == pytest.approx(entropy, abs=0.001)
    firsts = {f"first_by_{name}": 0.9 for name in ("other", "written", "worth")}
    assert figures == {"states": 10, "first": 0.9, **firsts}
    assert 2 * mixture.belief == pytest.approx(math.log(9), abs=0.02)
    save_mixture(tmp_path, mixture)
    assert load_mixture(tmp_path) == mixture
    with pytest.raises(InputError, match="no state"):
        fit(states[-1:])
    (tmp_path / "mixture.json").write_text("{}")
    with pytest.raises(InputError, match="not a mixture"):
        load_mixture(tmp_path)


def test_the_commands_train_and_export(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained, out = str(tmp_path / "run"), str(tmp_path / "out")
    few = ["--preset", "toy", "--set", "epochs=1", "--set", "evaluations=1", "--set", "beam_steps=2"]
    assert run(["prover", "train", str(data), "--out", trained, *few, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["split"] == "test"
    assert run(["prover", "export", trained, str(data), "--out", out]) == 0
    assert "loss in the format" in capsys.readouterr().out
    assert run(["prover", "curves", out, "--plot", str(tmp_path / "curves.svg")]) == 0
    assert "our states, test" in (tmp_path / "curves.svg").read_text()
    assert run(["prover", "curves", str(tmp_path), "--plot", str(tmp_path / "none.svg")]) == 1
    assert {path.name for path in Path(out).iterdir()} >= {WEIGHTS, "tokenizer.json", "config.json", "MODEL_CARD.md"}
    assert run(["prover", "train", str(data), "--out", trained, "--set", "depth=3"]) == 1
    assert "no setting 'depth'" in capsys.readouterr().err


def test_without_weights_the_policy_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights"):
        load_neural_policy(Portfolio(), tmp_path / "weights")


def test_the_shipped_weights_are_small_and_of_one_training_with_their_card() -> None:
    files = list(SHIPPED.iterdir())
    assert sum(path.stat().st_size for path in files) <= 20_000_000
    metrics = read_metrics(SHIPPED)
    for line in metrics:
        jsonschema.validate(line, q35spec.schema("training"))
    card = (SHIPPED / "MODEL_CARD.md").read_text()
    assert f"{metrics[-1]['tokens']:,} tokens" in card
    assert f"belief {load_mixture(SHIPPED).belief}," in card
    policy = load_neural_policy(Portfolio())
    (found,) = policy.suggest([_state("x : Nat\n⊢ x ≤ x + 1")], 8)
    assert found[0].tactic == "omega"
