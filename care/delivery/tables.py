"""What dispatchers share: who is at work, pace, spend and providers' health."""

import sqlalchemy as sa

from care.base.database import Instant, bigint_key, metadata

incarnation = sa.Table(
    "incarnation",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("role", sa.String(16), nullable=False),  # leader | dispatch
    sa.Column("host", sa.String(64), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("lock_name", sa.String(32)),  # of the file that the kernel unlocks when the process ends
)
"""One row per life of a process that sends; every claim and intent carries its number."""

pace = sa.Table(
    "pace",
    metadata,
    sa.Column("sender", sa.String(64), primary_key=True),
    sa.Column("next_free_at", Instant, nullable=False),  # when the next part may leave
)
"""One moving instant per sender: taking n parts moves it n / rate seconds on, for all processes."""

spend = sa.Table(
    "spend",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("country", sa.String(2), primary_key=True),
    sa.Column("parts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cost_minor", sa.BigInteger, nullable=False, server_default="0"),
)
"""Parts and cost per operator's day and country; the brakes read it."""

leader = sa.Table(
    "leader",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True),
    sa.Column("incarnation", sa.BigInteger, nullable=False),
    sa.Column("lease_until", Instant, nullable=False),
)
"""The leader's lease on PostgreSQL; on SQLite a file lock does this."""

job_run = sa.Table(
    "job_run",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("last_at", Instant, nullable=False),
)
"""When each periodic job last ended, so that a restart neither forgets nor repeats one."""

list_proof = sa.Table(
    "list_proof",
    metadata,
    sa.Column("provider", sa.String(32), primary_key=True),
    sa.Column("account", sa.String(16), primary_key=True),  # digest of the account's name
    sa.Column("is_complete", sa.Boolean, nullable=False),
    sa.Column("sent", sa.Integer, nullable=False),
    sa.Column("listed", sa.Integer, nullable=False),
    sa.Column("slowest_ms", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
)
"""Whether the provider's list of an account was seen to have everything sent to it; the last try counts."""

instance = sa.Table(
    "instance",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True),
    sa.Column("name", sa.String(32), nullable=False),
    sa.Column("made_at", Instant, nullable=False),
)
"""The name this database got when something first sent from it; every copy of it has the same."""

machine = sa.Table(
    "machine",
    metadata,
    sa.Column("digest", sa.String(32), primary_key=True),  # of a machine, and of where the database lies
    sa.Column("host", sa.String(64), nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("adopted_at", Instant, nullable=False),  # when it last took over its journal
)
"""Where sending from this database is allowed; elsewhere it may be a copy."""

standstill = sa.Table(
    "standstill",
    metadata,
    sa.Column("machine", sa.String(32), primary_key=True),  # '': everywhere
    sa.Column("host", sa.String(64), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("since", Instant),
    sa.Column("at", Instant, nullable=False),
)
"""Why nothing is sent until somebody has looked: attempts that the database forgot, or a machine it does not know."""

forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("owed", sa.String(32), nullable=False),  # keyed digest of campaign, occasion, customer and leg
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("address_hash", sa.String(32), nullable=False),
    sa.Column("parts", sa.SmallInteger, nullable=False),
    sa.Column("body_digest", sa.String(16), nullable=False),
    sa.Column("incarnation", sa.BigInteger, nullable=False),
    sa.Column("intent_at", Instant, nullable=False),
    sa.Index("ix_forgotten_owed", "owed"),
    sa.Index("ix_forgotten_intent_at", "intent_at"),
)
"""Attempts from the journal whose messages a restored database has not planned again yet."""
