"""What Twilio refuses, the simulator refuses with Twilio's code."""

from datetime import timedelta

import pytest
from twilio.base.exceptions import TwilioRestException

from care.base.clock import SystemClock
from care.simulators.twilio.catalogue import FAILURES, REFUSALS
from care.simulators.twilio.process import SimulatorError, start_twilio_simulator
from tests.simulators.twilio.conftest import client_of

TO, SENDER, SERVICE = "+8613800138000", "+15005550006", "MG" + "a" * 32
GOOD = {"to": TO, "from_": SENDER, "body": "hi"}
SOON = SystemClock().now() + timedelta(seconds=10)
HOUR = SystemClock().now() + timedelta(hours=1)

CASES = [
    ({"to": ""}, 21604),
    ({"to": "13800138000"}, 21211),
    ({"to": "+0123456789"}, 21211),
    ({"to": "+86 138 0013 8000"}, 21211),
    ({"from_": None}, 21603),
    ({"from_": "+1 500"}, 21212),
    ({"from_": "!"}, 21212),
    ({"from_": "TwelveLetter"}, 21212),
    ({"from_": TO}, 21266),
    ({"to": "+12025550123", "from_": "Operator"}, 21612),
    ({"body": None}, 21602),
    ({"body": ""}, 21602),
    ({"body": "好" * 1601}, 21617),
    ({"status_callback": "ftp://example.com"}, 21609),
    ({"status_callback": "https://my_host.example/x"}, 21609),
    ({"status_callback": "no url"}, 21609),
    ({"validity_period": 0}, 21624),
    ({"validity_period": 36001}, 21624),
    ({"validity_period": "soon"}, 21624),
    ({"from_": None, "messaging_service_sid": "MGxyz"}, 21705),
    ({"content_sid": "HX1"}, 21655),
    ({"media_url": ["nowhere"]}, 21620),
    ({"schedule_type": "fixed"}, 35111),
    ({"schedule_type": "later", "send_at": HOUR}, 20001),
    ({"schedule_type": "fixed", "send_at": HOUR}, 35118),
    ({"from_": None, "messaging_service_sid": SERVICE, "schedule_type": "fixed", "send_at": SOON}, 35115),
    ({"from_": None, "messaging_service_sid": SERVICE, "schedule_type": "fixed", "send_at": "noon"}, 35114),
    ({"risk_check": "maybe"}, 20001),
    ({"attempt": "two"}, 20001),
    ({"smart_encoded": "maybe"}, 20001),
    ({"to": "+15005550001"}, 21211),
    ({"to": "+15005550002"}, 21612),
    ({"to": "+15005550003"}, 21408),
    ({"to": "+15005550004"}, 21610),
    ({"to": "+15005550009"}, 21614),
    ({"from_": "+15005550001"}, 21212),
    ({"from_": "+15005550007"}, 21606),
    ({"from_": "+15005550008"}, 21611),
]


class TestCreate:
    @pytest.mark.parametrize(("change", "code"), CASES)
    def test_is_refused(self, client, simulator, change, code) -> None:
        """The code is Twilio's, the HTTP status 400, and nothing is accepted."""
        before = len(simulator.accepted())
        given = {name: value for name, value in (GOOD | change).items() if value is not None}
        with pytest.raises(TwilioRestException) as refused:
            client.messages.create(**given)
        assert (refused.value.status, refused.value.code) == (400, code)
        assert len(simulator.accepted()) == before

    @pytest.mark.parametrize("body", ["a" * 1600, "好" * 1600, "€"])
    def test_takes_the_longest_body(self, client, body) -> None:
        """The longest body that is allowed is accepted."""
        assert client.messages.create(**GOOD | {"body": body}).body == body

    @pytest.mark.parametrize("sender", ["Operator", "95500", "+4915112345678", "A B-C_1&2+"])
    def test_takes_every_kind_of_sender(self, client, sender) -> None:
        """Numbers, short codes, words and services may send."""
        assert client.messages.create(**GOOD | {"from_": sender}).from_ == sender

    @pytest.mark.parametrize(
        "url", ["https://care.example.com/x/y?a=b#rc=2", "http://127.0.0.1:8000/x", "http://[::1]:8000/", "https://a.b"]
    )
    def test_takes_a_proper_callback(self, client, url) -> None:
        """A URL with a port, a query or a fragment is fine."""
        assert client.messages.create(**GOOD | {"to": "+8613805530001", "status_callback": url}).sid

    @pytest.mark.parametrize("code", [c for c, refusal in REFUSALS.items() if refusal.status == 400])
    def test_is_refused_by_reserved_number(self, client, code) -> None:
        """A number that ends in 55 and a code is refused with it, in any country."""
        for to in (f"+120255{code}", f"+861380155{code}"):
            with pytest.raises(TwilioRestException) as refused:
                client.messages.create(**GOOD | {"to": to})
            assert refused.value.code == code

    @pytest.mark.parametrize("code", sorted(FAILURES))
    def test_fails_by_reserved_number(self, client, simulator, code) -> None:
        """The same numbers with a delivery code are accepted and fail later."""
        message = client.messages.create(**GOOD | {"to": f"+861380155{code}"})
        simulator.wait_until_settled()
        message = message.fetch()
        assert (message.status, message.error_code) == (FAILURES[code].status, code)


class TestAccountSettings:
    def test_know_the_accounts_own_senders(self) -> None:
        """With numbers, services and closed regions given, others are refused."""
        service = "MG" + "b" * 32
        with start_twilio_simulator(
            accept_log=None, senders=[SENDER], services={service: "+15005550020"}, closed_prefixes=["+53"]
        ) as simulator:
            client = client_of(simulator)
            assert client.messages.create(**GOOD).sid
            for change, code in (
                ({"from_": "+15005550021"}, 21606),
                ({"messaging_service_sid": SERVICE}, 21701),
                ({"to": "+5351234567"}, 21408),
            ):
                with pytest.raises(TwilioRestException) as refused:
                    client.messages.create(**GOOD | change)
                assert refused.value.code == code
            with pytest.raises(SimulatorError, match="no accept log"):
                simulator.accepted()
