"""Count what providers refused for want of room, and all that they did not take; keep which are closed for it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    with op.batch_alter_table("provider_health", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fullness", sa.String(length=16), nullable=True))
    with op.batch_alter_table("provider_tally", schema=None) as batch_op:
        batch_op.add_column(sa.Column("no_room", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("not_taken", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("provider_tally", schema=None) as batch_op:
        batch_op.drop_column("not_taken")
        batch_op.drop_column("no_room")
    with op.batch_alter_table("provider_health", schema=None) as batch_op:
        batch_op.drop_column("fullness")
