"""A Mathlib checkout's text to a data set of tactic steps, split by file, without near-duplicates across the split.

Extracted are the proofs of theorems and lemmas that hold tactics. Definitions and instances are not: what their blocks
build is data, so no goal of theirs is a proposition whose proof does not matter. `decreasing_by` blocks, recursive
equations and structures after `where` are counted but not extracted: no tactic script says the same.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from q35.errors import InputError
from q35.files import sha256_tree, write_whole
from q35.lean.progress import Report, silent
from q35prover.extract.declarations import theorems
from q35prover.extract.near_duplicates import RESEMBLANCE, near_duplicates, shape
from q35prover.extract.tactics import Node, inline_tactics, steps
from q35prover.train.data import SPLITS, Split, TacticStep, write_steps

_FILES_AT_ONCE = 128
# Of a hundred files, so many are for validation and for testing.
_VALIDATION, _TEST = 5, 5


@dataclass(frozen=True)
class _Extracted:
    """A theorem as the parts on disk hold it; `tree` is its steps as nested lists."""

    file: str
    name: str
    statement: str
    shape: str
    tree: list[Any]


def split_of(file: str) -> Split:
    """The side of the split that a file is on: of its name alone, so that other files change nothing."""
    number = int.from_bytes(hashlib.sha256(file.encode()).digest()[:8], "big") % 100
    return "validation" if number < _VALIDATION else "test" if number < _VALIDATION + _TEST else "train"


def extract(
    checkout: Path, target: Path, jobs: int | None = None, report: Report = silent, forbidden: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Write the steps of `checkout`/Mathlib to `target`; the counts.

    What is done so far lies beside the target, in `TARGET.parts`, so that a run that was ended goes on from there. A
    theorem is left out of training if it resembles one for validation or testing, and of validation if it resembles
    one for testing; one that resembles a statement of `forbidden` is left out of all. Raises `InputError` if the
    checkout has no Lean files in `Mathlib`.
    """
    files = sorted((checkout / "Mathlib").rglob("*.lean"))
    if not files:
        raise InputError("no Lean files in it", str(checkout / "Mathlib"), "give the root of a Mathlib checkout")
    parts = target.with_name(target.name + ".parts")
    chunks = [files[start : start + _FILES_AT_ONCE] for start in range(0, len(files), _FILES_AT_ONCE)]
    code = sha256_tree(Path(__file__).parent, Path(__file__).parent.glob("*.py"))
    names = [hashlib.sha256((code + sha256_tree(checkout, chunk)).encode()).hexdigest()[:24] for chunk in chunks]
    _extract_parts(checkout, chunks, [parts / f"{name}.json.gz" for name in names], jobs, report)
    counts: Counter[str] = Counter()
    found: list[_Extracted] = []
    for name in names:
        part = json.loads(gzip.decompress((parts / f"{name}.json.gz").read_bytes()))
        counts.update(part["counts"])
        found += [_Extracted(*values) for values in part["theorems"]]
    report("comparing statements", 0, 0)
    sides = [split_of(theorem.file) for theorem in found]
    kept, dropped = _without_leaks(found, sides, [shape(statement) for statement in forbidden])
    report("writing", 0, 0)
    provenance = {
        "of": "Mathlib (Apache-2.0), its text",
        "toolchain": _toolchain(checkout),
        "files": len(files),
        "sha256": hashlib.sha256("".join(names).encode()).hexdigest(),
        "counts": dict(sorted(counts.items())),
        "split": f"by file: {100 - _VALIDATION - _TEST}/{_VALIDATION}/{_TEST} % by SHA-256 of its name",
        "near_duplicates": {"resemblance": RESEMBLANCE, "left_out": dropped},
        "theorems": dict(Counter(sides[index] for index in kept)),
    }
    header = write_steps(target, _steps([(found[index], sides[index]) for index in kept]), provenance)
    shutil.rmtree(parts)
    return header


def _extract_parts(
    checkout: Path, chunks: list[list[Path]], parts: list[Path], jobs: int | None, report: Report
) -> None:
    """Extract the chunks whose parts are not there."""
    missing = [(chunk, part) for chunk, part in zip(chunks, parts, strict=True) if not part.exists()]
    done = sum(map(len, chunks)) - sum(len(chunk) for chunk, _ in missing)
    total = sum(map(len, chunks))
    report("reading proofs", done, total)
    with ProcessPoolExecutor(jobs or os.cpu_count(), initializer=_leave_interrupts_to_the_parent) as pool:
        try:
            running = {pool.submit(_extract_part, checkout, chunk, part): len(chunk) for chunk, part in missing}
            for future in as_completed(running):
                future.result()
                done += running[future]
                report("reading proofs", done, total)
        finally:
            pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _extract_part(checkout: Path, files: list[Path], part: Path) -> None:
    """The theorems of some files, and counts of all that was seen, as one part on disk."""
    counts: Counter[str] = Counter()
    found: list[list[Any]] = []
    for path in files:
        file = path.relative_to(checkout).as_posix()
        try:
            source = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read: {error}", str(path)) from None
        for theorem in theorems(source):
            counts["theorems"] += 1
            counts[f"theorems, proof: {theorem.proof}"] += 1
            if not theorem.steps:
                continue
            written = list(steps(theorem.steps))
            counts["steps"] += len(written)
            counts["steps, nested in another's block"] += sum(step.depth > 0 for step in written)
            counts["tactics within the text of a step"] += inline_tactics(theorem.steps)
            found.append([file, theorem.name, theorem.statement, shape(theorem.statement), _as_lists(theorem.steps)])
    text = json.dumps({"counts": counts, "theorems": found}, ensure_ascii=False).encode()
    write_whole(part, gzip.compress(text, compresslevel=1, mtime=0))


def _without_leaks(
    found: list[_Extracted], sides: list[Split], forbidden: list[str]
) -> tuple[list[int], dict[str, int]]:
    """The theorems that may stay, by index, and how many of each side may not because they resemble one of another."""
    kept: list[int] = []
    dropped: dict[str, int] = {}
    avoid = forbidden
    for side in reversed(SPLITS):
        own = [index for index, of in enumerate(sides) if of == side]
        twins = near_duplicates([found[index].shape for index in own], avoid)
        staying = [index for index, twin in zip(own, twins, strict=True) if twin is None]
        dropped[side] = len(own) - len(staying)
        kept += staying
        avoid = avoid + [found[index].shape for index in own]
    return sorted(kept), dropped


def _steps(chosen: list[tuple[_Extracted, Split]]) -> Iterator[TacticStep]:
    for theorem, side in chosen:
        for step in steps(_as_nodes(theorem.tree)):
            yield TacticStep(
                source="mathlib",
                file=theorem.file,
                theorem=theorem.name,
                statement=theorem.statement,
                before=step.before,
                state=None,
                tactic=step.tactic,
                remaining=step.remaining,
                split=side,
            )


def _as_lists(block: list[Node]) -> list[Any]:
    return [[node.text, [_as_lists(inner) for inner in node.blocks]] for node in block]


def _as_nodes(block: list[Any]) -> list[Node]:
    return [Node(text, [_as_nodes(inner) for inner in blocks]) for text, blocks in block]


def _toolchain(checkout: Path) -> str | None:
    """What the checkout's `lean-toolchain` says, which dates it; None if it has none."""
    try:
        return (checkout / "lean-toolchain").read_text().strip()
    except OSError:
        return None
