"""Serve the application with uvicorn: bounded connections, bounded heads, clean end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 30
MOST_CONNECTIONS = 2_000
DRAIN_SECONDS = 10


class Server(uvicorn.Server):
    """A server that leaves the signals to its process, so that it can end cleanly with exit code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 whose request head must come in limited time; a body is limited by `care.web.guards`."""

    _head_timer: Any = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock with the connection."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEADER_SECONDS, self._cut)

    def data_received(self, data: bytes) -> None:
        """Stop the clock when the head is complete; start it again with the first byte of the next one."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_clock()
        elif self.conn.trailing_data[0] and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEADER_SECONDS, self._cut)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cut(self) -> None:
        self._head_timer = None
        self.transport.close()


def build_server(app: FastAPI) -> Server:
    """Return a server that logs no requests, since addresses hold tokens."""
    return Server(
        uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            limit_concurrency=MOST_CONNECTIONS,
        )
    )
