"""Commitments about tickets as measured figures, over one pass through the tickets of a period."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median

import sqlalchemy as sa

from care.base.statistics import Estimate, mean_of, not_enough
from care.calendars.overrides import Overrides
from care.calendars.walltime import load_zone
from care.calendars.workdays import nth_worked_day
from care.customers.tickets.tables import ticket
from care.surveys.figures.ballot import Ballot
from care.surveys.figures.commitments import Named
from care.surveys.figures.deadlines import OWN_COLUMNS, Calendar, Kept, Tally, Ticket, tally
from care.surveys.figures.period import Period
from care.surveys.figures.sheet import By, Sheet
from care.surveys.figures.trend import percent

STARTED_BEFORE = timedelta(days=180)
"""Clocks of an operator's own columns may start so long after the ticket was opened."""

_WORDS = ("kind", "severity", "channel", "area", "staff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One commitment and how it was kept. `is_kept` is None where there is too little to say so."""

    named: Named
    n: int
    value: str  # for people
    is_kept: bool | None
    in_time: int = 0
    running: int = 0
    not_recorded: int = 0
    late: Sequence[str] = ()  # ids of tickets
    estimate: Estimate = field(default_factory=lambda: Estimate(n=0))
    groups: Mapping[str, "Measured"] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Return kept, MISSED, or that nothing can be said."""
        return "no verdict" if self.is_kept is None else "kept" if self.is_kept else "MISSED"


def measure(
    conn: sa.Connection,
    commitments: Sequence[Named],
    sheet: Sheet,
    *,
    country: str,
    overrides: Overrides | None,
    least: int,
    now: datetime,
) -> list[Measured]:
    """Return every commitment as it was kept in the sheet's period, in the order given."""
    period = sheet.period
    tickets = read_tickets(conn, period)

    def nth(day: date, n: int) -> date:
        return nth_worked_day(day, n, country, overrides)

    calendar = Calendar(load_zone(period.zone), nth)
    found = []
    for named in commitments:
        promise = named.promise
        if promise.within is not None:
            groups = tally(tickets, promise, calendar, since=period.since, until=period.until, now=now)
            found.append(_deadline(named, groups))
        elif promise.average is not None:
            found.append(_average(named, tickets, period))
        else:
            found.append(_satisfaction(named, sheet, least))
    return found


def read_tickets(conn: sa.Connection, period: Period) -> list[Ticket]:
    """Return the tickets whose clocks may have started in a period; tests are left out."""
    t = ticket.c
    columns = [t[name] for name in (*sorted(OWN_COLUMNS), *_WORDS)]
    wanted = sa.select(t.external_id, t.attributes, *columns).where(
        t.is_test.is_(sa.false()), t.opened_at >= period.since - STARTED_BEFORE, t.opened_at < period.until
    )
    return [
        Ticket(
            external_id=row["external_id"],
            instants={name: row[name] for name in OWN_COLUMNS},
            words={name: row[name] for name in _WORDS},
            attributes=row["attributes"] or {},
        )
        for row in conn.execute(wanted.order_by(t.id)).mappings()
    ]


def _deadline(named: Named, groups: Mapping[str, Tally]) -> Measured:
    whole = _of_tally(named, groups[""])
    parts = {name: _of_tally(named, group) for name, group in sorted(groups.items()) if name}
    return Measured(
        named=named,
        n=whole.n,
        value=whole.value,
        is_kept=whole.is_kept,
        in_time=whole.in_time,
        running=whole.running,
        not_recorded=whole.not_recorded,
        late=whole.late,
        estimate=whole.estimate,
        groups=parts,
    )


def _of_tally(named: Named, found: Tally) -> Measured:
    estimate = found.share
    return Measured(
        named=named,
        n=found.n,
        value=f"{percent(estimate.value)} of {found.n:,}" if found.n else "nothing to judge",
        is_kept=None if not found.n else found.in_time >= named.promise.share * found.n - 1e-9,
        in_time=found.in_time,
        running=found.counts[Kept.RUNNING],
        not_recorded=found.counts[Kept.NOT_RECORDED],
        late=found.late,
        estimate=estimate,
    )


def _average(named: Named, tickets: Sequence[Ticket], period: Period) -> Measured:
    promise = named.promise
    assert promise.average is not None
    assert promise.at_most is not None
    values: dict[float, int] = {}
    for one in tickets:
        opened, value = one.instants["opened_at"], one.number(promise.average)
        if value is not None and opened and opened >= period.since and one.is_one_of(promise.of):
            values[value] = values.get(value, 0) + 1
    mean = mean_of(values)
    if mean.value is None:
        return Measured(named=named, n=0, value="nothing to judge", is_kept=None)
    middle = median(value for value, count in values.items() for _ in range(count))
    return Measured(
        named=named,
        n=mean.n,
        value=f"{mean.value:.1f} on average, half below {middle:g}, of {mean.n:,}",
        is_kept=mean.value <= promise.at_most,
        estimate=mean,
    )


def _satisfaction(named: Named, sheet: Sheet, least: int) -> Measured:
    promise = named.promise
    if promise.hours:
        groups = sheet.groups(By.HOUR)
        ballot = _sum(groups.get(str(hour), Ballot()) for hour in promise.hours)
        return _of_ballot(named, ballot, least)
    if promise.by is None:
        return _of_ballot(named, _sum(sheet.groups(By.KIND).values()), least)
    parts = {key or "not known": _of_ballot(named, b, least) for key, b in sheet.groups(By(promise.by)).items()}
    judged = [part.is_kept for part in parts.values() if part.is_kept is not None]
    missed = judged.count(False)
    return Measured(
        named=named,
        n=sum(part.n for part in parts.values()),
        value=f"{len(judged) - missed} of {len(judged)} reach it, {len(parts) - len(judged)} have not enough data",
        is_kept=not missed if judged else None,
        groups=parts,
    )


def _of_ballot(named: Named, ballot: Ballot, least: int) -> Measured:
    estimate, target = ballot.satisfaction(), named.promise.satisfied
    assert target is not None
    few = not_enough(ballot.n, least)
    return Measured(
        named=named,
        n=ballot.n,
        value=few or f"{percent(estimate.value)} of {ballot.n:,}",
        is_kept=None if few else ballot.satisfied >= target * ballot.n - 1e-9,
        in_time=ballot.satisfied,
        estimate=estimate,
    )


def _sum(ballots: Iterable[Ballot]) -> Ballot:
    total = Ballot()
    for ballot in ballots:
        total += ballot
    return total
