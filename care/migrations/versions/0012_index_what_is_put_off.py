"""Index what was due and has been put off: the log shows it, and would look through all that waits for its hour."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
expands = True

_PUT_OFF = sa.text("(status = 'held' OR status = 'planned') AND wake_at > due_at")


def upgrade() -> None:
    op.create_index(
        "ix_message_put_off",
        "message",
        ["status", "lane", "due_at"],
        unique=False,
        sqlite_where=_PUT_OFF,
        postgresql_where=_PUT_OFF,
    )


def downgrade() -> None:
    op.drop_index("ix_message_put_off", table_name="message")
