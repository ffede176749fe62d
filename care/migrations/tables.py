"""What the database says about the programs that may work on it."""

import sqlalchemy as sa

from care.base.database import metadata

schema_support = sa.Table(
    "schema_support",
    metadata,
    sa.Column("version", sa.String(32), primary_key=True),  # of the database when this was written
    sa.Column("oldest", sa.String(32), nullable=False),  # the oldest program version that still works on it
)
"""One row, written by every upgrade: a program older than the tables goes on if the row names it or one before."""
