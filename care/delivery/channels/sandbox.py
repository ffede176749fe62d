"""The sandbox: every message ends in an outbox on this machine, and a believable carrier reports on it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from care.base.clock import Clock
from care.base.vocabulary import Channel
from care.delivery.channels.base import Capabilities, ListByRecipient, Outgoing, ProviderMessage, Result, refusal
from care.delivery.channels.errors import classify_receipt, classify_transport
from care.delivery.channels.sandbox_carrier import Carrier, OnInbound, OnReceipt
from care.delivery.channels.sandbox_fate import PLAIN, Answer, Fate, reserved_fate
from care.delivery.channels.sandbox_outbox import Outbox, Sent
from care.delivery.channels.sandbox_records import SandboxRecords
from care.messages.model import Outcome

SLOW_SECONDS: Final = 2.0
DEFAULT_SENDER: Final = {Channel.SMS: "10690000", Channel.EMAIL: "care@sandbox.test"}


class SandboxGateway:
    """Write messages to an outbox; nothing ever leaves the machine.

    `sandbox_fate` lists the recipients that fail on demand. `pump` lets the carrier tell, through the two
    callbacks, what became of the messages by then.
    """

    def __init__(
        self,
        channel: Channel,
        directory: Path,
        *,
        clock: Clock,
        provider: str = "sandbox",
        seed: int = 0,
        sender: str = "",
        on_receipt: OnReceipt | None = None,
        on_inbound: OnInbound | None = None,
    ) -> None:
        """Use `<directory>/<channel>.jsonl` as outbox, made by `open` for its owner alone.

        A backup keeps an outbox of its own, `<channel>.backup.jsonl`.
        """
        self.channel, self.provider = channel, provider
        self.outbox = Outbox(directory / f"{channel}{provider.removeprefix('sandbox')}.jsonl")
        self._clock = clock
        self._sender = sender or DEFAULT_SENDER[channel]
        self._slow_seconds = SLOW_SECONDS
        self._carrier_arguments: dict[str, Any] = {"seed": seed, "on_receipt": on_receipt, "on_inbound": on_inbound}
        self._carrier: Carrier | None = None
        self._records = SandboxRecords(channel, self.outbox, seed=seed, clock=clock)

    @property
    def capabilities(self) -> Capabilities:
        """The sandbox can do what a good provider can."""
        is_sms = self.channel is Channel.SMS
        return Capabilities(
            two_way=is_sms,
            callback_per_message=True,
            client_ref_echo=True,
            list_by_recipient=ListByRecipient(settle=timedelta(0), is_authoritative=False),
            validity_period=is_sms,
            definitive_errors=frozenset({"not-sent", "429", "4xx"} if is_sms else {"not-sent", "4xx", "5xx"}),
            counts_parts=is_sms,
            max_in_flight=256,
            keeps_records=True,
        )

    async def open(self) -> None:
        """Make the outbox."""
        self.outbox.open()

    async def close(self) -> None:
        """Close the outbox."""
        self.outbox.close()

    async def check(self) -> str:
        """Return '' when the outbox can be written to, else what to do."""
        try:
            self.outbox.open()
        except OSError as error:
            return f"{self.outbox.path}: {error.strerror}. Make the folder writable"
        return ""

    async def send(self, outgoing: Outgoing) -> Result:
        """Write one message down, unless its recipient is one of those that fail on demand."""
        fate = reserved_fate(self.channel, outgoing.to) or PLAIN
        if fate.is_slow:
            await asyncio.sleep(self._slow_seconds)
        if fate.answer in (Answer.ACCEPT, Answer.LOSE):
            sent = self._sent(outgoing)
            try:
                self.outbox.append(sent)
            except OSError:
                return refusal(outgoing.attempt_id, classify_transport("not-sent"), "not-sent")
            if fate.answer is Answer.ACCEPT:
                return Result(
                    attempt_id=outgoing.attempt_id,
                    outcome=Outcome.ACCEPTED,
                    provider_ref=sent.ref,
                    status="queued",
                )
        return _failure(outgoing.attempt_id, fate)

    def pump(self, now: datetime) -> int:
        """Tell, through the callbacks, what has become of the messages by `now`; return how many facts."""
        return self._teller().pump(now)

    def next_at(self) -> datetime | None:
        """Return when `pump` will next have something to tell, None when nothing is on its way."""
        return self._teller().next_at()

    async def fetch(self, sid: str) -> ProviderMessage | None:
        """Return one message of the outbox by its reference, None when there is none."""
        return self._records.find(sid)

    async def list_to(self, number: str, after: datetime) -> list[ProviderMessage]:
        """Return the messages to an address since an instant, newest first."""
        found = [each for each in self._records.between(after, None) if each.to == number]
        return found[::-1]

    async def list_between(self, start: datetime, end: datetime) -> AsyncIterator[ProviderMessage]:
        """Yield the messages created from `start` up to `end`."""
        for each in self._records.between(start, end):
            yield each

    def _teller(self) -> Carrier:
        if self._carrier is None:
            self._carrier = Carrier(self.channel, self.outbox, provider=self.provider, **self._carrier_arguments)
        return self._carrier

    def _sent(self, outgoing: Outgoing) -> Sent:
        return Sent(
            ref="SB" + hashlib.sha256(outgoing.token.encode(errors="replace")).hexdigest()[:32],
            at=self._clock.now().isoformat(),
            attempt_id=outgoing.attempt_id,
            message_id=outgoing.message_id,
            token=outgoing.token,
            to=outgoing.to,
            sender=outgoing.sender or self._sender,
            body=outgoing.body,
            subject=outgoing.subject,
            html=outgoing.html,
            template=outgoing.template,
            locale=outgoing.locale,
            message_ref=outgoing.message_ref,
            unsubscribe_url=outgoing.unsubscribe_url,
            valid_until=outgoing.valid_until.isoformat(),
        )


def _failure(attempt_id: int, fate: Fate) -> Result:
    if fate.answer is Answer.UNREACHABLE or fate.code == "no-answer":
        return refusal(attempt_id, classify_transport(fate.code), fate.code)
    return refusal(attempt_id, classify_receipt(fate.code), fate.code)
