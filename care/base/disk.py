"""How much room is left on the disk: the only module that asks."""

import os
from collections.abc import Callable
from pathlib import Path

MIB = 1024 * 1024
FreeSpace = Callable[[Path], int]
"""Return the bytes that a program of ours may still write under a folder."""


def free_bytes(folder: Path) -> int:
    """Ask the file system.

    Raises:
        OSError: the folder is not there.
    """
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def fill(path: Path, size: int) -> None:
    """Make a file of so many bytes that really takes them, for its owner alone.

    Raises:
        OSError: there is no room, or the folder may not be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
