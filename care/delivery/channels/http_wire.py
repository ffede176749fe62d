"""A small HTTP/1.1 client over kept connections: as few steps per request as the protocol allows.

A general client spends most of a request on what one API with short answers never needs; `docs/decisions` has the
measurements. Here a request is one write and, mostly, one read. Above all it knows whether a request began to leave.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

from care.base.failpoints import failpoint_soon

CONNECT_SECONDS: Final = 5.0
LONGEST_IDLE_SECONDS: Final = 10.0  #: servers hang up on the idle; a fresh connection is surer
LONGEST_HEAD: Final = 64 * 1024
LONGEST_BODY: Final = 16 * 1024 * 1024

_status_line: Final = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: [^\r\n]*)?\r\n").match
_length: Final = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n").search
_is_chunked: Final = re.compile(rb"(?i)\r\ntransfer-encoding:[^\r\n]*chunked").search
_is_closing: Final = re.compile(rb"(?i)\r\nconnection:[^\r\n]*close").search
_chunk_line: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n").match


class NotSentError(Exception):
    """No byte of the request left: name not found, connection refused, TLS failed."""

    def __init__(self, *, is_certificate: bool = False) -> None:
        """Keep no text: it could hold an address."""
        super().__init__("the request did not leave")
        self.is_certificate = is_certificate


class NoAnswerError(Exception):
    """The request left, wholly or in part, and no complete answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `head` is status line and headers as they came."""

    status: int
    head: bytes
    body: bytes

    def headers(self) -> Mapping[str, str]:
        """Return the headers by lower-case name; of repeated ones the last."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if ":" in line)
        return {name.lower(): value.strip() for name, _, value in pairs}


class HttpWire(asyncio.Protocol):
    """One connection; carries one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use `HttpPool`."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiter: asyncio.Future[Answer] | None = None
        self._is_reusable = True
        self.idle_since = loop.time()

    @property
    def is_open(self) -> bool:
        """Tell whether another request may go this way."""
        return self._is_reusable and self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        """Write one request and return its answer.

        Raises:
            NoAnswerError: the connection ended first, or the answer is not HTTP.
        """
        if self._transport is None:
            raise NoAnswerError
        self._waiter = self._loop.create_future()
        self._transport.write(request)
        failpoint_soon("call.written", self._loop)
        try:
            return await self._waiter
        finally:
            self._waiter = None
            self.idle_since = self._loop.time()

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
        self._waiter.set_result(answer)

    def _fail(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(NoAnswerError())


def parse_answer(data: bytes, *, at_end: bool) -> tuple[Answer, bytes, bool] | None:
    """Return the first whole answer in `data`, what follows it, and whether the connection may be kept.

    None when more must come. `at_end` says that nothing more will come.

    Raises:
        ValueError: it is not HTTP, or longer than any answer has reason to be.
    """
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > LONGEST_HEAD or at_end:
                raise ValueError("no head")
            return None
        head = data[: end + 2]
        status_line = _status_line(head)
        if status_line is None:
            raise ValueError("no status line")
        status = int(status_line[2])
        if status >= 200:  # noqa: PLR2004 - what is below announces the answer proper
            break
        data = data[end + 4 :]
    framed = _body_of(head, status, data[end + 4 :], at_end=at_end)
    if framed is None:
        return None
    body, rest, is_framed = framed
    keeps_alive = is_framed and status_line[1] == b"1" and _is_closing(head) is None
    return Answer(status, head, body), rest, keeps_alive


def _body_of(head: bytes, status: int, data: bytes, *, at_end: bool) -> tuple[bytes, bytes, bool] | None:
    """Return the body, the rest, and whether the body said itself where it ends; None when more must come."""
    if status in (204, 304):
        return b"", data, True
    if len(data) > LONGEST_BODY:
        raise ValueError("the body is too long")
    if _is_chunked(head):
        whole = _join_chunks(data)
        framed = None if whole is None else (*whole, True)
    elif length := _length(head):
        size = int(length[1])
        if size > LONGEST_BODY:
            raise ValueError("the body is too long")
        framed = (data[:size], data[size:], True) if len(data) >= size else None
    else:
        return (data, b"", False) if at_end else None
    if framed is None and at_end:
        raise ValueError("the body is torn")
    return framed


def _join_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    parts: list[bytes] = []
    while True:
        line = _chunk_line(data)
        if line is None:
            if len(data) > LONGEST_HEAD or (b"\r\n" in data):
                raise ValueError("no chunk")
            return None
        size = int(line[1], 16)
        start = line.end()
        if size == 0:
            return _after_trailers(parts, data[start:])
        if len(data) < start + size + 2:
            return None
        chunk, data = data[start : start + size], data[start + size :]
        if not data.startswith(b"\r\n"):
            raise ValueError("a chunk is longer than it says")
        parts.append(chunk)
        data = data[2:]


def _after_trailers(parts: list[bytes], data: bytes) -> tuple[bytes, bytes] | None:
    if data.startswith(b"\r\n"):
        return b"".join(parts), data[2:]
    _, end, rest = data.partition(b"\r\n\r\n")
    return (b"".join(parts), rest) if end else None


class HttpPool:
    """Kept connections to one origin."""

    def __init__(self, base_url: str, *, connections: int, timeout_seconds: float) -> None:
        """`base_url` is scheme and host, perhaps a port; nothing is opened yet."""
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_tls else 80)
        self._places = asyncio.Semaphore(connections)
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
        wire = None
        try:
            async with asyncio.timeout(timeout_seconds or self._timeout_seconds), self._places:
                wire = self._idle_wire() or await self._connect()
                answer = await wire.ask(request)
        except TimeoutError:
            if wire is None:
                raise NotSentError from None
            wire.close()
            raise NoAnswerError from None
        except BaseException:  # also when cancelled: what is on its way must not answer the next request
            if wire is not None:
                wire.close()
            raise
        if wire.is_open and self._is_open:
            self._idle.append(wire)
        else:
            wire.close()
        return answer

    def _idle_wire(self) -> HttpWire | None:
        if not self._is_open:
            raise NotSentError
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open and asyncio.get_running_loop().time() - wire.idle_since < LONGEST_IDLE_SECONDS:
                return wire
            wire.close()
        return None

    async def _connect(self) -> HttpWire:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, wire = await loop.create_connection(
                    lambda: HttpWire(loop), self._host, self._port, ssl=self._tls, **_both_families(loop)
                )
        except ssl.SSLCertVerificationError:
            raise NotSentError(is_certificate=True) from None
        except (OSError, ValueError):  # a timeout and a name that is none among them
            raise NotSentError from None
        return wire


def _both_families(loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
    """Let IPv4 start soon after IPv6, where the loop can: a dead address must not eat the whole timeout."""
    return {"happy_eyeballs_delay": 0.25} if isinstance(loop, asyncio.BaseEventLoop) else {}
