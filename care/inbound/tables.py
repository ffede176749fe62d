"""Everything that came in, kept as it came."""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata

webhook = sa.Table(
    "webhook",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(24), nullable=False),  # twilio.status | twilio.inbound | …
    sa.Column("dedupe", sa.String(120), nullable=False, unique=True),  # provider id + status + error
    sa.Column("token", sa.String(32)),  # the attempt's own, from the callback address
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("wake_at", Instant, nullable=False),  # when to work on it, or to try again
    sa.Column("tries", sa.SmallInteger, nullable=False, server_default="0"),  # that failed
    sa.Column("done_at", Instant),
    sa.Column("problem", sa.String(200)),  # why it could not be used; the row is kept
    sa.Index("ix_webhook_todo", "done_at", "wake_at"),
)
"""Stored first, worked on after; a row is durable before the provider gets its answer."""

inbound_message = sa.Table(
    "inbound_message",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("provider_ref", sa.String(64), nullable=False, unique=True),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("address_hash", sa.String(32), nullable=False),
    sa.Column("address", sa.String(254)),
    sa.Column("customer_id", sa.BigInteger),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("handled_as", sa.String(24), nullable=False),  # opt_out, no_surveys, opt_in, help, reply, inbox
    sa.Column("about_message_id", sa.BigInteger),  # what they were probably answering
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("answered_at", Instant),
    sa.Column("answered_by", sa.String(32)),
    sa.Column("answer", sa.Text),
    sa.Index("ix_inbound_message_inbox", "handled_as", "answered_at"),
    sa.Index("ix_inbound_message_address_hash", "address_hash", "received_at"),
)

answered_inbound = sa.select(
    inbound_message.c.provider_ref.label("external_id"),
    inbound_message.c.answer.label("text"),
    inbound_message.c.address_hash,
).subquery("answered_inbound")
"""What an answer of ours speaks of: the words a person wrote, if any, and the address that wrote to us."""
