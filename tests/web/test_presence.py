"""The web process leaves a trace of its life, so that its absence can be seen."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.database import read
from care.delivery.presence import WEB, Gap, deaf_gaps
from care.delivery.tables import incarnation
from care.web import presence_thread
from care.web.presence_thread import PresenceThread
from care.web.refused import Refused
from tests.house import House
from tests.web.conftest import Site


def lives_of(engine: sa.Engine) -> list[sa.Row[tuple[object, ...]]]:
    with read(engine) as conn:
        return list(conn.execute(sa.select(incarnation).where(incarnation.c.role == WEB)))


class TestPresence:
    def test_begins_with_the_server_and_ends_with_it(self, site: Site) -> None:
        """One row per life, closed by a clean end."""
        site.wait(lambda: lives_of(site.services.engine))
        assert lives_of(site.services.engine)[0].ended_at is None
        site.stop()
        assert lives_of(site.services.engine)[0].ended_at is not None

    def test_goes_on_after_a_look_that_fails(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever it raises: without this thread nobody tells that the leader is gone."""
        looked_twice, looks = threading.Event(), list[int]()

        def fail() -> None:
            looks.append(1)
            if len(looks) > 1:
                looked_twice.set()
            raise TypeError

        monkeypatch.setattr(presence_thread, "SEE_EVERY", timedelta(milliseconds=5))
        thread = PresenceThread(house.engine, house.clock, fail, refused=Refused())
        with capture_logs() as said:
            thread.start()
            assert looked_twice.wait(20)
            thread.stop()
        assert {each["event"] for each in said} == {"presence.failed"}

    def test_tells_since_when_callbacks_were_refused(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Once, as soon as the database takes it, however often it was refused before."""
        refused, since = Refused(), house.clock.now() - timedelta(seconds=20)
        for at in (since + timedelta(seconds=3), since, since + timedelta(seconds=9)):
            refused.note(at)
        with pytest.raises(OSError, match="away"), refused.told():
            raise OSError("away")
        monkeypatch.setattr(presence_thread, "SEE_EVERY", timedelta(milliseconds=5))
        looked = threading.Event()
        thread = PresenceThread(house.engine, house.clock, looked.set, refused=refused)
        thread.start()
        assert looked.wait(20)
        thread.stop()

        with read(house.engine) as conn:
            assert deaf_gaps(conn, since=since) == [Gap(since, house.clock.now())]

    def test_tells_that_its_machine_slept(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its life went on meanwhile, but nobody heard."""
        monkeypatch.setattr(presence_thread, "SEE_EVERY", timedelta(milliseconds=5))
        since, slept, looked = house.clock.now(), timedelta(minutes=30), threading.Event()

        def sleep() -> None:
            if not looked.is_set():
                house.clock.advance(slept)
                looked.set()

        thread = PresenceThread(house.engine, house.clock, sleep, refused=Refused())
        thread.start()
        assert looked.wait(20)
        thread.stop()

        with read(house.engine) as conn:
            assert deaf_gaps(conn, since=since) == [Gap(since, since + slept)]

    def test_tells_it_at_its_end_at_the_latest(self, house: House) -> None:
        """What is refused in the last seconds of a process is not forgotten with it."""
        refused, began = Refused(), threading.Event()
        thread = PresenceThread(house.engine, house.clock, began.set, refused=refused)
        thread.start()
        while not lives_of(house.engine):
            assert not began.wait(0.01)
        refused.note(house.clock.now())
        thread.stop()

        with read(house.engine) as conn:
            assert deaf_gaps(conn, since=house.clock.now()) == [Gap(house.clock.now(), house.clock.now())]
