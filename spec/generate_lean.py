"""Writes what Lean and the certificates need from `spec/codebook.json` and `spec/formats.json`.

`proofs/Q35/CodebookTable.lean`: the learned table, its regions, the trees of their radii, the steps' numerators.
`spec/cover.json`: the same regions and radii for programs.

The trees are certificates: whatever this script puts into them, Lean accepts only what its own checker verifies.

    python spec/generate_lean.py            write both files
    python spec/generate_lean.py --check    exit 1 if a file on disk is not what this script writes
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

Pair = tuple[int, int]
Box = tuple[int, int, int, int]
"""left, right, bottom, top"""

SPEC = Path(__file__).resolve().parent
CODEBOOK = SPEC / "codebook.json"

SCALE = 256
"""Box corners are integers in units of 1 / SCALE."""
ENTRIES_A_LINE = 4
LINE_LENGTH = 118


@dataclass(frozen=True)
class HalfPlane:
    """The points with a * x + b * y <= c."""

    a: int
    b: int
    c: int


@dataclass(frozen=True)
class Cover:
    """A region (the convex hull of the entries, shrunk by `divisor` towards the origin) and its covering radius."""

    name: str
    doc: str
    divisor: int
    radius: Fraction


COVERS = (
    Cover("hull", "the convex hull of the entries", 1, Fraction(2302, 100)),
    Cover("core", "the convex hull of the entries at half its size", 2, Fraction(1030, 100)),
)


def convex_hull(points: list[Pair]) -> list[Pair]:
    """The corners of the convex hull, counter-clockwise (monotone chain)."""

    def chain(ordered: list[Pair]) -> list[Pair]:
        corners: list[Pair] = []
        for x, y in ordered:
            while len(corners) > 1:
                (x0, y0), (x1, y1) = corners[-2:]
                if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                    break
                corners.pop()
            corners.append((x, y))
        return corners[:-1]

    ordered = sorted(set(points))
    return chain(ordered) + chain(ordered[::-1])


def hull_sides(corners: list[Pair], divisor: int) -> list[HalfPlane]:
    """The sides of the hull shrunk by `divisor`: the inside is left of each edge."""
    sides = []
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        a, b = y1 - y0, x0 - x1
        sides.append(HalfPlane(divisor * a, divisor * b, a * x0 + b * y0))
    return sides


def bounding_box(corners: list[Pair], divisor: int) -> Box:
    """The smallest box of whole units around the hull shrunk by `divisor`."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs) // divisor, -(-max(xs) // divisor), min(ys) // divisor, -(-max(ys) // divisor)


def is_outside(box: Box, side: HalfPlane) -> bool:
    """Every corner of the box (units of 1 / SCALE) violates the side."""
    left, right, bottom, top = box
    return min(side.a * left, side.a * right) + min(side.b * bottom, side.b * top) > SCALE * side.c


def farthest_sq(box: Box, entry: Pair) -> int:
    """The squared distance, in units of 1 / SCALE, from the entry to the farthest corner of the box."""
    left, right, bottom, top = box
    x, y = SCALE * entry[0], SCALE * entry[1]
    return max(x - left, right - x) ** 2 + max(y - bottom, top - y) ** 2


def cover_tree(entries: list[Pair], sides: list[HalfPlane], radius_sq: int, box: Box) -> str:
    """The Lean term of a tree whose leaves are near an entry or outside a side; cuts the longer edge in halves."""
    for i, side in enumerate(sides):
        if is_outside(box, side):
            return f"(.outside {i})"
    least, code = min((farthest_sq(box, entry), code) for code, entry in enumerate(entries))
    if least <= radius_sq:
        return f"(.near {code})"
    left, right, bottom, top = box
    if max(right - left, top - bottom) <= 1:
        raise SystemExit(f"no cover: the box {box} is too far from every entry; a greater radius is needed")
    if right - left >= top - bottom:
        middle = (left + right) // 2
        halves = ((left, middle, bottom, top), (middle, right, bottom, top))
        cut = "cutX"
    else:
        middle = (bottom + top) // 2
        halves = ((left, right, bottom, middle), (left, right, middle, top))
        cut = "cutY"
    at = str(middle) if middle >= 0 else f"({middle})"
    return f"(.{cut} {at} {' '.join(cover_tree(entries, sides, radius_sq, half) for half in halves)})"


def wrapped(text: str, indent: str) -> str:
    """The words of `text` in lines of at most LINE_LENGTH characters."""
    lines, line = [], indent
    for word in text.split(" "):
        if len(line) + len(word) + 1 > LINE_LENGTH:
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return "\n".join([*lines, line.rstrip()])


def lean_cover(cover: Cover, entries: list[Pair]) -> str:
    """The Lean definitions of one region: bounding box, sides, radius, its square in scaled units, tree."""
    corners = convex_hull(entries)
    sides = hull_sides(corners, cover.divisor)
    box = bounding_box(corners, cover.divisor)
    radius_sq = int((cover.radius * SCALE) ** 2)
    left, right, bottom, top = (SCALE * end for end in box)
    tree = cover_tree(entries, sides, radius_sq, (left, right, bottom, top))
    title = cover.name.capitalize()
    rows = ",\n".join(f"  ⟨{s.a}, {s.b}, {s.c}⟩" for s in sides)
    return f"""
/-! ### The region `{cover.name}`: {cover.doc} -/

/-- A box around {cover.doc}. -/
def codebook{title}Box : Box := ⟨{", ".join(map(str, box))}⟩

/-- The sides of {cover.doc}. -/
def codebook{title}Sides : List HalfPlane := [
{rows}]

/-- The covering radius of {cover.doc}. -/
def codebook{title}Radius : Rat := {cover.radius.numerator} / {cover.radius.denominator}

/-- The square of that radius in units of `1 / codebookScale`, rounded down. -/
def codebook{title}RadiusSq : Int := {radius_sq}

/-- The cuts that show it. -/
def codebook{title}Tree : CoverTree :=
{wrapped(tree[1:-1], "  ")}
"""


def entry_tree(entries: list[Pair], indent: str) -> str:
    """The Lean term of the entries as a tree of halves, ENTRIES_A_LINE to a line."""
    if len(entries) == 1:
        a, b = (str(v) if v >= 0 else f"({v})" for v in entries[0])
        return f"(.entry {a} {b})"
    middle = len(entries) // 2
    if len(entries) > ENTRIES_A_LINE:
        inner = indent + "  "
        return f"{indent}(.halves\n{entry_tree(entries[:middle], inner)}\n{entry_tree(entries[middle:], inner)})"
    lead = indent if len(entries) == ENTRIES_A_LINE else ""
    return f"{lead}(.halves {entry_tree(entries[:middle], indent)} {entry_tree(entries[middle:], indent)})"


def lean_steps(scheme: dict[str, Any]) -> str:
    """The Lean definitions of a scheme's candidate steps."""
    name, step = scheme["id"], scheme["step"]
    return f"""
/-- The numerators of the candidate steps of the `{name}` scheme, in order. -/
def {name}Numerators : List Nat := {step["numerators"]}

/-- Their denominator: a candidate is `p / {name}Denominator` of the block's largest absolute value. -/
def {name}Denominator : Nat := {step["denominator"]}
"""


def cover_file(entries: list[Pair], sha256: str) -> str:
    """The text of cover.json: each region as sides [a, b, c] (a * x + b * y <= c) and its covering radius."""
    corners = convex_hull(entries)
    regions = [
        {
            "name": cover.name,
            "sides": [[s.a, s.b, s.c] for s in hull_sides(corners, cover.divisor)],
            "covering_radius": str(cover.radius),
            "theorem": f"Q35.codebook_covers_{cover.name}",
        }
        for cover in COVERS
    ]
    return json.dumps({"schema": "q35.cover/1", "codebook_sha256": sha256, "regions": regions}, indent=1) + "\n"


def lean_file(entries: list[Pair], schemes: list[dict[str, Any]]) -> str:
    """The text of CodebookTable.lean."""
    searched = [scheme for scheme in schemes if scheme["step"]["rule"] == "least-squares"]
    return f"""module

public import Q35.Cover

@[expose] public section

/-! The learned table, its regions, the trees that show their covering radii, and the candidate steps' numbers.
Generated from `spec/codebook.json` and `spec/formats.json` by `spec/generate_lean.py`: change those, not this file. -/

namespace Q35

/-- The 128 learned pairs, in the order of their codes. -/
def codebookEntries : EntryTree :=
{entry_tree(entries, "  ")}

/-- The corners of the trees' boxes are integers in units of one part in this many. -/
def codebookScale : Int := {SCALE}
{"".join(lean_steps(scheme) for scheme in searched)}{"".join(lean_cover(cover, entries) for cover in COVERS)}
end Q35
"""


def read_entries(codebook: dict[str, Any]) -> list[Pair]:
    """The 128 int8 pairs of the codebook file, which its own hash must confirm."""
    entries = [(int(a), int(b)) for a, b in codebook["entries"]]
    if len(entries) != 128 or any(not -128 <= v <= 127 for entry in entries for v in entry):
        raise SystemExit(f"{CODEBOOK}: expected 128 pairs of int8")
    if hashlib.sha256(bytes(v % 256 for entry in entries for v in entry)).hexdigest() != codebook["sha256"]:
        raise SystemExit(f"{CODEBOOK}: the entries do not have the hash that the file states")
    return entries


def write_whole(path: Path, text: str) -> None:
    """Writes the file under a temporary name in its folder, then renames it."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def generated(spec: Path) -> dict[str, str]:
    """What the data in the folder `spec` give: the text of each generated file, by its path in the project."""
    codebook = json.loads((spec / "codebook.json").read_text())
    entries = read_entries(codebook)
    schemes = json.loads((spec / "formats.json").read_text())["schemes"]
    return {
        "proofs/Q35/CodebookTable.lean": lean_file(entries, schemes),
        "spec/cover.json": cover_file(entries, codebook["sha256"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Write CodebookTable.lean and cover.json from the spec's data.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    arguments = parser.parse_args()
    for name, text in generated(SPEC).items():
        path = SPEC.parent / name
        if not arguments.check:
            write_whole(path, text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path} is out of date: run `python spec/generate_lean.py`")


if __name__ == "__main__":
    main()
