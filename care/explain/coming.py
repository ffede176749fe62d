"""When an occasion comes next for one customer."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from care.campaigns.occasion import Due, Occasion
from care.customers.tables import customer, subscription
from care.customers.tickets.tables import ticket
from care.explain.draws import draw_in_words
from care.explain.snapshot import Snapshot
from care.surveys.occasion_open import TicketOpen
from care.surveys.occasion_sample import RandomSample
from care.surveys.tables import follow_up

AHEAD = timedelta(days=400)
"""How far ahead is looked: a year, and the month by which lunar dates move."""

_AT_ONCE = 25  # days per question
_LACKING = {"birthday": "no birthday on record", "tenure": "no day of joining on record"}
_COLUMN = {"birthday": "birth_mmdd", "tenure": "joined_mmdd"}


def next_due(snap: Snapshot, occasion: Occasion, *, after: date, zone: str) -> date | None:
    """Return the first local day after `after` on which something is owed to the customer, None within `AHEAD`."""
    for some in _spans(after):
        dues = [(day, due) for day in some for due in occasion.select_due(day, zone)]
        if dues and _is_owed(snap, [due for _, due in dues]):
            return next((day for day, due in dues if _is_owed(snap, [due])), None)
    return None


def lacks(snap: Snapshot, occasion: Occasion, *, day: date, zone: str) -> str:
    """Return what the record lacks for the occasion to come, or how the lot fell; empty where nothing is lacking."""
    if isinstance(occasion, RandomSample):
        return draw_in_words(snap, occasion, day, zone)
    column = _COLUMN.get(occasion.kind)
    if column is not None:
        return _LACKING[occasion.kind] if snap.row.get(column) is None else ""
    if occasion.kind == "subscription_end":
        terms = sa.select(sa.func.count()).select_from(subscription)
        return "" if snap.conn.execute(terms).scalar_one() else "no subscription on record"
    if occasion.kind == "ticket_resolved":
        followed = sa.select(sa.func.count()).select_from(follow_up)
        return "" if snap.conn.execute(followed).scalar_one() else "no resolved ticket on record"
    if isinstance(occasion, TicketOpen):
        return _open_lacks(snap, occasion, day)
    return ""


def _open_lacks(snap: Snapshot, occasion: TicketOpen, day: date) -> str:
    asked = sa.select(occasion.was_asked_before(day)).select_from(ticket).where(occasion.is_open())
    found = snap.conn.execute(asked).scalars().all()
    if not found:
        return f"no open {' or '.join(occasion.of)} on record"
    return "asked about before, once while it is open" if all(found) else ""


def owed_rows(snap: Snapshot, due: Due) -> Sequence[Mapping[str, Any]]:
    """Return occasion and due instant of what a set owes the customer."""
    occasion = sa.literal(due.occasion) if isinstance(due.occasion, str) else due.occasion
    query = sa.select(occasion.label("occasion"))
    if isinstance(due.due_at, sa.ColumnElement):
        query = query.add_columns(due.due_at.label("due_at"))
    found = snap.conn.execute(query.select_from(_source(due)).where(due.where)).mappings()
    return [{"occasion": row["occasion"], "due_at": row.get("due_at", due.due_at)} for row in found]


def _spans(after: date) -> Iterator[list[date]]:
    for start in range(1, AHEAD.days + 1, _AT_ONCE):
        yield [after + timedelta(days=start + n) for n in range(_AT_ONCE)]


def _is_owed(snap: Snapshot, dues: Sequence[Due]) -> bool:
    """Ask about many sets at once; all of one occasion join the same table."""
    anything = sa.select(sa.literal(1)).select_from(_source(dues[0])).where(sa.or_(*(due.where for due in dues)))
    return snap.conn.execute(anything.limit(1)).first() is not None


def _source(due: Due) -> sa.FromClause:
    if due.joined is None or due.on is None:
        return customer
    return customer.join(due.joined, due.on)
