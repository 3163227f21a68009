"""What the network is trained on: sequences of tokens, made from tactic steps.

    STATE goal TACTIC tactic END tactic END ...                         a step whose state is known; the first tactic is
                                                                        the step's, the others were tried on the state
    STATEMENT statement TACTIC tactic END TACTIC tactic END ...         a proof of which the text alone is known, the
                                                                        statement laid out as a goal

A sequence longer than the context is cut at the left of what is given: a goal's conclusion stands last. A proof that is
longer goes on in another sequence, with the statement and the latest tactics before it. The tactics of a branch that is
closed stay in the sequence: other branches of the proof are often closed alike. The tactics after a state do not see
each other.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from q35prover.train.config import TrainingConfig
from q35prover.train.data import Split, TacticStep, read_steps
from q35prover.train.layout import as_goal
from q35prover.train.model import remaining_class
from q35prover.train.renaming import renamed
from q35prover.train.tokenizer import END, STATE, STATEMENT, TACTIC, Tokenizer

NO_CLASS = -1
BAD, GOOD, UNJUDGED = 0, 1, -1


@dataclass(frozen=True, eq=False)
class Example:
    """A sequence. All `[length]`: its tokens; which of them the network is to write; where a tactic begins that it is
    to write, the class of the remaining tactics (`NO_CLASS` elsewhere); which of several tactics after a state a token
    is part of (0: of what all see); where a tactic ends, whether it is one to take (`UNJUDGED` elsewhere)."""

    tokens: NDArray[np.int64]
    written: NDArray[np.bool_]
    classes: NDArray[np.int64]
    parts: NDArray[np.int64]
    worth: NDArray[np.int64]
    has_state: bool

    @property
    def positions(self) -> NDArray[np.int64]:
        """`[length]`: where each token stands, every tactic after a state right behind it."""
        places = np.arange(len(self.parts))
        begins = np.searchsorted(self.parts, self.parts)  # of the part that the token is in
        return np.where(self.parts == 0, places, places - begins + np.searchsorted(self.parts, 1))


def state_prompt(goals: str, tokenizer: Tokenizer, config: TrainingConfig) -> list[int]:
    """The tokens after which a tactic for the state with these goals is written."""
    room = config.context - config.longest_tactic - 3
    return [STATE, *tokenizer.encode(goals)[-room:], TACTIC]


def examples(steps: Iterable[TacticStep], tokenizer: Tokenizer, config: TrainingConfig) -> Iterator[Example]:
    """The sequences of `steps`, of which those of one theorem follow each other in the proof's order.

    Tactics of more than `config.longest_tactic` tokens are not learned.
    """
    for (_, _, _, has_state), group in groupby(steps, lambda step: (*_theorem(step), step.state is not None)):
        if has_state:
            yield from _of_states(group, tokenizer, config)
        else:
            yield from _of_proof(list(group), tokenizer, config)


def _of_states(steps: Iterable[TacticStep], tokenizer: Tokenizer, config: TrainingConfig) -> Iterator[Example]:
    for step in steps:
        tactic = tokenizer.encode(step.tactic)
        if len(tactic) <= config.longest_tactic:
            making = _Making(state_prompt(step.state or "", tokenizer, config)[:-1])
            making.add(tactic, remaining_class(step.remaining))
            others = [(tokenizer.encode(text), closed) for text, closed in step.tried[: config.judged]]
            making.add_others([(other, closed) for other, closed in others if len(other) <= config.longest_tactic])
            yield making.example(has_state=True)


def _of_proof(steps: Sequence[TacticStep], tokenizer: Tokenizer, config: TrainingConfig) -> Iterator[Example]:
    statement = tokenizer.encode(as_goal(steps[0].statement))
    making: _Making | None = None
    there: set[str] = set()
    for step in steps:
        tactic = tokenizer.encode(step.tactic)
        if making is None or not there.issuperset(step.before) or making.length + len(tactic) + 2 > config.context:
            if making is not None and any(making.written):
                yield making.example(has_state=False)
            making = _Making(_proof_so_far(statement, step.before, tokenizer, config))
            there = set(step.before)
        learned = len(tactic) <= config.longest_tactic
        making.add(tactic[: config.longest_tactic], remaining_class(step.remaining) if learned else NO_CLASS)
        there.add(step.tactic)
    if making is not None and any(making.written):
        yield making.example(has_state=False)


def _proof_so_far(
    statement: list[int], before: Sequence[str], tokenizer: Tokenizer, config: TrainingConfig
) -> list[int]:
    """The statement, and of the tactics so far the latest: together at most what leaves room for a tactic."""
    room = config.context - config.longest_tactic - 3
    latest: list[list[int]] = []
    for text in reversed(before):
        tactic = [TACTIC, *tokenizer.encode(text)[: config.longest_tactic], END]
        if sum(map(len, latest)) + len(tactic) > room // 2:
            break
        latest.append(tactic)
    so_far = [token for tactic in reversed(latest) for token in tactic]
    return [STATEMENT, *statement[-(room - len(so_far)) :], *so_far]


class _Making:
    """A sequence that tactics are added to."""

    def __init__(self, given: list[int]) -> None:
        self.tokens = given
        self.written = [False] * len(given)
        self.classes = [NO_CLASS] * len(given)
        self.parts = [0] * len(given)
        self.worth = [UNJUDGED] * len(given)

    @property
    def length(self) -> int:
        return len(self.tokens)

    def add(self, tactic: list[int], remaining: int) -> None:
        """The tactic is to be written if its `remaining` is a class."""
        self.tokens += [TACTIC, *tactic, END]
        self.written += [False] + [remaining != NO_CLASS] * (len(tactic) + 1)
        self.classes += [remaining] + [NO_CLASS] * (len(tactic) + 1)
        self.parts += [0] * (len(tactic) + 2)
        self.worth += [UNJUDGED] * (len(tactic) + 2)

    def add_others(self, others: Sequence[tuple[list[int], bool]]) -> None:
        """Tactics besides the one that was added to a state: none is to be written, all are to be judged."""
        if others:
            begin = self.classes.index(max(self.classes)) + 1
            self.parts[begin:] = [1] * (self.length - begin)
            self.worth[-1] = GOOD
        for number, (tactic, closed) in enumerate(others, 2):
            length = len(tactic) + 1
            self.tokens += [*tactic, END]
            self.written += [False] * length
            self.classes += [NO_CLASS] * length
            self.parts += [number] * length
            self.worth += [*[UNJUDGED] * len(tactic), GOOD if closed else BAD]

    def example(self, has_state: bool) -> Example:
        return Example(
            np.array(self.tokens),
            np.array(self.written),
            np.array(self.classes),
            np.array(self.parts),
            np.array(self.worth),
            has_state,
        )


def load_steps(paths: Sequence[Path], config: TrainingConfig) -> dict[Split, list[TacticStep]]:
    """The steps of the data sets that the config wants, by split; whole theorems, chosen by the seed.

    Raises `InputError` for what is no data set.
    """
    theorems: defaultdict[tuple[Split, bool], dict[tuple[str, str, str], list[TacticStep]]] = defaultdict(dict)
    for path in paths:
        for step in read_steps(path):
            theorems[step.split, step.state is not None].setdefault(_theorem(step), []).append(step)
    loaded: dict[Split, list[TacticStep]] = {"train": [], "validation": [], "test": []}
    for (split, has_state), found in theorems.items():
        room = config.state_characters if has_state else config.text_characters
        if split != "train":
            room = min(room, config.evaluation_characters)
        for name in sorted(found, key=lambda name: _chance(config.seed, *name)):
            room -= _characters(found[name])
            if room < 0:
                break
            loaded[split] += found[name]
    return loaded


def with_renamed(steps: Sequence[TacticStep], copies: int, seed: int) -> list[TacticStep]:
    """The steps, and each that has a state so many times more with other names for its hypotheses."""
    choice = random.Random(seed)
    renamings = [renamed(step, choice) for _ in range(copies) for step in steps if step.state is not None]
    return [*steps, *renamings]


def with_mismatched(steps: Sequence[TacticStep], count: int, seed: int) -> list[TacticStep]:
    """The steps; to each that has a state `count` tactics with arguments from other states of its file are added, as
    tried in vain: what people wrote is not good for that alone."""
    choice = random.Random(seed)
    of_file: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for step in steps:
        if step.state is not None and " " in step.tactic:
            of_file[step.source, step.file].append(step.tactic)
    mixed = []
    for step in steps:
        if step.state is not None and (tactics := of_file[step.source, step.file]):
            known = {step.tactic, *(tactic for tactic, _ in step.tried)}
            others = dict.fromkeys(choice.choice(tactics) for _ in range(count))
            mismatched = tuple((tactic, False) for tactic in others if tactic not in known)
            step = replace(step, tried=(*mismatched, *step.tried))
        mixed.append(step)
    return mixed


def texts(steps: Iterable[TacticStep]) -> Iterator[str]:
    """What a tokenizer learns from: every statement, goal and tactic once."""
    for _, group in groupby(steps, _theorem):
        for number, step in enumerate(group):
            if step.state is not None:
                yield step.state
            elif number == 0:
                yield as_goal(step.statement)
            yield step.tactic


def _theorem(step: TacticStep) -> tuple[str, str, str]:
    return step.source, step.file, step.theorem


def _characters(steps: Sequence[TacticStep]) -> int:
    return sum(map(len, texts(steps)))


def _chance(seed: int, *name: str) -> bytes:
    """A place in an order that depends on the seed and on this name alone."""
    return hashlib.sha256("\0".join((str(seed), *name)).encode()).digest()
