"""Keep providers health."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    op.create_table(
        "provider_change",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("sender", sa.String(length=16), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("from_provider", sa.String(length=32), nullable=False),
        sa.Column("to_provider", sa.String(length=32), nullable=False),
        sa.Column("share", sa.SmallInteger(), nullable=False),
        sa.Column("why", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("channel", "sender", "n", name=op.f("pk_provider_change")),
    )
    op.create_table(
        "provider_health",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(length=120), server_default="", nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=True),
        sa.Column("in_row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trial_left", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pause_ms", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.Column("probe_by", sa.BigInteger(), nullable=True),
        sa.Column("probe_at", sa.BigInteger(), nullable=True),
        sa.Column("share", sa.SmallInteger(), nullable=False),
        sa.Column("step_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "provider", "sender", name=op.f("pk_provider_health")),
    )
    op.create_table(
        "provider_maintenance",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(length=120), server_default="", nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("starts_at <= ends_at", name=op.f("ck_provider_maintenance_window")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_maintenance")),
    )
    with op.batch_alter_table("provider_maintenance", schema=None) as batch_op:
        batch_op.create_index("ix_provider_maintenance_ends_at", ["ends_at"], unique=False)

    op.create_table(
        "provider_tally",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("slow", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "provider", "sender", "at", name=op.f("pk_provider_tally")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("provider_tally")
    with op.batch_alter_table("provider_maintenance", schema=None) as batch_op:
        batch_op.drop_index("ix_provider_maintenance_ends_at")

    op.drop_table("provider_maintenance")
    op.drop_table("provider_health")
    op.drop_table("provider_change")
