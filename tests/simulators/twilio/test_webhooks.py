"""Signed webhooks: status callbacks, their faults, messages from customers and Twilio's own opt-out."""

import time

import pytest
from twilio.base.exceptions import TwilioRestException

TO, SENDER, SERVICE = "+8613800138000", "+15005550006", "MG" + "a" * 32
LIFE = ["sending", "sent", "delivered"]


class TestStatusCallback:
    def test_reports_each_status_in_order_signed(self, client, simulator, receiver) -> None:
        """The SDK's validator accepts every callback; the fragment and `queued` of a number are not reported."""
        url = f"{receiver.url}/status/tok%20en?a=1&b=%E5%A5%BD#rc=0"
        sid = client.messages.create(to=TO, from_=SENDER, body="hi", status_callback=url).sid
        simulator.wait_until_settled()
        assert receiver.statuses_of(sid) == LIFE
        assert all(hook.is_signed for hook in receiver.hooks)
        assert {hook.path for hook in receiver.hooks} == {"/status/tok%20en?a=1&b=%E5%A5%BD"}

    def test_has_twilios_parameters(self, client, simulator, receiver) -> None:
        """No price and no time; the carrier's minute comes with the last one."""
        sid = client.messages.create(to=TO, from_=SENDER, body="hi", status_callback=receiver.url).sid
        simulator.wait_until_settled()
        form = receiver.hooks[-1].form
        assert form.pop("RawDlrDoneDate").isdecimal()
        assert form == {
            "AccountSid": simulator.account_sid,
            "ApiVersion": "2010-04-01",
            "From": SENDER,
            "To": TO,
            "MessageSid": sid,
            "SmsSid": sid,
            "MessageStatus": "delivered",
            "SmsStatus": "delivered",
        }

    def test_of_a_messaging_service_begins_with_queued(self, client, simulator, receiver) -> None:
        """The service's own callback URL serves requests that name none."""
        simulator.configure(status_callback=receiver.url)
        sid = client.messages.create(to=TO, messaging_service_sid=SERVICE, body="hi").sid
        simulator.wait_until_settled()
        assert receiver.statuses_of(sid) == ["queued", *LIFE]
        assert receiver.hooks[0].form["MessagingServiceSid"] == SERVICE

    @pytest.mark.parametrize(
        ("number", "life"),
        [("+12025530003", ["sending", "sent", "undelivered"]), ("+12025530001", ["failed"])],
    )
    def test_says_why_a_message_failed(self, client, simulator, receiver, number, life) -> None:
        """The last callback carries the error code."""
        sid = client.messages.create(to=number, from_=SENDER, body="hi", status_callback=receiver.url).sid
        simulator.wait_until_settled()
        assert receiver.statuses_of(sid) == life
        assert receiver.hooks[-1].form["ErrorCode"] == number[-5:]
        assert receiver.hooks[-1].form["ErrorMessage"]

    def test_is_repeated_as_the_fragment_asks(self, client, simulator, receiver) -> None:
        """`rc=2&rp=5xx` tries a 503 twice more, with the same token; the default does not."""
        receiver.statuses = [503, 503]
        client.messages.create(
            to="+12025530001", from_=SENDER, body="hi", status_callback=f"{receiver.url}#rc=2&rp=5xx"
        )
        simulator.wait_until_settled()
        assert len(receiver.hooks) == 3
        assert len({hook.token for hook in receiver.hooks}) == 1
        receiver.statuses = [503]
        client.messages.create(to="+12025530001", from_=SENDER, body="hi", status_callback=receiver.url)
        simulator.wait_until_settled()
        assert len(receiver.hooks) == 4

    def test_survives_a_server_that_is_gone(self, client, simulator) -> None:
        """The message is delivered though nobody listens."""
        message = client.messages.create(to=TO, from_=SENDER, body="hi", status_callback="http://127.0.0.1:9/nobody")
        simulator.wait_until_settled()
        assert message.fetch().status == "delivered"
        assert simulator.report()["callbacks"]["ct"] >= 3


class TestCallbackFaults:
    def send(self, client, simulator, receiver, count=20) -> list[str]:
        sids = [
            client.messages.create(to=TO, from_=SENDER, body="hi", status_callback=receiver.url).sid
            for _ in range(count)
        ]
        simulator.wait_until_settled()
        return sids

    def test_lose_all(self, client, simulator, receiver) -> None:
        """No callback comes when all are lost."""
        simulator.script({"callbacks": {"lose": 1}})
        (sid,) = self.send(client, simulator, receiver, 1)
        assert receiver.hooks == []
        assert client.messages(sid).fetch().status == "delivered"

    def test_lose_some_the_same_with_the_same_seed(self, client, simulator, receiver) -> None:
        """Which callbacks are lost follows from the seed."""

        def lost() -> int:
            before = simulator.report()["callbacks"].get("lost", 0)
            simulator.script({"seed": 4, "callbacks": {"lose": 0.5}})
            self.send(client, simulator, receiver)
            return simulator.report()["callbacks"]["lost"] - before

        first = lost()
        assert 10 < first < 50
        assert lost() == first

    def test_duplicate_all(self, client, simulator, receiver) -> None:
        """Each callback comes twice when asked to."""
        simulator.script({"callbacks": {"duplicate": 1}})
        (sid,) = self.send(client, simulator, receiver, 1)
        assert receiver.statuses_of(sid) == [each for each in LIFE for _ in range(2)]

    def test_shuffle_all(self, client, simulator, receiver) -> None:
        """Every message's callbacks all come, and never in order."""
        simulator.script({"callbacks": {"shuffle": 1}})
        for sid in self.send(client, simulator, receiver):
            assert sorted(receiver.statuses_of(sid)) == sorted(LIFE)
            assert receiver.statuses_of(sid) != LIFE

    def test_delay_lets_them_overtake_each_other(self, client, simulator, receiver) -> None:
        """Delayed callbacks may arrive in another order."""
        simulator.script({"callbacks": {"delay_seconds": [0, 0.3]}})
        sids = self.send(client, simulator, receiver)
        assert all(sorted(receiver.statuses_of(sid)) == sorted(LIFE) for sid in sids)
        assert any(receiver.statuses_of(sid) != LIFE for sid in sids)

    def test_delayed_ones_come_at_once_with_another_script(self, client, simulator, receiver) -> None:
        """So a test says when they come, whatever the machine does meanwhile."""
        simulator.script({"callbacks": {"delay_seconds": 300}})
        sid = client.messages.create(to=TO, from_=SENDER, body="hi", status_callback=receiver.url).sid
        assert receiver.statuses_of(sid) == []
        simulator.script()
        simulator.wait_until_settled()
        assert sorted(receiver.statuses_of(sid)) == sorted(LIFE)


class TestInbound:
    def test_is_posted_signed(self, simulator, receiver) -> None:
        """Empty places are part of the form, and of the signature."""
        simulator.configure(inbound_url=f"{receiver.url}/inbound")
        reply = simulator.reply(TO, SENDER, "满意 5")
        assert (reply.status, len(receiver.hooks)) == (204, 1)
        hook = receiver.hooks[0]
        assert hook.is_signed
        assert (hook.form["From"], hook.form["To"], hook.form["Body"]) == (TO, SENDER, "满意 5")
        assert (hook.form["MessageSid"], hook.form["NumSegments"]) == (reply.sid, "1")
        assert (hook.form["FromCountry"], hook.form["FromCity"], hook.form["NumMedia"]) == ("CN", "", "0")

    def test_is_listed_as_inbound(self, client, simulator, receiver) -> None:
        """What a customer wrote stands in the account's list."""
        simulator.configure(inbound_url=receiver.url)
        sid = simulator.reply(TO, "+15005550031", "hello").sid
        message = client.messages(sid).fetch()
        assert (message.direction, message.status) == ("inbound", "received")

    def test_is_lost_without_a_url(self, simulator) -> None:
        """Without an inbound address nobody is told."""
        assert simulator.reply(TO, SENDER, "hello").sid is None


class TestOptOut:
    @pytest.mark.parametrize("word", ["STOP", " stop ", "Unsubscribe", "OPTOUT"])
    def test_blocks_until_start(self, client, simulator, word) -> None:
        """STOP is a whole message, blocks this sender alone, and START lifts it."""
        customer, sender = "+8613800139000", "+15005550041"
        simulator.reply(customer, sender, word)
        with pytest.raises(TwilioRestException) as refused:
            client.messages.create(to=customer, from_=sender, body="hi")
        assert refused.value.code == 21610
        assert client.messages.create(to=customer, from_="+15005550042", body="hi").sid
        simulator.reply(customer, sender, "START")
        assert client.messages.create(to=customer, from_=sender, body="hi").sid

    def test_blocks_the_whole_messaging_service(self, client, simulator) -> None:
        """STOP to one number of a service closes all of them."""
        customer = "+8613800139001"
        client.messages.create(to=customer, messaging_service_sid=SERVICE, body="hi")
        simulator.wait_until_settled()
        simulator.reply(customer, SENDER, "STOP")
        with pytest.raises(TwilioRestException) as refused:
            client.messages.create(to=customer, messaging_service_sid=SERVICE, body="hi")
        assert refused.value.code == 21610

    def test_ignores_a_keyword_inside_a_sentence(self, client, simulator) -> None:
        """Only a message that is the keyword counts."""
        simulator.reply("+8613800139002", SENDER, "STOP PLEASE")
        assert client.messages.create(to="+8613800139002", from_=SENDER, body="hi").sid

    def test_is_confirmed_by_twilio_itself(self, client, simulator) -> None:
        """The confirmation is no accepted request."""
        accepted = simulator.report()["accepted"]
        simulator.reply("+8613800139003", SENDER, "STOP")
        (message,) = client.messages.list(to="+8613800139003")
        assert message.direction == "outbound-reply"
        assert simulator.report()["accepted"] == accepted

    @pytest.mark.parametrize(("body", "kind"), [("stop", "STOP"), ("unstop", "START"), ("info", "HELP"), ("5", None)])
    def test_names_the_keyword_with_advanced_opt_out_only(self, simulator, receiver, body, kind) -> None:
        """The kind of opt-out is told where the account has that feature."""
        simulator.configure(inbound_url=receiver.url)
        simulator.reply("+8613800139004", SENDER, body)
        simulator.configure(advanced_opt_out=True)
        simulator.reply("+8613800139004", SENDER, body)
        assert [hook.form.get("OptOutType") for hook in receiver.hooks] == [None, kind]


class TestPartsPerSecond:
    def test_keeps_a_sender_at_its_pace(self, client, simulator) -> None:
        """Five parts at 20 a second need a fifth of a second after the first."""
        simulator.configure(parts_per_second=20)
        started = time.monotonic()
        for _ in range(5):
            client.messages.create(to=TO, from_="+15005550051", body="hi")
        simulator.wait_until_settled()
        assert time.monotonic() - started >= 0.2

    def test_lets_a_message_expire_in_the_queue(self, client, simulator) -> None:
        """What waits longer than its validity period fails with 30036."""
        simulator.configure(parts_per_second=0.25)
        first = client.messages.create(to=TO, from_="+15005550052", body="hi")
        second = client.messages.create(to=TO, from_="+15005550052", body="hi", validity_period=1)
        simulator.wait_until_settled()
        assert first.fetch().status == "delivered"
        assert second.fetch().error_code == 30036
