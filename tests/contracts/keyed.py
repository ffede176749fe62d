"""A provider that knows a second request for the first, as some do and none of ours: in memory, behind the same port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from care.base.vocabulary import Channel
from care.delivery.channels.base import Capabilities, Gateway, Idempotency, Outgoing, Result, refusal
from care.delivery.channels.errors import classify_transport
from care.messages.model import Outcome
from tests.contracts.harnesses import Doubtful, Harness, Opener, Recipients

LOST, CUT = "lost-reply@keyed.test", "cut@keyed.test"


@dataclass
class KeyedGateway:
    """Takes each reference once. What goes to `LOST` is taken, and the first answer is lost."""

    idempotency: Idempotency
    channel: ClassVar[Channel] = Channel.EMAIL
    provider: str = "keyed"
    taken: dict[str, str] = field(default_factory=dict)  # recipient by reference
    is_reachable: bool = True
    loses: int = 0  # answers to come that get lost
    asked: int = 0

    @property
    def capabilities(self) -> Capabilities:
        ttl = timedelta(days=1) if self.idempotency is Idempotency.KEY else None
        return Capabilities(
            two_way=False,
            callback_per_message=False,
            idempotency=self.idempotency,
            key_ttl=ttl,
            definitive_errors=frozenset({"not-sent"}),
        )

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def check(self) -> str:
        return ""

    async def send(self, outgoing: Outgoing) -> Result:
        await asyncio.sleep(0)
        self.asked += 1
        if not self.is_reachable:
            return refusal(outgoing.attempt_id, classify_transport("not-sent"), "not-sent")
        if outgoing.to == CUT:
            return refusal(outgoing.attempt_id, classify_transport("no-answer"), "no-answer")
        is_first = outgoing.message_ref not in self.taken
        self.taken.setdefault(outgoing.message_ref, outgoing.to)
        if is_first and (outgoing.to == LOST or self.asked <= self.loses):
            return refusal(outgoing.attempt_id, classify_transport("no-answer"), "no-answer")
        return Result(attempt_id=outgoing.attempt_id, outcome=Outcome.ACCEPTED, provider_ref=f"K{outgoing.message_ref}")


def keyed(idempotency: Idempotency) -> Opener:
    """Return how to open a provider of this kind."""

    def unreachable() -> Gateway:
        return KeyedGateway(idempotency, is_reachable=False)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Harness]:
        gateway = KeyedGateway(idempotency)
        yield Harness(
            gateway=gateway,
            to=Recipients(
                good=lambda number: f"c{number}@keyed.test", permanent="", temporary="", lost_reply=LOST, cut=CUT
            ),
            definitive={},
            doubtful={
                "dropped before": Doubtful(to=CUT, is_taken=False),
                "dropped after": Doubtful(to=LOST, is_taken=True),
            },
            taken=lambda: list(gateway.taken.values()),
            unreachable=unreachable,
        )

    return opened
