"""A house with the shipped campaigns of the follow-up, and the verbs of its tests."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.inbound.sandbox_life import SandboxLife
from care.messages.tables import message
from care.schedule import follow_up as follow_up_job
from care.surveys.tables import follow_up
from tests.factories import make_customer
from tests.house import ROOT, House
from tests.surveys.factories_tickets import make_resolved

SHIPPED = ("repair_followup", "complaint_followup", "installation_followup")


@dataclass
class FollowUps:
    """A house that follows up."""

    house: House

    @property
    def now(self) -> datetime:
        """The house's instant."""
        return self.house.clock.now()

    def customer(self, **fields: Any) -> int:
        """Insert a customer."""
        with write(self.house.engine) as conn:
            return make_customer(conn, **fields)

    def resolved(self, customer_id: int, **fields: Any) -> str:
        """Resolve a new ticket of a customer now, or at `at`."""
        with write(self.house.engine) as conn:
            return make_resolved(conn, customer_id=customer_id, **{"at": self.now, **fields})

    def tick(self) -> None:
        """Run the jobs of one tick, send what is due, and hear the carrier."""
        last = self.now - timedelta(minutes=1)
        follow_up_job(self.house.services, self.now, last)
        self.house.plan()
        if self.is_anything_due():
            self.house.dispatch()
        self.hear()
        follow_up_job(self.house.services, self.now, last)

    def hear(self) -> None:
        """Take in what the sandbox's carrier and customers say."""
        self.carrier.pump(self.now)

    def is_anything_due(self) -> bool:
        """Tell whether a sender would find work; starting one costs more than all the rest of a tick."""
        due = sa.exists().where(message.c.status.in_(["planned", "held"]), message.c.wake_at <= self.now)
        with read(self.house.engine) as conn:
            return bool(conn.execute(sa.select(due)).scalar_one())

    def advance(self, length: timedelta, step: timedelta = timedelta(hours=1)) -> None:
        """Let time pass, with a tick at each step."""
        end = self.now + length
        while self.now < end:
            self.house.clock.advance(min(step, end - self.now))
            self.tick()

    @property
    def carrier(self) -> SandboxLife:
        """The sandbox's carrier."""
        return self.house.services.sandbox_life

    def one(self, external_id: str) -> sa.Row[Any]:
        """Return one follow-up."""
        with read(self.house.engine) as conn:
            return conn.execute(sa.select(follow_up).where(follow_up.c.external_id == external_id)).one()

    def all(self) -> list[sa.Row[Any]]:
        """Return every follow-up."""
        with read(self.house.engine) as conn:
            return list(conn.execute(sa.select(follow_up).order_by(follow_up.c.id)).all())


@pytest.fixture
def follow_ups(house: House) -> FollowUps:
    """The shipped campaigns of the follow-up, at 10:00 in Shanghai on a Friday that is a holiday."""
    for name in SHIPPED:
        house.write_campaign((ROOT / f"campaigns/{name}.yaml").read_text(encoding="utf-8"), name)
    return FollowUps(house)
