"""The official SDK meets the simulator: create, fetch, list, update, delete."""

import re
from datetime import timedelta

import pytest
from twilio.base.exceptions import TwilioRestException

from care.base.clock import SystemClock
from tests.simulators.twilio.conftest import client_of

SENDER, SERVICE = "+15005550006", "MG" + "a" * 32


class TestCreate:
    def test_answers_like_twilio_for_a_number(self, client) -> None:
        """A message from a number is queued, its parts are counted, its price is not known yet."""
        message = client.messages.create(to="+8613800138000", from_=SENDER, body="祝您生日快乐" * 12)
        assert re.fullmatch(r"SM[0-9a-f]{32}", message.sid)
        assert (message.status, message.num_segments, message.num_media) == ("queued", "2", "0")
        assert (message.from_, message.messaging_service_sid) == (SENDER, None)
        assert (message.price, message.error_code, message.date_sent) == (None, None, None)
        assert abs(message.date_created - SystemClock().now()) < timedelta(seconds=5)
        assert message.subresource_uris == {"media": message.uri.replace(".json", "/Media.json")}

    def test_answers_like_twilio_for_a_messaging_service(self, client) -> None:
        """A service first only accepts; sender and parts are decided later."""
        message = client.messages.create(to="+8613800138001", messaging_service_sid=SERVICE, body="hi")
        assert (message.status, message.num_segments, message.from_) == ("accepted", "0", None)

    def test_names_the_request(self, client) -> None:
        """Support asks for Twilio-Request-Id; pacing may look at the concurrency."""
        answer = client.messages.create_with_http_info(to="+8613800138001", from_=SENDER, body="hi")
        assert answer.status_code == 201
        assert re.fullmatch(r"RQ[0-9a-f]{32}", answer.headers["Twilio-Request-Id"])
        assert answer.headers["Twilio-Concurrent-Requests"] == "1"

    def test_writes_the_log_before_it_answers(self, client, simulator) -> None:
        """Whoever has the answer finds the message in the log."""
        sid = client.messages.create(to="+8613800138000", from_=SENDER, body="祝好", validity_period=60).sid
        entry = simulator.accepted()[-1]
        assert entry["sid"] == sid
        assert (entry["to"], entry["from"], entry["body"]) == ("+8613800138000", SENDER, "祝好")
        assert (entry["validity_period"], entry["fault"]) == (60, "ok")

    def test_schedules_until_the_instant_and_cancels(self, client) -> None:
        """A scheduled message can be canceled, one on its way cannot."""
        at = SystemClock().now() + timedelta(hours=1)
        message = client.messages.create(
            to="+8613800138000", messaging_service_sid=SERVICE, body="hi", schedule_type="fixed", send_at=at
        )
        assert message.status == "scheduled"
        assert message.update(status="canceled").status == "canceled"
        with pytest.raises(TwilioRestException) as refused:
            message.update(status="canceled")
        assert refused.value.code == 30409


class TestFetch:
    def test_shows_the_life_of_a_message(self, client, simulator) -> None:
        """When delivered, sender, parts, price and the time of sending are known."""
        message = client.messages.create(to="+8613800138002", messaging_service_sid=SERVICE, body="hi" * 100)
        simulator.wait_until_settled()
        message = message.fetch()
        assert (message.status, message.from_, message.num_segments) == ("delivered", SENDER, "2")
        assert (message.price, message.price_unit) == ("-0.01500", "USD")
        assert message.date_sent is not None

    def test_does_not_know_other_messages(self, client) -> None:
        """An id that was never given out is 404."""
        with pytest.raises(TwilioRestException) as refused:
            client.messages("SM" + "0" * 32).fetch()
        assert (refused.value.status, refused.value.code) == (404, 20404)

    def test_has_no_media(self, client) -> None:
        """The list of media of a text message is empty."""
        message = client.messages.create(to="+8613800138002", from_=SENDER, body="hi")
        assert client.messages(message.sid).media.list() == []

    @pytest.mark.parametrize(("number", "status"), [("+12025530003", "undelivered"), ("+8613805530001", "failed")])
    def test_shows_why_a_message_did_not_arrive(self, client, simulator, number, status) -> None:
        """Reserved numbers fail with the code they end in."""
        message = client.messages.create(to=number, from_=SENDER, body="hi")
        simulator.wait_until_settled()
        message = message.fetch()
        assert (message.status, message.error_code) == (status, int(number[-5:]))
        assert message.error_message

    def test_leaves_a_message_sent_whose_carrier_is_silent(self, client, simulator) -> None:
        """Without a carrier's word the status stays at sent."""
        message = client.messages.create(to="+8613805500000", from_=SENDER, body="hi")
        simulator.wait_until_settled()
        assert message.fetch().status == "sent"


class TestList:
    def test_pages_newest_first(self, client) -> None:
        """Every message comes once, whatever the page size, though new ones are made meanwhile."""
        to = "+8613800138003"
        sids = [client.messages.create(to=to, from_=SENDER, body=str(i)).sid for i in range(7)]
        pages = client.messages.page(to=to, page_size=3)
        seen = []
        while pages:
            seen += [message.sid for message in pages]
            client.messages.create(to=to, from_=SENDER, body="later")
            last, pages = pages, pages.next_page()
        assert seen == sids[::-1]
        assert [message.sid for message in last.previous_page()] == sids[::-1][3:6]

    def test_filters_by_recipient_sender_and_day(self, client, simulator) -> None:
        """DateSent is day-granular and finds only what was sent."""
        to, now = "+8613800138004", SystemClock().now()
        sid = client.messages.create(to=to, from_=SENDER, body="hi").sid
        other = client.messages.create(to=to, from_="+15005550010", body="hi").sid
        simulator.wait_until_settled()

        def found(**filters) -> set[str]:
            return {message.sid for message in client.messages.list(to=to, **filters)}

        assert found() == {sid, other}
        assert found(from_=SENDER) == {sid}
        assert found(date_sent=now) == {sid, other}
        assert found(date_sent_after=now - timedelta(days=1), date_sent_before=now) == {sid, other}
        assert found(date_sent_after=now + timedelta(days=2)) == set()


class TestUpdate:
    def test_redacts_a_finished_message_only(self, client, simulator) -> None:
        """Redaction needs an empty text and a message that has its last status."""
        simulator.configure(callback_delay=0.2)
        message = client.messages.create(to="+8613800138005", from_=SENDER, body="hi")
        simulator.configure(callback_delay=0.01)
        with pytest.raises(TwilioRestException) as refused:
            message.update(body="")
        assert refused.value.code == 20009
        simulator.wait_until_settled()
        with pytest.raises(TwilioRestException, match="20001|Invalid"):
            message.update(body="other")
        assert message.update(body="").body == ""
        assert message.fetch().body == ""


class TestDelete:
    def test_forgets_a_finished_message_only(self, client, simulator) -> None:
        """Deleting works after the last status and is refused before."""
        simulator.configure(callback_delay=0.2)
        message = client.messages.create(to="+8613800138006", from_=SENDER, body="hi")
        simulator.configure(callback_delay=0.01)
        with pytest.raises(TwilioRestException) as refused:
            message.delete()
        assert (refused.value.status, refused.value.code) == (409, 20009)
        simulator.wait_until_settled()
        assert message.delete()
        assert client.messages.list(to="+8613800138006") == []


class TestAccount:
    def test_is_fetched_without_its_token(self, client, simulator) -> None:
        """The account's page never shows its token."""
        account = client.api.accounts(simulator.account_sid).fetch()
        assert (account.sid, account.status) == (simulator.account_sid, "active")
        assert account.auth_token != simulator.auth_token

    def test_balance_falls_with_each_part(self, client, simulator) -> None:
        """Every accepted part costs."""
        before = float(client.balance.fetch().balance)
        client.messages.create(to="+8613800138007", from_=SENDER, body="好" * 200)
        simulator.wait_until_settled()
        balance = client.balance.fetch()
        assert before - float(balance.balance) == pytest.approx(3 * 0.0075)
        assert balance.currency == "USD"

    def test_needs_the_right_token(self, simulator) -> None:
        """A wrong token is 401, whatever is asked."""
        with pytest.raises(TwilioRestException) as refused:
            client_of(simulator, "wrong").messages.create(to="+8613800138000", from_=SENDER, body="hi")
        assert (refused.value.status, refused.value.code) == (401, 20003)
