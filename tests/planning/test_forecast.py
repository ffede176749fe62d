"""The plan says what the planner then writes, to the row, and writes nothing itself."""

import hashlib
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.customers.tables import customer
from care.messages.model import MessageStatus
from care.planning.cost import Pricing
from care.reports.plan import make_plan
from care.reports.plan_days import Plan
from tests.factories import make_customer, make_subscription, make_suppression
from tests.house import BIRTHDAY, ROOT, House

DAYS = 14
TODAY = date(2026, 9, 25)


def plan_of(house: House, *, days: int = DAYS, exact_rates: float = 10, **more) -> Plan:
    services = house.services
    operator = services.settings.operator
    pricing = Pricing(
        renderer=services.renderer,
        locale=operator.locale,
        timezone=operator.timezone,
        currency=operator.currency,
        prices={},
        country_of=lambda _number, country: country,
        home=operator.country,
    )
    with read(house.engine) as conn:
        return make_plan(
            conn,
            list(services.campaigns),
            rules=services.planning_rules,
            pricing=pricing,
            rates={Channel.SMS: exact_rates, Channel.EMAIL: exact_rates},
            now=house.clock.now(),
            today=TODAY,
            days=days,
            **more,
        )


def shipped_campaigns(house: House) -> None:
    for path in sorted((ROOT / "campaigns").glob("*.yaml")):
        (house.folder / "campaigns" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    house.services.shelf.refresh()
    house.services.campaigns.require_sound()


def some_customers(house: House, count: int = 40) -> None:
    zones = ["Asia/Shanghai", "America/New_York", None]
    with write(house.engine) as conn:
        for n in range(count):
            who = make_customer(
                conn,
                phone=f"+86137000{n:05d}" if n % 7 else None,
                email=f"p{n}@example.com" if n % 3 == 0 else None,
                consents=("greeting", "offer") if n % 4 else (),
                birth_mmdd=(9 + n % 2) * 100 + 1 + n % 28,
                joined_on=date(2016 + n % 10, 9 + n % 2, 1 + n % 28),
                timezone=zones[n % 3] if n % 5 else "Asia/Shanghai",
                monthly_spend_minor=n * 1000,
                key_account=n % 6 == 0,
                deceased=n % 11 == 0,
            )
            if n % 2:
                make_subscription(conn, customer_id=who, ends_on=TODAY + timedelta(days=n))
        make_suppression(conn, address="+8613700000005")


def written(house: House) -> Counter[tuple[str, date, str, str, str]]:
    return Counter(
        (row.campaign_id, row.occasion_on, row.leg, row.status, row.reason or "") for row in house.messages()
    )


def said(plan: Plan) -> Counter[tuple[str, date, str, str, str]]:
    found: Counter[tuple[str, date, str, str, str]] = Counter()
    for cell in plan.cells:
        key = (cell.owed.campaign.id, cell.owed.occasion_on, cell.owed.leg, str(cell.status), cell.reason or "")
        found[key] += cell.count
    return found


class TestThePlan:
    def test_says_what_is_then_written(self, house: House) -> None:
        """All shipped campaigns, two weeks, three kinds of zone: the same rows with the same reasons."""
        shipped_campaigns(house)
        some_customers(house)
        plan = plan_of(house)
        house.plan(ahead=timedelta(days=DAYS - 1))
        assert said(plan) == written(house)
        assert plan.new == len(house.messages()) > 10

    def test_says_nothing_new_after_planning(self, house: House) -> None:
        """What it knows is told apart from what would be added."""
        shipped_campaigns(house)
        some_customers(house)
        house.plan(ahead=timedelta(days=9))
        before = len(house.messages())
        plan = plan_of(house)
        assert sum(day.qualify - day.new for day in plan.days) == before
        house.plan(ahead=timedelta(days=DAYS - 1))
        assert plan.new == len(house.messages()) - before
        assert plan_of(house).new == 0

    def test_writes_nothing(self, tmp_path: Path, sqlite_engine: sa.Engine, clock) -> None:
        """Not a byte of the database changes."""
        from tests.house import build_house

        house = build_house(tmp_path, sqlite_engine, clock)
        shipped_campaigns(house)
        some_customers(house)
        with sqlite_engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        file = tmp_path / "care.db"
        before = hashlib.sha256(file.read_bytes()).hexdigest()
        assert plan_of(house).new
        with sqlite_engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == before

    def test_splits_by_the_channel_tried_first(self, house: House) -> None:
        """An address that is silenced is passed over."""
        house.write_campaign()
        house.clock.advance(timedelta(hours=-1))
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
            make_customer(conn, phone=None, email="a@example.com", consents=("greeting",), birth_mmdd=925)
            make_customer(conn, phone="+8613711111111", email="b@example.com", consents=("greeting",), birth_mmdd=925)
            make_suppression(conn, address="+8613711111111")
        (day,) = plan_of(house, days=1).days
        assert day.to_send == {Channel.SMS: 1, Channel.EMAIL: 2}
        assert (day.tally.recipients, day.tally.rendered, day.tally.is_exact) == (1, 1, True)


class TestTheDifference:
    def test_shows_what_an_edit_changes_and_cancels(self, house: House) -> None:
        """Before it happens; the next round of planning does just that."""
        house.clock.advance(timedelta(hours=-2))
        house.write_campaign()
        with write(house.engine) as conn:
            for area in ("north", "north", "south"):
                make_customer(conn, consents=("greeting",), birth_mmdd=925, area=area)
        house.plan()
        house.write_campaign(BIRTHDAY.replace("everyone", "{area: {equals: north}}"))
        plan = plan_of(house, days=2)
        assert [(day.new, day.changed) for day in plan.days] == [(0, 2)]
        assert [(one.campaign_id, one.count, one.reason) for one in plan.withdrawals] == [
            ("birthday", 1, "no longer due after an edit")
        ]
        run = house.plan()
        assert (run.updated, run.cancelled) == (2, 1)

    def test_shows_what_a_removed_file_withdraws(self, house: House) -> None:
        """Unless it may merely be broken."""
        house.clock.advance(timedelta(hours=-2))
        house.write_campaign()
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
        house.plan()
        house.remove_campaign()
        assert [(one.count, one.reason) for one in plan_of(house, days=2).withdrawals] == [(1, "its file is gone")]
        assert list(plan_of(house, days=2, keep={"birthday"}).withdrawals) == []


class TestTheSchedule:
    def crowd(self, house: House, count: int, use_within: str) -> None:
        house.clock.advance(timedelta(hours=-1))
        house.write_campaign(BIRTHDAY.replace("8h", use_within))
        with write(house.engine) as conn:
            for _ in range(count):
                make_customer(conn, consents=("greeting",), birth_mmdd=925)

    def test_has_start_finish_and_margin(self, house: House) -> None:
        """120 messages of one part at a tenth of a part a second are twenty minutes."""
        self.crowd(house, 120, "8h")
        (day,) = plan_of(house, days=1, exact_rates=0.1).days
        begin = house.clock.now() + timedelta(hours=1)
        assert (day.start, day.finish) == (begin, begin + timedelta(minutes=20))
        assert (day.margin, day.too_late) == (timedelta(hours=7, minutes=40), 0)

    def test_tells_for_how_many_there_is_no_time(self, house: House) -> None:
        """Ten minutes of use for twenty minutes' work."""
        self.crowd(house, 120, "10m")
        (day,) = plan_of(house, days=1, exact_rates=0.1).days
        assert day.too_late == 60

    def test_waits_for_allowed_hours(self, house: House) -> None:
        """Due at seven, written from nine on."""
        house.clock.advance(timedelta(hours=-8))
        house.write_campaign(BIRTHDAY.replace("10:00", "07:00"))
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
        (day,) = plan_of(house, days=1).days
        assert day.start is not None
        assert day.start.isoformat() == "2026-09-25T01:00:00+00:00"


class TestPartsAndCost:
    @pytest.mark.parametrize("exact_up_to", [10_000, 100])
    def test_are_exact_or_reckoned_from_a_sample(self, house: House, exact_up_to: int, monkeypatch) -> None:
        """The sample comes within a few percent and says that it is one."""
        monkeypatch.setattr("care.reports.plan.sampling", _sampling(exact_up_to))
        house.clock.advance(timedelta(hours=-1))
        house.write_campaign()
        with write(house.engine) as conn:
            for n in range(600):
                words = "尊敬的" * (12 if n % 2 else 1)
                make_customer(conn, consents=("greeting",), birth_mmdd=925, salutation=words)
        tally = plan_of(house, days=1).tally
        assert tally.recipients == 600
        assert tally.is_exact is (exact_up_to == 10_000)
        if tally.is_exact:
            assert tally.parts == 900  # half are one part, half are two
        else:
            assert tally.rendered < 250
            assert tally.parts == pytest.approx(900, rel=0.12)

    def test_are_of_those_who_are_still_to_be_told(self, house: House) -> None:
        """Whoever has got theirs is neither rendered nor paid for again, so that every text means every text."""
        house.write_campaign()
        with write(house.engine) as conn:
            for words in ("王女士", "尊敬的" * 12):
                make_customer(conn, consents=("greeting",), birth_mmdd=925, salutation=words)
        house.plan()
        house.dispatch()
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925, salutation="李先生")
        tally = plan_of(house, days=1).tally
        assert (tally.recipients, tally.rendered, tally.parts) == (1, 1, 1)

    def test_name_templates_that_would_fail(self, house: House) -> None:
        """With how many customers would be skipped for it."""
        house.clock.advance(timedelta(hours=-1))
        house.write_campaign(BIRTHDAY.replace("template: birthday", "template: renewal_t30"))
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
        problems = plan_of(house, days=1).tally.problems
        assert list(problems.values()) == [1]
        assert next(iter(problems)).startswith("template renewal_t30/zh-CN: missing ")


def _sampling(exact_up_to: int):
    from care.planning.cost import sampling

    return lambda cells: sampling(cells, exact_up_to=exact_up_to)


def test_expired_ones_are_told_apart(house: House) -> None:
    """Due this morning, of no use any more."""
    house.clock.advance(timedelta(hours=9))
    house.write_campaign()
    with write(house.engine) as conn:
        make_customer(conn, consents=("greeting",), birth_mmdd=925)
        assert conn.execute(sa.select(sa.func.count()).select_from(customer)).scalar() == 1
    (day,) = plan_of(house, days=1).days
    assert day.by_status == {MessageStatus.EXPIRED: 1}
    assert day.skips == {"late": 1}
