"""What the watch keeps: incidents, and the days compared with the providers' own lists."""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("rule", sa.String(32), nullable=False),  # of the table of alarms
    sa.Column("open_key", sa.String(32), unique=True),  # the rule while open, NULL once over: one open of a kind
    sa.Column("words", sa.String(300), nullable=False),  # what is so, as seen last; no person in it
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("counts_from", Instant, nullable=False),  # over before that, it leaves no trace
    sa.Column("seen_at", Instant, nullable=False),  # when it was last found to be so
    sa.Column("closed_at", Instant),
    sa.Column(
        "parts", sa.JSON
    ),  # how much of what is wrong, for a kind that is told again when there is more; or accepted
    sa.Index("ix_incident_closed_at", "closed_at"),
)
"""One row per trouble from its first sight to its end; and one, never open, per difference that was accepted."""

alert = sa.Table(
    "alert",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.String(8), primary_key=True),  # open | over
    sa.Column("url_key", sa.String(16), primary_key=True),  # hash of the address told; the address is a secret
    sa.Column("tries", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("due_at", Instant, nullable=False),  # when to tell, or to try again
    sa.Column("sent_at", Instant),
)
"""Who is told of what, once each."""

provider_book = sa.Table(
    "provider_book",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),  # the operator's
    sa.Column("provider", sa.String(32), primary_key=True),
    sa.Column("channel", sa.String(8), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False),  # BookState
    sa.Column("ours", sa.Integer, nullable=False),  # what we call handed over
    sa.Column("theirs", sa.Integer),  # what the provider lists; NULL: not asked
    sa.Column("unknown_here", sa.JSON, nullable=False),  # references at the provider that we do not know
    sa.Column("missing_there", sa.JSON, nullable=False),  # message ids and references that the provider does not know
    sa.Column("differences", sa.Integer, nullable=False),  # of both kinds; the lists name the first of them
    sa.Column("bills", sa.JSON, nullable=False),  # what it bills for the day, one entry per currency
    sa.Column("words", sa.String(300), nullable=False),
    sa.Column("checked_at", Instant, nullable=False),
)
"""What we call sent against what a provider lists, per operator's day."""

ledger_book = sa.Table(
    "ledger_book",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),  # the operator's
    sa.Column("balance", sa.Boolean, nullable=False),
    sa.Column("words", sa.String(300), nullable=False),
    sa.Column("checked_at", Instant, nullable=False),
    sa.Column("found", sa.JSON),  # how many of each kind are wrong; NULL: nobody said
)
"""The verdict of each morning's books, so that nobody has to add them up again to know it."""
