"""The explanation and the planner never differ: whoever is planned has no failed step, whoever is skipped has one."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.explain.answer import Kind, answer
from care.explain.loader import load_facts
from care.explain.snapshot import snapshot
from care.messages.tables import message
from tests.factories import make_consent, make_customer, make_suppression
from tests.house import BIRTHDAY, House

DAY = date(2026, 9, 26)
SEGMENTS = """\
loyal: {tenure_years: {at_least: 5}}
north: {area: {equals: north}}
"""
GREETING = BIRTHDAY.replace("everyone", "{any: [loyal, north]}") + "holdout: {share: 40%, group: g}\n"
STEP_OF = {
    "deceased": "person",
    "minor": "person",
    "hardship": "person",
    "no_contact": "contact",
    "no_consent": "consent",
    "suppressed": "suppression",
    "holdout": "holdout",
}


def strangers(conn: sa.Connection, dice: random.Random, count: int) -> list[int]:
    made = []
    for n in range(count):
        phone = dice.choice([None, f"+86137{dice.randint(0, 99999999):08d}"])
        email = dice.choice([None, f"x{n}-{dice.random()}@example.com"])
        fields: dict[str, Any] = {
            "birth_mmdd": dice.choice([926, 926, 926, 926, 926, 101]),
            "joined_on": date(dice.choice([2010, 2024]), 9, 26),
            "area": dice.choice(["north", "south", None]),
            "country": dice.choice(["CN", "US", "GB"]),
            "status": "left" if dice.random() < 0.1 else "active",
        }
        for flag in ("deceased", "minor", "hardship"):
            fields[flag] = dice.random() < 0.08
        who = make_customer(conn, phone=phone, email=email, **fields)
        made.append(who)
        for channel in ("sms", "email"):
            if dice.random() < 0.7:
                given = dice.random() < 0.8
                make_consent(conn, customer_id=who, purpose="greeting", channel=channel, given=given)
            if phone and dice.random() < 0.15:
                make_suppression(conn, address=phone, scope=dice.choice(["all", "survey", "marketing"]))
    return made


@pytest.mark.parametrize("seed", range(2))
def test_every_customer_is_explained_as_planned(house: House, seed: int) -> None:
    """Thirty strangers: planned, skipped with a reason, or not there at all, and why agrees about each."""
    (house.folder / "campaigns" / "segments.yaml").write_text(SEGMENTS, encoding="utf-8")
    house.write_campaign(GREETING)
    house.services.campaigns.require_sound()
    with write(house.engine) as conn:
        ids = strangers(conn, random.Random(seed), 30)
    rules, now = house.services.planning_rules, house.clock.now()
    campaign = house.services.campaigns.named("birthday")
    before = {who: explain(house, who) for who in ids}
    house.plan(ahead=timedelta(days=1))
    with read(house.engine) as conn:
        rows = {row.customer_id: row for row in conn.execute(sa.select(message))}
        assert rows
        for who in ids:
            check(before[who], rows.get(who))
            with snapshot(conn, who) as snap:
                after = answer(load_facts(conn, snap, campaign, day=DAY, rules=rules, now=now))
            assert (after.kind is Kind.MESSAGE) == (who in rows)


def explain(house: House, who: int):
    with read(house.engine) as conn, snapshot(conn, who) as snap:
        rules = house.services.planning_rules
        campaign = house.services.campaigns.named("birthday")
        return answer(load_facts(conn, snap, campaign, day=DAY, rules=rules, now=house.clock.now()))


def check(found, row) -> None:
    failed = [step.name for step in found.steps if not step.passed and not step.is_only_a_wait]
    if row is None:
        assert found.kind in (Kind.NOT_DUE, Kind.NEVER_QUALIFIED, Kind.FORBIDDEN), found
        assert {"occasion", "audience", "customer"} & set(failed), found
    elif row.status == "planned":
        assert (found.kind, failed) == (Kind.EXPECTED, []), found
    else:
        assert found.kind is Kind.FORBIDDEN, (found, row)
        assert failed[0] == STEP_OF[row.reason.partition(":")[0]], (found, row)


def test_the_past_is_the_present_when_nothing_changed(house: House) -> None:
    """A snapshot of this moment, rebuilt from change rows, is the record itself."""
    with write(house.engine) as conn:
        ids = strangers(conn, random.Random(9), 20)
    with read(house.engine) as conn:
        for who in ids:
            with snapshot(conn, who) as now, snapshot(conn, who, at=house.clock.now()) as then:
                ask = sa.select(customer)
                assert now.conn.execute(ask).one() == then.conn.execute(ask).one()
