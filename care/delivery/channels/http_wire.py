"""A small HTTP/1.1 client over kept connections: as few steps per request as the protocol allows.

A general client spends most of a request on what one API with short answers never needs; `docs/decisions` has the
measurements. Here a request is one write and, mostly, one read. Above all it knows whether a request began to leave.
"""

import asyncio
import contextlib
import ipaddress
import math
import ssl
from collections import deque
from typing import Any, Final, cast
from urllib.parse import urlsplit

from care.base.failpoints import failpoint_soon
from care.delivery.channels.http_answer import Answer, parse_answer

CONNECT_SECONDS: Final = 5.0
LONGEST_IDLE_SECONDS: Final = 10.0  #: servers hang up on the idle; a fresh connection is surer


class NotSentError(Exception):
    """No byte of the request left: name not found, connection refused, TLS failed."""

    def __init__(self, *, is_certificate: bool = False) -> None:
        """Keep no text: it could hold an address."""
        super().__init__("the request did not leave")
        self.is_certificate = is_certificate


class NoAnswerError(Exception):
    """The request left, wholly or in part, and no complete answer came."""


class HttpWire(asyncio.Protocol):
    """One connection; carries one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use `HttpPool`."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiter: asyncio.Future[Answer] | None = None
        self._ends_at = self._looks_at = math.inf  # when the request's time is over, when the timer looks whether it is
        self._timer: asyncio.TimerHandle | None = None
        self._is_reusable = True
        self.idle_since = loop.time()

    @property
    def is_open(self) -> bool:
        """Tell whether another request may go this way."""
        return self._is_reusable and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes, *, ends_at: float) -> "asyncio.Future[Answer]":
        """Write one request; return what will be its answer by `ends_at` of the loop's time.

        It will be NoAnswerError if the time was over or the connection ended first, or the answer is not HTTP.
        """
        waiter = self._waiter = self._loop.create_future()
        if self._transport is None:
            self._fail()
            return waiter
        self._ends_at = ends_at
        if ends_at < self._looks_at:
            self._look_again()
        self._transport.write(request)
        failpoint_soon("call.written", self._loop)
        return waiter

    def _look_again(self) -> None:
        """Let the timer go off when the request's time is over: one timer for many requests, as most are answered."""
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = self._ends_at
        self._timer = self._loop.call_at(self._ends_at, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer, self._looks_at = None, math.inf
        if self._waiter is None:
            return
        if self._loop.time() < self._ends_at:
            self._look_again()
        else:
            self._fail()

    def close(self) -> None:
        """Close at once."""
        self._is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand over the answer once it is whole."""
        if self._waiter is None or self._waiter.done():  # nobody asked
            self.close()
            return
        self._buffer = self._buffer + data if self._buffer else data
        self._hand_over(at_end=False)

    def eof_received(self) -> None:
        """End an answer that ends with the connection."""
        self._is_reusable = False
        if self._waiter is not None and not self._waiter.done():
            self._hand_over(at_end=True)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Wake whoever waits."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._fail()

    def _hand_over(self, *, at_end: bool) -> None:
        assert self._waiter is not None
        try:
            found = parse_answer(self._buffer, at_end=at_end)
        except ValueError:
            self._fail()
            self.close()
            return
        if found is None:
            return
        answer, rest, keeps_alive = found
        self._buffer = b""
        self._is_reusable = self._is_reusable and keeps_alive and not rest
        self.idle_since = self._loop.time()
        waiter, self._waiter = self._waiter, None
        waiter.set_result(answer)

    def _fail(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(NoAnswerError())


class HttpPool:
    """Kept connections to one origin."""

    def __init__(self, base_url: str, *, connections: int, timeout_seconds: float) -> None:
        """`base_url` is scheme and host, perhaps a port; nothing is opened yet."""
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_tls else 80)
        self._places = connections
        self._queue: deque[asyncio.Future[None]] = deque()  # who waits for a place
        self._timeout_seconds = timeout_seconds
        self._connect_seconds = min(CONNECT_SECONDS, timeout_seconds / 2)
        self._tls: ssl.SSLContext | None = None
        self._idle: list[HttpWire] = []
        self._is_open = False

    def open(self) -> None:
        """Allow connections; they are opened when first needed."""
        if self._is_tls and self._tls is None:
            self._tls = ssl.create_default_context()
        self._is_open = True

    def close(self) -> None:
        """Close idle connections now and busy ones after their answer; closing twice does no harm."""
        self._is_open = False
        while self._idle:
            self._idle.pop().close()

    async def ask(self, request: bytes, *, timeout_seconds: float | None = None) -> Answer:
        """Carry one request, at most once, within the timeout.

        Raises:
            NotSentError: certainly nothing left.
            NoAnswerError: something left, and no complete answer came.
        """
        ends_at = asyncio.get_running_loop().time() + (timeout_seconds or self._timeout_seconds)
        if self._places:  # nearly always: then nothing is waited for
            self._places -= 1
        else:
            await self._wait_for_place(ends_at)
        wire = None
        try:
            wire = self._idle_wire() or await self._connect(ends_at)
            answer = await wire.ask(request, ends_at=ends_at)
        except BaseException:  # also when cancelled: what is on its way must not answer the next request
            if wire is not None:
                wire.close()
            raise
        finally:
            self._leave_place()
        if self._is_open and wire.is_open:
            self._idle.append(wire)
        else:
            wire.close()
        return answer

    async def _wait_for_place(self, ends_at: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout_at(ends_at):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # its turn came in the same moment
                self._leave_place()
            if isinstance(error, TimeoutError):
                raise NotSentError from None
            raise

    def _leave_place(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._places += 1

    def _idle_wire(self) -> HttpWire | None:
        if not self._is_open:
            raise NotSentError
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open and asyncio.get_running_loop().time() - wire.idle_since < LONGEST_IDLE_SECONDS:
                return wire
            wire.close()
        return None

    async def _connect(self, ends_at: float) -> HttpWire:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(ends_at, loop.time() + self._connect_seconds)):
                _, wire = await loop.create_connection(
                    lambda: HttpWire(loop), self._host, self._port, ssl=self._tls, **_both_families(loop, self._host)
                )
        except ssl.SSLCertVerificationError:
            raise NotSentError(is_certificate=True) from None
        except (OSError, ValueError):  # a timeout and a name that is none among them
            raise NotSentError from None
        return wire


def _both_families(loop: asyncio.AbstractEventLoop, host: str) -> dict[str, Any]:
    """Let IPv4 start soon after IPv6, where the loop can: a dead address must not eat the whole timeout.

    Not for a single address: a race that is called off as it is won leaves its socket open.
    """
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return {}
    return {"happy_eyeballs_delay": 0.25} if isinstance(loop, asyncio.BaseEventLoop) else {}
