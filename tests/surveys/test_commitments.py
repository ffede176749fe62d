"""The moment at which a customer is asked, over zones, clock changes, holidays and windows."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from care.calendars.overrides import Overrides
from care.campaigns.occasion import Surroundings
from care.policy.model import DAY_MINUTES, Windows
from care.policy.windows import is_open
from care.surveys.commitments import Office, Place, Promise, Waking, another_hour, choose_moment
from care.surveys.occasion import TicketResolvedSpec

HOUR = timedelta(hours=1)
ZONES = ("Asia/Shanghai", "Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo")
DAILY = Windows(days=(((9 * 60, 20 * 60),),) * 7)
INSTANTS = st.integers(0, 700 * 86_400).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n))


@st.composite
def some_windows(draw: st.DrawFn) -> Windows:
    """A week with some closed days, at most two spans a day, and perhaps closed on a country's holidays."""
    days = []
    for _ in range(7):
        edges = sorted(draw(st.sets(st.integers(0, DAY_MINUTES // 30), min_size=0, max_size=4)))
        spans = [(a * 30, b * 30) for a, b in zip(edges[::2], edges[1::2], strict=False)]
        days.append(tuple(spans))
    return Windows(days=tuple(days), holidays_of=draw(st.sampled_from(["", "CN", "GB", "US"])))


def open_minutes(waking: Waking, start: datetime, end: datetime) -> list[datetime]:
    """Return every allowed whole minute, asked one by one."""
    at = start.replace(second=0, microsecond=0)
    found = []
    while at < end:
        if at >= start and is_open(waking.windows, waking.zones, at):
            found.append(at)
        at += timedelta(minutes=1)
    return found


class TestTheMoment:
    @settings(max_examples=120, deadline=None)
    @given(
        windows=some_windows(),
        zone=st.sampled_from(ZONES),
        resolved=INSTANTS,
        late=st.integers(0, 3000),
        within=st.integers(30, 4320),
        position=st.floats(0, 0.999_999),
        over=st.sampled_from([timedelta(minutes=30), timedelta(hours=20)]),
    )
    def test_lies_in_a_window_before_the_deadline_wherever_one_is_open(
        self, windows, zone, *, resolved, late, within, position, over
    ) -> None:
        """If any allowed minute exists the moment is one; else it says so itself."""
        waking = Waking(windows=windows, zones=(zone,))
        now = resolved + timedelta(minutes=late)
        earliest, deadline = max(resolved + 2 * HOUR, now), resolved + timedelta(minutes=within)
        moment = choose_moment(
            not_before=now, earliest=earliest, deadline=deadline, waking=waking, position=position, over=over
        )

        in_time = open_minutes(waking, earliest, deadline)
        before = open_minutes(waking, now, min(earliest, deadline))
        if moment.at is not None:
            assert is_open(windows, waking.zones, moment.at)
            assert moment.at >= now
        if in_time:
            assert moment.place is Place.IN_TIME
        if before and not in_time and moment.place is not Place.IN_TIME:
            assert moment.place is Place.EARLY
        if moment.place in (Place.IN_TIME, Place.EARLY):
            assert moment.at is not None
            assert moment.at < deadline
            assert (moment.at >= earliest) == (moment.place is Place.IN_TIME)
        else:
            assert not in_time
            assert not before
            assert moment.at is None or moment.at >= deadline

    def test_is_the_last_allowed_one_where_the_night_would_break_the_deadline(self) -> None:
        """Resolved at 19:00, promised until midnight: asked before 20:00, not at nine the next day."""
        resolved = datetime(2026, 9, 23, 11, 0, tzinfo=UTC)
        moment = choose_moment(
            not_before=resolved,
            earliest=resolved + 2 * HOUR,
            deadline=resolved + 5 * HOUR,
            waking=Waking(windows=DAILY, zones=("Asia/Shanghai",)),
            position=0.999,
        )

        assert moment.place is Place.EARLY
        assert moment.at is not None
        assert resolved + 0.5 * HOUR <= moment.at < resolved + HOUR

    def test_is_not_the_same_for_all(self) -> None:
        """What was resolved in one night is spread over the first half hour of the morning."""
        resolved = datetime(2026, 9, 23, 15, 0, tzinfo=UTC)
        moments = {
            choose_moment(
                not_before=resolved,
                earliest=resolved + 2 * HOUR,
                deadline=resolved + 72 * HOUR,
                waking=Waking(windows=DAILY, zones=("Asia/Shanghai",)),
                position=n / 60,
            ).at
            for n in range(60)
        }

        assert len(moments) == 60
        nine = datetime(2026, 9, 24, 1, 0, tzinfo=UTC)
        assert all(at is not None and nine <= at < nine + 0.5 * HOUR for at in moments)

    def test_is_never_where_nothing_ever_opens(self) -> None:
        """Then a person has to call."""
        at = datetime(2026, 9, 23, tzinfo=UTC)
        closed = Waking(windows=Windows(days=((),) * 7), zones=("UTC",))
        moment = choose_moment(not_before=at, earliest=at, deadline=at + HOUR, waking=closed, position=0.5)

        assert (moment.at, moment.place) == (None, Place.NEVER)


class TestTheReminder:
    @settings(max_examples=100, deadline=None)
    @given(zone=st.sampled_from(ZONES), invited=INSTANTS, position=st.floats(0, 0.999_999))
    def test_comes_at_another_hour_of_the_day(self, zone, invited, position) -> None:
        """Also where 36 hours later is the same hour, or at night."""
        waking = Waking(windows=DAILY, zones=(zone,))
        for wait in (24, 36, 48):
            at = another_hour(invited + wait * HOUR, invited_at=invited, waking=waking, position=position)

            assert at is not None
            assert at >= invited + wait * HOUR
            assert is_open(DAILY, waking.zones, at)
            assert at.astimezone(ZoneInfo(zone)).hour != invited.astimezone(ZoneInfo(zone)).hour


class TestPromises:
    def test_working_days_end_with_the_operators_office(self) -> None:
        """Settled on Wednesday before the Mid-Autumn holidays: by the close of Thursday; on Thursday: of Monday."""
        office = Office(zone="Asia/Shanghai", country="CN", closes=time(17, 30), overrides=Overrides())
        promise = Promise(name="complaint_1wd", working_days=1)
        wednesday = datetime(2026, 9, 23, 2, 0, tzinfo=UTC)

        assert promise.deadline(wednesday, office) == datetime(2026, 9, 24, 9, 30, tzinfo=UTC)
        assert promise.deadline(wednesday + 24 * HOUR, office) == datetime(2026, 9, 28, 9, 30, tzinfo=UTC)

    def test_a_country_without_a_calendar_works_from_monday_to_friday(self) -> None:
        """A deadline is never missing."""
        office = Office(zone="UTC", country="XX")
        friday = datetime(2026, 9, 25, 12, 0, tzinfo=UTC)

        assert Promise(name="x", working_days=1).deadline(friday, office) == datetime(2026, 9, 28, 18, 0, tzinfo=UTC)

    @given(INSTANTS)
    def test_hours_are_hours_whatever_the_clock_does(self, since) -> None:
        """72 hours are 72 hours across a change of clocks."""
        office = Office(zone="Europe/London", country="GB")

        assert Promise(name="x", within=72 * HOUR).deadline(since, office) == since + 72 * HOUR


class TestThePromise:
    def test_reads_as_a_sentence_for_every_kind_of_ticket(self) -> None:
        """With its article."""
        told = [
            TicketResolvedSpec(kind="ticket_resolved", of=of, deadline="72h").build(Surroundings()).describe()
            for of in (["installation"], ["repair", "complaint"])
        ]

        assert told == [
            f"2h after {kinds} is resolved, within 72 hours" for kinds in ("an installation", "a repair or complaint")
        ]
