"""The compiled scalar kernels equal the specification for all inputs: their machine code, lifted and given to a solver.

Each proof is of the extension that this session judges: for all contents of the arrays, wherever they lie, and with no
load or store outside them; short lengths one by one, the others by induction over the turns of the main loop. The
control is two-sided: kernels with a planted bug are compiled with the same options, and the solver must refute them
with inputs on which the compiled bug shows when it is run.
"""

from __future__ import annotations

import platform
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import formats, vectors
from conformance.ledger import Ledger
from conformance.subjects import exact_reference, kernels
from conformance.vectors import octets

NEEDED = ("elftools", "pyvex", "z3")
PROVED: dict[str, Any] = {"subject": "kernel-scalar", "truth": "bit-vectors", "level": "all-inputs"}
EXPECTED: dict[str, Any] = {"subject": "framework", "truth": "expected-outcome", "level": "sampled"}
LENGTHS = {"first_invalid_code": 16, "pack": 24, "unpack": 24, "decode": 16, "dot": 32}
"""Each kernel is proved at every length below this one by one: more than a whole step of the induction."""
SHAPES = {"unit": (32, 32, 32, 7), "blocks": (3, 70, 64, 8), "tiles": (33, 2, 32, 8)}
"""Rows, columns, block size and bits a code of the tiled matrices: one full unit; two blocks of two units, with a tail;
two tiles."""


@pytest.fixture(scope="session")
def proofs() -> Any:
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        pytest.skip(f"not covered: machine code is not lifted without {', '.join(missing)} (pip install 'q35[test]')")
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"not covered: machine code is lifted for x86-64, and this machine is {platform.machine()}")
    return import_module("conformance.machine_code.proofs")


@pytest.fixture(scope="session")
def induction(proofs: Any) -> Any:
    return import_module("conformance.machine_code.induction")


@pytest.fixture(scope="session")
def layout(proofs: Any) -> Any:
    return import_module("conformance.machine_code.layout")


@pytest.fixture(scope="session")
def binary(proofs: Any) -> Any:
    """The extension that is judged."""
    return proofs.Binary(kernels().extension_path(), sources() / "kernels.hpp")


def sources() -> Path:
    folder: Path = import_module("q35kernels.sources").SOURCES
    return folder


def inputs_of(claim: Any, random: np.random.Generator) -> dict[str, bytes]:
    """Random contents of the arrays that a kernel reads: codes where the contract asks for codes."""
    limits = {"codes": 128} if claim.known else {}
    return {
        region.name: random.integers(0, limits.get(region.name, 256), region.size, np.uint8).tobytes()
        for region in claim.inputs
    }


@pytest.mark.parametrize("slot", LENGTHS)
def test_code_equals_statement(slot: str, proofs: Any, binary: Any, compared: Ledger) -> None:
    for length in range(LENGTHS[slot]):
        found = proofs.counterexample(proofs.CLAIMS[slot](length), binary)
        assert found is None, f"{slot} of {length} ({binary.compiler}) is wrong on {found}"
        compared.count(1, **PROVED)


@pytest.mark.parametrize("slot", LENGTHS)
def test_code_equals_statement_at_every_length(slot: str, induction: Any, binary: Any, compared: Ledger) -> None:
    left = induction.Induction(slot, binary).prove()
    assert left <= LENGTHS[slot], f"lengths up to {left} are to be proved one by one"
    compared.count(1, **PROVED)


@pytest.mark.parametrize("name", formats.TABLES)
def test_decode_of_the_tables(name: str, proofs: Any, binary: Any, compared: Ledger) -> None:
    """One code: with a scheme's table the two values are those that the specification computes from the code's bits."""
    claim = proofs.decode_of(name)
    assert proofs.counterexample(claim, binary) is None
    compared.count(1, **PROVED)


@pytest.mark.parametrize("way", ["tile", "untile"])
@pytest.mark.parametrize("name", SHAPES)
def test_tiled_layout(name: str, way: str, layout: Any, proofs: Any, binary: Any, compared: Ledger) -> None:
    """All codes and steps of a matrix to the tiled layout, and any bytes of that layout back, at a few shapes."""
    claim = getattr(layout, way)(layout.Shape(*SHAPES[name]))
    assert proofs.counterexample(claim, binary) is None
    compared.count(1, **PROVED)
    inputs = inputs_of(claim, np.random.default_rng(35))
    compared.equal(
        proofs.native_on(claim, binary, inputs), proofs.stated_on(claim, inputs),
        subject="kernel-scalar", truth="bit-vectors", level="sampled",
    )  # fmt: skip


@pytest.mark.parametrize("slot", LENGTHS)
def test_lifted_code_equals_the_processor(slot: str, proofs: Any, binary: Any, compared: Ledger) -> None:
    """The lifter and its operations are right about this code: the same functions, run natively on the same inputs."""
    random = np.random.default_rng(35)
    for length in (*range(10), 16, 17, 24, 31, 33):
        claim = proofs.CLAIMS[slot](length)
        _, states = proofs.paths(claim, binary)
        for _ in range(5):
            inputs = inputs_of(claim, random)
            lifted, native = proofs.lifted_on(claim, states, inputs), proofs.native_on(claim, binary, inputs)
            assert lifted == native, f"{slot} of {length} on {inputs}"
            compared.count(1, subject="kernel-scalar", truth="bit-vectors", level="sampled")


def test_statement_equals_lean(proofs: Any, compared: Ledger) -> None:
    """The statements that are proved of the code say what Lean's definitions say."""
    claim: dict[str, Any] = {"subject": "framework", "truth": "lean-vector", "level": "sampled"}
    for row in vectors.having("streams", "bytes", "codes", "read", "read_bytes", "stream"):
        codes, stream = row["codes"], octets(row["stream"])
        packed, unpacked = proofs.pack(len(codes)), proofs.unpack(len(codes))
        compared.equal(proofs.stated_on(packed, {"codes": bytes(codes)}), stream, **claim)
        compared.equal(proofs.stated_on(unpacked, {"stream": bytes(stream)}), row["read"], **claim)
    for row in vectors.having("codes", "code", "encoded", "hi", "lo"):
        slots = proofs.stated_slots(row["code"])
        compared.equal(slots, (row["hi"], row["lo"]), **claim)


def test_layout_equals_lean(layout: Any, proofs: Any, compared: Ledger) -> None:
    for row in vectors.having("tiled", "block_size", "cols", "matrix_codes", "matrix_steps", "tiled", "tiled_bytes"):
        codes, steps = row["matrix_codes"], row["matrix_steps"]
        for bits, key in ((7, "tiled"), (8, "tiled_bytes")):
            shape = layout.Shape(len(codes), row["cols"], row["block_size"], bits)
            inputs = {
                "codes": bytes(code for pairs in codes for code in pairs),
                "steps": np.array(steps, "<u2").tobytes(),
            }
            stated = proofs.stated_on(layout.tile(shape), inputs)
            vectors.expect(bytes(stated), bytes.fromhex(row[key]), row, "framework", compared)
            back = proofs.stated_on(layout.untile(shape), {"tiled": bytes(stated)})
            vectors.expect(bytes(back), inputs["codes"] + inputs["steps"], row, "framework", compared)


def test_statement_equals_the_reference(proofs: Any, compared: Ledger) -> None:
    exact, random = exact_reference(), np.random.default_rng(35)
    claim: dict[str, Any] = {"subject": "framework", "truth": "exact-rational", "level": "sampled"}
    for count in range(40):
        codes = random.integers(0, 128, count).tolist()
        compared.equal(proofs.stated_on(proofs.pack(count), {"codes": bytes(codes)}), exact.pack_stream(codes), **claim)
        a, b = (random.choice([-128, -127, -1, 0, 1, 127], count).astype(np.int8) for _ in range(2))
        total = int(a.astype(int) @ b.astype(int)) % 2**32
        compared.equal(proofs.stated_on(proofs.dot(count), {"a": a.tobytes(), "b": b.tobytes()}), [total], **claim)
    for byte in range(256):
        bad = proofs.stated_on(proofs.first_invalid_code(2), {"codes": bytes([5, byte])})
        compared.equal(bad, [1 if exact.decode_byte(byte) is None else 2], **claim)


BUGS = {
    "first_invalid_code": ("scalar.cpp", "if (codes[i] >= kCodes) return i;", "if (codes[i] > kCodes) return i;"),
    "pack": ("scalar.cpp", "static_cast<std::uint8_t>(bits >> 8);", "static_cast<std::uint8_t>(bits >> 7);"),
    "unpack": ("scalar.cpp", "(stream[byte + 1]) << 8;", "(stream[byte + 1]) << 7;"),
    "decode": ("scalar.cpp", "return j % 2 == 0 ? table.first", "return j % 2 != 0 ? table.first"),
    "dot": ("scalar.cpp", "sum += a[j] * b[j];", "sum += a[j] * static_cast<std::uint8_t>(b[j]);"),
    "untile": ("tiled.hpp", "code |= (byte(v) >> 7) << v;", "code |= (byte(v) >> 7) << (6 - v);"),
}
"""A wrong limit, wrong shifts, slots swapped, a sign that is not extended, bits in the wrong order."""
OTHER_BUGS = {
    "unpack": ("scalar.cpp", "if (shift + kCodeBits > 8) bits |=", "bits |="),
    "decode": ("scalar.cpp", "j < 2 * pairs; ++j) values", "j <= 2 * pairs; ++j) values"),
    "pack": ("scalar.cpp", "unsigned>(codes[i]) << shift;", "unsigned>(i == 1000 ? 0 : codes[i]) << shift;"),
    "dot": ("scalar.cpp", "sum += a[j] * b[j];", "sum = static_cast<std::int16_t>(sum + a[j] * b[j]);"),
    "tile": ("tiled.cpp", "4 * (row % 16) + pair % 4}", "4 * (row % 16) + (pair ^ 1) % 4}"),
}
"""A byte read past the end, one written past the end, one code of a long array lost, an accumulator of 16 bits, codes
in other lanes (from which they are read back)."""


def with_bugs(bugs: dict[str, tuple[str, str, str]], folder: Path, proofs: Any) -> Any:
    """The scalar kernels compiled from a copy of the sources with these bugs, one a kernel."""
    copy = folder / "cpu"
    shutil.copytree(sources(), copy)
    for name, old, new in bugs.values():
        text = (copy / name).read_text()
        assert text.count(old) == 1, f"{name}: {old!r} stands there {text.count(old)} times"
        (copy / name).write_text(text.replace(old, new))
    library = import_module("q35kernels.build_variant").build_scalar(copy, folder / "out")
    return proofs.Binary(library, copy / "kernels.hpp")


def refutation(slot: str, proofs: Any, wrong: Any) -> Any:
    """The first claim that does not hold, and its counterexample."""
    for length in range(LENGTHS[slot]):
        claim = proofs.CLAIMS[slot](length)
        if (found := proofs.counterexample(claim, wrong)) is not None:
            return claim, found
    raise AssertionError(f"{slot} with its bug passes for correct")


@pytest.fixture(scope="module")
def wrong(proofs: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return with_bugs(BUGS, tmp_path_factory.mktemp("bugs"), proofs)


@pytest.fixture(scope="module")
def otherwise_wrong(proofs: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return with_bugs(OTHER_BUGS, tmp_path_factory.mktemp("other-bugs"), proofs)


@pytest.mark.parametrize("slot", LENGTHS)
def test_bug_is_refuted(slot: str, proofs: Any, binary: Any, wrong: Any, compared: Ledger) -> None:
    """The counterexample is real: the compiled bug shows on it, and the kernel without the bug is right on it."""
    claim, inputs = refutation(slot, proofs, wrong)
    stated = proofs.stated_on(claim, inputs)
    assert proofs.native_on(claim, wrong, inputs) != stated == proofs.native_on(claim, binary, inputs)
    compared.count(1, **EXPECTED)


def test_narrow_accumulator_is_refuted(proofs: Any, binary: Any, otherwise_wrong: Any, compared: Ledger) -> None:
    claim, inputs = refutation("dot", proofs, otherwise_wrong)
    stated = proofs.stated_on(claim, inputs)
    assert proofs.native_on(claim, otherwise_wrong, inputs) != stated == proofs.native_on(claim, binary, inputs)
    compared.count(1, **EXPECTED)


@pytest.mark.parametrize("way", ["tile", "untile"])
def test_wrong_layout_is_refuted(
    way: str, layout: Any, proofs: Any, binary: Any, wrong: Any, otherwise_wrong: Any, compared: Ledger
) -> None:
    claim = getattr(layout, way)(layout.Shape(17, 32, 32, 7))
    mutant = wrong if way == "untile" else otherwise_wrong
    inputs = proofs.counterexample(claim, mutant)
    assert inputs is not None
    stated = proofs.stated_on(claim, inputs)
    assert proofs.native_on(claim, mutant, inputs) != stated == proofs.native_on(claim, binary, inputs)
    compared.count(1, **EXPECTED)


@pytest.mark.parametrize("slot", ["unpack", "decode"])
def test_access_outside_is_refuted(slot: str, proofs: Any, otherwise_wrong: Any, compared: Ledger) -> None:
    with pytest.raises(proofs.OutOfBounds):
        refutation(slot, proofs, otherwise_wrong)
    compared.count(1, **EXPECTED)


def test_bug_of_long_arrays_is_not_proved(proofs: Any, induction: Any, otherwise_wrong: Any, compared: Ledger) -> None:
    """No short array shows it; the induction does."""
    assert proofs.counterexample(proofs.pack(LENGTHS["pack"]), otherwise_wrong) is None
    with pytest.raises(induction.NotProved, match="the output of 8 codes"):
        induction.Induction("pack", otherwise_wrong).prove()
    compared.count(1, **EXPECTED)
