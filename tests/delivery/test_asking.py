"""Receipts that never came: the provider is asked, and what it says counts as if it had come."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.bootstrap import Services
from care.delivery.billing import bills_of
from care.delivery.presence import SHORTEST_GAP, WEB, Gap, gaps_between
from care.delivery.registry import build_gateways, inbound_listers, places_with_records
from care.delivery.tables import incarnation
from care.messages.tables import attempt, message, receipt
from care.schedule import WATCH_JOBS, run_due_jobs, watch
from care.simulators.twilio.process import ACCOUNT_SID, AUTH_TOKEN, TwilioSimulator, start_twilio_simulator
from care.watchers import ask_missed, ask_silent
from tests.factories import make_customer
from tests.inbound.house import dispatch, make_message, open_house

NEVER_CONFIRMED, LOST = "+8613805500000", "+8613805530003"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def simulator() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(callbacks=False) as simulator:
        yield simulator


@pytest.fixture
def house(
    simulator: TwilioSimulator, engine: sa.Engine, clock: VirtualClock, tmp_path: Path
) -> Callable[..., Services]:
    """Services that send through a Twilio which never calls back."""

    def open_(**more: object) -> Services:
        account = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "from_number": "+8610690000"}
        twilio = {**account, "base_url": simulator.url, **more}
        return open_house(engine, clock, tmp_path, sms={"provider": "twilio"}, twilio=twilio)

    return open_


def send_to(services: Services, simulator: TwilioSimulator, *phones: str) -> None:
    with write(services.engine) as conn:
        for phone in phones:
            customer_id = make_customer(conn, phone=phone, consents=("greeting",))
            make_message(conn, customer_id=customer_id, now=services.clock.now())
    assert dispatch(services) == len(phones)
    simulator.wait_until_settled()


def statuses(services: Services) -> list[str]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(message.c.status).order_by(message.c.id)).scalars())


def attempts(services: Services) -> list[sa.Row[tuple[object, ...]]]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(attempt).order_by(attempt.c.id)))


def live(services: Services, begun: datetime, seen: datetime) -> None:
    """Enter a life of a web process."""
    with write(services.engine) as conn:
        row = {"role": WEB, "host": "h", "pid": 1, "started_at": begun, "seen_at": seen}
        conn.execute(sa.insert(incarnation).values(row))


class TestAskSilent:
    def test_takes_the_providers_word_after_a_day(
        self, house: Callable[..., Services], simulator: TwilioSimulator
    ) -> None:
        """Not before; delivered and undelivered alike, with parts and price; what has news is not asked again."""
        services = house()
        send_to(services, simulator, "+8613800000001", LOST, NEVER_CONFIRMED)
        services.clock.advance(DAY - timedelta(minutes=1))
        ask_silent(services, services.clock.now(), None)
        assert statuses(services) == ["accepted"] * 3

        services.clock.advance(timedelta(minutes=2))
        ask_silent(services, services.clock.now(), None)
        assert statuses(services) == ["delivered", "undelivered", "sent"]
        first = attempts(services)[0]
        assert (first.billed_parts, first.billed_micros, first.billed_currency) == (1, 7_500, "USD")
        asked_at = [row.asked_at for row in attempts(services)]
        ask_silent(services, services.clock.now(), None)
        assert [row.asked_at for row in attempts(services)] == asked_at
        with read(services.engine) as conn:
            words = conn.execute(sa.select(receipt.c.status, receipt.c.error_code)).all()
            (bill,) = bills_of(conn, attempt.c.provider == "twilio")
        assert sorted(map(tuple, words)) == [("delivered", ""), ("sent", ""), ("undelivered", "30003")]
        assert (bill.messages, bill.parts_billed, bill.parts_counted, str(bill.price)) == (3, 3, 3, "0.0225")

    def test_gives_up_after_three_days_without_news(
        self, house: Callable[..., Services], simulator: TwilioSimulator
    ) -> None:
        """A carrier that never confirms: sent, asked once a day, then unconfirmed."""
        services = house()
        send_to(services, simulator, NEVER_CONFIRMED)
        services.clock.advance(DAY + timedelta(minutes=1))
        ask_silent(services, services.clock.now(), None)
        for _ in range(2):
            services.clock.advance(DAY + timedelta(minutes=1))
            before = attempts(services)[0].asked_at
            ask_silent(services, services.clock.now(), None)
            assert attempts(services)[0].asked_at > before
            watch(services, services.clock.now(), None)
            assert statuses(services) == ["sent"]
        services.clock.advance(DAY)
        watch(services, services.clock.now(), None)
        assert statuses(services) == ["unconfirmed"]

    def test_waits_for_a_provider_that_does_not_answer(
        self, house: Callable[..., Services], simulator: TwilioSimulator
    ) -> None:
        """Nothing is noted as asked, and the next round asks again."""
        services = house()
        send_to(services, simulator, "+8613800000001")
        services.clock.advance(DAY + timedelta(minutes=1))
        away = house(base_url="http://127.0.0.1:9")
        ask_silent(away, services.clock.now(), None)
        assert attempts(services)[0].asked_at is None
        ask_silent(services, services.clock.now(), None)
        assert statuses(services) == ["delivered"]


class TestAskMissed:
    def test_fetches_what_came_while_nobody_heard(
        self, house: Callable[..., Services], simulator: TwilioSimulator
    ) -> None:
        """The web process was away for ten minutes: what had left before or in them is asked about, once."""
        services = house()
        start = services.clock.now()
        live(services, start - timedelta(hours=1), start - timedelta(minutes=1))
        send_to(services, simulator, "+8613800000001", NEVER_CONFIRMED)
        services.clock.advance(timedelta(minutes=9))
        ask_missed(services, services.clock.now(), None)
        assert statuses(services) == ["accepted", "accepted"], "nobody hears yet: the gap is not over"

        live(services, services.clock.now(), services.clock.now())
        ask_missed(services, services.clock.now(), None)
        assert statuses(services) == ["delivered", "sent"]
        asked_at = attempts(services)[1].asked_at
        services.clock.advance(timedelta(minutes=1))
        ask_missed(services, services.clock.now(), None)
        assert attempts(services)[1].asked_at == asked_at

    def test_leaves_alone_what_was_heard(self, house: Callable[..., Services], simulator: TwilioSimulator) -> None:
        """Without a gap nothing is asked before its day."""
        services = house()
        start = services.clock.now()
        live(services, start - timedelta(hours=1), start + timedelta(hours=1))
        send_to(services, simulator, "+8613800000001")
        ask_missed(services, services.clock.now(), None)
        assert attempts(services)[0].asked_at is None

    def test_runs_as_a_job(self, house: Callable[..., Services]) -> None:
        """Both are in the daemon's table."""
        assert {"ask", "catch_up"} <= set(run_due_jobs(house(), WATCH_JOBS))


SPANS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 600)), max_size=12)


class TestGaps:
    @given(spans=SPANS)
    def test_are_exactly_the_minutes_without_a_life(self, spans: list[tuple[int, int]]) -> None:
        """Compared with a plain look at every second between the first life and the last."""
        zero = datetime(2026, 1, 1, tzinfo=UTC)
        lives = [(zero + timedelta(seconds=begun), zero + timedelta(seconds=begun + length)) for begun, length in spans]
        heard = {second for begun, length in spans for second in range(begun, begun + length + 1)}
        expected, last = list[Gap](), None
        for second in sorted(heard):
            if last is not None and timedelta(seconds=second - last) > SHORTEST_GAP:
                expected.append(Gap(zero + timedelta(seconds=last), zero + timedelta(seconds=second)))
            last = second

        assert gaps_between(lives) == expected


class TestPlaces:
    @pytest.mark.parametrize("sms", ["sandbox", "twilio"])
    @pytest.mark.parametrize("email", ["sandbox", "smtp"])
    def test_are_those_whose_adapter_says_so(self, tmp_path: Path, clock: VirtualClock, sms: str, email: str) -> None:
        """The list that loads no adapter agrees with the adapters."""
        engine = sa.create_engine("sqlite://", hide_parameters=True)
        twilio = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "from_number": "+1"}
        tables = {"sms": {"provider": sms}, "email": {"provider": email}, "twilio": twilio}
        settings = open_house(engine, clock, tmp_path, **tables).settings
        gateways = build_gateways(settings, clock=clock)

        told = [(each.channel, each.provider) for each in gateways.all() if each.capabilities.keeps_records]
        assert places_with_records(settings) == told
        told = [(each.channel, each.provider) for each in gateways.all() if each.capabilities.lists_inbound]
        assert inbound_listers(settings) == told
