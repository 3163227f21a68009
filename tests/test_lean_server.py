"""The long-lived process and the build on top of it, with a stand-in for Lean: fast, and it can be made to fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lean_packages import starts, write_package, write_stand_in

from q35.errors import CheckFailed, InputError, ToolchainError
from q35.lean import Toolchain
from q35.lean.audit import keep_facts, kept_facts
from q35.lean.build import ENOUGH_FOR_TWO, PROCESSES, Builder, store_folder
from q35.lean.package import load_package
from q35.lean.server import ServerDied
from q35.lean.toolchain import Native

FILES = {
    "Tiny.lean": "module\nimport Tiny.B\n",
    "Tiny/A.lean": "module\nproof one\n",
    "Tiny/B.lean": "module\nimport Tiny.A\n",
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Q35_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def toolchain(tmp_path: Path) -> Toolchain:
    return Toolchain("native", Native(write_stand_in(tmp_path / "bin"), "Lean (version 4.28.0)"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_package(tmp_path / "project", FILES)


def statuses(toolchain: Toolchain, project: Path, *targets: str) -> dict[str, str]:
    return {m.module: m.status for m in toolchain.build_package(project, targets).modules}


def test_builds_once_with_one_process_then_not_at_all(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    first = toolchain.build_package(project)
    assert first.ok
    assert first.starts == 1
    assert [m.status for m in first.modules] == ["built"] * 3
    second = toolchain.build_package(project)
    assert [m.status for m in second.modules] == ["cached"] * 3
    assert second.key == first.key
    assert starts(tmp_path / "bin") == 1


def test_a_changed_proof_rebuilds_its_module_only(toolchain: Toolchain, project: Path) -> None:
    toolchain.build_package(project)
    (project / "Tiny/A.lean").write_text("module\nproof two\n")
    assert statuses(toolchain, project) == {"Tiny.A": "built", "Tiny.B": "cached", "Tiny": "cached"}


@pytest.mark.parametrize("header", ["module\nimport all Tiny.A", "import Tiny.A", "module\nmeta import Tiny.A"])
def test_an_importer_that_sees_proofs_is_rebuilt(toolchain: Toolchain, project: Path, header: str) -> None:
    (project / "Tiny/B.lean").write_text(header + "\n")
    toolchain.build_package(project)
    (project / "Tiny/A.lean").write_text("module\nproof two\n")
    assert statuses(toolchain, project, "Tiny.B") == {"Tiny.A": "built", "Tiny.B": "built"}


def test_a_changed_statement_rebuilds_importers(toolchain: Toolchain, project: Path) -> None:
    toolchain.build_package(project)
    (project / "Tiny/A.lean").write_text("module\nstatement\nproof one\n")
    assert set(statuses(toolchain, project).values()) == {"built"}


def test_options_and_toolchain_are_part_of_the_key(toolchain: Toolchain, project: Path) -> None:
    toolchain.build_package(project)
    other = Toolchain("native", Native(toolchain.lean.folder / "lean", "Lean (version 4.28.1)"))
    assert set(statuses(other, project).values()) == {"built"}
    (project / "lakefile.toml").write_text('[[lean_lib]]\nname = "Tiny"\nleanOptions = { a.b = 1 }\n')
    assert set(statuses(toolchain, project).values()) == {"built"}


def test_error_has_file_line_and_message_and_importers_are_skipped(toolchain: Toolchain, project: Path) -> None:
    (project / "Tiny/A.lean").write_text("module\nerror: unsolved goals\n")
    result = toolchain.build_package(project)
    assert [m.status for m in result.modules] == ["failed", "skipped", "skipped"]
    assert result.errors(project)[0] == "Tiny/A.lean:2:0: unsolved goals"
    with pytest.raises(CheckFailed, match=r"A\.lean:2:0: unsolved goals"):
        result.raise_on_failure()


def test_a_module_that_ends_the_process_fails_and_the_others_go_on(toolchain: Toolchain, project: Path) -> None:
    (project / "Tiny.lean").write_text("module\nimport Tiny.A\nimport Tiny.Deep\nimport Tiny.C\n")
    (project / "Tiny/Deep.lean").write_text("die\n")
    (project / "Tiny/C.lean").write_text("module\n")
    result = toolchain.build_package(project)
    assert {m.module: m.status for m in result.modules} == {
        "Tiny.A": "built",
        "Tiny.Deep": "failed",
        "Tiny.C": "built",
        "Tiny": "skipped",
    }
    assert "too deep" in result.errors()[0]


def test_a_damaged_result_is_built_again(toolchain: Toolchain, project: Path) -> None:
    toolchain.build_package(project)
    for record in store_folder().glob("*/module.olean"):
        record.write_text("damaged")
    assert set(statuses(toolchain, project).values()) == {"built"}
    for record in store_folder().glob("*/record.json"):
        record.write_text("{")
    assert set(statuses(toolchain, project).values()) == {"built"}
    assert set(statuses(toolchain, project).values()) == {"cached"}


@pytest.mark.parametrize("setting", ["1", "2"])
def test_the_setting_decides_on_a_second_process(
    setting: str, toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("q35.lean.build._MEMORY_FOR_TWO", 0)
    monkeypatch.setenv(PROCESSES, setting)
    names = [f"M{number}" for number in range(ENOUGH_FOR_TWO + 1)]
    top = "".join(f"import Tiny.{name}\n" for name in names)
    wide = {"Tiny.lean": f"module\n{top}", **{f"Tiny/{name}.lean": "module\n" for name in names}}
    assert toolchain.build_package(write_package(tmp_path / "wide", wide)).starts == int(setting)


def test_another_setting_is_refused(toolchain: Toolchain, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROCESSES, "many")
    with pytest.raises(InputError, match="Q35_LEAN_PROCESSES: 'many' is no number of Lean processes"):
        toolchain.build_package(project)


def test_time_limit_ends_the_process(toolchain: Toolchain, project: Path) -> None:
    (project / "Tiny/A.lean").write_text("hang\n")
    with toolchain.start_server([project]) as server:
        result = Builder(load_package(project), server, toolchain.lean, timeout=1.0).build(["Tiny.A"])
        assert "no answer within 1 s" in result.errors()[0]
        assert server.request("ping")["ok"]
        assert server.starts == 2


def test_damaged_facts_of_an_audit_are_not_believed(tmp_path: Path) -> None:
    facts = {"module": "Tiny", "declarations": [{"name": "Tiny.α"}]}
    assert kept_facts("key") is None
    keep_facts("key", facts)
    assert kept_facts("key") == facts
    kept = tmp_path / "cache" / "audit" / "key"
    for damaged in (kept.read_bytes().replace(b"Tiny.", b"Tidy."), kept.read_bytes()[:-1], b""):
        kept.write_bytes(damaged)
        assert kept_facts("key") is None


def test_server_restarts_after_death_and_refuses_nonsense(toolchain: Toolchain, project: Path) -> None:
    (project / "Tiny/A.lean").write_text("garbage\n")
    with toolchain.start_server([project]) as server:
        with pytest.raises(ToolchainError, match="unknown method"):
            server.request("fly")
        with pytest.raises(ServerDied, match="half an answer"):
            server.request("elaborate", file=str(project / "Tiny/A.lean"), olean="", setup={})
        assert server.request("ping")["version"] == "4.28.0"


def test_two_builds_side_by_side_do_the_work_once(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from q35.lean import find_toolchain; import sys\n"
        f"project = Path({str(project)!r})\n"
        f"result = find_toolchain(project, {str(tmp_path / 'bin')!r}).build_package(project)\n"
        "sys.exit(0 if result.ok else 1)"
    )
    both = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait(60) for process in both] == [0] * 4
    assert len(list(store_folder().glob("*/record.json"))) == 3
    assert not [path for path in store_folder().iterdir() if path.name.startswith(".")]


def test_run_file_builds_what_it_imports(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    file = tmp_path / "Try.lean"
    file.write_text("import Tiny.B\nerror: no\n")
    result = toolchain.run_file(file, project)
    assert not result.ok
    assert (result.messages[0].line, result.messages[0].text) == (2, "no")
    assert set(statuses(toolchain, project, "Tiny.B").values()) == {"cached"}
