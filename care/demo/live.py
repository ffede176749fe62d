"""The demo's live part: the daemon as `care run` starts it, on the demo's own settings."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from care.base.errors import UnavailableError
from care.base.logs import configure_logs
from care.bootstrap import build_services
from care.daemon import Daemon
from care.demo.folder import SETTINGS

HOST = "127.0.0.1"
LOG = "care.log"
READY_SECONDS = 30.0
_POLL_SECONDS = 0.2
_OK = 200
_LOG_SETTINGS = "CARE_LOG__"


def free_port(port: int) -> int:
    """Return the port if nobody has it, for 0 any free one.

    Raises:
        UnavailableError: another program listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UnavailableError(
                f"port {port}: cannot be used ({error.strerror}). End the program that has it, or add --port 8001"
            ) from None
        return int(probe.getsockname()[1])


def run_live(folder: Path, *, port: int, on_ready: Callable[[bool], None]) -> None:
    """Run the daemon with web and dispatch processes until Ctrl-C or SIGTERM.

    `on_ready` is told once whether the console answers. What the processes log goes to `care.log` in the folder.
    """
    _enter(folder)
    over = threading.Event()
    waiting = threading.Thread(target=_tell_when_ready, args=(port, over, on_ready), name="ready", daemon=True)
    with _stderr_to(folder / LOG):
        services = build_services()
        configure_logs(services.settings.log, process="leader")
        waiting.start()
        try:
            Daemon(services=services).run()
        finally:
            over.set()
            waiting.join()


def _enter(folder: Path) -> None:
    """Make the folder's settings the only ones that this process and its children know."""
    for name in [name for name in os.environ if name.startswith("CARE_") and not name.startswith(_LOG_SETTINGS)]:
        del os.environ[name]
    os.environ["CARE_CONFIG"] = str(folder / SETTINGS)
    os.chdir(folder)


@contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """Write what this process and its children say on stderr to a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(file, 2)
    os.close(file)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _tell_when_ready(port: int, over: threading.Event, on_ready: Callable[[bool], None]) -> None:
    for _ in range(int(READY_SECONDS / _POLL_SECONDS)):
        if over.wait(_POLL_SECONDS):
            return
        if _is_ready(port):
            on_ready(True)
            return
    on_ready(False)


def _is_ready(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == _OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
