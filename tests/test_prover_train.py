"""Training of the neural policy: data sets, tokenizer, network, loop, shipped weights."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from q35.errors import InputError
from q35prover.train.data import SOURCES, SPLITS, TacticStep, read_header, read_steps, write_steps

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
    ("field", "value"), [("remaining", 0), ("split", "dev"), ("before", "x"), ("state", 3), ("tactic", None)]
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
