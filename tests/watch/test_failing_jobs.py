"""A job that fails is told of: in a line of the log at once, as an incident in time, and the others go on."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.logs import configure_logs
from care.base.settings import LogSettings
from care.bootstrap import Services
from care.delivery.incarnation import begin_incarnation, see_incarnation
from care.delivery.tables import job_run
from care.schedule import ALL_JOBS, LONGEST_TURN, Job, run_due_jobs, stand_in
from care.watch.incidents import open_incidents
from tests.house import ROOT, House, build_house
from tests.read_only import read_only
from tests.watch.receiver import Receiver, receiver

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def told(house: House, ear: Receiver) -> House:
    """A house whose alerts go to the ear."""
    return build_house(house.folder, house.engine, house.clock, ALERTS__URLS=ear.url)


@pytest.fixture
def lines() -> io.StringIO:
    """What is logged, as it is written."""
    stream = io.StringIO()
    configure_logs(LogSettings(format="json"), stream=stream)
    return stream


def said(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def ended(house: House) -> set[str]:
    with read(house.engine) as conn:
        return set(conn.execute(sa.select(job_run.c.name)).scalars())


def job(name: str, error: Exception | None = None) -> Job:
    def run(_services: Services, _now: datetime, _last: datetime | None) -> None:
        if error is not None:
            raise error

    return Job(name=name, every=timedelta(0), run=run, about="for a test")


UNEXPECTED = [
    UnicodeEncodeError("ascii", "päss of Anna", 1, 2, "ordinal not in range(128)"),
    OSError(40, "Too many levels of symbolic links", "/srv/care/Anna.yaml"),
    TypeError("unhashable type: 'list'"),
    AssertionError(),
    sa.exc.InvalidRequestError("a transaction is already begun"),
]


class TestATick:
    @pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
    def test_goes_on_after_a_job_that_fails(self, house: House, lines: io.StringIO, error: Exception) -> None:
        """Whatever it raises: the others run, and only it is not noted as ended."""
        jobs = (job("first"), job("second", error), job("third"))
        assert run_due_jobs(house.services, jobs) == ["first", "third"]
        assert ended(house) == {"first", "third"}
        (line,) = said(lines)
        assert (line["event"], line["job"], line["error"]) == ("job.failed", "second", type(error).__name__)
        assert "test_failing_jobs" in str(line["trace"])
        assert "Anna" not in lines.getvalue()


def standing(house: House) -> dict[str, str]:
    with read(house.engine) as conn:
        return {each.rule: each.words for each in open_incidents(conn, house.clock.now())}


def begin(house: House) -> None:
    """Enter the life of a sender, as `care run` does first of all."""
    with write(house.engine) as conn:
        begin_incarnation(conn, "dispatch", house.clock.now())


def live(house: House, jobs: tuple[Job, ...], *, ticks: int, each: timedelta = MINUTE) -> None:
    """Tick now and then; the sender lives, and the web process looks after the leader."""
    for _ in range(ticks):
        with write(house.engine) as conn:
            see_incarnation(conn, 1, house.clock.now())
        run_due_jobs(house.services, jobs)
        stand_in(house.services, house.clock.now())
        house.clock.advance(each)


def all_but(*names: str) -> tuple[Job, ...]:
    """Every job of the house, in which these fail."""
    return tuple(replace(each, run=job("", OSError()).run) if each.name in names else each for each in ALL_JOBS)


class TestAJobThatAlwaysFails:
    @pytest.mark.parametrize("name", [each.name for each in ALL_JOBS])
    def test_is_an_incident_in_time(self, told: House, ear: Receiver, name: str) -> None:
        """Any of them, in a house where it has never ended: also the sign of life and the alarms themselves."""
        begin(told)
        within = max(LONGEST_TURN, 3 * next(each.every for each in ALL_JOBS if each.name == name))
        ticks = ceil(within / (10 * MINUTE))
        live(told, all_but(name), ticks=ticks, each=(within - MINUTE) / ticks)
        assert standing(told) == {}
        live(told, all_but(name), ticks=4, each=2 * MINUTE)
        assert list(standing(told)) == ["jobs"]
        assert re.search(rf"for long: {name}\. See: job\.failed", standing(told)["jobs"])
        assert ear.titles == ["A job does not end (open)"]
        live(told, ALL_JOBS, ticks=4, each=2 * MINUTE)
        assert standing(told) == {}
        assert ear.titles[1:] == ["A job does not end (over)"]

    def test_is_told_of_where_nothing_can_be_judged(
        self, told: House, ear: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The look at the house fails in the leader and in whoever stands in for it."""

        def fail(*_: object, **__: object) -> None:
            raise TypeError

        monkeypatch.setattr("care.watchers.look", fail)
        begin(told)
        for _ in range(20):
            run_due_jobs(told.services, ALL_JOBS)
            told.clock.advance(MINUTE)
        assert list(standing(told)) == ["jobs"]
        assert ear.titles == ["A job does not end (open)"]

    def test_stops_the_beat(self, house: House, ear: Receiver) -> None:
        """So that somebody outside misses it, too."""
        beating = build_house(
            house.folder, house.engine, house.clock, ALERTS__HEARTBEAT_URL=f"http://127.0.0.1:{ear.port}/"
        )
        begin(beating)
        live(beating, all_but("mailbox"), ticks=19)
        heard = len(ear.gets)
        assert heard > 10
        live(beating, all_but("mailbox"), ticks=5)
        assert len(ear.gets) == heard


class TestALeader:
    def test_that_never_ticked_is_an_incident(self, told: House, ear: Receiver) -> None:
        """The sender and the web process began, and nothing else ever did."""
        begin(told)
        live(told, (), ticks=6)
        assert ear.titles == []
        live(told, (), ticks=1)
        assert ear.titles == ["No leader is at work (open)"]

    def test_that_ticks_is_alive_whatever_fails(self, told: House, ear: Receiver) -> None:
        """Whoever is on call is sent to the job, not to a leader that is at work."""
        begin(told)
        live(told, all_but("watch", "mailbox"), ticks=30)
        assert ear.titles == ["A job does not end (open)"]
        assert "for long: mailbox, watch." in standing(told)["jobs"]

    def test_that_comes_back_after_a_night_is_no_incident(self, told: House, ear: Receiver) -> None:
        """Every job is long due then, and ends in the first tick."""
        begin(told)
        live(told, ALL_JOBS, ticks=3)
        told.clock.advance(timedelta(hours=12))
        live(told, ALL_JOBS, ticks=10)
        assert ear.titles == []

    def test_of_a_new_house_is_no_incident(self, told: House, ear: Receiver) -> None:
        """Nothing has ended yet, and nobody has waited."""
        stand_in(told.services, told.clock.now())
        begin(told)
        live(told, ALL_JOBS, ticks=30)
        assert (ear.titles, standing(told)) == ([], {})


class TestThePageForWhoeverIsOnCall:
    def test_tells_of_every_job(self) -> None:
        """What does not happen meanwhile."""
        page = (ROOT / "docs" / "on-call.md").read_text(encoding="utf-8")
        section = page.partition("## A job does not end")[2].partition("\n## ")[0]
        assert [each.name for each in ALL_JOBS if f"`{each.name}`" not in section] == []


class TestATickWhereNothingMayBeWritten:
    def test_is_put_off_in_one_line(self, house: House, lines: io.StringIO) -> None:
        """However long it lasts. No job after the first could write either; with the database they all come back."""
        names = ("first", "second", "third")
        jobs = tuple(job(name) for name in names)
        for _ in range(2):
            with read_only(house.engine):
                for _ in range(3):
                    run_due_jobs(house.services, jobs)
            assert run_due_jobs(house.services, jobs) == list(names)
            house.clock.advance(MINUTE)
        assert [line["event"] for line in said(lines)] == ["jobs.put_off", "jobs.go_on"] * 2
        assert ended(house) == set(names)
