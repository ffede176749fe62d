"""Name the account that got an attempt: providers' names stay when the settings change it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account", sa.String(length=16), nullable=True))
    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account", sa.String(length=16), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.drop_column("account")

    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_column("account")
