"""The SQL of providers' health: one row per door, swapped only by whoever still knows it as it stands."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import insert
from care.base.hot import Hot
from care.base.vocabulary import Channel
from care.delivery.breaker import FULL_CAUSES, SLOW_WINDOW, Cause, Door, Health, State
from care.delivery.tables import provider_health, provider_tally
from care.delivery.tally import BUCKET, Bucket, Counted

KEPT = timedelta(hours=1)
WORDS = 120
"""So much of a reason is kept."""

_row, _tally = provider_health.c, provider_tally.c
_ALL = Hot(sa.select(*_row))
_NAMES = tuple(column.name for column in _row)
_COUNTS = ("answers", "errors", "slow", "no_room", "not_taken")


def _adding(conn: sa.Connection) -> Any:
    statement = insert(conn, provider_tally)
    sums = {name: _tally[name] + statement.excluded[name] for name in _COUNTS}
    return statement.on_conflict_do_update(index_elements=["channel", "provider", "sender", "at"], set_=sums)


_ADD = Hot(_adding, each=("channel", "provider", "sender", "at", *_COUNTS))
_BUCKETS = Hot(
    sa.select(_tally.provider, _tally.at, *(_tally[name] for name in _COUNTS))
    .where(
        _tally.channel == sa.bindparam("channel"),
        _tally.sender == sa.bindparam("sender"),
        _tally.at > sa.bindparam("since"),
        _tally.at <= sa.bindparam("now"),  # later ones are of a clock that was set back
    )
    .order_by(_tally.at.desc())
)


def enter_doors(conn: sa.Connection, doors: Collection[Door], now: datetime) -> None:
    """Write down that these providers are in use; those known already stand as they stood."""
    fresh = [_values(Health(state=State.WELL, since=now)) | _key(door) for door in sorted(doors)]
    conn.execute(insert(conn, provider_health).on_conflict_do_nothing(), fresh)


def read_health(conn: sa.Connection) -> dict[Door, Health]:
    """Return how every provider ever used stands."""
    rows = [dict(zip(_NAMES, row, strict=True)) for row in _ALL.rows(conn)]
    return {Door(Channel(row["channel"]), row["provider"], row["sender"]): _health(row) for row in rows}


def swap(conn: sa.Connection, door: Door, old: Health, new: Health) -> bool:
    """Put a row in the place of another; False: somebody has changed it meanwhile, and nothing was done."""
    if new == old:
        return True
    mine = [_row[name] == value for name, value in _key(door).items()]
    statement = sa.update(provider_health).where(*mine, _row.version == old.version)
    values = _values(new) | {"version": old.version + 1}
    return conn.execute(statement.values(values).returning(_row.version)).first() is not None


def change(conn: sa.Connection, door: Door, rule: Callable[[Health], Health]) -> tuple[Health, Health]:
    """Carry out a rule on a door as it stands now, and return the row before and after."""
    while True:
        old = read_health(conn)[door]
        new = rule(old)
        if swap(conn, door, old, new):
            return old, new


def add_tally(conn: sa.Connection, counts: Mapping[Door, Counted], now: datetime) -> None:
    """Add what one process has seen to the seconds that pass."""
    begin = now - (now - _EPOCH) % BUCKET
    rows = [(*door, begin, *(getattr(seen, name) for name in _COUNTS)) for door, seen in sorted(counts.items())]
    _ADD.many(conn, rows)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def read_tallies(
    conn: sa.Connection, channel: Channel, sender: str, now: datetime, within: timedelta = SLOW_WINDOW
) -> dict[str, list[Bucket]]:
    """Return what each provider of a channel answered lately, the newest seconds first."""
    found: dict[str, list[Bucket]] = {}
    for provider, *counts in _BUCKETS.rows(conn, channel=str(channel), sender=sender, since=now - within, now=now):
        found.setdefault(provider, []).append(Bucket(*counts))
    return found


def forget_tallies(conn: sa.Connection, now: datetime) -> None:
    """Drop what no rule looks at any more, and what was counted on a clock that has been set back since."""
    kept = _tally.at.between(now - KEPT, now + KEPT)
    conn.execute(sa.delete(provider_tally).where(sa.not_(kept)))


def _key(door: Door) -> dict[str, str]:
    return {"channel": str(door.channel), "provider": door.provider, "sender": door.sender}


def _values(health: Health) -> dict[str, Any]:
    return {
        "state": str(health.state),
        "since": health.since,
        "why": health.why[:WORDS],
        "cause": str(health.cause) if health.cause and health.cause not in FULL_CAUSES else None,
        "fullness": str(health.cause) if health.cause in FULL_CAUSES else None,
        "in_row": health.in_row,
        "trial_left": health.trial_left,
        "pause_ms": int(health.pause / timedelta(milliseconds=1)),
        "look_at": health.look_at,
        "probe_by": health.probe_by,
        "probe_at": health.probe_at,
        "share": health.share,
        "step_at": health.step_at,
        "version": health.version,
    }


def _health(row: Mapping[str, Any]) -> Health:
    state = State(row["state"])
    cause = row["cause"] or (row["fullness"] if state is not State.WELL else None)  # an older program leaves it there
    return Health(
        state=state,
        since=row["since"],
        why=row["why"],
        cause=Cause(cause) if cause else None,
        in_row=row["in_row"],
        trial_left=row["trial_left"],
        pause=timedelta(milliseconds=row["pause_ms"]),
        look_at=row["look_at"],
        probe_by=row["probe_by"],
        probe_at=row["probe_at"],
        share=row["share"],
        step_at=row["step_at"],
        version=row["version"],
    )
