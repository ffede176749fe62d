"""Whatever happens, in whatever order, the books balance: planning, crashes, sending, receipts, edits, people."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.inbound.sandbox_life import SandboxLife
from care.messages import stops
from care.messages.model import MessageStatus
from care.messages.store import add_intended, claim_due
from care.planning import planner
from care.reports.books import books_for, open_books
from care.reports.evidence import unproven
from tests.factories import make_customer
from tests.house import BIRTHDAY, House

SEEDS = range(6)
STEPS = 30
FAR = timedelta(days=400)
OFFER = (
    BIRTHDAY.replace("id: birthday", "id: gift").replace("name: birthday", "name: gift").replace("greeting", "offer")
)
OFFER = OFFER.replace("template: birthday", "template: birthday_gift") + "values: {benefit: {zh-CN: 10GB}}\n"
BOTH_CHANNELS = BIRTHDAY.replace("id: birthday", "id: both").replace("name: birthday", "name: both")
BOTH_CHANNELS += "on_every_channel: true\n"


class Life:
    """A house to which things happen by lot."""

    def __init__(self, house: House, dice: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house, self.dice, self.monkeypatch = house, dice, monkeypatch
        self.people = 0
        self.carrier = SandboxLife(house.services.settings, house.engine, house.clock)

    def things(self) -> list[Callable[[], object]]:
        return [
            self.arrive, self.arrive, self.house.plan, self.house.plan, self.send, self.send, self.receipts, self.crash_while_planning, self.crash_while_sending,
            self.send, self.send, self.wait, self.receipts, self.edit, self.withdraw, self.return_, self.cancel,
            self.retry, self.leave, self.erase,
        ]  # fmt: skip

    def arrive(self) -> None:
        """Some have a phone that fails, some none, some share one."""
        with write(self.house.engine) as conn:
            for _ in range(self.dice.randint(1, 6)):
                self.people += 1
                fate = self.dice.choice(["", "", "5530003", "5521614", "5500503", "5500504", "5500429", "5500910"])
                phone = f"+86138{self.people % 10}{fate}" if fate else f"+861390000{self.people // 2:04d}"
                make_customer(
                    conn,
                    phone=self.dice.choice([phone, phone, phone, None]),
                    email=self.dice.choice([None, f"p{self.people}@example.com"]),
                    consents=self.dice.choice([("greeting", "offer"), ("greeting", "offer"), ("greeting",), ()]),
                    birth_mmdd=self.dice.choice([925, 926]),
                    deceased=self.dice.random() < 0.1,
                )

    def crash_while_planning(self) -> None:
        """The process dies between the rows and their count, in one chunk of several."""
        left = self.dice.randint(0, 3)

        def dying(*args: object, **kwargs: object) -> None:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            add_intended(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

        with self.monkeypatch.context() as patch:
            patch.setattr(planner, "CHUNK", 2)
            patch.setattr(planner.ledger, "add_intended", dying)
            try:
                self.house.plan()
            except KeyboardInterrupt:
                return

    def crash_while_sending(self) -> None:
        """A sender claims and is never heard of again; its lease runs out."""
        now = self.house.clock.now()
        with write(self.house.engine) as conn:
            claim_due(conn, owner=999, lane=5, now=now, lease_until=now + timedelta(minutes=1), limit=2)

    def send(self) -> None:
        self.house.dispatch()

    def wait(self) -> None:
        self.house.clock.advance(timedelta(minutes=self.dice.choice([1, 2, 40])))

    def receipts(self) -> None:
        self.carrier.pump(self.house.clock.now() + timedelta(minutes=self.dice.choice([0, 10])))

    def edit(self) -> None:
        self.house.write_campaign(BIRTHDAY.replace("10:00", self.dice.choice(["10:00", "09:30", "15:00"])))
        self.house.plan()

    def withdraw(self) -> None:
        if (self.house.folder / "campaigns" / "gift.yaml").exists():
            self.house.remove_campaign("gift")
            self.house.plan()

    def return_(self) -> None:
        self.house.write_campaign(OFFER, "gift")
        self.house.plan()

    def cancel(self) -> None:
        stops.cancel_campaign(self.house.engine, "birthday", by="ops:test", now=self.house.clock.now())

    def retry(self) -> None:
        for status in stops.RETRYABLE:
            stops.retry_campaign(self.house.engine, "birthday", status, by="ops:test", now=self.house.clock.now())

    def leave(self) -> None:
        self._change(status="left")

    def erase(self) -> None:
        self._change(erased_at=self.house.clock.now(), name=None)

    def _change(self, **values: object) -> None:
        with write(self.house.engine) as conn:
            ids = conn.execute(sa.select(customer.c.id)).scalars().all()
            if ids:
                conn.execute(sa.update(customer).where(customer.c.id == self.dice.choice(ids)).values(**values))


class TestTheBooks:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_balance_after_every_step_of_any_life(self, house: House, seed: int, monkeypatch) -> None:
        """The difference of each page is 0 at any moment, no status stands without evidence, no promise was broken."""
        dice = random.Random(seed)
        for text, name in ((BIRTHDAY, "birthday"), (OFFER, "gift"), (BOTH_CHANNELS, "both")):
            house.write_campaign(text, name)
        house.services.campaigns.require_sound()
        life = Life(house, dice, monkeypatch)
        life.arrive()
        story = ["arrive"]
        for _ in range(STEPS):
            thing = dice.choice(life.things())
            story.append(thing.__name__)
            thing()
            self.check(house, story)
        house.clock.advance(timedelta(days=5))
        house.plan()
        house.dispatch()
        life.receipts()
        self.check(house, [*story, "five days"])
        today = house.clock.now().date()
        with read(house.engine) as conn:
            found = open_books(
                conn, first=today - FAR, last=today + FAR, policies=house.services.policies, now=house.clock.now()
            )
        assert found.balance, (found.verdict, found.broken, story)

    @staticmethod
    def check(house: House, story: list[str]) -> None:
        today = house.clock.now().date()
        with read(house.engine) as conn:
            pages = books_for(conn, first=today - FAR, last=today + FAR)
            names = sorted({page.campaign_id for page in pages})
            finding = unproven(conn, [(name, today - FAR, today + FAR) for name in names])
        assert [page for page in pages if page.difference] == [], story
        assert finding.count == 0, (story, [row for row in house.messages() if row.id in finding.message_ids])

    def test_count_everyone_of_a_large_audience_once(self, house: House, monkeypatch) -> None:
        """Planned in chunks, cut off in the middle, planned again: nobody is missing, nobody double."""
        monkeypatch.setattr(planner, "CHUNK", 3)
        with write(house.engine) as conn:
            for _ in range(20):
                make_customer(conn, consents=("greeting",), birth_mmdd=925)
        house.write_campaign()
        life = Life(house, random.Random(3), monkeypatch)
        life.crash_while_planning()
        house.plan()
        house.plan()
        (page,) = self.pages(house)
        assert (page.intended, page.difference, page.count(MessageStatus.PLANNED)) == (20, 0, 20)

    @staticmethod
    def pages(house: House):
        today = house.clock.now().date()
        with read(house.engine) as conn:
            return books_for(conn, first=today - FAR, last=today + FAR)
