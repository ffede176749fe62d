"""A mail of ours that went out, and what comes back about it."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from care.base.database import read, write
from care.bootstrap import Services
from care.customers.tables import suppression
from care.inbound.ingest import ingest_mails
from care.inbound.tables import webhook
from care.messages.tables import attempt, message, receipt
from tests.factories import address_hash, make_customer
from tests.inbound.house import make_attempt, make_message

ADDRESS = "wang@customer.example"


@dataclass(frozen=True)
class Sent:
    """One mail of ours on its way."""

    message_id: int
    attempt_id: int
    return_path: str
    returned: str  # its headers as a bounce quotes them


def send_mail(services: Services, address: str = ADDRESS, **fields: Any) -> Sent:
    """Write a mail into the ledger that the relay has taken."""
    now = services.clock.now()
    with write(services.engine) as conn:
        customer_id = make_customer(conn, email=address, phone=None)
        values = {"status": "sent", "attempts": 1, "channel": "email", "sent_at": now, **fields}
        message_id = make_message(conn, customer_id=customer_id, now=now, **values)
        return attempt_of(services, conn, message_id, address)


def attempt_of(services: Services, conn: sa.Connection, message_id: int, address: str, **fields: Any) -> Sent:
    """Write an attempt of a message and return how its mail is recognised."""
    values = {"channel": "email", "provider": "smtp", "address_hash": address_hash("email", address), **fields}
    token = make_attempt(conn, message_id=message_id, phone="+1", now=services.clock.now(), **values)
    attempt_id = conn.execute(sa.select(attempt.c.id).where(attempt.c.token == token)).scalar_one()
    occasion = conn.execute(sa.select(message.c.occasion).where(message.c.id == message_id)).scalar_one()
    ref = services.mail_ids.message_ref(message_id, occasion, "example.com")
    return Sent(
        message_id=message_id,
        attempt_id=attempt_id,
        return_path=services.mail_ids.return_path(attempt_id, token, "bounce.example.com"),
        returned=f"From: care@example.com\nTo: {{to}}\nSubject: Greetings\nMessage-ID: {ref}\n\nHello\n",
    )


def ingest(services: Services, *mails: bytes) -> int:
    return ingest_mails(services.engine, mails, rules=services.inbound_rules, now=services.clock.now())


def rows(services: Services, table: sa.Table) -> list[Any]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(table).order_by(table.c.id)))


def status_of(services: Services, sent: Sent) -> str:
    return next(row.status for row in rows(services, message) if row.id == sent.message_id)


def bans(services: Services) -> list[tuple[str, str]]:
    """Reason and scope of every standing ban."""
    return [(row.reason, row.scope) for row in rows(services, suppression) if row.lifted_at is None]


def traces(services: Services) -> tuple[int, int, list[tuple[str, str]]]:
    """What a mail may change besides its own row."""
    return len(rows(services, receipt)), len(rows(services, message)), bans(services)


def kept(services: Services) -> list[Any]:
    return rows(services, webhook)
