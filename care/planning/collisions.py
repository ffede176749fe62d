"""Several messages to one customer within a cap: which one yields, found before anything is sent.

`arrange` plays the sender's own rules (caps, and giving way to what is more important within a day) on what is
planned for one customer. Many customers are looked at as a sample of whole customers, drawn by the household's lot.
"""

import heapq
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import from_micros
from care.base.vocabulary import Purpose
from care.customers.tables import customer
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import message
from care.planning.forecast import Cell
from care.planning.selection import OwedSet
from care.policy.caps import LOOK_BACK, MARKETING, SURVEY, Release, cap_release
from care.policy.model import Caps, Policies

CUSTOMERS_LOOKED_AT = 100_000
GIVES_WAY_WITHIN = timedelta(hours=24)
ALREADY_SENT = "already sent"
_AT_ONCE = 5_000
_CAPPED = MARKETING | SURVEY
_PERIOD = re.compile(r"_per_(?:(\d+)d|day)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One message to come for a customer."""

    campaign: str
    purpose: Purpose
    at: datetime
    use_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message that counts for caps: sent before, or let through by `arrange`."""

    campaign: str
    purpose: Purpose
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Yielding:
    """One message that gives way: to what, by which rule, and whether it is only late or dropped."""

    campaign: str
    gives_way_to: str
    rule: str
    is_dropped: bool


@dataclass(kw_only=True)
class Collisions:
    """How many messages give way, by (campaign, gives way to, rule, dropped); scaled up if `step` is above 1."""

    step: int = 1  # every step-th customer was looked at
    customers: int = 0  # with at least one message that gives way
    yielding: Counter[Yielding] = field(default_factory=Counter)

    @property
    def dropped(self) -> int:
        """Return how many messages would never go."""
        return sum(count for one, count in self.yielding.items() if one.is_dropped)


def arrange(planned: Sequence[Planned], sent: Sequence[Sent], caps: Caps) -> list[Yielding]:
    """Return which of a customer's messages give way when each goes as soon as caps let it."""
    waiting = [(one.at, one.purpose.lane, n, one) for n, one in enumerate(planned)]
    heapq.heapify(waiting)
    counted, found = list(sent), dict[int, Yielding]()
    while waiting:
        now, lane, n, one = heapq.heappop(waiting)
        coming = [
            Sent(campaign=other.campaign, purpose=other.purpose, at=max(at, now))
            for at, other_lane, _, other in waiting
            if other_lane < lane and at <= now + GIVES_WAY_WITHIN
        ]
        release = _release(counted, one, caps, now)
        against = counted
        if release is None and coming and one.purpose in _CAPPED:
            against = [*counted, *coming]
            release = _release(against, one, caps, now)
        if release is None:
            counted.append(Sent(campaign=one.campaign, purpose=one.purpose, at=now))
            continue
        waits = release.until is not None and now < release.until < one.use_by
        blocker = _blocker(against, release)
        found[n] = Yielding(campaign=one.campaign, gives_way_to=blocker, rule=release.rule, is_dropped=not waits)
        if waits:
            heapq.heappush(waiting, (release.until or now, lane, n, one))
    return list(found.values())


def _release(counted: Collection[Sent], one: Planned, caps: Caps, now: datetime) -> Release | None:
    return cap_release([(other.at, other.purpose) for other in counted], one.purpose, caps, now)


def _blocker(counted: Sequence[Sent], release: Release) -> str:
    """Return the campaign whose message the cap waits for."""
    period = _PERIOD.search(release.rule)
    if release.until is None or period is None:
        return "the policy"
    at = release.until - timedelta(days=int(period[1] or 1))
    return next((other.campaign for other in counted if other.at == at), ALREADY_SENT)


def find_collisions(
    conn: sa.Connection,
    cells: Sequence[Cell],
    *,
    policies: Policies,
    now: datetime,
    looked_at: int = CUSTOMERS_LOOKED_AT,
) -> Collisions:
    """Return which messages of the coming days give way to which, over all campaigns."""
    total = sum(cell.count for cell in cells if cell.would_go)
    result = Collisions(step=max(1, total // looked_at))
    sets = list({id(cell.owed): cell.owed for cell in cells if cell.would_go}.values())
    by_customer: dict[int, list[Planned]] = {}
    for owed in sets:
        for customer_id, planned in _planned(conn, owed, result.step):
            by_customer.setdefault(customer_id, []).append(planned)
    ids = sorted(i for i, several in by_customer.items() if any(each.purpose in _CAPPED for each in several))
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        countries = _countries(conn, some)
        history = _history(conn, some, now)
        for customer_id in some:
            caps = policies.country(countries.get(customer_id)).caps
            found = arrange(by_customer[customer_id], history.get(customer_id, ()), caps)
            result.customers += result.step * bool(found)
            for one in found:
                result.yielding[one] += result.step
    return result


def _planned(conn: sa.Connection, owed: OwedSet, step: int) -> Iterator[tuple[int, Planned]]:
    """Yield what is still to be sent of one set, the ledger's own messages at the hour they wake."""
    rows = owed.rows().subquery("owed")
    same = sa.and_(
        message.c.campaign_id == owed.campaign.id,
        message.c.occasion == rows.c.occasion,
        message.c.customer_id == rows.c.customer_id,
        message.c.leg == owed.leg,
    )
    due = sa.type_coerce(rows.c.due_at, sa.BigInteger)
    at = sa.func.coalesce(sa.type_coerce(message.c.wake_at, sa.BigInteger), due)
    query = (
        sa.select(rows.c.customer_id, at.label("at"), sa.type_coerce(rows.c.use_by, sa.BigInteger).label("use_by"))
        .select_from(rows.outerjoin(message, same))
        .where(
            rows.c.status == str(MessageStatus.PLANNED),
            sa.or_(message.c.id.is_(None), message.c.status.in_(sorted(str(status) for status in CLAIMABLE))),
        )
    )
    if step > 1:
        query = query.join(customer, customer.c.id == rows.c.customer_id).where(customer.c.draw % step == 0)
    campaign = owed.campaign
    for row in conn.execute(query):
        yield (
            int(row.customer_id),
            Planned(
                campaign=campaign.name,
                purpose=campaign.purpose,
                at=max(from_micros(row.at), owed.now),
                use_by=from_micros(row.use_by),
            ),
        )


def _countries(conn: sa.Connection, ids: Sequence[int]) -> Mapping[int, str]:
    rows = conn.execute(sa.select(customer.c.id, customer.c.country).where(customer.c.id.in_(ids)))
    return {row.id: row.country for row in rows}


def _history(conn: sa.Connection, ids: Sequence[int], now: datetime) -> dict[int, list[Sent]]:
    found: dict[int, list[Sent]] = {}
    query: sa.Select[Any] = sa.select(
        message.c.customer_id, message.c.campaign_id, message.c.purpose, message.c.sent_at
    )
    for row in conn.execute(query.where(message.c.customer_id.in_(ids), message.c.sent_at > now - LOOK_BACK)):
        one = Sent(campaign=f"{row.campaign_id} ({ALREADY_SENT})", purpose=Purpose(row.purpose), at=row.sent_at)
        found.setdefault(row.customer_id, []).append(one)
    return found
