"""The tools that run tests on an emulated processor; the emulator itself, which takes minutes, is not run here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import q35spec
from conformance.emulator import __main__ as emulator
from conformance.emulator import bochs, image
from q35.errors import CheckFailed, ToolchainError

REPOSITORY = emulator.REPOSITORY


def test_files_of_a_command(tmp_path: Path) -> None:
    """What it reads, what it imports compiled together with its source, and the libraries of extension modules."""
    (tmp_path / "read.txt").write_text("35")
    (tmp_path / "helper.py").write_text("import ctypes\n")
    (tmp_path / "module.py").write_text("import helper; print(open('read.txt').read()); open('made.txt', 'w')\n")
    for _ in range(2):  # the second time its parts are compiled already
        found = image.files_of(("module",), tmp_path)
        assert {tmp_path / "read.txt", tmp_path / "helper.py", tmp_path / "module.py"} <= found
        assert tmp_path / "made.txt" not in found
        assert Path(sys.prefix, "pyvenv.cfg") in found
        assert any(path.name.startswith("_ctypes.") and path.suffix == ".so" for path in found)
    assert Path(subprocess.__file__) not in found


def test_a_command_that_fails_here_is_not_taken_there(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("raise SystemExit('it says why')\n")
    with pytest.raises(ToolchainError, match="it says why"):
        image.files_of(("module",), tmp_path)


def test_links_stay_links(tmp_path: Path) -> None:
    real, root = tmp_path / "real", tmp_path / "root"
    (real / "deep").mkdir(parents=True)
    (real / "deep" / "file").write_text("content")
    (real / "alias").symlink_to("deep/file")
    (tmp_path / "absolute").symlink_to(real)
    image.copy_into(root, tmp_path / "absolute" / "alias")
    there = root / tmp_path.relative_to("/")
    assert (there / "absolute").readlink() == real
    assert (there / "real" / "alias").readlink() == Path("deep/file")
    assert (there / "real" / "deep" / "file").read_text() == "content"


def test_libraries_of_a_program() -> None:
    assert {path.name for path in image.libraries_of([Path("/bin/sh")])} >= {"libc.so.6"}


def test_sources_are_mended_and_built_once(tmp_path: Path) -> None:
    source, shown = tmp_path / "source", list[str]()
    (source / bochs.PRODUCTS).parent.mkdir(parents=True)
    (source / bochs.PRODUCTS).write_text("Bit32s p0dword = Bit32s(xbyte[0]) * Bit32u(ybyte[0]);\n")
    (source / "configure").write_text("printf 'all:\\n\\tcp cpu/avx/amx.cc bochs\\n' > Makefile\n")
    for _ in range(2):
        program = bochs.build(source, tmp_path / "cache", shown.append)
        assert program.read_text() == "Bit32s p0dword = Bit32s(Bit8s(xbyte[0])) * Bit32u(ybyte[0]);\n"
    assert len(shown) == 1
    (source / "configure").write_text("false\n")
    with pytest.raises(ToolchainError, match="sh configure"):
        bochs.build(source, tmp_path / "cache", shown.append)


def stand_in(folder: Path, console: str, facts: str) -> Path:
    """A program that prints as an emulated machine does whose two serial lines get these texts."""
    (folder / "console").write_text(console)
    (folder / "facts").write_text(facts)
    program = folder / "stand-in"
    program.write_text(
        "#!/bin/sh\n"
        f"cat {folder}/console > $(sed -n 's/^com1:.*dev=//p' $3)\n"
        f"cat {folder}/facts > $(sed -n 's/^com2:.*dev=//p' $3)\n"
        "echo the emulator speaks\n"
    )
    program.chmod(0o755)
    return program


def test_what_a_machine_says(tmp_path: Path) -> None:
    shown: list[str] = []
    facts = '{"processor": "it"}\n{"result": "whole"}\n'
    program = stand_in(tmp_path, "one\ntwo\n", facts)
    said = bochs.run(program, tmp_path / "disk.iso", tmp_path, 30, shown.append)
    assert said == [{"processor": "it"}, {"result": "whole"}]
    assert shown == ["one", "two"]


@pytest.mark.parametrize("console", ["", "Kernel panic - not syncing\n"], ids=["ended", "panicked"])
def test_a_machine_that_does_not_come_to_its_end(console: str, tmp_path: Path) -> None:
    program = stand_in(tmp_path, console, '{"processor": "it"}\n{"result": "cut o')
    with pytest.raises(CheckFailed, match="did not come to its end") as refused:
        bochs.run(program, tmp_path / "disk.iso", tmp_path, 30, lambda line: None)
    assert "the emulator speaks" in str(refused.value)


@pytest.mark.parametrize("lacking", ["bochs", "kernel"])
def test_wrong_input_is_one_line(lacking: str, tmp_path: Path) -> None:
    (tmp_path / "cpu" / "avx").mkdir(parents=True)
    (tmp_path / "cpu" / "avx" / "amx.cc").touch()
    given = {"bochs": str(tmp_path), "kernel": sys.executable, lacking: "/nowhere"}
    options = [f"--{name}={value}" for name, value in given.items()]
    command = (sys.executable, "-m", "conformance.emulator", *options, f"--out={tmp_path / 'out.json'}")
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("q35: /nowhere: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


def test_committed_result_passed_and_is_what_readme_says() -> None:
    document = json.loads(emulator.MEASURED.read_text())
    jsonschema.validate(document, q35spec.schema("emulated"))
    assert emulator.summary(document) in (REPOSITORY / "README.md").read_text()
