"""Child processes that end with their parent, and signals that ask for a clean end."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

SUPERVISED = "CARE_SUPERVISED"
"""Set by the supervisor: the child's standard input closes when the parent ends, however it ends."""


def is_supervised() -> bool:
    """Tell whether this process was started by `care run`."""
    return os.environ.get(SUPERVISED) == "1"


def call_on_end(end: Callable[[], None]) -> None:
    """Call `end` once on SIGTERM, SIGINT, or when a supervising parent is gone. Call from the main thread."""
    once = threading.Lock()

    def ask(_signal: int = 0, _frame: FrameType | None = None) -> None:
        if once.acquire(blocking=False):
            end()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    if is_supervised():
        threading.Thread(target=_wait_for_parent, args=(ask,), name="parent", daemon=True).start()


def _wait_for_parent(ask: Callable[[], None]) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # unbuffered: a buffer's lock would break the interpreter's end
        pass
    ask()
