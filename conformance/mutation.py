"""Mutants: one small, known bug each, planted in a copy of the code; the suite must see it."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "mutants"


@dataclass(frozen=True)
class Family:
    """Mutants that are planted in one folder: their files in `mutants/`, and the name under which tests import a copy.

    `builds`: the extension is compiled from the copy. Otherwise the copy has the installed one; a test that needs C++
    compiled from the copy finds it at `q35kernels.__path__` and compiles it itself.
    """

    folder: str
    package: str
    files: tuple[str, ...]
    builds: bool = False


FAMILIES = {
    "reference": Family("q35ref", "q35ref", ("reference.toml",)),
    "kernels": Family("kernels", "q35kernels", ("kernels.toml",), builds=True),
    "triton": Family("kernels", "q35kernels", ("triton.toml", "triton_mx.toml")),
    "hip": Family("kernels", "q35kernels", ("hip.toml",)),
}

BUG_CLASSES = {
    "bad-input-accepted": "a byte of 128 or more, a tail bit or a wrong length taken for data",
    "clip-and-scale": "a slot's own scale forgotten, or clipped in the wrong place",
    "emax": "a scale's exponent without the format's largest power of two, or with another format's",
    "exactness-lost": "what is promised exact computed in rounded arithmetic",
    "float-log2": "a scale's exponent from a logarithm in floating point",
    "float-order": "a sum in another order than declared, or fused",
    "half-accumulator": "a sum rounded to float16 on the way",
    "missing-barrier": "threads read what others have not yet written, or write what others still read",
    "nan-as-number": "NaN or infinity read as a number",
    "narrow-accumulator": "an accumulator too narrow, or a length accepted at which it is",
    "nearest-strictness": "nearest by the wrong one of < and <=: the wrong side of a tie",
    "nibbles-swapped": "two elements of a byte in the wrong order",
    "past-the-end": "elements past the end of a tail read or counted",
    "saturation": "overflow instead of the largest value, or wrap-around",
    "scale-bias": "the bits of a shared scale read without their bias, or the smallest as 0",
    "scale-nan": "the scale that means NaN read as a number or as infinity",
    "scale-rule": "another rule for the step or the scale than declared",
    "sign-extension": "a slot's bits read as unsigned",
    "signed-zero": "the sign of a zero lost or kept against the rule",
    "slots-swapped": "hi and lo slot swapped",
    "step-sign": "the sign of a step lost",
    "stream-layout": "a wrong shift, bit order or tail of the stream",
    "stride": "blocks read or written at the wrong distance",
    "subnormals": "subnormals flushed, or decoded as normals",
    "ties": "ties away from zero or up instead of to even",
    "twos-complement": "two's complement off by one",
    "wrong-step": "the step of a neighbouring block, or rows and columns swapped",
}
"""Classes of bugs that real kernels had; a mutant names one."""


@dataclass(frozen=True)
class Mutant:
    """A change of one place: `old` must occur exactly once in `file`; at least one of `tests` must fail on `new`."""

    id: str
    family: str
    bug: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def isa(self) -> str | None:
        """The instruction set without which the bug cannot show."""
        found = re.match(r"avx\d+", Path(self.file).name)
        return found[0] if found else None


def load(family: str) -> list[Mutant]:
    """The mutants of a family; raises ValueError for a wrong or repeated entry."""
    files = FAMILIES[family].files
    rows = [row for file in files for row in tomllib.loads((FOLDER / file).read_text()).get("mutant", [])]
    mutants = [
        Mutant(
            id=row["id"], family=family, bug=row["bug"], file=row["file"], old=row["old"].strip("\n"),
            new=row["new"].strip("\n"), tests=tuple(row["tests"]),
        )
        for row in rows
    ]  # fmt: skip
    ids = [mutant.id for mutant in mutants]
    wrong = {i for i in ids if ids.count(i) > 1} | {m.id for m in mutants if m.old == m.new or not m.tests}
    if wrong:
        raise ValueError(f"{', '.join(files)}: repeated, without a change or without tests: {sorted(wrong)}")
    return mutants


def changed(mutant: Mutant, text: str) -> str:
    """`text` with the bug planted; raises ValueError unless the old text occurs exactly once."""
    found = text.count(mutant.old)
    if found != 1:
        raise ValueError(f"{mutant.id}: its old text occurs {found} times in {mutant.file}; the mutant is stale")
    return text.replace(mutant.old, mutant.new)


def stage(name: str, mutant: Mutant | None, root: Path) -> None:
    """Puts a copy of a family's package under `root`, with the mutant planted (None: unchanged), and its extension.

    Raises ValueError for a stale mutant and q35's ToolchainError when the copy does not compile.
    """
    family = FAMILIES[name]
    package = root / family.package
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "build", "measured")
    shutil.copytree(REPOSITORY / family.folder, package, ignore=ignored)
    if mutant is not None:
        path = package / Path(mutant.file).relative_to(family.folder)
        path.write_text(changed(mutant, path.read_text()))
    if family.package != "q35kernels":
        return
    from q35kernels import build_variant, wrappers

    if family.builds:
        # Not optimized, mutants compile in a third of the time; so is the control, so that nothing but the bug differs.
        build_variant.build(package / "cpu", package, optimize=False)
    else:
        installed = wrappers.extension_path()
        (package / installed.name).symlink_to(installed)
