"""Services over a test's own database, and the small deeds that inbound and web tests share."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from care.base.clock import Clock
from care.base.database import write
from care.base.settings import Settings
from care.base.vocabulary import Purpose
from care.bootstrap import Services
from care.customers.tables import consent_now, contact_point, customer
from care.delivery.dispatcher import Dispatcher
from care.delivery.registry import outbox_dir
from care.inbound.store import store_webhooks
from care.inbound.twilio import inbound_row, status_row
from care.messages.tables import attempt, message
from tests.factories import SUPPRESSION_KEY, address_hash

ROOT = Path(__file__).parents[2]
TOKEN = "the account's token"
PUBLIC_URL = "https://care.example.com"
_numbers = itertools.count(1)


def open_house(engine: sa.Engine, clock: Clock, root: Path, **tables: Mapping[str, Any]) -> Services:
    """Services with the shipped templates and the campaign `greeting`; `tables` are laid over the settings."""
    (root / "campaigns").mkdir(exist_ok=True)
    (root / "campaigns" / "segments.yaml").write_text("all_customers:\n  status: {equals: active}\n")
    (root / "campaigns" / "greeting.yaml").write_text(
        "id: greeting\nname: greeting\ntitle: {en: Greeting}\nowner: care\npurpose: greeting\naudience: all_customers\n"
        "occasion: {kind: date, on: 2026-09-25, at: '10:00'}\nchannels: [sms]\ntemplate: mid_autumn\nuse_within: 8h\n"
    )
    given: dict[str, Any] = {
        "database": {"url": f"sqlite:///{root / 'care.db'}"},
        "operator": {"public_url": PUBLIC_URL, "country": "CN", "timezone": "Asia/Shanghai"},
        "paths": {"templates": ROOT / "templates" / "messages"},
        "sms": {"rate_per_second": 10_000},
        "twilio": {"auth_token": TOKEN},
        "security": {"secret_key": "s" * 40, "suppression_key": SUPPRESSION_KEY.decode()},
        "web": {"port": 0},
    }
    for name, table in tables.items():
        given[name] = {**given.get(name, {}), **table}
    services = Services(settings=Settings.model_validate(given), clock=clock, root=root)
    services.__dict__["unchecked_engine"] = engine
    return services


def new_sid(prefix: str = "SM") -> str:
    return f"{prefix}{next(_numbers):032x}"


def inbound_form(sender: str, body: str, **more: str) -> dict[str, str]:
    """What Twilio posts when `sender` writes `body`, empty fields and all."""
    sid = new_sid()
    return {
        "ToCountry": "CN",
        "ToState": "",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "FromZip": "",
        "Body": body,
        "To": "+8610690000",
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": "AC" + "0" * 32,
        "From": sender,
        "ApiVersion": "2010-04-01",
        **more,
    }


def status_form(sid: str, status: str, error: str = "") -> dict[str, str]:
    """What Twilio posts when a message of ours moved on."""
    form = {"AccountSid": "AC" + "0" * 32, "From": "+1", "To": "+2", "MessageSid": sid, "MessageStatus": status}
    return {**form, "ErrorCode": error} if error else form


def hear(services: Services, sender: str, body: str, **more: str) -> None:
    """Let a customer write, as far as the inbox table."""
    hear_all(services, [inbound_form(sender, body, **more)])


def hear_all(services: Services, forms: list[dict[str, str]]) -> None:
    """Let many customers write."""
    with write(services.engine) as conn:
        store_webhooks(conn, [inbound_row(form, now=services.clock.now()) for form in forms])


def tell(services: Services, token: str, sid: str, status: str, error: str = "") -> None:
    """Let the provider report, as far as the inbox table."""
    with write(services.engine) as conn:
        row = status_row(status_form(sid, status, error), token=token, now=services.clock.now())
        store_webhooks(conn, [row])


def make_message(conn: sa.Connection, *, customer_id: int, now: datetime, **fields: Any) -> int:
    """Insert a greeting that is due now and return its id."""
    lane = Purpose(fields.get("purpose", "greeting")).lane
    row = {**_greeting(customer_id, now), "lane": lane, **fields}
    return int(conn.execute(sa.insert(message).values(row).returning(message.c.id)).scalar_one())


def make_many(conn: sa.Connection, phones: Sequence[str], *, now: datetime) -> None:
    """Insert customers who agreed to greetings by SMS, each with a greeting that is due, in a few statements."""
    ids = range(1, len(phones) + 1)
    people = [
        {"id": i, "external_id": f"M{i}", "country": "CN", "timezone": "Asia/Shanghai", "locale": "zh-CN", "draw": i}
        | {"name": "王小明", "created_at": now, "updated_at": now, "attributes": {}}
        for i in ids
    ]
    conn.execute(sa.insert(customer), people)
    contacts = [
        {"customer_id": i, "channel": "sms", "address": phone, "address_hash": address_hash("sms", phone)}
        | {"updated_at": now}
        for i, phone in zip(ids, phones, strict=True)
    ]
    conn.execute(sa.insert(contact_point), contacts)
    word = {"purpose": "greeting", "channel": "sms", "given": True, "at": now}
    conn.execute(sa.insert(consent_now), [{"customer_id": i, **word} for i in ids])
    conn.execute(sa.insert(message), [_greeting(i, now) for i in ids])


def _greeting(customer_id: int, now: datetime) -> dict[str, Any]:
    return {
        "campaign_id": "greeting",
        "occasion": f"date:{next(_numbers)}",
        "customer_id": customer_id,
        "occasion_on": now.date(),
        "purpose": "greeting",
        "lane": Purpose.GREETING.lane,
        "status": "planned",
        "due_at": now,
        "use_by": now + timedelta(hours=6),
        "wake_at": now,
        "plan_digest": "x",
        "planned_at": now,
        "status_at": now,
    }


def make_attempt(conn: sa.Connection, *, message_id: int, phone: str, now: datetime, **fields: Any) -> str:
    """Insert an attempt that the provider took and return its token."""
    token = f"token-{next(_numbers):08d}"
    row = {
        "message_id": message_id,
        "n": 1,
        "token": token,
        "channel": "sms",
        "provider": "twilio",
        "address_hash": address_hash("sms", phone),
        "parts": 1,
        "body_digest": "x",
        "incarnation": 1,
        "outcome": "accepted",
        "intent_at": now,
        **fields,
    }
    conn.execute(sa.insert(attempt).values(row))
    return token


def dispatch(services: Services) -> int:
    """Send everything that is due; return how many messages were handed over."""
    return asyncio.run(Dispatcher(services.work(sole=True)).run(asyncio.Event(), until_idle=True))


def outbox(services: Services) -> list[dict[str, Any]]:
    """What the sandbox would have sent as SMS."""
    path = outbox_dir(services.settings) / "sms.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
