"""The ledger's tables. `message` is unique per campaign, occasion, customer and leg: planning twice plans nothing."""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata
from care.messages.model import CLAIMABLE, MessageStatus, Outcome


def _one_of(column: str, words: type[MessageStatus] | type[Outcome]) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


_WAITS = " OR ".join(f"status = '{status}'" for status in sorted(CLAIMABLE))
_PUT_OFF = f"({_WAITS}) AND wake_at > due_at"

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("campaign_id", sa.String(64), nullable=False),
    sa.Column("occasion", sa.String(160), nullable=False),  # birthday:solar-2026
    sa.Column("customer_id", sa.BigInteger, nullable=False),  # outlives an erased customer
    sa.Column("leg", sa.String(16), nullable=False, server_default="main"),
    sa.Column("occasion_on", sa.Date, nullable=False),  # the local day it is owed for; the books' page
    sa.Column("subject", sa.String(64)),  # external id of the subscription, ticket … it speaks of
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),  # Purpose.lane, 0 most urgent
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(120)),  # why held, skipped, failed, expired, cancelled
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("use_by", Instant, nullable=False),
    sa.Column("wake_at", Instant, nullable=False),  # when to look at the row again
    sa.Column("channel", sa.String(8)),  # of the last attempt, or the only one allowed
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("strikes", sa.SmallInteger, nullable=False, server_default="0"),  # in work when a process died
    sa.Column("lease_owner", sa.BigInteger),
    sa.Column("lease_until", Instant),
    sa.Column("plan_digest", sa.String(16), nullable=False),  # of the campaign as it was when planned
    sa.Column("planned_at", Instant, nullable=False),
    sa.Column("status_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),  # first hand-over to a provider; what caps count
    sa.Column("delivered_at", Instant),
    sa.UniqueConstraint("campaign_id", "occasion", "customer_id", "leg", name="uq_message_owed"),
    sa.CheckConstraint(_one_of("status", MessageStatus), name="status"),
    sa.CheckConstraint("due_at < use_by", name="window"),
    sa.CheckConstraint("(status = 'sending') = (lease_owner IS NOT NULL)", name="lease"),
    sa.CheckConstraint(
        "status NOT IN ('held', 'skipped', 'expired', 'cancelled', 'failed') OR reason IS NOT NULL",
        name="reason",
    ),
    sa.CheckConstraint("status <> 'delivered' OR delivered_at IS NOT NULL", name="delivered"),
    sa.Index("ix_message_wake", "status", "lane", "wake_at"),  # is anything due?
    sa.Index(  # which is due, earliest deadline first; a message costs it nothing once it is on its way
        "ix_message_claim",
        "status",
        "lane",
        "use_by",
        "wake_at",
        sqlite_where=sa.text(_WAITS),
        postgresql_where=sa.text(_WAITS),
    ),
    sa.Index(  # which was due and has been put off? Few at a time, and none that goes at its hour
        "ix_message_put_off",
        "status",
        "lane",
        "due_at",
        sqlite_where=sa.text(_PUT_OFF),
        postgresql_where=sa.text(_PUT_OFF),
    ),
    sa.Index("ix_message_customer_id", "customer_id", "sent_at"),
    sa.Index("ix_message_book", "campaign_id", "occasion_on"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("message_id", sa.ForeignKey("message.id"), nullable=False),
    sa.Column("n", sa.SmallInteger, nullable=False),
    sa.Column("token", sa.String(32), nullable=False, unique=True),  # in the callback URL and Message-ID
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("address_hash", sa.String(32), nullable=False),
    sa.Column("parts", sa.SmallInteger, nullable=False),
    sa.Column("body_digest", sa.String(16), nullable=False),
    sa.Column("incarnation", sa.BigInteger, nullable=False),
    sa.Column("outcome", sa.String(12), nullable=False),
    sa.Column("provider_ref", sa.String(64)),
    sa.Column("error_code", sa.String(32)),
    sa.Column("error_class", sa.String(24)),
    sa.Column("spent", sa.Boolean, nullable=False, server_default=sa.false()),  # no other try on this channel
    sa.Column("intent_at", Instant, nullable=False),
    sa.Column("done_at", Instant),
    sa.Column("price_minor", sa.Integer),  # not written: prices of a part are smaller than any minor unit
    sa.Column("asked_at", Instant),  # when the provider was last asked what became of it
    sa.Column("billed_parts", sa.SmallInteger),  # as the provider counts
    sa.Column("billed_micros", sa.BigInteger),  # what the provider charges, in millionths of the unit below
    sa.Column("billed_currency", sa.String(3)),
    sa.Column("account", sa.String(16)),  # digest of the account that got it; NULL: whichever bears the name now
    sa.UniqueConstraint("message_id", "n", name="uq_attempt_number"),
    sa.CheckConstraint(_one_of("outcome", Outcome), name="outcome"),
    sa.Index(  # an attempt stands in it once its provider has named it
        "ix_attempt_provider_ref",
        "provider_ref",
        sqlite_where=sa.text("provider_ref IS NOT NULL"),
        postgresql_where=sa.text("provider_ref IS NOT NULL"),
    ),
    sa.Index("ix_attempt_address_hash", "address_hash", "intent_at"),
    sa.Index("ix_attempt_intent_at", "intent_at"),
)
"""One hand-over to a provider, written down before the first byte leaves."""

receipt = sa.Table(
    "receipt",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("attempt_id", sa.ForeignKey("attempt.id")),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("provider_ref", sa.String(64), nullable=False),
    sa.Column("status", sa.String(24), nullable=False),  # the provider's own word
    sa.Column("error_code", sa.String(32), nullable=False, server_default=""),
    sa.Column("received_at", Instant, nullable=False),
    sa.UniqueConstraint("provider_ref", "status", "error_code", name="uq_receipt_word"),
    sa.Index("ix_receipt_attempt_id", "attempt_id"),
)
"""The provider's later word, append-only."""

move = sa.Table(
    "move",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("message_id", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(120)),
    sa.Column("by", sa.String(32), nullable=False),  # planner, dispatcher, receipt, ops:NAME
    sa.Column("at", Instant, nullable=False),
    sa.Index("ix_move_message_id", "message_id"),
)
"""Decisions that attempts and receipts do not show: held, skipped, expired, cancelled, retried, re-planned."""

contact_claim = sa.Table(
    "contact_claim",
    metadata,
    sa.Column("campaign_id", sa.String(64), primary_key=True),
    sa.Column("occasion", sa.String(160), primary_key=True),
    sa.Column("address_hash", sa.String(32), primary_key=True),
    sa.Column("message_id", sa.BigInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("ix_contact_claim_message_id", "message_id"),
    sqlite_with_rowid=False,  # a row lives in its key: half the pages to write
)
"""One phone gets one message per campaign and occasion, however many accounts share it."""

intended = sa.Table(
    "intended",
    metadata,
    sa.Column("campaign_id", sa.String(64), primary_key=True),
    sa.Column("occasion_on", sa.Date, primary_key=True),
    sa.Column("leg", sa.String(16), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("counted_at", Instant, nullable=False),
)
"""How many ought to be in the ledger, counted by a query of its own in the planning transaction; it only grows."""

pause = sa.Table(
    "pause",
    metadata,
    sa.Column("scope", sa.String(80), primary_key=True),  # all, campaign:ID, purpose:NAME, wait:ID:DAY or spam:ID
    sa.Column("until", Instant),  # NULL: until resumed
    sa.Column("by", sa.String(32), nullable=False),
    sa.Column("at", Instant, nullable=False),
)
"""What ops stopped for now, and days that wait to be approved; read by planner and dispatcher."""

campaign_known = sa.Table(
    "campaign_known",
    metadata,
    sa.Column("campaign_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # live | withdrawn | cancelled
    sa.Column("seen_at", Instant, nullable=False),
)
"""Campaigns the planner has worked with, so that a withdrawn file is noticed."""
