"""A file lock that the kernel gives back the moment its holder dies: proof of death on one host."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from care.base.errors import UnavailableError


class LockTakenError(UnavailableError):
    """Another living process holds the lock."""


class FileLock:
    """An exclusive `flock`, held until `release` or the end of the process."""

    def __init__(self, path: Path, what: str) -> None:
        """`what` names the holder for people: 'a leader'."""
        self.path, self._what, self._handle = path, what, -1

    def acquire(self) -> Self:
        """Take the lock at once.

        Raises:
            LockTakenError: with the holder's process id.
            UnavailableError: the folder cannot be written.
        """
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(f"{self.path}: {error.strerror}. Make the folder writable") from None
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._handle, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._handle)
            self._handle = -1
            raise LockTakenError(
                f"{self.path.parent}: {self._what} runs on this database already (process {holder}). "
                "Stop it first, or use another database"
            ) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        return self

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
