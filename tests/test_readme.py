"""What README quotes of measured results is what its commands print."""

from __future__ import annotations

import re
import shlex

import pytest

from q35.cli import run
from q35.project import find_project

_QUOTED = re.compile(r"^\$ q35 (?P<words>(?:prover )?bench show .*)\n(?P<lines>(?:(?!\$ |```).*\n)+)", re.MULTILINE)
QUOTES = [match.group("words", "lines") for match in _QUOTED.finditer((find_project() / "README.md").read_text())]


def test_readme_quotes_results() -> None:
    assert len(QUOTES) >= 1


@pytest.mark.parametrize(("command", "lines"), QUOTES)
def test_the_command_prints_what_is_quoted(
    command: str, lines: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(find_project())
    words = shlex.split(command.partition(" | ")[0])
    assert run(words) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines.splitlines() if line not in printed] == []
