"""The conversation on one SMTP connection that is already open, secured and signed in.

aiosmtplib opens connections; this takes over its transport, because several commands must be able to travel in
one write (RFC 2920) and because a refusal must be told apart from a cut after the final dot.
"""

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from typing import Final, NewType

LONGEST_REPLY: Final = 64 * 1024
_is_reply_line: Final = re.compile(rb"[2-5]\d\d(?:[ -].*)?\r?").fullmatch
_enhanced: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)").match

Mail = NewType("Mail", bytes)
"""A whole mail of sound lines (see `is_sound`), the last one ended: no dot in it needs to be doubled."""


class WireError(Exception):
    """The connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """Return what stands after the codes, in one line."""
        return " ".join(line[4:].decode("utf-8", "replace").strip() for line in self.lines)

    @property
    def is_good(self) -> bool:
        """Tell whether the command was taken."""
        return self.code // 100 == 2  # noqa: PLR2004 - SMTP's own number

    @property
    def enhanced(self) -> str:
        """Return the status such as `5.1.1` that begins the text, '' when there is none."""
        found = _enhanced(self.text)
        return found[0] if found else ""


class SmtpWire(asyncio.Protocol):
    """Writes commands and hands back as many replies as were asked for."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Take over an open transport."""
        self._transport, self._loop = transport, loop
        self._replies: deque[Reply] = deque()
        self._buffer = b""
        self._lines: list[bytes] = []
        self._awaited = 0
        self._waiter: asyncio.Future[None] | None = None
        self._is_lost = False
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Tell whether commands can still be written."""
        return not self._is_lost and not self._transport.is_closing()

    async def ask(self, commands: bytes, replies: int = 1) -> list[Reply]:
        """Write `commands` at once and return the next `replies` answers.

        Raises:
            WireError: the connection ended, or the server does not speak SMTP.
        """
        if not self.is_open:
            raise WireError("the connection is closed")
        self._awaited = replies
        self._waiter = self._loop.create_future()
        self._transport.write(commands)
        try:
            await self._waiter
        finally:
            self._waiter, self._awaited = None, 0
        return [self._replies.popleft() for _ in range(replies)]

    def close(self) -> None:
        """Close at once; whatever was not answered stays so."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Collect whole replies."""
        if self._waiter is None:  # nobody asked: the server is saying goodbye
            self._fail()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._buffer) > LONGEST_REPLY or len(self._lines) > LONGEST_REPLY // 512:
            self._fail()
        elif len(self._replies) >= self._awaited and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Wake whoever waits."""
        self._is_lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(WireError("the connection was cut"))

    def _take(self, line: bytes) -> None:
        if not _is_reply_line(line):
            self._fail()
            return
        self._lines.append(line)
        if line[3:4] != b"-":
            self._replies.append(Reply(int(line[:3]), tuple(self._lines)))
            self._lines.clear()

    def _fail(self) -> None:
        self._is_lost = True
        self._transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(WireError("the server does not speak SMTP"))


def is_sound(lines: bytes) -> bool:
    """Tell whether whole lines may stand in a mail as they are: they end with CRLF only, and none begins with a dot.

    A lone CR or LF could hide a second mail from one server and show it to the next; a dot could end the mail.
    """
    is_crlf = lines.count(b"\n") == lines.count(b"\r") == lines.count(b"\r\n")
    return is_crlf and not lines.startswith(b".") and b"\n." not in lines


def as_data(mail: Mail) -> bytes:
    """Return a mail as it travels after DATA."""
    return b"%b.\r\n" % mail
