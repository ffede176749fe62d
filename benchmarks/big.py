"""Big worlds: many believable customers made by the database itself, all owed one greeting today.

Of 1,000 customers 40 have left, 50 have no contact, 60 refused, 30 are suppressed, 20 are minors, 10 have died; a
twentieth of the households is held out. So every reason why planning skips somebody occurs.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from benchmarks import world as worlds
from care.base.clock import SystemClock
from care.base.database import write

CAMPAIGN = """\
id: today
name: today
purpose: greeting
audience: everyone
occasion: {{kind: date, on: {day}, at: "12:00"}}
channels: [sms]
template: birthday
use_within: 11h
holdout: {{share: 5%, group: today}}
"""
QUIET = {
    "birthdays": """\
id: birthdays
name: birthdays
purpose: greeting
audience: everyone
occasion: {kind: birthday, at: "12:00"}
channels: [sms]
template: birthday
use_within: 11h
holdout: {share: 5%, group: birthdays}
""",
    "anniversaries": """\
id: anniversaries
name: anniversaries
purpose: greeting
audience: everyone
occasion: {kind: tenure, years: [5, 10, 15], at: "12:00"}
channels: [sms]
template: birthday
use_within: 11h
""",
    "ends": """\
id: ends
name: ends
purpose: service
audience: everyone
occasion: {kind: subscription_end, before: [6d], at: "12:00", auto_renew: only}
channels: [sms]
template: autorenew_notice
use_within: 1d
values: {term: {en: 12 months}, how: {en: online}}
""",
}
"""Campaigns of the kinds that run all year, for a world in which nobody is due."""

_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
_MAKE = (
    _NUMBERS
    + """
INSERT INTO customer (id, external_id, name, salutation, locale, timezone, country, customer_type, area, tier,
                      attributes, monthly_spend_minor, status, minor, deceased, joined_on, joined_mmdd, birth_year,
                      birth_mmdd, draw, created_at, updated_at)
SELECT n, 'C' || CAST(n AS VARCHAR), '王秀英', '王女士', 'zh-CN', :zone, 'HK',
       CASE n % 10 WHEN 0 THEN 'business' WHEN 1 THEN 'family' ELSE 'person' END,
       'area ' || CAST(n % 40 AS VARCHAR), 'gold', '{}', n % 1000 * 37,
       CASE WHEN n % 1000 < 40 THEN 'left' ELSE 'active' END, n % 1000 BETWEEN 200 AND 219,
       n % 1000 BETWEEN 220 AND 229, :joined_on, :mmdd, 1980, :mmdd,
       CAST(n AS BIGINT) * 48271 % 2147483646 + 1, :at, :at
FROM numbers""",
    _NUMBERS
    + """
INSERT INTO contact_point (customer_id, channel, position, address, address_hash, updated_at)
SELECT n, 'sms', 0, '+8526' || substr(CAST(10000000 + n AS VARCHAR), 2), md5('sms' || CAST(n AS VARCHAR)), :at
FROM numbers WHERE n % 1000 NOT BETWEEN 40 AND 89""",
    _NUMBERS
    + """
INSERT INTO consent_now (customer_id, purpose, channel, given, at)
SELECT n, 'greeting', 'sms', n % 1000 NOT BETWEEN 90 AND 149, :at FROM numbers WHERE n % 10 > 2""",
    _NUMBERS
    + """
INSERT INTO suppression (address_hash, channel, scope, reason, source, created_at)
SELECT md5('sms' || CAST(n AS VARCHAR)), 'sms', 'marketing', 'opt_out', 'inbound', :at
FROM numbers WHERE n % 1000 BETWEEN 150 AND 179""",
)


class Place(NamedTuple):
    """Where everybody lives, and the day of the greeting there."""

    zone: str
    day: str


def place_of(folder: Path) -> Place:
    """Return the place of a big world."""
    return Place(*json.loads((folder / "place.json").read_text(encoding="utf-8")))


def _place_at(now: datetime) -> Place:
    zone = worlds.zone_where_it_is_noon(now)
    return Place(zone, now.astimezone(ZoneInfo(zone)).date().isoformat())


def make_big(count: int, *, url: str = "") -> Path:
    """Make a world of so many customers who are owed a greeting today, and nothing else for half a year.

    Returns its folder; `url` names a database whose tables are dropped.
    """
    now = SystemClock().now()
    place = _place_at(now)
    folder = worlds.make_folder({"today": CAMPAIGN.format(day=place.day)}, {}, url=url)
    (folder / "place.json").write_text(json.dumps(place), encoding="utf-8")
    services = worlds.open_folder(folder)
    assert not services.campaigns.problems, services.campaigns.problems
    engine = services.engine
    month = (now.month + 5) % 12 + 1
    given = {"count": count, "zone": place.zone, "at": worlds.micros(now), "mmdd": month * 100 + 10}
    joined = sa.bindparam("joined_on", now.replace(year=now.year - 8, month=month, day=10).date(), sa.Date)
    for statement in _MAKE:
        with write(engine) as conn:
            if engine.dialect.name == "sqlite":
                conn.connection.driver_connection.create_function("md5", 1, _md5, deterministic=True)
            text = sa.text(statement)
            conn.execute(text.bindparams(joined) if "joined_on" in text._bindparams else text, given)  # noqa: SLF001
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")
    worlds.tidy(engine)
    engine.dispose()
    return folder


def quieten(folder: Path) -> None:
    """Take today's greeting away and put the campaigns there that run all year; the ledger is emptied."""
    directory = folder / "campaigns"
    (directory / "today.yaml").unlink()
    for name, text in QUIET.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    services = worlds.open_folder(folder)
    assert not services.campaigns.problems, services.campaigns.problems
    worlds.unplan(services.engine)
    services.engine.dispose()


@contextmanager
def big_world(count: int, *, url: str = "") -> Iterator[Path]:
    """Make a big world and remove it afterwards."""
    folder = make_big(count, url=url)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
