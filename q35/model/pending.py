"""Files that appear whole or not at all: written under a dot name beside the target, flushed, then renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import secrets
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from q35.errors import InputError

SUFFIX = ".q35-part"
_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free some space or write to another folder"),
    errno.EDQUOT: ("the disk quota is used up", "free some space or write to another folder"),
    errno.EFBIG: ("the file is larger than this system allows here", "raise the limit or write to another folder"),
    errno.EACCES: ("no permission to write here", "choose a folder you may write to"),
    errno.EPERM: ("no permission to write here", "choose a folder you may write to"),
    errno.EROFS: ("the file system is read-only", "choose a folder you may write to"),
    errno.ENOENT: ("the folder does not exist", "create it first"),
    errno.ENOTDIR: ("its parent is not a folder", None),
    errno.EISDIR: ("this is a folder", "name a file in it"),
}


@contextlib.contextmanager
def write_errors(target: Path) -> Iterator[None]:
    """Turn an `OSError` of writing `target` into one `InputError` that says what to do."""
    try:
        yield
    except OSError as error:
        what, fix = _ADVICE.get(error.errno or 0, (f"cannot write: {error.strerror or error}", None))
        raise InputError(what, str(target), fix) from error


class PendingFile:
    """A file that is being written; `commit_all` gives it its name, leaving the `with` block without that removes it.

    While it is open it is locked, so that a later run can tell the leftovers of a killed process, which it removes,
    from the work of a live one.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        with write_errors(target):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            _remove_leftovers(target)
            self.handle, self.temporary = _create_locked(target)
        self._done = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._done:
            self.temporary.unlink(missing_ok=True)
        os.close(self.handle)

    def reserve(self, size: int) -> None:
        """Give the file `size` bytes now, so that a full disk is met before the work and not after it."""
        with write_errors(self.target):
            if size:
                os.posix_fallocate(self.handle, 0, size)

    def write_at(self, offset: int, data: memoryview | bytes) -> None:
        """Write all of `data` (contiguous bytes) at byte `offset`."""
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        with write_errors(self.target):
            while view:
                written = os.pwrite(self.handle, view, offset)
                view, offset = view[written:], offset + written

    def flush(self) -> None:
        """Wait until the bytes are on the disk."""
        with write_errors(self.target):
            os.fsync(self.handle)

    def _rename(self) -> None:
        with write_errors(self.target):
            os.replace(self.temporary, self.target)
        self._done = True


def commit_all(files: Sequence[PendingFile]) -> None:
    """Flush all `files`, then give each its name; signals wait meanwhile, and a failure removes those already named."""
    for file in files:
        file.flush()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    named: list[PendingFile] = []
    try:
        for file in files:
            file._rename()
            named.append(file)
        for folder in {file.target.parent for file in files}:
            _flush_folder(folder)
    except InputError:
        for file in named:
            file.target.unlink(missing_ok=True)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _create_locked(target: Path) -> tuple[int, Path]:
    """A new temporary file beside `target`, locked; again from the start if another run took it for a leftover."""
    while True:
        path = target.with_name(f".{target.name}.{secrets.token_hex(4)}{SUFFIX}")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists():
                return handle, path
        except BaseException:
            path.unlink(missing_ok=True)
            os.close(handle)
            raise
        os.close(handle)


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of killed runs for `target`: those that nobody holds locked."""
    for name in glob.glob(f".{glob.escape(target.name)}.*{SUFFIX}", root_dir=target.parent, include_hidden=True):
        path = target.with_name(name)
        with contextlib.suppress(FileNotFoundError, PermissionError):
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            except BlockingIOError:
                pass  # a live run writes it
            finally:
                os.close(handle)


def _flush_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk."""
    with write_errors(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
