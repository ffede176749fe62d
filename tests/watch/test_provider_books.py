"""What we call handed over is what the provider lists, and every difference has a name."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.errors import UnavailableError
from care.base.vocabulary import Channel
from care.delivery.channels.base import Capabilities, Outgoing, ProviderMessage, Result
from care.delivery.incarnation import begin_incarnation
from care.delivery.routes import Routes
from care.messages.tables import attempt, message
from care.schedule import WATCH_JOBS, run_due_jobs
from care.watch.book_store import days_to_compare, keep_pages, keep_verdict, kept_pages
from care.watch.provider_books import BookState, Missing, ProviderPage, compare_day, day_bounds
from tests.house import House
from tests.reports.ledger import make_attempt, make_message

ZONE = "Asia/Shanghai"
DAY = date(2026, 9, 24)
START, END = day_bounds(DAY, ZONE)


@dataclass
class Provider:
    """A provider at the port, whose list leaves out what never left."""

    channel: Channel = Channel.SMS
    provider: str = "acme"
    messages: dict[str, ProviderMessage] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)
    silent: bool = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(two_way=True, callback_per_message=True, keeps_records=True)

    def add(
        self,
        ref: str,
        at: datetime,
        *,
        status: str = "delivered",
        error: str = "",
        listed: bool = True,
        price: Decimal | None = None,
    ) -> None:
        made = {"sid": ref, "status": status, "created_at": at, "error_code": error, "parts": 1, "price": price}
        self.messages[ref] = ProviderMessage(direction="outbound-api", to="", body="", price_unit="usd", **made)
        if not listed:
            self.unlisted.add(ref)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def check(self) -> str:
        return ""

    async def send(self, outgoing: Outgoing) -> Result:
        raise AssertionError("nothing is sent here")

    async def fetch(self, sid: str) -> ProviderMessage | None:
        if self.silent:
            raise UnavailableError("acme: no usable answer. Try again later")
        return self.messages.get(sid)

    async def list_to(self, number: str, after: datetime) -> list[ProviderMessage]:
        raise AssertionError("nobody asks by number here")

    async def list_between(self, start: datetime, end: datetime) -> AsyncIterator[ProviderMessage]:
        if self.silent:
            raise UnavailableError("acme: no usable answer. Try again later")
        for ref, each in self.messages.items():
            if start <= each.created_at < end and ref not in self.unlisted:
                yield each


def compare(engine: sa.Engine, provider: Provider, clock: VirtualClock) -> ProviderPage:
    compared = compare_day(engine, Routes((provider,)), day=DAY, zone=ZONE, clock=clock, dice=random.Random(0))
    (page,) = asyncio.run(compared)
    return page


def handed_over(conn: sa.Connection, ref: str, at: datetime, *, status: str = "sent") -> int:
    made = make_message(conn, status=status, sent_at=at)
    make_attempt(conn, made, provider="acme", provider_ref=ref, intent_at=at, done_at=at)
    return made


class TestCompareDay:
    def test_balances_and_learns(self, engine: sa.Engine, clock: VirtualClock) -> None:
        """Delivered, never left and at midnight: all found; the list's last words and bills are taken on the way."""
        provider = Provider()
        noon = START + timedelta(hours=12)
        with write(engine) as conn:
            ids = [handed_over(conn, ref, noon) for ref in ("A", "B")]
            edge = handed_over(conn, "C", END - timedelta(milliseconds=1))
            handed_over(conn, "D", END + timedelta(seconds=1))
        provider.add("A", noon)
        provider.add("B", noon, status="failed", error="30004", listed=False)
        provider.add("C", END)
        provider.add("D", END + timedelta(seconds=1))

        page = compare(engine, provider, clock)

        assert (page.state, page.ours, page.theirs, page.differences) == (BookState.BALANCED, 3, 3, 0)
        assert page.words == "3 handed over, 3 on its list"
        assert [(bill.messages, bill.parts_billed) for bill in page.bills] == [(3, 3)]
        with read(engine) as conn:
            stand = {row.id: row.status for row in conn.execute(sa.select(message.c.id, message.c.status))}
        assert (stand[ids[0]], stand[ids[1]], stand[edge]) == ("delivered", "failed", "delivered")

    def test_names_every_difference(self, engine: sa.Engine, clock: VirtualClock) -> None:
        """There and unknown here; ours and unknown there: by reference and by message."""
        provider = Provider()
        noon = START + timedelta(hours=12)
        with write(engine) as conn:
            handed_over(conn, "A", noon)
            lost = handed_over(conn, "B", noon)
        provider.add("A", noon)
        provider.add("X", noon)

        page = compare(engine, provider, clock)

        assert (page.state, page.ours, page.theirs, page.differences) == (BookState.DIFFERS, 2, 2, 2)
        assert page.unknown_here == ["X"]
        assert page.missing_there == [Missing(lost, "B")]

    def test_says_that_a_provider_did_not_answer(self, engine: sa.Engine, clock: VirtualClock) -> None:
        """Not a balance and not a difference."""
        page = compare(engine, Provider(silent=True), clock)
        assert page.state is BookState.FAILED
        assert page.words == "not compared: acme: no usable answer. Try again later"
        assert page.is_wrong

    def test_says_in_words_what_cannot_be_asked(self, engine: sa.Engine, clock: VirtualClock) -> None:
        """A relay without a list, and a provider that was used and is not set up any more."""

        class Relay(Provider):
            @property
            def capabilities(self) -> Capabilities:
                return Capabilities(two_way=False, callback_per_message=False)

        with write(engine) as conn:
            for channel, provider in (("email", "relay"), ("sms", "former")):
                made = make_message(conn, status="sent", sent_at=START)
                make_attempt(conn, made, channel=channel, provider=provider, intent_at=START)
        relay = Relay(channel=Channel.EMAIL, provider="relay")
        pages = asyncio.run(
            compare_day(engine, Routes((relay,)), day=DAY, zone=ZONE, clock=clock, dice=random.Random(0))
        )
        assert [(page.provider, page.state, page.ours, page.theirs) for page in pages] == [
            ("relay", BookState.UNASKED, 1, None),
            ("former", BookState.UNASKED, 1, None),
        ]
        assert "keeps no list" in pages[0].words
        assert "not set up for sms any more" in pages[1].words

    def test_leaves_out_the_last_quarter_of_an_hour(self, engine: sa.Engine) -> None:
        """What left just now may not be written down yet, here or there, or is in doubt until it is settled."""
        now = START + timedelta(hours=12)
        provider = Provider()
        with write(engine) as conn:
            handed_over(conn, "A", now - timedelta(minutes=16))
            handed_over(conn, "B", now - timedelta(minutes=14))
        provider.add("A", now - timedelta(minutes=16))
        provider.add("X", now - timedelta(minutes=14))
        assert compare(engine, provider, VirtualClock(now)).words == "1 handed over, 1 on its list"

    @pytest.mark.parametrize("seed", range(4))
    def test_finds_exactly_what_differs(self, engine: sa.Engine, clock: VirtualClock, seed: int) -> None:
        """Hundreds of messages scattered over both sides of both midnights, compared with plain sets."""
        dice, provider = random.Random(seed), Provider()
        ours, theirs = dict[str, datetime](), dict[str, datetime]()
        with write(engine) as conn:
            for n in range(300):
                at = START + timedelta(seconds=dice.uniform(-7_200, 86_400 + 7_200))
                drift = timedelta(seconds=dice.uniform(0, 20))
                where = dice.choices(("both", "ours", "theirs"), (90, 5, 5))[0]
                if where != "theirs":
                    ours[f"R{n}"] = at
                    handed_over(conn, f"R{n}", at)
                if where != "ours":
                    theirs[f"R{n}"] = at + drift
                    provider.add(f"R{n}", at + drift, listed=where == "theirs" or dice.random() < 0.9)

        page = compare(engine, provider, clock)

        expected_missing = {ref for ref, at in ours.items() if START <= at < END and ref not in theirs}
        expected_unknown = {ref for ref, at in theirs.items() if START <= at < END and ref not in ours}
        assert {each.provider_ref for each in page.missing_there} == expected_missing
        assert set(page.unknown_here) == expected_unknown
        assert page.ours == sum(START <= at < END for at in ours.values())
        assert page.differences == len(expected_missing) + len(expected_unknown) > 0


def kept(state: BookState) -> ProviderPage:
    return ProviderPage(
        day=DAY,
        provider="acme",
        channel=Channel.SMS,
        state=state,
        ours=2,
        theirs=2,
        unknown_here=["X"],
        missing_there=[Missing(7, "B")],
        differences=2,
        words="2 handed over",
        checked_at=datetime(2026, 9, 25, 2, tzinfo=UTC),
    )


class TestKeptPages:
    def test_are_read_as_they_were_written(self, engine: sa.Engine) -> None:
        """The latest look replaces the one before; names survive."""
        with write(engine) as conn:
            keep_pages(conn, [kept(BookState.FAILED)])
            keep_pages(conn, [kept(BookState.DIFFERS)])
        with read(engine) as conn:
            (page,) = kept_pages(conn, first=DAY, last=DAY)
            assert (page.state, list(page.unknown_here), list(page.missing_there)) == (
                BookState.DIFFERS, ["X"], [Missing(7, "B")],
            )  # fmt: skip
            assert kept_pages(conn, first=DAY + timedelta(days=1), last=DAY + timedelta(days=9)) == []

    def test_are_of_the_look_that_began_last(self, engine: sa.Engine, clock: VirtualClock) -> None:
        """Two look at once: the first sees as asked what the second has asked for, and does not call it missing."""
        other = Provider()

        async def look(provider: Provider) -> None:
            pages = await compare_day(
                engine, Routes((provider,)), day=DAY, zone=ZONE, clock=clock, dice=random.Random(0)
            )
            with write(engine) as conn:
                keep_pages(conn, pages)

        class Slow(Provider):
            async def open(self) -> None:
                clock.advance(timedelta(seconds=1))
                await look(other)

        with write(engine) as conn:
            lost = handed_over(conn, "A", START + timedelta(hours=12))
        asyncio.run(look(Slow()))
        with read(engine) as conn:
            (page,) = kept_pages(conn, first=DAY, last=DAY)
        assert page.missing_there == (Missing(lost, "A"),)
        clock.advance(-timedelta(days=1))
        other.silent = True
        asyncio.run(look(other))
        with read(engine) as conn:
            (page,) = kept_pages(conn, first=DAY, last=DAY)
        assert page.state is BookState.FAILED, "a clock that is set back is not waited for"

    def test_tell_which_days_to_compare(self, engine: sa.Engine) -> None:
        """Yesterday until it was compared; then only while it is wrong, and for a week."""
        now, week = datetime(2026, 9, 25, 2, tzinfo=UTC), timedelta(days=7)

        def days(yesterday: date) -> list[date]:
            with read(engine) as conn:
                return list(days_to_compare(conn, yesterday=yesterday, morning=now, zone=ZONE))

        assert days(DAY) == []
        with write(engine) as conn:
            begin_incarnation(conn, "leader", START)
        assert days(DAY) == [DAY]
        with write(engine) as conn:
            keep_verdict(conn, DAY, balance=True, words="fine", now=now)
        assert days(DAY) == []
        with write(engine) as conn:
            keep_pages(conn, [kept(BookState.FAILED)])
        assert days(DAY) == [DAY]
        assert DAY in days(DAY + week)
        assert DAY not in days(DAY + week + timedelta(days=1))
        with write(engine) as conn:
            keep_pages(conn, [kept(BookState.UNASKED)])
            keep_verdict(conn, DAY, balance=False, words="broken", now=now)
        assert days(DAY) == [DAY]


def test_a_price_that_comes_late_is_fetched(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second morning asks once more for a list that had some prices only; one without any is of a sandbox."""
    acme = Provider()
    monkeypatch.setattr(house.services, "gateways", lambda: Routes((acme,)), raising=False)
    noon = START + timedelta(hours=12)
    with write(house.engine) as conn:
        for ref in ("A", "B"):
            handed_over(conn, ref, noon)
    acme.add("A", noon, price=Decimal("-0.0075"))
    acme.add("B", noon)
    run_due_jobs(house.services, tuple(job for job in WATCH_JOBS if job.name == "books"))
    acme.add("B", noon, price=Decimal("-0.0075"))
    prices = []
    for _ in range(4):
        with read(house.engine) as conn:
            (page,) = kept_pages(conn, first=DAY, last=DAY)
        prices.append([str(bill.price) for bill in page.bills])
        house.clock.advance(timedelta(hours=12))
        run_due_jobs(house.services, tuple(job for job in WATCH_JOBS if job.name == "books"))
    assert prices == [["None", "0.0075"], ["None", "0.0075"], ["0.015"], ["0.015"]]


def test_attempts_of_others_are_not_touched(engine: sa.Engine, clock: VirtualClock) -> None:
    """Comparing one provider marks nothing of another."""
    with write(engine) as conn:
        made = make_message(conn, status="sent", sent_at=START)
        make_attempt(conn, made, provider="other", intent_at=START)
    pages = asyncio.run(
        compare_day(engine, Routes((Provider(),)), day=DAY, zone=ZONE, clock=clock, dice=random.Random(0))
    )
    assert [page.provider for page in pages] == ["acme", "other"]
    with read(engine) as conn:
        assert conn.execute(sa.select(attempt.c.asked_at)).scalar() is None
