"""`q35 layers`: the kernels' products are within the proved bound, bounds are never too small, and a wrong product is
found.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import normal, write

import q35kernels
import q35spec
from q35 import cli
from q35.errors import InputError
from q35.model.layers import layer_errors
from q35.model.scheme import make_scheme

HALVES = st.sampled_from([0.0, 2.0**-24, 0.001, 0.25, -1.0, 7.0])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    tensors = {"a.weight": normal((6, 70)), "norm.bias": normal((4,)), "b.weight": normal((5, 33), seed=1)}
    return write(tmp_path / "in.safetensors", tensors)


@pytest.mark.parametrize("scheme", ["codebook", "block"])
def test_products_are_within_their_bound_and_reach_it(source: Path, scheme: str) -> None:
    rows = layer_errors(source, 10, scheme, 32)
    assert [(row.layer, row.activations) for row in rows] == [
        (layer, kind) for layer in ("a.weight", "b.weight") for kind in ("random", "one-hot", "signs")
    ]
    for row in rows:
        assert not row.beyond
        assert 0 < row.error <= row.bound
        assert row.largest_ratio <= row.largest_own_ratio <= 1
        assert row.largest_own_ratio > (0.999 if row.activations == "signs" else 0.05)
    assert max(row.largest_ratio for row in rows if row.activations == "one-hot") > 0.5


@pytest.mark.parametrize("scheme", ["codebook", "block"])
@settings(deadline=None)
@given(x=st.floats(-1000, 1000, width=32), y=st.floats(-1000, 1000, width=32), step=HALVES)
def test_the_bound_of_each_weight_is_the_proved_one(scheme: str, x: float, y: float, step: float) -> None:
    promise = make_scheme(scheme, None, None).promise(2, None)
    steps = np.array([[step, step]])
    each = promise.each(np.array([[x, y]]), steps)
    exact = promise.evaluate(np.array([[x, y]]), steps)[1]
    assert exact <= Fraction(float(each.max())) <= exact * (1 + Fraction(1, 1 << 38))


def test_a_wrong_product_is_found(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["layers", str(source)]) == 0
    right = q35kernels.linear_int8

    def wrong(*arguments: Any) -> Any:
        y = right(*arguments)
        y[-1, -1] += 100
        return y

    monkeypatch.setattr(q35kernels, "linear_int8", wrong)
    capsys.readouterr()
    assert cli.run(["layers", str(source), "--layers", "1", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, q35spec.schema("layers"))
    assert not document["passed"]
    assert [row["beyond"] for row in document["rows"]] == [1, 1, 1]


def test_a_scheme_without_blocks_is_refused(source: Path) -> None:
    with pytest.raises(InputError, match="no blocks"):
        layer_errors(source, 1, "row-absmax", None)


def test_a_model_without_a_linear_layer_is_refused(tmp_path: Path) -> None:
    """Nothing compared is not passed."""
    convolution = write(tmp_path / "in.safetensors", {"conv.weight": normal((4, 3, 2, 2))})
    assert cli.run(["layers", str(convolution)]) == 1
    with pytest.raises(InputError, match="no linear layer"):
        layer_errors(convolution, 10, None, None)
