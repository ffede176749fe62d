"""E-mail through a relay by SMTP: kept connections, one recipient per mail, certain outcomes."""

import asyncio
import re
import ssl
from collections.abc import Callable
from datetime import datetime
from email.utils import parseaddr
from functools import cache
from typing import ClassVar, Final, Protocol

from care.base.clock import Clock
from care.base.errors import CareError, SettingsError
from care.base.settings import EmailSettings, SmtpSettings
from care.base.vocabulary import Channel
from care.delivery.channels.again import call_again_if
from care.delivery.channels.base import Capabilities, ErrorRule, Outgoing, Result, refusal
from care.delivery.channels.errors import classify_smtp, classify_transport
from care.delivery.channels.smtp_session import (
    ConnectError,
    CutError,
    Envelope,
    Refused,
    SmtpSession,
    Stage,
    Taken,
    open_session,
)
from care.delivery.channels.smtp_wire import Mail
from care.delivery.mail_ids import MailIds
from care.messages.model import Outcome

MAX_IN_FLIGHT: Final = 64
_BAD_ADDRESS: Final = "5.1.3"
_FOREIGN_ADDRESS: Final = "5.6.7"
_GOODBYE: Final = 421
_BAD_CONTENT: Final = "5.6.0"
_may_travel = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+").fullmatch
_queue_id = re.compile(r"(?:queued as|id[ =:])\s*<?([\w.@-]+)", re.IGNORECASE).search


class Composer(Protocol):
    """Makes the bytes of a mail."""

    def compose(
        self,
        *,
        to: str,
        subject: str,
        text: str,
        html: str,
        message_id: str,
        date: datetime,
        unsubscribe_url: str = "",
        template: str = "",
        locale: str = "",
    ) -> Mail:
        """Return a complete mail, fit to travel as it is."""
        ...


class SmtpEmail:
    """Hand mails to a relay over a few kept connections."""

    channel: ClassVar[Channel] = Channel.EMAIL

    def __init__(
        self,
        settings: SmtpSettings,
        email: EmailSettings,
        *,
        provider: str = "smtp",
        composer: Callable[[str], Composer],
        clock: Clock,
        mail_ids: MailIds | None = None,
    ) -> None:
        """Prepare; `composer` makes the composer of one sender, such as `海岚通信 <care@example.com>`.

        `mail_ids` signs the return paths under `email.bounce_domain`.

        Raises:
            SettingsError: smtp.ca_file cannot be read.
        """
        self.provider = provider
        self._settings, self._email, self._clock = settings, email, clock
        self._make_composer, self._mail_ids = composer, mail_ids
        self._composers: dict[str, Composer] = {}
        self._tls = _tls_context(settings, provider)
        self._idle: list[SmtpSession] = []
        self._places = asyncio.Semaphore(settings.connections)
        self._is_closed = False

    @property
    def capabilities(self) -> Capabilities:
        """A relay takes mail and reports by bounces only; one Message-ID for all attempts is no promise of one copy."""
        return Capabilities(
            two_way=False,
            callback_per_message=False,
            definitive_errors=frozenset({"not-sent", "4xx", "5xx"}),
            counts_parts=False,
            max_in_flight=MAX_IN_FLIGHT,
        )

    async def open(self) -> None:
        """Allow connections; they are opened when first needed."""
        self._is_closed = False

    async def close(self) -> None:
        """Say goodbye on every connection, on busy ones after their mail."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(session.quit() for session in idle))

    async def check(self) -> str:
        """Connect and sign in; return '' when well, else what to do."""
        try:
            session = await self._connect(self._clock.monotonic())
        except ConnectError as error:
            return error.advice
        await session.quit()
        return ""

    async def send(self, outgoing: Outgoing) -> Result:
        """Hand over one mail. What certainly did not leave is tried again at once."""
        envelope = Envelope(sender=self._return_path(outgoing), recipient=outgoing.to)
        if not (_may_travel(envelope.sender) and _may_travel(envelope.recipient)):
            code = _BAD_ADDRESS if outgoing.to.isascii() else _FOREIGN_ADDRESS
            return refusal(outgoing.attempt_id, classify_smtp(553, code, ""), code)
        try:
            mail = self._compose(outgoing)
        except (CareError, ValueError):
            return refusal(outgoing.attempt_id, classify_smtp(554, _BAD_CONTENT, ""), _BAD_CONTENT)
        try:
            answer = await call_again_if(_did_not_leave, lambda: self._deliver(envelope, mail))
        except ConnectError as error:
            return refusal(outgoing.attempt_id, *_meaning_of(error))
        except CutError as error:
            event = "not-sent" if error.is_certain else "no-answer"
            return refusal(outgoing.attempt_id, classify_transport(event), event)
        if isinstance(answer, Refused):
            return _refused(outgoing.attempt_id, answer)
        return Result(
            attempt_id=outgoing.attempt_id,
            outcome=Outcome.ACCEPTED,
            provider_ref=_reference(answer, outgoing),
            status="sent",
        )

    async def _deliver(self, envelope: Envelope, mail: Mail) -> Taken | Refused:
        async with self._places:
            session = await self._session()
            answer = await session.deliver(envelope, mail, timeout_seconds=self._settings.timeout_seconds)
            await self._keep(session)
        return answer

    async def _session(self) -> SmtpSession:
        now = self._clock.monotonic()
        while self._idle:
            session = self._idle.pop()
            if session.is_fresh(now):
                return session
            await session.quit()
        return await self._connect(now)

    async def _connect(self, monotonic: float) -> SmtpSession:
        return await open_session(self._settings, self._tls, table=self.provider, monotonic=monotonic)

    async def _keep(self, session: SmtpSession) -> None:
        session.used_at = self._clock.monotonic()
        if session.is_fresh(session.used_at) and not self._is_closed:
            self._idle.append(session)
        else:
            await session.quit()

    def _compose(self, outgoing: Outgoing) -> Mail:
        sender = outgoing.sender or self._email.sender
        composer = self._composers.get(sender)
        if composer is None:
            composer = self._composers[sender] = self._make_composer(sender)
        return composer.compose(
            to=outgoing.to,
            subject=outgoing.subject,
            text=outgoing.body,
            html=outgoing.html,
            message_id=outgoing.message_ref or f"care.{outgoing.message_id}",
            date=self._clock.now(),
            unsubscribe_url=outgoing.unsubscribe_url,
            template=outgoing.template,
            locale=outgoing.locale,
        )

    def _return_path(self, outgoing: Outgoing) -> str:
        """Return where bounces go: an address of this attempt alone when there is a domain for them."""
        if self._email.bounce_domain and self._mail_ids:
            return self._mail_ids.return_path(outgoing.attempt_id, outgoing.token, self._email.bounce_domain)
        return _address_of(outgoing.sender or self._email.sender)


def _tls_context(settings: SmtpSettings, table: str) -> ssl.SSLContext | None:
    if settings.tls == "none":
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError):
        raise SettingsError(
            f"{table}.ca_file: {settings.ca_file} is not a readable file of PEM certificates. Correct the path"
        ) from None


def _did_not_leave(error: BaseException) -> bool:
    if isinstance(error, CutError):
        return error.is_certain
    return isinstance(error, ConnectError) and error.event == "not-sent" and not error.code


@cache
def _address_of(sender: str) -> str:
    return parseaddr(sender)[1]


def _reference(taken: Taken, outgoing: Outgoing) -> str:
    found = _queue_id(taken.reply.text)
    return found[1] if found else f"care.{outgoing.attempt_id}"


def _refused(attempt_id: int, refused: Refused) -> Result:
    reply = refused.reply
    is_about_sender = refused.stage is Stage.SENDER and reply.code != _GOODBYE
    rule = classify_smtp(reply.code, reply.enhanced, reply.text, is_about_sender=is_about_sender)
    return refusal(attempt_id, rule, reply.enhanced or str(reply.code))


def _meaning_of(error: ConnectError) -> tuple[ErrorRule, str]:
    if error.code:
        return classify_smtp(error.code, "", "", is_about_sender=True), str(error.code)
    event = error.event
    return classify_transport(event), event
