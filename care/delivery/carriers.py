"""The SQL of who carries a channel now, of every change of it, and of planned maintenance."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from care.base.database import insert
from care.base.hot import Hot
from care.base.vocabulary import Channel
from care.delivery.failover import Carrier
from care.delivery.tables import provider_change, provider_maintenance

WORDS = 160
Way = tuple[Channel, str]
"""A channel under one sender's name."""

_change, _window = provider_change.c, provider_maintenance.c
_newer = provider_change.alias()
_LAST = Hot(
    sa.select(_change.channel, _change.sender, _change.n, _change.to_provider, _change.share).where(
        ~sa.exists().where(
            _newer.c.channel == _change.channel, _newer.c.sender == _change.sender, _newer.c.n > _change.n
        )
    )
)
_WINDOWS = Hot(
    sa.select(_window.provider, _window.ends_at, _window.why).where(
        _window.starts_at <= sa.bindparam("now"), _window.ends_at > sa.bindparam("now")
    )
)


class Last(NamedTuple):
    """The last change of a way; `n` 0: there was none yet."""

    n: int
    carrier: Carrier


class Away(NamedTuple):
    """Why a provider is being maintained, and until when."""

    until: datetime
    why: str


def last_changes(conn: sa.Connection) -> dict[Way, Last]:
    """Return who carries each way that has ever changed hands."""
    return {(Channel(c), s): Last(n, Carrier(to, share)) for c, s, n, to, share in _LAST.rows(conn)}


def note_change(conn: sa.Connection, way: Way, last: Last, new: Carrier, *, why: str, now: datetime) -> bool:
    """Write a change down; False: another process has written the same or another one meanwhile."""
    channel, sender = way
    row = insert(conn, provider_change).values(
        channel=str(channel),
        sender=sender,
        n=last.n + 1,
        at=now,
        from_provider=last.carrier.provider,
        to_provider=new.provider,
        share=new.share,
        why=why[:WORDS],
    )
    written = row.on_conflict_do_nothing().returning(_change.n)
    return conn.execute(written).first() is not None


def away_now(conn: sa.Connection, now: datetime) -> Mapping[str, Away]:
    """Return which providers are being maintained at this moment."""
    found: dict[str, Away] = {}
    for provider, until, why in _WINDOWS.rows(conn, now=now):
        if provider not in found or until > found[provider].until:
            found[provider] = Away(until, why)
    return found
