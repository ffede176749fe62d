"""What customers wrote while we did not hear them is fetched, and counts as if it had come; over real HTTP."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.clock import SystemClock, VirtualClock
from care.base.database import write
from care.customers.tables import suppression
from care.delivery.presence import SHORTEST_GAP, WEB
from care.delivery.tables import incarnation
from care.inbound.missed import ANYHOW_EVERY, LAG
from care.inbound.tables import inbound_message, webhook
from care.messages.tables import message
from care.simulators.twilio.process import ACCOUNT_SID, AUTH_TOKEN, TwilioSimulator, start_twilio_simulator
from care.watchers import ask_missed
from tests.factories import make_customer
from tests.inbound.house import dispatch, make_message
from tests.web.conftest import Site

NUMBER, OTHERS, SERVICE = "+8610690000", "+8610690001", "MG" + "a" * 32
HEARD, REFUSES, ALSO_REFUSES = "+8613800001111", "+8613800002222", "+8613800003333"


@pytest.fixture
def simulator() -> Iterator[TwilioSimulator]:
    """One for each test: what an earlier one wrote would be fetched as well."""
    with start_twilio_simulator(services={SERVICE: NUMBER}) as simulator:
        yield simulator


@pytest.fixture
def now_clock() -> VirtualClock:
    """A clock that agrees with the simulator's, which runs."""
    return VirtualClock(SystemClock().now())


@pytest.fixture(params=["from_number", "messaging_service_sid"])
def open_house(
    request: pytest.FixtureRequest, simulator: TwilioSimulator, open_site: Callable[..., Site]
) -> Iterator[Callable[[], Site]]:
    """Start a web process, each time on the same port, that Twilio calls."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    account = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "base_url": simulator.url}
    sender = {request.param: SERVICE if request.param == "messaging_service_sid" else NUMBER}
    simulator.configure(inbound_url=f"{url}/webhooks/twilio/inbound")
    yield lambda: open_site(
        operator={"public_url": url}, web={"port": port}, sms={"provider": "twilio"}, twilio={**account, **sender}
    )
    simulator.configure(inbound_url=None)


def was_away(site: Site, since: datetime, until: datetime) -> None:
    """Enter that a web process lived until `since`, and the next from `until`."""
    rows = [{"role": WEB, "host": "h", "pid": 1, "started_at": at, "seen_at": at} for at in (since, until)]
    with write(site.services.engine) as conn:
        conn.execute(sa.insert(incarnation), rows)


def said(site: Site) -> list[tuple[str, str, str]]:
    site.wait(lambda: all(row.done_at for row in site.rows(webhook)))
    return sorted((row.address, row.text, row.handled_as) for row in site.rows(inbound_message))


def catch_up(site: Site) -> list[dict[str, Any]]:
    """Let the job run; return what it says of replies."""
    with capture_logs() as logs:
        ask_missed(site.services, site.services.clock.now(), None)
    return [each for each in logs if each["event"].startswith("replies.")]


class TestWhatCustomersWroteInAGap:
    @pytest.fixture
    def clock(self, now_clock: VirtualClock) -> VirtualClock:
        return now_clock

    def test_is_fetched_and_counts_once(
        self, open_house: Callable[[], Site], simulator: TwilioSimulator, clock: VirtualClock
    ) -> None:
        """Twenty seconds without a web process: refusals in them silence, at the hour at which they were written."""
        site = open_house()
        with write(site.services.engine) as conn:
            for phone in (HEARD, REFUSES, ALSO_REFUSES):
                make_customer(conn, phone=phone, consents=("greeting",))
        catch_up(site)  # at first a little is read in any case
        begun = SystemClock().now().replace(microsecond=0)
        assert simulator.reply(HEARD, NUMBER, "退订").status == 204
        site.stop()
        assert simulator.reply(REFUSES, NUMBER, "退订").status is None
        assert simulator.reply(ALSO_REFUSES, NUMBER, "STOP").status is None
        assert simulator.reply(ALSO_REFUSES, OTHERS, "STOP").status is None
        clock.advance(timedelta(seconds=20))
        site = open_house()
        site.wait(lambda: len(site.rows(incarnation)) == 2)
        (told,) = catch_up(site)

        assert (told["event"], told["provider"], told["new"]) == ("replies.fetched", "twilio", 2)
        assert not [word for word in ("+86", "退订") if word in json.dumps(told, ensure_ascii=False)]
        everything = [(HEARD, "退订"), (REFUSES, "退订"), (ALSO_REFUSES, "STOP")]
        assert said(site) == sorted((*each, "opt_out") for each in everything)
        assert len([row for row in site.rows(suppression) if row.lifted_at is None]) == 3
        assert all(begun <= row.received_at <= SystemClock().now() for row in site.rows(inbound_message)[1:])
        kept = json.dumps([row.payload for row in site.rows(webhook)], ensure_ascii=False)
        assert "退订" not in kept
        assert REFUSES not in kept

        assert catch_up(site) == [], "each gap is asked about once"
        clock.advance(LAG)
        assert [each["new"] for each in catch_up(site)] == [0], "and once more when the list has caught up"
        assert catch_up(site) == []

    @pytest.mark.parametrize("open_house", ["from_number"], indirect=True)
    def test_is_fetched_while_it_lasts(
        self, open_house: Callable[[], Site], simulator: TwilioSimulator, clock: VirtualClock
    ) -> None:
        """By the leader at its first look after an outage, and each minute where only the web process is gone."""
        site = open_house()
        site.wait(lambda: site.rows(incarnation))
        catch_up(site)
        site.stop()
        for phone in (REFUSES, ALSO_REFUSES):
            simulator.reply(phone, NUMBER, "TD")
            clock.advance(SHORTEST_GAP + timedelta(seconds=1))
            assert [each["new"] for each in catch_up(site)] == [1]
            assert catch_up(site) == []
        assert said(site) == [(phone, "TD", "opt_out") for phone in (REFUSES, ALSO_REFUSES)]

    def test_is_fetched_where_no_gap_is_known(
        self, open_house: Callable[[], Site], simulator: TwilioSimulator, clock: VirtualClock
    ) -> None:
        """Of a proxy that was down nobody here knows: the list is read every hour."""
        site = open_house()
        catch_up(site)
        site.stop()
        simulator.reply(REFUSES, NUMBER, "TD")
        with write(site.services.engine) as conn:
            conn.execute(sa.delete(incarnation))
        clock.advance(ANYHOW_EVERY - timedelta(seconds=1))
        assert catch_up(site) == []
        clock.advance(timedelta(seconds=1))
        assert [each["new"] for each in catch_up(site)] == [1]
        assert said(site) == [(REFUSES, "TD", "opt_out")]

    def test_is_asked_for_again_when_the_provider_is_silent(
        self, open_house: Callable[[], Site], simulator: TwilioSimulator, clock: VirtualClock, open_site: Any
    ) -> None:
        """No answer is no empty list; it is told once."""
        account = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "from_number": NUMBER}
        lost = open_site(sms={"provider": "twilio"}, twilio={**account, "base_url": "http://127.0.0.1:9"})
        was_away(lost, clock.now() - timedelta(minutes=9), clock.now())
        simulator.configure(inbound_url="http://127.0.0.1:9/")
        simulator.reply(REFUSES, NUMBER, "TD")
        for told in (["replies.not_fetched"], []):
            assert [each["event"] for each in catch_up(lost)] == told
        site = open_house()
        assert [each["event"] for each in catch_up(site)] == ["replies.fetched"]
        assert (REFUSES, "TD", "opt_out") in said(site)


class TestWhatWeRefused:
    @pytest.fixture
    def clock(self, now_clock: VirtualClock) -> VirtualClock:
        return now_clock

    def test_is_fetched_when_it_can_be_kept(
        self, open_house: Callable[[], Site], simulator: TwilioSimulator, clock: VirtualClock
    ) -> None:
        """The web process lived, and answered 503 as it could not keep what it was told."""
        site = open_house()
        catch_up(site)
        clock.advance(timedelta(seconds=1))
        break_inbox(site)
        assert simulator.reply(REFUSES, NUMBER, "退订").status == 503
        mend_inbox(site)
        site.stop()
        assert [each["new"] for each in catch_up(site)] == [1]
        assert said(site) == [(REFUSES, "退订", "opt_out")]


class TestAReceiptThatWeRefused:
    @pytest.mark.parametrize("open_house", ["from_number"], indirect=True)
    def test_is_asked_about_when_it_can_be_kept(
        self, open_house: Callable[[], Site], simulator: TwilioSimulator
    ) -> None:
        """At once, not after a day without news, although no minute passed without a web process."""
        site = open_house()
        with write(site.services.engine) as conn:
            customer_id = make_customer(conn, phone=HEARD, consents=("greeting",))
            make_message(conn, customer_id=customer_id, now=site.services.clock.now())
        break_inbox(site)
        assert dispatch(site.services) == 1
        simulator.wait_until_settled()
        mend_inbox(site)
        catch_up(site)
        assert [row.status for row in site.rows(message)] == ["accepted"]
        site.stop()
        catch_up(site)
        assert [row.status for row in site.rows(message)] == ["delivered"]


def break_inbox(site: Site) -> None:
    with write(site.services.engine) as conn:
        conn.execute(sa.text("ALTER TABLE webhook RENAME TO out_of_reach"))


def mend_inbox(site: Site) -> None:
    with write(site.services.engine) as conn:
        conn.execute(sa.text("ALTER TABLE out_of_reach RENAME TO webhook"))
