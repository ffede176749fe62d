"""Surveys, from the question to the case, as step 0009 laid them."""

import sqlalchemy as sa
from alembic import op


def lay_improvement() -> None:
    """Lay `improvement`."""
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


def drop_improvement() -> None:
    """Drop `improvement`."""
    op.drop_table("improvement")


def lay_survey_answer() -> None:
    """Lay `survey_answer`."""
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


def drop_survey_answer() -> None:
    """Drop `survey_answer`."""
    with op.batch_alter_table("survey_answer", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_answer_session_id")
        batch_op.drop_index("ix_survey_answer_follow_up_id")
        batch_op.drop_index("ix_survey_answer_at")
    op.drop_table("survey_answer")


def lay_survey_case() -> None:
    """Lay `survey_case`."""
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


def drop_survey_case() -> None:
    """Drop `survey_case`."""
    with op.batch_alter_table("survey_case", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_case_open")
        batch_op.drop_index("ix_survey_case_follow_up_id")
        batch_op.drop_index("ix_survey_case_customer_id")
    op.drop_table("survey_case")


def lay_survey_reply() -> None:
    """Lay `survey_reply`."""
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


def drop_survey_reply() -> None:
    """Drop `survey_reply`."""
    with op.batch_alter_table("survey_reply", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_reply_session_id")
        batch_op.drop_index("ix_survey_reply_meant_at")
    op.drop_table("survey_reply")


def lay_survey_session() -> None:
    """Lay `survey_session`."""
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


def drop_survey_session() -> None:
    """Drop `survey_session`."""
    with op.batch_alter_table("survey_session", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_session_follow_up_id")
        batch_op.drop_index("ix_survey_session_customer_id")
        batch_op.drop_index("ix_survey_session_address_hash")
    op.drop_table("survey_session")
