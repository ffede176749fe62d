"""The name that a journal gets at its birth: one that is new, emptied or copied cannot vouch for what was sent.

It lies in a file beside the pages. Each further line names a machine with which a database has known the journal by
this name, so that what programs of before say of that machine vouches for no copy of it.
"""

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from care.base.ids import random_token

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = "name"
_MOST = 1 << 16  # bytes


class JournalName(NamedTuple):
    """What the file says; a journal without one has no name yet."""

    name: str = ""
    settled: frozenset[str] = frozenset()


def read_name(folder: Path) -> JournalName:
    """Return the name of a journal; a first line that was torn off is none.

    Raises:
        OSError: the file is there and cannot be read.
    """
    try:
        return _parse((folder / _FILE).read_bytes())
    except FileNotFoundError:
        return JournalName()


def give_name(folder: Path) -> JournalName:
    """Return the name of a journal, and give it one if it has none; senders that begin together get the same.

    Raises:
        OSError: it cannot be written.
    """
    if (found := read_name(folder)).name:
        return found
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _held(folder) as handle:
        found = _parse(os.pread(handle, _MOST, 0))
        if not found.name:
            found = JournalName(random_token(12))
            os.ftruncate(handle, 0)
            _write(handle, found.name)
    return found


def settle_name(folder: Path, former: str) -> None:
    """Note that a database knows this journal by its name now: its `former` word about the machine counts no more.

    Raises:
        OSError: it cannot be written.
    """
    with _held(folder) as handle:
        found = _parse(os.pread(handle, _MOST, 0))
        if found.name and former not in found.settled:
            _write(handle, former)


@contextmanager
def _held(folder: Path) -> "Iterator[int]":
    """Keep the file to ourselves, and bring it to the disk."""
    handle = os.open(folder / _FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
        os.fsync(handle)
    finally:
        os.close(handle)
    whole = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(whole)
    finally:
        os.close(whole)


def _write(handle: int, word: str) -> None:
    data = f"{word}\n".encode()
    if os.write(handle, data) < len(data):
        raise OSError(28, "No space left on device")


def _parse(data: bytes) -> JournalName:
    lines = data.decode("ascii", errors="replace").splitlines(keepends=True)
    whole = [line.rstrip("\n") for line in lines if line.endswith("\n")]
    if not whole or not whole[0].replace("-", "").replace("_", "").isalnum():
        return JournalName()
    return JournalName(whole[0], frozenset(whole[1:]))
