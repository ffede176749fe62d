"""The web process leaves a trace of its life, so that its absence can be seen."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.database import read
from care.delivery.presence import WEB
from care.delivery.tables import incarnation
from care.web import presence_thread
from care.web.presence_thread import PresenceThread
from tests.house import House
from tests.web.conftest import Site


class TestPresence:
    def test_begins_with_the_server_and_ends_with_it(self, site: Site) -> None:
        """One row per life, closed by a clean end."""

        def lives() -> list[sa.Row[tuple[object, ...]]]:
            with read(site.services.engine) as conn:
                return list(conn.execute(sa.select(incarnation).where(incarnation.c.role == WEB)))

        site.wait(lives)
        assert lives()[0].ended_at is None
        site.stop()
        assert lives()[0].ended_at is not None

    def test_goes_on_after_a_look_that_fails(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever it raises: without this thread nobody tells that the leader is gone."""
        looked_twice, looks = threading.Event(), list[int]()

        def fail() -> None:
            looks.append(1)
            if len(looks) > 1:
                looked_twice.set()
            raise TypeError

        monkeypatch.setattr(presence_thread, "SEE_EVERY", timedelta(milliseconds=5))
        thread = PresenceThread(house.engine, house.clock, fail)
        with capture_logs() as said:
            thread.start()
            assert looked_twice.wait(20)
            thread.stop()
        assert {each["event"] for each in said} == {"presence.failed"}
