"""What replies to surveys were read as."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None
expands = True  # True when older programs may go on at work: only new tables, and new columns that may be empty


def upgrade() -> None:
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


def downgrade() -> None:
    with op.batch_alter_table("survey_reply", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_reply_session_id")
        batch_op.drop_index("ix_survey_reply_meant_at")

    op.drop_table("survey_reply")
