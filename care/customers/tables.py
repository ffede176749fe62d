"""Tables of customers and of what they allow us to do.

Days are local dates, instants are microseconds since 1970 UTC (`Instant`), money is in minor units.
"""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata

customer = sa.Table(
    "customer",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("external_id", sa.String(64), nullable=False, unique=True),
    sa.Column("status", sa.String(8), nullable=False, server_default="active"),
    sa.Column("left_on", sa.Date),
    sa.Column("joined_on", sa.Date),
    sa.Column("joined_mmdd", sa.SmallInteger),  # month * 100 + day: anniversaries are an index look-up
    sa.Column("customer_type", sa.String(32), nullable=False, server_default="person"),
    sa.Column("name", sa.String(200)),
    sa.Column("salutation", sa.String(100)),
    sa.Column("locale", sa.String(16)),
    sa.Column("timezone", sa.String(64)),  # NULL: not known, every zone of the country must agree
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("birth_year", sa.SmallInteger),
    sa.Column("birth_mmdd", sa.SmallInteger),  # month * 100 + day, in the calendar below
    sa.Column("birth_calendar", sa.String(5), nullable=False, server_default="solar"),
    sa.Column("birth_leap", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("area", sa.String(64)),
    sa.Column("tier", sa.String(32)),
    sa.Column("account_manager", sa.String(100)),
    sa.Column("monthly_spend_minor", sa.BigInteger),
    sa.Column("lifetime_value_minor", sa.BigInteger),
    sa.Column("key_account", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("depends_on_line", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("deceased", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("minor", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hardship", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("open_complaint", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("draw", sa.Integer, nullable=False),  # the household's lot, 1 .. 2**31 - 2
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("erased_at", Instant),
    sa.CheckConstraint("status IN ('active', 'left')", name="status"),
    sa.CheckConstraint("birth_calendar IN ('solar', 'lunar')", name="birth_calendar"),
    sa.CheckConstraint("draw BETWEEN 1 AND 2147483646", name="draw"),
    sa.Index("ix_customer_birth", "birth_calendar", "birth_mmdd"),
    sa.Index("ix_customer_joined_mmdd", "joined_mmdd"),
    sa.Index("ix_customer_area", "area"),
    sa.Index("ix_customer_timezone", "timezone"),
)

contact_point = sa.Table(
    "contact_point",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), nullable=False),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("position", sa.SmallInteger, nullable=False, server_default="0"),  # 0 is tried first
    sa.Column("address", sa.String(254), nullable=False),  # E.164 or a normalised e-mail address
    sa.Column("address_hash", sa.String(32), nullable=False),  # keyed; what suppressions and claims know
    sa.Column("updated_at", Instant, nullable=False),
    sa.UniqueConstraint("customer_id", "channel", "position", name="uq_contact_point_place"),
    sa.CheckConstraint("channel IN ('sms', 'email')", name="channel"),
    sa.Index("ix_contact_point_address_hash", "address_hash"),
)

subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("external_id", sa.String(64), nullable=False, unique=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), nullable=False),
    sa.Column("service", sa.String(64)),
    sa.Column("plan", sa.String(100)),
    sa.Column("monthly_amount_minor", sa.BigInteger),
    sa.Column("started_on", sa.Date),
    sa.Column("ends_on", sa.Date),  # last local day of the term
    sa.Column("ends_at", Instant),  # the instant service stops; end of `ends_on` unless a time was given
    sa.Column("auto_renew", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("area", sa.String(64)),
    sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Index("ix_subscription_customer_id", "customer_id"),
    sa.Index("ix_subscription_ends_on", "ends_on"),
    sa.Index("ix_subscription_ends_at", "ends_at"),
)

consent = sa.Table(
    "consent",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("wording", sa.Text),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.UniqueConstraint("customer_id", "purpose", "channel", "at", name="uq_consent_word"),
    sa.CheckConstraint("channel IN ('sms', 'email')", name="channel"),
)
"""Every word a customer gave or took back, append-only; `consent_now` is the last one per purpose and channel."""

consent_now = sa.Table(
    "consent_now",
    metadata,
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("purpose", sa.String(16), primary_key=True),
    sa.Column("channel", sa.String(8), primary_key=True),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("address_hash", sa.String(32), nullable=False),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("scope", sa.String(24), nullable=False),  # which purposes are silenced
    sa.Column("reason", sa.String(24), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("lifted_at", Instant),
    sa.Column("lifted_by", sa.String(64)),
    sa.Column("lifted_why", sa.String(120)),  # by whose word, where the owner of the address had asked for the ban
    sa.CheckConstraint("scope IN ('all', 'marketing', 'survey', 'marketing_and_survey')", name="scope"),
    sa.CheckConstraint(
        "reason IN ('opt_out', 'complaint', 'hard_bounce', 'bad_number', 'wrong_number', 'by_hand')",
        name="reason",
    ),
    sa.Index("ix_suppression_address_hash", "address_hash", "lifted_at"),
    sa.Index("ix_suppression_lifted_at", "lifted_at"),
)
"""Standing bans, apart from the profile and known by keyed hash only, so they outlive an erasure."""

customer_change = sa.Table(
    "customer_change",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), nullable=False),
    sa.Column("field", sa.String(64), nullable=False),
    sa.Column("old", sa.Text),  # JSON of the former value; contact points as keyed hash
    sa.Column("new", sa.Text),
    sa.Column("at", Instant, nullable=False),
    sa.Index("ix_customer_change_customer_id", "customer_id", "at"),
)
"""One append-only row per changed field that rules read, so that a past day can be explained."""

suppression_key = sa.Table(
    "suppression_key",
    metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("check_value", sa.String(32), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)
"""Recognises the key that hashed the addresses; with another key opt-outs would be forgotten, so we refuse to send."""
