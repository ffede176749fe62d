"""Time the follow-up."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    with op.batch_alter_table("follow_up", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_capped", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("remind_at", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_follow_up_merged_into", ["merged_into"], unique=False)
        batch_op.create_index("ix_follow_up_remind_at", ["remind_at"], unique=False)
        batch_op.create_index("ix_follow_up_state_at", ["state_at"], unique=False)
        batch_op.create_index("ix_follow_up_ticket_id", ["ticket_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("follow_up", schema=None) as batch_op:
        batch_op.drop_index("ix_follow_up_ticket_id")
        batch_op.drop_index("ix_follow_up_state_at")
        batch_op.drop_index("ix_follow_up_remind_at")
        batch_op.drop_index("ix_follow_up_merged_into")
        batch_op.drop_column("remind_at")
        batch_op.drop_column("is_capped")
