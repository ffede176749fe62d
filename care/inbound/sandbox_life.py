"""What the sandbox's carrier and customers say reaches the same doors as a real provider's webhooks."""

import random
from datetime import datetime

import sqlalchemy as sa

from care.base.clock import Clock
from care.base.database import write
from care.base.settings import Settings
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.receipts import Receipt, apply_receipts
from care.delivery.registry import build_gateways
from care.inbound.store import store_webhooks
from care.inbound.twilio import INBOUND_KIND


class SandboxLife:
    """Keeps the sandbox gateways of this process and lets them tell what has happened."""

    def __init__(self, settings: Settings, engine: sa.Engine, clock: Clock) -> None:
        self._engine = engine
        self._receipts: list[Receipt] = []
        self._replies: list[dict[str, object]] = []
        self._dice = random.Random(0)  # noqa: S311 - jitter of the sandbox, not a secret
        gateways = build_gateways(settings, clock=clock, on_receipt=self._hear_receipt, on_inbound=self._hear_reply)
        self._gateways = [g for g in gateways.all() if isinstance(g, SandboxGateway)]

    def pump(self, now: datetime) -> int:
        """Apply every receipt and store every reply that has come by `now`; return how many."""
        for gateway in self._gateways:
            gateway.pump(now)
        receipts, self._receipts = self._receipts, []
        replies, self._replies = self._replies, []
        if receipts or replies:
            with write(self._engine) as conn:
                apply_receipts(conn, receipts, now=now, dice=self._dice)
                if replies:
                    store_webhooks(conn, replies)
        return len(receipts) + len(replies)

    def next_at(self) -> datetime | None:
        """Return when `pump` will next have something to tell, None when nothing is on its way."""
        return min((at for gateway in self._gateways if (at := gateway.next_at()) is not None), default=None)

    def _hear_receipt(
        self, *, provider: str, token: str, provider_ref: str, status: str, error_code: str, at: datetime
    ) -> None:
        self._receipts.append(
            Receipt(
                provider=provider, provider_ref=provider_ref, status=status, error_code=error_code, token=token, at=at
            )
        )

    def _hear_reply(self, *, provider_ref: str, sender: str, recipient: str, body: str, at: datetime) -> None:
        payload = {"MessageSid": provider_ref, "From": sender, "To": recipient, "Body": body}
        self._replies.append(
            {
                "kind": INBOUND_KIND,  # the sandbox's customers write as Twilio's would
                "dedupe": f"inbound:{provider_ref}",
                "token": None,
                "payload": payload,
                "received_at": at,
                "wake_at": at,
            }
        )
