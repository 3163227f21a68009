"""Which Python names the requirements of `spec/` may lead to."""

from __future__ import annotations

import pytest

from q35.spec_check import is_defined


@pytest.mark.parametrize(
    ("name", "defined"),
    [
        ("q35ref.exact.decode", True),
        ("q35ref.floats.FloatFormat.round", True),
        ("q35kernels.quantize", True),
        ("q35kernels.triton.decode.decode_codes", True),
        ("q35kernels.triton.variants", True),
        ("q35ref.exact.decoded", False),
        ("q35ref.floats.FloatFormat.rounded", False),
        ("q35ref.exactly.decode", False),
        ("q35kernels.triton.decode.decoded", False),
        ("no_such_package.decode", False),
        ("decode", False),
    ],
)
def test_a_name_is_defined(name: str, defined: bool) -> None:
    assert is_defined(name) == defined
