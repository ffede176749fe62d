"""The nine o'clock herd: a large greeting or offer is due over a stretch of time, not all at one instant.

Without it everybody would be due at once and most would wait; what is due later in the same hour would wait behind
them. The place of a household in the stretch follows from its lot, so planning twice gives the same times.
"""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import sqlalchemy as sa

from care.planning.backlog import usual_parts
from care.planning.selection import OwedSet, Stretch
from care.policy.hours import common_hours
from care.policy.windows import NeverOpensError, closes_at, contact_window, next_open, zones_for

AT_ONCE = timedelta(minutes=5)
"""What is sent within this time need not be spread."""

ROOM = 0.9
"""Share of the allowed time that a stretch may take: the last need time to leave, too."""

_STEPS = (10, 20, 40, 80, 160, 320, 640)  # minutes: one customer more must not move everybody's hour
ELSEWHERE = ""


def spread_out(conn: sa.Connection, owed: OwedSet) -> OwedSet:
    """Return the set with its due times spread, as its campaign says or the rate asks for; most stay as they are."""
    due_at = owed.due.due_at
    if not owed.campaign.purpose.is_marketing or not isinstance(due_at, datetime):
        return owed
    length = _wanted(conn, owed)
    if not length:
        return owed
    countries = [ELSEWHERE, *owed.rules.policies.countries]
    return replace(owed, stretches={code: _stretch(owed, code, due_at, length) for code in countries})


def _wanted(conn: sa.Connection, owed: OwedSet) -> timedelta:
    if owed.campaign.spread is not None:
        return owed.campaign.spread
    channel = owed.channels[0]
    rate = owed.rules.rates.get(channel)
    if rate is None:
        return timedelta(0)
    parts = max(1, round(usual_parts(conn, channel)))  # whole ones: each message sent must not move everybody's hour
    few = math.ceil(rate * AT_ONCE.total_seconds()) // parts
    whom: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(owed.source).where(owed.qualifies)
    more = conn.execute(sa.select(sa.func.count()).select_from(whom.limit(few + 1).subquery())).scalar_one()
    if more <= few:
        return timedelta(0)
    count = conn.execute(sa.select(sa.func.count()).select_from(whom.subquery())).scalar_one()
    return stretch_for(count * parts, rate)


def stretch_for(parts: int, rate_per_second: float) -> timedelta:
    """Return over how long so many parts are spread: what nine tenths of the rate need, in coarse steps."""
    minutes = parts / (rate_per_second * 0.9) / 60
    return timedelta(minutes=next((step for step in _STEPS if step >= minutes), _STEPS[-1]))


def _stretch(owed: OwedSet, country: str, due_at: datetime, length: timedelta) -> Stretch:
    """Return the part of the wanted stretch that lies in a country's contact hours and in the time of use."""
    policy = owed.rules.policies.country(country)
    hours = [contact_window(policy, owed.campaign.purpose), *policy.states.values()]
    windows = reduce(common_hours, hours)
    end = due_at + owed.campaign.use_within
    try:
        zones = zones_for(owed.zone or None, country, owed.rules.policies)
        opens = next_open(windows, zones, due_at)
    except NeverOpensError:
        return Stretch(begin=0, length=0)
    if opens >= end:
        return Stretch(begin=0, length=0)
    closes = min(closes_at(windows, zones, opens) or end, end)
    length = min(length, (closes - opens) * ROOM)
    return Stretch(begin=int((opens - due_at).total_seconds()), length=int(length.total_seconds()))
