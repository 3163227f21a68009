"""A started Lean that answers requests, one JSON object a line each way (`serve.lean` is its other half)."""

from __future__ import annotations

import collections
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from q35.errors import ToolchainError

SERVE = Path(__file__).resolve().with_name("serve.lean")
_MARK = "q35 "
_START_SECONDS = 600.0


class ServerDied(ToolchainError):
    """The process ended, or was ended for exceeding its time, in the middle of a request."""


class TimedOut(ServerDied):
    """The process gave no answer in time and was ended for it."""


@dataclass(frozen=True)
class Command:
    """How to run `lean` on a file: the words before the file's name, and the environment on top of the caller's."""

    words: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


class Server:
    """One long-lived Lean process, started at the first request and again at the first one after its death.

    `command` makes the command for a scratch folder, which is the process's working folder. Not for use by two
    threads at once. Use as a context manager, or call `close`.
    """

    def __init__(self, command: Callable[[Path], Command], program: Path = SERVE) -> None:
        self._command, self._program = command, program
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._tail: collections.deque[str] = collections.deque(maxlen=20)
        self._scratch: Path | None = None
        self._twin: Server | None = None
        self._serial = 0
        self.starts = 0
        self.memory = 0
        """Linear memory of the process in bytes as of the last answer; 0 for a native Lean."""

    @property
    def alive(self) -> bool:
        """Whether the next request is answered by the process that answered the last one."""
        return self._process is not None and self._process.poll() is None

    def twin(self) -> Server:
        """Another server of the same kind, the same one each time; it ends with this one's context."""
        self._twin = self._twin or Server(self._command, self._program)
        return self._twin

    def request(self, method: str, timeout: float | None = None, **parameters: Any) -> dict[str, Any]:
        """Send one request and wait for its answer, at most `timeout` seconds.

        Raises `ServerDied` if the process ends or the time is over (the process is then ended), and
        `ToolchainError` if the answer is that the request itself was wrong.
        """
        return list(self.answers(method, timeout, **parameters))[-1]

    def answers(self, method: str, timeout: float | None = None, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Send one request and give its answers as they come: those with `more` set, and the last one.

        `timeout` holds for each of them. Raises as `request` does. Leaving before the last answer ends the process.
        """
        process = self._running()
        assert process.stdin is not None
        self._serial += 1
        try:
            process.stdin.write(json.dumps({"id": self._serial, "method": method, **parameters}) + "\n")
            process.stdin.flush()
        except OSError:
            raise self._died("the Lean process ended") from None
        last = False
        try:
            while not last:
                answer = self._receive(timeout)
                if answer.get("id") != self._serial:
                    raise self._died("the Lean process answered another request than it was asked")
                last = not answer.get("more")
                if last:
                    self.memory = int(answer.get("memory") or 0)
                if "error" in answer:
                    raise ToolchainError(f"the Lean process refused {method}: {answer['error']}")
                yield answer
        finally:
            if not last:
                self.close()

    def close(self) -> None:
        """End the process. The next request starts another."""
        self.memory = 0
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._twin:
            self._twin.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process and self.alive:
            return self._process
        self.close()
        self._scratch = Path(tempfile.mkdtemp(prefix="q35-lean-")).resolve()
        command = self._command(self._scratch)
        self._answers, self._tail = queue.Queue(), collections.deque(maxlen=20)
        self._process = subprocess.Popen(
            [*command.words, str(self._program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._scratch,
            env={**os.environ, **command.environment},
            encoding="utf-8",
            errors="replace",
        )
        assert self._process.stdout is not None
        threading.Thread(
            target=_pump, args=(self._process.stdout, self._answers, self._tail), name="lean-output", daemon=True
        ).start()
        self.starts += 1
        self.request("ping", timeout=_START_SECONDS)
        return self._process

    def _receive(self, timeout: float | None) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise TimedOut(str(self._died(f"the Lean process gave no answer within {timeout:.0f} s"))) from None
        if line is None:
            raise self._died("the Lean process ended")
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            raise self._died("the Lean process wrote half an answer") from None
        if not isinstance(answer, dict):
            raise self._died("the Lean process wrote something that is no answer")
        return answer

    def _died(self, what: str) -> ServerDied:
        said = [line for line in self._tail if line]
        telling = [line for line in said if "rror" in line] or said[-1:]
        self.close()
        return ServerDied(f"{what}; it last said: {telling[0]}" if telling else what)


def _pump(output: IO[str], answers: queue.Queue[str | None], tail: collections.deque[str]) -> None:
    """Sort the process's output: answers to `answers` (None at the end), the rest, less debug lines, to `tail`."""
    try:
        for line in output:
            if line.startswith(_MARK):
                answers.put(line[len(_MARK) :])
            elif not line.startswith("[DEBUG"):
                tail.append(line.strip())
    except ValueError:  # the stream was closed by `close`
        pass
    answers.put(None)
