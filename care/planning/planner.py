"""Turn occasions into ledger rows: set-based, in short transactions, resumable by the ledger's own key.

Planning twice plans nothing. There is no cursor: what is missing is asked of the ledger each time, and a mark per
campaign and day only saves asking when neither campaign nor customers changed since.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from care.base.database import insert, see_one_moment, write
from care.base.failpoints import failpoint
from care.calendars.walltime import instant_at, load_zone
from care.campaigns.model import Campaign
from care.customers.tables import customer
from care.messages import store as ledger
from care.messages.tables import message
from care.planning import approvals, marks
from care.planning.selection import PLAN_COLUMNS, UNKNOWN_ZONE, Ids, OwedSet, PlanningRules, owed_sets
from care.planning.spreading import spread_out
from care.planning.zones import clock_of, zones_in_use

CHUNK = 10_000
"""Customers per transaction: keeps the write lock well under a tenth of a second."""

_MORE_THAN_A_DAY = timedelta(hours=30)
"""A local day begins and ends so far from any instant that lies on it, at most."""

log = structlog.get_logger()


@dataclass(kw_only=True)
class PlanOutcome:
    """What one round of planning did."""

    planned: int = 0  # new rows of every status
    sets: int = 0  # sets that had something new
    campaigns: Collection[str] = field(default_factory=set)


def local_days(now: datetime, zone: str, *, back: timedelta, ahead: timedelta) -> list[date]:
    """Return the local days from `now - back` to `now + ahead`, both included."""
    clock = ZoneInfo(zone)
    first, last = (now - back).astimezone(clock).date(), (now + ahead).astimezone(clock).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def plan_campaign(
    engine: sa.Engine,
    campaign: Campaign,
    *,
    rules: PlanningRules,
    now: datetime,
    ahead: timedelta,
    back: timedelta = timedelta(0),
    watermark: str = "",
) -> PlanOutcome:
    """Write every row the campaign owes in the window that the ledger does not have yet; return what was new.

    A day whose mark says that campaign and customers are as they were is passed over.
    """
    outcome = PlanOutcome()
    with engine.connect() as conn:
        zones = zones_in_use(conn)
        done = marks.read(conn, campaign.id, now)
        news = marks.news_of(conn, rules.news.get(campaign.occasion.kind))
        unplanned = _unplanned(conn, campaign, rules, since=now - back, until=now + ahead)
    stamp = marks.stamp_of(campaign.digest, watermark, above=rules.approval_above, news=news)
    todos = {}
    for zone in zones:
        days = local_days(now, clock_of(zone, rules.operator_zone), back=back, ahead=ahead)
        todos[zone] = [day for day in days if not watermark or done.get((day, zone)) != stamp]
    waits = approvals.settle(engine, campaign, {day for days in todos.values() for day in days}, rules=rules, now=now)
    for zone, todo in todos.items():
        known = None if unplanned is None else _on_days(todo, unplanned, rules.operator_zone, zone)
        days = todo if known is None else sorted({day for day, _ in known})
        for owed in owed_sets(campaign, days=iter(days), zone=zone, rules=rules, now=now, waits=waits):
            count = None if known is None else known.get((owed.occasion_on, owed.due.is_reminder), 0)
            new = 0 if count == 0 else plan_set(engine, owed, at_most=count)
            outcome.planned += new
            outcome.sets += bool(new)
    settled = [(day, zone) for zone, todo in todos.items() for day in todo]
    if watermark and settled:
        with write(engine) as conn:
            marks.put(conn, campaign.id, settled, stamp, now)
    if outcome.planned:
        outcome.campaigns = {campaign.id}
        log.info("campaign.planned", campaign=campaign.id, messages=outcome.planned)
    return outcome


def _unplanned(
    conn: sa.Connection, campaign: Campaign, rules: PlanningRules, *, since: datetime, until: datetime
) -> Mapping[tuple[str, bool], list[datetime]] | None:
    """Return when what has no message yet is due, by zone and whether it is a reminder; None: the sets must tell."""
    ask = rules.unplanned.get(campaign.occasion.kind)
    if ask is None:
        return None
    found: dict[tuple[str, bool], list[datetime]] = {}
    around = {"since": since - _MORE_THAN_A_DAY, "until": until + _MORE_THAN_A_DAY}
    for row in conn.execute(ask(campaign), around):
        found.setdefault((row.timezone or UNKNOWN_ZONE, row.is_reminder), []).append(row.at)
    return found


def _on_days(
    days: Sequence[date], unplanned: Mapping[tuple[str, bool], list[datetime]], operator_zone: str, zone: str
) -> Mapping[tuple[date, bool], int]:
    """Return how much lies on each of these local days, first words and reminders apart; days without are left out."""
    clock, found = load_zone(clock_of(zone, operator_zone)), Counter[tuple[date, bool]]()
    for is_reminder in (False, True):
        instants = unplanned.get((zone, is_reminder), ())
        for day in days if instants else ():
            first, last = (instant_at(day + timedelta(days=n), time(0), clock) for n in (0, 1))
            found[day, is_reminder] = sum(first <= at < last for at in instants)
    return +found


def plan_set(engine: sa.Engine, owed: OwedSet, *, at_most: int | None = None) -> int:
    """Write the missing rows of one set, counted independently in the same transaction; return how many.

    `at_most` is how many there can be, where that is known already.
    """
    with engine.connect() as conn:
        if at_most is None or at_most > CHUNK:
            few = sa.select(sa.func.count()).select_from(owed.missing().limit(CHUNK + 1).subquery())
            waiting = conn.execute(few).scalar_one()
        else:
            waiting = at_most
        if not waiting:
            return 0
        owed = spread_out(conn, owed)
        ranges: Sequence[Ids | None] = [None] if waiting <= CHUNK else list(_id_ranges(conn))
    return sum(_plan_range(engine, owed, between) for between in ranges)


def _id_ranges(conn: sa.Connection) -> Iterator[Ids]:
    low, high = conn.execute(sa.select(sa.func.min(customer.c.id), sa.func.max(customer.c.id))).one()
    for start in range(low, high + 1, CHUNK):
        yield start, start + CHUNK - 1


def _plan_range(engine: sa.Engine, owed: OwedSet, between: Ids | None) -> int:
    with write(engine) as conn:
        see_one_moment(conn)  # count and insert must see the same customers
        missing = owed.missing(between).subquery()
        count = conn.execute(sa.select(sa.func.count()).select_from(missing)).scalar_one()
        if not count:
            return 0
        rows = owed.rows(between)
        statement = insert(conn, message).from_select(list(PLAN_COLUMNS), rows).on_conflict_do_nothing()
        new = conn.execute(statement.execution_options(preserve_rowcount=True)).rowcount
        ledger.add_intended(
            conn,
            campaign_id=owed.campaign.id,
            occasion_on=owed.occasion_on,
            leg=owed.leg,
            count=count,
            now=owed.now,
        )
        failpoint("plan.before_commit")
    failpoint("plan.committed")
    return int(new)
