"""What senders, the leader and the web process share, as step 0001 laid them."""

import sqlalchemy as sa
from alembic import op


def lay_inbound_message() -> None:
    """Lay `inbound_message`."""
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


def drop_inbound_message() -> None:
    """Drop `inbound_message`."""
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.drop_index("ix_inbound_message_inbox")
        batch_op.drop_index("ix_inbound_message_address_hash")
    op.drop_table("inbound_message")


def lay_incarnation() -> None:
    """Lay `incarnation`."""
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


def drop_incarnation() -> None:
    """Drop `incarnation`."""
    op.drop_table("incarnation")


def lay_job_run() -> None:
    """Lay `job_run`."""
    op.create_table(
        "job_run",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_run")),
    )


def drop_job_run() -> None:
    """Drop `job_run`."""
    op.drop_table("job_run")


def lay_leader() -> None:
    """Lay `leader`."""
    op.create_table(
        "leader",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leader")),
    )


def drop_leader() -> None:
    """Drop `leader`."""
    op.drop_table("leader")


def lay_pace() -> None:
    """Lay `pace`."""
    op.create_table(
        "pace",
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("next_free_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_pace")),
    )


def drop_pace() -> None:
    """Drop `pace`."""
    op.drop_table("pace")


def lay_spend() -> None:
    """Lay `spend`."""
    op.create_table(
        "spend",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("parts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "country", name=op.f("pk_spend")),
    )


def drop_spend() -> None:
    """Drop `spend`."""
    op.drop_table("spend")


def lay_webhook() -> None:
    """Lay `webhook`."""
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


def drop_webhook() -> None:
    """Drop `webhook`."""
    with op.batch_alter_table("webhook", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_todo")
    op.drop_table("webhook")
