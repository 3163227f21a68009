"""`q35 conform`: right kernels pass, planted bugs give their counterexamples, and no kernel can end it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from q35.cli import run

EXAMPLE = Path(__file__).parent.parent / "examples" / "dequantize_triton.py"

RIGHT = """
from dataclasses import replace
import numpy as np
import q35kernels as q
from q35ref import mx, mx_vectorized

def decode(codes):
    hi, lo = (codes >> 3).astype(np.int8), (codes & 7).astype(np.int8)
    return np.stack([hi - 16 * (hi >= 8), lo - 8 * (lo >= 4)], axis=1).astype(np.int8)

def quantize_slot(x, low, high):
    return np.rint(x).clip(low, high).astype(np.int8)

def pack_stream(codes):
    return q.pack_stream(codes)

def unpack_stream(stream, pairs):
    return q.unpack_stream(stream, pairs)

def dequantize(codes, steps, table, block_size, cols):
    return q.dequantize(codes, steps, table, block_size, cols)

def encode_blocks(weights, steps, scheme, block_size):
    return q.encode_blocks(weights, steps, scheme, block_size)

def quantize(weights, scheme, block_size):
    found = q.quantize(weights, scheme, block_size)
    return found.codes, found.steps

def quantize_activations(x):
    return q.quantize_activations(x)

def linear_int8(a, scales, codes, steps, table, block_size):
    return q.matmul(a, scales, codes, steps, table, block_size)

def linear_float(x, codes, steps, table, block_size):
    weights = q.dequantize(codes, steps, table, block_size, x.shape[1])
    return x.astype(np.float32) @ weights.T

def mx_dequantize(elements, scales, element):
    return mx_vectorized.dequantize(mx_vectorized.MxBlocks(scales, elements), mx.element(element))

def mx_quantize(values, element, rule):
    found = mx_vectorized.quantize(values, mx.element(element), replace(mx.standard, rule=rule))
    return found.elements, found.scales
"""

BUGS = {
    "hi - 16 * (hi >= 8)": "hi",  # hi read as unsigned
    "np.rint(x)": "np.floor(x + np.float32(0.5))",  # ties up
    "q.pack_stream(codes)": "q.pack_stream(codes) & np.uint8(127)",
    "q.unpack_stream(stream, pairs)": "q.unpack_stream(stream, pairs)[:, ::-1].copy()",
    "return q.dequantize(codes, steps,": "return q.dequantize(codes, abs(steps),",  # the step's sign lost
    "q.encode_blocks(weights, steps,": "q.encode_blocks(weights, abs(steps),",
    "found.codes, found.steps": "found.codes, abs(found.steps)",
    "q.quantize_activations(x)": "q.quantize_activations(np.abs(x))",
    "q.matmul(a, scales,": "q.matmul(a[:, ::-1].copy(), scales,",  # slots swapped
    "x.astype(np.float32) @ weights.T": "(x @ weights.T.astype(np.float16)).astype(np.float32)",  # float16 sums
    "MxBlocks(scales,": "MxBlocks(np.maximum(scales, 1),",  # the smallest scale is another
    "rule=rule": "rule='ceil'",
}

COUNTEREXAMPLES = {
    "decode": "decode(codes=[64]) at [0, 0]; code 64, slot hi: expected -8, got 8",
    "quantize_slot": "quantize_slot(x=[-7.5], low=-8, high=7) at [0]; "
    "x -7.5 (0xc0f00000), range [-8, 7]: expected -8, got -7",
    "pack_stream": "pack_stream(codes=[[0, 1]]) at [0, 0]; row of codes [0, 1], byte 0: expected 128, got 0",
    "unpack_stream": "unpack_stream(stream=[[1, 0]], pairs=2) at [0, 0]; "
    "row's stream [1, 0], code number 0: expected 1, got 0",
    "dequantize": "dequantize(codes=[[0]], steps=[[-1.0]], table=<table of row-absmax>, block_size=256, cols=1) "
    "at [0, 0]; code 0, slot hi, scale -1.0 (0xbc00): expected -0.0 (0x80000000), got 0.0 (0x00000000)",
    "encode_blocks": "encode_blocks(weights=[[11.499999, 22.999998]], steps=[[-1.0]], scheme='block', block_size=32) "
    "at [0, 0]; weights 11.499999 (0x4137ffff), 22.999998 (0x41b7ffff), scale -1.0 (0xbc00), scheme block: "
    "expected 68, got 59",
    "quantize": "quantize(weights=<float32 [1, 30]>, scheme='block', block_size=32) at [0, 0]; block 0, "
    "row of weights <float32 [30]>, scheme block: expected -0.002163 (0x986e), got 0.002163 (0x186e)",
    "quantize_activations": "quantize_activations(x=[[0.01550293, -0.0142211905]]) at [0, 1]; "
    "x -0.0142211905 (0xbc68ffff), largest of its row 0.01550293 (0x3c7e0000): expected -116, got 116",
    "linear_int8": "linear_int8(a=[[-128, 0]], scales=[1.0], codes=[[1]], steps=[[1.0]], table=<table of row-absmax>, "
    "block_size=2) at [0, 0]; a [-128, 0], codes [1], steps [1.0], scale 1.0 (0x3f800000): "
    "expected 0.0 (0x00000000), got -128.0 (0xc3000000)",
    "linear_float": "linear_float(x=[[0.822]], codes=[[60]], steps=[[6.59e-05]], table=<table of row-absmax>, "
    "block_size=2) at [0, 0]; x [0.822], codes [60], steps [6.59e-05]: "
    "expected 0.0003792166826315224, give or take 1.58e-10, got 0.00037932396 (0x39c6e000)",
    "mx_dequantize": "mx_dequantize(elements=<uint8 [1, 32]: 0 but 12 at [0, 0]>, scales=[0], element='e2m1') "
    "at [0, 0]; code 12 of e2m1, scale 0x00: expected -1.1754944e-38 (0x80800000), got -2.3509887e-38 (0x81000000)",
    "mx_quantize": "mx_quantize(values=<float32 [1, 32]: 0 but -0.07028484 at [0, 19]>, element='e2m1', rule='floor') "
    "at [0, 19]; value -0.07028484 (0xbd8ff180), largest 0.07028484 (0x3d8ff180), element e2m1, rule floor: "
    "expected 14, got 12",
}
"""Of each operation with its bug in BUGS the first counterexample, made small."""

HOSTILE = """
import ctypes, os, time
import numpy as np
print("noise")

def decode(codes):
    ctypes.string_at(0)

def quantize_slot(x, low, high):
    time.sleep(600)

def pack_stream(codes):
    raise ValueError("not today")

def unpack_stream(stream, pairs):
    return stream.astype(np.int64)

def dequantize(codes, steps, table, block_size, cols):
    os._exit(0)

def quantize_activations(x):
    return [1]

def mx_dequantise(elements, scales, element):
    pass
"""

UNANSWERED = {
    "decode": ("a result", "the end of the process (SIGSEGV)"),
    "quantize_slot": ("a result", "nothing within 1 s"),
    "pack_stream": ("uint8 [rows, bytes]", "ValueError: not today at mine.py:13"),
    "unpack_stream": ("uint8 [1, 9]", "int64 [1, 8]"),
    "dequantize": ("a result", "the end of the process (exit status 0)"),
    "quantize_activations": ("a int8 [M, K], scales float32 [M]", "list"),
}

NOT_IMPORTED = "it does not import: "
UNFIT = {
    "a name that is not there": ("x = 1\nstep = stepp\n", f"mine.py:2: {NOT_IMPORTED}NameError"),
    "no Python": ("def decode(codes)\n    pass\n", f"mine.py:1: {NOT_IMPORTED}SyntaxError"),
    "an error in a function": ("def f():\n    return 1 / 0\nf()", f"mine.py:2: {NOT_IMPORTED}ZeroDivisionError"),
    "an end of the process": ("import os\nos._exit(7)", f"{NOT_IMPORTED}the end of the process (exit status 7)"),
    "other parameters": ("def decode(codes, table): pass", "'table' (it is called as decode(codes))"),
    "an unknown table": ("TABLES = ('mine',)\ndef decode(codes): pass", "TABLES = ('mine',): expected some of ("),
}

Conform = Callable[..., tuple[int, dict[str, Any], Any]]


@pytest.fixture
def conform(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Conform:
    """Judges a file of the given text: the exit code, the report, and what was said (out, err)."""

    def judged(text: str, *options: str) -> tuple[int, dict[str, Any], Any]:
        file, report = tmp_path / "mine.py", tmp_path / "mine.conform.json"
        file.write_text(text)
        report.unlink(missing_ok=True)
        code = run(["conform", str(file), "--out", str(tmp_path), *options])
        return code, json.loads(report.read_text()) if report.exists() else {}, capfd.readouterr()

    return judged


def in_words(operation: dict[str, Any]) -> str:
    """A counterexample in one line."""
    found = operation["counterexample"]
    words = ", ".join(f"{word['name']} {word['value']}" for word in found["words"])
    return f"{found['call']} at {found['place']}; {words}: expected {found['expected']}, got {found['got']}"


def changed(text: str, changes: dict[str, str]) -> str:
    """`text` with every change; one that does not fit exactly once is an error."""
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_right_kernels_pass(conform: Conform) -> None:
    """With no time but for the first case of each operation: nothing large is called exhaustive then."""
    code, report, said = conform(RIGHT, "--budget", "0")
    assert (code, report["verdict"], report["not_in_the_file"]) == (0, "passed", [])
    whole = {item["name"] for item in report["operations"] if any(part["exhaustive"] for part in item["compared"])}
    assert whole == {"decode"}
    assert "every code at every step: 256 of 50,331,648" in said.out
    assert "not all compared in time (--budget 0): " in said.out
    assert "layer f, device: NOT COVERED: run again with --device cuda" in said.out


def test_finite_domains_are_compared_as_a_whole(conform: Conform) -> None:
    slow = ("quantize_slot", "dequantize", "encode_blocks", "quantize", "quantize_activations", "mx_quantize")
    text = changed(RIGHT, {f"def {name}(": f"def _{name}(" for name in slow})
    code, report, _ = conform("TABLES, ELEMENTS = ('codebook',), ('e2m1', 'e4m3')\n" + text)
    assert code == 0
    whole = {
        part["what"]: part["compared"] for item in report["operations"] for part in item["compared"] if part["domain"]
    }
    assert whole == {
        "every code": 2 * 128,
        "every code times every activation": 2 * 256 * 128,
        "every element at every scale": 256 * (32 + 256),
    }
    assert report["made_for"]["tables"] == ["codebook"]


def test_each_planted_bug_has_its_counterexample(conform: Conform) -> None:
    code, report, said = conform(changed(RIGHT, BUGS))
    assert (code, report["verdict"]) == (3, "failed")
    assert {item["name"]: in_words(item) for item in report["operations"]} == COUNTEREXAMPLES
    assert "        code 64, slot hi: expected -8, got 8\n" in said.out


def test_a_kernel_that_crashes_hangs_or_leaves_is_reported(conform: Conform) -> None:
    code, report, said = conform(HOSTILE, "--limit", "1", "--json")
    assert (code, report["verdict"]) == (3, "failed")
    assert json.loads(said.out) == report
    found = {item["name"]: item["counterexample"] for item in report["operations"]}
    assert {name: (item["expected"], item["got"]) for name, item in found.items()} == UNANSWERED
    assert found["decode"]["call"] == "decode(codes=<uint8 [128]>)"
    assert report["not_judged"] == ["mx_dequantise (is it meant to be mx_dequantize?)"]


def test_a_file_without_operations_is_void(conform: Conform) -> None:
    code, report, said = conform("def helper(): pass")
    assert (code, report["verdict"], report["operations"]) == (3, "void", [])
    assert "mine.py: nothing was compared" in said.err


@pytest.mark.parametrize("name", UNFIT)
def test_a_file_that_cannot_be_judged_is_wrong_input(name: str, conform: Conform) -> None:
    text, wanted = UNFIT[name]
    code, report, said = conform(text)
    assert (code, report) == (1, {})
    assert wanted in said.err


def test_the_example_passes_and_a_bug_in_it_shows(conform: Conform) -> None:
    text = EXAMPLE.read_text()
    code, report, said = conform(text, "--budget", "0")
    assert (code, report["device"]["arrays"]) == (0, "torch tensors (cpu)")
    assert "layer c, interpreter: covered" in said.out
    code, report, _ = conform(changed(text, {"2 * code + col % 2": "2 * code + 1 - col % 2"}))
    assert code == 3
    assert in_words(report["operations"][0]) == (
        "dequantize(codes=[[1]], steps=[[1.0]], table=<table of row-absmax>, block_size=256, cols=1) at [0, 0]; "
        "code 1, slot hi, scale 1.0 (0x3c00): expected 0.0 (0x00000000), got 1.0 (0x3f800000)"
    )
