"""When planned maintenance leaves a channel without a carrier: a plan counts on no such hour."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.base.settings import Settings
from care.base.vocabulary import Channel
from care.delivery.maintenance import Window, windows
from care.delivery.registry import providers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One time in which all providers of a channel are away."""

    channel: Channel
    starts_at: datetime
    ends_at: datetime
    providers: tuple[str, ...]


def closed_ahead(conn: sa.Connection, settings: Settings, now: datetime) -> dict[Channel, list[Closed]]:
    """Return what is planned from now on, in order, by channel."""
    planned = windows(conn, now)
    return {channel: closed_times(channel, providers_of(settings, channel), planned) for channel in Channel}


def closed_times(channel: Channel, providers: Sequence[str], planned: Sequence[Window]) -> list[Closed]:
    """Return the times in which every provider of a channel is away; where one stays, it carries all."""
    away = _by_provider(planned)
    edges = sorted({edge for name in providers for span in away.get(name, ()) for edge in span})
    found = list[Closed]()
    for begin, end in itertools.pairwise(edges):
        if not all(any(opens <= begin < closes for opens, closes in away.get(name, ())) for name in providers):
            continue
        starts_at = found.pop().starts_at if found and found[-1].ends_at == begin else begin
        found.append(Closed(channel=channel, starts_at=starts_at, ends_at=end, providers=tuple(providers)))
    return found


def _by_provider(planned: Sequence[Window]) -> Mapping[str, list[tuple[datetime, datetime]]]:
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for window in planned:
        found.setdefault(window.provider, []).append((window.starts_at, window.ends_at))
    return found
