"""Connections to the mail relay: opened with verified TLS, kept, and used for one mail after the other."""

import asyncio
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

import aiosmtplib

from care.base.settings import SmtpSettings
from care.delivery.channels.smtp_wire import Mail, Reply, SmtpWire, WireError, as_data

MAILS_PER_CONNECTION: Final = 100
LONGEST_IDLE_SECONDS: Final = 20.0  #: servers hang up on the idle; a fresh connection is surer


class Stage(StrEnum):
    """How far a mail came before the server said no."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


_STAGES: Final = tuple(Stage)


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said no to one mail; it was certainly not taken."""

    stage: Stage
    reply: Reply


@dataclass(frozen=True, slots=True)
class Taken:
    """The server took the mail; its answer often names a queue id."""

    reply: Reply


class CutError(Exception):
    """The connection ended, or time ran out, in the middle of a mail."""

    def __init__(self, *, is_certain: bool) -> None:
        """`is_certain`: the content had not begun to leave, so the mail was not taken."""
        super().__init__("the connection was cut")
        self.is_certain = is_certain


class ConnectError(Exception):
    """No connection that may be used; nothing was sent."""

    def __init__(self, advice: str, *, event: str = "not-sent", code: int = 0) -> None:
        """`advice` says in one line where, what and what to do.

        `event` is one of the error table's `transport` rows; `code` is the server's reply, if it gave one.
        """
        super().__init__(advice)
        self.advice, self.event, self.code = advice, event, code


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who a mail is from and for, on the way."""

    sender: str
    recipient: str


class SmtpSession:
    """One connection, used for one mail at a time."""

    def __init__(self, wire: SmtpWire, *, opened_at: float, extensions: frozenset[str]) -> None:
        """Use `open_session`. `opened_at` is on the monotonic clock."""
        self._wire = wire
        self._may_pipeline = "pipelining" in extensions
        self._mails = 0
        self.used_at = opened_at

    def is_fresh(self, monotonic: float) -> bool:
        """Tell whether another mail should go this way."""
        is_young = self._mails < MAILS_PER_CONNECTION and monotonic - self.used_at < LONGEST_IDLE_SECONDS
        return is_young and self._wire.is_open

    async def deliver(self, envelope: Envelope, mail: Mail, *, timeout_seconds: float) -> Taken | Refused:
        """Hand over one mail to one recipient.

        Raises:
            CutError: the connection ended or time ran out; the session is closed.
        """
        self._mails += 1
        content_left = False
        data = as_data(mail)
        self._wire.allow(timeout_seconds)
        try:
            refused = await self._announce(envelope)
            if refused is None:
                content_left = True
                (reply,) = await self._wire.ask(data)
        except WireError:
            self._wire.close()
            raise CutError(is_certain=not content_left) from None
        except asyncio.CancelledError:
            self._wire.close()
            raise
        if refused is not None:
            await self._reset(refused)
            return refused
        if reply.is_good:
            return Taken(reply)
        if reply.code == _GOODBYE:
            self._wire.close()
        return Refused(Stage.CONTENT, reply)

    async def quit(self) -> None:
        """Say goodbye and close; a server that does not answer is left."""
        try:
            async with asyncio.timeout(_COURTESY_SECONDS):
                await self._wire.ask(b"QUIT\r\n")
        except (WireError, TimeoutError):
            pass
        finally:
            self._wire.close()

    async def _announce(self, envelope: Envelope) -> Refused | None:
        """Send MAIL, RCPT and DATA, in one write where the server allows it; return the first refusal."""
        commands = (
            f"MAIL FROM:<{envelope.sender}>\r\n".encode(),
            f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
            b"DATA\r\n",
        )
        if self._may_pipeline:
            return self._first_refusal(await self._wire.ask(b"".join(commands), len(commands)))
        replies: list[Reply] = []
        for command in commands:
            replies += await self._wire.ask(command)
            refused = self._first_refusal(replies)
            if refused is not None:
                return refused
        return None

    def _first_refusal(self, replies: list[Reply]) -> Refused | None:
        for stage, reply in zip(_STAGES, replies, strict=False):
            if not (reply.code == _GO_AHEAD if stage is Stage.CONTENT else reply.is_good):
                if replies[-1].code == _GO_AHEAD:  # it waits for content that must not come
                    self._wire.close()
                return Refused(stage, reply)
        return None

    async def _reset(self, refused: Refused) -> None:
        if refused.reply.code == _GOODBYE or not self._wire.is_open:
            self._wire.close()
            return
        try:
            async with asyncio.timeout(_COURTESY_SECONDS):
                (reply,) = await self._wire.ask(b"RSET\r\n")
        except (WireError, TimeoutError):
            self._wire.close()
        else:
            if not reply.is_good:
                self._wire.close()


_GOODBYE: Final = 421
_COURTESY_SECONDS: Final = 2.0
_GO_AHEAD: Final = 354


class _Client(aiosmtplib.SMTP):
    """Opens the connection that a session then uses."""

    def close(self) -> None:
        """Hang up at once: the goodbyes of TLS take longer than the loop of a short command lives."""
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()
        super().close()


async def open_session(
    settings: SmtpSettings, tls: ssl.SSLContext | None, *, table: str, monotonic: float
) -> SmtpSession:
    """Connect, verify the server's certificate, sign in; `table` names the relay's settings for people.

    Raises:
        ConnectError: with what to do.
    """
    place = f"{settings.host}:{settings.port}"
    client = _Client(
        hostname=settings.host,
        port=settings.port,
        timeout=settings.timeout_seconds,
        use_tls=settings.tls == "implicit",
        start_tls=settings.tls == "starttls",
        tls_context=tls,
        username=settings.username or None,
        password=settings.password.get_secret_value() or None,
    )
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise _connect_error(place, table, error) from None
    wire = SmtpWire(cast(asyncio.Transport, client.transport), asyncio.get_running_loop())
    return SmtpSession(wire, opened_at=monotonic, extensions=frozenset(client.esmtp_extensions))


def _connect_error(place: str, table: str, error: BaseException) -> ConnectError:
    chain = (error, error.__cause__)
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain):
        advice = (
            f"{table}.host: {place} shows a certificate that is not trusted. Set {table}.ca_file, or correct the name"
        )
        return ConnectError(advice, event="bad-certificate")
    if any(isinstance(each, ssl.SSLError) for each in chain):
        return ConnectError(f"{table}.tls: {place} does not speak TLS as set. Try starttls or implicit", event="no-tls")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        advice = f"{table}.username: {place} refuses the sign-in. Correct {table}.username and {table}.password"
        return ConnectError(advice, code=error.code)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return ConnectError(f"{table}.host: {place} answers {error.code}. See the relay's log", code=error.code)
    if isinstance(error, OSError):  # timeouts, refusals, unknown names and lost connections alike
        return ConnectError(f"{table}.host: no connection to {place}. Check the name, the port and the network")
    return ConnectError(f"{table}.tls: {place} offers no TLS or no sign-in. Correct {table}.tls", event="no-tls")
