"""What customers are worth, and segments that are kept, as step 0001 laid them."""

import sqlalchemy as sa
from alembic import op


def lay_value_run() -> None:
    """Lay `value_run`."""
    op.create_table(
        "value_run",
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.Column("ranked", sa.Integer(), nullable=False),
        sa.Column("newest_customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of", name=op.f("pk_value_run")),
    )


def drop_value_run() -> None:
    """Drop `value_run`."""
    op.drop_table("value_run")


def lay_customer_value() -> None:
    """Lay `customer_value`."""
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


def drop_customer_value() -> None:
    """Drop `customer_value`."""
    with op.batch_alter_table("customer_value", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_value_percent")
    op.drop_table("customer_value")


def lay_segment_member() -> None:
    """Lay `segment_member`."""
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


def drop_segment_member() -> None:
    """Drop `segment_member`."""
    op.drop_table("segment_member")
