"""The sandbox's carrier and customers: reads the outbox and tells later what became of each message."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from care.base.vocabulary import Channel
from care.delivery.channels.sandbox_fate import Event, life_of
from care.delivery.channels.sandbox_outbox import Outbox, Sent, load_checkpoint, save_checkpoint


class OnReceipt(Protocol):
    """Takes a receipt; repeats must do no harm."""

    def __call__(
        self, *, provider: str, token: str, provider_ref: str, status: str, error_code: str, at: datetime
    ) -> None:
        """Keep what the carrier says about one attempt: `sent`, `delivered` or `undelivered`."""
        ...


class OnInbound(Protocol):
    """Takes an inbound message; repeats of the same `provider_ref` must do no harm."""

    def __call__(self, *, provider_ref: str, sender: str, recipient: str, body: str, at: datetime) -> None:
        """Keep what the customer `sender` wrote to the operator's number `recipient`."""
        ...


@dataclass(order=True, slots=True)
class _Pending:
    at: datetime
    line: int  # where the message begins in the outbox
    event: Event = field(compare=False)
    sent: Sent = field(compare=False)


class Carrier:
    """Turns messages of the outbox into receipts and replies, at their time and in order.

    What it tells depends on the seed and the messages alone. A checkpoint beside the outbox lets the next
    process go on; what the last `pump` of a process told is told again by the next.
    """

    def __init__(
        self,
        channel: Channel,
        outbox: Outbox,
        *,
        provider: str,
        seed: int,
        on_receipt: OnReceipt | None,
        on_inbound: OnInbound | None,
    ) -> None:
        """Start where the last process stopped."""
        self._channel, self._outbox, self._provider, self._seed = channel, outbox, provider, seed
        self._on_receipt, self._on_inbound = on_receipt, on_inbound
        self._checkpoint: Path = outbox.path.with_suffix(".told.json")
        self._pending: list[_Pending] = []
        saved = load_checkpoint(self._checkpoint)
        self._read_to = int(saved.get("offset", 0))
        self._told_until = datetime.fromisoformat(saved["until"]) if saved else datetime.min.replace(tzinfo=UTC)
        self._resuming_to = int(saved.get("read_to", 0))
        self._told: dict[str, Any] = {}  # the checkpoint to come

    def pump(self, now: datetime) -> int:
        """Tell everything that has happened by `now`; return how many receipts and replies that were.

        The call also says that what the last one told has been kept: only then is the checkpoint moved past it.
        """
        if self._told:
            save_checkpoint(self._checkpoint, self._told)
            self._told = {}
        self._take_in()
        told = 0
        for pending in self._due(now):
            self._tell(pending)
            told += 1
        if told:
            oldest = min((pending.line for pending in self._pending), default=self._read_to)
            self._told = {"offset": oldest, "until": now.isoformat(), "read_to": self._read_to}
        return told

    def next_at(self) -> datetime | None:
        """Return when the next receipt or reply is due, None when nothing is on its way."""
        self._take_in()
        return self._pending[0].at if self._pending else None

    def _take_in(self) -> None:
        for end, sent in self._outbox.read(self._read_to):
            handed_over = datetime.fromisoformat(sent.at)
            for event in life_of(self._channel, sent, seed=self._seed):
                at = handed_over + event.after
                was_told = at <= self._told_until and end <= self._resuming_to
                if not was_told:
                    heapq.heappush(self._pending, _Pending(at, self._read_to, event, sent))
            self._read_to = end

    def _due(self, now: datetime) -> Iterator[_Pending]:
        while self._pending and self._pending[0].at <= now:
            yield heapq.heappop(self._pending)

    def _tell(self, pending: _Pending) -> None:
        event, sent = pending.event, pending.sent
        if event.reply:
            if self._on_inbound is not None:
                reply_ref = f"SI{sent.ref[2:]}"
                self._on_inbound(
                    provider_ref=reply_ref, sender=sent.to, recipient=sent.sender, body=event.reply, at=pending.at
                )
        elif self._on_receipt is not None:
            self._on_receipt(
                provider=self._provider,
                token=sent.token,
                provider_ref=sent.ref,
                status=event.status,
                error_code=event.error_code,
                at=pending.at,
            )
