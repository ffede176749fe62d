"""The ledger, as step 0001 laid them."""

import sqlalchemy as sa
from alembic import op


def lay_campaign_known() -> None:
    """Lay `campaign_known`."""
    op.create_table(
        "campaign_known",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_known")),
    )


def drop_campaign_known() -> None:
    """Drop `campaign_known`."""
    op.drop_table("campaign_known")


def lay_contact_claim() -> None:
    """Lay `contact_claim`."""
    op.create_table(
        "contact_claim",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("occasion", sa.String(length=160), nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "occasion", "address_hash", name=op.f("pk_contact_claim")),
    )
    with op.batch_alter_table("contact_claim", schema=None) as batch_op:
        batch_op.create_index("ix_contact_claim_message_id", ["message_id"], unique=False)


def drop_contact_claim() -> None:
    """Drop `contact_claim`."""
    with op.batch_alter_table("contact_claim", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_claim_message_id")
    op.drop_table("contact_claim")


def lay_intended() -> None:
    """Lay `intended`."""
    op.create_table(
        "intended",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("occasion_on", sa.Date(), nullable=False),
        sa.Column("leg", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "occasion_on", "leg", name=op.f("pk_intended")),
    )


def drop_intended() -> None:
    """Drop `intended`."""
    op.drop_table("intended")


def lay_message() -> None:
    """Lay `message`."""
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("occasion", sa.String(length=160), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("leg", sa.String(length=16), server_default="main", nullable=False),
        sa.Column("occasion_on", sa.Date(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=True),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("use_by", sa.BigInteger(), nullable=False),
        sa.Column("wake_at", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("strikes", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("plan_digest", sa.String(length=16), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("status_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(status = 'sending') = (lease_owner IS NOT NULL)", name=op.f("ck_message_lease")),
        sa.CheckConstraint("status <> 'delivered' OR delivered_at IS NOT NULL", name=op.f("ck_message_delivered")),
        sa.CheckConstraint(
            "status IN ('planned', 'held', 'sending', 'accepted', 'sent', 'delivered', 'unknown', 'unconfirmed', 'undelivered', 'failed', 'skipped', 'expired', 'cancelled')",
            name=op.f("ck_message_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('held', 'skipped', 'expired', 'cancelled', 'failed') OR reason IS NOT NULL",
            name=op.f("ck_message_reason"),
        ),
        sa.CheckConstraint("due_at < use_by", name=op.f("ck_message_window")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("campaign_id", "occasion", "customer_id", "leg", name="uq_message_owed"),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_book", ["campaign_id", "occasion_on"], unique=False)
        batch_op.create_index("ix_message_claim", ["status", "lane", "use_by", "wake_at"], unique=False)
        batch_op.create_index("ix_message_customer_id", ["customer_id", "sent_at"], unique=False)
        batch_op.create_index("ix_message_wake", ["status", "lane", "wake_at"], unique=False)


def drop_message() -> None:
    """Drop `message`."""
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_wake")
        batch_op.drop_index("ix_message_customer_id")
        batch_op.drop_index("ix_message_claim")
        batch_op.drop_index("ix_message_book")
    op.drop_table("message")


def lay_move() -> None:
    """Lay `move`."""
    op.create_table(
        "move",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move")),
    )
    with op.batch_alter_table("move", schema=None) as batch_op:
        batch_op.create_index("ix_move_message_id", ["message_id"], unique=False)


def drop_move() -> None:
    """Drop `move`."""
    with op.batch_alter_table("move", schema=None) as batch_op:
        batch_op.drop_index("ix_move_message_id")
    op.drop_table("move")


def lay_pause() -> None:
    """Lay `pause`."""
    op.create_table(
        "pause",
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_pause")),
    )


def drop_pause() -> None:
    """Drop `pause`."""
    op.drop_table("pause")


def lay_planned_day() -> None:
    """Lay `planned_day`."""
    op.create_table(
        "planned_day",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("stamp", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "day", "zone", name=op.f("pk_planned_day")),
    )


def drop_planned_day() -> None:
    """Drop `planned_day`."""
    op.drop_table("planned_day")


def lay_attempt() -> None:
    """Lay `attempt`."""
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("body_digest", sa.String(length=16), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("provider_ref", sa.String(length=64), nullable=True),
        sa.Column("error_code", sa.String(length=32), nullable=True),
        sa.Column("error_class", sa.String(length=24), nullable=True),
        sa.Column("spent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("intent_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("price_minor", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('intent', 'accepted', 'refused', 'unknown', 'abandoned')", name=op.f("ck_attempt_outcome")
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_attempt_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("message_id", "n", name="uq_attempt_number"),
        sa.UniqueConstraint("token", name=op.f("uq_attempt_token")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index("ix_attempt_address_hash", ["address_hash", "intent_at"], unique=False)
        batch_op.create_index("ix_attempt_intent_at", ["intent_at"], unique=False)
        batch_op.create_index("ix_attempt_provider_ref", ["provider_ref"], unique=False)


def drop_attempt() -> None:
    """Drop `attempt`."""
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_attempt_provider_ref")
        batch_op.drop_index("ix_attempt_intent_at")
        batch_op.drop_index("ix_attempt_address_hash")
    op.drop_table("attempt")


def lay_receipt() -> None:
    """Lay `receipt`."""
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("attempt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("provider_ref", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("error_code", sa.String(length=32), server_default="", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_receipt_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("provider_ref", "status", "error_code", name="uq_receipt_word"),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index("ix_receipt_attempt_id", ["attempt_id"], unique=False)


def drop_receipt() -> None:
    """Drop `receipt`."""
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index("ix_receipt_attempt_id")
    op.drop_table("receipt")
