"""What other systems tell and are told, as step 0009 laid them."""

import sqlalchemy as sa
from alembic import op


def lay_api_key() -> None:
    """Lay `api_key`."""
    op.create_table(
        "api_key",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=8), server_default="bearer", nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_key")),
    )


def drop_api_key() -> None:
    """Drop `api_key`."""
    op.drop_table("api_key")


def lay_event() -> None:
    """Lay `event`."""
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.String(length=64), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("problem", sa.String(length=200), nullable=True),
        sa.Column("wake_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('new', 'done', 'waiting', 'stale', 'refused')", name=op.f("ck_event_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("external_id", name=op.f("uq_event_external_id")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_subject", ["subject"], unique=False)
        batch_op.create_index("ix_event_todo", ["state", "wake_at"], unique=False)


def drop_event() -> None:
    """Drop `event`."""
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_todo")
        batch_op.drop_index("ix_event_subject")
    op.drop_table("event")


def lay_idempotent_answer() -> None:
    """Lay `idempotent_answer`."""
    op.create_table(
        "idempotent_answer",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=120), nullable=False),
        sa.Column("request_digest", sa.String(length=32), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name=op.f("pk_idempotent_answer")),
    )
    with op.batch_alter_table("idempotent_answer", schema=None) as batch_op:
        batch_op.create_index("ix_idempotent_answer_at", ["at"], unique=False)


def drop_idempotent_answer() -> None:
    """Drop `idempotent_answer`."""
    with op.batch_alter_table("idempotent_answer", schema=None) as batch_op:
        batch_op.drop_index("ix_idempotent_answer_at")
    op.drop_table("idempotent_answer")


def lay_outgoing_webhook() -> None:
    """Lay `outgoing_webhook`."""
    op.create_table(
        "outgoing_webhook",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("webhook_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("wake_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("given_up_at", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_webhook")),
        sa.UniqueConstraint("webhook_id", name=op.f("uq_outgoing_webhook_webhook_id")),
    )
    with op.batch_alter_table("outgoing_webhook", schema=None) as batch_op:
        batch_op.create_index("ix_outgoing_webhook_todo", ["done_at", "wake_at"], unique=False)


def drop_outgoing_webhook() -> None:
    """Drop `outgoing_webhook`."""
    with op.batch_alter_table("outgoing_webhook", schema=None) as batch_op:
        batch_op.drop_index("ix_outgoing_webhook_todo")
    op.drop_table("outgoing_webhook")
