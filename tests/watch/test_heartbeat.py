"""The beat heard outside: it comes while all is well, and stops with the daemon, with a hang, and with trouble."""

import threading
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from care.base.database import write
from care.base.errands import Errands
from care.base.errors import UnavailableError
from care.schedule import WATCH_JOBS, Job, run_due_jobs
from care.watch.alerts import send_alerts
from care.watch.heartbeat import beat
from care.watch.incidents import judge
from care.watch.rules import Facts, WrongPage
from tests.house import House, build_house
from tests.read_only import read_only
from tests.watch.receiver import Receiver, receiver

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def heard(house: House, ear: Receiver) -> House:
    """A house whose beat goes to the ear."""
    return build_house(
        house.folder, house.engine, house.clock, ALERTS__HEARTBEAT_URL=f"http://127.0.0.1:{ear.port}/beat/tok3n"
    )


class TestBeat:
    def test_comes_each_minute_however_often_we_tick(self, heard: House, ear: Receiver) -> None:
        """Ten minutes of ticks every twenty seconds."""
        for _ in range(30):
            run_due_jobs(heard.services, WATCH_JOBS)
            heard.clock.advance(MINUTE / 3)
        assert ear.gets == ["/beat/tok3n"] * 10

    @pytest.mark.parametrize(
        "trouble",
        [
            Facts(standstill="nothing is sent: the database was restored from a backup"),
            Facts(not_sending="a message has been due for 47 minutes"),
            Facts(sender_unseen=10 * MINUTE),
            Facts(stuck_jobs=["plan"]),
        ],
    )
    def test_stops_while_the_house_does_not_work(self, heard: House, ear: Receiver, trouble: Facts) -> None:
        """Alive is not enough."""
        for facts in (trouble, trouble):
            with write(heard.engine) as conn:
                judge(conn, facts, now=heard.clock.now())
            heard.clock.advance(3 * MINUTE)
        beats = tuple(job for job in WATCH_JOBS if job.name == "beat")
        run_due_jobs(heard.services, beats)
        assert ear.gets == []

    def test_stops_while_nothing_may_be_written(self, heard: House, ear: Receiver) -> None:
        """No incident can be opened then, so this is how it is told outside; it comes back with the database."""
        beats = tuple(job for job in WATCH_JOBS if job.name == "beat")
        with read_only(heard.engine):
            run_due_jobs(heard.services, beats)
        assert ear.gets == []
        heard.clock.advance(MINUTE)
        run_due_jobs(heard.services, beats)
        assert len(ear.gets) == 1

    def test_stops_while_nobody_takes_an_alert(self, heard: House, ear: Receiver) -> None:
        """The last way to tell anybody of an incident; when the address hears again, so is the beat."""
        with receiver() as address:
            urls = {"ALERTS__URLS": address.url, "ALERTS__HEARTBEAT_URL": f"http://127.0.0.1:{ear.port}/beat"}
            house = build_house(heard.folder, heard.engine, heard.clock, **urls)
            with write(house.engine) as conn:
                judge(conn, Facts(free_mib=1, least_mib=9), now=house.clock.now())

            def beats() -> int:
                send_alerts(house.engine, [address.url], clock=house.clock, zone="UTC", sender="care")
                run_due_jobs(house.services, tuple(job for job in WATCH_JOBS if job.name == "beat"))
                house.clock.advance(8 * MINUTE)
                return len(ear.gets)

            address.status = 500
            assert [beats() for _ in range(5)] == [1, 2, 3, 3, 3]
            address.status = 200
            house.clock.advance(8 * MINUTE)
            assert beats() == 4

    def test_goes_on_while_only_a_book_differs(self, heard: House, ear: Receiver) -> None:
        """That has an alert of its own."""
        with write(heard.engine) as conn:
            judge(
                conn,
                Facts(wrong_pages=[WrongPage(place="twilio sms", day=date(2026, 9, 24), words="differs")]),
                now=heard.clock.now(),
            )
        run_due_jobs(heard.services, tuple(job for job in WATCH_JOBS if job.name == "beat"))
        assert len(ear.gets) == 1

    def test_stops_when_a_tick_hangs(self, heard: House, ear: Receiver) -> None:
        """A job before it that never ends keeps the beat from coming, and nothing beats beside the tick."""
        heard.services.errands = Errands(beside=True)
        go, hangs = threading.Event(), threading.Event()

        def hang(*_: object) -> None:
            hangs.set()
            go.wait(30)

        jobs = (Job(name="hang", every=timedelta(0), run=hang, about="hangs"), *WATCH_JOBS)
        tick = threading.Thread(target=run_due_jobs, args=(heard.services, jobs))
        tick.start()
        assert hangs.wait(10)
        assert ear.gets == []
        go.set()
        tick.join(20)
        for thread in threading.enumerate():
            if thread.name == "errand-heartbeat":
                thread.join(20)
        assert len(ear.gets) == 1

    def test_is_the_last_job_of_a_tick(self) -> None:
        """So that every other one has ended before."""
        assert WATCH_JOBS[-1].name == "beat"

    def test_says_nothing_of_its_address(self) -> None:
        """When nobody answers, in one line."""
        with pytest.raises(UnavailableError) as caught:
            beat("http://127.0.0.1:9/tok3n")
        assert "tok3n" not in str(caught.value)

    def test_needs_no_address(self, house: House) -> None:
        """Without one the job does nothing."""
        assert "beat" in run_due_jobs(house.services, WATCH_JOBS)
