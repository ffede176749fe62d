"""What the planner remembers to spare itself work."""

import sqlalchemy as sa

from care.base.database import Instant, metadata

planned_day = sa.Table(
    "planned_day",
    metadata,
    sa.Column("campaign_id", sa.String(64), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("zone", sa.String(64), primary_key=True),
    sa.Column("stamp", sa.String(200), nullable=False),  # campaign digest and customers' watermark when planned
    sa.Column("at", Instant, nullable=False),
)
"""Only an economy: without its rows the planner asks the ledger again and finds nothing missing."""
