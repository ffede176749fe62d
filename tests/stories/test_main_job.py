"""From a customer file to a delivered greeting, through real commands, processes and protocols, on both databases."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from care.simulators.twilio.process import TwilioSimulator
from tests.contracts.mail_server import MailServer
from tests.stories.operator import OURS, Operator, Running, accepted, noon, once_each, operator, phone, wait_until

BY_SMS, BY_MAIL = range(1, 21), range(21, 26)
SECOND = """\
id: thanks
name: thanks
title: {{en: Thank you, zh-CN: 感谢, zh-TW: 感謝}}
owner: care
purpose: greeting
audience: everyone
occasion: {{kind: date, on: {day}, at: "12:00"}}
channels: [sms]
template: birthday
use_within: 7h
"""
MORE_OFTEN = "countries: {CN: {caps: {marketing_per_7d: 9, marketing_per_30d: 9, all_per_day: 9}}}\n"


@pytest.fixture
def shop(tmp_path: Path, database_url: str, twilio: TwilioSimulator, mail: MailServer) -> Iterator[Operator]:
    """Twenty customers with a phone, five with an e-mail address, all born today, all agreed."""
    with operator(tmp_path, url=database_url, twilio=twilio, mail=mail) as made:
        yield made


def enter_and_plan(shop: Operator) -> None:
    """Import, check and plan as an operator does."""
    shop.enter(len(BY_SMS), mails=len(BY_MAIL))
    assert "0 errors" in shop.must("campaigns", "check")
    plan = json.loads(shop.must("plan", "--days", "30", "--json"))
    assert plan["new"] == len(BY_SMS) + len(BY_MAIL)
    assert [day["to_send"] for day in plan["days"]] == [{"sms": len(BY_SMS), "email": len(BY_MAIL)}]
    assert shop.ask("SELECT count(*) FROM message") == [(0,)]


def look_at_everything(shop: Operator) -> None:
    """Every command that tells about the sent messages tells the same."""
    logged = [json.loads(line) for line in shop.must("log", "--json").splitlines()]
    assert Counter(entry["status"] for entry in logged) == {"delivered": len(BY_SMS), "sent": len(BY_MAIL)}
    one = next(entry for entry in logged if entry["customer"] == "C1")
    shown = json.loads(shop.must("message", "show", str(one["id"]), "--json"))
    receipts = [event["text"] for event in shown["events"] if event["kind"] == "receipt"]
    assert [text.rpartition(" ")[2] for text in receipts] == ["sending", "sent", "delivered"]
    assert "delivered" in shop.must("why", "C1", "birthday").splitlines()[0]
    assert "The books balance: 25 intended" in shop.must("books")
    assert "✗" not in shop.must("doctor")


def opt_out(shop: Operator, twilio: TwilioSimulator) -> None:
    """STOP is confirmed by Twilio, TD by us, once; a second TD says nothing new."""
    assert twilio.reply(phone(1), OURS, "STOP").status == 204
    assert twilio.reply(phone(2), OURS, "td").status == 204
    wait_until("our confirmation is accepted", lambda: accepted(twilio)[phone(2)] == 2)
    assert twilio.reply(phone(2), OURS, "TD").status == 204
    wait_until("every webhook is worked on", lambda: not shop.ask("SELECT 1 FROM webhook WHERE done_at IS NULL"))
    assert shop.ask("SELECT reason, source FROM suppression") == [("opt_out", "sms")] * 2


def greet_again(shop: Operator, twilio: TwilioSimulator) -> None:
    """A new campaign file is enough: it reaches everybody with a phone but the two who said no."""
    (shop.folder / "campaigns" / "thanks.yaml").write_text(SECOND.format(day=noon().day), encoding="utf-8")
    wanted = once_each(BY_SMS) + once_each(BY_SMS[2:]) + Counter({phone(2): 1})
    wait_until("the second greeting is accepted", lambda: accepted(twilio) == wanted)
    wait_until("every message is settled", lambda: set(shop.statuses()) == {"delivered", "sent", "skipped"})
    assert accepted(twilio) == wanted
    assert shop.statuses()["skipped"] == 2 + len(BY_MAIL)
    assert "opt out" in shop.must("why", "C1", "thanks").splitlines()[0]


def end_cleanly(shop: Operator, daemon: Running) -> None:
    """Asked to end, it does so within 15 seconds, all of it, and leaves nothing half done."""
    assert daemon.end(15) == 0
    assert daemon.living() == []
    assert not {"sending", "unknown"} & set(shop.statuses())
    assert shop.ask("SELECT count(*) FROM attempt WHERE outcome = 'intent'") == [(0,)]


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestMainJob:
    def test_ends_with_greetings_delivered_once(
        self, shop: Operator, twilio: TwilioSimulator, mail: MailServer
    ) -> None:
        """Imported, planned, sent, confirmed, told about, refused by two, greeted again, ended."""
        (shop.folder / "campaigns" / "policy.yaml").write_text(MORE_OFTEN, encoding="utf-8")
        enter_and_plan(shop)
        with shop.running("run") as daemon:
            arrived = {"delivered": len(BY_SMS), "sent": len(BY_MAIL)}
            wait_until("the greetings have arrived", lambda: shop.statuses() == arrived)
            assert accepted(twilio) == once_each(BY_SMS)
            assert sorted(taken.rcpt_tos[0] for taken in mail.handler.taken) == [f"c{n}@example.com" for n in BY_MAIL]
            look_at_everything(shop)
            again = json.loads(shop.must("import", "customers", "customers.csv", "--json"))
            assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, len(BY_SMS) + len(BY_MAIL))
            second = shop.care("run")
            assert (second.code, second.err.count("\n")) == (2, 1)
            assert "a leader runs on" in second.err
            opt_out(shop, twilio)
            greet_again(shop, twilio)
            end_cleanly(shop, daemon)
        shop.must("books")
        assert len(mail.handler.taken) == len(BY_MAIL)
