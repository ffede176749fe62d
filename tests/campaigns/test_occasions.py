from datetime import UTC, date, datetime, time, timedelta

import pytest

from care.base.database import write
from care.calendars.birthdays import Feb29Policy
from care.calendars.lunar import LunarDate, to_solar
from care.campaigns.occasion import OptionError, Surroundings
from care.campaigns.occasions import KINDS
from care.campaigns.occasions.birthday import Birthday
from care.campaigns.occasions.date import OnDate
from care.campaigns.occasions.every import EverySpec
from care.campaigns.occasions.holiday import Holiday, HolidaySpec
from care.campaigns.occasions.tenure import Tenure
from tests.campaigns.owing import SHANGHAI, facts, owed, who
from tests.factories import make_customer

TEN = time(10)


class TestBirthday:
    def test_is_owed_once_in_the_solar_year_at_the_local_hour(self, engine) -> None:
        """The key names calendar and year, the instant is 10:00 on the customer's clock."""
        with write(engine) as conn:
            make_customer(conn, external_id="A", birth_year=1980, birth_mmdd=601)
            make_customer(conn, external_id="B", birth_mmdd=602)
            make_customer(conn, external_id="lunar", birth_mmdd=601, birth_calendar="lunar")

        found = owed(engine, Birthday(at=TEN).select_due(date(2026, 6, 1), SHANGHAI))

        assert found == [("A", "birthday:solar-2026", datetime(2026, 6, 1, 2, tzinfo=UTC))]

    @pytest.mark.parametrize(
        ("policy", "days"),
        [
            (Feb29Policy.FEB28, [date(2026, 2, 28), date(2027, 2, 28), date(2028, 2, 29)]),
            (Feb29Policy.MAR1, [date(2026, 3, 1), date(2027, 3, 1), date(2028, 2, 29)]),
            (Feb29Policy.SKIP, [date(2028, 2, 29)]),
        ],
    )
    def test_keeps_29_february_as_the_file_says(self, engine, policy: Feb29Policy, days: list[date]) -> None:
        """Leaplings are greeted once a year, or only in leap years."""
        with write(engine) as conn:
            make_customer(conn, birth_mmdd=229)
        occasion = Birthday(at=TEN, feb29=policy)
        all_days = [date(2026, 2, 1) + timedelta(n) for n in range(760)]

        assert [day for day in all_days if who(engine, occasion.select_due(day, SHANGHAI))] == days

    def test_greets_the_lunar_date_in_each_lunar_year(self, engine) -> None:
        """1 of month 12 falls in January 2026 and again in December 2026's lunar year: two years, two keys."""
        with write(engine) as conn:
            make_customer(conn, external_id="L", birth_calendar="lunar", birth_mmdd=1201)
        occasion = Birthday(at=TEN)

        keys = [
            (day, owed(engine, occasion.select_due(day, SHANGHAI))[0][1])
            for day in (to_solar(LunarDate(year, 12, 1)) for year in (2025, 2026))
        ]

        assert keys == [
            (date(2026, 1, 19), "birthday:lunar-2025"),
            (date(2027, 1, 8), "birthday:lunar-2026"),
        ]

    def test_greets_a_leap_month_in_the_plain_month_of_other_years(self, engine) -> None:
        """A leap sixth month exists in 2025, not in 2026; each customer is greeted once in either."""
        with write(engine) as conn:
            make_customer(conn, external_id="leap", birth_calendar="lunar", birth_mmdd=605, birth_leap=True)
            make_customer(conn, external_id="plain", birth_calendar="lunar", birth_mmdd=605)
        select = Birthday(at=TEN).select_due

        assert who(engine, select(to_solar(LunarDate(2025, 6, 5)), SHANGHAI)) == ["plain"]
        assert who(engine, select(to_solar(LunarDate(2025, 6, 5, leap=True)), SHANGHAI)) == ["leap"]
        assert who(engine, select(to_solar(LunarDate(2026, 6, 5)), SHANGHAI)) == ["leap", "plain"]

    def test_leaves_lunar_dates_alone_when_told_to(self, engine) -> None:
        """`lunar: false` greets solar birthdays only."""
        with write(engine) as conn:
            make_customer(conn, birth_calendar="lunar", birth_mmdd=605)

        assert not who(engine, Birthday(at=TEN, lunar=False).select_due(to_solar(LunarDate(2026, 6, 5)), SHANGHAI))

    def test_passes_over_dates_that_mean_not_known(self, engine) -> None:
        """1 January 1970 and 1900 are what other systems write for nothing; other years are people."""
        with write(engine) as conn:
            make_customer(conn, external_id="1970", birth_year=1970, birth_mmdd=101)
            make_customer(conn, external_id="1900", birth_year=1900, birth_mmdd=101)
            make_customer(conn, external_id="1971", birth_year=1971, birth_mmdd=101)
            make_customer(conn, external_id="no year", birth_mmdd=101)
        day = date(2026, 1, 1)

        assert who(engine, Birthday(at=TEN).select_due(day, SHANGHAI)) == ["1971", "no year"]
        assert len(who(engine, Birthday(at=TEN, placeholders=()).select_due(day, SHANGHAI))) == 4

    def test_never_tells_the_age(self) -> None:
        """The only word it gives is the day."""
        assert Birthday(at=TEN).variables(facts()) == {"date": "6月1日"}


class TestHoliday:
    def test_is_owed_on_the_lunar_date(self, engine) -> None:
        """Mid-Autumn 2026 is 25 September; the key carries the festival's year."""
        with write(engine) as conn:
            make_customer(conn, external_id="A")
        occasion = Holiday(name="mid_autumn", at=TEN, country="CN")

        assert owed(engine, occasion.select_due(date(2026, 9, 25), SHANGHAI)) == [
            ("A", "holiday:mid_autumn:2026", datetime(2026, 9, 25, 2, tzinfo=UTC))
        ]
        assert not occasion.select_due(date(2026, 9, 24), SHANGHAI)

    def test_counts_days_before_across_the_year(self) -> None:
        """Three days before New Year 2027 is 29 December 2026, and the key is 2027's."""
        occasion = Holiday(name="new_year", at=TEN, country="CN", days_before=3)

        (due,) = occasion.select_due(date(2026, 12, 29), SHANGHAI)

        assert due.occasion == "holiday:new_year:2027"
        assert due.occasion_on == date(2026, 12, 29)
        assert occasion.variables(facts(occasion_on=date(2026, 12, 29), locale="en")) == {
            "date": "1 January",
            "days_left": 3,
        }

    def test_follows_the_country_for_days_that_differ(self) -> None:
        """Father's Day is in June in China and in August in Taiwan."""
        june, august = date(2026, 6, 21), date(2026, 8, 8)

        assert Holiday(name="fathers_day", at=TEN, country="CN").select_due(june, SHANGHAI)
        assert Holiday(name="fathers_day", at=TEN, country="TW").select_due(august, "Asia/Taipei")
        assert not Holiday(name="fathers_day", at=TEN, country="TW").select_due(june, "Asia/Taipei")

    def test_takes_the_operators_country_by_default(self) -> None:
        """The file may name another one."""
        spec = HolidaySpec(kind="holiday", name="fathers_day")

        assert spec.build(Surroundings(country="TW")).country == "TW"
        assert HolidaySpec(kind="holiday", name="fathers_day", country="DE").build(Surroundings()).country == "DE"

    def test_reads_a_public_holiday_of_a_country(self) -> None:
        """Any country's list may be greeted from."""
        occasion = HolidaySpec(kind="holiday", name="us: Independence Day").build(Surroundings())

        (due,) = occasion.select_due(date(2026, 7, 4), "America/New_York")

        assert due.occasion == "holiday:US:Independence Day:2026"
        assert due.due_at == datetime(2026, 7, 4, 14, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"name": "mid_autum"}, "festival 'mid_autum' is not known. Did you mean 'mid_autumn'?"),
            ({"name": "thanksgiving"}, "festival 'thanksgiving' is not kept in CN. Name the country"),
            ({"name": "XX:Day"}, "festival 'XX:Day' is not known. Country: "),
            ({"name": "US:Independance Day"}, "Did you mean 'Independence Day'?"),
        ],
    )
    def test_refuses_what_the_calendar_does_not_have(self, options: dict[str, str], problem: str) -> None:
        """A wrong festival is a mistake in the file, not silence for ever."""
        with pytest.raises(OptionError) as refused:
            HolidaySpec(kind="holiday", **options).build(Surroundings())

        assert problem in str(refused.value)
        assert refused.value.option == "name"


class TestTenure:
    def test_is_owed_in_the_years_named(self, engine) -> None:
        """Years 1, 5 and 10 on the day of joining; nothing on the day itself or in other years."""
        with write(engine) as conn:
            for year in (2026, 2025, 2024, 2021, 2016):
                make_customer(conn, external_id=str(year), joined_on=date(year, 6, 1))
            make_customer(conn, external_id="no day", joined_on=None)
        day = date(2026, 6, 1)

        found = owed(engine, Tenure(at=TEN, years=(1, 5, 10)).select_due(day, SHANGHAI))

        assert found == [
            (year, "tenure:2026", datetime(2026, 6, 1, 2, tzinfo=UTC)) for year in ("2016", "2021", "2025")
        ]
        assert who(engine, Tenure(at=TEN, every_from=5).select_due(day, SHANGHAI)) == ["2016", "2021"]

    def test_tells_the_years(self) -> None:
        """The whole years together on that day."""
        assert Tenure(at=TEN, every_from=1).variables(facts()) == {"date": "6月1日", "years": 10}

    def test_keeps_29_february(self, engine) -> None:
        """Who joined on a leap day is thanked on the 28th in other years."""
        with write(engine) as conn:
            make_customer(conn, external_id="leap", joined_on=date(2020, 2, 29))

        assert who(engine, Tenure(at=TEN, years=(6,)).select_due(date(2026, 2, 28), SHANGHAI)) == ["leap"]


class TestOnDate:
    def test_is_owed_on_that_day_only(self) -> None:
        """Midnight differs by zone, the local day does not."""
        occasion = OnDate(on=date(2027, 1, 1), at=TEN)

        (due,) = occasion.select_due(date(2027, 1, 1), "America/New_York")

        assert due.occasion == "date:2027-01-01"
        assert due.due_at == datetime(2027, 1, 1, 15, tzinfo=UTC)
        assert not occasion.select_due(date(2027, 1, 2), SHANGHAI)


class TestEvery:
    def test_is_owed_at_each_local_time_of_the_line(self) -> None:
        """Monday 23 November 2026 at 10:00."""
        occasion = EverySpec(kind="every", cron="0 10 * * mon").build(Surroundings())

        (due,) = occasion.select_due(date(2026, 11, 23), SHANGHAI)

        assert due.occasion == "every:2026-11-23T10:00"
        assert due.due_at == datetime(2026, 11, 23, 2, tzinfo=UTC)
        assert not occasion.select_due(date(2026, 11, 24), SHANGHAI)

    def test_is_owed_once_when_the_clock_goes_back(self) -> None:
        """01:30 comes twice on 1 November 2026 in New York; the first one counts."""
        occasion = EverySpec(kind="every", cron="30 1 * * *").build(Surroundings())

        dues = occasion.select_due(date(2026, 11, 1), "America/New_York")

        assert [due.due_at for due in dues] == [datetime(2026, 11, 1, 5, 30, tzinfo=UTC)]

    def test_moves_to_the_end_of_a_gap(self) -> None:
        """02:30 never comes on 8 March 2026 in New York; 03:00 does, and the key keeps its form."""
        occasion = EverySpec(kind="every", cron="30 2 * * *").build(Surroundings())

        (due,) = occasion.select_due(date(2026, 3, 8), "America/New_York")

        assert (due.occasion, due.due_at) == ("every:2026-03-08T02:30", datetime(2026, 3, 8, 7, tzinfo=UTC))


class TestEveryKind:
    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (
                {"kind": "birthday"},
                "on each birthday at 10:00 (solar and lunar; 29 February kept on the 28th in other years)",
            ),
            (
                {"kind": "holiday", "name": "mid_autumn", "days_before": 1, "at": "09:30"},
                "on the day before Mid-Autumn Festival at 09:30 (as kept in CN)",
            ),
            (
                {"kind": "tenure", "every_from": 5},
                "on each anniversary of joining from year 5 on, at 10:00",
            ),
            ({"kind": "date", "on": "2027-01-01"}, "on 2027-01-01 at 10:00"),
            (
                {"kind": "every", "cron": "0 10 15 2,5,8,11 *"},
                "again and again at 10:00 on the days of the cron line '0 10 15 2,5,8,11 *'",
            ),
            (
                {"kind": "subscription_end", "before": ["24h", "60d", "7d"]},
                (
                    "60 and 7 days at 10:00 and exactly 24 hours before a subscription ends, "
                    "but not where it renews by itself"
                ),
            ),
        ],
    )
    def test_reads_as_a_sentence_and_names_its_words(self, options: dict[str, object], sentence: str) -> None:
        """What a file means can be read aloud, and the check of templates knows every word it gives."""
        occasion = KINDS[str(options["kind"])](**options).build(Surroundings())
        term = {"ends_on": date(2026, 6, 30), "plan": "p", "service": "s", "area": "a", "external_id": "S"}

        given = occasion.variables(facts(subject=term | {"monthly_amount_minor": 1}))

        assert occasion.describe() == sentence
        assert occasion.kind == options["kind"]
        assert set(given) == occasion.variable_names()
