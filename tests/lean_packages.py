"""Help for the Lean tests: tiny Lake packages, and a stand-in for a native `lean`."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

VERSION = "4.28.0"

_STAND_IN = '''\
#!{python}
"""Speaks the protocol of serve.lean without being Lean: a source line `error: X` is an error, `die` ends it."""
import json, os, sys, time
if sys.argv[1:] == ["--version"]:
    print("Lean (version {version}, x86_64-unknown-linux-gnu, commit 0, Release)")
    raise SystemExit
with open("{log}", "a") as log:
    log.write("start\\n")
print("[DEBUG:A] noise", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    answer = {{"id": request["id"], "ok": True, "version": "{version}", "memory": ""}}
    if request["method"] == "elaborate":
        source = open(request["file"], encoding="utf-8").read()
        said = []
        for number, text in enumerate(source.splitlines(), 1):
            if text == "die":
                print("worker sent an error! too deep", flush=True)
                os._exit(7)
            if text == "hang":
                time.sleep(600)
            if text == "garbage":
                print("q35 {{half", flush=True)
            if text.startswith("error: "):
                pos = {{"line": number, "column": 0}}
                said.append(json.dumps({{"severity": "error", "pos": pos, "data": text[7:]}}))
        answer["ok"], answer["output"] = not said, "\\n".join(said)
        if request["olean"] and not said:
            for part in ("", ".private"):
                with open(request["olean"] + part, "w") as file:
                    kept = [text for text in source.splitlines() if part or not text.startswith("proof")]
                    file.write("\\n".join(kept))
    elif request["method"] != "ping":
        answer["error"] = "unknown method"
    print("q35 " + json.dumps(answer), flush=True)
'''


def write_package(folder: Path, files: dict[str, str], lakefile: str = "") -> Path:
    """A Lake package with a library `Tiny` and the given files (path below `folder` -> text); returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lakefile.toml").write_text(lakefile or 'name = "tiny"\n[[lean_lib]]\nname = "Tiny"\n')
    (folder / "lean-toolchain").write_text(f"leanprover/lean4:v{VERSION}\n")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def write_stand_in(folder: Path, version: str = VERSION) -> Path:
    """An executable `lean` in `folder` that is none; it appends a line to `folder/starts` at each start."""
    folder.mkdir(parents=True, exist_ok=True)
    lean = folder / "lean"
    lean.write_text(_STAND_IN.format(python=sys.executable, version=version, log=folder / "starts"))
    lean.chmod(0o755)
    return lean


def starts(folder: Path) -> int:
    """How often the stand-in in `folder` was started."""
    log = folder / "starts"
    return len(log.read_text().splitlines()) if log.exists() else 0
