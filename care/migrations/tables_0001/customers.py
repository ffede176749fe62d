"""Customers, what they allow and what reaches them, as step 0001 laid them."""

import sqlalchemy as sa
from alembic import op


def lay_customer() -> None:
    """Lay `customer`."""
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


def drop_customer() -> None:
    """Drop `customer`."""
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_timezone")
        batch_op.drop_index("ix_customer_joined_mmdd")
        batch_op.drop_index("ix_customer_birth")
        batch_op.drop_index("ix_customer_area")
    op.drop_table("customer")


def lay_suppression() -> None:
    """Lay `suppression`."""
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


def drop_suppression() -> None:
    """Drop `suppression`."""
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.drop_index("ix_suppression_lifted_at")
        batch_op.drop_index("ix_suppression_address_hash")
    op.drop_table("suppression")


def lay_suppression_key() -> None:
    """Lay `suppression_key`."""
    op.create_table(
        "suppression_key",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("check_value", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_suppression_key")),
    )


def drop_suppression_key() -> None:
    """Drop `suppression_key`."""
    op.drop_table("suppression_key")


def lay_consent() -> None:
    """Lay `consent`."""
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


def drop_consent() -> None:
    """Drop `consent`."""
    op.drop_table("consent")


def lay_consent_now() -> None:
    """Lay `consent_now`."""
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


def drop_consent_now() -> None:
    """Drop `consent_now`."""
    op.drop_table("consent_now")


def lay_contact_point() -> None:
    """Lay `contact_point`."""
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


def drop_contact_point() -> None:
    """Drop `contact_point`."""
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_point_address_hash")
    op.drop_table("contact_point")


def lay_customer_change() -> None:
    """Lay `customer_change`."""
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


def drop_customer_change() -> None:
    """Drop `customer_change`."""
    with op.batch_alter_table("customer_change", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_change_customer_id")
    op.drop_table("customer_change")


def lay_subscription() -> None:
    """Lay `subscription`."""
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


def drop_subscription() -> None:
    """Drop `subscription`."""
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_index("ix_subscription_ends_on")
        batch_op.drop_index("ix_subscription_ends_at")
        batch_op.drop_index("ix_subscription_customer_id")
    op.drop_table("subscription")
