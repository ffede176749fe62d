"""Keep proofs of providers' lists."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
expands = True


def upgrade() -> None:
    op.create_table(
        "list_proof",
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("account", sa.String(16), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("slowest_ms", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "account", name=op.f("pk_list_proof")),
    )


def downgrade() -> None:
    op.drop_table("list_proof")
