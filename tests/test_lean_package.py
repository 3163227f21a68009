"""The module graph of a Lake package, read without Lean."""

from __future__ import annotations

from pathlib import Path

import pytest
from lean_packages import write_package

from q35.errors import InputError
from q35.lean.package import Import, load_package, parse_header


@pytest.mark.parametrize(
    ("text", "is_module", "imports"),
    [
        ("", False, []),
        ("theorem t : True := trivial", False, []),
        ("import A\nimport B.C\ndef x := 1\nimport D", False, [Import("A"), Import("B.C")]),
        ("module\npublic import A\nimport all B\n", True, [Import("A"), Import("B", all=True)]),
        ("module public meta import A meta import B", True, [Import("A", meta=True), Import("B", meta=True)]),
        ("/- a /- nested -/ import X -/ module -- import Y\n\nprelude import A -- B", True, [Import("A")]),
        ("module\n\npublic section\nimport A", True, []),
        ("import «a b».C\n", False, [Import("«a b».C")]),
        ("/- never closed import A", False, []),
    ],
)
def test_header(text: str, is_module: bool, imports: list[Import]) -> None:
    assert parse_header(text) == (is_module, imports)


def test_closure_has_imports_first_and_each_module_once(tmp_path: Path) -> None:
    files = {
        "Tiny.lean": "import Tiny.B\nimport Tiny.C\nimport Init",
        "Tiny/A.lean": "",
        "Tiny/B.lean": "import Tiny.A",
        "Tiny/C.lean": "import Tiny.A\nimport Tiny.B",
        "Tiny/Alone.lean": "",
    }
    package = load_package(write_package(tmp_path, files))
    assert [m.name for m in package.closure()] == ["Tiny.A", "Tiny.B", "Tiny.C", "Tiny"]
    assert [m.name for m in package.closure(["Tiny.Alone"])] == ["Tiny.Alone"]
    assert package.module_at(tmp_path / "Tiny" / "B.lean") == "Tiny.B"
    assert package.module_at(tmp_path / "Other.lean") is None


def test_cycle_is_named(tmp_path: Path) -> None:
    files = {"Tiny.lean": "import Tiny.A", "Tiny/A.lean": "import Tiny.B", "Tiny/B.lean": "import Tiny.A"}
    with pytest.raises(InputError, match=r"Tiny\.A -> Tiny\.B -> Tiny\.A"):
        load_package(write_package(tmp_path, files)).closure()


def test_missing_file_is_named(tmp_path: Path) -> None:
    package = load_package(write_package(tmp_path, {"Tiny.lean": "import Tiny.Gone"}))
    with pytest.raises(InputError, match=r"Tiny\.Gone has no file"):
        package.closure()
    with pytest.raises(InputError, match="no library"):
        package.closure(["Other"])


@pytest.mark.parametrize(
    ("lakefile", "wrong"),
    [
        ("name = ", "TOML"),
        ('[[require]]\nname = "mathlib"', "require"),
        ('[[lean_lib]]\nname = "Tiny"\nglobs = ["Tiny.*"]', "globs"),
        ('defaultTargets = ["Other"]\n[[lean_lib]]\nname = "Tiny"', "Other"),
        ("[[lean_lib]]", "no name"),
    ],
)
def test_lakefile_that_is_not_understood_is_refused(tmp_path: Path, lakefile: str, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        load_package(write_package(tmp_path, {}, lakefile))


def test_no_package(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no lakefile\.toml"):
        load_package(tmp_path)


def test_options_and_folders_of_libraries(tmp_path: Path) -> None:
    lakefile = (
        'defaultTargets = ["One"]\nleanOptions = { pp.unicode.fun = true, autoImplicit = true }\n'
        '[[lean_lib]]\nname = "One"\nsrcDir = "src"\nroots = ["First"]\n[lean_lib.leanOptions]\nautoImplicit = false\n'
        '[[lean_lib]]\nname = "Two"\n'
    )
    package = load_package(write_package(tmp_path, {"src/First.lean": "", "Two.lean": ""}, lakefile))
    (first,) = package.closure()
    assert (first.name, first.path) == ("First", tmp_path / "src" / "First.lean")
    assert first.options == {"pp.unicode.fun": True, "autoImplicit": False}
    assert [m.name for m in package.closure(["Two"])] == ["Two"]
