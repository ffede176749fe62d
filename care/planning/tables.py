"""What the planner remembers: days it has settled, and who approved what."""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata

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

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("campaign_id", sa.String(64), nullable=False),
    sa.Column("occasion_on", sa.Date, nullable=False),
    sa.Column("audience", sa.Integer, nullable=False),  # customers it was owed to when it was looked at
    sa.Column("digest", sa.String(16), nullable=False),  # of the campaign as it was looked at
    sa.Column("plan_hash", sa.String(64), nullable=False),
    sa.Column("by", sa.String(32), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("revoked_by", sa.String(32)),
    sa.Column("revoked_at", Instant),
    sa.Index("ix_approval_campaign_id", "campaign_id", "occasion_on"),
)
"""Who approved a campaign's local day, and as it was when they looked; rows are added and revoked, never deleted."""
