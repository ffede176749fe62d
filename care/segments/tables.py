"""The monthly ranking that value rules read."""

import sqlalchemy as sa

from care.base.database import Instant, metadata

customer_value = sa.Table(
    "customer_value",
    metadata,
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("measure", sa.String(32), primary_key=True),  # monthly_spend | lifetime_value
    sa.Column("rank", sa.Integer, nullable=False),  # 1 is the highest within the customer type
    sa.Column("out_of", sa.Integer, nullable=False),
    sa.Column("percent", sa.Integer, nullable=False),  # ceil(100 * rank / out_of): 1 .. 100
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("computed_at", Instant, nullable=False),
    sa.Index("ix_customer_value_percent", "measure", "percent", "customer_id"),  # answers by itself
    sqlite_with_rowid=False,  # rules look rows up by this key only
)

segment_member = sa.Table(
    "segment_member",
    metadata,
    sa.Column("segment", sa.String(64), primary_key=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("since", sa.Date, nullable=False),
    sqlite_with_rowid=False,
)
"""Members of segments with hysteresis: who is in stays in until the rule for leaving says otherwise."""

value_run = sa.Table(
    "value_run",
    metadata,
    sa.Column("as_of", sa.Date, primary_key=True),
    sa.Column("computed_at", Instant, nullable=False),
    sa.Column("ranked", sa.Integer, nullable=False),
    sa.Column("newest_customer_id", sa.BigInteger, nullable=False),  # 0 where there were no customers yet
)
"""One row per finished monthly ranking: a run that was cut off has none and is computed again."""
