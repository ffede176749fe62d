"""The web process's listening socket. The leader holds it open, so that callers wait while no web process serves.

A provider calls back within moments of the first message, which may be before the web process has loaded, and it
calls while one that crashed is started anew. With the socket held elsewhere the system keeps such calls in its queue.
"""

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from care.base.errors import UnavailableError

HELD_LISTENER = "CARE_HELD_LISTENER"
"""Number of the inherited socket, set by the leader for the web process."""


class PortTakenError(UnavailableError):
    """Another program listens there."""


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one.

    Raises:
        PortTakenError: another program listens there.
        UnavailableError: the address is not this machine's, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, TypeError) as error:
        listener.close()
        raise _refusal(host, port, error) from None
    return listener


def listen_patiently(host: str, port: int, *, tries: int, pause: Callable[[], None]) -> socket.socket:
    """Return a bound socket, trying again after a pause: the web process of a leader that was killed ends in a moment.

    Raises:
        UnavailableError: as `listen`, after the last try.
    """
    for _ in range(tries - 1):
        with suppress(PortTakenError):
            return listen(host, port)
        pause()
    return listen(host, port)


def _refusal(host: str, port: int, error: OSError | TypeError) -> UnavailableError:
    """Return what is wrong: the port is taken, may not be taken, or the address is not this machine's."""
    number, words = getattr(error, "errno", 0), getattr(error, "strerror", "")
    reason = f"cannot be used ({words or 'not an address'})"
    if number == errno.EADDRINUSE:
        return PortTakenError(f"web.port: {host}:{port} {reason}. End the program that has it, or set CARE_WEB__PORT")
    if number == errno.EACCES:
        return UnavailableError(f"web.port: {host}:{port} {reason}. Set CARE_WEB__PORT to a port above 1023")
    return UnavailableError(f"web.host: {host} {reason}. Set CARE_WEB__HOST to an address of this machine: 127.0.0.1")


def url_of(listener: socket.socket) -> str:
    """Return the address that a browser on this machine opens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def held_listener() -> socket.socket | None:
    """Return the socket that the leader holds for this process, if there is one."""
    number = os.environ.get(HELD_LISTENER)
    return socket.socket(fileno=os.dup(int(number))) if number else None
