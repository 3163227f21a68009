"""The user's cache folder: where it is, locks in it, digests of what it holds."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from q35.errors import ToolchainError
from q35.files import cache_folder


def cache_root() -> Path:
    """Folder for everything that can be made again: `$Q35_CACHE`, else `$XDG_CACHE_HOME/q35`, else `~/.cache/q35`.

    Raises `ToolchainError` if it cannot be created. The path is absolute and free of symbolic links, because
    the embedded Lean sees the host's folders under their real names only.
    """
    return make_folder(cache_folder().expanduser())


def make_folder(path: Path) -> Path:
    """Create `path` and its parents; returns it resolved. Raises `ToolchainError` when that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolchainError(f"cannot create the cache folder: {error.strerror}", str(path), "set Q35_CACHE") from error
    return path.resolve()


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path`; calls `on_wait` once if another process holds it. It ends with the process."""
    make_folder(path.parent)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest_json(value: Any) -> str:
    """sha256 (hex) of a JSON value in its one canonical spelling (sorted keys, no spaces, UTF-8)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
