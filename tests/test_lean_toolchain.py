"""Which Lean is taken, and how the embedded one is installed, healed and refused (with a tiny package in its place)."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import tarfile
from pathlib import Path

import pytest
from lean_packages import VERSION, write_package, write_stand_in

from q35.errors import ToolchainError
from q35.lean import embedded, exports, find_toolchain, launcher
from q35.lean.cache import cache_root

PATCHED = "patched"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("Q35_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("Q35_LEAN", raising=False)
    return write_package(tmp_path / "project", {"Tiny.lean": "module\n"})


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def tiny(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of three small files, pinned in place of the real one, its tarball kept in the cache."""
    files = {
        "lean.js": b"original",
        "lean.wasm": b"wasm",
        "lean-lib.tar.gz": _tar({"./Init.olean": b"init", "./._Init.olean": b"junk"}),
    }
    tarball = _tar({f"package/{name}": data for name, data in files.items()})
    kept = cache_root() / "lean" / f"{embedded.PACKAGE}-{embedded.VERSION}.tgz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(tarball)
    monkeypatch.setattr(embedded, "INTEGRITY", embedded._integrity(kept))
    monkeypatch.setattr(embedded, "MEMBERS", {n: hashlib.sha256(d).hexdigest() for n, d in files.items()})
    monkeypatch.setattr(launcher, "patched", lambda script: PATCHED)
    monkeypatch.setattr(exports, "slim", lambda module, script: (module.upper(), b"names"))
    return kept


def test_explicit_setting_wins(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lean = write_stand_in(tmp_path / "mine")
    monkeypatch.setenv("PATH", f"{write_stand_in(tmp_path / 'other').parent}:/usr/bin:/bin")
    for setting, variable in ((str(lean.parent), None), (None, str(lean.parent))):
        if variable:
            monkeypatch.setenv("Q35_LEAN", variable)
        found = find_toolchain(project, setting)
        assert (found.kind, found.lean.folder) == ("native", lean.parent)


def test_native_of_the_right_version_is_taken(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lean = write_stand_in(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{lean.parent}:/usr/bin:/bin")
    found = find_toolchain(project)
    assert found.kind == "native"
    assert VERSION in found.identity
    assert found.build_package(project).ok


@pytest.mark.parametrize(
    ("setting", "wrong"), [("gone", "no lean in this folder"), ("old", r"version 4\.20\.0, the package wants 4\.28\.0")]
)
def test_a_setting_that_cannot_be_met_is_an_error(project: Path, tmp_path: Path, setting: str, wrong: str) -> None:
    write_stand_in(tmp_path / "old", "4.20.0")
    with pytest.raises(ToolchainError, match=wrong):
        find_toolchain(project, str(tmp_path / setting))


def test_native_of_another_version_is_passed_over(
    tiny: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("q35.lean.toolchain.self_test", lambda lean: "")
    lean = write_stand_in(tmp_path / "old", "4.20.0")
    monkeypatch.setenv("PATH", f"{lean.parent}:/usr/bin:/bin")
    assert find_toolchain(project).kind == "embedded"


def test_pre_release_is_not_the_release(project: Path, tmp_path: Path) -> None:
    write_stand_in(tmp_path / "pre", "4.28.0-rc1")
    with pytest.raises(ToolchainError, match=r"version 4\.28\.0-rc1"):
        find_toolchain(project, str(tmp_path / "pre"))


def test_install_unpacks_patches_tests_then_puts_into_place(tiny: Path) -> None:
    tested: list[str] = []
    made = embedded.install(self_test=lambda lean: tested.append((lean.folder / "lean.js").read_text()))
    assert tested == [PATCHED]
    assert sorted(p.name for p in made.folder.rglob("*") if p.is_file()) == [
        "Init.olean",
        "installed.json",
        "lean.js",
        "lean.names",
        "lean.wasm",
    ]
    assert (made.folder / "lean.wasm").read_bytes() == b"WASM"
    assert embedded.damage(made.folder, thorough=True) == []
    embedded.install(self_test=lambda lean: tested.append("again"))
    assert tested == [PATCHED]


def test_native_code_may_come_and_go(tiny: Path) -> None:
    """Also that which the self-test has kept."""
    made = embedded.install(self_test=lambda lean: (lean.folder / embedded.NATIVE).write_bytes(b"of the self-test"))
    (made.folder / embedded.NATIVE).write_bytes(b"more")
    assert embedded.whole(made.folder)
    (made.folder / embedded.NATIVE).unlink()
    assert embedded.whole(made.folder)


def test_install_that_fails_its_self_test_leaves_nothing(tiny: Path) -> None:
    def fail(lean: embedded.Embedded) -> None:
        raise ToolchainError("it accepts what is false")

    with pytest.raises(ToolchainError, match="accepts what is false"):
        embedded.install(self_test=fail)
    assert sorted(p.name for p in tiny.parent.iterdir()) == ["install.lock", tiny.name]


@pytest.mark.parametrize("harm", ["remove", "truncate", "marker", "interrupted"])
def test_a_broken_installation_heals(tiny: Path, harm: str) -> None:
    folder = embedded.install().folder
    if harm == "remove":
        (folder / "lib" / "Init.olean").unlink()
    elif harm == "truncate":
        (folder / "lean.wasm").write_bytes(b"")
    elif harm == "marker":
        (folder / "installed.json").write_text('{"lean.js":')
    else:
        (folder / "installed.json").unlink()
        (folder.parent / ".partial-dead").mkdir()
    assert embedded.damage(folder, thorough=False) != []
    healed = embedded.install().folder
    assert embedded.damage(healed, thorough=True) == []
    assert not list(healed.parent.glob(".partial-*"))


def test_a_changed_file_of_the_same_size_and_time_is_seen_by_its_hash(tiny: Path) -> None:
    folder = embedded.install().folder
    wasm = folder / "lean.wasm"
    status = wasm.stat()
    wasm.write_bytes(b"wosm")
    os.utime(wasm, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert embedded.damage(folder, thorough=False) == []
    assert embedded.damage(folder, thorough=True) == ["lean.wasm has changed, its size and time have not"]


def test_another_package_under_the_pinned_name_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MEMBERS", {**embedded.MEMBERS, "lean.wasm": "0" * 64})
    with pytest.raises(ToolchainError, match=r"lean\.wasm is not the pinned file"):
        embedded.install()


def test_a_download_that_is_not_the_pinned_one_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(root: Path, node: Path, report: object) -> Path:
        (root / ".partial-x").mkdir()
        (root / ".partial-x" / "other.tgz").write_bytes(b"other")
        return root / ".partial-x" / "other.tgz"

    tiny.write_bytes(b"damaged")
    monkeypatch.setattr(embedded, "_fetch", other)
    with pytest.raises(ToolchainError, match="not the pinned one"):
        embedded.install()
    assert not (tiny.parent / ".partial-x").exists()


def test_no_network_at_first_install_is_one_clear_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("npm_config_registry", "npm_config_proxy", "npm_config_https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(ToolchainError, match="cannot download Lean") as caught:
        embedded.install()
    assert "ECONNREFUSED" in str(caught.value)
    assert "elan" in str(caught.value)
    assert not list((cache_root() / "lean").glob(".partial-*"))


def _install_and_count(log: Path) -> None:
    with log.open("a") as file:
        embedded.install(self_test=lambda _: file.write("made\n"))


def test_two_installers_make_one_installation(tiny: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    installers = [context.Process(target=_install_and_count, args=(tmp_path / "log",)) for _ in range(3)]
    for process in installers:
        process.start()
    for process in installers:
        process.join(60)
    assert [process.exitcode for process in installers] == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "made\n"


def test_command_mounts_only_what_it_must(tmp_path: Path) -> None:
    lean = embedded.Embedded(tmp_path / "lean", Path("/node"))
    for name in ("lean", "a/b", "scratch"):
        (tmp_path / name).mkdir(parents=True)
    command = lean.command(tmp_path / "scratch", [tmp_path / "a", tmp_path / "a" / "b"])
    mounts = json.loads(command.environment[launcher.MOUNTS_VARIABLE])
    assert mounts == [str(tmp_path / name) for name in ("a", "lean", "scratch")]


def test_slim_drops_unused_names_only() -> None:
    script = (
        'var _main,_used,_unused,wasmTable;function assign(wasmExports){_main=Module["_main"]=wasmExports["m"];'
        '_used=Module["_used"]=wasmExports["used"];_unused=Module["_unused"]=wasmExports["unused"].value;}call(_used,_main)'
    )
    assert launcher.slim(script) == (
        'var _main,_used,wasmTable;function assign(wasmExports){_main=Module["_main"]=wasmExports["m"];'
        '_used=Module["_used"]=wasmExports["used"];}call(_used,_main)'
    )


def test_a_script_that_is_not_the_pinned_one_is_not_patched() -> None:
    whole = "".join(patch.old for patch in launcher.PATCHES)
    assert all(patch.new in launcher.patched(whole) for patch in launcher.PATCHES)
    for broken in (whole.replace(launcher.PATCHES[0].old, ""), whole + launcher.PATCHES[-1].old):
        with pytest.raises(ToolchainError, match="not the pinned one"):
            launcher.patched(broken)
