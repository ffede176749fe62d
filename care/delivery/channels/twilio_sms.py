"""SMS through Twilio: the only module, with `twilio_http`, `twilio_inbound` and the error table, that knows Twilio."""

import json
import re
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, Final

from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from care.base.clock import Clock
from care.base.errors import UnavailableError
from care.base.settings import TwilioSettings
from care.base.vocabulary import Channel
from care.delivery.channels.again import call_again
from care.delivery.channels.base import (
    Capabilities,
    CustomerMessage,
    ListByRecipient,
    Outgoing,
    ProviderMessage,
    Result,
    refusal,
)
from care.delivery.channels.errors import classify_transport, classify_twilio
from care.delivery.channels.http_answer import Answer
from care.delivery.channels.http_wire import NoAnswerError, NotSentError
from care.delivery.channels.twilio_http import TwilioHttp
from care.delivery.channels.twilio_inbound import inbound_messages
from care.messages.model import Outcome

LONGEST_VALIDITY_SECONDS: Final = 36_000
MAX_IN_FLIGHT: Final = 64
LIST_SETTLE: Final = timedelta(seconds=120)
"""`care provider verify` trusts an account's list only if it had everything in half of this time."""
LARGEST_PAGE: Final = 1_000
_DAY: Final = timedelta(days=1)
_API: Final = "https://api.twilio.com/2010-04-01/Accounts"
_RETRY_CALLBACKS: Final = "%23rc%3D3%26rp%3Dall"
"""Twilio repeats a callback that we fail to answer, up to three times; the fragment is not signed."""
_OWN_ENVIRONMENT: Final = {"care": "the SDK must not read TWILIO_EDGE or TWILIO_REGION"}
_ACCEPTED: Final = Outcome.ACCEPTED  # looked up for every message, which takes an enumeration a while
_read_json: Final = json.JSONDecoder().decode
_NOT_OURS: Final = ("inbound", "outbound-reply")
"""What customers wrote, and what Twilio answers in our stead, as to STOP: neither is a request of ours."""
_is_service = re.compile(r"MG[0-9a-fA-F]{32}").fullmatch


class TwilioSms:
    """Hand SMS to Twilio through the official SDK's request layer, each at most once."""

    channel: ClassVar[Channel] = Channel.SMS

    def __init__(
        self,
        settings: TwilioSettings,
        *,
        provider: str = "twilio",
        public_url: str,
        clock: Clock,
        senders: Collection[str] | None = (),
        list_is_complete: bool = False,
    ) -> None:
        """Prepare the client; nothing is connected before `open`.

        `senders` are those of single purposes; None: they are another account's, and all purposes share one.
        `list_is_complete` says that the account's list was seen to have whatever was sent.
        """
        self.provider = provider
        self._clock = clock
        self._list_is_complete = list_is_complete
        self._two_way = settings.two_way
        self._http = TwilioHttp(settings.base_url, timeout_seconds=settings.timeout_seconds, connections=MAX_IN_FLIGHT)
        self._client = Client(
            settings.account_sid,
            settings.auth_token.get_secret_value(),
            http_client=self._http,
            environment=_OWN_ENVIRONMENT,
        )
        self._account_sid = settings.account_sid
        self._create = self._http.head(  # as the SDK's request layer would say it, but once and not for each message
            "POST",
            self._client.get_hostname(f"{_API}/{settings.account_sid}/Messages.json"),
            headers=self._client.get_headers("POST", None),
            auth=self._client.get_auth(None),
        )
        self._sender = settings.messaging_service_sid or settings.from_number
        self._is_sole_sender = senders is None
        self._senders = {self._sender, settings.from_number, *(senders or ())} - {""}
        self._callback = _quote(f"{public_url.rstrip('/')}/webhooks/twilio/status/")

    @property
    def capabilities(self) -> Capabilities:
        """Twilio's list of messages is not relied on before it was measured on the operator's account."""
        return Capabilities(
            two_way=self._two_way,
            callback_per_message=True,
            client_ref_echo=True,  # the token stands in the callback's address
            list_by_recipient=ListByRecipient(settle=LIST_SETTLE, is_authoritative=self._list_is_complete),
            validity_period=True,
            definitive_errors=frozenset({"not-sent", "429", "4xx"}),
            counts_parts=True,
            max_in_flight=MAX_IN_FLIGHT,
            keeps_records=True,
            lists_inbound=True,
            account=self._account_sid,
        )

    async def open(self) -> None:
        """Make the pool of connections."""
        await self._http.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def send(self, outgoing: Outgoing) -> Result:
        """Create one message. A request that certainly did not leave is tried again at once."""
        form = self._form(outgoing)
        try:
            try:
                answer = await self._http.post(self._create, form)
            except NotSentError as error:
                if error.is_certificate:
                    raise
                answer = await call_again(_did_not_leave, lambda: self._http.post(self._create, form))
        except NotSentError as error:
            event = "bad-certificate" if error.is_certificate else "not-sent"
            return refusal(outgoing.attempt_id, classify_transport(event), event)
        except NoAnswerError:
            return refusal(outgoing.attempt_id, classify_transport("no-answer"), "no-answer")
        return _result_of(outgoing.attempt_id, answer)

    def _form(self, outgoing: Outgoing) -> bytes:
        seconds = int((outgoing.valid_until - self._clock.now()).total_seconds())
        return (
            f"To={_quote(outgoing.to)}&{_sender_field(self._sender_of(outgoing))}&Body={_quote(outgoing.body)}"
            f"&StatusCallback={self._callback}{_quote(outgoing.token)}{_RETRY_CALLBACKS}"
            f"&ValidityPeriod={min(max(seconds, 1), LONGEST_VALIDITY_SECONDS)}"
        ).encode()

    def _sender_of(self, outgoing: Outgoing) -> str:
        return self._sender if self._is_sole_sender else outgoing.sender or self._sender

    async def check(self) -> str:
        """Fetch the account; return '' when it may send, else what to do."""
        try:
            account = await self._client.api.v2010.accounts(self._account_sid).fetch_async()
        except NotSentError as error:
            if error.is_certificate:
                fix = "Correct the URL or the machine's CA bundle"
                return f"{self.provider}.base_url: its certificate is not trusted. {fix}"
            return f"{self.provider}.base_url: no connection. Check the network and the URL"
        except NoAnswerError:
            return f"{self.provider}: no answer in time. See status.twilio.com, then try again"
        except TwilioException as error:
            status = getattr(error, "status", 0)
            meaning = classify_twilio(status or 400, getattr(error, "code", None)).meaning
            name = self.provider
            return f"{name}: HTTP {status}: {meaning}. Check {name}.account_sid and {name}.auth_token"
        if account.status != "active":
            return f"{self.provider}: the account is {account.status}. Settle it in Twilio's console"
        return ""

    async def fetch(self, sid: str) -> ProviderMessage | None:
        """Return what Twilio knows about one message, None when it knows none.

        Raises:
            UnavailableError: Twilio did not answer.
        """
        try:
            return _message_of(await self._client.messages(sid).fetch_async())
        except TwilioException as error:
            if getattr(error, "status", 0) == 404:  # noqa: PLR2004 - HTTP's own number
                return None
            raise _unavailable(self.provider) from None
        except (NotSentError, NoAnswerError):
            raise _unavailable(self.provider) from None

    async def list_to(self, number: str, after: datetime) -> list[ProviderMessage]:
        """Return our messages to `number` created at or after `after`, newest first.

        Twilio lists first what left last, which is not what was created last, and says nothing of where it puts what
        has not left. So a whole page is read in any case, which is all that most people ever got.

        Raises:
            UnavailableError: Twilio did not answer.
        """
        found, after, count = [], after.replace(microsecond=0), 0  # Twilio's instants are whole seconds
        try:
            listed: AsyncIterator[Any] = await self._client.messages.stream_async(to=number, page_size=LARGEST_PAGE)
            async for instance in listed:
                count += 1
                if count > LARGEST_PAGE and instance.date_sent and instance.date_sent < after:
                    break
                message = _message_of(instance)
                if message.created_at >= after and message.direction != "inbound":
                    found.append(message)
        except (NotSentError, NoAnswerError, TwilioException):
            raise _unavailable(self.provider) from None
        return found

    async def list_between(self, start: datetime, end: datetime) -> AsyncIterator[ProviderMessage]:
        """Yield what we asked for from `start` up to `end`, but for what Twilio has not passed on.

        Twilio finds messages by the GMT day they left, hours after they were created at times; so one day more is
        asked for on both sides.

        Raises:
            UnavailableError: Twilio did not answer.
        """
        try:
            listed: AsyncIterator[Any] = await self._client.messages.stream_async(
                date_sent_after=start - _DAY, date_sent_before=end + _DAY, page_size=LARGEST_PAGE
            )
            async for instance in listed:
                message = _message_of(instance)
                is_ours = not self._senders.isdisjoint({instance.from_, instance.messaging_service_sid})
                if start <= message.created_at < end and message.direction not in _NOT_OURS and is_ours:
                    yield message
        except (NotSentError, NoAnswerError, TwilioException):
            raise _unavailable(self.provider) from None

    async def list_inbound(self, start: datetime, end: datetime) -> AsyncIterator[CustomerMessage]:
        """Yield what customers wrote to our senders from `start` up to `end`.

        Raises:
            UnavailableError: Twilio did not answer.
        """
        try:
            async for each in inbound_messages(self._client, self._senders, start, end):
                yield each
        except (NotSentError, NoAnswerError, TwilioException):
            raise _unavailable(self.provider) from None


def _did_not_leave(error: BaseException) -> bool:
    return isinstance(error, NotSentError) and not error.is_certificate


def _quote(text: str) -> str:
    """Percent-encode every byte: legal in a form, many times faster than choosing, and nothing slips through."""
    return "%" + text.encode(errors="replace").hex("%") if text else ""


@lru_cache(maxsize=16)
def _sender_field(sender: str) -> str:
    return f"{'MessagingServiceSid' if _is_service(sender) else 'From'}={_quote(sender)}"


def _result_of(attempt_id: int, response: Answer) -> Result:
    answer = _json_of(response.body.decode(errors="replace"))
    if response.status in (200, 201) and answer.get("sid"):
        return Result(attempt_id, _ACCEPTED, str(answer["sid"]), str(answer.get("status") or ""))
    code = answer.get("code")
    code = code if isinstance(code, int) else None
    return refusal(
        attempt_id,
        classify_twilio(response.status, code),
        str(code or response.status),
        retry_after_seconds=_seconds(response.headers().get("retry-after", "")),
    )


def _json_of(text: str) -> dict[str, Any]:
    try:
        answer = _read_json(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None


def _message_of(instance: Any) -> ProviderMessage:
    return ProviderMessage(
        sid=instance.sid,
        status=str(instance.status),
        direction=str(instance.direction),
        created_at=instance.date_created or datetime.min.replace(tzinfo=UTC),
        to=instance.to or "",
        body=instance.body or "",
        error_code=str(instance.error_code or ""),
        parts=int(instance.num_segments or 0),
        price=Decimal(instance.price) if instance.price else None,
        price_unit=instance.price_unit or "",
    )


def _unavailable(provider: str) -> UnavailableError:
    return UnavailableError(f"{provider}: no usable answer. See status.twilio.com, then try again")
