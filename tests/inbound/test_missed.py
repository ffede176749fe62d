"""Words that are fetched later than those that followed them; when which stretch is asked for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from twilio.rest import Client

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.errors import UnavailableError
from care.base.told import Told
from care.base.vocabulary import Channel
from care.bootstrap import Services
from care.customers.model import SuppressionReason, SuppressionScope
from care.customers.suppressions import suppress_hash
from care.customers.tables import suppression
from care.delivery.channels.base import Capabilities, CustomerMessage, Gateway
from care.delivery.channels.twilio_inbound import inbound_messages
from care.delivery.presence import Gap
from care.delivery.routes import Routes
from care.inbound.missed import ANYHOW_EVERY, LAG, SKEW, fetch_replies, note_asked, stretch_of, stretches_to_ask
from care.inbound.store import store_webhooks
from care.inbound.tables import inbound_message
from care.inbound.twilio import fetched_row
from care.inbound.worker import work_inbox
from care.messages.tables import message
from care.reports.metrics import figures
from tests.factories import address_hash, make_customer
from tests.inbound.house import hear, inbound_form

PHONE, SERVICE = "+8613800001111", "MG" + "a" * 32
NOW = datetime(2026, 9, 25, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def work(services: Services) -> None:
    work_inbox(services.engine, services.inbound_rules, now=services.clock.now())


def fetch(services: Services, body: str, *, ago: timedelta) -> None:
    """Take in what a customer wrote so long ago."""
    now = services.clock.now()
    with write(services.engine) as conn:
        store_webhooks(conn, [fetched_row(inbound_form(PHONE, body), now, written_at=now - ago)])
    work(services)


def is_silenced(services: Services) -> bool:
    with read(services.engine) as conn:
        return bool(conn.execute(sa.select(suppression).where(suppression.c.lifted_at.is_(None))).first())


def answers(services: Services) -> list[str]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(message.c.campaign_id).order_by(message.c.id)).scalars())


class TestAWordFetchedLate:
    @pytest.fixture(autouse=True)
    def _customer(self, services: Services) -> None:
        with write(services.engine) as conn:
            make_customer(conn, phone=PHONE, consents=("greeting",))

    @pytest.mark.parametrize(("earlier", "later", "silenced"), [("START", "退订", True), ("退订", "START", False)])
    def test_does_not_undo_what_was_said_after_it(
        self, services: Services, earlier: str, later: str, *, silenced: bool
    ) -> None:
        """The last word of a customer counts, not the last that reached us."""
        hear(services, PHONE, later)
        work(services)
        fetch(services, earlier, ago=10 * MINUTE)

        assert is_silenced(services) is silenced
        with read(services.engine) as conn:
            words = conn.execute(sa.select(inbound_message.c.text, inbound_message.c.handled_as)).all()
        assert {row.text: row.handled_as for row in words} == {"START": "opt_in", "退订": "opt_out"}

    def test_counts_by_when_it_was_written(self, services: Services) -> None:
        """Both were missed: the refusal came after the consent."""
        fetch(services, "退订", ago=10 * MINUTE)
        fetch(services, "START", ago=20 * MINUTE)
        assert is_silenced(services)
        fetch(services, "START", ago=5 * MINUTE)
        assert not is_silenced(services)

    def test_never_counts_as_said_after_what_is_heard_next(self, services: Services) -> None:
        """Where our clock is behind the provider's, a START of a while ago seemed to follow a STOP of now."""
        fetch(services, "START", ago=-10 * MINUTE)
        cast("VirtualClock", services.clock).advance(MINUTE)
        hear(services, PHONE, "退订")
        work(services)
        assert is_silenced(services)

    @pytest.mark.parametrize("is_heard", [True, False])
    def test_of_a_wrong_clock_takes_no_refusal_away(self, services: Services, *, is_heard: bool) -> None:
        """A START was stamped an hour too late; then the clock was set back."""
        clock = cast("VirtualClock", services.clock)
        clock.advance(60 * MINUTE)
        hear(services, PHONE, "START")
        work(services)
        clock.set(clock.now() - 55 * MINUTE)
        if is_heard:
            hear(services, PHONE, "退订")
            work(services)
        else:
            fetch(services, "退订", ago=0 * MINUTE)
        assert is_silenced(services)

    def test_does_not_undo_what_was_chosen_on_the_page(self, services: Services) -> None:
        """A refusal on the web since then stands."""
        with write(services.engine) as conn:
            suppress_hash(
                conn,
                address_hash=address_hash("sms", PHONE),
                channel="sms",
                scope=SuppressionScope.ALL,
                reason=SuppressionReason.OPT_OUT,
                source="web",
                now=services.clock.now(),
            )
        fetch(services, "START", ago=10 * MINUTE)
        assert is_silenced(services)

    def test_is_confirmed_only_while_somebody_waits_for_it(self, services: Services) -> None:
        """After hours it might be night; the refusal itself holds."""
        fetch(services, "退订", ago=timedelta(hours=5))
        assert (is_silenced(services), answers(services)) == (True, [])
        fetch(services, "START", ago=10 * MINUTE)
        assert (is_silenced(services), answers(services)) == (False, ["reply:optin_confirm"])


class TestFiguresOfReplies:
    def test_count_what_came_from_the_list(self, services: Services) -> None:
        """Beside what was heard, and how long ago each provider was asked."""
        hear(services, PHONE, "hello")
        work(services)
        fetch(services, "退订", ago=10 * MINUTE)
        with write(services.engine) as conn:
            note_asked(conn, (Channel.SMS, "twilio"), services.clock.now() - 5 * MINUTE)
        with read(services.engine) as conn:
            found = {
                (each.name, *dict(each.labels).values()): each.value for each in figures(conn, services.clock.now())
            }
        assert found["care_webhooks_last_day", "twilio.inbound", "done"] == 2
        assert found["care_replies_fetched_last_day",] == 1
        assert found["care_replies_asked_seconds", "twilio"] == 300


class TestStretches:
    @pytest.mark.parametrize(
        ("gaps", "asked", "begins"),
        [
            ([(30, 20)], None, 30),  # never asked
            ([(30, 20)], 25, 30),  # asked before it was over
            ([(30, 20)], 19, 30),  # the list had perhaps not caught up then
            ([(30, 20)], 17, None),
            ([(5, 1)], 0.5, None),  # not now either: later
            ([(50, 40), (30, 20)], 35, 30),
            ([], None, 0),  # what was before this house is not ours
            ([], 59, None),
            ([], 60, 60),
            ([(70, 69)], 60, 60),
            ([(30, 20)], -60, 30),  # the clock was set back
        ],
    )
    def test_begin_with_the_first_gap_not_asked_about(
        self, gaps: list[tuple[float, float]], asked: float | None, begins: float | None
    ) -> None:
        """All in minutes ago; with a margin on both sides."""
        assert LAG == 2 * MINUTE
        assert ANYHOW_EVERY == 60 * MINUTE
        given = [Gap(NOW - start * MINUTE, NOW - end * MINUTE) for start, end in gaps]
        last = None if asked is None else NOW - asked * MINUTE

        found = stretch_of(given, None, asked=last, now=NOW)
        expected = None if begins is None else Gap(NOW - begins * MINUTE - SKEW, NOW + SKEW)
        assert found == expected

    @pytest.mark.parametrize("ahead", [-10, 10])
    def test_reach_as_far_as_clocks_may_differ(self, ahead: int) -> None:
        """What was written in a gap has the provider's hour; ours may be wrong by minutes."""
        found = stretch_of([Gap(NOW - 5 * MINUTE, NOW)], None, asked=NOW - 30 * MINUTE, now=NOW)
        assert found is not None
        assert found.start <= NOW - (3 + ahead) * MINUTE < found.end

    @pytest.mark.parametrize(("asked", "begins"), [(None, 30), (50, 30), (1, 1), (0.9, None)])
    def test_while_nobody_hears_go_on_where_the_last_ended(self, asked: float | None, begins: float | None) -> None:
        """Each minute, since half an hour."""
        last = None if asked is None else NOW - asked * MINUTE
        found = stretch_of([], NOW - 30 * MINUTE, asked=last, now=NOW)
        assert found == (None if begins is None else Gap(NOW - begins * MINUTE - SKEW, NOW + SKEW))


class Lists:
    """A gateway that lists one message; `asking` is called before the next page."""

    channel, provider = Channel.SMS, "twilio"
    capabilities = Capabilities(two_way=True, callback_per_message=True, lists_inbound=True)

    def __init__(self, asking: Callable[[], None]) -> None:
        self._asking = asking

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def list_inbound(self, _start: datetime, _end: datetime) -> AsyncIterator[CustomerMessage]:
        yield CustomerMessage(sid="SM1", at=NOW, form={})
        self._asking()


class TestFetchReplies:
    def test_notes_no_more_than_was_asked(self, services: Services) -> None:
        """Where a provider took its time, a gap of that time is asked about afterwards."""
        clock, place = services.clock, (Channel.SMS, "twilio")
        assert isinstance(clock, VirtualClock)
        begun = clock.now()
        clock.advance(10 * MINUTE)  # another provider was asked first
        slow = Routes((cast("Gateway", Lists(lambda: clock.advance(10 * MINUTE))),))
        fetch_replies(services.engine, slow, {place: Gap(begun - MINUTE, begun + SKEW)}, clock=clock, told=Told())

        deaf = Gap(begun + 5 * MINUTE, begun + 6 * MINUTE)
        with read(services.engine) as conn:
            (again,) = stretches_to_ask(conn, [place], [deaf], now=clock.now()).values()
        assert again.start <= deaf.start

    def test_asks_again_for_a_list_that_broke_off(self, services: Services) -> None:
        """From where it was asked before: what is behind the break may be a refusal."""

        def break_off() -> None:
            raise UnavailableError("no usable answer")

        place, now = (Channel.SMS, "twilio"), services.clock.now()
        deaf = Gap(now - 3 * MINUTE, now - 2 * MINUTE)
        half = Routes((cast("Gateway", Lists(break_off)),))
        assert (
            fetch_replies(
                services.engine, half, {place: Gap(deaf.start, now + SKEW)}, clock=services.clock, told=Told()
            )
            == 0
        )
        with read(services.engine) as conn:
            (again,) = stretches_to_ask(conn, [place], [deaf], now=now).values()
        assert again.start <= deaf.start


class ListOf:
    """A client whose list holds these messages, newest first."""

    def __init__(self, *listed: dict[str, Any]) -> None:
        names = ("sid", "account_sid", "from_", "to", "body", "num_media", "num_segments", "messaging_service_sid")
        at = {"date_created": NOW, "date_sent": NOW}
        self._listed = [SimpleNamespace(**dict.fromkeys(names) | at | each) for each in listed]
        self.messages = self

    async def stream_async(self, from_: str = "", **_filters: object) -> AsyncIterator[Any]:
        async def stream() -> AsyncIterator[Any]:
            for each in self._listed:
                if from_ in ("", each.from_):
                    yield each

        return stream()


def one(sid: str, direction: str, *, created: float = 0, left: float = 0, **more: str) -> dict[str, Any]:
    """Return a message of a list, created and sent so many minutes ago."""
    at = {"date_created": NOW - created * MINUTE, "date_sent": NOW - left * MINUTE}
    return {"sid": sid, "direction": direction, **at, **more}


def sids(*listed: dict[str, Any]) -> list[str]:
    """Return what came in for the service in the last half hour."""

    async def found() -> list[str]:
        client = cast("Client", ListOf(*listed))
        return [each.sid async for each in inbound_messages(client, {SERVICE}, NOW - 30 * MINUTE, NOW + MINUTE)]

    return asyncio.run(found())


class TestAService:
    def test_is_known_by_the_numbers_it_sent_from(self) -> None:
        """Also where the list does not name it beside what came in; what came in for others is left alone."""
        listed = (
            one("mine", "inbound", to="+1"),
            one("another's", "inbound", to="+2"),
            one("named", "inbound", to="+3", messaging_service_sid=SERVICE),
            one("nobody's", "inbound", to="+4"),
            one("sent by others", "outbound-api", from_="+2"),
        )
        long_ago = one("sent", "outbound-api", from_="+1", messaging_service_sid=SERVICE, created=600, left=600)
        assert sids(*listed, long_ago) == ["mine", "named"]

    def test_is_read_past_what_was_created_long_before(self) -> None:
        """It waited to leave, and stands in the midst of what came in meanwhile."""
        listed = (
            one("waited", "outbound-api", from_="+1", messaging_service_sid=SERVICE, created=90, left=1),
            one("came in", "inbound", to="+1", created=10, left=10),
            one("left before", "outbound-api", from_="+1", messaging_service_sid=SERVICE, created=90, left=31),
            one("far too old", "inbound", to="+1", messaging_service_sid=SERVICE, created=32, left=32),
        )
        assert sids(*listed) == ["came in"]
