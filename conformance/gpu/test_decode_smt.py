"""The tricks with bits that the GPU kernels decode and encode with, proved equal to the specification for all inputs.

What is proved is what is shipped: for Triton the intermediate representation that Triton itself makes of the function,
so that its types, promotions and shifts are Triton's own; for C++ the machine code of the header's function. The
control is two-sided: the function with a bug planted in its text must be refuted, and on the solver's counterexample,
when both are run, it must be wrong and the function without the bug right.

What a proof stands on: Triton's compiler from there on, or that of the C++ kernels for a GPU (layers d and f), the
translation into terms (tested here against Triton's interpreter and the processor), and the solver.
"""

from __future__ import annotations

import ast
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import formats, vectors
from conformance.ledger import Ledger
from conformance.subjects import exact_reference, reference

# They are not imported: in this process Triton may yet have to learn that it is to interpret.
if _missing := [name for name in ("elftools", "pyvex", "torch", "triton", "z3") if find_spec(name) is None]:
    _reason = f"not covered: nothing is proved without {', '.join(_missing)} (pip install 'q35[test]')"
    pytest.skip(_reason, allow_module_level=True)

import z3

from conformance.gpu import claims, definition, header, symbolic, triton_functions
from conformance.gpu.claims import HeaderClaim, TritonClaim
from conformance.gpu.triton_functions import Call
from conformance.machine_code.operations import Unsupported

PROVED: dict[str, Any] = {"truth": "bit-vectors", "level": "all-inputs"}
SAMPLED: dict[str, Any] = {"truth": "bit-vectors", "level": "sampled"}
EXPECTED: dict[str, Any] = {"subject": "framework", "truth": "expected-outcome", "level": "sampled"}

KERNELS = {
    "decode.py": ("dequantize", "linear", "linear_float"),
    "mx_decode.py": ("mx_dequantize", "mx_linear", "kv_cache"),
    "mx_encode.py": ("mx_quantize", "kv_cache", "convert"),
    "activations.py": ("quantize_activations", "linear"),
}
"""The kernels that use the functions of a file."""


def sources(folder: str) -> Path:
    found: Path = import_module("q35kernels.sources").SOURCES
    return found.parent / folder


def covering(rows: list[Any]) -> list[Any]:
    """Claims as parameters, each with the layer and the kernels that its proof covers."""
    marks = {file: pytest.mark.layer("b", *kernels) for file, kernels in KERNELS.items()}
    of_header = pytest.mark.layer("b", "hip_decode", "hip_dequantize", "hip_linear")
    return [
        pytest.param(row, id=row.name, marks=marks[row.file] if isinstance(row, TritonClaim) else of_header)
        for row in rows
    ]


def call_of(claim: TritonClaim, path: Path, arguments: Any = ()) -> Call:
    return Call(str(path), claim.function, claim.types, claim.constants, arguments)


@pytest.fixture(scope="module")
def bugs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By the name of a claim, the file of its function with a bug."""
    folder, files = tmp_path_factory.mktemp("bugs"), {claim.name: claim.file for claim in claims.TRITON}
    return {
        name: planted(sources("triton") / files[name], bug, folder / f"bug_{number}.py")
        for number, (name, bug) in enumerate(TRITON_BUGS.items())
    }


@pytest.fixture(scope="module")
def both_terms(bugs: dict[str, Path]) -> tuple[dict[str, symbolic.Function], dict[str, symbolic.Function]]:
    """What the functions compute, by the name of the claim: as they are shipped, and with bugs."""
    rows = [(claim, sources("triton") / claim.file) for claim in claims.TRITON]
    wrong = [(claim, bugs[claim.name]) for claim in claims.TRITON if claim.name in bugs]
    texts = triton_functions.compiled([call_of(*row) for row in (*rows, *wrong)])
    found = [symbolic.of_ttir(text) for text in texts]
    names = [claim.name for claim, _ in rows], [claim.name for claim, _ in wrong]
    return dict(zip(names[0], found, strict=False)), dict(zip(names[1], found[len(rows) :], strict=True))


@pytest.fixture(scope="module")
def triton_terms(both_terms: Any) -> dict[str, symbolic.Function]:
    shipped: dict[str, symbolic.Function] = both_terms[0]
    return shipped


@pytest.fixture(scope="module")
def header_library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build(sources("hip"), tmp_path_factory.mktemp("entries"))


def build(folder: Path, target: Path) -> Any:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"not covered: machine code is lifted for x86-64, and this machine is {platform.machine()}")
    if shutil.which("g++") is None:
        pytest.skip("not covered: no g++")
    return header.built(folder, {symbol(claim): claim.entry for claim in claims.HEADER}, target)


def symbol(claim: HeaderClaim) -> str:
    return "of_" + claim.name.replace(" ", "_")


# The proofs


@pytest.mark.parametrize("claim", covering(claims.TRITON))
def test_triton_function(claim: TritonClaim, triton_terms: dict[str, symbolic.Function], compared: Ledger) -> None:
    found = triton_terms[claim.name].counterexample(claim)
    assert found is None, f"{claim.name} is wrong on {found}"
    compared.count(1, subject="gpu-compiler", **PROVED)


@pytest.mark.parametrize("claim", covering(claims.HEADER))
def test_header_function(claim: HeaderClaim, header_library: Any, compared: Ledger) -> None:
    found = header.lifted(header_library, symbol(claim), claim.entry).counterexample(claim)
    assert found is None, f"{claim.name} is wrong on {found}"
    compared.count(1, subject="simt", **PROVED)


def jit_functions() -> Iterator[ast.FunctionDef]:
    for path in sorted(sources("triton").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and "triton.jit" in map(ast.unparse, node.decorator_list):
                yield node


def of_triton(node: ast.AST) -> set[str]:
    """What a function uses of `tl`."""
    attributes = [part for part in ast.walk(node) if isinstance(part, ast.Attribute)]
    return {part.attr for part in attributes if ast.unparse(part.value) == "tl"}


def reached_from(names: set[str], calls: dict[str, set[str]]) -> set[str]:
    """They and all that they call, directly or not."""
    found, waiting = set(names), list(names)
    while waiting:
        new = calls[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def test_every_trick_is_claimed(compared: Ledger) -> None:
    """A trick is a function that computes with integers alone and moves no data, nor does what it calls. One that a
    proved function calls is proved with it."""
    functions = {node.name: node for node in jit_functions()}
    names = {
        name: {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} for name, node in functions.items()
    }
    calls = {name: names[name] & set(functions) for name in functions}
    allowed = {"where", "constexpr", "float32", "float64", "bfloat16"} | {
        f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)
    }
    plain = {name for name, node in functions.items() if of_triton(node) <= allowed}
    tricks = {name for name in functions if reached_from({name}, calls) <= plain}
    proved = reached_from({claim.function for claim in claims.TRITON}, calls)
    assert tricks <= proved, f"nothing is claimed of {sorted(tricks - proved)}"
    compared.count(len(tricks), **EXPECTED)


def is_call(claim: TritonClaim, arguments: str) -> bool:
    """Whether a claim is about a function called with arguments of these types, as Triton writes them. A constant may
    stand for an argument: then its type is missing."""
    arguments = arguments.partition("_cMx")[0]
    flags = {f"c{value}" for value in claim.constants.values() if isinstance(value, bool)}
    left = iter(claim.types.values())
    got = re.findall(r"(?:^|_)((?:u|i|fp|bf)\d+)(?=S[\d_]+S|_|$)", arguments)
    return flags <= set(arguments.split("_")) and all(kind in left for kind in got)


def test_kernels_call_with_the_claimed_types(compared: Ledger) -> None:
    """Triton's types decide what an operator means: a proof is of one choice of them, the one that the kernels make."""
    # Entries of a table in shared memory are moved, not computed.
    unproved = "decode_codes", "cFalse"
    called = [name.rpartition(".")[2].partition("__") for name in triton_functions.called()]
    rows = {claim.function: [row for row in claims.TRITON if row.function == claim.function] for claim in claims.TRITON}
    for function, _, arguments in called:
        if function in rows and not (function == unproved[0] and arguments.endswith(unproved[1])):
            assert any(is_call(claim, arguments) for claim in rows[function]), f"{function} is called with {arguments}"
    for claim in claims.TRITON:
        calls = [arguments for function, _, arguments in called if function == claim.function]
        assert any(is_call(claim, arguments) for arguments in calls), f"no kernel calls {claim.name}"
    compared.count(len(claims.TRITON), **EXPECTED)


# The translations into terms


def samples(function: symbolic.Function, count: int) -> list[list[int]]:
    """Arguments for which a function is defined: small ones, powers of two and their neighbours, random ones."""
    random = np.random.default_rng(35)
    found: list[list[int]] = []
    while len(found) < count:
        row = []
        for parameter in function.parameters:
            power = 1 << int(random.integers(parameter.size()))
            choices = [0, -1, power, power - 1, -power, *random.integers([256, 1 << 16, 1 << 32]).tolist()]
            row.append(choices[int(random.integers(len(choices)))] % (1 << parameter.size()))
        if function.is_defined(row):
            found.append(row)
    return found


def columns(rows: list[list[int]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]


def is_nan(*bits: int) -> bool:
    """Whether all are NaNs of float32, which conversions make with any fraction."""
    return all((number & 0x7FFFFFFF) > definition.FLOAT32.numbers for number in bits)


def test_terms_equal_the_interpreter(triton_terms: dict[str, symbolic.Function], compared: Ledger) -> None:
    given = {claim.name: samples(triton_terms[claim.name], 16) for claim in claims.TRITON}
    calls = [call_of(claim, sources("triton") / claim.file, columns(given[claim.name])) for claim in claims.TRITON]
    for claim, results in zip(claims.TRITON, triton_functions.interpreted(calls), strict=True):
        for row, run in zip(given[claim.name], columns(results), strict=True):
            got = triton_terms[claim.name].on(row)
            assert got == run or (claim.function == "bits_as_f32" and is_nan(*got, *run)), f"{claim.name} of {row}"
            compared.count(1, subject="triton", **SAMPLED)


def test_terms_equal_the_processor(header_library: Any, compared: Ledger) -> None:
    for claim in claims.HEADER:
        function = header.lifted(header_library, symbol(claim), claim.entry)
        for row in samples(function, 50):
            run = header.native(header_library, symbol(claim), claim.entry, row)
            assert function.on(row) == [run], f"{claim.name} of {row}"
            compared.count(1, subject="simt", **SAMPLED)


# The bugs that must be refuted


TRITON_BUGS = {
    "eighth_word": ("(w3 >> 4)", "(w3 >> 3)"),
    "codes_of_word": ("0x44444444", "0x44444404"),
    "code_of_word 2": ("codes >> (8 * j)", "codes >> (7 * j)"),
    "decode_hi": ("((code >> 3) ^ 8) - 8", "((code >> 3) ^ 8) - 7"),
    "decode_lo": ("((code & 7) ^ 4) - 4", "(code & 7)"),
    "decode_codes True": ("(2 * decode_lo(codes))", "decode_lo(codes)"),
    "first_of_pair": ("return pair.to(tl.int8)", "return (pair >> 8).to(tl.int8)"),
    "second_of_pair": ("(pair >> 8)", "(pair >> 7)"),
    "element_to_f16_bits e2m3": ("tl.where(size >> FORMAT.mantissa_bits == 0,", "tl.where(size == 0,"),
    "element_to_bf16_bits e5m2": ("INFINITY + (1 << MANTISSA - 1)", "INFINITY - (1 << MANTISSA)"),
    "element_to_f32_bits e4m3": ("size > FORMAT.largest", "size > FORMAT.largest + 1"),
    "scale_to_f32_bits": ("tl.where(scale == 0, 0x400000,", "tl.where(scale == 0, 0,"),
    "product_to_f32_bits e3m2": ("tl.where(field < 1, 1 - field, 0)", "tl.where(field < 0, 1 - field, 0)"),
    "f32_bits_to_bf16_bits": ("size + 0x7FFF + ((size >> 16) & 1)", "size + 0x8000"),
    "bits_to_16 bfloat16": ("bits.to(tl.int16)", "(bits >> 16).to(tl.int16)"),
    "scale_of_largest rceil e4m3": (" > last)", " >= last)"),
    "element_of_quotient e2m1": ("below_half = (1 << (right - 1)) - 1", "below_half = 1 << (right - 1)"),
    "element_of_quotient e5m2": ("tl.where(code > FORMAT.largest, FORMAT.largest, code)", "code"),
    "slot_of -4 3": ("integer > HIGH, HIGH", "integer > HIGH, HIGH + 1"),
    "magnitude_bits": ("& 0x7FFFFFFF", "& 0x7FFFFFF"),
    "nearest_int8": ("6755399441055744.0", "4503599627370496.0"),
    "element_of_quotient e4m3": ("right = tl.where(right > 25, 25, right)", "right = right"),
}
"""Wrong shifts, masks and offsets, signs that are not extended, slots swapped, subnormals as normals, NaN as a number,
the smallest scale as 0, ties up and away, overflow instead of the largest, 2^52 instead of 1.5 * 2^52, and a shift by
the width or more."""
UNDEFINED = "element_of_quotient e4m3"
NOT_RUN = ("nearest_int8", UNDEFINED)
"""The solver's quotient need not be one of two float32 numbers; and the interpreter shows no undefined shift."""
HEADER_BUGS = {
    "decode_hi": ("(code >> 3 & 15) ^ 8) - 8", "(code >> 3 & 15) ^ 8) - 9"),
    "decode_lo": ("((code & 7) ^ 4) - 4", "((code & 7) << code)"),
    "code_of_stored": ("(byte ^ kStoredOffset) & (kCodes - 1)", "byte ^ kStoredOffset"),
    "eighth_vector": ("v < 7; ++v) eighth |=", "v < 6; ++v) eighth |="),
    "stored_hi": ("word >> 3 & 0x0F0F0F0Fu", "word >> 3 & 0x1F1F1F1Fu"),
    "stored_lo times 2": ("0x04040404u * kScale", "0x04040404u"),
    "step_value": ("units * 0x1p-24f", "units * 0x1p-25f"),
    "step_bits": ("(bits & 0x7C00) == 0x7C00", "bits == 0x7C00"),
    "magic_half_bits": ("static_cast<uint8_t>(value) ^ 0x80u", "static_cast<uint8_t>(value)"),
    "element_to_float_bits e4m3": ("(mantissa << (23 - leading))", "(mantissa << 23)"),
    "element_to_float_bits e5m2": ("mantissa != 0 ? 0x7FC00000u : 0x7F800000u", "0x7F800000u"),
    "scale_to_float_bits": ("bits == 0 ? 0x00400000u", "bits == 0 ? 0u"),
}


def planted(source: Path, bug: tuple[str, str], target: Path) -> Path:
    """A copy of a file with the bug."""
    old, new = bug
    text = source.read_text()
    assert text.count(old) == 1, f"{source.name}: {old!r} stands there {text.count(old)} times"
    target.write_text(text.replace(old, new))
    return target


def test_bugs_in_triton_are_refuted(both_terms: Any, bugs: dict[str, Path], compared: Ledger) -> None:
    shipped, wrong = both_terms
    rows = {claim.name: claim for claim in claims.TRITON if claim.name in bugs}
    found = {name: wrong[name].counterexample(claim) for name, claim in rows.items()}
    assert None not in found.values(), f"{[name for name in found if found[name] is None]} pass for correct"
    compared.count(len(rows), **EXPECTED)
    run = [name for name in rows if name not in NOT_RUN]
    files = [*(bugs[name] for name in run), *(sources("triton") / rows[name].file for name in run)]
    calls = [
        call_of(rows[name], path, [[argument] for argument in found[name]])
        for name, path in zip([*run, *run], files, strict=True)
    ]
    answers = [[column[0] for column in answer] for answer in triton_functions.interpreted(calls)]
    for name, bad, good in zip(run, answers[: len(run)], answers[len(run) :], strict=True):
        assert shipped[name].is_right(rows[name], found[name], good)
        assert not shipped[name].is_right(rows[name], found[name], bad), f"{name} of {found[name]}"
        compared.count(1, **EXPECTED)
    assert not wrong[UNDEFINED].is_defined(found[UNDEFINED])


def test_bugs_in_the_header_are_refuted(header_library: Any, tmp_path: Path, compared: Ledger) -> None:
    folder = shutil.copytree(sources("hip"), tmp_path / "hip")
    for bug in HEADER_BUGS.values():
        planted(folder / "decode.hpp", bug, folder / "decode.hpp")
    wrong = build(folder, tmp_path)
    rows = {claim.name: claim for claim in claims.HEADER if claim.name in HEADER_BUGS}
    assert len(rows) == len(HEADER_BUGS)
    undefined = rows.pop("decode_lo")
    with pytest.raises(Unsupported, match="Ijk_"):
        header.lifted(wrong, symbol(undefined), undefined.entry)
    for name, claim in rows.items():
        function = header.lifted(wrong, symbol(claim), claim.entry)
        arguments = function.counterexample(claim)
        assert arguments is not None, f"{name} with its bug passes for correct"
        bad = header.native(wrong, symbol(claim), claim.entry, arguments)
        good = header.native(header_library, symbol(claim), claim.entry, arguments)
        assert function.is_right(claim, arguments, [good])
        assert not function.is_right(claim, arguments, [bad]), f"{name} of {arguments}"
        compared.count(1, **EXPECTED)


# What the specification says


def test_values_equal_lean(compared: Ledger) -> None:
    """Every number, infinity and NaN of a format that Lean's vectors have."""
    for row in vectors.having("floats", "bits", "format", "value"):
        kind, value = definition.float_format(row["format"]), vectors.optional(row["value"])
        if row["bits"] >= 2 * kind.sign_bit:
            continue
        size = kind.size(row["bits"] % kind.sign_bit)
        found = (-size if row["bits"] & kind.sign_bit else size) if isinstance(size, Fraction) else None
        vectors.expect(found, value, row, "framework", compared)
        if isinstance(size, Fraction):
            vectors.expect(kind.bits(size), row["bits"] % kind.sign_bit, row, "framework", compared)


SIZE, BYTE, ANSWER = z3.BitVec("size", 31), z3.BitVec("byte", 8), z3.BitVec("answer", 8)
EXACT: dict[str, Any] = {"subject": "framework", "truth": "exact-rational", "level": "sampled"}


def bits_of_sizes(element: str, count: int) -> list[int]:
    """float32 numbers near the middles between elements, near powers of two and anywhere."""
    kind, random = reference("mx").element(element), np.random.default_rng(35)
    middles = [(kind.to_rat(bits) + kind.to_rat(bits + 1)) / 2 for bits in range(kind.format.largest_bits)]
    places = [definition.FLOAT32.bits(middle * Fraction(2) ** shift) for middle in middles for shift in (-100, 0)]
    places += [1 << 23, (1 << 23) - 1, *(1 << power for power in range(23)), *(field << 23 for field in range(1, 255))]
    chosen = [place + near for place in random.choice(places, count).tolist() for near in (-1, 0, 1)]
    return [0, definition.FLOAT32.numbers - 1, *chosen, *random.integers(0, definition.FLOAT32.numbers, count).tolist()]


def only(stated: Any, given: list[tuple[Any, int]], want: int) -> bool:
    """Whether of the wanted answer and its neighbours that one alone is as stated."""
    pairs = [(term, z3.BitVecVal(number, term.size())) for term, number in given]
    answers = [(want + near) % 256 for near in (-1, 0, 1)]
    found = [z3.substitute(stated, *pairs, (ANSWER, z3.BitVecVal(answer, 8))) for answer in answers]
    return [z3.is_true(z3.simplify(term)) for term in found] == [False, True, False]


@pytest.mark.parametrize("element", claims.ELEMENTS)
def test_statements_of_mx_equal_the_reference(element: str, compared: Ledger) -> None:
    mx = reference("mx")
    kind, width = mx.element(element), definition.float_format(element).width
    nearest = definition.is_quotient(element, SIZE, BYTE, claims.low(width - 1, ANSWER))
    quotient = z3.And(z3.ULT(ANSWER, kind.format.sign_bit), nearest)
    beyond, of_zeros = z3.BitVecVal(254, 8), z3.BitVecVal(0, 8)
    scales = {rule: definition.is_scale(rule, element, SIZE, beyond, of_zeros, ANSWER) for rule in formats.RULES}
    random = np.random.default_rng(35)
    for size in bits_of_sizes(element, 12):
        value = definition.FLOAT32.size(size)
        scale = int(random.choice([127, 127, 0, 1, 60, 200, 254]))
        want = kind.of_rat("positive", "unused", value / mx.scale_to_rat(scale))
        assert only(quotient, [(SIZE, size), (BYTE, scale)], want), (size, scale)
        for rule, stated in scales.items():
            policy = replace(mx.standard, rule=rule)
            assert only(stated, [(SIZE, size)], mx.mx_scale_bits(policy, kind, [value])), (rule, size)
        compared.count(5, **EXACT)


@pytest.mark.parametrize("element", claims.ELEMENTS)
def test_statement_of_products_equals_the_reference(element: str, compared: Ledger) -> None:
    """All elements times the scales at both ends, in the middle and without a number; no other bits are the product."""
    vectorized, kind = reference("mx_vectorized"), reference("mx").element(element)
    code, product = z3.BitVec("code", kind.width), z3.BitVec("product", 32)
    stated = definition.is_product(element, code, BYTE, product)
    scales, random = np.array([0, 1, 2, 127, 252, 253, 254, 255], np.uint8), np.random.default_rng(35)
    for _ in range(40):
        codes = random.integers(0, 1 << kind.width, (1, 32), np.uint8)
        scale = random.choice(scales, 1)
        want = int(vectorized.dequantize(vectorized.MxBlocks(scale, codes), kind).view(np.uint32)[0, 0])
        pairs = [(code, z3.BitVecVal(int(codes[0, 0]), kind.width)), (BYTE, z3.BitVecVal(int(scale[0]), 8))]
        nan = (want & 0x7FFFFFFF) > definition.FLOAT32.numbers
        for bits, right in ((want, True), (want ^ 1, nan), (want ^ 1 << 31, nan)):
            found = z3.simplify(z3.substitute(stated, *pairs, (product, z3.BitVecVal(bits, 32))))
            assert z3.is_true(found) == right, (codes[0, 0], scale, bits)
        compared.count(1, **EXACT)


@pytest.mark.parametrize("element", claims.ELEMENTS)
def test_statement_of_elements_equals_the_reference(element: str, compared: Ledger) -> None:
    values = reference("mx_vectorized").element_values(reference("mx").element(element))
    code = z3.BitVec("code", definition.float_format(element).width)
    stated = definition.decoded(element, "float32", code)
    got = np.array(
        [
            z3.simplify(z3.substitute(stated, (code, z3.BitVecVal(bits, code.size())))).as_long()
            for bits in range(len(values))
        ],
        np.uint32,
    )
    np.testing.assert_array_equal(got.view(np.float32), values)
    np.testing.assert_array_equal(got >> 31, values.view(np.uint32) >> 31)
    compared.count(len(values), subject="framework", truth="exact-rational", level="exhaustive", domain=len(values))


def test_statement_of_scales_equals_the_reference(compared: Ledger) -> None:
    mx = reference("mx")
    stated = definition.scale("float32", BYTE)
    for byte in range(256):
        bits = z3.simplify(z3.substitute(stated, (BYTE, z3.BitVecVal(byte, 8)))).as_long()
        size = definition.FLOAT32.size(bits)
        assert (size if isinstance(size, Fraction) else None) == mx.scale_to_rat(byte), byte
    compared.count(256, subject="framework", truth="exact-rational", level="exhaustive", domain=256)


@pytest.mark.parametrize("ends", [(-8, 7), (-4, 3)], ids=["hi", "lo"])
def test_statement_of_slots_equals_the_reference(ends: tuple[int, int], compared: Ledger) -> None:
    exact, random = exact_reference(), np.random.default_rng(35)
    middles = [definition.FLOAT32.bits(Fraction(number, 2)) for number in range(1, 20)]
    sizes = [middle + near for middle in middles for near in (-1, 0, 1)]
    sizes += [
        0,
        1,
        1 << 23,
        definition.FLOAT32.numbers - 1,
        *random.integers(0, definition.FLOAT32.numbers, 20).tolist(),
    ]
    for sign in (-1, 1):
        stated = definition.is_slot(SIZE, z3.BoolVal(sign < 0), *ends, ANSWER)
        for size in sizes:
            want = exact.quantize_slot(*ends, sign * definition.FLOAT32.size(size))
            assert only(stated, [(SIZE, size)], want % 256), (sign, size)
    compared.count(2 * len(sizes), **EXACT)
