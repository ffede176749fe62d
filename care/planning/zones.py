"""Which clocks customers live by."""

import sqlalchemy as sa

from care.calendars.walltime import UnknownZoneError, load_zone
from care.customers.tables import customer


def zones_in_use(conn: sa.Connection) -> list[str]:
    """Return every time zone some customer has, "" first if any customer's zone is unknown.

    A loose index scan: the cost follows the number of zones, not of customers.
    """
    zone = customer.c.timezone
    first = sa.select(sa.func.min(zone).label("zone")).cte("zones", recursive=True)
    after = sa.select(sa.func.min(zone)).where(zone > first.c.zone).scalar_subquery()
    walk = first.union_all(sa.select(after).where(first.c.zone.is_not(None)))
    known = [row.zone for row in conn.execute(sa.select(walk.c.zone)) if row.zone is not None]
    unknown = conn.execute(sa.select(customer.c.id).where(zone.is_(None)).limit(1)).first()
    return ([""] if unknown else []) + known


def clock_of(zone: str, operator_zone: str) -> str:
    """Return by which clock customers of a zone are planned: the operator's where it is unknown or no zone at all.

    One wrong name among millions must not stop the planning; contact windows never open early for it.
    """
    try:
        return load_zone(zone).key if zone else operator_zone
    except UnknownZoneError:
        return operator_zone
