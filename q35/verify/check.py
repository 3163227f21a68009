"""`verify`: a certificate and its model file against the model that they were made from, figure by figure.

What is checked: the certificate's schema and canonical bytes; the digest of the certificate in the model file and
that of the model file in the certificate, so that no bit of either can change; the inputs' hashes; the structure and
every byte of the model file; every figure, derived anew in exact arithmetic; and that every code names the nearest
entry. What is not: that the steps are the best ones, and the versions and source hashes of the tools, which no file
shows.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
from numpy.typing import NDArray

from q35.errors import CheckFailed, InputError
from q35.verify.container import Container, MalformedError, Stored, open_container, parse_json
from q35.verify.exact import FINEST, Chunk, Figures, dyadic_text, measure, rational_text, root_text, split_floats
from q35.verify.nearest import first_not_nearest
from q35.verify.scheme import Scheme, load_scheme

WEIGHTS_AT_ONCE = 1 << 16
BYTES_AT_ONCE = 1 << 20
FILE_SCHEMA = "q35.model/1"


def verify(out: Path, against: Path, certificate: Path | None = None) -> dict[str, Any]:
    """Check `out` and its certificate (`OUT.cert.json` unless named) against the model `against`; counts of what was
    checked.

    Raises `CheckFailed` naming the first culprit, and `InputError` when a file cannot be read or `against` is no model.
    """
    certificate = certificate or out.with_name(out.name + ".cert.json")
    stated = _read_certificate(certificate)
    model = _open_output(out)
    _check_digest(stated, model, out, certificate)
    sources = _open_inputs(stated["inputs"], against)
    scheme = load_scheme(stated["format"])
    _check_structure(stated, sources, model, out)
    total = Figures()
    payload = 0
    for entry in stated["tensors"]:
        source = sources[entry["name"]]
        if entry["action"] == "copied":
            _check_copy(entry, source, model.tensors[entry["name"]], out)
        else:
            figures, size = _check_quantized(entry, source, model, scheme, out)
            total.add(figures)
            payload += size
    _check_totals(stated["totals"], stated["tensors"], total, payload, certificate)
    digest = _sha256(model.raw)
    _expect(str(certificate), "output size", stated["output"]["size"], len(model.raw))
    _expect(str(certificate), "output sha256", stated["output"]["sha256"], digest)
    return {
        "schema": "q35.verified/1",
        "model": out.name,
        "sha256": digest,
        "scheme": scheme.id,
        "tensors": stated["totals"]["tensors"],
        "quantized": stated["totals"]["quantized"],
        "weights": total.weights,
        "relative_rmse": stated["totals"]["relative_rmse"],
        "bits_per_weight": stated["totals"]["bits_per_weight"],
        "certificate_sha256": _digest(stated),
    }


def _expect(where: str, figure: str, stated: object, derived: object) -> None:
    if stated != derived or type(stated) is not type(derived):
        raise CheckFailed(f"{figure}: stated {stated}, derived {derived}", where)


def _sha256(raw: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(raw).data).hexdigest()


def _canonical(value: object) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _digest(stated: Mapping[str, Any]) -> str:
    """The digest that the model file carries: of the canonical certificate without its `output`."""
    return hashlib.sha256(_canonical({key: value for key, value in stated.items() if key != "output"})).hexdigest()


@cache
def _validator() -> Any:
    schema = importlib.resources.files("q35spec").joinpath("schemas/certificate.schema.json").read_text()
    return jsonschema.Draft202012Validator(json.loads(schema))


def _read_certificate(path: Path) -> dict[str, Any]:
    """The certificate, valid by its schema and in canonical bytes."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the certificate: {error.strerror}", str(path)) from None
    try:
        value = parse_json(raw)
        same = raw == _canonical(value)
    except (MalformedError, UnicodeEncodeError, ValueError) as error:
        raise CheckFailed(f"the certificate is corrupt: {error}", str(path)) from None
    if not same:
        raise CheckFailed("the certificate is not in its canonical form", str(path))
    for fault in _validator().iter_errors(value):
        raise CheckFailed(f"the certificate breaks its schema at {fault.json_path}: {fault.message[:200]}", str(path))
    names = [entry["name"] for entry in value["tensors"]]
    if names != sorted(set(names)):
        raise CheckFailed("the certificate's tensors are not sorted by name or not unique", str(path))
    return dict(value)


def _open_output(path: Path) -> Container:
    try:
        return open_container(path)
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", str(path)) from None
    except MalformedError as error:
        raise CheckFailed(f"not a safetensors file: {error}", str(path)) from None


def _check_digest(stated: Mapping[str, Any], model: Container, out: Path, certificate: Path) -> None:
    carried = model.metadata.get("q35.certificate_sha256")
    if carried is None:
        raise CheckFailed("the file carries no certificate digest: it is not a quantized model", str(out))
    if carried != _digest(stated):
        raise CheckFailed(
            f"this is not the certificate of {out.name}: its digest is {_digest(stated)}, the file carries {carried}",
            str(certificate),
        )


def _open_inputs(stated: list[dict[str, Any]], against: Path) -> dict[str, Stored]:
    """The tensors of the original model, after its files' hashes agree with the certificate."""
    alone = against.is_file() and against.suffix != ".json"
    if alone and len(stated) != 1:
        raise InputError(
            f"the certificate names {len(stated)} input files, this is one",
            str(against),
            "name the index or its folder",
        )
    folder = against if against.is_dir() else against.parent
    tensors: dict[str, Stored] = {}
    places: dict[str, str] = {}
    index: Any = None
    for entry in stated:
        path = against if alone else folder / entry["file"]
        try:
            if not path.name.endswith(".json"):
                container = open_container(path)
                raw: NDArray[np.uint8] = container.raw
                tensors |= container.tensors
                places |= dict.fromkeys(container.tensors, path.name)
            else:
                raw = np.fromfile(path, np.uint8)
                index = parse_json(raw.tobytes())
        except OSError as error:
            raise InputError(f"cannot read: {error.strerror}", str(path)) from None
        except MalformedError as error:
            raise InputError(f"not the model that was quantized: {error}", str(path)) from None
        _expect(str(path), "not the file that was quantized: its size", entry["size"], len(raw))
        _expect(str(path), "not the file that was quantized: its sha256", entry["sha256"], _sha256(raw))
    if index is not None:
        _expect(str(against), "the index's map of tensors to shards", index.get("weight_map"), places)
    return tensors


def _output_names(entry: Mapping[str, Any]) -> list[str]:
    if entry["action"] == "copied":
        return [entry["name"]]
    parts = ["codes", "steps", "zero_points"] if "zero_points_sha256" in entry else ["codes", "steps"]
    return [f"{entry['name']}.{part}" for part in parts]


def _check_structure(stated: Mapping[str, Any], sources: Mapping[str, Stored], model: Container, out: Path) -> None:
    """The same tensors on both sides, and metadata that say what the certificate says."""
    where = str(out)
    _expect(where, "the model's tensors", [entry["name"] for entry in stated["tensors"]], sorted(sources))
    for entry in stated["tensors"]:
        source = sources[entry["name"]]
        _expect(_at(out, entry), "dtype", entry["dtype"], source.dtype)
        _expect(_at(out, entry), "shape", entry["shape"], list(source.shape))
        _expect(_at(out, entry), "weights", entry["weights"], prod(source.shape))
    expected = sorted(name for entry in stated["tensors"] for name in _output_names(entry))
    _expect(where, "the file's tensors", sorted(model.tensors), expected)
    shapes = {
        entry["name"]: {"dtype": entry["dtype"], "shape": entry["shape"]}
        for entry in stated["tensors"]
        if entry["action"] == "quantized"
    }
    own = {
        "q35.schema": FILE_SCHEMA,
        "q35.scheme": stated["format"]["scheme"],
        "q35.storage": stated["format"]["storage"],
        "q35.table_sha256": stated["format"]["table_sha256"],
        "q35.certificate_sha256": _digest(stated),
        "q35.tensors": json.dumps(shapes, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
    }
    if stated["format"]["block_size"] is not None:
        own["q35.block_size"] = str(stated["format"]["block_size"])
    found = {key: value for key, value in model.metadata.items() if key.startswith("q35.")}
    for key in sorted(own.keys() | found.keys()):
        _expect(where, f"metadata {key}", found.get(key), own.get(key))


def _at(out: Path, entry: Mapping[str, Any]) -> str:
    return f"{out}: tensor {entry['name']}"


def _check_copy(entry: Mapping[str, Any], source: Stored, copy: Stored, out: Path) -> None:
    where = _at(out, entry)
    _expect(where, "dtype in the file", copy.dtype, source.dtype)
    _expect(where, "shape in the file", copy.shape, source.shape)
    for start in range(0, len(copy.raw), BYTES_AT_ONCE):
        differs = source.raw[start : start + BYTES_AT_ONCE] != copy.raw[start : start + BYTES_AT_ONCE]
        if differs.any():
            raise CheckFailed(f"byte {start + int(differs.argmax())} differs from the original", where)
    _expect(where, "sha256", entry["sha256"], _sha256(copy.raw))


@dataclass(frozen=True)
class _Parts:
    """A quantized tensor as stored."""

    codes: NDArray[np.uint8]  # [rows, row bytes]
    steps: NDArray[np.uint8]  # raw bytes of float16 [rows, blocks] or [cols]
    step_shape: tuple[int, ...]
    zero_points: NDArray[np.int8] | None  # [cols]


def _stored(name: str, model: Container, dtype: str, shape: tuple[int, ...], where: str) -> NDArray[np.uint8]:
    tensor = model.tensors[name]
    _expect(where, f"{name}: dtype in the file", tensor.dtype, dtype)
    _expect(where, f"{name}: shape in the file", tensor.shape, shape)
    return tensor.raw


def _parts(entry: Mapping[str, Any], rows: int, cols: int, scheme: Scheme, model: Container, where: str) -> _Parts:
    """The stored parts, their shapes and hashes checked."""
    name, pairs = entry["name"], (cols + 1) // 2
    width = (7 * pairs + 7) // 8 if scheme.storage == "stream" else pairs
    step_shape = (cols,) if scheme.per == "column" else (rows, scheme.blocks(cols))
    codes = _stored(f"{name}.codes", model, "U8", (rows, width), where)
    steps = _stored(f"{name}.steps", model, "F16", step_shape, where)
    _expect(where, "sha256 of the codes", entry["codes_sha256"], _sha256(codes))
    _expect(where, "sha256 of the steps", entry["steps_sha256"], _sha256(steps))
    _expect(where, "has zero points", "zero_points_sha256" in entry, scheme.per == "column")
    zero_points = None
    if scheme.per == "column":
        raw = _stored(f"{name}.zero_points", model, "I8", (cols,), where)
        _expect(where, "sha256 of the zero points", entry["zero_points_sha256"], _sha256(raw))
        zero_points = raw.view(np.int8)
    return _Parts(codes.reshape(rows, width), steps, step_shape, zero_points)


def _check_quantized(
    entry: Mapping[str, Any], source: Stored, model: Container, scheme: Scheme, out: Path
) -> tuple[Figures, int]:
    """Every statement about one quantized tensor; its figures and the bytes it takes."""
    where, shape = _at(out, entry), source.shape
    if source.dtype not in ("F32", "F16", "BF16") or prod(shape) == 0:
        raise CheckFailed(f"{source.dtype} {list(shape)} cannot have been quantized", where)
    rows, cols = (1, shape[0]) if len(shape) == 1 else (shape[0], prod(shape[1:]))
    _expect(where, "sha256 of the original", entry["input_sha256"], _sha256(source.raw))
    parts = _parts(entry, rows, cols, scheme, model, where)
    figures = Figures()
    for first, some in _chunks(rows, cols):
        figures.add(_check_rows(source, parts, scheme, (rows, cols), slice(first, first + some), where))
    size = sum(model.tensors[name].raw.size for name in _output_names(entry))
    for figure, value in {
        **figure_texts(figures),
        "bound_theorem": scheme.theorem,
        "max_safe_k": scheme.max_safe_k(parts.zero_points),
        "bits_per_weight": rational_text(Fraction(8 * size, figures.weights)),
    }.items():
        _expect(where, figure, entry[figure], value)
    return figures, size


def figure_texts(figures: Figures) -> dict[str, str | int]:
    """The figures as a certificate spells them."""
    return {
        "weights": figures.weights,
        "largest_error": dyadic_text(figures.largest_error, FINEST),
        "squared_error": dyadic_text(figures.squared_error, 2 * FINEST),
        "squared_weight": dyadic_text(figures.squared_weight, 2 * FINEST),
        "relative_rmse": root_text(figures.squared_error, figures.squared_weight),
        "outside_region": figures.outside,
        "error_bound": rational_text(figures.bound),
    }


def _chunks(rows: int, cols: int) -> Iterator[tuple[int, int]]:
    some = max(1, WEIGHTS_AT_ONCE // cols)
    return ((first, min(some, rows - first)) for first in range(0, rows, some))


def _check_rows(
    source: Stored, parts: _Parts, scheme: Scheme, shape: tuple[int, int], some: slice, where: str
) -> Figures:
    """The figures of the rows `some`; codes, steps and nearness are checked on the way."""
    cols, pairs, n = shape[1], (shape[1] + 1) // 2, some.stop - some.start
    raw = source.raw.reshape(shape[0], -1)[some]
    weights, bad = split_floats(_even(raw, cols), source.dtype, (n, pairs, 2))
    if bad.any():
        raise CheckFailed(f"{_index(bad, some.start, 2 * pairs)} of the original is not finite", where)
    step_raw, step_shape = (
        (parts.steps, parts.step_shape)
        if scheme.per == "column"
        else (parts.steps.reshape(shape[0], -1)[some], (n, parts.step_shape[1]))
    )
    steps, bad = split_floats(step_raw, "F16", step_shape)
    if bad.any():
        raise CheckFailed(
            f"step {int(bad.argmax()) + (some.start * step_shape[-1] if len(step_shape) > 1 else 0)} is not finite",
            where,
        )
    codes = _codes(parts.codes[some], pairs, scheme.storage, some.start, where)
    spread = scheme.spread(steps, pairs)
    slots, entries, rule = scheme.reconstruct(codes, parts.zero_points)
    real = (np.arange(2 * pairs) < cols).reshape(pairs, 2)
    figures, wrong = measure(Chunk(weights, spread, slots, entries, real), rule)
    if scheme.pair_rule:
        exact = np.ldexp(weights.mantissa.astype(np.float64), weights.exponent)
        step = np.broadcast_to(np.ldexp(spread.mantissa.astype(np.float64), spread.exponent), (n, pairs, 1))
        pair = first_not_nearest(exact.reshape(-1, 2), step.reshape(-1), codes.reshape(-1), scheme.table)
        wrong = None if pair is None else 2 * pair
    if wrong is not None:
        row, pair = divmod(wrong // 2, pairs)
        raise CheckFailed(f"the code of row {some.start + row}, pair {pair} is not the nearest entry's", where)
    return figures


def _even(raw: NDArray[np.uint8], cols: int) -> NDArray[np.uint8]:
    """Rows of weights in bytes, each with one zero weight appended when `cols` is odd."""
    return raw if cols % 2 == 0 else np.pad(raw, ((0, 0), (0, raw.shape[1] // cols)))


def _index(flags: NDArray[np.bool_], first_row: int, width: int) -> str:
    row, column = divmod(int(flags.argmax()), width)
    return f"weight [{first_row + row}, {column}]"


def _codes(stored: NDArray[np.uint8], pairs: int, storage: str, first_row: int, where: str) -> NDArray[np.uint8]:
    """The codes `[rows, pairs]` of stored rows; a byte above 127 or a tail bit that is not zero is refused."""
    if storage == "byte":
        if (stored > 127).any():
            row, pair = divmod(int((stored > 127).argmax()), pairs)
            raise CheckFailed(f"byte {stored[row, pair]} at row {first_row + row}, pair {pair} is not a code", where)
        return np.ascontiguousarray(stored)
    bits = np.unpackbits(stored, axis=1, bitorder="little")
    if bits[:, 7 * pairs :].any():
        row = int(bits[:, 7 * pairs :].any(axis=1).argmax())
        raise CheckFailed(f"the bits after the last code of row {first_row + row} are not zero", where)
    return np.packbits(bits[:, : 7 * pairs].reshape(-1, pairs, 7), axis=2, bitorder="little")[..., 0]


def _check_totals(
    stated: Mapping[str, Any], tensors: list[dict[str, Any]], total: Figures, payload: int, certificate: Path
) -> None:
    quantized = sum(entry["action"] == "quantized" for entry in tensors)
    derived = {
        **figure_texts(total),
        "tensors": len(tensors),
        "quantized": quantized,
        "copied": len(tensors) - quantized,
        "bytes": payload,
        "bits_per_weight": rational_text(Fraction(8 * payload, max(total.weights, 1))),
    }
    for figure, value in derived.items():
        _expect(str(certificate), f"totals: {figure}", stated[figure], value)
