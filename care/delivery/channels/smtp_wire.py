"""The conversation on one SMTP connection that is already open, secured and signed in.

aiosmtplib opens connections; this takes over its transport, because several commands must be able to travel in
one write (RFC 2920) and because a refusal must be told apart from a cut after the final dot.
"""

import asyncio
import re
from math import inf
from typing import Final, NamedTuple, NewType

LONGEST_REPLY: Final = 64 * 1024
_is_reply_line: Final = re.compile(rb"[2-5]\d\d(?:[ -].*)?\r?").fullmatch
_enhanced: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)").match

Mail = NewType("Mail", bytes)
"""A whole mail of sound lines (see `is_sound`), the last one ended: no dot in it needs to be doubled."""


class WireError(Exception):
    """The connection is of no use any more."""


class Reply(NamedTuple):
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
        self._replies: list[Reply] = []
        self._buffer = b""
        self._lines: list[bytes] = []
        self._awaited = 0
        self._waiter: asyncio.Future[None] | None = None
        self._is_lost = False
        self._deadline = self._watched_until = inf  # on the loop's clock
        self._watch: asyncio.TimerHandle | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Tell whether commands can still be written."""
        return not self._is_lost and not self._transport.is_closing()

    def allow(self, seconds: float) -> None:
        """Give the answers from now on so much time; when it is over, the connection is of no use any more.

        A mail costs no timer of its own: the one there is looks again when it rings too early.
        """
        self._deadline = self._loop.time() + seconds
        if self._watch is None or self._watched_until > self._deadline:
            self._watch_on()

    async def ask(self, commands: bytes, replies: int = 1) -> list[Reply]:
        """Write `commands` at once and return the next `replies` answers.

        Raises:
            WireError: the connection ended, time ran out, or the server does not speak SMTP.
        """
        if self._replies:
            self._fail()  # more was said than asked: the next answers would be taken for those of another mail
        if not self.is_open:
            raise WireError("the connection is closed")
        self._awaited = replies
        waiter = self._waiter = self._loop.create_future()
        self._transport.write(commands)
        try:
            await waiter
        finally:
            self._waiter = None
        answers, self._replies = self._replies[:replies], self._replies[replies:]
        return answers

    def close(self) -> None:
        """Close at once; whatever was not answered stays so."""
        self._stop_watching()
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
        self._give_up("the connection was cut")

    def _take(self, line: bytes) -> None:
        if not _is_reply_line(line):
            self._fail()
            return
        self._lines.append(line)
        if line[3:4] != b"-":
            self._replies.append(Reply(int(line[:3]), tuple(self._lines)))
            self._lines.clear()

    def _fail(self) -> None:
        self._transport.abort()
        self._give_up("the server does not speak SMTP")

    def _give_up(self, reason: str) -> None:
        self._is_lost = True
        self._stop_watching()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(WireError(reason))

    def _watch_on(self) -> None:
        self._stop_watching()
        self._watched_until = self._deadline
        self._watch = self._loop.call_at(self._deadline, self._look)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        self._watch = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._watch_on()
            return
        self._transport.abort()
        self._give_up("time ran out")


def is_sound(lines: bytes) -> bool:
    """Tell whether whole lines may stand in a mail as they are: they end with CRLF only, and none begins with a dot.

    A lone CR or LF could hide a second mail from one server and show it to the next; a dot could end the mail.
    """
    is_crlf = lines.count(b"\n") == lines.count(b"\r") == lines.count(b"\r\n")
    return is_crlf and not lines.startswith(b".") and b"\n." not in lines


def as_data(mail: Mail) -> bytes:
    """Return a mail as it travels after DATA."""
    return b"%b.\r\n" % mail
