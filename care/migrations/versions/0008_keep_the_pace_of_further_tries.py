"""Keep the pace of further tries, and why a ban was lifted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    with op.batch_alter_table("pace", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gap_micros", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lifted_why", sa.String(length=120), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.drop_column("lifted_why")

    with op.batch_alter_table("pace", schema=None) as batch_op:
        batch_op.drop_column("gap_micros")
