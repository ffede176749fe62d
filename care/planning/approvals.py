"""Days of a campaign that more customers are owed to than may go unseen: they wait until somebody approves them.

The stop is a row beside the pauses, written before the first message of the day and read in the intent transaction.
What waits is `held` until its time is over, so that no sender even looks at it; an approval gives it its hour back.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from care.base.among import among
from care.base.database import write
from care.base.vocabulary import Purpose
from care.campaigns.model import Campaign
from care.messages import store as ledger
from care.messages.model import MessageStatus
from care.messages.stops import WAITS_FOR_APPROVAL, day_scope, lift_pause, put_pause, signed, waiting_days
from care.messages.tables import message
from care.planning.selection import OwedSet, PlanningRules, owed_sets
from care.planning.tables import approval
from care.planning.zones import zones_in_use

GROWTH = 0.1
"""So many more customers than were approved, as a share, need no second look: new ones come every day."""

CHUNK = 2_000
"""Messages per transaction."""

_NEVER = (Purpose.EMERGENCY, Purpose.REPLY)  # what cannot wait for a person
APPROVED = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One occasion of a campaign on one local day, and to how many customers it is owed."""

    day: date
    occasion: str
    audience: int


def pages(
    conn: sa.Connection, campaign: Campaign, days: Collection[date], *, rules: PlanningRules, now: datetime
) -> list[Page]:
    """Return what a campaign owes on some local days, whether the customers may be written to or not.

    Opt-outs between a look at the plan and its approval therefore change nothing.
    """
    found: dict[tuple[date, str], int] = {}
    for zone in zones_in_use(conn):
        for owed in owed_sets(campaign, days=iter(sorted(days)), zone=zone, rules=rules, now=now):
            if owed.leg == campaign.legs[0][0] and (count := _count(conn, owed)):
                key = (owed.occasion_on, _name(owed))
                found[key] = found.get(key, 0) + count
    return [Page(day=day, occasion=name, audience=count) for (day, name), count in sorted(found.items())]


def _count(conn: sa.Connection, owed: OwedSet) -> int:
    whom = sa.select(sa.func.count()).select_from(owed.source).where(owed.qualifies)
    return int(conn.execute(whom).scalar_one())


def _name(owed: OwedSet) -> str:
    return owed.due.occasion if isinstance(owed.due.occasion, str) else owed.campaign.occasion.kind


def audiences(found: Collection[Page]) -> dict[date, int]:
    """Return the customers of each day."""
    sums: dict[date, int] = {}
    for page in found:
        sums[page.day] = sums.get(page.day, 0) + page.audience
    return sums


def must_wait(campaign: Campaign, audience: int, approved: int | None, above: int | None) -> bool:
    """Tell whether a day with so many customers waits; `approved` is how many somebody has seen, None for nobody."""
    if above is None or audience <= above or campaign.purpose in _NEVER:
        return False
    return approved is None or audience > approved * (1 + GROWTH)


def approved_days(conn: sa.Connection, campaign: Campaign) -> Mapping[date, int]:
    """Return how many customers were approved of each day, for the campaign as it is now."""
    rows = conn.execute(
        sa.select(approval.c.occasion_on, sa.func.max(approval.c.audience).label("audience"))
        .where(
            approval.c.campaign_id == campaign.id,
            approval.c.digest == campaign.digest[:16],
            approval.c.revoked_at.is_(None),
        )
        .group_by(approval.c.occasion_on)
    )
    return {row.occasion_on: int(row.audience) for row in rows}


def settle(
    engine: sa.Engine, campaign: Campaign, days: Collection[date], *, rules: PlanningRules, now: datetime
) -> frozenset[date]:
    """Bring the stops of some local days up to date, and what the ledger has of them; return the days that wait.

    To be called before anything of these days is planned.
    """
    above = rules.approval_above
    with engine.connect() as conn:
        standing = waiting_days(conn, campaign.id)
        if above is None:
            needed, lifted = frozenset[date](), standing
        else:
            sums = audiences(pages(conn, campaign, days, rules=rules, now=now))
            seen = approved_days(conn, campaign)
            needed = frozenset(day for day, count in sums.items() if must_wait(campaign, count, seen.get(day), above))
            # of those approved some may still be held after a crash
            lifted = (frozenset(days) & (standing | seen.keys())) - needed
    for day in sorted(needed - standing):
        hold(engine, campaign.id, day, by="planner", now=now)
    for day in sorted(lifted):
        release(engine, campaign.id, day, by="planner", now=now)
    return needed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """How the messages of a day go from one state into the other."""

    before: MessageStatus
    after: MessageStatus
    said: str  # in the story of each message
    kept: str | None  # as the reason of its present state
    wakes: sa.Column[datetime]


_HOLD = _Turn(
    before=MessageStatus.PLANNED,
    after=MessageStatus.HELD,
    said=WAITS_FOR_APPROVAL,
    kept=WAITS_FOR_APPROVAL,
    wakes=message.c.use_by,
)
_RELEASE = _Turn(
    before=MessageStatus.HELD, after=MessageStatus.PLANNED, said=APPROVED, kept=None, wakes=message.c.due_at
)


def hold(engine: sa.Engine, campaign_id: str, day: date, *, by: str, now: datetime) -> int:
    """Stop a day and hold what is planned of it; return how many messages."""
    with write(engine) as conn:
        put_pause(conn, day_scope(campaign_id, day), until=None, by=by, now=now)
    return sum(_turn(engine, ids, _HOLD, by=by, now=now) for ids in _chunks(engine, campaign_id, day, _HOLD.before))


def release(engine: sa.Engine, campaign_id: str, day: date, *, by: str, now: datetime) -> int:
    """Let a day go, and give what waited its hour back; return how many messages."""
    with write(engine) as conn:
        lift_pause(conn, day_scope(campaign_id, day))
    chunks = _chunks(engine, campaign_id, day, _RELEASE.before)
    return sum(_turn(engine, ids, _RELEASE, by=by, now=now) for ids in chunks)


def _turn(engine: sa.Engine, ids: Collection[int], turn: _Turn, *, by: str, now: datetime) -> int:
    with write(engine) as conn:
        moved = ledger.move_messages(
            conn, ids, turn.after, now=now, by=signed(by), reason=turn.said, only_from=[turn.before]
        )
        waits = sa.update(message).where(among(message.c.id, moved))
        conn.execute(waits.values(wake_at=turn.wakes, reason=turn.kept))
    return len(moved)


def _chunks(engine: sa.Engine, campaign_id: str, day: date, status: MessageStatus) -> Iterator[list[int]]:
    """Yield ids of a day's messages that stand so, some at a time; of the held only those that wait for approval."""
    which = [message.c.campaign_id == campaign_id, message.c.occasion_on == day, message.c.status == str(status)]
    if status is MessageStatus.HELD:
        which.append(message.c.reason == WAITS_FOR_APPROVAL)
    after = 0
    while True:
        with engine.connect() as conn:
            some = sa.select(message.c.id).where(*which, message.c.id > after).order_by(message.c.id).limit(CHUNK)
            ids = [int(i) for i in conn.execute(some).scalars()]
        if not ids:
            return
        yield ids
        after = ids[-1]
