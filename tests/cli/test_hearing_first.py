"""A leader that starts after an outage listens before it lets anybody speak, and not for long."""

import threading
from datetime import datetime, timedelta

import pytest

from care.base.database import write
from care.base.errands import Errands
from care.bootstrap import Services
from care.daemon import HEAR_SECONDS, LONG_OUTAGE, Daemon
from care.delivery.incarnation import begin_incarnation
from care.delivery.presence import WEB
from care.inbound.missed import ERRAND
from tests.house import House

SECOND = timedelta(seconds=1)


class TestALeaderThatStarts:
    @pytest.mark.parametrize(("away", "asks"), [(None, False), (LONG_OUTAGE - SECOND, False), (LONG_OUTAGE, True)])
    def test_asks_first_after_a_long_outage_and_waits_a_while(
        self, house: House, monkeypatch: pytest.MonkeyPatch, away: timedelta | None, *, asks: bool
    ) -> None:
        """After a kill it begins at once; a provider that lists nothing is not waited for."""
        asked, may_end = list[datetime](), threading.Event()

        def list_nothing() -> None:
            house.clock.advance(HEAR_SECONDS * SECOND)
            may_end.wait(60)

        def fetch(services: Services, now: datetime) -> None:
            asked.append(now)
            services.errands.run(ERRAND, list_nothing)

        monkeypatch.setattr("care.watchers.fetch_replies", fetch)
        if away is not None:
            with write(house.engine) as conn:
                begin_incarnation(conn, WEB, house.clock.now() - away)
        house.services.errands = Errands(beside=True)
        Daemon(services=house.services)._hear_first()

        assert bool(asked) is house.services.errands.is_at_work(ERRAND) is asks
        may_end.set()
