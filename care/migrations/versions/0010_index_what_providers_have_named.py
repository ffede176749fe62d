"""Index the names that providers gave, and not the attempts that have none yet: each hand-over touched both."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
expands = True

_NAMED = sa.text("provider_ref IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_attempt_provider_ref", table_name="attempt")
    op.create_index(
        "ix_attempt_provider_ref",
        "attempt",
        ["provider_ref"],
        unique=False,
        sqlite_where=_NAMED,
        postgresql_where=_NAMED,
    )


def downgrade() -> None:
    op.drop_index("ix_attempt_provider_ref", table_name="attempt")
    op.create_index("ix_attempt_provider_ref", "attempt", ["provider_ref"], unique=False)
