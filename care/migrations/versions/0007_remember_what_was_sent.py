"""Remember what was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    op.create_table(
        "forgotten",
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("owed", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("address_hash", sa.String(length=32), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("body_digest", sa.String(length=16), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("intent_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_forgotten")),
    )
    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.create_index("ix_forgotten_intent_at", ["intent_at"], unique=False)
        batch_op.create_index("ix_forgotten_owed", ["owed"], unique=False)

    op.create_table(
        "instance",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.create_table(
        "machine",
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("adopted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_machine")),
    )
    op.create_table(
        "standstill",
        sa.Column("machine", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("machine", name=op.f("pk_standstill")),
    )
    with op.batch_alter_table("incarnation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lock_name", sa.String(length=32), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("incarnation", schema=None) as batch_op:
        batch_op.drop_column("lock_name")

    op.drop_table("standstill")
    op.drop_table("machine")
    op.drop_table("instance")
    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.drop_index("ix_forgotten_owed")
        batch_op.drop_index("ix_forgotten_intent_at")

    op.drop_table("forgotten")
