"""The incident of a drop, and the figures for monitoring."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read
from care.reports.metrics import figures
from care.surveys.figures.alarm import drop_words, recent_change
from care.watch.incidents import open_incidents
from care.watchers import watch_house
from tests.house import House
from tests.surveys.factories_figures import World, add_answer

DAY = timedelta(days=1)


def _answers(house: House, *, bad_before: int, bad_lately: int) -> World:
    """Ten ratings a day for sixteen weeks, so many of the ten bad in the twelve and in the last four weeks."""
    world, now = World(0), house.clock.now()
    for day in range(1, 113):
        bad = bad_lately if day <= 28 else bad_before
        for n in range(10):
            at = now - day * DAY + timedelta(hours=1)
            add_answer(world, session_id=day * 10 + n, at=at, score=1 if n < bad else 5)
    world.write(house.engine)
    return world


class TestDrop:
    def test_opens_an_incident_and_ends_it(self, house: House) -> None:
        """From two to four bad ones in ten; over once they are good for long enough."""
        _answers(house, bad_before=2, bad_lately=4)
        watch_house(house.services, house.clock.now(), turns={})
        with read(house.engine) as conn:
            words = {each.rule: each.words for each in open_incidents(conn, house.clock.now())}
        assert "a significant drop (-20.0 points" in words["satisfaction"]
        with house.engine.begin() as conn:
            conn.execute(sa.text("UPDATE survey_answer SET score = 5"))
        for minutes, stands in ((1, True), (58, True), (1, False), (1, False)):
            house.clock.advance(timedelta(minutes=minutes))
            watch_house(house.services, house.clock.now(), turns={})
            with read(house.engine) as conn:
                found = {each.rule for each in open_incidents(conn, house.clock.now())}
            assert ("satisfaction" in found) is stands, minutes

    def test_is_counted_once_an_hour(self, house: House) -> None:
        """However often the watch asks, and whoever does; a clock that went back counts anew."""
        counted: list[str] = []

        def note(*said: object) -> None:
            counted.append(str(said[2]))

        def look(length: timedelta) -> int:
            counted.clear()
            house.clock.advance(length)
            watch_house(house.services, house.clock.now(), turns={})
            return sum("survey_answer" in statement for statement in counted)

        sa.event.listen(house.engine, "before_cursor_execute", note)
        minute = timedelta(minutes=1)
        try:
            assert [look(step) for step in (0 * minute, minute, 58 * minute, minute, minute)] == [1, 0, 0, 1, 0]
            house.clock.set(house.clock.now() - timedelta(hours=2))
            assert look(minute) == 1
        finally:
            sa.event.remove(house.engine, "before_cursor_execute", note)

    @pytest.mark.parametrize(("before", "lately"), [(2, 2), (4, 2), (0, 0)])
    def test_is_silent_without_one(self, house: House, before: int, lately: int) -> None:
        """The same, better, perfect."""
        _answers(house, bad_before=before, bad_lately=lately)
        with read(house.engine) as conn:
            assert drop_words(conn, house.clock.now(), least=30) == ""
            found = recent_change(conn, house.clock.now(), least=30)
        assert (found.earlier.n, found.later.n) == (840, 280)

    def test_is_silent_where_nobody_answers(self, house: House) -> None:
        """An empty house has not dropped."""
        with read(house.engine) as conn:
            assert drop_words(conn, house.clock.now(), least=30) == ""


class TestFigures:
    def test_count_ratings_of_the_last_day(self, house: House) -> None:
        """Main questions only, per survey and channel, without anybody in them."""
        world, now = World(0), house.clock.now()
        add_answer(world, at=now - DAY / 2)
        add_answer(world, at=now - DAY / 2, question="result")
        add_answer(world, at=now - DAY / 2, survey="nps", question="recommend", channel="email")
        add_answer(world, at=now - 2 * DAY)
        world.write(house.engine)
        with read(house.engine) as conn:
            found = {f.labels: f.value for f in figures(conn, now) if f.name == "care_survey_answers_last_day"}
        assert found == {
            (("survey", "ticket"), ("channel", "sms")): 1,
            (("survey", "nps"), ("channel", "email")): 1,
        }
