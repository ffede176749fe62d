"""A believable small world for benchmarks: customers who may be greeted at this very minute, and what they are owed."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from care.base.clock import SystemClock
from care.base.database import open_engine, to_micros, write
from care.base.ids import household_draw, keyed_hash
from care.base.keys import Keys
from care.base.settings import Settings, load_settings
from care.bootstrap import Services
from care.customers.tables import consent_now, contact_point, customer
from care.migrations.schema import full_metadata

ROOT = Path(__file__).resolve().parents[1]
KEYS = Keys(secret=b"benchmark secret, thirty-two bytes.", suppression=b"benchmark suppression key, 32 bytes")
CAMPAIGN = """\
id: bench
name: bench
purpose: greeting
audience: everyone
occasion: {{kind: birthday, at: "{at}"}}
channels: [{channel}]
template: birthday
use_within: 20h
"""


def zone_where_it_is_noon(now: datetime) -> str:
    """Return the fixed zone whose clock shows 12:xx, so that contact windows are open whenever we measure."""
    ahead = 12 - now.astimezone(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@contextmanager
def world(*, channel: str = "sms", url: str = "", settings: dict[str, str] | None = None) -> Iterator[Services]:
    """Yield services on an empty database of their own, with one campaign."""
    folder = Path(tempfile.mkdtemp(prefix="care-bench-"))
    try:
        (folder / "campaigns").mkdir()
        (folder / "campaigns" / "segments.yaml").write_text("")
        (folder / "campaigns" / "bench.yaml").write_text(CAMPAIGN.format(channel=channel, at="12:00"))
        env = {
            "CARE_DATABASE__URL": url or f"sqlite:///{folder / 'care.db'}",
            "CARE_PATHS__CAMPAIGNS": str(folder / "campaigns"),
            "CARE_PATHS__TEMPLATES": str(ROOT / "templates" / "messages"),
            "CARE_LIMITS__INTERNATIONAL_PER_DAY": "100000000",
            "CARE_SECURITY__SECRET_KEY": KEYS.secret.decode(),
            "CARE_SECURITY__SUPPRESSION_KEY": KEYS.suppression.decode(),
            "CARE_SMS__RATE_PER_SECOND": "1000000",
            "CARE_EMAIL__RATE_PER_SECOND": "1000000",
            **(settings or {}),
        }
        loaded: Settings = load_settings(env, directory=folder)
        services = Services(settings=loaded, clock=SystemClock(), root=folder)
        engine = open_engine(loaded.database.url)
        with write(engine) as conn:
            full_metadata().drop_all(conn)
            full_metadata().create_all(conn)
        services.__dict__["engine"] = engine
        yield services
        engine.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def add_customers(
    services: Services, count: int, *, channel: str = "sms", start: int = 0, due_today: bool = True
) -> None:
    """Write customers with consent and one contact; their birthday is today where it is noon, or in half a year."""
    now = services.clock.now()
    zone = zone_where_it_is_noon(now)
    from zoneinfo import ZoneInfo

    today = now.astimezone(ZoneInfo(zone)).date()
    day = today if due_today else today + timedelta(days=180)
    at = now - timedelta(days=1)
    for first in range(start, start + count, 20_000):
        ids = range(first + 1, min(first + 20_000, start + count) + 1)
        with write(services.engine) as conn:
            conn.execute(sa.insert(customer), [_customer(i, zone, day.month * 100 + day.day, at) for i in ids])
            conn.execute(sa.insert(contact_point), [_contact(i, channel, at) for i in ids])
            conn.execute(
                sa.insert(consent_now),
                [{"customer_id": i, "purpose": "greeting", "channel": channel, "given": True, "at": at} for i in ids],
            )


def _customer(i: int, zone: str, mmdd: int, at: datetime) -> dict[str, object]:
    return {
        "id": i,
        "external_id": f"C{i:08d}",
        "name": "Ann Lee",
        "salutation": "",
        "locale": "en",
        "country": "GB",
        "timezone": zone,
        "birth_mmdd": mmdd,
        "monthly_spend_minor": i * 7919 % 100_000,
        "attributes": {},
        "draw": household_draw(str(i)),
        "created_at": at,
        "updated_at": at,
    }


def _contact(i: int, channel: str, at: datetime) -> dict[str, object]:
    address = f"+4474{i:08d}" if channel == "sms" else f"c{i:08d}@example.com"
    return {
        "customer_id": i,
        "channel": channel,
        "address": address,
        "address_hash": keyed_hash(KEYS.suppression, f"{channel}:{address}"),
        "updated_at": at,
    }


def plan_now(services: Services) -> int:
    """Plan what is due and make it due this minute; return how many messages wait."""
    from care.messages.tables import message
    from care.planning.run import plan_all

    now = services.clock.now()
    plan_all(services.engine, list(services.campaigns), rules=services.planning_rules, now=now, ahead=timedelta(0))
    with write(services.engine) as conn:
        conn.execute(
            sa.update(message).values(wake_at=now, status="planned", reason=None, use_by=now + timedelta(hours=9))
        )
        return int(conn.execute(sa.select(sa.func.count()).select_from(message)).scalar_one())


def make_due_again(services: Services) -> None:
    """Forget what was sent, so that the same world can be measured again."""
    from care.messages.tables import attempt, contact_claim, message, move, receipt

    with write(services.engine) as conn:
        for table in (receipt, attempt, contact_claim, move):
            conn.execute(sa.delete(table))
        past = to_micros(services.clock.now())
        conn.execute(
            sa.update(message).values(
                status="planned", attempts=0, sent_at=None, lease_owner=None, lease_until=None, reason=None
            )
        )
        conn.exec_driver_sql(f"UPDATE message SET wake_at = {past}")


def fast_loop() -> object:
    """Return the event loop that the product itself uses where it can."""
    import uvloop

    return uvloop.Loop if not os.environ.get("CARE_BENCH_PLAIN_LOOP") else asyncio.SelectorEventLoop
