"""Valid answers: counted by the database, and once more by plain Python."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from care.base.database import read
from care.surveys.figures.localtime import day_of, local_day_number, local_hour, offsets
from care.surveys.figures.period import Period, between, quarter_named, quarter_of
from care.surveys.figures.sheet import By, Sheet, read_sheet
from care.surveys.model import DIMENSIONS, Question, Survey
from tests.surveys.factories_figures import DAY, START, World, add_answer, make_quarter
from tests.surveys.figures.recount import counted, shanghai, valid_rows

Q3 = quarter_named("2026Q3", "Asia/Shanghai")


def _sheet(engine: sa.Engine, period: Period = Q3) -> Sheet:
    with read(engine) as conn:
        return read_sheet(conn, period)


def _tickets(world: World, question: str = "overall") -> list[dict[str, object]]:
    return [row for row in valid_rows(world, Q3) if row["survey"] == "ticket" and row["question"] == question]


class TestSheet:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_counts_what_plain_python_counts(self, engine: sa.Engine, seed: int) -> None:
        """Every group of every kind, every question, every survey."""
        world = make_quarter(seed)
        world.write(engine)
        sheet, overall = _sheet(engine), _tickets(world)
        keys = {
            By.AREA: lambda row: row["area"] or "",
            By.STAFF: lambda row: row["staff"] or "",
            By.KIND: lambda row: row["kind"] or "",
            By.CHANNEL: lambda row: row["channel"],
            By.HOUR: lambda row: str(shanghai(row["invited_at"]).hour),
        }
        for by, key in keys.items():
            found = {group: (ballot.satisfied, ballot.n) for group, ballot in sheet.groups(by).items()}
            assert found == counted(overall, key), by
        for question in (*DIMENSIONS, Question.SOLVED):
            ballot = sheet.ballot(question)
            assert {"": (ballot.satisfied, ballot.n)} == counted(_tickets(world, question), lambda _: ""), question
        assert {day: b.n for day, b in sheet.by_day().items()} == Counter(shanghai(row["at"]).date() for row in overall)

    @pytest.mark.parametrize("seed", [4, 5])
    def test_tells_late_and_derived_apart(self, engine: sa.Engine, seed: int) -> None:
        """Late answers are never part of those in time; what was said in words is shown among them."""
        world = make_quarter(seed)
        world.write(engine)
        sheet, overall = _sheet(engine), _tickets(world)
        in_time = [row for row in overall if not row["is_late"]]
        count = sheet.count()
        assert count.in_time == len(in_time) > 50
        assert count.derived == sum(bool(row["derived"]) for row in in_time) > 5
        assert count.late == len(overall) - len(in_time) > 2
        assert sum(sheet.in_time_by_day().values()) == count.in_time

    def test_shows_other_surveys_beside(self, engine: sa.Engine) -> None:
        """NPS and CES have ballots of their own and do not count as answers about tickets."""
        world = make_quarter(6)
        world.write(engine)
        sheet, rows = _sheet(engine), valid_rows(world, Q3)
        for survey in Survey:
            assert sheet.count(survey).in_time == sum(
                row["survey"] == survey and not row["is_late"] and row["question"] in ("overall", "recommend", "effort")
                for row in rows
            )
        scores = [row["score"] for row in rows if row["survey"] == "nps"]
        wanted = 100 * (sum(s >= 9 for s in scores) - sum(s <= 6 for s in scores)) / len(scores)
        assert sheet.ballot(Question.RECOMMEND, Survey.NPS).nps().value == pytest.approx(wanted)

    def test_groups_add_up_to_the_whole(self, engine: sa.Engine) -> None:
        """Whatever it is grouped by, nobody is lost and nobody counted twice."""
        make_quarter(7).write(engine)
        sheet = _sheet(engine)
        whole = sheet.ballot(Question.OVERALL)
        for by in By:
            assert sum(ballot.n for ballot in sheet.groups(by).values()) == whole.n
            assert sum(ballot.satisfied for ballot in sheet.groups(by).values()) == whole.satisfied
        assert sum(ballot.n for ballot in sheet.by_day().values()) == whole.n

    def test_of_an_empty_house_is_empty(self, engine: sa.Engine) -> None:
        """No answer, no group, no figure."""
        sheet = _sheet(engine)
        assert sheet.ballot(Question.OVERALL).n == 0
        assert sheet.groups(By.AREA) == {}
        assert sheet.count().in_time == 0


class TestValidAnswers:
    @pytest.fixture
    def world(self) -> World:
        """Forty tickets, without any answer yet."""
        world = make_quarter(8, tickets=40)
        world["survey_answer"].clear()
        for row in world["ticket_resolution"]:
            row["is_test"] = row["id"] == 40
        return world

    def _n(self, world: World, engine: sa.Engine) -> int:
        world.write(engine)
        count = _sheet(engine).count()
        return count.in_time + count.late

    def test_need_the_overall_question(self, world: World, engine: sa.Engine) -> None:
        """Three dimensions without it are no valid answer, and appear nowhere."""
        add_answer(world, follow_up_id=1, question="result")
        assert self._n(world, engine) == 0
        assert _sheet(engine).ballot(Question.RESULT).n == 0

    def test_need_a_score_on_the_scale(self, world: World, engine: sa.Engine) -> None:
        """0 and 6 of five are none; 10 of ten is one."""
        add_answer(world, follow_up_id=1, score=0)
        add_answer(world, follow_up_id=2, score=6)
        add_answer(world, follow_up_id=3, score=10, scale="csat10")
        add_answer(world, follow_up_id=4, score=6, scale=None)
        assert self._n(world, engine) == 1

    def test_are_one_per_ticket(self, world: World, engine: sa.Engine) -> None:
        """The last word counts, also where two ways of answering crossed."""
        add_answer(world, follow_up_id=1, score=1)
        add_answer(world, follow_up_id=1, score=5, channel="phone", at=START + 11 * DAY)
        assert self._n(world, engine) == 1
        assert _sheet(engine).ballot(Question.OVERALL).satisfied == 1

    def test_leave_out_tests_and_what_was_corrected(self, world: World, engine: sa.Engine) -> None:
        """A test ticket never counts, nor a score that the customer took back."""
        add_answer(world, follow_up_id=40)
        add_answer(world, follow_up_id=1, superseded_at=START + 12 * DAY)
        assert self._n(world, engine) == 0

    def test_leave_out_what_nobody_asked(self, world: World, engine: sa.Engine) -> None:
        """A text message that belongs to no question is none; a phone call that a person typed in is."""
        add_answer(world)
        add_answer(world, channel="phone", by="desk", customer_id=2)
        assert self._n(world, engine) == 1

    def test_leave_out_what_came_after_the_last_day(self, world: World, engine: sa.Engine) -> None:
        """Late until day 14, nothing after."""
        session = world["survey_session"][0]
        session["late_until"] = START + 20 * DAY
        add_answer(
            world, session_id=session["id"], follow_up_id=session["follow_up_id"], at=START + 20 * DAY, is_late=True
        )
        assert self._n(world, engine) == 1
        with engine.begin() as conn:
            conn.execute(sa.text("UPDATE survey_answer SET at = at + 1"))
        assert _sheet(engine).count().late == 0

    def test_belong_to_the_local_day(self, world: World, engine: sa.Engine) -> None:
        """The quarter begins at midnight in Shanghai and ends before the next one's first instant."""
        for n, at in enumerate(
            [Q3.since, Q3.until - timedelta(microseconds=1), Q3.until, Q3.since - timedelta(seconds=1)]
        ):
            add_answer(world, follow_up_id=n + 1, at=at)
        assert self._n(world, engine) == 2
        assert list(_sheet(engine).by_day()) == [date(2026, 7, 1), date(2026, 9, 30)]

    def test_never_become_fewer_by_one_more(self, world: World, engine: sa.Engine) -> None:
        """Whatever is added, the number does not fall."""
        dice, before = random.Random(9), 0
        world.write(engine)
        for n in range(60):
            extra = World(0)
            row = add_answer(
                extra,
                id=n + 1,
                source=f"x:{n}",
                follow_up_id=dice.choice([None, *range(1, 40)]),
                score=dice.randint(0, 7),
                question=dice.choice(["overall", "result"]),
                channel=dice.choice(["sms", "phone"]),
                customer_id=dice.randint(1, 40),
                is_late=dice.random() < 0.3,
                at=START + dice.uniform(-5, 100) * DAY,
            )
            extra.write(engine)
            count = _sheet(engine).count()
            assert count.in_time + count.late >= before, row
            before = count.in_time + count.late
        assert before > 10


class TestLocalTime:
    @pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe"])
    def test_is_that_of_the_zone_through_every_change_of_clocks(self, engine: sa.Engine, zone: str) -> None:
        """Every hour of a year, worked out by the database and by zoneinfo."""
        since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        instants = [since + n * timedelta(hours=7, minutes=30) for n in range(1160)]
        world = World(0)
        make = make_quarter(1, tickets=1)
        world["customer"].extend(make["customer"])
        for n, at in enumerate(instants):
            add_answer(world, at=at, source=f"s{n}")
        world.write(engine)
        at = sa.column("at", sa.BigInteger)
        wanted = sa.select(local_day_number(at, zone, since, until), local_hour(at, zone, since, until))
        with read(engine) as conn:
            found = conn.execute(wanted.select_from(sa.table("survey_answer")).order_by(sa.column("id"))).all()
        local = [instant.astimezone(ZoneInfo(zone)) for instant in instants]
        assert [(day_of(day), hour) for day, hour in found] == [(one.date(), one.hour) for one in local]

    def test_changes_twice_a_year_in_new_york(self) -> None:
        """And never in Shanghai."""
        year = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
        assert [at.isoformat() for at, _ in offsets("America/New_York", *year)][1:] == [
            "2026-03-08T07:00:00+00:00",
            "2026-11-01T06:00:00+00:00",
        ]
        assert len(offsets("Asia/Shanghai", *year)) == 1


class TestPeriod:
    def test_is_a_quarter_or_some_days(self) -> None:
        """Named in the ways people write; the one before follows from it."""
        assert (Q3.first, Q3.end, Q3.days, Q3.name) == (date(2026, 7, 1), date(2026, 10, 1), 92, "2026Q3")
        assert quarter_named("2027-q1", "Asia/Shanghai").before().name == "2026Q4"
        assert quarter_of(date(2026, 12, 31), "Asia/Shanghai").end == date(2027, 1, 1)
        week = between(date(2026, 7, 8), date(2026, 7, 15), "Asia/Shanghai")
        assert (week.before().first, week.before().end) == (date(2026, 7, 1), date(2026, 7, 8))
        assert Q3.months() == [date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)]
