"""Tables of events and of the keys that may send them."""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("external_id", sa.String(120), nullable=False, unique=True),  # the sender's own id: told once
    sa.Column("source", sa.String(32), nullable=False),  # id of the key that sent it, or cli
    sa.Column("type", sa.String(40), nullable=False),  # ticket.resolved
    sa.Column("customer", sa.String(64)),  # external id
    sa.Column("subject", sa.String(64)),  # external id of the ticket
    sa.Column("at", Instant, nullable=False),  # when it happened, as the sender says
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("digest", sa.String(32), nullable=False),  # of everything above: the same id must say the same
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("problem", sa.String(200)),  # why it waits or changed nothing
    sa.Column("wake_at", Instant, nullable=False),
    sa.Column("tries", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("done_at", Instant),
    sa.CheckConstraint("state IN ('new', 'done', 'waiting', 'stale', 'refused')", name="state"),
    sa.Index("ix_event_todo", "state", "wake_at"),
    sa.Index("ix_event_subject", "subject"),
)
"""`waiting`: kept for repair (customer unknown, ticket not opened yet); `stale`: newer news had come before it."""

api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("scopes", sa.String(200), nullable=False),  # words with a space between
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("last_used_at", Instant),
    sa.Column("revoked_at", Instant),
    sa.Column("kind", sa.String(8), nullable=False, server_default="bearer"),  # bearer, or webhook: it signs
)
"""Keys that other systems hold. The secret half is derived from the secret key and the id, so none is stored."""

idempotent_answer = sa.Table(
    "idempotent_answer",
    metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("idempotency_key", sa.String(120), primary_key=True),
    sa.Column("request_digest", sa.String(32), nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("ix_idempotent_answer_at", "at"),
)
"""What was answered to a request that named an `Idempotency-Key`, so that a repeat hears the same."""

outgoing_webhook = sa.Table(
    "outgoing_webhook",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("webhook_id", sa.String(64), nullable=False, unique=True),  # the receiver tells repeats by it
    sa.Column("type", sa.String(40), nullable=False),  # ticket.reopen, case.opened
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("wake_at", Instant, nullable=False),
    sa.Column("tries", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("done_at", Instant),
    sa.Column("given_up_at", Instant),
    sa.Column("problem", sa.String(200)),
    sa.Index("ix_outgoing_webhook_todo", "done_at", "wake_at"),
)
"""What other systems are told, written in the transaction that decided it and sent after."""
