"""`q35 bench cpu` on toy shapes: what it writes, what it refuses to time, and how it ends."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console

import q35kernels
import q35spec
from q35 import cli
from q35.bench import cpu, machine
from q35.bench.contenders import OURS, PEERS, Contender, choose_peers
from q35.bench.problem import Problem, output_error, relative_rmse, repeat_rows
from q35.bench.process import NotMeasured, Process, evicting_memory
from q35.bench.table import tables
from q35.errors import InputError

TOY = Problem(256, 96)


def planted(variant: str) -> Contender:
    return Contender(variant, variant, "planted_contenders", variant, "numpy")


@pytest.fixture(autouse=True)
def _workers_find_planted_contenders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def measure(*contenders: Contender, rows: tuple[int, ...] = (1,), threads: tuple[int, ...] = (1,)) -> dict[str, Any]:
    request = cpu.Request((TOY,), rows, threads, 1, contenders, evicting_bytes=1 << 22)
    return cpu.run(request, lambda what, done, total: None)


def text(document: dict[str, Any], against: str | None = None) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as capture:
        console.print(tables(document, against))
    return capture.get()


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "q35", "bench", "cpu", *map(str, arguments)]


def test_ours_alone_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "new" / "speed.json"
    options = ("--shapes", "256x96", "--rows", "3", "--threads", "1,2", "--rounds", 1, "--peers", "none")
    done = subprocess.run(command(*options, "--out", out, "--json"), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(out.read_bytes())
    assert document == json.loads(done.stdout)
    jsonschema.validate(document, q35spec.schema("benchmark"))
    assert document["not_measured"] == []
    cells = {(row["contender"], row["rows"], row["threads"], row["state"]) for row in document["results"]}
    names = {contender.name for contender in OURS}
    assert cells == {(n, m, t, s) for n in names for m in (3,) for t in (1, 2) for s in ("cold", "hot")}
    for row in document["results"]:
        assert row["least_milliseconds"] <= row["milliseconds"] <= row["most_milliseconds"]
        assert row["weight_rmse"] <= row["output_rmse"] * 1.5
        assert row["bits_per_weight"] == 3.75
    assert all(contender.title in text(document) for contender in OURS)


def test_the_product_of_each_scheme_has_the_error_of_its_weights() -> None:
    errors = {row["contender"]: row["weight_rmse"] for row in measure(*OURS)["results"]}
    assert 0.13 < errors["q35-block"] < 0.17
    assert 0.09 < errors["q35-codebook"] < 0.12


def test_what_is_wrong_or_fails_is_not_timed_but_told() -> None:
    reasons = {
        "one block missing": "refused: its result has a relative error of 0.",
        "one output wrong": "refused: one output is ",
        "not finite": "refused: its result has values that are not finite",
        "another shape": "ValueError: the result is float32 [3, 95], not float32 [3, 96]",
        "refuses": "ValueError: no such shape",
        "aborts": "its process ended by SIGABRT: planted: out of order",
    }
    absent = Contender("absent", "Absent", "q35.bench.peers.absent", "int4", "q35-absent")
    document = measure(*map(planted, reasons), planted("right"), absent, rows=(3,))
    assert {row["contender"] for row in document["results"]} == {"right"}
    told = {entry["contender"]: entry["reason"] for entry in document["not_measured"]}
    assert told["absent"] == "q35.bench.peers.absent is not installed (pip install 'q35[bench]')"
    assert told.keys() == {*reasons, "absent"}
    assert all(told[variant].startswith(reason) for variant, reason in reasons.items())
    assert {item["name"]: item["version"] for item in document["contenders"]}["absent"] is None
    assert f"not measured: Absent: {told['absent']} (256x96)" in text(document)


def by_hand(**changes: Any) -> dict[str, Any]:
    """Results of 1 ms each for one of ours, 2 ms and 3 ms for two peers, on a machine of round numbers."""
    contenders = [{"name": name, "title": name.title(), "ours": name == "ours"} for name in ("ours", "slow", "slower")]
    one: dict[str, Any] = {"inputs": 1000, "outputs": 2000, "rows": 1, "threads": 1, "state": "cold"}
    one |= {"bits_per_weight": 4.0, "weight_rmse": 0.1, "output_rmse": 0.1, "cycles_per_64_weights": 96.0} | changes
    times = {"ours": 1.0, "slow": 2.0, "slower": 3.0}
    roof = {"threads": 1, "clock_ghz": 3.0, "memory_gb_s": 2.0, "l3_gb_s": 4.0, "fp32_gop_s": 1.0, "vnni_gop_s": 20.0}
    return {
        "contenders": contenders,
        "results": [one | {"contender": name, "milliseconds": time} for name, time in times.items()],
        "not_measured": [],
        "rooflines": [roof | {"amx_int8_gop_s": None}],
        "machine": {"processor": "P", "cores": 1, "load": 0.0, "caches": [{"bytes": 2_000_000}]},
    }


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({}, "50% memory"),  # 1 MB at 2 GB/s takes 0.5 ms
        ({"state": "hot"}, "25% L3"),
        ({"state": "hot", "bits_per_weight": 16.0}, "200% memory"),  # 4 MB fit no cache
        ({"rows": 4}, "80% VNNI"),  # 16 million operations at 20 G a second
    ],
)
def test_the_limit_that_binds(changes: dict[str, Any], share: str) -> None:
    rows = [line.split() for line in text(by_hand(**changes)).splitlines()]
    assert ["Ours:", "of", "the", "limit", "that", "binds", *share.split()] in rows
    assert ["Ours:", "cycles", "for", "64", "weights", "and", "a", "row", "96"] in rows


def test_against_one_peer() -> None:
    document = by_hand()
    assert "Ours, times as fast as the best peer: M=1 cold 2.00 to 2.00" in text(document)
    shown = text(document, "slower")
    assert "Ours, times as fast as Slower: M=1 cold 3.00 to 3.00" in shown
    assert "Slow " not in shown
    with pytest.raises(InputError, match="no peer is called 'ours'"):
        text(document, "ours")


def test_a_process_that_does_not_answer_is_given_up() -> None:
    with evicting_memory(1 << 20) as memory, Process.of(planted("hangs"), memory) as worker:
        worker.ask("prepare", inputs=256, outputs=96)
        worker.patience = 0.5
        for _ in range(2):
            with pytest.raises(NotMeasured, match=r"no answer within 0\.5 s"):
                worker.ask("select", rows=1, threads=1)


def test_an_idle_worker_is_stopped_and_none_is_left() -> None:
    with evicting_memory(1 << 20) as memory, Process.of(planted("right"), memory) as worker:
        worker.ask("prepare", inputs=256, outputs=96)
        number = worker._process.pid
        assert Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    assert not Path(f"/proc/{number}").exists()


def test_an_interrupt_leaves_no_file_and_no_worker(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    running = subprocess.Popen(
        command("--shapes", "256x96", "--rounds", 100000, "--peers", "none", "--out", out),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    workers: list[str] = []
    until = time.monotonic() + 30
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    try:
        while len(workers) < len(OURS) and time.monotonic() < until:
            time.sleep(0.05)
            workers = children.read_text().split()
        running.send_signal(signal.SIGINT)
        stderr = running.communicate(timeout=30)[1]
    finally:
        running.terminate()  # what has not ended by itself does not outlive its test, nor do its workers
    assert running.returncode == 130
    assert stderr.splitlines()[-1] == "q35: interrupted; nothing half done is left"
    assert workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--shapes", "4096", "'4096' is not a shape"),
        ("--shapes", "0x64", "'0x64' is not a shape"),
        ("--rows", "1,-8", "--rows 1,-8 is not a list of numbers"),
        ("--threads", "", "--threads  is not a list of numbers"),
        ("--peers", "ggml-q4_0,gmml", "unknown peer 'gmml'"),
        ("--out", "/dev/null/speed.json", "/dev/null/speed.json: cannot write"),
    ],
)
def test_bad_options(option: str, value: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    from q35 import cli

    assert cli.run(["bench", "cpu", option, value]) == 1
    assert f"q35: {' '.join(message.split())}" in capfd.readouterr().err


def test_limits_are_measured_where_the_instructions_exist() -> None:
    (one,) = machine.rooflines([1], 1 << 22)
    assert one["threads"] == 1
    assert min(one["clock_ghz"], one["memory_gb_s"], one["l3_gb_s"]) > 0
    isas = q35kernels.available_isas()
    assert (one["vnni_gop_s"] is not None) == (one["fp32_gop_s"] is not None) == ("avx512" in isas)
    assert (one["amx_int8_gop_s"] is not None) == ("amx" in isas)


def test_figures(tmp_path: Path) -> None:
    from q35.bench.plots import write_plots

    written = write_plots(measure(*OURS, rows=(1, 2)), tmp_path / "figures")
    assert [path.name for path in written] == ["roofline.svg", "speed-bits.svg", "speed-error.svg"]
    assert all(b"<svg" in path.read_bytes() for path in written)


def test_peers_by_name() -> None:
    assert choose_peers(["all"]) == PEERS
    assert choose_peers(["none"]) == ()
    two = choose_peers(["torch-fp32", "ggml-q4_0", "torch-fp32"])
    assert [peer.name for peer in two] == ["torch-fp32", "ggml-q4_0"]
    with pytest.raises(InputError, match="unknown peer"):
        choose_peers(["all", "ggml-q4_0"])


def test_errors_of_outputs() -> None:
    exact = np.array([[3.0, 4.0], [0.0, 5.0]])
    found = repeat_rows(exact.astype(np.float32).T, 3).T
    assert output_error(found, exact).relative_rmse == 0
    found = found.copy()
    found[1, 2] = 1.0
    error = output_error(found, exact)
    norm = float(np.square(exact[:, [0, 1, 0]]).sum())
    assert error.relative_rmse == pytest.approx((1 / norm) ** 0.5)
    assert error.worst == pytest.approx(1 / (norm / 6) ** 0.5)
    assert relative_rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == pytest.approx((4 / 17) ** 0.5)
    found[0, 0] = np.nan
    assert np.isnan(output_error(found, exact).worst)


def test_installed_peers_agree_with_the_exact_product() -> None:
    # One of PyTorch's: its modules take seconds to load.
    chosen = [peer for peer in PEERS if peer.distribution != "torch" or peer.variant == "int4"]
    document = measure(*chosen, rows=(8,), threads=(2,))
    missing = {entry["contender"] for entry in document["not_measured"]}
    assert "torch-int4" not in missing  # torch comes with the tests: something is compared
    assert all("is not installed" in entry["reason"] for entry in document["not_measured"])
    assert missing | {row["contender"] for row in document["results"]} == {peer.name for peer in chosen}


def test_committed_results_are_valid() -> None:
    """The figures that README quotes: whole documents of this program, in which nothing of ours was left out."""
    files = sorted((Path(q35kernels.__file__).parent / "measured").glob("cpu-*.json"))
    assert files
    for file in files:
        document = json.loads(file.read_text())
        jsonschema.validate(document, q35spec.schema("benchmark"))
        ours = {row["name"] for row in document["contenders"] if row["ours"]}
        assert not ours & {row["contender"] for row in document["not_measured"]}


def test_kept_results_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables again, and the least and the most of all of them; what is no such file is one clear error."""
    document = measure(*OURS, planted("right"), rows=(1, 8), threads=(1, 2))
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(document))
    assert cli.run(["bench", "show", str(kept)]) == 0
    shown = capsys.readouterr().out
    cells = [f"M={rows} {state}" for rows in (1, 8) for state in cpu.STATES]
    for contender in OURS:
        (line,) = [line for line in shown.splitlines() if line.startswith(f"{contender.title}, times as fast")]
        for cell in cells:
            ratios = [
                times["right"] / times[contender.name]
                for threads in (1, 2)
                if (times := milliseconds(document, threads, cell))
            ]
            assert f"{cell} {min(ratios):.2f} to {max(ratios):.2f}" in line
    kept.write_text(json.dumps({**document, "results": None}))
    for path in (kept, tmp_path, tmp_path / "absent.json"):
        assert cli.run(["bench", "show", str(path)]) == 1
        assert str(path) in capsys.readouterr().err


def milliseconds(document: dict[str, Any], threads: int, cell: str) -> dict[str, float]:
    """The times of a cell by contender."""
    return {
        row["contender"]: row["milliseconds"]
        for row in document["results"]
        if row["threads"] == threads and f"M={row['rows']} {row['state']}" == cell
    }
