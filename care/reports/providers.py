"""How each provider stands, for people: from the tables that all senders share."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.delivery.breaker import Door, Health, State
from care.delivery.carriers import Away, away_now
from care.delivery.failover import ALL, Carrier, Standing, carrier
from care.delivery.health import read_health, read_tallies
from care.delivery.incarnation import DISPATCH
from care.delivery.tables import incarnation, provider_change, spend
from care.messages.model import Outcome
from care.messages.tables import attempt, message

ALIVE = timedelta(minutes=10)
"""A closed provider that nobody has looked after for longer is no longer in use, or no sender is at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPage:
    """One provider of one channel. Shares are of the last fifteen minutes' answers, None where there were none."""

    channel: Channel
    provider: str
    sender: str  # '' or the key of a purpose's own sender
    stands: Health | None  # None: no sender has been at work yet
    away: Away | None  # planned maintenance that goes on
    share: int  # percent of new messages that go here now
    answers: int
    error_share: float | None
    slow_share: float | None
    no_room: int  # of the answers: refused for want of room
    rate_per_second: float
    parts_today: int
    spend_minor_today: int | None  # estimated by parts; None where no prices are set

    @property
    def state(self) -> str:
        """Return one word: well, closed, trial or maintenance."""
        if self.away:
            return "maintenance"
        return str(self.stands.state) if self.stands else str(State.WELL)

    @property
    def is_well(self) -> bool:
        """Tell whether messages may go there."""
        return self.state == State.WELL


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of who carries a channel; '' is nobody."""

    at: datetime
    channel: str
    sender: str
    from_provider: str
    to_provider: str
    share: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """What left through each provider today, in parts, and what SMS cost by the operator's prices."""

    parts: Mapping[Door, int]
    cost_minor: int

    def spend_minor(self, door: Door) -> int | None:
        total = sum(count for each, count in self.parts.items() if each.channel is Channel.SMS)
        if door.channel is not Channel.SMS or not self.cost_minor or not total:
            return None
        return round(self.cost_minor * self.parts.get(door, 0) / total)


def provider_pages(
    conn: sa.Connection,
    order: Mapping[Channel, Sequence[str]],
    *,
    senders: Mapping[str, str],
    rates: Mapping[Channel, float],
    now: datetime,
    midnight: datetime,
) -> list[ProviderPage]:
    """Return every provider of the settings.

    `order` names those of a channel, the first choice first; `senders` the purposes by the key of their own sender;
    `midnight` begins the operator's day.
    """
    known = read_health(conn)
    own = {
        channel: [key for key in senders if Door(channel, names[0], key) in known] for channel, names in order.items()
    }
    day = _read_day(conn, midnight, {channel: {key: senders[key] for key in keys} for channel, keys in own.items()})
    return [
        page
        for channel, names in order.items()
        for sender in ("", *own[channel])
        for page in _pages_of_way(conn, channel, sender, names, known=known, day=day, now=now, rate=rates[channel])
    ]


def _pages_of_way(
    conn: sa.Connection,
    channel: Channel,
    sender: str,
    names: Sequence[str],
    *,
    known: Mapping[Door, Health],
    day: _Day,
    now: datetime,
    rate: float,
) -> Iterator[ProviderPage]:
    away, tallies = away_now(conn, now), read_tallies(conn, channel, sender, now)
    stands = {name: known.get(Door(channel, name, sender)) for name in names}
    now_by_rule = carrier(names, {name: _standing(one, is_away=name in away) for name, one in stands.items()})
    for name in names:
        answered = tallies.get(name, ())
        answers = sum(bucket.answers for bucket in answered)
        yield ProviderPage(
            channel=channel,
            provider=name,
            sender=sender,
            stands=stands[name],
            away=away.get(name),
            share=_share(now_by_rule, name, is_first=name == names[0]),
            answers=answers,
            error_share=sum(bucket.errors for bucket in answered) / answers if answers else None,
            slow_share=sum(bucket.slow for bucket in answered) / answers if answers else None,
            no_room=sum(bucket.no_room for bucket in answered),
            rate_per_second=rate,
            parts_today=day.parts.get(Door(channel, name, sender), 0),
            spend_minor_today=day.spend_minor(Door(channel, name, sender)),
        )


def _standing(stands: Health | None, *, is_away: bool) -> Standing:
    return Standing(stands.state, stands.share, is_away) if stands else Standing(State.WELL, ALL, is_away)


def _share(carries: Carrier, name: str, *, is_first: bool) -> int:
    mine = ALL - carries.share if name == carries.provider else 0
    return mine + (carries.share if is_first else 0)


def _read_day(conn: sa.Connection, midnight: datetime, own: Mapping[Channel, Mapping[str, str]]) -> _Day:
    """Read it; `own` names the purposes of each channel's further senders, as words, by the sender's key."""
    left = [str(outcome) for outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)]
    keys = {c: {word: key for key, words in each.items() for word in words.split(", ")} for c, each in own.items()}
    purpose = message.c.purpose if any(keys.values()) else sa.literal("")  # else a day's messages need no look
    counted = sa.select(attempt.c.channel, attempt.c.provider, purpose, sa.func.sum(attempt.c.parts))
    if any(keys.values()):
        counted = counted.join(message, message.c.id == attempt.c.message_id)
    today = counted.where(attempt.c.intent_at >= midnight, attempt.c.outcome.in_(left))
    parts = dict[Door, int]()
    for place, provider, word, count in conn.execute(today.group_by(attempt.c.channel, attempt.c.provider, purpose)):
        door = Door(Channel(place), provider, keys.get(Channel(place), {}).get(word, ""))
        parts[door] = parts.get(door, 0) + int(count)
    cost = sa.select(sa.func.coalesce(sa.func.sum(spend.c.cost_minor), 0)).where(spend.c.day == midnight.date())
    return _Day(parts=parts, cost_minor=int(conn.execute(cost).scalar_one()))


SENDER_ALIVE = timedelta(minutes=1)
"""A sender shows itself more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """Who sends now. A sender that was killed counts for a minute more."""

    senders: int
    last_seen: datetime | None  # of any sender ever


def at_work(conn: sa.Connection, now: datetime) -> AtWork:
    """Return how many senders are at work, and when one was last seen."""
    life = incarnation.c
    alive = sa.and_(life.ended_at.is_(None), life.seen_at > now - SENDER_ALIVE)
    found = sa.select(sa.func.count().filter(alive), sa.func.max(life.seen_at)).where(life.role == DISPATCH)
    senders, last_seen = conn.execute(found).one()
    return AtWork(senders=int(senders), last_seen=last_seen)


def last_switches(conn: sa.Connection, limit: int) -> list[Change]:
    """Return the last changes of who carries, the latest first."""
    rows = conn.execute(sa.select(provider_change).order_by(provider_change.c.at.desc()).limit(limit))
    return [
        Change(
            at=row.at,
            channel=row.channel,
            sender=row.sender,
            from_provider=row.from_provider,
            to_provider=row.to_provider,
            share=row.share,
            why=row.why,
        )
        for row in rows
    ]


def closed_now(conn: sa.Connection, now: datetime) -> list[str]:
    """Return which providers are closed, each in words for people; those planned to be away are not among them."""
    away, found = away_now(conn, now), []
    for door, stands in sorted(read_health(conn).items()):
        seen = max(stands.since, stands.probe_at or stands.since, stands.look_at or stands.since)
        if stands.state is State.CLOSED and door.provider not in away and now - ALIVE <= seen:
            minutes = int((now - stands.since) / timedelta(minutes=1))
            found.append(f"{door.channel} through {door.provider} for {minutes} minutes: {stands.why}")
    return found


def failovers(conn: sa.Connection, message_ids: Collection[int]) -> dict[int, str]:
    """Return why attempts went through another provider than the first, by attempt; the others are not there."""
    if not message_ids:
        return {}
    tried = sa.select(attempt.c.id, attempt.c.channel, attempt.c.provider, attempt.c.intent_at)
    found = {}
    for one in conn.execute(tried.where(attempt.c.message_id.in_(message_ids))):
        change = provider_change.c
        came = sa.select(change.from_provider, change.why).where(
            change.channel == one.channel, change.to_provider == one.provider, change.at <= one.intent_at
        )
        last = came.where(change.from_provider != one.provider, change.from_provider != "")
        row = conn.execute(last.order_by(change.at.desc()).limit(1)).one_or_none()
        if row is not None and row.why.startswith(f"{row.from_provider} is "):
            found[one.id] = row.why
    return found
