"""Tickets and how they are followed up, as step 0009 laid them."""

import sqlalchemy as sa
from alembic import op


def lay_ticket() -> None:
    """Lay `ticket`."""
    op.create_table(
        "ticket",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(length=56), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=32), nullable=True),
        sa.Column("staff", sa.String(length=100), nullable=True),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("channel", sa.String(length=32), nullable=True),
        sa.Column("contact_name", sa.String(length=200), nullable=True),
        sa.Column("contact_phone", sa.String(length=32), nullable=True),
        sa.Column("contact_hash", sa.String(length=32), nullable=True),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("first_response_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("reopened_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("resolutions", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("attributes", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("history", sa.JSON(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_ticket_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("external_id", name=op.f("uq_ticket_external_id")),
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.create_index("ix_ticket_customer_id", ["customer_id", "opened_at"], unique=False)
        batch_op.create_index("ix_ticket_parent", ["parent"], unique=False)
        batch_op.create_index("ix_ticket_resolved_at", ["resolved_at"], unique=False)


def drop_ticket() -> None:
    """Drop `ticket`."""
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index("ix_ticket_resolved_at")
        batch_op.drop_index("ix_ticket_parent")
        batch_op.drop_index("ix_ticket_customer_id")
    op.drop_table("ticket")


def lay_ticket_resolution() -> None:
    """Lay `ticket_resolution`."""
    op.create_table(
        "ticket_resolution",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("first_call_at", sa.BigInteger(), nullable=True),
        sa.Column("first_response_at", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=32), nullable=True),
        sa.Column("staff", sa.String(length=100), nullable=True),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("address_hash", sa.String(length=32), nullable=True),
        sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("followed_up_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_resolution_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_resolution")),
        sa.UniqueConstraint("external_id", name=op.f("uq_ticket_resolution_external_id")),
        sa.UniqueConstraint("ticket_id", "n", name="uq_ticket_resolution_round"),
    )
    with op.batch_alter_table("ticket_resolution", schema=None) as batch_op:
        batch_op.create_index("ix_ticket_resolution_customer_id", ["customer_id", "resolved_at"], unique=False)
        batch_op.create_index("ix_ticket_resolution_resolved_at", ["resolved_at"], unique=False)
        batch_op.create_index(
            "ix_ticket_resolution_todo",
            ["id"],
            unique=False,
            sqlite_where=sa.text("followed_up_at IS NULL"),
            postgresql_where=sa.text("followed_up_at IS NULL"),
        )


def drop_ticket_resolution() -> None:
    """Drop `ticket_resolution`."""
    with op.batch_alter_table("ticket_resolution", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_ticket_resolution_todo",
            sqlite_where=sa.text("followed_up_at IS NULL"),
            postgresql_where=sa.text("followed_up_at IS NULL"),
        )
        batch_op.drop_index("ix_ticket_resolution_resolved_at")
        batch_op.drop_index("ix_ticket_resolution_customer_id")
    op.drop_table("ticket_resolution")


def lay_follow_up() -> None:
    """Lay `follow_up`."""
    op.create_table(
        "follow_up",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("resolution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("commitment", sa.String(length=32), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.Column("call_deadline_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("merged_into", sa.BigInteger(), nullable=True),
        sa.Column("is_late", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_call_late", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("invite_message_id", sa.BigInteger(), nullable=True),
        sa.Column("covered_at", sa.BigInteger(), nullable=True),
        sa.Column("invited_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("reminded_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("state_at", sa.BigInteger(), nullable=False),
        sa.Column("is_capped", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("remind_at", sa.BigInteger(), nullable=True),
        sa.Column("survey", sa.String(length=16), server_default="ticket", nullable=False),
        sa.CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name=op.f("ck_follow_up_merged")),
        sa.CheckConstraint(
            "state IN ('due', 'invited', 'delivered', 'reminded', 'answered', 'phone_task', 'merged', 'exempt', 'closed_unanswered')",
            name=op.f("ck_follow_up_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('exempt', 'phone_task') OR reason IS NOT NULL", name=op.f("ck_follow_up_reason")
        ),
        sa.CheckConstraint("survey IN ('ticket', 'nps', 'ces', 'in_process')", name=op.f("ck_follow_up_survey")),
        sa.ForeignKeyConstraint(
            ["resolution_id"], ["ticket_resolution.id"], name=op.f("fk_follow_up_resolution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up")),
        sa.UniqueConstraint("external_id", name=op.f("uq_follow_up_external_id")),
        sa.UniqueConstraint("resolution_id", name=op.f("uq_follow_up_resolution_id")),
    )
    with op.batch_alter_table("follow_up", schema=None) as batch_op:
        batch_op.create_index("ix_follow_up_customer_id", ["customer_id", "resolved_at"], unique=False)
        batch_op.create_index("ix_follow_up_due_at", ["due_at"], unique=False)
        batch_op.create_index("ix_follow_up_invite_message_id", ["invite_message_id"], unique=False)
        batch_op.create_index("ix_follow_up_merged_into", ["merged_into"], unique=False)
        batch_op.create_index("ix_follow_up_remind_at", ["remind_at"], unique=False)
        batch_op.create_index("ix_follow_up_resolved_at", ["resolved_at"], unique=False)
        batch_op.create_index("ix_follow_up_state", ["state", "due_at"], unique=False)
        batch_op.create_index("ix_follow_up_state_at", ["state_at"], unique=False)
        batch_op.create_index("ix_follow_up_ticket_id", ["ticket_id"], unique=False)


def drop_follow_up() -> None:
    """Drop `follow_up`."""
    with op.batch_alter_table("follow_up", schema=None) as batch_op:
        batch_op.drop_index("ix_follow_up_ticket_id")
        batch_op.drop_index("ix_follow_up_state_at")
        batch_op.drop_index("ix_follow_up_state")
        batch_op.drop_index("ix_follow_up_resolved_at")
        batch_op.drop_index("ix_follow_up_remind_at")
        batch_op.drop_index("ix_follow_up_merged_into")
        batch_op.drop_index("ix_follow_up_invite_message_id")
        batch_op.drop_index("ix_follow_up_due_at")
        batch_op.drop_index("ix_follow_up_customer_id")
    op.drop_table("follow_up")


def lay_phone_task() -> None:
    """Lay `phone_task`."""
    op.create_table(
        "phone_task",
        sa.Column("follow_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("call_by", sa.BigInteger(), nullable=False),
        sa.Column("exported_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["follow_up_id"], ["follow_up.id"], name=op.f("fk_phone_task_follow_up_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("follow_up_id", name=op.f("pk_phone_task")),
    )


def drop_phone_task() -> None:
    """Drop `phone_task`."""
    op.drop_table("phone_task")
