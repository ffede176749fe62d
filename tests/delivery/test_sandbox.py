import asyncio
import json
import stat
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from care.base.clock import VirtualClock
from care.base.vocabulary import Channel
from care.delivery.channels.base import ErrorClass, Outgoing, Result
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.channels.sandbox_fate import MAIL_DOMAIN, MAIL_WORDS, NUMBER_WORDS, reserved_fate
from care.messages.model import Outcome

NOW = datetime(2026, 9, 25, 2, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


class Heard:
    """Keeps what the sandbox told, in order."""

    def __init__(self) -> None:
        self.receipts: list[dict[str, Any]] = []
        self.inbound: list[dict[str, Any]] = []

    def gateway(self, directory: Path, channel: Channel = Channel.SMS, *, seed: int = 7) -> SandboxGateway:
        return SandboxGateway(
            channel,
            directory,
            clock=VirtualClock(NOW),
            seed=seed,
            on_receipt=lambda **fact: self.receipts.append(fact),
            on_inbound=lambda **fact: self.inbound.append(fact),
        )

    def of(self, result: Result) -> list[tuple[str, str]]:
        """Return status and error code of every receipt of one message."""
        found = [fact for fact in self.receipts if fact["provider_ref"] == result.provider_ref]
        return [(fact["status"], fact["error_code"]) for fact in found]


def message(to: str, number: int = 1, **changes: object) -> Outgoing:
    values: dict[str, object] = {
        "attempt_id": number,
        "message_id": number,
        "token": f"token-{number}",
        "to": to,
        "body": "您好",
        "valid_until": LATER,
        "locale": "zh-CN",
        "template": "birthday",
    }
    return Outgoing(**(values | changes))


def send(gateway: SandboxGateway, messages: Iterable[Outgoing]) -> list[Result]:
    async def run() -> list[Result]:
        await gateway.open()
        results = [await gateway.send(each) for each in messages]
        await gateway.close()
        return results

    return asyncio.run(run())


def crowd(size: int, *, template: str = "birthday") -> list[Outgoing]:
    return [message(f"+86138{number:08}", number, template=template) for number in range(1, size + 1)]


class TestOutbox:
    def test_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        """Texts and numbers are in it, so nobody else may read it."""
        gateway = Heard().gateway(tmp_path / "deep" / "outbox")
        send(gateway, [message("+8613800000001")])
        assert stat.S_IMODE(gateway.outbox.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(gateway.outbox.path.parent.stat().st_mode) == 0o700

    def test_shows_what_would_have_left(self, tmp_path: Path) -> None:
        """One JSON line per message, with everything a reader wants to see."""
        gateway = Heard().gateway(tmp_path, Channel.EMAIL)
        send(gateway, [message("a@example.com", subject="生日快乐", html="<p>x</p>", sender="b@example.com")])
        (line,) = gateway.outbox.path.read_text(encoding="utf-8").splitlines()
        shown = json.loads(line)
        assert {name: shown[name] for name in ("to", "sender", "subject", "body", "html", "template")} == {
            "to": "a@example.com",
            "sender": "b@example.com",
            "subject": "生日快乐",
            "body": "您好",
            "html": "<p>x</p>",
            "template": "birthday",
        }

    def test_skips_a_line_torn_by_a_full_disk(self, tmp_path: Path) -> None:
        """A torn line loses itself alone; an unfinished last one waits."""
        heard = Heard()
        gateway = heard.gateway(tmp_path)
        send(gateway, [message("+8613800000001", 1)])
        with gateway.outbox.path.open("ab") as file:
            file.write(b'{"ref": "SB\n')
        send(gateway, [message("+8613800000002", 2)])
        with gateway.outbox.path.open("ab") as file:
            file.write(b'{"ref": "SB')
        assert [sent.to for _, sent in gateway.outbox.read()] == ["+8613800000001", "+8613800000002"]

    def test_that_cannot_be_written_refuses(self, tmp_path: Path) -> None:
        """A folder in the way: nothing is sent, `check` names the place."""
        (tmp_path / "sms.jsonl").mkdir()
        gateway = Heard().gateway(tmp_path)
        assert "sms.jsonl" in asyncio.run(gateway.check())
        result = asyncio.run(gateway.send(message("+8613800000001")))
        assert (result.outcome, result.error_class) == (Outcome.REFUSED, ErrorClass.TRANSPORT)


class TestReserved:
    @pytest.mark.parametrize(
        ("digits", "outcome", "code", "receipts"),
        [
            ("21614", Outcome.REFUSED, "21614", []),
            ("21610", Outcome.REFUSED, "21610", []),
            ("00429", Outcome.REFUSED, "20429", []),
            ("00598", Outcome.REFUSED, "not-sent", []),
            ("00409", Outcome.UNKNOWN, "no-answer", []),
            ("00503", Outcome.UNKNOWN, "20503", []),
            ("00000", Outcome.ACCEPTED, "", [("sent", "")]),
            ("30003", Outcome.ACCEPTED, "", [("sent", ""), ("undelivered", "30003")]),
            ("30006", Outcome.ACCEPTED, "", [("sent", ""), ("undelivered", "30006")]),
            ("00910", Outcome.ACCEPTED, "", [("sent", ""), ("delivered", "")]),
            ("99999", Outcome.ACCEPTED, "", None),
        ],
    )
    def test_numbers_do_what_they_stand_for(
        self, tmp_path: Path, digits: str, outcome: Outcome, code: str, receipts: list[tuple[str, str]] | None
    ) -> None:
        """Each documented number, handed over and then reported on."""
        heard = Heard()
        gateway = heard.gateway(tmp_path)
        (result,) = send(gateway, [message(f"+86138055{digits}")])
        gateway.pump(LATER)
        assert (result.outcome, result.error_code) == (outcome, code)
        if receipts is not None:
            assert heard.of(result) == receipts

    @pytest.mark.parametrize("digits", ["00408", "00504"])
    def test_lost_reply_is_settled_by_its_token(self, tmp_path: Path, digits: str) -> None:
        """The caller does not know the reference; the receipt carries the attempt's token."""
        heard = Heard()
        gateway = heard.gateway(tmp_path)
        (result,) = send(gateway, [message(f"+86138055{digits}", token="the-token")])
        assert (result.outcome, result.provider_ref) == (Outcome.UNKNOWN, "")
        gateway.pump(LATER)
        assert {fact["token"] for fact in heard.receipts} == {"the-token"}

    @pytest.mark.parametrize("word", list(MAIL_WORDS))
    def test_addresses_are_known_with_and_without_a_tag(self, word: str) -> None:
        """Only in the sandbox's own domain."""
        assert reserved_fate(Channel.EMAIL, f"{word}@{MAIL_DOMAIN}") is MAIL_WORDS[word]
        assert reserved_fate(Channel.EMAIL, f"{word.upper()}+7@{MAIL_DOMAIN}") is MAIL_WORDS[word]
        assert reserved_fate(Channel.EMAIL, f"{word}@example.com") is None

    def test_mails_that_bounce_are_reported(self, tmp_path: Path) -> None:
        """A bounce comes later and has an enhanced status."""
        heard = Heard()
        gateway = heard.gateway(tmp_path, Channel.EMAIL)
        (result,) = send(gateway, [message(f"bounces@{MAIL_DOMAIN}")])
        gateway.pump(LATER)
        assert heard.of(result) == [("sent", ""), ("undelivered", "5.1.1")]

    def test_customers_answer_on_demand(self, tmp_path: Path) -> None:
        """One writes an opt-out, one thanks; to the sender that wrote to them."""
        heard = Heard()
        gateway = heard.gateway(tmp_path)
        send(gateway, [message("+8613805500910", 1, sender="106900"), message("+8613805500911", 2)])
        gateway.pump(LATER)
        said = {fact["sender"]: (fact["body"], fact["recipient"]) for fact in heard.inbound}
        assert said["+8613805500910"] == ("退订", "106900")
        assert said["+8613805500911"][0] == "谢谢"
        assert len({fact["provider_ref"] for fact in heard.inbound}) == 2

    def test_slow_one_takes_its_time(self, tmp_path: Path) -> None:
        """It is accepted, but not at once."""
        gateway = Heard().gateway(tmp_path)
        gateway._slow_seconds = 0.05
        (result,) = send(gateway, [message("+8613805500900")])
        assert result.outcome is Outcome.ACCEPTED

    def test_a_text_whose_time_is_over_is_dropped(self, tmp_path: Path) -> None:
        """The carrier had it too late; a mail is not dropped, as the sandbox does not say so."""
        soon = NOW + timedelta(milliseconds=500)
        for channel, to, status in (
            (Channel.SMS, "+8613800000001", "undelivered"),
            (Channel.EMAIL, "a@example.com", "sent"),
        ):
            heard = Heard()
            gateway = heard.gateway(tmp_path, channel)
            (result,) = send(gateway, [message(to, valid_until=soon)])
            gateway.pump(LATER)
            assert heard.of(result)[0] == (status, "30036" if status == "undelivered" else "")

    def test_every_word_is_in_the_documentation(self) -> None:
        """docs/sandbox.md names each reserved number and address."""
        page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
        assert [word for word in (*NUMBER_WORDS, *MAIL_WORDS) if word not in page] == []


class TestCarrier:
    def test_tells_the_same_story_for_the_same_seed(self, tmp_path: Path) -> None:
        """Receipts and replies follow from seed and messages; another seed tells another story."""
        stories = []
        for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
            heard = Heard()
            gateway = heard.gateway(tmp_path / folder, seed=seed)
            send(gateway, crowd(300, template="survey_invite"))
            gateway.pump(LATER)
            stories.append((heard.receipts, heard.inbound))
        assert stories[0] == stories[1]
        assert stories[0] != stories[2]

    def test_is_believable(self, tmp_path: Path) -> None:
        """Most arrive, a few do not, some are never confirmed, few answer a greeting and many a survey."""
        heard = Heard()
        gateway = heard.gateway(tmp_path)
        send(gateway, [*crowd(2000), *(message("+8613900000001", n, template="survey_nps") for n in range(9000, 9500))])
        gateway.pump(LATER)
        seen = Counter(fact["status"] for fact in heard.receipts)
        assert seen["sent"] == 2500
        assert 0.94 < seen["delivered"] / 2500 < 0.99
        assert 0.01 < seen["undelivered"] / 2500 < 0.05
        answered = sum(fact["sender"] == "+8613900000001" for fact in heard.inbound)
        assert 0.3 < answered / 500 < 0.5
        assert 10 < len(heard.inbound) - answered < 100

    def test_tells_in_order_and_only_what_has_happened(self, tmp_path: Path) -> None:
        """Nothing comes early; time never runs backwards; nothing is told twice."""
        heard = Heard()
        gateway = heard.gateway(tmp_path)
        send(gateway, crowd(50))
        assert gateway.pump(NOW) == 0
        told = 0
        while (at := gateway.next_at()) is not None:
            told += gateway.pump(at)
            assert max(fact["at"] for fact in heard.receipts) <= at
        assert told == len(heard.receipts) + len(heard.inbound)
        times = [fact["at"] for fact in heard.receipts]
        assert times == sorted(times)
        assert gateway.pump(LATER) == 0

    def test_goes_on_after_a_restart(self, tmp_path: Path) -> None:
        """Another process repeats the last word of the one before, tells the rest, and forgets nothing."""
        heard = Heard()
        first = heard.gateway(tmp_path)
        send(first, crowd(200))
        first.pump(NOW + timedelta(seconds=3))
        surely_kept = len(heard.receipts)
        first.pump(NOW + timedelta(seconds=8))
        told = len(heard.receipts)
        assert 0 < surely_kept < told < 390
        second = heard.gateway(tmp_path)
        send(second, [message("+8613805530003", 999)])
        second.pump(LATER)
        facts = [(fact["provider_ref"], fact["status"]) for fact in heard.receipts]
        repeated = len(facts) - len(set(facts))
        assert repeated == told - surely_kept
        assert Counter(status for _, status in set(facts))["sent"] == 201
        assert len({fact["provider_ref"] for fact in heard.inbound}) == len(heard.inbound)

    def test_without_listeners_is_silent(self, tmp_path: Path) -> None:
        """Nobody has to listen."""
        gateway = SandboxGateway(Channel.SMS, tmp_path, clock=VirtualClock(NOW))
        send(gateway, crowd(20))
        assert gateway.pump(LATER) >= 20
