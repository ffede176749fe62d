"""Complaints of a period: how many, how often per customer, how grave, how long they took."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

import sqlalchemy as sa

from care.base.statistics import Estimate
from care.customers.tickets.tables import ticket
from care.surveys.figures.ballot import Ballot
from care.surveys.figures.period import Period
from care.surveys.figures.sheet import By, Sheet

KIND = "complaint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaints:
    """Figures about complaints that were opened in a period."""

    number: int
    customers: int
    per_customer: Mapping[int, int]  # complaints -> customers with so many
    by_severity: Mapping[str, int]
    resolved: int
    hours: float | None  # median from opening to resolution
    satisfaction: Estimate


def complaints(conn: sa.Connection, sheet: Sheet) -> Complaints:
    """Return the complaints of the sheet's period; tests are left out."""
    t = ticket.c
    rows = conn.execute(
        sa.select(t.customer_id, t.severity, t.opened_at, t.resolved_at).where(*_opened_in(sheet.period))
    ).all()
    each = Counter(row.customer_id for row in rows)
    took = [(row.resolved_at - row.opened_at) / timedelta(hours=1) for row in rows if row.resolved_at]
    return Complaints(
        number=len(rows),
        customers=len(each),
        per_customer=dict(sorted(Counter(each.values()).items())),
        by_severity=dict(sorted(Counter(row.severity or "not known" for row in rows).items())),
        resolved=len(took),
        hours=median(took) if took else None,
        satisfaction=sheet.groups(By.KIND).get(KIND, Ballot()).satisfaction(),
    )


def _opened_in(period: Period) -> tuple[sa.ColumnElement[bool], ...]:
    t = ticket.c
    return t.kind == KIND, t.is_test.is_(sa.false()), t.opened_at >= period.since, t.opened_at < period.until
