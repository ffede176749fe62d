"""Mail providers' webhooks over real HTTP: signed, forged, late, garbled, repeated."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from care.inbound.bounces.hooks.ses import SesHook
from care.inbound.tables import webhook
from care.messages.tables import message
from tests.inbound.bounces.post import ADDRESS, Sent, bans, send_mail
from tests.inbound.bounces.providers import (
    ARN,
    MAILGUN_KEY,
    mailgun,
    mailgun_failure,
    sendgrid,
    sendgrid_public_key,
    ses,
    sns,
)
from tests.web.conftest import Site

SETTINGS = {
    "bounces": {
        "ses_topic_arn": ARN,
        "sendgrid_public_key": sendgrid_public_key(),
        "mailgun_signing_key": MAILGUN_KEY,
    }
}
SENDGRID, MAILGUN, SES = (f"/webhooks/email/{name}" for name in ("sendgrid", "mailgun", "ses"))


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """A web process that knows every provider."""
    return open_site(**SETTINGS)


def bounced(sent: Sent, **more: Any) -> dict[str, Any]:
    """A bounce as SendGrid tells it; it knows the mail by its Message-ID."""
    ref = sent.returned.partition("Message-ID: ")[2].partition("\n")[0]
    event = {"event": "bounce", "email": ADDRESS, "type": "bounce", "status": "5.1.1", "sg_event_id": "e-1"}
    return event | {"reason": "550 5.1.1 user unknown", "smtp-id": ref} | more


def post_sendgrid(site: Site, events: Any, **headers: str) -> int:
    body, signed = sendgrid(events, site.services.clock.now())
    return site.client.post(SENDGRID, content=body, headers=signed | headers).status_code


def post_mailgun(site: Site, data: Any, **more: Any) -> int:
    return site.client.post(MAILGUN, content=mailgun(data, site.services.clock.now(), **more)).status_code


def worked_on(site: Site) -> bool:
    found = site.rows(webhook)
    return bool(found) and all(row.done_at for row in found)


class TestSendgrid:
    def test_bounces_are_stored_and_carried_out(self, site: Site) -> None:
        """Stored, answered, worked on moments later; a repeat is answered alike and changes nothing."""
        sent = send_mail(site.services)
        events = [bounced(sent), {"event": "open", "email": ADDRESS, "sg_event_id": "e-2"}]
        assert [post_sendgrid(site, events) for _ in range(2)] == [204, 204]
        site.wait(lambda: worked_on(site))

        assert len(site.rows(webhook)) == 1
        assert site.rows(message)[0].status == "undelivered"
        assert bans(site.services) == [("hard_bounce", "all")]
        assert ADDRESS not in str(site.rows(webhook)[0].payload)

    def test_blocks_are_not_bounces(self, site: Site) -> None:
        """A mail that was blocked says nothing about the address."""
        sent = send_mail(site.services)
        assert post_sendgrid(site, [bounced(sent, type="blocked")]) == 204
        site.wait(lambda: worked_on(site))

        assert site.rows(message)[0].status == "undelivered"
        assert bans(site.services) == []

    @pytest.mark.parametrize(("word", "reason"), [("spamreport", "complaint"), ("unsubscribe", "opt_out")])
    def test_reports_of_spam_and_unsubscribing_silence(self, site: Site, word: str, reason: str) -> None:
        """Found by the address, as SendGrid vouches for it; only the opt-out can be taken back by its owner."""
        send_mail(site.services)
        assert post_sendgrid(site, [{"event": word, "email": ADDRESS, "sg_event_id": "e-3"}]) == 204
        site.wait(lambda: worked_on(site))

        assert bans(site.services) == [(reason, "marketing")]

    def test_deliveries_confirm(self, site: Site) -> None:
        """Delivered, and a bounce that comes later bans all the same."""
        sent = send_mail(site.services)
        post_sendgrid(site, [bounced(sent, event="delivered")])
        site.wait(lambda: worked_on(site))
        assert site.rows(message)[0].status == "delivered"
        post_sendgrid(site, [bounced(sent, sg_event_id="e-9")])
        site.wait(lambda: worked_on(site))

        assert site.rows(message)[0].status == "delivered"
        assert bans(site.services) == [("hard_bounce", "all")]

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Twilio-Email-Event-Webhook-Signature": ""},
            {"X-Twilio-Email-Event-Webhook-Signature": "bm90IGl0"},
            {"X-Twilio-Email-Event-Webhook-Signature": "%%%"},
            {"X-Twilio-Email-Event-Webhook-Timestamp": "1"},
            {"X-Twilio-Email-Event-Webhook-Timestamp": ""},
        ],
    )
    def test_forgeries_are_refused(self, site: Site, headers: dict[str, str]) -> None:
        """403, and nothing is kept."""
        assert post_sendgrid(site, [bounced(send_mail(site.services))], **headers) == 403
        assert site.rows(webhook) == []

    @pytest.mark.parametrize("off", [timedelta(minutes=6), -timedelta(minutes=6)])
    def test_old_ones_are_refused(self, site: Site, off: timedelta) -> None:
        """A signature counts for five minutes."""
        body, headers = sendgrid([bounced(send_mail(site.services))], site.services.clock.now() - off)
        assert site.client.post(SENDGRID, content=body, headers=headers).status_code == 403

    @pytest.mark.parametrize("events", [{}, "x", [1], [[]], [{"event": 1.5e300}, {}], None])
    def test_garbled_ones_are_named(self, site: Site, events: Any) -> None:
        """Signed, but no list of events: 400."""
        assert post_sendgrid(site, events) == 400
        assert site.rows(webhook) == []


class TestMailgun:
    def test_bounces_are_stored_and_carried_out(self, site: Site) -> None:
        """The token is used up by its first use, whatever the second says."""
        sent = send_mail(site.services)
        data = mailgun_failure(ADDRESS, envelope={"sender": sent.return_path})
        assert post_mailgun(site, data) == 204
        assert post_mailgun(site, data | {"event": "complained"}) == 204
        site.wait(lambda: worked_on(site))

        assert site.rows(message)[0].status == "undelivered"
        assert bans(site.services) == [("hard_bounce", "all")]

    def test_what_is_tried_again_is_no_bounce(self, site: Site) -> None:
        """Only failures for good count."""
        sent = send_mail(site.services)
        post_mailgun(site, mailgun_failure(ADDRESS, severity="temporary", envelope={"sender": sent.return_path}))
        site.wait(lambda: worked_on(site))

        assert site.rows(message)[0].status == "sent"
        assert bans(site.services) == []

    def test_forgeries_and_old_ones_are_refused(self, site: Site) -> None:
        """Another key, no signature, a stamp of yesterday."""
        now = site.services.clock.now()
        bodies = [
            mailgun(mailgun_failure(ADDRESS), now, key="a guess"),
            mailgun(mailgun_failure(ADDRESS), now - timedelta(days=1)),
            json.dumps({"event-data": mailgun_failure(ADDRESS)}).encode(),
            json.dumps({"signature": {"timestamp": "1", "token": 1, "signature": []}}).encode(),
            b"[]",
        ]
        assert [site.client.post(MAILGUN, content=body).status_code for body in bodies] == [403] * 5
        assert site.rows(webhook) == []

    @pytest.mark.parametrize("data", [None, [], {}, {"event": []}, "x"])
    def test_garbled_ones_are_named(self, site: Site, data: Any) -> None:
        """Signed, but no event: 400."""
        assert post_mailgun(site, data) == 400


class TestDoors:
    def test_without_keys_refuse_everything(self, open_site: Callable[..., Site]) -> None:
        """A provider nobody has set up cannot post, not even signed with an empty key."""
        site = open_site()
        now = site.services.clock.now()
        body, headers = sendgrid([], now)
        assert site.client.post(SENDGRID, content=body, headers=headers).status_code == 403
        assert site.client.post(MAILGUN, content=mailgun({}, now, key="")).status_code == 403
        assert site.client.post(SES, content=sns(ses("Bounce", ADDRESS))).status_code == 403

    @pytest.mark.parametrize("path", [SENDGRID, MAILGUN, SES])
    def test_answer_every_kind_of_junk(self, site: Site, path: str) -> None:
        """Never 500: junk, deep nesting, too much, another method."""
        answers = [
            site.client.post(path, content=b"\xff\x00").status_code,
            site.client.post(path, content=b"[" * 50_000).status_code,
            site.client.post(path, content=b"").status_code,
        ]
        assert all(400 <= status < 404 for status in answers), answers
        with capture_logs() as said:
            assert site.client.post(path, content=b"x" * 1_100_000).status_code == 413
            assert site.client.get(path).status_code == 405
        assert [(one["event"], one["status"]) for one in said] == [("webhook.refused", 413), ("webhook.refused", 405)]

    def test_tell_of_what_nobody_foresaw(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """The provider is asked to come back, it is counted, and the log names the place."""

        def break_down(*_: Any) -> list[Any]:
            raise LookupError("a fault of ours")

        monkeypatch.setattr(SesHook, "take", break_down)
        with capture_logs() as said:
            assert site.client.post(SES, content=b"{}").status_code == 503
        assert [one["event"] for one in said] == ["webhook.failed"]

    def test_of_strangers_are_not_there(self, site: Site) -> None:
        """Only providers we know."""
        assert site.client.post("/webhooks/email/other", content=b"{}").status_code == 404

    def test_of_ses_ask_nobody_but_amazon(self, site: Site) -> None:
        """A certificate from elsewhere is refused without a look at it."""
        body = sns(ses("Bounce", ADDRESS), SigningCertURL="http://127.0.0.1:9/SimpleNotificationService-0.pem")
        assert site.client.post(SES, content=body).status_code == 403
