"""A lock for each life of a sender: while the kernel holds it, that process lives; when it does not, it is dead.

On SQLite one lock beside the database says so for all. Where several senders share a PostgreSQL database, each
holds a file of its own, and whoever shares its file system can prove its end without waiting for its lease.
"""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from care.base.errors import UnavailableError
from care.base.ids import random_token
from care.delivery.machine import boot_id

ENDING = ".lock"


class LifeLock:
    """The lock of one life, from `begin` to `end` or the death of the process."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._handle = folder, -1
        self.name = ""

    def begin(self) -> str:
        """Take a fresh lock and return its name, the same until `end`.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        if self._handle >= 0:
            return self.name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            while self._handle < 0:
                self._try()
        except OSError as error:
            raise UnavailableError(f"{self._folder}: {error.strerror}. Make the folder writable") from None
        return self.name

    def _try(self) -> None:
        """Make a file and lock it; one that a sweep removed between the two is given up."""
        self.name = random_token(12)
        path = _path(self._folder, self.name)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        mine = os.fstat(handle).st_ino
        os.write(handle, _signature(mine).encode())
        if not path.exists() or path.stat().st_ino != mine:
            os.close(handle)
            return
        self._handle = handle

    def end(self) -> None:
        """Give the lock back and take its file away; harmless when it is not held."""
        if self._handle >= 0:
            _path(self._folder, self.name).unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1


def dead_among(folder: Path, names: Collection[str]) -> list[str]:
    """Return those lives that are proven to be over; a life whose file is not here is not among them."""
    return [name for name in names if _is_over(folder, name)]


def _is_over(folder: Path, name: str) -> bool:
    with _unlocked(_path(folder, name)) as handle:
        return handle >= 0 and os.pread(handle, 128, 0).decode(errors="replace") == _signature(os.fstat(handle).st_ino)


def remove_locks(folder: Path, names: Collection[str]) -> None:
    """Take away the files of lives that were settled."""
    for name in names:
        _path(folder, name).unlink(missing_ok=True)


def sweep(folder: Path, kept: Collection[str]) -> None:
    """Take away files that nobody holds and no open life is named after."""
    for path in folder.glob(f"*{ENDING}"):
        if path.stem not in kept:
            with _unlocked(path) as handle:
                if handle >= 0:
                    path.unlink(missing_ok=True)


@contextmanager
def _unlocked(path: Path) -> Iterator[int]:
    """Give an open file that nobody else holds locked, or -1."""
    handle, found = -1, -1
    with suppress(OSError):
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = handle
    try:
        yield found
    finally:
        if handle >= 0:
            os.close(handle)


def _signature(inode: int) -> str:
    """Return what only the file itself says under the kernel that locks it: a copy of it proves nothing."""
    return f"{boot_id()} {inode}\n"


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}{ENDING}"
