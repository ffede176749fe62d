"""What counts for caps, held against a plain reading of every row; and that reading it stays cheap over the years."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import LANES
from care.delivery.history import AHEAD, Touches, history_of
from care.messages.tables import attempt, message
from care.policy.caps import LOOK_BACK
from tests.reports.index_use import steps_of

NOW = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
STATUSES = ("planned", "held", "sending", "accepted", "delivered", "unknown", "failed", "skipped", "cancelled")
OUTCOMES = ("intent", "accepted", "refused", "unknown", "abandoned")
PEOPLE, PHONES = range(1, 8), [f"{n:032}" for n in range(5)]


def _message(dice: random.Random, number: int) -> dict[str, Any]:
    status = dice.choice(STATUSES)
    wake_at = NOW + timedelta(hours=dice.randint(-60, 60))
    was_sent = status in ("accepted", "delivered") or dice.random() < 0.2
    purpose = dice.choice(LANES)
    return {
        "id": number,
        "campaign_id": "c",
        "occasion": f"o{number}",
        "customer_id": dice.choice(PEOPLE),
        "occasion_on": wake_at.date(),
        "purpose": str(purpose),
        "lane": purpose.lane,
        "status": status,
        "reason": "because" if status in ("held", "failed", "skipped", "cancelled") else None,
        "due_at": NOW - timedelta(days=50),
        "use_by": NOW + timedelta(hours=dice.randint(-5, 50)),
        "wake_at": wake_at,
        "lease_owner": 1 if status == "sending" else None,
        "plan_digest": "x",
        "planned_at": NOW,
        "status_at": NOW,
        "sent_at": NOW - timedelta(days=dice.randint(0, 40)) if was_sent else None,
        "delivered_at": NOW if status == "delivered" else None,
        "attempts": 0,
    }


def _attempt(dice: random.Random, message_id: int, n: int) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "n": n,
        "token": f"{message_id}-{n}",
        "channel": "sms",
        "provider": "sandbox",
        "address_hash": dice.choice(PHONES),
        "parts": 1,
        "body_digest": "d",
        "incarnation": 1,
        "outcome": dice.choice(OUTCOMES),
        "intent_at": NOW - timedelta(days=dice.randint(0, 40), seconds=1),
    }


def _fill(engine: sa.Engine, dice: random.Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    messages = [_message(dice, number) for number in range(1, 200)]
    attempts: list[dict[str, Any]] = []
    for owed in messages:
        owed["attempts"] = dice.choice((0, 1, 1, 2)) if owed["sent_at"] or owed["status"] != "skipped" else 0
        attempts += [_attempt(dice, owed["id"], n + 1) for n in range(owed["attempts"])]
    with write(engine) as conn:
        conn.execute(sa.insert(message), messages)
        conn.execute(sa.insert(attempt), attempts)
    return messages, attempts


def _plainly(
    messages: list[dict[str, Any]], attempts: list[dict[str, Any]], who: set[int], phones: set[str], lane: int
) -> tuple[dict[int, Touches], dict[str, Touches], dict[int, Touches]]:
    """Say the same with nothing but loops."""
    since = NOW - LOOK_BACK
    by_customer: dict[int, Touches] = {}
    by_address: dict[str, Touches] = {}
    coming: dict[int, Touches] = {}
    for owed in messages:
        mine, purpose = owed["customer_id"], LANES[owed["lane"]]
        tries = [a for a in attempts if a["message_id"] == owed["id"] and a["intent_at"] > since]
        if mine in who and owed["sent_at"]:
            if owed["sent_at"] > since:
                by_customer.setdefault(mine, {})[owed["id"]] = (owed["sent_at"], purpose)
        elif mine in who:
            for one in tries:
                if one["outcome"] in ("intent", "unknown"):
                    by_customer.setdefault(mine, {})[owed["id"]] = (one["intent_at"], purpose)
        for one in tries:
            if one["address_hash"] in phones and one["outcome"] in ("intent", "accepted", "unknown"):
                by_address.setdefault(one["address_hash"], {})[owed["id"]] = (one["intent_at"], purpose)
        waits = owed["status"] in ("planned", "held") and owed["wake_at"] <= NOW + AHEAD and owed["use_by"] > NOW
        long_ago = owed["sent_at"] and owed["sent_at"] <= since
        if mine in who and waits and owed["lane"] < lane and not long_ago:
            coming.setdefault(mine, {})[owed["id"]] = (max(owed["wake_at"], NOW), purpose)
    return by_customer, by_address, coming


def _which(touches: dict[Any, Touches]) -> dict[Any, dict[int, Any]]:
    """Drop the hour where several tries of one message leave it open which of them counts."""
    return {who: {number: purpose for number, (_, purpose) in found.items()} for who, found in touches.items()}


@pytest.mark.parametrize("seed", range(6))
def test_says_what_a_plain_reading_says(engine: sa.Engine, seed: int) -> None:
    """Whoever sent, on whatever channel, under whichever account that shares the phone."""
    dice = random.Random(seed)
    messages, attempts = _fill(engine, dice)
    who, phones = set(dice.sample(PEOPLE, 4)), set(dice.sample(PHONES, 2))

    with read(engine) as conn:
        found = history_of(conn, customers=who, address_hashes=phones, lane=4, now=NOW)

    by_customer, by_address, coming = _plainly(messages, attempts, who, phones, lane=4)
    assert all((by_customer, by_address, coming)), f"seed {seed} shows nothing"
    assert _which(found.by_customer) == _which(by_customer)
    assert _which(found.by_address) == _which(by_address)
    assert found.coming == coming


def test_reads_the_customers_own_rows_only(sqlite_engine: sa.Engine) -> None:
    """A notice to a million others that is about to go must not be read for each greeting."""

    def ask(conn: sa.Connection) -> None:
        history_of(conn, customers=[1], address_hashes=["h"], lane=5, now=NOW)

    steps = [step for step in steps_of(sqlite_engine, ask) if step.startswith(("SEARCH", "SCAN"))]
    of_tables = [step for step in steps if "json_each" not in step and step != "SCAN found"]  # the answer itself
    assert of_tables
    assert all("customer_id=?" in s or "address_hash=?" in s or "rowid=?" in s for s in of_tables), of_tables
