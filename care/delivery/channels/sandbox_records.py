"""What the sandbox's carrier has on record: the outbox again, with what has become of each message by now."""

from collections.abc import Iterator
from datetime import datetime

from care.base.clock import Clock
from care.base.vocabulary import Channel
from care.campaigns.sms_parts import count_parts
from care.delivery.channels.base import ProviderMessage
from care.delivery.channels.sandbox_fate import life_of
from care.delivery.channels.sandbox_outbox import Outbox, Sent


class SandboxRecords:
    """Answers about the messages of one outbox; tells the same life as the carrier with the same seed."""

    def __init__(self, channel: Channel, outbox: Outbox, *, seed: int, clock: Clock) -> None:
        """Read nothing yet."""
        self._channel, self._outbox, self._seed, self._clock = channel, outbox, seed, clock
        self._by_ref: dict[str, Sent] = {}
        self._read_to = 0

    def find(self, ref: str) -> ProviderMessage | None:
        """Return one message by its reference, None when there is none."""
        self._read_on()
        sent = self._by_ref.get(ref)
        return self._as_record(sent) if sent else None

    def between(self, start: datetime, end: datetime | None) -> Iterator[ProviderMessage]:
        """Yield the messages written from `start` up to `end`, oldest first."""
        self._read_on()
        for sent in list(self._by_ref.values()):
            at = datetime.fromisoformat(sent.at)
            if start <= at and (end is None or at < end):
                yield self._as_record(sent)

    def _read_on(self) -> None:
        for end, sent in self._outbox.read(self._read_to):
            self._by_ref[sent.ref] = sent
            self._read_to = end

    def _as_record(self, sent: Sent) -> ProviderMessage:
        at, now = datetime.fromisoformat(sent.at), self._clock.now()
        status, error_code = "queued", ""
        for event in life_of(self._channel, sent, seed=self._seed):
            if event.status and at + event.after <= now:
                status, error_code = event.status, event.error_code
        parts = count_parts(sent.body).parts if self._channel is Channel.SMS and sent.body else 1
        return ProviderMessage(
            sid=sent.ref,
            status=status,
            direction="outbound-api",
            created_at=at,
            to=sent.to,
            body=sent.body,
            error_code=error_code,
            parts=parts,
        )
