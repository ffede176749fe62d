"""The web process's listening socket. The leader holds it open, so that callers wait while no web process serves.

A provider calls back within moments of the first message, which may be before the web process has loaded, and it
calls while one that crashed is started anew. With the socket held elsewhere the system keeps such calls in its queue.
"""

import os
import socket

from care.base.errors import UnavailableError

HELD_LISTENER = "CARE_HELD_LISTENER"
"""Number of the inherited socket, set by the leader for the web process."""


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one.

    Raises:
        UnavailableError: the port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or "not an address"
        raise UnavailableError(
            f"web.port: {host}:{port} cannot be used ({reason}). End the program that has it, or set CARE_WEB__PORT"
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address that a browser on this machine opens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def held_listener() -> socket.socket | None:
    """Return the socket that the leader holds for this process, if there is one."""
    number = os.environ.get(HELD_LISTENER)
    return socket.socket(fileno=os.dup(int(number))) if number else None
