"""Follow up tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
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

    op.create_table(
        "improvement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("theme", sa.String(length=64), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("area", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("in_force_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_improvement")),
    )
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

    op.create_table(
        "survey_answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("follow_up_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("scale", sa.String(length=16), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("raw", sa.SmallInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("derived", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_late", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("superseded_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('sms', 'email', 'web', 'phone', 'paper')", name=op.f("ck_survey_answer_channel")
        ),
        sa.CheckConstraint(
            "question IN ('overall', 'result', 'timeliness', 'attitude', 'solved', 'recommend', 'effort', 'reason', 'comment')",
            name=op.f("ck_survey_answer_question"),
        ),
        sa.CheckConstraint("score IS NOT NULL OR comment IS NOT NULL", name=op.f("ck_survey_answer_says_something")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answer")),
        sa.UniqueConstraint("source", "question", "survey", name="uq_survey_answer_source"),
    )
    with op.batch_alter_table("survey_answer", schema=None) as batch_op:
        batch_op.create_index("ix_survey_answer_at", ["at"], unique=False)
        batch_op.create_index("ix_survey_answer_follow_up_id", ["follow_up_id"], unique=False)
        batch_op.create_index("ix_survey_answer_session_id", ["session_id"], unique=False)

    op.create_table(
        "survey_case",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("follow_up_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("inbound_id", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.Column("escalated_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recontact_at", sa.BigInteger(), nullable=True),
        sa.Column("recontacted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('danger', 'not_solved', 'low_score', 'cancellation', 'call_back', 'data_request', 'wrong_number')",
            name=op.f("ck_survey_case_reason"),
        ),
        sa.CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name=op.f("ck_survey_case_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_case")),
    )
    with op.batch_alter_table("survey_case", schema=None) as batch_op:
        batch_op.create_index("ix_survey_case_customer_id", ["customer_id"], unique=False)
        batch_op.create_index("ix_survey_case_follow_up_id", ["follow_up_id"], unique=False)
        batch_op.create_index("ix_survey_case_open", ["closed_at", "due_at"], unique=False)

    op.create_table(
        "survey_reply",
        sa.Column("inbound_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("question", sa.String(length=16), nullable=True),
        sa.Column("scale", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("flags", sa.String(length=120), server_default="", nullable=False),
        sa.Column("said", sa.String(length=64), nullable=True),
        sa.Column("ref", sa.String(length=64), nullable=True),
        sa.Column("call_by", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("meant", sa.String(length=16), nullable=True),
        sa.Column("meant_score", sa.SmallInteger(), nullable=True),
        sa.Column("meant_by", sa.String(length=64), nullable=True),
        sa.Column("meant_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("inbound_id", name=op.f("pk_survey_reply")),
    )
    with op.batch_alter_table("survey_reply", schema=None) as batch_op:
        batch_op.create_index("ix_survey_reply_meant_at", ["meant_at"], unique=False)
        batch_op.create_index("ix_survey_reply_session_id", ["session_id"], unique=False)

    op.create_table(
        "survey_session",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("follow_up_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("scale", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=True),
        sa.Column("reprompts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("late_until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "stage IN ('invited', 'asking', 'reason', 'done', 'person', 'opted_out', 'closed')",
            name=op.f("ck_survey_session_stage"),
        ),
        sa.CheckConstraint("survey IN ('ticket', 'nps', 'ces', 'in_process')", name=op.f("ck_survey_session_survey")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_session")),
        sa.UniqueConstraint("message_id", name=op.f("uq_survey_session_message_id")),
    )
    with op.batch_alter_table("survey_session", schema=None) as batch_op:
        batch_op.create_index("ix_survey_session_address_hash", ["address_hash", "opened_at"], unique=False)
        batch_op.create_index("ix_survey_session_customer_id", ["customer_id", "opened_at"], unique=False)
        batch_op.create_index("ix_survey_session_follow_up_id", ["follow_up_id"], unique=False)

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


def downgrade() -> None:
    op.drop_table("phone_task")
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
    with op.batch_alter_table("ticket_resolution", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_ticket_resolution_todo",
            sqlite_where=sa.text("followed_up_at IS NULL"),
            postgresql_where=sa.text("followed_up_at IS NULL"),
        )
        batch_op.drop_index("ix_ticket_resolution_resolved_at")
        batch_op.drop_index("ix_ticket_resolution_customer_id")

    op.drop_table("ticket_resolution")
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index("ix_ticket_resolved_at")
        batch_op.drop_index("ix_ticket_parent")
        batch_op.drop_index("ix_ticket_customer_id")

    op.drop_table("ticket")
    with op.batch_alter_table("survey_session", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_session_follow_up_id")
        batch_op.drop_index("ix_survey_session_customer_id")
        batch_op.drop_index("ix_survey_session_address_hash")

    op.drop_table("survey_session")
    with op.batch_alter_table("survey_reply", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_reply_session_id")
        batch_op.drop_index("ix_survey_reply_meant_at")

    op.drop_table("survey_reply")
    with op.batch_alter_table("survey_case", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_case_open")
        batch_op.drop_index("ix_survey_case_follow_up_id")
        batch_op.drop_index("ix_survey_case_customer_id")

    op.drop_table("survey_case")
    with op.batch_alter_table("survey_answer", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_answer_session_id")
        batch_op.drop_index("ix_survey_answer_follow_up_id")
        batch_op.drop_index("ix_survey_answer_at")

    op.drop_table("survey_answer")
    with op.batch_alter_table("outgoing_webhook", schema=None) as batch_op:
        batch_op.drop_index("ix_outgoing_webhook_todo")

    op.drop_table("outgoing_webhook")
    op.drop_table("improvement")
    with op.batch_alter_table("idempotent_answer", schema=None) as batch_op:
        batch_op.drop_index("ix_idempotent_answer_at")

    op.drop_table("idempotent_answer")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_todo")
        batch_op.drop_index("ix_event_subject")

    op.drop_table("event")
    op.drop_table("api_key")
