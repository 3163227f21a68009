"""Which C++ sources: the same hash here, from the files, and in the extension, from what it was built of."""

from __future__ import annotations

import hashlib
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "cpu"
"""The folder of the C++ sources, in a source tree and in an installed package alike."""


def source_sha256_of(folder: Path = SOURCES) -> str:
    """SHA-256 over the `.cpp` and `.hpp` files directly in `folder`: of their hashes and names, sorted by name.

    Equals `source_sha256()` exactly when the extension was built from these files (CMakeLists.txt computes the same).
    """
    files = sorted((file for file in folder.iterdir() if file.suffix in {".cpp", ".hpp"}), key=lambda file: file.name)
    listing = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    return hashlib.sha256(listing.encode()).hexdigest()
