"""Believable small worlds for benchmarks: customers who may be greeted at this very minute, and what they are owed."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.clock import SystemClock
from care.base.database import open_engine, to_micros, write
from care.base.ids import household_draw, keyed_hash
from care.base.keys import Keys
from care.base.settings import load_settings
from care.bootstrap import Services
from care.customers.tables import consent_now, contact_point, customer
from care.delivery.journal_pages import ENDING
from care.messages.tables import attempt, campaign_known, contact_claim, intended, message, move, receipt
from care.migrations.schema import full_metadata
from care.migrations.upgrade import upgrade
from care.planning.tables import planned_day

ROOT = Path(__file__).resolve().parents[1]
KEYS = Keys(secret=b"benchmark secret, thirty-two bytes.", suppression=b"benchmark suppression key, 32 bytes")
CAMPAIGN = """\
id: bench
name: bench
purpose: greeting
audience: everyone
occasion: {{kind: birthday, at: "12:00"}}
channels: [{channel}]
template: birthday
use_within: 20h
"""
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def zone_where_it_is_noon(now: datetime) -> str:
    """Return the fixed zone whose clock shows 12:xx, so that contact windows are open whenever we measure."""
    ahead = 12 - now.astimezone(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def make_folder(campaigns: Mapping[str, str], settings: Mapping[str, str], *, url: str = "") -> Path:
    """Make a folder with campaign files and the settings of a world, and an empty database; return the folder."""
    folder = Path(tempfile.mkdtemp(prefix="care-bench-"))
    (folder / "campaigns").mkdir()
    (folder / "campaigns" / "segments.yaml").write_text("", encoding="utf-8")
    for name, text in campaigns.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")
    env = {
        "CARE_DATABASE__URL": url or f"sqlite:///{folder / 'care.db'}",
        "CARE_PATHS__CAMPAIGNS": str(folder / "campaigns"),
        "CARE_PATHS__TEMPLATES": str(ROOT / "templates" / "messages"),
        "CARE_LIMITS__INTERNATIONAL_PER_DAY": "100000000",
        "CARE_SECURITY__SECRET_KEY": KEYS.secret.decode(),
        "CARE_SECURITY__SUPPRESSION_KEY": KEYS.suppression.decode(),
        "CARE_SMS__RATE_PER_SECOND": "1000000",
        "CARE_EMAIL__RATE_PER_SECOND": "1000000",
        **settings,
    }
    (folder / "env.json").write_text(json.dumps(env), encoding="utf-8")
    engine = open_engine(env["CARE_DATABASE__URL"])
    with write(engine) as conn:
        full_metadata().drop_all(conn)
        conn.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    upgrade(engine)
    engine.dispose()
    return folder


def change_settings(folder: Path, settings: Mapping[str, str]) -> None:
    """Lay settings over those of a world."""
    file = folder / "env.json"
    env = json.loads(file.read_text(encoding="utf-8")) | dict(settings)
    file.write_text(json.dumps(env), encoding="utf-8")


def open_folder(folder: Path) -> Services:
    """Return services on a folder that was made; any process may."""
    env = json.loads((folder / "env.json").read_text(encoding="utf-8"))
    services = Services(settings=load_settings(env, directory=folder), clock=SystemClock(), root=folder)
    services.__dict__["engine"] = open_engine(services.settings.database.url)  # without asking for its version
    return services


@contextmanager
def world(*, channel: str = "sms", url: str = "", settings: dict[str, str] | None = None) -> Iterator[Services]:
    """Yield services on an empty database of their own, with one campaign."""
    folder = make_folder({"bench": CAMPAIGN.format(channel=channel)}, settings or {}, url=url)
    services = open_folder(folder)
    try:
        yield services
    finally:
        services.engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


def add_customers(services: Services, count: int, *, channel: str = "sms") -> None:
    """Write customers with consent and one contact; their birthday is today where it is noon."""
    now = services.clock.now()
    zone = zone_where_it_is_noon(now)
    day, at = now.astimezone(ZoneInfo(zone)).date(), now - timedelta(days=1)
    for first in range(1, count + 1, 20_000):
        ids = range(first, min(first + 20_000, count + 1))
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
    """Plan what is due today, make it due this minute, and return how many messages wait."""
    plan_today(services)
    return bring_forward(services)


def plan_today(services: Services) -> None:
    """Plan what is due today."""
    from care.planning.run import plan_all

    now = services.clock.now()
    plan_all(services.engine, list(services.campaigns), rules=services.planning_rules, now=now, ahead=timedelta(0))


def bring_forward(services: Services) -> int:
    """Make what is planned due this minute, and return how many messages that are."""
    now = services.clock.now()
    with write(services.engine) as conn:
        waiting = {"wake_at": now, "status": "planned", "reason": None, "use_by": now + timedelta(hours=9)}
        conn.execute(sa.update(message).values(**waiting))
        return int(conn.execute(sa.select(sa.func.count()).select_from(message)).scalar_one())


def make_due_again(services: Services) -> None:
    """Forget what was sent, so that the same world can be measured again."""
    again = {"status": "planned", "attempts": 0, "reason": None, "channel": None}
    nobody = {"sent_at": None, "delivered_at": None, "lease_owner": None, "lease_until": None}
    with write(services.engine) as conn:
        for table in (receipt, attempt, contact_claim, move):
            conn.execute(sa.delete(table))
        conn.execute(sa.update(message).values(**again, **nobody, wake_at=services.clock.now()))
    forget_journal(services)
    tidy(services.engine)


def forget_journal(services: Services) -> None:
    """Forget that anything was ever sent: else a database that does not know of it is taken for an old backup.

    The journal keeps its name, so that the database still knows it.
    """
    for page in (services.root / services.settings.journal_dir).glob(f"*{ENDING}"):
        page.unlink()


def unplan(engine: sa.Engine) -> None:
    """Empty the ledger."""
    with write(engine) as conn:
        for table in (receipt, attempt, contact_claim, move, message, intended, planned_day, campaign_known):
            if engine.dialect.name == "postgresql":
                conn.exec_driver_sql(f"TRUNCATE {table.name} CASCADE")
            else:
                conn.execute(sa.delete(table))
    tidy(engine)


def tidy(engine: sa.Engine) -> None:
    """Put the database's own chores behind it, so that they fall into nobody's time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        if engine.dialect.name == "postgresql":
            conn.exec_driver_sql("VACUUM ANALYZE message")
            conn.exec_driver_sql("CHECKPOINT")
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()


def count_messages(engine: sa.Engine, *where: sa.ColumnElement[bool]) -> int:
    """Return how many messages there are."""
    with engine.connect() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(message).where(*where)).scalar_one())


def micros(instant: datetime) -> int:
    """Return an instant as the tables hold it."""
    return to_micros(instant)


def fast_loop() -> LoopFactory:
    """Return the event loop that the product uses where it can."""
    import uvloop

    return uvloop.new_event_loop


def plain_loop() -> LoopFactory:
    """Return the standard library's event loop."""
    return asyncio.SelectorEventLoop
