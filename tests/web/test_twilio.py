"""Twilio's webhooks over real HTTP: forged, replayed, garbled, oversized, many at once."""

import base64
import contextlib
import gzip
import json
import random
import socket
import threading
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from care.base.database import read, write
from care.inbound.tables import inbound_message, webhook
from care.inbound.twilio_signature import TwilioSignature, sign
from care.messages.tables import attempt, message, receipt
from care.web import guards
from care.web.routes.twilio import read_form
from tests.factories import make_customer
from tests.inbound.house import (
    PUBLIC_URL,
    TOKEN,
    inbound_form,
    make_attempt,
    make_message,
    new_sid,
    status_form,
)
from tests.web.conftest import Site

PHONE = "+8613800001111"
STATUS = "/webhooks/twilio/status/"
INBOUND = "/webhooks/twilio/inbound"


def sent_message(site: Site) -> str:
    """A message that the provider took; return its attempt's token."""
    now = site.services.clock.now()
    with write(site.services.engine) as conn:
        customer_id = make_customer(conn, phone=PHONE)
        made = make_message(conn, customer_id=customer_id, now=now, status="accepted", attempts=1, channel="sms")
        return make_attempt(conn, message_id=made, phone=PHONE, now=now)


class TestSignature:
    def test_agrees_with_the_official_validator(self) -> None:
        """300 random forms with Chinese, empty and repeated fields: the same signature, accepted both ways."""
        dice = random.Random(7)
        letters = "abcAB01 _&=+%/退订。😀\n"
        for _ in range(300):
            pairs = [
                (
                    "".join(dice.choices(letters, k=dice.randint(1, 5))),
                    "".join(dice.choices(letters, k=dice.randint(0, 9))),
                )
                for _ in range(dice.randint(0, 12))
            ]
            path = f"/webhooks/twilio/inbound?n={dice.randint(0, 9)}"
            form = _MultiDict(pairs)
            official = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, form)

            assert sign(TOKEN, PUBLIC_URL + path, pairs) == official
            assert TwilioSignature(PUBLIC_URL, [TOKEN]).is_valid(path, pairs, {"x-twilio-signature": official})

    @pytest.mark.parametrize("public_url", ["https://care.example.com", "https://care.example.com:443/"])
    @pytest.mark.parametrize("signed_url", ["https://care.example.com", "https://care.example.com:443"])
    def test_takes_the_usual_port_as_said(self, public_url: str, signed_url: str) -> None:
        """With or without :443 is the same place."""
        signature = sign(TOKEN, f"{signed_url}/x", [("a", "b")])
        assert TwilioSignature(public_url, [TOKEN]).is_valid("/x", [("a", "b")], {"x-twilio-signature": signature})

    def test_knows_shared_keys(self) -> None:
        """The settings header may ask for SHA-256; an algorithm nobody knows is refused."""
        checker = TwilioSignature(PUBLIC_URL, [TOKEN])
        headers = {
            "x-twilio-signature": RequestValidator(TOKEN).compute_signature(PUBLIC_URL + "/x", {}, "HMAC_SHA256"),
            "x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
        }
        assert checker.is_valid("/x", [], headers)
        headers["x-twilio-webhooks-signature-settings"] = "algorithm=HMAC_MD5"
        assert not checker.is_valid("/x", [], headers)

    def test_refuses_everyone_without_a_token(self) -> None:
        """An empty secret would let anybody sign."""
        signature = sign("", "/x", [])
        assert not TwilioSignature("", ["", ""]).is_valid("/x", [], {"x-twilio-signature": signature})


class _MultiDict(dict[str, list[str]]):
    """A form as web frameworks hand it to the official validator."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getall(self, name: str) -> list[str]:
        return self[name]


def _resigned(url: str) -> Callable[[Site, str, dict[str, str]], httpx.Response]:
    def post(site: Site, path: str, form: dict[str, str]) -> httpx.Response:
        return site.post_form(path, form, RequestValidator(TOKEN).compute_signature(url + path, form))

    return post


def _tampered(change: Callable[[dict[str, str]], str]) -> Callable[[Site, str, dict[str, str]], httpx.Response]:
    def post(site: Site, path: str, form: dict[str, str]) -> httpx.Response:
        signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, form)
        return site.post_form(path, change(form), signature)

    return post


def _as_json(site: Site, path: str, form: dict[str, str]) -> httpx.Response:
    body = json.dumps(form)
    url = f"{PUBLIC_URL}{path}"
    headers = {"X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(url, {})}
    return site.client.post(path, content=body, headers={**headers, "Content-Type": "application/json"})


def _wrong_token(site: Site, path: str, form: dict[str, str]) -> httpx.Response:
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, form)
    return site.post_form(path[:-4] + "AAAA", form, signature)


def _forged_host(site: Site, path: str, form: dict[str, str]) -> httpx.Response:
    signature = RequestValidator("another").compute_signature("https://evil.example" + path, form)
    headers = {"X-Twilio-Signature": signature, "Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    return site.client.post(path, data=form, headers=headers)


FORGERIES = {
    "another scheme": _resigned(PUBLIC_URL.replace("https", "http")),
    "another host": _resigned("https://care.example.org"),
    "another port": _resigned(f"{PUBLIC_URL}:8443"),
    "an extra field": _tampered(lambda form: urlencode({**form, "Extra": "1"})),
    "a missing field": _tampered(lambda form: urlencode({k: v for k, v in form.items() if k != "AccountSid"})),
    "a trimmed field": _tampered(lambda form: urlencode({**form, "From": form["From"][:-1]})),
    "a repeated field": _tampered(lambda form: urlencode(form) + "&MessageSid=SM" + "f" * 32),
    "an altered field": _tampered(lambda form: urlencode({**form, "MessageSid": new_sid()})),
    "an empty signature": lambda site, path, form: site.post_form(path, form, ""),
    "a signature of another account": lambda site, path, form: site.post_signed(path, form, token="another"),
    "a JSON body": _as_json,
    "the token of another attempt": _wrong_token,
    "a forged Host": _forged_host,
}


class TestForgeries:
    @pytest.mark.parametrize("kind", FORGERIES)
    def test_change_nothing(self, site: Site, kind: str) -> None:
        """Each is answered 403, and no row of any table is new."""
        path = STATUS + sent_message(site)
        answer = FORGERIES[kind](site, path, status_form(new_sid(), "delivered"))

        assert answer.status_code == 403
        assert (site.rows(webhook), site.rows(receipt)) == ([], [])
        assert [r.status for r in site.rows(message)] == ["accepted"]

    def test_are_answered_alike_on_the_inbound_door(self, site: Site) -> None:
        """Nobody silences a customer by posting STOP in their name."""
        answer = site.client.post(INBOUND, data=inbound_form(PHONE, "STOP"))

        assert answer.status_code == 403
        assert site.rows(webhook) == []

    @pytest.mark.parametrize(
        "body",
        [b"", b"\xff\xfe\x00", b"&&&===&", b"%zz%", b"a=" + b"%F0%9F" * 50, b"&".join(b"a=1" for _ in range(5_000))],
    )
    def test_of_garbage_are_never_our_error(self, site: Site, body: bytes) -> None:
        """Whatever bytes come: 400 or 403."""
        for path in (STATUS + "x" * 22, INBOUND, STATUS + "%00%ff", INBOUND + "?a=%ff"):
            answer = site.client.post(path, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
            assert answer.status_code in (400, 403)

    @pytest.mark.parametrize(
        "form",
        [
            {"MessageSid": "", "MessageStatus": "sent"},
            {"MessageSid": "SM" + "z" * 32, "MessageStatus": "sent"},
            {"MessageSid": "SM" + "a" * 32},
            {"MessageSid": "SM" + "a" * 32, "MessageStatus": "<b>sent</b>"},
            {"MessageSid": "SM" + "a" * 32, "MessageStatus": "sent", "ErrorCode": "1; DROP TABLE"},
        ],
    )
    def test_that_are_signed_but_make_no_sense_are_refused(self, site: Site, form: dict[str, str]) -> None:
        """Signed nonsense is 400 and leaves nothing behind."""
        assert site.post_signed(STATUS + "t" * 22, form).status_code == 400
        assert site.rows(webhook) == []


class TestReadForm:
    @given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=12))
    def test_undoes_what_a_client_wrote(self, pairs: list[tuple[str, str]]) -> None:
        """Every text comes back, empty ones and repeated names too."""
        pairs = [(name, value) for name, value in pairs if name or value]
        assert read_form(urlencode(pairs).encode()) == pairs

    @given(st.text(alphabet="ab=&%+20é退;", max_size=40))
    def test_reads_as_the_standard_library(self, text: str) -> None:
        """Also what no client would write."""
        assert read_form(text.encode()) == parse_qsl(text, keep_blank_values=True)


class TestBodies:
    def test_of_fifty_mebibytes_are_refused_unread(self, site: Site) -> None:
        """The declared length is enough: the answer comes before the body."""
        answer = _raw(site, f"Content-Length: {50 << 20}", b"")

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()

    @pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999999"])
    def test_of_strange_lengths_are_refused(self, site: Site, length: str) -> None:
        """Nonsense in the head is the visitor's error."""
        assert _raw(site, f"Content-Length: {length}", b"").split(b" ")[1] in (b"400", b"413")

    def test_of_unknown_length_are_counted(self, site: Site) -> None:
        """Chunks add up to the same limit."""
        chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
        assert _raw(site, "Transfer-Encoding: chunked", chunk * 17).startswith(b"HTTP/1.1 413 ")

    def test_that_do_not_come_are_given_up(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """A body that trickles is answered 408 when its time is over."""
        monkeypatch.setattr(guards, "BODY_SECONDS", 0.2)
        assert _raw(site, "Content-Length: 100", b"a=b").startswith(b"HTTP/1.1 408 ")

    def test_that_are_compressed_are_not_unpacked(self, site: Site) -> None:
        """A small bomb stays small."""
        bomb = gzip.compress(b"a" * (10 << 20))
        answer = site.client.post(
            INBOUND,
            content=bomb,
            headers={"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code in (400, 403)


def _raw(site: Site, header: str, body: bytes) -> bytes:
    """Send a request by hand and return what comes back until the server hangs up."""
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = (
            f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\n{header}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65_536):
                answer += part
        return answer


class TestSignedRequests:
    def test_are_durable_when_answered(self, site: Site) -> None:
        """When 204 is out another connection to the database sees the row."""
        answer = site.post_signed(INBOUND, inbound_form("+8613911112222", "你好"))

        assert (answer.status_code, answer.content) == (204, b"")
        assert len(site.rows(webhook)) == 1
        site.wait(lambda: [r.text for r in site.rows(inbound_message)] == ["你好"])

    def test_move_the_message_moments_later(self, site: Site) -> None:
        """Status callbacks find their attempt by its token, even where we know no provider's reference yet."""
        token, sid = sent_message(site), new_sid()
        for word in ("sent", "delivered"):
            assert site.post_signed(STATUS + token, status_form(sid, word)).status_code == 204

        site.wait(lambda: [r.status for r in site.rows(message)] == ["delivered"])
        assert [r.provider_ref for r in site.rows(attempt)] == [sid]

    def test_may_bear_the_next_token(self, open_site: Callable[..., Site]) -> None:
        """While tokens change, callbacks signed with either are heard."""
        site = open_site(twilio={"auth_token": TOKEN, "next_auth_token": "the token after"})
        for token in (TOKEN, "the token after"):
            assert site.post_signed(INBOUND, inbound_form(PHONE, "hi"), token=token).status_code == 204

    def test_replayed_a_thousand_times_change_nothing(self, site: Site) -> None:
        """1,000 captured requests come again: 204 each, not one new row, no second answer to the customer."""
        with write(site.services.engine) as conn:
            make_customer(conn, phone=PHONE)
        token = sent_message(site)
        captured = [(INBOUND, inbound_form(PHONE, "HELP"))]
        captured += [(STATUS + token, status_form(new_sid(), word)) for word in ("queued", "sent", "delivered")]
        for path, form in captured:
            assert site.post_signed(path, form).status_code == 204
        site.wait(lambda: all(r.done_at for r in site.rows(webhook)))
        before = _everything(site)

        for n in range(1_000):
            path, form = captured[n % len(captured)]
            assert site.post_signed(path, form).status_code == 204
        assert _everything(site) == before

    def test_that_come_together_share_a_transaction(self, site: Site) -> None:
        """16 senders at once: every request is stored, with far fewer commits than requests."""
        commits: list[int] = []
        engine = site.services.engine

        @sa.event.listens_for(engine, "commit")
        def count(_conn: sa.Connection) -> None:
            commits.append(1)

        forms = [inbound_form(f"+86137{n:08d}", "hi") for n in range(320)]
        signatures = [RequestValidator(TOKEN).compute_signature(PUBLIC_URL + INBOUND, form) for form in forms]
        answers: list[int] = []

        def post(part: int) -> None:
            with httpx.Client(base_url=site.url, timeout=30, trust_env=False) as client:
                for form, signature in list(zip(forms, signatures, strict=True))[part::16]:
                    headers = {"X-Twilio-Signature": signature}
                    answers.append(client.post(INBOUND, data=form, headers=headers).status_code)

        senders = [threading.Thread(target=post, args=(n,)) for n in range(16)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        sa.event.remove(engine, "commit", count)

        assert answers == [204] * 320
        assert len(site.rows(webhook)) == 320
        assert len(commits) < 320


def _everything(site: Site) -> list[list[str]]:
    tables = (webhook, inbound_message, message, attempt, receipt)
    with read(site.services.engine) as conn:
        return [[str(row) for row in conn.execute(sa.select(table).order_by(table.c.id))] for table in tables]


class TestTheDatabaseAway:
    def test_is_answered_503_so_that_twilio_comes_back(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is acknowledged that is not stored; a flood of them is a few lines."""

        def fail(_rows: object) -> None:
            raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

        monkeypatch.setattr(site.services.engine.dialect, "do_commit", fail)
        with capture_logs() as said:
            answer = [site.post_signed(INBOUND, inbound_form(PHONE, "hi")) for _ in range(15)][-1]
        monkeypatch.undo()

        assert answer.status_code == 503
        assert [line["event"] for line in said].count("webhook.not_stored") == 10
        assert answer.headers["Retry-After"]
        assert site.rows(webhook) == []
        assert base64.b64encode(b"disk").decode() not in answer.text
