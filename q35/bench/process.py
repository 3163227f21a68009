"""A contender's process, seen from its parent: it runs only while it is asked something, and ends with the `with`."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

from q35.bench.contenders import Contender

PATIENCE = 600.0
"""Seconds after which a process that does not answer is given up."""


class NotMeasured(Exception):
    """Why a contender has no times."""


@contextlib.contextmanager
def evicting_memory(size: int) -> Iterator[int]:
    """The descriptor of `size` bytes that workers share and read; gone with the last of them, however they end."""
    descriptor = os.memfd_create("q35-bench")
    try:
        chunk = bytes(1 << 20)
        for start in range(0, size, len(chunk)):
            os.write(descriptor, chunk[: size - start])
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """An interrupt that comes meanwhile is raised at the end: by then a process that is being started will be ended."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


class Process:
    """One worker. Between requests it is stopped: a library's waiting threads must not disturb another's turn."""

    @classmethod
    def of(cls, contender: Contender, evicting: int) -> Process:
        """The worker of a contender on the CPU; `evicting` is the descriptor of `evicting_memory`."""
        return cls("q35.bench.worker", [contender.module, contender.variant, str(evicting)], [evicting])

    def __init__(self, worker: str, arguments: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        self.patience, self._failure = PATIENCE, ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        self._process = subprocess.Popen(
            [sys.executable, "-m", worker, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            pass_fds=descriptors,
            # An interrupt from the keyboard is for the parent, which ends its workers.
            start_new_session=True,
            # NumPy computes what results are compared with; its own threads would wait beside the library's.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            assert file is not None
            with contextlib.suppress(BrokenPipeError):
                file.close()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The worker's answer to a request; raises `NotMeasured` with the reason when there is none."""
        if not self._failure:
            self._process.send_signal(signal.SIGCONT)
            line = self._exchange(json.dumps({"do": do, **arguments}) + "\n")
        if self._failure:
            self._process.kill()
            raise NotMeasured(self._failure)
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NotMeasured(answer["error"])
        return answer

    def _exchange(self, message: str) -> bytes:
        """Sends one line and waits for one; notes the failure if that cannot be."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        until, line = time.monotonic() + self.patience, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            try:
                self._process.stdin.write(message.encode())
                self._process.stdin.flush()
            except BrokenPipeError:
                self._failure = self._end()
            while not self._failure and not line.endswith(b"\n"):
                if not selector.select(until - time.monotonic()):
                    self._failure = f"no answer within {self.patience:g} s"
                elif part := os.read(self._process.stdout.fileno(), 1 << 16):
                    line += part
                else:
                    self._failure = self._end()
        return line

    def _end(self) -> str:
        """How the process ended, with the last line that it wrote."""
        code = self._process.wait()
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"its process {how}" + (f": {lines[-1]}" if lines else "")
