"""The C++ kernels as subjects: on the host through their shim (layers a and e), and on a GPU (layer f)."""

from __future__ import annotations

import shutil
from functools import cache
from typing import Any

import pytest

from conformance import subjects


def on(*kernels: str) -> pytest.MarkDecorator:
    """Gives a test its `subject`: the shim, and the GPU if this session has one; says which kernels it covers."""
    layers = {letter: pytest.mark.layer(letter, *kernels) for letter in "aef"}
    chosen = [pytest.param("simt", marks=[layers["a"], layers["e"]])]
    if subjects.DEVICE == "cuda":
        chosen.append(pytest.param("hip-device", marks=[layers["f"]]))
    return pytest.mark.parametrize("subject", chosen)


def kernels(subject: str) -> Any:
    """The library of a subject, in which a kernel that breaks a rule fails its test."""
    return _kernels("host" if subject == "simt" else platform_of_the_device())


def platform_of_the_device() -> Any:
    """What compiles for the GPU of this session; a skip without a compiler."""
    for compiler, platform in (("nvcc", "cuda"), ("hipcc", "hip")):
        if shutil.which(compiler):
            return platform
    pytest.skip("not covered: there is neither nvcc nor hipcc")


@cache
def _kernels(platform: Any) -> Any:
    from q35.errors import CheckFailed
    from q35kernels.hip import Library, build

    class Judged(Library):
        def _call(self, name: str, *arguments: Any) -> None:
            try:
                super()._call(name, *arguments)
            except CheckFailed as broken:
                raise AssertionError(str(broken)) from None

    return Judged(build(platform))
