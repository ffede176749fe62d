"""Large greetings are due over a stretch of time."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.messages.tables import message
from care.planning.spreading import stretch_for
from care.policy.windows import contact_window, is_open
from tests.factories import make_customer
from tests.house import BIRTHDAY, House
from tests.reports.ledger import make_attempt, make_message

TEN = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)  # in Shanghai
SPREAD = BIRTHDAY + "spread: 30m\n"


def born_today(house: House, count: int, **fields: object) -> None:
    fields = {"consents": ("greeting", "offer"), "birth_mmdd": 925, **fields}
    with write(house.engine) as conn:
        for _ in range(count):
            make_customer(conn, **fields)


def set_rate(house: House, parts_per_second: float) -> None:
    settings = house.services.settings
    sms = settings.sms.model_copy(update={"rate_per_second": parts_per_second})
    house.services.settings = settings.model_copy(update={"sms": sms})


def due_times(house: House) -> dict[int, datetime]:
    return {row.customer_id: row.due_at for row in house.messages()}


class TestAStretch:
    def test_holds_every_due_time_and_is_used_evenly(self, house: House) -> None:
        """Sixty over half an hour: none before ten, none after half past, about as many in each third."""
        house.write_campaign(SPREAD)
        born_today(house, 60)
        house.plan()
        times = sorted(due_times(house).values())
        assert TEN <= times[0] < times[-1] < TEN + timedelta(minutes=30)
        thirds = [sum((at - TEN) // timedelta(minutes=10) == n for at in times) for n in range(3)]
        assert min(thirds) >= 8

    def test_leaves_the_end_of_use_and_the_keys_alone(self, house: House) -> None:
        """Everybody's message is stale at six, whenever it was due."""
        house.write_campaign(SPREAD)
        born_today(house, 20)
        house.plan()
        assert {row.use_by for row in house.messages()} == {TEN + timedelta(hours=8)}
        assert {row.wake_at == row.due_at for row in house.messages()} == {True}
        assert {row.occasion for row in house.messages()} == {"birthday:solar-2026"}

    def test_is_the_same_when_planned_again(self, house: House) -> None:
        """Forgotten and planned anew, everybody has the same hour; newcomers move nobody."""
        house.write_campaign(SPREAD)
        born_today(house, 40)
        house.plan()
        first = due_times(house)
        with write(house.engine) as conn:
            conn.execute(sa.delete(message))
            conn.execute(sa.text("DELETE FROM planned_day"))
        born_today(house, 5)
        house.plan()
        again = due_times(house)
        assert len(set(first.values())) > 30
        assert {who: again[who] for who in first} == first

    def test_keeps_a_household_together(self, house: House) -> None:
        """Two on one phone are due at one instant, so the phone is told once, by either."""
        house.write_campaign(SPREAD)
        born_today(house, 2, phone="+8613912345678")
        house.plan()
        assert len(set(due_times(house).values())) == 1

    def test_never_leaves_the_contact_hours(self, house: House) -> None:
        """Due at six, greeted from nine on; due at 19:30, done by 20:00, with time to leave."""
        born_today(house, 30)
        born_today(house, 30, country="US", timezone="America/New_York", area="FL")
        policies = house.services.policies
        for hour in ("06:00", "19:30"):
            house.clock.set(datetime(2026, 9, 24, 18, 0, tzinfo=UTC))
            name = f"at{hour[:2]}"
            text = BIRTHDAY.replace("10:00", hour).replace("name: birthday", f"name: {name}")
            house.write_campaign(text.replace("id: birthday", f"id: {name}") + "spread: 2h\n", name)
        house.plan(ahead=timedelta(hours=12))
        with read(house.engine) as conn:
            rows = conn.execute(
                sa.select(
                    message.c.due_at, message.c.use_by, message.c.purpose, customer.c.country, customer.c.timezone
                )
                .join(customer, customer.c.id == message.c.customer_id)
                .where(message.c.status == "planned")
            ).all()
        assert len(rows) == 120
        for row in rows:
            windows = contact_window(policies.country(row.country), "greeting")
            assert is_open(windows, (row.timezone,), row.due_at)
            assert row.due_at < row.use_by

    def test_never_outlasts_the_use(self, house: House) -> None:
        """Of use for an hour: the last is due with some minutes left."""
        house.write_campaign(BIRTHDAY.replace("8h", "1h") + "spread: 59m\n")
        born_today(house, 40)
        house.plan()
        assert max(due_times(house).values()) <= TEN + timedelta(minutes=54)

    def test_is_shown_by_nothing_for_notices(self, house: House) -> None:
        """A notice goes as soon as it may, however many there are."""
        set_rate(house, 0.05)
        house.write_campaign(BIRTHDAY.replace("purpose: greeting", "purpose: service"))
        born_today(house, 60)
        house.plan()
        assert set(due_times(house).values()) == {TEN}


class TestByItself:
    def test_a_large_greeting_takes_the_time_its_rate_needs(self, house: House) -> None:
        """Sixty at three a minute are 22 minutes of nine tenths: spread over forty."""
        set_rate(house, 0.05)
        house.write_campaign()
        born_today(house, 60)
        house.plan()
        times = due_times(house).values()
        assert TEN + timedelta(minutes=20) < max(times) < TEN + timedelta(minutes=40)

    def test_a_small_one_stays_at_its_hour(self, house: House) -> None:
        """Fifteen are sent within five minutes."""
        set_rate(house, 0.05)
        house.write_campaign()
        born_today(house, 15)
        house.plan()
        assert set(due_times(house).values()) == {TEN}

    @pytest.mark.parametrize(("count", "most"), [(7, 0), (8, 10), (60, 80)])
    def test_is_counted_in_parts(self, house: House, count: int, most: int) -> None:
        """Where messages had two parts of late, as Chinese ones do, half as many take as long."""
        with write(house.engine) as conn:
            for _ in range(5):
                make_attempt(conn, make_message(conn, status="delivered"), parts=2)
        set_rate(house, 0.05)
        house.write_campaign()
        born_today(house, count)
        house.plan()
        last = max(row.due_at for row in house.messages(status="planned"))
        assert TEN + timedelta(minutes=most) / 2 <= last <= TEN + timedelta(minutes=most)

    def test_may_be_switched_off(self, house: House) -> None:
        """Whoever wants everybody at ten says so."""
        set_rate(house, 0.05)
        house.write_campaign(BIRTHDAY + "spread: off\n")
        born_today(house, 60)
        house.plan()
        assert set(due_times(house).values()) == {TEN}

    @pytest.mark.parametrize(
        ("count", "rate", "minutes"), [(5_400, 10, 10), (5_401, 10, 20), (1_000_000, 100, 320), (10**9, 1, 640)]
    )
    def test_grows_in_coarse_steps(self, count: int, rate: float, minutes: int) -> None:
        """So that one customer more moves nobody's hour."""
        assert stretch_for(count, rate) == timedelta(minutes=minutes)


class TestACampaignFile:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (BIRTHDAY.replace("purpose: greeting", "purpose: service") + "spread: 30m\n", "only greetings and offers"),
            (BIRTHDAY + "spread: 8h\n", "as long as 'use_within'"),
            (BIRTHDAY + "spread: soon\n", "is not a duration"),
        ],
    )
    def test_with_a_wrong_spread_is_told_its_line(self, house: House, text: str, problem: str) -> None:
        """The file stops itself, at the place of the mistake."""
        house.write_campaign(text)
        (found,) = house.services.campaigns.problems
        assert problem in str(found)
        assert found.line == 9

    def test_with_another_spread_is_another_version(self, house: House) -> None:
        """What is planned gets its new hours."""
        house.write_campaign(SPREAD)
        born_today(house, 20)
        house.plan()
        before = due_times(house)
        house.write_campaign(BIRTHDAY + "spread: off\n")
        house.plan()
        assert set(before.values()) != set(due_times(house).values()) == {TEN}
