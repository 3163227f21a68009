"""The real toolchain on tiny packages: build, run, crash, audit, doctor. One started Lean serves nearly all of it."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from lean_packages import write_package

from q35.errors import CheckFailed
from q35.lean import AuditReport, Server, Toolchain, audit, doctor, find_toolchain
from q35.lean.__main__ import main
from q35.lean.embedded import NATIVE, Embedded
from q35.lean.server import SERVE

A = """\
module
@[expose] public section
namespace Tiny
/-- Twice
a number. -/
def double (n : Nat) : Nat := n + n

/-- Doubling is adding to itself. -/
@[simp] theorem double_eq (n : Nat) : double n = 2 * n := by unfold double; omega
theorem everyCode : (List.range 128).all (fun n => n < 128) = true := by decide
private theorem hidden (p q : Prop) (h : p ↔ q) : p = q := propext h
theorem rests (p q : Prop) (h : p ↔ q) : p = q := hidden p q h
inductive Kind where
  | one | two
class Positive (n : Nat) : Prop where
  pos : 0 < n
theorem halves (n : Nat) [Positive n] : n = n ∧ ∀ m, 0 < m → m < n → m / 2 < n := ⟨rfl, by omega⟩
instance : Positive 3 := ⟨by decide⟩
instance instShow : ToString Kind := ⟨fun _ => "kind"⟩
structure Pair where
  left : Kind
  right : Nat
def Pair.sum (p : Pair) : Nat := double p.right
theorem sum_eq (p : Pair) : p.sum = double p.right := rfl
theorem sum_half (p : Pair) : p.sum = 2 * p.right := by simp only [sum_eq]; exact double_eq _
end Tiny
"""
B = """\
module
public import Tiny.A
@[expose] public section
namespace Tiny
theorem four (n : Nat) : double (double n) = 4 * n := by simp; omega
example : 1 / 2 < 3 :=
  (halves 3).2 1 (by decide) (by decide)
end Tiny
"""
GOOD = {"Tiny.lean": "module\npublic import Tiny.B\n", "Tiny/A.lean": A, "Tiny/B.lean": B}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lean")


@pytest.fixture(scope="module")
def toolchain(base: Path) -> Toolchain:
    return find_toolchain(write_package(base / "good", GOOD))


@pytest.fixture(scope="module")
def server(toolchain: Toolchain, base: Path) -> Iterator[Server]:
    with toolchain.start_server([base]) as started:
        yield started


def test_a_proof_without_end_fails_its_module_only(toolchain: Toolchain, server: Server, base: Path) -> None:
    """Comes first: the process has done nothing yet that would have to be done again in another one."""
    files = {
        "Tiny.lean": "module\nimport Tiny.Deep\nimport Tiny.Fine\n",
        "Tiny/Fine.lean": f"module\ntheorem fine : 1 = 1 := rfl -- {time.time_ns()}\n",
        "Tiny/Deep.lean": "module\nmeta partial def deep (n : Nat) : Nat := deep (n + 1) + 1\n#eval deep 0\n",
    }
    result = toolchain.build_package(write_package(base / "deep", files), server=server)
    assert {m.module: m.status for m in result.modules} == {
        "Tiny.Fine": "built",
        "Tiny.Deep": "failed",
        "Tiny": "skipped",
    }
    assert "the Lean process ended" in result.errors()[0]


def test_builds_runs_and_is_quick_when_nothing_changed(toolchain: Toolchain, server: Server, base: Path) -> None:
    project = base / "good"
    (project / "Tiny/A.lean").write_text(A + f"-- {time.time_ns()}\n", encoding="utf-8")
    built = toolchain.build_package(project, server=server)
    assert built.ok, built.errors()
    assert {m.module: m.status for m in built.modules}["Tiny.A"] == "built"
    assert built.starts <= 1

    began = time.monotonic()
    again = toolchain.build_package(project)
    assert time.monotonic() - began < 3
    assert again.starts == 0
    assert [m.status for m in again.modules] == ["cached"] * 3

    file = base / "good" / "Try.lean"
    file.write_text(
        'import Tiny.B\n#eval toString (Tiny.double 21) ++ " ≤ 3½"\n#check @Tiny.four\nexample : 1 = 2 := by decide\n'
    )
    result = toolchain.run_file(file, project, server=server)
    assert result.output.splitlines() == [
        '"42 ≤ 3½"',
        "Tiny.four : ∀ (n : Nat), Tiny.double (Tiny.double n) = 4 * n",
    ]
    assert not result.ok
    assert [(m.line, m.column) for m in result.messages if m.severity == "error"] == [(4, 22)]


def test_audit_lists_statements_axioms_and_places(toolchain: Toolchain, server: Server, base: Path) -> None:
    project = base / "good"
    found = audit(project, toolchain, server=server)
    assert found.ok, found.violations
    assert found.modules == ("Tiny.A", "Tiny.B", "Tiny")
    theorems = {t.name: t for t in found.theorems}
    assert set(theorems) == {
        f"Tiny.{name}"
        for name in (
            "double_eq",
            "everyCode",
            "hidden",
            "rests",
            "halves",
            "instPositiveOfNatNat",
            "sum_eq",
            "sum_half",
            "four",
        )
    }
    double_eq = theorems["Tiny.double_eq"]
    assert (double_eq.line, double_eq.doc) == (9, "Doubling is adding to itself.")
    assert double_eq.file.endswith("Tiny/A.lean")
    assert double_eq.statement == "∀ (n : Nat), Tiny.double n = 2 * n"
    assert theorems["Tiny.rests"].axioms == ("propext",)
    assert theorems["Tiny.hidden"].public is False
    assert theorems["Tiny.four"].own >= 2
    assert theorems["Tiny.four"].library > 0
    definitions = {d.name: d for d in found.definitions}
    assert definitions["Tiny.double"].doc == "Twice a number."
    assert definitions["Tiny.Kind"].kind == "inductive"
    assert found.axioms == ("propext",)
    assert found.rechecked >= len(theorems)
    json.dumps(found.as_json())

    kinds = {name: item.kind for name, item in definitions.items()}
    assert (kinds["Tiny.Pair"], kinds["Tiny.Pair.left"], kinds["Tiny.Pair.sum"]) == ("structure", "field", "def")
    assert (kinds["Tiny.instShow"], kinds["Tiny.Positive.pos"]) == ("instance", "field")
    assert {"Tiny.double", "Tiny.Pair"} <= {*definitions["Tiny.Pair.sum"].statement_uses} | {
        *definitions["Tiny.Pair.sum"].proof_uses
    }
    assert "Tiny.Kind" in definitions["Tiny.Pair"].proof_uses
    assert theorems["Tiny.four"].statement_uses == ("Tiny.double",)
    assert "Tiny.double_eq" in theorems["Tiny.four"].proof_uses
    assert {"Tiny.sum_eq", "Tiny.double_eq"} <= {*theorems["Tiny.sum_half"].proof_uses}
    assert theorems["Tiny.four"].hypotheses == ()
    assert theorems["Tiny.rests"].hypotheses == ("p ↔ q",)
    assert theorems["Tiny.halves"].hypotheses == ("0 < m", "m < n")
    (example,) = theorems["Tiny.halves"].examples
    assert (Path(example.file).name, example.line) == ("B.lean", 6)
    assert example.text == "example : 1 / 2 < 3 :=\n  (halves 3).2 1 (by decide) (by decide)"

    began, starts = time.monotonic(), server.starts
    assert audit(project, toolchain) == found
    assert time.monotonic() - began < 3
    assert server.starts == starts


def test_statement_hash_changes_with_the_statement_only(toolchain: Toolchain, server: Server, base: Path) -> None:
    text = """\
        module
        theorem bound (n : Nat) : n + 0 = n := rfl
        theorem renamed : ∀ k : Nat, k + 0 = k := by simp
        theorem implicit {n : Nat} : n + 0 = n := rfl
        theorem other (n : Nat) : 0 + n = n := by simp
        """
    found = audit(write_package(base / "hashes", {"Tiny.lean": text}), toolchain, server=server)
    hashes = {t.name: t.statement_sha256 for t in found.theorems}
    assert hashes["bound"] == hashes["renamed"]
    assert len(set(hashes.values())) == 3


def test_audit_names_every_planted_hole(toolchain: Toolchain, server: Server, base: Path) -> None:
    files = {
        "Tiny.lean": "module\nimport Tiny.Top\n",
        "Tiny/Low.lean": "module\npublic section\naxiom planted : 1 = 3\ntheorem lazy : 1 = 2 := by\n  exact sorry\n",
        "Tiny/Middle.lean": "module\npublic import Tiny.Low\npublic section\ntheorem carried : 1 = 3 := planted\n",
        "Tiny/Top.lean": """\
            module
            import Tiny.Middle
            public meta import Lean
            theorem far : 3 = 1 := carried.symm
            theorem native : 3 < 2000 := by native_decide
            theorem sound : 1 = 1 := rfl
            set_option debug.skipKernelTC true
            theorem host : True := by
              run_tac do
                let (type, value) := (Lean.mkConst ``False, Lean.mkConst ``True.intro)
                Lean.addDecl (.thmDecl { name := `host.false, levelParams := [], type, value })
              trivial
            """,
    }
    project = write_package(base / "holes", files)
    found = audit(project, toolchain, server=server)
    assert not found.ok
    said = {(v.name, Path(v.file).name, v.line): v.what for v in found.violations}
    assert said["planted", "Low.lean", 3] == "an axiom of the package's own"
    assert said["lazy", "Low.lean", 4].startswith("sorry")
    assert said["carried", "Middle.lean", 4] == "rests on the axiom planted"
    assert said["far", "Top.lean", 4] == "rests on the axiom planted (through a declaration that it uses)"
    assert said["native", "Top.lean", 5].startswith("native_decide")
    assert said["host.false", "Top.lean", 8] == "the value is not of the declared type"
    assert "sound" not in {v.name for v in found.violations}
    with pytest.raises(CheckFailed, match=r"Low\.lean:3:0: planted: an axiom"):
        found.raise_on_violation()


def test_audit_of_nothing_is_no_success() -> None:
    found = AuditReport((), (), (), ("Tiny",), 0, "", "")
    assert not found.ok
    with pytest.raises(CheckFailed, match="judged nothing"):
        found.raise_on_violation()


def test_audit_of_what_does_not_build_fails(toolchain: Toolchain, server: Server, base: Path) -> None:
    project = write_package(base / "broken", {"Tiny.lean": "module\ntheorem t : 1 = 2 := rfl\n"})
    with pytest.raises(CheckFailed, match=r"Tiny\.lean:2:\d+: "):
        audit(project, toolchain, server=server)


def test_doctor_knows_the_toolchain(
    base: Path, toolchain: Toolchain, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("q35.lean.toolchain.Server", lambda *_: nullcontext(server))  # one process for all tests
    monkeypatch.setattr(tempfile, "tempdir", str(base))  # which that process sees
    found = doctor(base / "good")
    assert found.ok, found.problems
    assert found.kind == toolchain.kind
    assert found.wanted == "4.28.0"
    assert found.version.startswith("4.28.0")
    assert found.official == (found.kind == "native")
    assert json.loads(json.dumps(found.as_json()))["identity"] == toolchain.identity


def test_native_code_is_kept_and_damage_to_it_is_harmless(
    toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean = toolchain.lean
    if not isinstance(lean, Embedded):
        pytest.skip("a native Lean is native code")
    folder = tmp_path / "lean"
    folder.mkdir()
    for entry in lean.folder.iterdir():
        if entry.name != NATIVE:
            (folder / entry.name).symlink_to(entry)
    monkeypatch.setattr("q35.lean.embedded.NATIVE_SECONDS", 0.0)
    kept = folder / NATIVE
    kept.write_bytes(b"damaged" * 10)
    elsewhere, sizes = replace(lean, folder=folder), []
    for _ in range(2):
        with Server(lambda scratch: elsewhere.command(scratch, [lean.folder, SERVE.parent])) as server:
            server.request("ping")
        sizes.append(kept.stat().st_size)
        assert hashlib.sha256(kept.read_bytes()[32:]).digest() == kept.read_bytes()[:32]
    assert 1 << 20 < sizes[0] <= sizes[1]


def test_command_line_exit_codes(
    base: Path, toolchain: Toolchain, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    project = base / "good"
    toolchain.build_package(project, server=server)
    assert main(["build", "--project", str(project), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["starts"] == 0
    assert main(["build", "Tiny.Gone", "--project", str(project)]) == 1
    assert "Tiny.Gone has no file" in capsys.readouterr().err
    assert main(["build", "--project", str(base / "nowhere")]) == 1


def test_command_line_shows_file_line_and_message(
    base: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Toolchain, "borrow", lambda *_: nullcontext(server))  # one process is enough for all tests
    project = write_package(base / "wrong", {"Tiny.lean": "module\n\ntheorem t : 1 = 2 := by decide\n"})
    assert main(["build", "--project", str(project)]) == 3
    assert f"{project}/Tiny.lean:3:24: Tactic `decide` proved that the proposition" in capsys.readouterr().out
