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
    sa.Column("gap_micros", sa.BigInteger),  # between further tries, as the last sender that started has it
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

provider_health = sa.Table(
    "provider_health",
    metadata,
    sa.Column("channel", sa.String(8), primary_key=True),
    sa.Column("provider", sa.String(32), primary_key=True),
    sa.Column("sender", sa.String(16), primary_key=True),  # '' or the digest of a purpose's own sender
    sa.Column("state", sa.String(8), nullable=False),  # well | closed | trial
    sa.Column("since", Instant, nullable=False),
    sa.Column("why", sa.String(120), nullable=False, server_default=""),
    sa.Column("cause", sa.String(16)),  # no word that an older program does not know: it could not read the row
    sa.Column("in_row", sa.Integer, nullable=False, server_default="0"),  # errors since the last accepted
    sa.Column("trial_left", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pause_ms", sa.Integer, nullable=False),
    sa.Column("look_at", Instant),
    sa.Column("probe_by", sa.BigInteger),  # the incarnation that looks, or whose message tries
    sa.Column("probe_at", Instant),
    sa.Column("share", sa.SmallInteger, nullable=False),
    sa.Column("step_at", Instant),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("fullness", sa.String(16)),  # the cause where that is a want of room
)
"""How each provider stands, for all processes; changed by comparing and swapping `version`."""

provider_tally = sa.Table(
    "provider_tally",
    metadata,
    sa.Column("channel", sa.String(8), primary_key=True),
    sa.Column("provider", sa.String(32), primary_key=True),
    sa.Column("sender", sa.String(16), primary_key=True),
    sa.Column("at", Instant, primary_key=True),  # when its five seconds begin
    sa.Column("answers", sa.Integer, nullable=False),
    sa.Column("errors", sa.Integer, nullable=False),
    sa.Column("slow", sa.Integer, nullable=False),
    sa.Column("no_room", sa.Integer, nullable=False, server_default="0"),  # refused for want of room
    sa.Column("not_taken", sa.Integer, nullable=False, server_default="0"),  # all that was not accepted
    sqlite_with_rowid=False,
)
"""What providers answered in the last hour, in pieces of five seconds."""

provider_change = sa.Table(
    "provider_change",
    metadata,
    sa.Column("channel", sa.String(8), primary_key=True),
    sa.Column("sender", sa.String(16), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),  # two processes that see the same change write one row
    sa.Column("at", Instant, nullable=False),
    sa.Column("from_provider", sa.String(32), nullable=False),  # '' is nobody
    sa.Column("to_provider", sa.String(32), nullable=False),
    sa.Column("share", sa.SmallInteger, nullable=False),  # percent that goes to the first provider again
    sa.Column("why", sa.String(160), nullable=False),
)
"""Each change of who carries a channel; the last row says who does now."""

provider_maintenance = sa.Table(
    "provider_maintenance",
    metadata,
    sa.Column("id", bigint_key(), primary_key=True, autoincrement=True),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("ends_at", Instant, nullable=False),
    sa.Column("why", sa.String(120), nullable=False, server_default=""),
    sa.Column("by", sa.String(32), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.CheckConstraint("starts_at <= ends_at", name="window"),
    sa.Index("ix_provider_maintenance_ends_at", "ends_at"),
)
"""When a provider is planned to be away; ended early, the window was shorter."""
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
    sa.Column("account", sa.String(16)),  # as in the attempt
    sa.Index("ix_forgotten_owed", "owed"),
    sa.Index("ix_forgotten_intent_at", "intent_at"),
)
"""Attempts from the journal whose messages a restored database has not planned again yet."""
