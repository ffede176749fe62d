"""Keep how much is wrong of each kind, in the books and in an incident: more of it is told again."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parts", sa.JSON(), nullable=True))
    with op.batch_alter_table("ledger_book", schema=None) as batch_op:
        batch_op.add_column(sa.Column("found", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("ledger_book", schema=None) as batch_op:
        batch_op.drop_column("found")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_column("parts")
