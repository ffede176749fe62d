"""A whole small house for tests: services on a given database and clock, with campaign files written by the test."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read
from care.base.settings import load_settings
from care.bootstrap import Services
from care.delivery.channels.base import Gateway
from care.delivery.dispatcher import Dispatcher
from care.delivery.routes import Routes
from care.messages.tables import message
from care.planning.run import PlanRun, plan_all
from tests.factories import SUPPRESSION_KEY

ROOT = Path(__file__).resolve().parents[1]
BIRTHDAY = """\
id: birthday
name: birthday
purpose: greeting
audience: everyone
occasion: {kind: birthday, at: "10:00"}
channels: [sms, email]
template: birthday
use_within: 8h
"""


@dataclass
class House:
    """Services plus the verbs that tests speak."""

    services: Services
    folder: Path

    @property
    def clock(self) -> VirtualClock:
        """The clock that moves when told."""
        assert isinstance(self.services.clock, VirtualClock)
        return self.services.clock

    @property
    def engine(self) -> sa.Engine:
        """The database under test."""
        return self.services.engine

    def write_campaign(self, text: str = BIRTHDAY, name: str = "birthday") -> None:
        """Write or replace a campaign file; the next plan reads it."""
        (self.folder / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")
        self.services.shelf.refresh()

    def remove_campaign(self, name: str = "birthday") -> None:
        """Take a campaign file away."""
        (self.folder / "campaigns" / f"{name}.yaml").unlink()
        self.services.shelf.refresh()

    def plan(self, *, ahead: timedelta = timedelta(hours=36), **more: Any) -> PlanRun:
        """Run one round of planning."""
        services = self.services
        return plan_all(
            self.engine,
            list(services.campaigns),
            rules=services.planning_rules,
            now=self.clock.now(),
            ahead=ahead,
            **more,
        )

    def dispatch(self, gateways: Mapping[Any, Gateway] | Routes | None = None) -> int:
        """Send everything that is due now; return how many were handed over."""
        routes = Routes(tuple(gateways.values())) if isinstance(gateways, Mapping) else gateways
        dispatcher = Dispatcher(self.services.work(routes))
        return asyncio.run(dispatcher.run(asyncio.Event(), until_idle=True))

    def messages(self, **where: Any) -> list[sa.Row[Any]]:
        """Return ledger rows by id."""
        wanted = sa.select(message).order_by(message.c.id).filter_by(**where)
        with read(self.engine) as conn:
            return list(conn.execute(wanted).all())

    def statuses(self) -> dict[str, int]:
        """Return how many messages stand where, as 'status' or 'status: reason'."""
        found: dict[str, int] = {}
        for row in self.messages():
            word = f"{row.status}: {row.reason}" if row.reason else row.status
            found[word] = found.get(word, 0) + 1
        return found


def build_house(folder: Path, engine: sa.Engine, clock: VirtualClock, **settings: str) -> House:
    """Return a house in a folder of its own; `settings` are environment names without CARE_."""
    (folder / "campaigns").mkdir(exist_ok=True)
    (folder / "campaigns" / "segments.yaml").write_text("", encoding="utf-8")
    env = {
        "CARE_DATABASE__URL": engine.url.render_as_string(hide_password=False),
        "CARE_PATHS__CAMPAIGNS": str(folder / "campaigns"),
        "CARE_PATHS__STATE": str(folder / ".care"),
        "CARE_PATHS__TEMPLATES": str(ROOT / "templates" / "messages"),
        "CARE_SECURITY__SECRET_KEY": "a secret for tests only, of thirty-two bytes",
        "CARE_SECURITY__SUPPRESSION_KEY": SUPPRESSION_KEY.decode(),
        "CARE_SMS__RATE_PER_SECOND": "10000",
        "CARE_EMAIL__RATE_PER_SECOND": "10000",
        **{f"CARE_{key}": value for key, value in settings.items()},
    }
    services = Services(settings=load_settings(env, directory=folder), clock=clock, root=folder)
    services.__dict__["engine"] = engine
    return House(services=services, folder=folder)
