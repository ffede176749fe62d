"""Lay every table."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign_known",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_known")),
    )
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

    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=8), server_default="active", nullable=False),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("joined_mmdd", sa.SmallInteger(), nullable=True),
        sa.Column("customer_type", sa.String(length=32), server_default="person", nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("salutation", sa.String(length=100), nullable=True),
        sa.Column("locale", sa.String(length=16), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column("birth_mmdd", sa.SmallInteger(), nullable=True),
        sa.Column("birth_calendar", sa.String(length=5), server_default="solar", nullable=False),
        sa.Column("birth_leap", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("tier", sa.String(length=32), nullable=True),
        sa.Column("account_manager", sa.String(length=100), nullable=True),
        sa.Column("monthly_spend_minor", sa.BigInteger(), nullable=True),
        sa.Column("lifetime_value_minor", sa.BigInteger(), nullable=True),
        sa.Column("key_account", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("depends_on_line", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("deceased", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("minor", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hardship", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("open_complaint", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attributes", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("draw", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("birth_calendar IN ('solar', 'lunar')", name=op.f("ck_customer_birth_calendar")),
        sa.CheckConstraint("status IN ('active', 'left')", name=op.f("ck_customer_status")),
        sa.CheckConstraint("draw BETWEEN 1 AND 2147483646", name=op.f("ck_customer_draw")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("external_id", name=op.f("uq_customer_external_id")),
    )
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.create_index("ix_customer_area", ["area"], unique=False)
        batch_op.create_index("ix_customer_birth", ["birth_calendar", "birth_mmdd"], unique=False)
        batch_op.create_index("ix_customer_joined_mmdd", ["joined_mmdd"], unique=False)
        batch_op.create_index("ix_customer_timezone", ["timezone"], unique=False)

    op.create_table(
        "inbound_message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("provider_ref", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("handled_as", sa.String(length=24), nullable=False),
        sa.Column("about_message_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(length=32), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_message")),
        sa.UniqueConstraint("provider_ref", name=op.f("uq_inbound_message_provider_ref")),
    )
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.create_index("ix_inbound_message_address_hash", ["address_hash", "received_at"], unique=False)
        batch_op.create_index("ix_inbound_message_inbox", ["handled_as", "answered_at"], unique=False)

    op.create_table(
        "incarnation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incarnation")),
    )
    op.create_table(
        "intended",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("occasion_on", sa.Date(), nullable=False),
        sa.Column("leg", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "occasion_on", "leg", name=op.f("pk_intended")),
    )
    op.create_table(
        "job_run",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_run")),
    )
    op.create_table(
        "leader",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leader")),
    )
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

    op.create_table(
        "pace",
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("next_free_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_pace")),
    )
    op.create_table(
        "pause",
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_pause")),
    )
    op.create_table(
        "planned_day",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("stamp", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "day", "zone", name=op.f("pk_planned_day")),
    )
    op.create_table(
        "spend",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("parts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "country", name=op.f("pk_spend")),
    )
    op.create_table(
        "suppression",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "reason IN ('opt_out', 'complaint', 'hard_bounce', 'bad_number', 'wrong_number', 'by_hand')",
            name=op.f("ck_suppression_reason"),
        ),
        sa.CheckConstraint(
            "scope IN ('all', 'marketing', 'survey', 'marketing_and_survey')", name=op.f("ck_suppression_scope")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
    )
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.create_index("ix_suppression_address_hash", ["address_hash", "lifted_at"], unique=False)
        batch_op.create_index("ix_suppression_lifted_at", ["lifted_at"], unique=False)

    op.create_table(
        "suppression_key",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("check_value", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_suppression_key")),
    )
    op.create_table(
        "value_run",
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.Column("ranked", sa.Integer(), nullable=False),
        sa.Column("newest_customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of", name=op.f("pk_value_run")),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("dedupe", sa.String(length=120), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("wake_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("dedupe", name=op.f("uq_webhook_dedupe")),
    )
    with op.batch_alter_table("webhook", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_todo", ["done_at", "wake_at"], unique=False)

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

    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("channel IN ('sms', 'email')", name=op.f("ck_consent_channel")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_consent_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("customer_id", "purpose", "channel", "at", name="uq_consent_word"),
    )
    op.create_table(
        "consent_now",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_consent_now_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("customer_id", "purpose", "channel", name=op.f("pk_consent_now")),
    )
    op.create_table(
        "contact_point",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("position", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("channel IN ('sms', 'email')", name=op.f("ck_contact_point_channel")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_contact_point_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
        sa.UniqueConstraint("customer_id", "channel", "position", name="uq_contact_point_place"),
    )
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.create_index("ix_contact_point_address_hash", ["address_hash"], unique=False)

    op.create_table(
        "customer_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_change_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_change")),
    )
    with op.batch_alter_table("customer_change", schema=None) as batch_op:
        batch_op.create_index("ix_customer_change_customer_id", ["customer_id", "at"], unique=False)

    op.create_table(
        "customer_value",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("measure", sa.String(length=32), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("out_of", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_value_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("customer_id", "measure", name=op.f("pk_customer_value")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("customer_value", schema=None) as batch_op:
        batch_op.create_index("ix_customer_value_percent", ["measure", "percent", "customer_id"], unique=False)

    op.create_table(
        "segment_member",
        sa.Column("segment", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_segment_member_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("segment", "customer_id", name=op.f("pk_segment_member")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service", sa.String(length=64), nullable=True),
        sa.Column("plan", sa.String(length=100), nullable=True),
        sa.Column("monthly_amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("auto_renew", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("attributes", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_subscription_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("external_id", name=op.f("uq_subscription_external_id")),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index("ix_subscription_customer_id", ["customer_id"], unique=False)
        batch_op.create_index("ix_subscription_ends_at", ["ends_at"], unique=False)
        batch_op.create_index("ix_subscription_ends_on", ["ends_on"], unique=False)

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


def downgrade() -> None:
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index("ix_receipt_attempt_id")

    op.drop_table("receipt")
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_index("ix_subscription_ends_on")
        batch_op.drop_index("ix_subscription_ends_at")
        batch_op.drop_index("ix_subscription_customer_id")

    op.drop_table("subscription")
    op.drop_table("segment_member")
    with op.batch_alter_table("customer_value", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_value_percent")

    op.drop_table("customer_value")
    with op.batch_alter_table("customer_change", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_change_customer_id")

    op.drop_table("customer_change")
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_point_address_hash")

    op.drop_table("contact_point")
    op.drop_table("consent_now")
    op.drop_table("consent")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_attempt_provider_ref")
        batch_op.drop_index("ix_attempt_intent_at")
        batch_op.drop_index("ix_attempt_address_hash")

    op.drop_table("attempt")
    with op.batch_alter_table("webhook", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_todo")

    op.drop_table("webhook")
    op.drop_table("value_run")
    op.drop_table("suppression_key")
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.drop_index("ix_suppression_lifted_at")
        batch_op.drop_index("ix_suppression_address_hash")

    op.drop_table("suppression")
    op.drop_table("spend")
    op.drop_table("planned_day")
    op.drop_table("pause")
    op.drop_table("pace")
    with op.batch_alter_table("move", schema=None) as batch_op:
        batch_op.drop_index("ix_move_message_id")

    op.drop_table("move")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_wake")
        batch_op.drop_index("ix_message_customer_id")
        batch_op.drop_index("ix_message_claim")
        batch_op.drop_index("ix_message_book")

    op.drop_table("message")
    op.drop_table("leader")
    op.drop_table("job_run")
    op.drop_table("intended")
    op.drop_table("incarnation")
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.drop_index("ix_inbound_message_inbox")
        batch_op.drop_index("ix_inbound_message_address_hash")

    op.drop_table("inbound_message")
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_timezone")
        batch_op.drop_index("ix_customer_joined_mmdd")
        batch_op.drop_index("ix_customer_birth")
        batch_op.drop_index("ix_customer_area")

    op.drop_table("customer")
    with op.batch_alter_table("contact_claim", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_claim_message_id")

    op.drop_table("contact_claim")
    op.drop_table("campaign_known")
