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
    sa.Index("ix_customer_value_percent", "measure", "percent"),
)

segment_member = sa.Table(
    "segment_member",
    metadata,
    sa.Column("segment", sa.String(64), primary_key=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("since", sa.Date, nullable=False),
)
"""Members of segments with hysteresis: who is in stays in until the rule for leaving says otherwise."""
