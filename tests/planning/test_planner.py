"""From occasions to ledger rows."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.messages.tables import intended, message
from care.planning import planner
from tests.factories import make_consent, make_customer, make_suppression
from tests.house import BIRTHDAY, House

TODAY = 925  # the clock fixture stands on 25 September


def born_today(house: House, count: int = 1, **fields: object) -> list[int]:
    fields = {"consents": ("greeting",), "birth_mmdd": TODAY, **fields}
    with write(house.engine) as conn:
        return [make_customer(conn, **fields) for _ in range(count)]


def intended_total(house: House) -> int:
    with read(house.engine) as conn:
        return conn.execute(sa.select(sa.func.coalesce(sa.func.sum(intended.c.count), 0))).scalar_one()


class TestPlanning:
    def test_enters_everyone_who_is_owed_once(self, house: House) -> None:
        """A birthday today is planned for ten o'clock local time and expires eight hours later."""
        house.write_campaign()
        (who,) = born_today(house)
        born_today(house, birth_mmdd=1225)

        assert house.plan().planned == 1

        (row,) = house.messages()
        assert (row.customer_id, row.occasion, row.status) == (who, "birthday:solar-2026", "planned")
        assert row.due_at == datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
        assert row.use_by - row.due_at == timedelta(hours=8)

    def test_planning_twice_plans_nothing(self, house: House) -> None:
        """Also without the marks that spare the second look."""
        house.write_campaign()
        born_today(house, 3)
        assert house.plan().planned == 3

        assert house.plan().planned == 0
        with write(house.engine) as conn:
            conn.execute(sa.text("DELETE FROM planned_day"))
        assert house.plan().planned == 0
        assert intended_total(house) == 3

    def test_a_rename_sends_nothing_twice(self, house: House) -> None:
        """The id keys the ledger, the name may change."""
        house.write_campaign()
        born_today(house)
        house.plan()

        house.write_campaign(BIRTHDAY.replace("name: birthday", "name: best_wishes"))

        assert house.plan().planned == 0
        assert len(house.messages()) == 1

    def test_plans_each_zone_by_its_own_clock(self, house: House) -> None:
        """Ten o'clock is another instant in London, and it is still the 24th in Los Angeles."""
        house.write_campaign()
        born_today(house)
        born_today(house, timezone="Europe/London", country="GB")
        born_today(house, timezone="America/Los_Angeles", country="US", birth_mmdd=924)

        house.plan(ahead=timedelta(0))

        due = {row.due_at for row in house.messages()}
        assert due == {
            datetime(2026, 9, 25, 2, 0, tzinfo=UTC),
            datetime(2026, 9, 25, 9, 0, tzinfo=UTC),
            datetime(2026, 9, 24, 17, 0, tzinfo=UTC),
        }

    def test_a_zone_nobody_knows_is_planned_by_the_operators_clock(self, house: House) -> None:
        """The contact windows of all possible zones are left to the moment of sending."""
        house.write_campaign()
        born_today(house, timezone=None)

        house.plan()

        assert house.messages()[0].due_at == datetime(2026, 9, 25, 2, 0, tzinfo=UTC)

    def test_a_zone_that_is_none_stops_nobody_else(self, house: House) -> None:
        """A name no clock goes by counts as unknown: planned by the operator's, and the others as ever."""
        house.write_campaign()
        born_today(house)
        born_today(house, timezone="Nowhere/City")

        assert house.plan().planned == 2
        assert {row.due_at for row in house.messages()} == {datetime(2026, 9, 25, 2, 0, tzinfo=UTC)}
        assert house.dispatch() == 2

    def test_those_who_may_not_be_sent_get_a_row_with_the_reason(self, house: House) -> None:
        """Every reason is named; nobody just vanishes."""
        house.write_campaign()
        born_today(house)
        born_today(house, phone=None)
        born_today(house, consents=())
        born_today(house, deceased=True)
        born_today(house, minor=True)
        born_today(house, phone="+8613912345678")
        with write(house.engine) as conn:
            make_suppression(conn, address="+8613912345678", scope="marketing_and_survey")
            refused = make_customer(conn, birth_mmdd=TODAY)
            for channel in ("sms", "email"):
                make_consent(conn, customer_id=refused, channel=channel, given=False)

        house.plan()

        assert house.statuses() == {
            "planned": 1,
            "skipped: no_contact": 1,
            "skipped: no_consent": 2,
            "skipped: deceased": 1,
            "skipped: minor": 1,
            "skipped: suppressed:opt_out": 1,
        }
        assert intended_total(house) == 7

    def test_whoever_left_qualifies_for_nothing(self, house: House) -> None:
        """Not even a row: `care why` says that they left."""
        house.write_campaign()
        born_today(house, status="left")

        house.plan()

        assert house.messages() == []
        assert intended_total(house) == 0

    def test_an_email_reaches_whom_a_suppressed_phone_does_not(self, house: House) -> None:
        """One open channel of the campaign is enough."""
        house.write_campaign()
        born_today(house, phone="+8613912345678", email="a@example.com")
        with write(house.engine) as conn:
            make_suppression(conn, address="+8613912345678", scope="all")

        house.plan()

        assert house.statuses() == {"planned": 1}

    def test_holds_out_a_stable_share_of_households(self, house: House) -> None:
        """The same arithmetic in Python and in both databases decides who is held out."""
        from care.base.ids import group_position

        house.write_campaign(BIRTHDAY + "holdout: {share: 20%, group: wishes}\n")
        born_today(house, 200)
        house.plan()

        with read(house.engine) as conn:
            rows = conn.execute(
                sa.select(message.c.status, customer.c.draw).join(customer, customer.c.id == message.c.customer_id)
            ).all()
        held_out = {row.draw for row in rows if row.status == "skipped"}
        assert held_out == {row.draw for row in rows if group_position(row.draw, "wishes") < 0.2}
        assert 15 < len(held_out) < 70

    def test_what_comes_too_late_is_entered_as_expired(self, house: House) -> None:
        """A daemon that was down sends no stale wishes, and the books still tell."""
        house.write_campaign()
        born_today(house)
        house.clock.advance(timedelta(hours=9))

        house.plan()

        assert house.statuses() == {"expired: late": 1}

    def test_a_daemon_that_was_down_enters_what_it_missed(self, house: House) -> None:
        """From its last run on, and no further than two weeks."""
        house.write_campaign()
        born_today(house)
        house.clock.advance(timedelta(days=3))

        house.plan(last_run_at=house.clock.now() - timedelta(days=4))

        assert house.statuses() == {"expired: late": 1}

    def test_new_customers_are_found_although_the_day_was_settled(self, house: House) -> None:
        """The mark of a settled day is void when a customer came or changed."""
        house.write_campaign()
        born_today(house)
        house.plan()
        born_today(house)

        assert house.plan().planned == 1
        assert intended_total(house) == 2

    def test_large_sets_are_written_in_chunks_that_add_up(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Chunks of customer ids leave nobody out and nobody twice; the count is kept with each chunk."""
        monkeypatch.setattr(planner, "CHUNK", 7)
        house.write_campaign()
        born_today(house, 40)

        assert house.plan().planned == 40
        assert intended_total(house) == 40
        assert len({row.customer_id for row in house.messages()}) == 40

    def test_a_planner_killed_between_chunks_goes_on_where_it_stopped(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The ledger itself says what is missing; the count never runs ahead of the rows."""
        monkeypatch.setattr(planner, "CHUNK", 7)
        house.write_campaign()
        born_today(house, 40)
        real, calls = planner._plan_range, []

        def dies(*args: object) -> int:
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return real(*args)

        monkeypatch.setattr(planner, "_plan_range", dies)
        with pytest.raises(KeyboardInterrupt):
            house.plan()
        assert intended_total(house) == len(house.messages()) < 40

        monkeypatch.setattr(planner, "_plan_range", real)
        house.plan()
        assert intended_total(house) == len(house.messages()) == 40

    def test_one_leg_per_channel_where_a_campaign_sends_on_several_at_once(self, house: House) -> None:
        """Each leg has its own row, its own channel and its own reason."""
        house.write_campaign(BIRTHDAY + "on_every_channel: true\n")
        born_today(house)

        house.plan()

        assert [(row.leg, row.status, row.reason) for row in house.messages()] == [
            ("sms", "planned", None),
            ("email", "skipped", "no_contact"),
        ]


class TestDaylightSaving:
    @pytest.mark.parametrize(
        ("day", "hour_utc"), [(datetime(2026, 3, 28, tzinfo=UTC), 10), (datetime(2026, 3, 29, tzinfo=UTC), 9)]
    )
    def test_ten_o_clock_stays_ten_o_clock(self, house: House, day: datetime, hour_utc: int) -> None:
        """London's clocks go forward on 29 March 2026; the greeting's local hour does not move."""
        house.write_campaign()
        house.clock.set(day)
        born_today(house, timezone="Europe/London", country="GB", birth_mmdd=day.month * 100 + day.day)

        house.plan(ahead=timedelta(hours=12))

        assert house.messages()[0].due_at == day.replace(hour=hour_utc)
        assert house.plan(ahead=timedelta(hours=12)).planned == 0
