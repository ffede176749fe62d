"""Tickets as they stand now (`ticket`), and as they were each time they were resolved (`ticket_resolution`)."""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata

LONGEST_TICKET_ID = 56
"""Characters: with `:r` and the number of the resolution it still fits where messages name what they speak of."""

ticket = sa.Table(
    "ticket",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("external_id", sa.String(LONGEST_TICKET_ID), nullable=False, unique=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),  # repair, complaint, installation or the operator's own word
    sa.Column("severity", sa.String(32)),
    sa.Column("staff", sa.String(100)),
    sa.Column("area", sa.String(64)),
    sa.Column("channel", sa.String(32)),  # by which the customer reported it
    sa.Column("contact_name", sa.String(200)),  # of the reporter
    sa.Column("contact_phone", sa.String(32)),  # of the reporter, E.164
    sa.Column("contact_hash", sa.String(32)),  # keyed hash of that number
    sa.Column("parent", sa.String(64)),  # the mass fault it belongs to
    sa.Column("summary", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("is_test", sa.Boolean, nullable=False, server_default=sa.false()),  # staff's own or a try
    sa.Column("opened_at", Instant),
    sa.Column("first_response_at", Instant),
    sa.Column("resolved_at", Instant),  # NULL while it is open, also after a reopening
    sa.Column("reopened_at", Instant),  # the last time
    sa.Column("closed_at", Instant),
    sa.Column("resolutions", sa.SmallInteger, nullable=False, server_default="0"),  # times it was resolved
    sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("as_of", Instant, nullable=False),  # instant of the newest event that changed it
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("history", sa.JSON, nullable=False, server_default="[]"),  # every fact told of it; all else follows
    sa.Index("ix_ticket_customer_id", "customer_id", "opened_at"),
    sa.Index("ix_ticket_resolved_at", "resolved_at"),
    sa.Index("ix_ticket_parent", "parent"),
)

ticket_resolution = sa.Table(
    "ticket_resolution",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("external_id", sa.String(64), nullable=False, unique=True),  # T-881:r1
    sa.Column("ticket_id", sa.ForeignKey("ticket.id", ondelete="CASCADE"), nullable=False),
    sa.Column("customer_id", sa.BigInteger, nullable=False),
    sa.Column("n", sa.SmallInteger, nullable=False),  # 1 for the first time
    sa.Column("resolved_at", Instant, nullable=False),
    sa.Column("opened_at", Instant),  # of this round: the reopening, where there was one
    sa.Column("first_call_at", Instant),  # when the customer first called about the ticket
    sa.Column("first_response_at", Instant),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("severity", sa.String(32)),
    sa.Column("staff", sa.String(100)),
    sa.Column("area", sa.String(64)),
    sa.Column("parent", sa.String(64)),
    sa.Column("result", sa.Text),
    sa.Column("address_hash", sa.String(32)),  # of the reporter's number, where the ticket has one
    sa.Column("is_test", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("followed_up_at", Instant),  # when the follow-up took it on; NULL: still to do
    sa.UniqueConstraint("ticket_id", "n", name="uq_ticket_resolution_round"),
    sa.Index(
        "ix_ticket_resolution_todo",
        "id",
        sqlite_where=sa.text("followed_up_at IS NULL"),
        postgresql_where=sa.text("followed_up_at IS NULL"),
    ),
    sa.Index("ix_ticket_resolution_resolved_at", "resolved_at"),
    sa.Index("ix_ticket_resolution_customer_id", "customer_id", "resolved_at"),
)
"""The ticket as it was when it was resolved, whatever becomes of it later.

Facts that come late still correct a row that no follow-up has taken on; after that it never changes.
"""
