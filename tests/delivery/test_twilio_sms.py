import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from twilio.rest import Client

from care.base.clock import VirtualClock
from care.base.errors import UnavailableError
from care.base.settings import TwilioSettings
from care.delivery.channels.base import ErrorClass, Outgoing, Result, Retry
from care.delivery.channels.twilio_http import TwilioHttp
from care.delivery.channels.twilio_sms import LARGEST_PAGE, TwilioSms
from care.messages.model import Outcome
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.mail_server import CA_FILE
from tests.delivery.scripted_server import Request, ScriptedServer, json_answer

NOW = datetime(2026, 9, 25, 2, tzinfo=UTC)
ACCOUNT = "AC" + "0" * 32
TOKEN = "a-secret-that-no-log-may-hold"
CREATED = json_answer(201, {"sid": "SM1", "status": "queued"})


def adapter(url: str, **changes: object) -> TwilioSms:
    own = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": "+15005550006"}
    values = {**own, "base_url": url, "timeout_seconds": 1}
    settings = TwilioSettings(**(values | changes))
    return TwilioSms(settings, public_url="https://care.example.com/", clock=VirtualClock(NOW))


def sms(**changes: object) -> Outgoing:
    values: dict[str, object] = {
        "attempt_id": 1,
        "message_id": 1,
        "token": "tok_-en",
        "to": "+8613800000001",
        "body": "您好 & 100% = ok +1",
        "valid_until": NOW + timedelta(hours=1),
    }
    return Outgoing(**(values | changes))


def ask(*answers: bytes, message: Outgoing | None = None, **settings: object) -> tuple[Result, ScriptedServer]:
    """Send one message to a server that gives `answers`."""

    async def run() -> tuple[Result, ScriptedServer]:
        async with ScriptedServer(*answers) as server:
            gateway = adapter(server.url, **settings)
            await gateway.open()
            result = await gateway.send(message or sms())
            await gateway.close()
            return result, server

    return asyncio.run(run())


def form_of(server: ScriptedServer) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(server.requests[0].body.decode()).items()}


class TestRequest:
    def test_carries_what_twilio_needs_and_nothing_else(self) -> None:
        """Recipient, sender, text, callback of this attempt and validity; exact after decoding."""
        _, server = ask(CREATED)
        assert form_of(server) == {
            "To": "+8613800000001",
            "From": "+15005550006",
            "Body": "您好 & 100% = ok +1",
            "StatusCallback": "https://care.example.com/webhooks/twilio/status/tok_-en#rc=3&rp=all",
            "ValidityPeriod": "3600",
        }

    def test_is_what_the_sdk_would_say(self) -> None:
        """Path, sign-in, headers and form are those of the SDK's own `create`, though it is asked for them once."""

        async def run() -> list[Request]:
            async with ScriptedServer(CREATED, CREATED) as server:
                gateway = adapter(server.url)
                await gateway.open()
                await gateway.send(sms())
                http = TwilioHttp(server.url, timeout_seconds=1, connections=1)
                await http.open()
                await Client(ACCOUNT, TOKEN, http_client=http).messages.create_async(
                    to=sms().to,
                    from_="+15005550006",
                    body=sms().body,
                    status_callback="https://care.example.com/webhooks/twilio/status/tok_-en#rc=3&rp=all",
                    validity_period=3600,
                )
                await asyncio.gather(gateway.close(), http.close())
                return server.requests

        ours, theirs = asyncio.run(run())
        assert ours.line == theirs.line == f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1"
        assert ours.headers | {"content-length": ""} == theirs.headers | {"content-length": ""}
        assert parse_qs(ours.body.decode()) == parse_qs(theirs.body.decode())

    @pytest.mark.parametrize(
        ("valid_for", "seconds"),
        [
            (timedelta(days=3), "36000"),
            (timedelta(seconds=36_000), "36000"),
            (timedelta(seconds=90.9), "90"),
            (timedelta(seconds=0.2), "1"),
            (timedelta(hours=-1), "1"),
        ],
    )
    def test_ends_when_silence_is_better(self, valid_for: timedelta, seconds: str) -> None:
        """ValidityPeriod is what is left of the time, within Twilio's 1 to 36,000 seconds."""
        _, server = ask(CREATED, message=sms(valid_until=NOW + valid_for))
        assert form_of(server)["ValidityPeriod"] == seconds

    @pytest.mark.parametrize(
        ("sender", "service", "name", "value"),
        [
            ("", "", "From", "+15005550006"),
            ("", "MG" + "a" * 32, "MessagingServiceSid", "MG" + "a" * 32),
            ("106900", "MG" + "a" * 32, "From", "106900"),
            ("MG" + "b" * 32, "", "MessagingServiceSid", "MG" + "b" * 32),
        ],
    )
    def test_names_the_sender_of_the_purpose(self, sender: str, service: str, name: str, value: str) -> None:
        """The message's own sender wins, then the messaging service, then the number."""
        _, server = ask(CREATED, message=sms(sender=sender), messaging_service_sid=service)
        form = form_of(server)
        assert form[name] == value
        assert not {"From", "MessagingServiceSid"} - {name} & form.keys()

    def test_is_not_diverted_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """TWILIO_EDGE and TWILIO_REGION change another host's name; ours stays."""
        monkeypatch.setenv("TWILIO_EDGE", "dublin")
        monkeypatch.setenv("TWILIO_REGION", "ie1")
        result, server = ask(CREATED)
        assert result.outcome is Outcome.ACCEPTED
        assert len(server.requests) == 1

    def test_keeps_a_path_before_the_api(self) -> None:
        """A proxy may serve Twilio's API under a folder of its own."""

        async def run() -> ScriptedServer:
            async with ScriptedServer(CREATED) as server:
                gateway = adapter(server.url + "/twilio/")
                await gateway.open()
                await gateway.send(sms())
                await gateway.close()
                return server

        line = asyncio.run(run()).requests[0].line
        assert line.startswith(f"POST /twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json ")

    def test_uses_one_connection_for_many(self) -> None:
        """Connections are kept."""

        async def run() -> ScriptedServer:
            async with ScriptedServer(*[CREATED] * 5) as server:
                gateway = adapter(server.url)
                await gateway.open()
                for _ in range(5):
                    await gateway.send(sms())
                await gateway.close()
                return server

        assert asyncio.run(run()).connections == 1


class TestAnswer:
    def test_too_many_requests_tells_when_to_come_back(self) -> None:
        """A 429 was never processed, and its Retry-After is handed on."""
        busy = json_answer(429, {"code": 20429, "status": 429}, "Retry-After: 7\r\n")
        result, server = ask(busy)
        assert (result.outcome, result.error_code, result.error_class) == (
            Outcome.REFUSED,
            "20429",
            ErrorClass.CAPACITY,
        )
        assert result.retry_after_seconds == 7
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("answer", "error_code"),
        [
            (json_answer(500, {"code": 20500}), "20500"),
            (json_answer(503, {}), "503"),
            (json_answer(504, {"code": 21610}), "21610"),
            (json_answer(201, {"status": "queued"}), "201"),
            (json_answer(201, ["no object"]), "201"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>no!", "200"),
            (b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", "408"),
            (b"this is no HTTP\r\n\r\n", "no-answer"),
            (b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{", "no-answer"),
            (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "no-answer"),
            (b"", "no-answer"),
        ],
    )
    def test_that_settles_nothing_is_a_doubt(self, answer: bytes, error_code: str) -> None:
        """Server errors, unreadable answers and cuts are UNKNOWN, whatever code they carry, and asked once."""
        result, server = ask(answer)
        assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, error_code)
        assert result.rule is not None
        assert result.rule.retry is Retry.NEVER
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("status", "code", "error_class"),
        [
            (400, 21211, ErrorClass.NUMBER_PERMANENT),
            (400, 21610, ErrorClass.OPTED_OUT),
            (400, 21617, ErrorClass.CONFIG),
            (400, 99999, ErrorClass.UNKNOWN),
            (401, 20003, ErrorClass.CONFIG),
            (404, 20404, ErrorClass.CONFIG),
            (302, None, ErrorClass.CONFIG),
        ],
    )
    def test_that_refuses_is_certain(self, status: int, code: int | None, error_class: ErrorClass) -> None:
        """A refusal is a refusal; a redirect is not followed."""
        result, server = ask(json_answer(status, {"code": code}, "Location: http://127.0.0.1:9/\r\n"))
        assert (result.outcome, result.error_class) == (Outcome.REFUSED, error_class)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"sid": \r\n6;x=y\r\n"SM1"}\r\n0\r\nA: b\r\n\r\n',
            b'HTTP/1.1 201 Created\r\n\r\n{"sid": "SM1"}',
            b'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 14\r\n\r\n{"sid": "SM1"}',
            b'HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{"sid": "SM1"}',
        ],
    )
    def test_is_read_however_it_is_framed(self, answer: bytes) -> None:
        """Chunked, ended by the connection, announced by hints, or from an old proxy."""
        result, _ = ask(answer)
        assert (result.outcome, result.provider_ref) == (Outcome.ACCEPTED, "SM1")

    def test_may_come_in_any_pieces(self) -> None:
        """An answer that arrives byte by byte is the same answer."""

        async def run() -> Result:
            async with ScriptedServer(CREATED, piece=1) as server:
                gateway = adapter(server.url, timeout_seconds=5)
                await gateway.open()
                result = await gateway.send(sms())
                await gateway.close()
                return result

        assert asyncio.run(run()).provider_ref == "SM1"

    def test_of_nobody_is_retried_and_then_certain(self) -> None:
        """A connection that ends before the request leaves nothing in doubt."""

        async def run() -> Result:
            gateway = adapter("http://127.0.0.1:9")
            await gateway.open()
            result = await gateway.send(sms())
            await gateway.close()
            return result

        result = asyncio.run(run())
        assert (result.outcome, result.error_code) == (Outcome.REFUSED, "not-sent")

    def test_after_closing_opens_nothing(self) -> None:
        """A closed gateway refuses."""

        async def run() -> Result:
            return await adapter("http://127.0.0.1:9").send(sms())

        assert asyncio.run(run()).outcome is Outcome.REFUSED

    def test_of_a_stranger_is_not_trusted(self) -> None:
        """A certificate that no authority vouches for ends the attempt before a byte of it leaves."""

        async def run() -> tuple[Result, str, int]:
            async with ScriptedServer(CREATED, certificate="localhost.pem") as server:
                gateway = adapter(server.url)
                await gateway.open()
                result, advice = await gateway.send(sms()), await gateway.check()
                await gateway.close()
                return result, advice, len(server.requests)

        result, advice, requests = asyncio.run(run())
        assert (result.outcome, result.error_class) == (Outcome.REFUSED, ErrorClass.CONFIG)
        assert requests == 0
        assert advice.startswith("twilio.base_url: its certificate is not trusted.")


class TestServer:
    def test_that_an_authority_vouches_for_is_trusted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The machine's own bundle of authorities decides, as for every other program."""
        monkeypatch.setenv("SSL_CERT_FILE", str(CA_FILE))

        async def run() -> Result:
            async with ScriptedServer(CREATED, certificate="localhost.pem") as server:
                gateway = adapter(server.url)
                await gateway.open()
                result = await gateway.send(sms())
                await gateway.close()
                return result

        assert asyncio.run(run()).outcome is Outcome.ACCEPTED


@pytest.fixture(scope="module")
def simulator() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(callbacks=False, auth_token=TOKEN, account_sid=ACCOUNT) as running:
        yield running


class TestRecords:
    def use(self, url: str, body: Callable[[TwilioSms], Awaitable[object]], **settings: object) -> None:
        async def run() -> None:
            gateway = adapter(url, **settings)
            await gateway.open()
            try:
                await body(gateway)
            finally:
                await gateway.close()

        asyncio.run(run())

    def test_tell_of_one_message(self, simulator: TwilioSimulator) -> None:
        """`fetch` finds what was sent by its sid, and nothing by another."""

        async def body(gateway: TwilioSms) -> None:
            sent = await gateway.send(sms())
            found = await gateway.fetch(sent.provider_ref)
            assert found is not None
            assert (found.sid, found.to, found.body) == (
                sent.provider_ref,
                "+8613800000001",
                "您好 & 100% = ok +1",
            )
            assert found.to not in repr(found)
            assert found.body not in repr(found)
            assert await gateway.fetch("SM" + "0" * 32) is None
            assert await gateway.fetch("../../x\r\nX: y") is None

        self.use(simulator.url, body)

    def test_list_what_went_to_one_number(self, simulator: TwilioSimulator) -> None:
        """`list_to` shows our messages to a number since an instant, newest first, over any number of pages."""

        async def body(gateway: TwilioSms) -> None:
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            sids = [(await gateway.send(sms(to="+8613800000777"))).provider_ref for _ in range(60)]
            listed = await gateway.list_to("+8613800000777", long_ago)
            assert [message.sid for message in listed] == sids[::-1]
            assert await gateway.list_to("+8613800000777", datetime(2999, 1, 1, tzinfo=UTC)) == []
            assert await gateway.list_to("+8613800000778", long_ago) == []

        self.use(simulator.url, body, timeout_seconds=10)

    def test_list_a_day_over_many_pages(self, simulator: TwilioSimulator) -> None:
        """A thousand a page, all pages; what others sent from the same account is not ours."""

        async def body(gateway: TwilioSms) -> None:
            start = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the look-alike's clock is the real one
            sent = await asyncio.gather(*(gateway.send(sms(to=f"+86139{n:08}")) for n in range(LARGEST_PAGE + 5)))
            foreign = await gateway.send(sms(sender="+15005550009"))
            simulator.wait_until_settled()
            found = [each async for each in gateway.list_between(start, start + timedelta(hours=1))]
            mine = [each.sid for each in found if each.to.startswith("+86139")]
            assert sorted(mine) == sorted(result.provider_ref for result in sent)
            assert foreign.provider_ref not in {each.sid for each in found}
            assert {each.price_unit for each in found} == {"USD"}

        self.use(simulator.url, body, timeout_seconds=20)

    def test_are_missed_loudly(self) -> None:
        """Without an answer they raise one line with what to do; a page of some proxy is none."""

        async def both() -> None:
            async with ScriptedServer(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>") as server:
                for url in ("http://127.0.0.1:9", server.url):
                    with pytest.raises(UnavailableError, match=r"^twilio: no usable answer\."):
                        await asyncio.to_thread(self.use, url, lambda gateway: gateway.fetch("SM1"))

        asyncio.run(both())

    def test_check_names_a_wrong_token(self, simulator: TwilioSimulator) -> None:
        """The one line says what to correct and holds no secret."""

        async def body(gateway: TwilioSms) -> None:
            advice = await gateway.check()
            assert advice.startswith("twilio: HTTP 401: account SID and token do not fit.")
            assert "wrong-one" not in advice

        self.use(simulator.url, body, auth_token="wrong-one")

    def test_check_says_when_nobody_listens(self, caplog: pytest.LogCaptureFixture) -> None:
        """And nothing is logged on the way."""
        caplog.set_level(logging.DEBUG)

        async def body(gateway: TwilioSms) -> None:
            assert await gateway.check() == "twilio.base_url: no connection. Check the network and the URL"

        self.use("http://127.0.0.1:9", body)
        assert TOKEN not in caplog.text
