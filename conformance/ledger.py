"""What a test compared: how many values, of which subject, against which truth.

A comparison that is not counted did not happen: the session fails every test whose ledger is empty, and every test that
claims an exhaustive domain without having covered it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUBJECTS = (
    *("reference", "reference-vectorized"),
    *("kernel-scalar", "kernel-avx2", "kernel-avx512", "kernel-amx"),
    *("triton", "triton-device", "simt", "hip-device", "gpu-compiler"),
    *("suite", "framework"),
)
"""`triton`: Triton kernels in the interpreter; `simt`: C++ GPU kernels on the host; `*-device`: either on a GPU;
`gpu-compiler`: what GPU compilers made of them. `suite` is judged by mutants; `framework`, the counting itself, by
tests that alone make no session valid."""
TRUTHS = (
    *("lean-vector", "exact-rational", "float32-model", "reference-vectorized"),
    *("independent-library", "expected-outcome", "bit-vectors"),
)
LEVELS = ("exhaustive", "sampled", "all-inputs")
"""`all-inputs`: what is counted are statements that a solver proved of the compiled code, not values."""


@dataclass
class Entry:
    """Comparisons of one kind in one test; `domain`: how many cases exist, None when that has no useful size."""

    subject: str
    truth: str
    level: str
    compared: int
    domain: int | None


class Ledger:
    """Counts the comparisons of one test; its methods compare and count in one step."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], Entry] = {}

    def count(self, compared: int, *, subject: str, truth: str, level: str, domain: int | None = None) -> None:
        """Adds `compared` comparisons that the caller has just made and that all agreed.

        Repeated calls with the same subject, truth and level add up; `domain` is the size of the whole domain and must
        not change between them. Raises ValueError for a name that is not in SUBJECTS, TRUTHS or LEVELS.
        """
        for name, known in ((subject, SUBJECTS), (truth, TRUTHS), (level, LEVELS)):
            if name not in known:
                raise ValueError(f"{name!r} is none of {known}")
        entry = self._entries.setdefault((subject, truth, level), Entry(subject, truth, level, 0, domain))
        if entry.domain != domain:
            raise ValueError(f"the domain changed from {entry.domain} to {domain}")
        entry.compared += int(compared)

    def bits(self, got: NDArray[Any], want: NDArray[Any], **claim: Any) -> None:
        """Asserts that two arrays have one dtype, shape and bytes (-0 differs from 0), and counts their elements."""
        assert got.dtype == want.dtype, f"dtype {got.dtype} instead of {want.dtype}"
        assert got.shape == want.shape, f"shape {got.shape} instead of {want.shape}"
        raw = np.dtype(f"u{want.dtype.itemsize}")
        wrong = np.ascontiguousarray(got).view(raw) != np.ascontiguousarray(want).view(raw)
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise AssertionError(
                f"{int(wrong.sum())} of {wrong.size} differ, first at {at}: {got[at]!r} instead of {want[at]!r}"
            )
        self.count(got.size, **claim)

    def equal(self, got: object, want: object, **claim: Any) -> None:
        """Asserts that one value equals another, and counts one comparison (a list counts its items)."""
        assert got == want, f"{got!r} instead of {want!r}"
        self.count(len(want) if isinstance(want, list | tuple) else 1, **claim)

    def refused(
        self,
        call: Callable[[], object],
        errors: type[BaseException] | tuple[type[BaseException], ...],
        mentions: Iterable[str] = (),
        **claim: Any,
    ) -> BaseException:
        """Asserts that `call` raises one of `errors` with every string of `mentions` in its message, and counts one."""
        refusal, answer = None, None
        try:
            answer = call()
        except errors as error:
            refusal = error
        assert refusal is not None, f"accepted, with {answer!r}"
        missing = [word for word in mentions if word not in str(refusal)]
        assert not missing, f"the error {str(refusal)!r} does not mention {missing}"
        self.count(1, **claim)
        return refusal

    def entries(self) -> list[dict[str, Any]]:
        """The entries as plain data, for the report."""
        return [asdict(entry) for entry in self._entries.values()]

    def void_reason(self) -> str | None:
        """Why a test with this ledger proves nothing, or None when it does."""
        if not self._entries:
            return "it compared nothing"
        for entry in self._entries.values():
            if entry.compared == 0:
                return f"it compared nothing of {entry.subject} against {entry.truth}"
            if entry.level == "exhaustive" and entry.compared != entry.domain:
                return f"it claims all {entry.domain} cases of {entry.subject} and compared {entry.compared}"
        return None
