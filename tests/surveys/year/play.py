"""Lets the made-up year happen: events are posted, jobs run, messages leave, customers write; time jumps in between."""

import asyncio
import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import read, write
from care.bootstrap import Services
from care.customers.importing.kinds import import_kind
from care.customers.importing.run import Run, import_file
from care.delivery.dispatcher import Dispatcher
from care.delivery.routes import Routes
from care.inbound.events import store as events
from care.inbound.events.reading import read_entry
from care.inbound.store import store_webhooks
from care.messages.model import CLAIMABLE
from care.messages.tables import message
from care.schedule import JOBS, run_due_jobs
from care.surveys.loop_rules import loop_rules_of
from care.surveys.phone_answers import OUTCOMES, import_answers
from care.surveys.phone_tasks import open_tasks
from tests.house import House
from tests.surveys.year.customers_life import Asked, Carrier, Life
from tests.surveys.year.people import Person
from tests.surveys.year.tickets import Ticket, posted

COLUMNS = ("id", "country", "timezone", "locale", "phone", "email", "name")
TICK = timedelta(hours=12)


@dataclass(kw_only=True)
class Year:
    """One made-up stretch of time."""

    house: House
    people: Sequence[Person]
    tickets: Sequence[Ticket]
    dice: random.Random
    step: timedelta

    def __post_init__(self) -> None:
        """Know the customers."""
        self.life = Life(self.people, self.house.clock, self.dice)
        services = self.house.services
        services.__dict__["sandbox_life"] = Carrier(services.settings, services.engine, services.clock)

    @property
    def services(self) -> Services:
        """The product."""
        return self.house.services

    def enter_people(self, folder: Path) -> None:
        """Import the customers as an operator does."""
        path = folder / "customers.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, COLUMNS)
            out.writeheader()
            for one in self.people:
                row = {"id": one.id, "country": one.country, "timezone": one.zone, "locale": one.locale}
                out.writerow({**row, "phone": one.phone, "email": one.email, "name": "Jo Example"})
        services = self.services
        kind = import_kind(
            "customers",
            operator=services.settings.operator,
            hasher=services.hasher,
            currency_digits=2,
            now=services.clock.now,
        )
        run = Run(engine=services.engine, kind=kind, suppression_key=services.keys.suppression, clock=services.clock)
        report = import_file(run, path)
        assert report.rejected == 0, report.refusals[:3]

    def play(self, until: datetime) -> None:
        """Live to an instant, in whole steps, over those in which nothing can happen."""
        clock, posts = self.house.clock, posted(self.tickets, self.dice)
        routes = Routes(tuple(Asked(gateway, self.life) for gateway in self.services.gateways().all()))
        begin, number, next_tick, month = clock.now(), 0, clock.now(), 0
        while clock.now() < until:
            now, begun = clock.now(), number
            month = self._tell_month(month, now, number)
            while number < len(posts) and posts[number][0] <= now:
                number += 1
            self._post([event for _, event in posts[begun:number]], now)
            self._hear(now)
            self._work(routes)
            if now >= next_tick:
                self._call(now)
                next_tick = now + TICK
            news = posts[number][0] if number < len(posts) else None
            coming = [news, self.life.next_at(), self.services.sandbox_life.next_at(), self._next_wake(), next_tick]
            soonest = min(at for at in coming if at is not None)
            steps = max((now - begin) // self.step + 1, -((begin - soonest) // self.step))
            clock.set(min(until, begin + steps * self.step))

    def _tell_month(self, before: int, now: datetime, number: int) -> int:
        """Say how far it is, for whoever waits for a whole year."""
        if now.month != before:
            print(f"{now:%Y-%m-%d}: {number} events, {len(self.life.kept)} messages", flush=True)  # noqa: T201
        return now.month

    def _post(self, items: Sequence[dict[str, Any]], now: datetime) -> None:
        zone = ZoneInfo(self.services.settings.operator.timezone)
        entries = [read_entry(item, zone=zone, now=now) for item in items]
        assert all(entry.problem is None for entry in entries), [entry.problem for entry in entries]
        rows = [events.row_of(entry.event, source="year", now=now) for entry in entries if entry.event]
        if rows:
            with write(self.services.engine) as conn:
                events.add_events(conn, list({row["external_id"]: row for row in rows}.values()))

    def _hear(self, now: datetime) -> None:
        rows = self.life.written_by(now)
        if rows:
            with write(self.services.engine) as conn:
                store_webhooks(conn, rows)

    def _work(self, routes: Routes) -> None:
        """Run the schedule once, and send what is due after it."""
        failed = {job.name for job in JOBS if not job.every} - set(run_due_jobs(self.services, JOBS))
        assert not failed, f"{failed} failed on {self.house.clock.now()}"
        if self._is_due():
            work = self.services.work(routes)
            work.dice = self.dice
            asyncio.run(Dispatcher(work).run(asyncio.Event(), until_idle=True))

    def _call(self, now: datetime) -> None:
        """Let people make the calls that wait, and record how each ended."""
        with read(self.services.engine) as conn:
            calls = list(open_tasks(conn))
        if not calls:
            return
        path = self.house.folder / "calls.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["ref", "outcome", "overall"])
            for call in calls:
                outcome = self.dice.choice(OUTCOMES)
                out.writerow([call.ref, outcome, "5" if outcome == "answered" else ""])
        rules = loop_rules_of(self.services.settings, self.services.root, self.services.hasher)
        report = import_answers(self.services.engine, path, rules=rules, now=now)
        assert (report.rows, report.rejected) == (len(calls), 0)

    def _is_due(self) -> bool:
        wakes = self._next_wake()
        return wakes is not None and wakes <= self.house.clock.now()

    def _next_wake(self) -> datetime | None:
        waits = message.c.status.in_([str(status) for status in CLAIMABLE])
        with read(self.services.engine) as conn:
            wakes: datetime | None = conn.execute(sa.select(sa.func.min(message.c.wake_at)).where(waits)).scalar()
        return wakes
