"""Bounds and memory: theorems that exist, the region that Lean proves, bounds that hold, and bounded memory."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import write_raw

import q35spec
from q35.model.bounds import THEOREMS, PairPromise
from q35.model.quantize import Request, quantize
from q35.model.scheme import make_scheme
from q35.verify import scheme as verify_scheme
from q35.verify import verify

PROOFS = Path(__file__).resolve().parent.parent / "proofs" / "Q35"


def test_every_named_theorem_is_in_the_proofs() -> None:
    assert verify_scheme.THEOREMS == THEOREMS
    assert set(THEOREMS) == {row["id"] for row in q35spec.formats()["schemes"]}
    text = "\n".join(path.read_text() for path in PROOFS.glob("*.lean"))
    for name in THEOREMS.values():
        namespace, _, theorem = name.partition(".")
        assert namespace == "Q35"
        assert re.search(rf"^theorem {re.escape(theorem)}\b", text, re.MULTILINE), f"{name} is not a theorem"


def test_the_learned_table_s_region_is_the_proved_one() -> None:
    """Polygon and radius, as the quantizer and the verifier have them, are those of the generated Lean file."""
    text = (PROOFS / "CodebookTable.lean").read_text()
    sides = re.search(r"def codebookHullSides : List HalfPlane := \[(.*?)\]", text, re.DOTALL)
    radius = re.search(r"def codebookHullRadius : Rat := (\d+) / (\d+)", text)
    assert sides
    assert radius
    proved = {tuple(map(int, side.split(","))) for side in re.findall(r"⟨(.*?)⟩", sides[1])}
    promise = make_scheme("codebook", 64, None).promise(2, None)
    assert isinstance(promise, PairPromise)
    formats = (q35spec.FOLDER / "formats.json").read_bytes()
    stated = {
        "scheme": "codebook",
        "block_size": 64,
        "storage": "stream",
        "formats_sha256": hashlib.sha256(formats).hexdigest(),
        "table_sha256": q35spec.codebook()["sha256"],
    }
    rule = verify_scheme.load_scheme(stated).pair_rule
    assert rule
    assert set(promise.sides) == set(rule.sides) == proved
    assert promise.radius == rule.radius == Fraction(int(radius[1]), int(radius[2]))


_COORDINATE = st.integers(-400, 400).map(lambda n: n / 2)


@settings(max_examples=300, deadline=None)
@given(x=_COORDINATE, y=_COORDINATE, d=st.sampled_from([1.0, -1.0, 0.0009765625, -0.25]))
def test_the_learned_table_s_bound_holds_and_is_the_formula(x: float, y: float, d: float) -> None:
    """For single pairs, inside, outside and on the border: bound = |d| (r + (|x| + |y|) (1 - 1/t)) >= the distance."""
    promise = make_scheme("codebook", 64, None).promise(2, None)
    assert isinstance(promise, PairPromise)
    weights = np.array([[x * d, y * d]])
    outside, bound = promise.evaluate(weights, np.array([[d, d]]))
    stretch = max(Fraction(x) * a / c + Fraction(y) * b / c for a, b, c in promise.sides)
    assert outside == (2 if stretch > 1 else 0)
    extra = (abs(Fraction(x)) + abs(Fraction(y))) * (1 - 1 / stretch) if stretch > 1 else 0
    assert bound == abs(Fraction(d)) * (promise.radius + extra)
    nearest = min((Fraction(x) - a) ** 2 + (Fraction(y) - b) ** 2 for a, b in q35spec.codebook()["entries"])
    assert nearest <= (bound / abs(Fraction(d))) ** 2


@pytest.mark.parametrize("scheme", ["block", "row-affine"])
def test_memory_does_not_grow_with_the_model(tmp_path: Path, scheme: str) -> None:
    """48 MB of weights and 32 MB of other tensors, a hole in a sparse file, in a few MB of arrays."""
    rows, cols, other = 12 * 1024, 1024, 1 << 25
    header: dict[str, Any] = {
        "a.weight": {"dtype": "F32", "shape": [rows, cols], "data_offsets": [0, 4 * rows * cols]},
        "z": {"dtype": "U8", "shape": [other], "data_offsets": [4 * rows * cols, 4 * rows * cols + other]},
    }
    source = write_raw(tmp_path / "in.safetensors", header, b"")
    with source.open("r+b") as file:
        start = file.seek(0, 2)
        file.truncate(start + 4 * rows * cols + other)
        file.seek(start + 4 * 5_000_000)
        file.write(np.ones(1000, "<f4").tobytes())
    out = tmp_path / "out.safetensors"
    for work in (lambda: quantize(source, out, Request(scheme)), lambda: verify(out, source)):
        tracemalloc.start()
        work()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 << 20
    assert json.loads(out.with_name("out.safetensors.cert.json").read_text())["totals"]["weights"] == rows * cols
