"""Child processes that end with their parent, and signals that ask for a clean end."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

SUPERVISED = "CARE_SUPERVISED"
"""Set by the supervisor: the child's standard input closes when the parent ends, however it ends."""


_WORD = b"go\n"


def start_supervised(name: str, *, inherits: Mapping[str, int] | None = None) -> subprocess.Popen[bytes]:
    """Start a command of ours that loads what it needs and then waits for `give_word`.

    Its standard input is our life line to it. `inherits` are open files by the variable that tells it their number.
    """
    files = inherits or {}
    told = {SUPERVISED: "1", **{variable: str(number) for variable, number in files.items()}}
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "care.cli.main", name],
        stdin=subprocess.PIPE,
        env={**os.environ, **told},
        pass_fds=tuple(files.values()),
    )


@contextmanager
def start_early(name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a child while it is not certain yet that it may work; it is ended with the block, if it still lives."""
    process = start_supervised(name)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        with process:  # closes its pipe and waits
            pass


def give_word(process: subprocess.Popen[bytes]) -> None:
    """Let a child begin; one that has died meanwhile is the supervisor's next concern."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        os.write(process.stdin.fileno(), _WORD)


def wait_for_word() -> None:
    """Wait, as a child, until the supervisor knows that all is well; end quietly when it ends before."""
    if is_supervised() and os.read(sys.stdin.fileno(), len(_WORD)) != _WORD:
        sys.exit(0)


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether a process stands still because it was told to (SIGSTOP); False where the system does not say."""
    try:
        words = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return words.rpartition(")")[2].split()[:1] == ["T"]  # what stands before it is the program's name


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
