"""Rows 13 and 14: clocks that jump, hours that do not exist or come twice, and people born on 29 February."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import open_engine, read, write
from care.base.vocabulary import Channel
from care.customers.tables import customer
from care.delivery.channels.base import Outgoing, Result
from care.messages.tables import message
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.conftest import lay_tables
from tests.delivery.test_dispatcher import Postbox
from tests.factories import make_customer
from tests.house import BIRTHDAY, House, build_house

ZONES = {"Asia/Shanghai": "CN", "Europe/London": "GB", "America/New_York": "US"}
TURNING = {"Australia/Lord_Howe": "AU", "Europe/London": "GB", "America/New_York": "US"}
EVENING = BIRTHDAY.replace("10:00", "19:00").replace("8h", "20h")
NIGHTLY = """\
id: nightly
name: nightly
purpose: greeting
audience: {area: {equals: south}}
occasion: {kind: every, cron: "30 2 * * *"}
channels: [sms]
template: birthday
use_within: 1h
"""
SUNDAY = 6
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JUMPS = (HOUR, -HOUR, DAY, -DAY)
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def small_house(tmp_path: Path) -> Iterator[House]:
    """A house on SQLite with a clock of its own."""
    engine = open_engine(f"sqlite:///{tmp_path / 'care.db'}")
    lay_tables(engine)
    yield build_house(tmp_path, engine, VirtualClock(datetime(2027, 6, 2, 12, tzinfo=UTC)))
    engine.dispose()


@dataclass(kw_only=True)
class Diary(Postbox):
    """A gateway that notes what the clock showed."""

    clock: VirtualClock
    told: list[tuple[str, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(Channel.SMS)

    async def send(self, outgoing: Outgoing) -> Result:
        self.told.append((outgoing.to, self.clock.now()))
        return await super().send(outgoing)


def settle(house: House, diary: Diary) -> None:
    """Plan and send as the daemon does at a tick."""
    house.plan()
    house.dispatch({Channel.SMS: diary, Channel.EMAIL: Postbox(Channel.EMAIL)})


class TestAClockThatJumps:
    def test_sends_nothing_early_nothing_at_night_and_nothing_twice(
        self, small_house: House, scale: Scale, dice: random.Random, figures: Figures
    ):
        """An hour on, an hour back, a day on, a day back, at any moment of days full of birthdays, until they are over."""
        house, jumps, seen_at = small_house, 0, list[datetime]()
        diary = Diary(clock=house.clock)
        people = enter_birthdays(house, date(2027, 6, 3), scale.of(8, 40))
        house.write_campaign(EVENING)
        begun = house.clock.now()
        for _ in range(scale.of(1, 5)):
            house.clock.set(begun)
            while house.clock.now() < begun + 10 * DAY:
                settle(house, diary)
                seen_at.append(house.clock.now())
                house.clock.advance(timedelta(minutes=dice.randint(5, 180)))
                if dice.random() < 0.15:
                    jumps += 1
                    house.clock.set(max(house.clock.now() + dice.choice(JUMPS), begun))
        early, night = hours_not_meant(diary, people)
        counts = Counter(to for to, _ in diary.told)
        twice = sum(count - 1 for count in counts.values())
        seen = f"{early} early, {night} at night, {twice} twice, {len(counts)} of {len(people)} told"
        figures.show(13, f"{jumps} jumps of the clock", "0 early, 0 at night, 0 twice", seen)
        assert (early, night, twice) == (0, 0, 0)
        assert set(counts) >= missed_by_no_jump(seen_at, people)
        assert {row.status for row in house.messages()} <= {"accepted", "expired", "planned", "held"}

    @pytest.mark.crash
    @pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed")
    def test_under_real_processes_sends_each_once(self, stage: SetStage, scale: Scale, figures: Figures):
        """The same with processes whose machine is an hour behind, an hour ahead and a day ahead."""
        people = scale.of(60, 600)

        def at(hands: str) -> dict[str, str]:
            return {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": hands}

        with stage(people, SMS__RATE_PER_SECOND="60") as stood:
            with stood.made.running("dispatch", CARE_SMS__RATE_PER_SECOND="10", **at("+0")) as running:
                stood.go_on(people // 4)
                running.process.terminate()
                assert running.process.wait(15) == 0
            taken = [len(stood.twilio.accepted())]
            for hands in ("-1h", "+1h", "+0", "+1d"):
                answer = stood.made.care("dispatch", "--until-idle", **at(hands))
                assert answer.code == 0, answer
                taken.append(len(stood.twilio.accepted()))
            found = stood.check()
        started, behind, *after = taken
        figures.show(13, "clock at +0, -1h, +1h, +0, +1d", "none early, all once", f"{taken}, {found}")
        assert 0 < started == behind < people
        assert after == [people] * 3


def hours_not_meant(diary: Diary, people: Mapping[str, tuple[str, date]]) -> tuple[int, int]:
    """Return how many were told before their hour, and how many at night, by the clock on their own wall."""
    early = night = 0
    for to, at in diary.told:
        zone, day = people[to]
        wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        early += wall < datetime.combine(day, time(19))
        night += not 8 <= wall.hour < 21
    return early, night


def missed_by_no_jump(seen_at: Iterable[datetime], people: Mapping[str, tuple[str, date]]) -> set[str]:
    """Return those of whose birthday evening the clock first showed a moment between seven and eight, on no Sunday.

    On their own wall: then every country of these allows a wish, but on Sundays Britain ends at six.
    Where it first stood later, the wish may have expired by then; setting the clock back does not bring it back.
    """
    hit = set()
    for number, (zone, day) in people.items():
        walls = (at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in seen_at)
        first = next((wall for wall in walls if wall >= datetime.combine(day, time(19))), None)
        if first is not None and first < datetime.combine(day, time(20)) and day.weekday() != SUNDAY:
            hit.add(number)
    return hit


def enter_birthdays(house: House, first: date, each: int) -> dict[str, tuple[str, date]]:
    """People in three zones who have their birthdays on the days that follow; return zone and day by number."""
    people: dict[str, tuple[str, date]] = {}
    numbers = {"CN": "+86139000{:05d}", "GB": "+447400{:06d}", "US": "+1202555{:04d}"}
    with write(house.engine) as conn:
        for zone, country in ZONES.items():
            for n in range(each):
                number, day = numbers[country].format(n), first + (n % 8) * DAY
                where = {"timezone": zone, "country": country, "locale": "zh-CN" if country == "CN" else "en"}
                born = {"birth_mmdd": day.month * 100 + day.day, "birth_year": 1990}
                make_customer(conn, phone=number, consents=("greeting",), **where, **born)
                people[number] = (zone, day)
    return people


def due_by_hand(day: date, zone: str) -> datetime:
    """Return the first quarter of an hour of a local day at which the wall shows 02:30 or later."""
    at = datetime.combine(day, time(0), UTC) - 15 * HOUR
    while True:
        wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if wall >= datetime.combine(day, time(2, 30)):
            return at
        at += timedelta(minutes=15)


ODD_DAYS = (
    date(2027, 3, 14),
    date(2027, 3, 28),
    date(2027, 4, 4),
    date(2027, 10, 3),
    date(2027, 10, 31),
    date(2027, 11, 7),
    date(2028, 2, 29),
    date(2029, 2, 28),
)
"""When a clock of these zones is set, or a leap day is kept."""


def moments(*, is_long: bool) -> list[datetime]:
    """Return every hour around the odd days; in the long run also each quarter of every day of two years."""
    hours = {datetime.combine(day, time(0), UTC) + n * HOUR for day in ODD_DAYS for n in range(-16, 24)}
    if is_long:
        hours |= {datetime(2027, 3, 1, tzinfo=UTC) + n * 6 * HOUR for n in range(4 * 366 * 2)}
    return sorted(hours)


class TestHoursThatAreOdd:
    def test_give_each_local_date_its_one_message(self, small_house: House, scale: Scale, figures: Figures):
        """Planned every hour when it matters: 02:30 in three zones that skip it or see it twice, and birthdays on 29 February."""
        house = small_house
        diary, rounds = Diary(clock=house.clock), 0
        with write(house.engine) as conn:
            for zone, country in TURNING.items():
                where = {"timezone": zone, "country": country, "locale": "en"}
                make_customer(conn, phone=None, area="south", **where)
                number = {"AU": "+61412345678", "GB": "+447400123456", "US": "+12025550123"}[country]
                make_customer(
                    conn, phone=number, area="north", consents=("greeting",), birth_mmdd=229, birth_year=1992, **where
                )
        house.write_campaign(NIGHTLY, "nightly")
        house.write_campaign(BIRTHDAY)
        for now in moments(is_long=scale.is_long):
            house.clock.set(now)
            house.plan()
            rounds += 1
            if is_near_a_leap_day(now):
                settle(house, diary)
        rows = nightly_rows(house)
        wrong = [row for row in rows if row.due_at != due_by_hand(row.occasion_on, row.timezone)]
        single = Counter((row.timezone, row.occasion_on) for row in rows)
        greeted = Counter((to, at.year) for to, at in diary.told)
        years = {year for _, year in greeted}
        seen = f"{len(rows)} nights, {max(single.values())} each, {len(wrong)} at a wrong instant"
        figures.show(14, f"{rounds} rounds, 3 zones", "each local date once", seen)
        assert wrong == []
        assert set(single.values()) == {1}
        assert set(greeted.values()) == {1}
        assert years == {2028, 2029}
        assert {at.astimezone(UTC).date() for _, at in diary.told} <= LEAP_DAYS


LEAP_DAYS = {date(2028, 2, 28), date(2028, 2, 29), date(2029, 2, 27), date(2029, 2, 28)}
"""By UTC: ten o'clock of the day is the evening before on Lord Howe Island."""


def is_near_a_leap_day(now: datetime) -> bool:
    return (now.month, now.day) in {(2, 27), (2, 28), (2, 29), (3, 1)}


def nightly_rows(house: House) -> list[sa.Row]:
    """Return what was planned for 02:30: zone, local day, instant."""
    columns = (customer.c.timezone, message.c.occasion_on, message.c.due_at)
    joined = sa.select(*columns).join(customer, customer.c.id == message.c.customer_id)
    with read(house.engine) as conn:
        return list(conn.execute(joined.where(message.c.campaign_id == "nightly")))
