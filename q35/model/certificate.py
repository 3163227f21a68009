"""Certificates: what was done to each tensor and how exact it is, tied to the model file by hashes in both directions.

The model file's metadata carry the digest of the certificate without its `output` section; that section carries the
hash of the finished model file. So neither file can change by one bit without the other, or itself, giving it away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

import q35
import q35spec
from q35.errors import InputError
from q35.files import canonical_json, read_json, sha256_file, sha256_tree

SCHEMA = "q35.certificate/1"
METADATA_KEY = "q35.certificate_sha256"


def path_of(model: Path) -> Path:
    """Where the certificate of `model` lies."""
    return model.with_name(model.name + ".cert.json")


def digest(certificate: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of `certificate` without its `output` section."""
    return hashlib.sha256(canonical_json({k: v for k, v in certificate.items() if k != "output"})).hexdigest()


def describe_tool() -> dict[str, str]:
    """This program's version and the hash of the sources that quantize and certify."""
    folder = Path(__file__).parent
    return {"name": "q35", "version": q35.__version__, "source_sha256": sha256_tree(folder, folder.glob("*.py"))}


def describe_input(path: Path) -> dict[str, Any]:
    """A file of the original model."""
    return {"file": path.name, "size": path.stat().st_size, "sha256": sha256_file(path)}


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(q35spec.schema("certificate"))


def read(path: Path, metadata: Mapping[str, str], model: Path) -> dict[str, Any]:
    """The certificate in `path`, if it is the one whose digest the `metadata` of `model` carry; else `InputError`.

    This ties the two together; whether the figures are true is for `q35 verify`.
    """
    value: dict[str, Any] = read_json(path)
    for fault in _validator().iter_errors(value):
        raise InputError(f"not a certificate of this version: {fault.message[:200]} at {fault.json_path}", str(path))
    try:
        own = digest(value)
    except UnicodeEncodeError:
        raise InputError("not a certificate: a name in it is not valid Unicode", str(path)) from None
    if metadata.get(METADATA_KEY) != own:
        raise InputError(
            f"this certificate belongs to another file than {model.name}",
            str(path),
            "quantize again, or put the right certificate beside the model",
        )
    return value
