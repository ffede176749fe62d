"""Index less: of messages only those that wait, and a claim on a contact once instead of twice."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WAITS = sa.text("status = 'held' OR status = 'planned'")
COLUMNS = ["status", "lane", "use_by", "wake_at"]


def upgrade() -> None:
    op.drop_index("ix_message_claim", "message")
    op.create_index("ix_message_claim", "message", COLUMNS, sqlite_where=WAITS, postgresql_where=WAITS)
    _lay_claims_anew(with_rowid=False)


def downgrade() -> None:
    op.drop_index("ix_message_claim", "message")
    op.create_index("ix_message_claim", "message", COLUMNS)
    _lay_claims_anew(with_rowid=True)


def _lay_claims_anew(*, with_rowid: bool) -> None:
    """Copy the table into one whose rows live in its key; PostgreSQL has no such kind."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_index("ix_contact_claim_message_id", "contact_claim")
    op.rename_table("contact_claim", "contact_claim_before")
    op.create_table(
        "contact_claim",
        sa.Column("campaign_id", sa.String(64), nullable=False),
        sa.Column("occasion", sa.String(160), nullable=False),
        sa.Column("address_hash", sa.String(32), nullable=False),
        sa.Column("message_id", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "occasion", "address_hash", name=op.f("pk_contact_claim")),
        sqlite_with_rowid=with_rowid,
    )
    op.execute(
        "INSERT INTO contact_claim SELECT campaign_id, occasion, address_hash, message_id, at FROM contact_claim_before"
    )
    op.drop_table("contact_claim_before")
    op.create_index("ix_contact_claim_message_id", "contact_claim", ["message_id"])
