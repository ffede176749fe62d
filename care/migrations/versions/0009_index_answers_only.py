"""Index answers only: an attempt has no reference before the provider gives one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
expands = True

GIVEN = sa.text("provider_ref IS NOT NULL")
NAME, COLUMNS = "ix_attempt_provider_ref", ["provider_ref"]


def upgrade() -> None:
    op.drop_index(NAME, "attempt")
    op.create_index(NAME, "attempt", COLUMNS, sqlite_where=GIVEN, postgresql_where=GIVEN)


def downgrade() -> None:
    op.drop_index(NAME, "attempt")
    op.create_index(NAME, "attempt", COLUMNS)
