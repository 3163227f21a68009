"""How long-running steps tell what they are doing: one callable, silent by default, a terminal bar for people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Report(Protocol):
    """Called with what is being done, how much of it is done, and how much there is (any unit; 0 = unknown)."""

    def __call__(self, what: str, done: float, total: float) -> None: ...


def silent(what: str, done: float, total: float) -> None:
    """Tell nobody."""


@contextlib.contextmanager
def terminal_report() -> Iterator[Report]:
    """A bar on stderr that follows the latest step; without a terminal, one line for each new step."""
    console = Console(stderr=True)
    if not console.is_terminal:
        seen: set[str] = set()

        def line(what: str, done: float, total: float) -> None:
            if what not in seen:
                seen.add(what)
                console.print(what, highlight=False, markup=False, soft_wrap=True)

        yield line
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task: TaskID = bar.add_task("", total=None)

        def show(what: str, done: float, total: float) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield show
