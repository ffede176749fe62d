"""Every reason the program writes is said in words, and every word of providers too."""

import re

import pytest

from care.delivery.channels.base import ErrorClass
from care.delivery.prepare import NO_OTHER
from care.delivery.what_follows import AGAIN, THE_NEXT
from care.messages.model import MessageStatus
from care.policy.load import load_policies
from care.reports.reasons import in_words, status_in_words

_OF_ALL = (ErrorClass.LOOP_GUARD,)  # no mail server says so


class TestAReason:
    @pytest.mark.parametrize(
        ("reason", "words"),
        [
            ("no_contact", "has no address on the channels of this campaign"),
            ("holdout:birthday", "left out on purpose, to measure the effect (group birthday)"),
            ("suppressed:opt_out", "must not be written to: opt out"),
            ("frequency_cap:marketing_per_7d", "had as many messages as allowed (marketing per 7d)"),
            ("told_via:17", "was told through another account on the same phone (message 17)"),
            ("quiet_hours: no allowed hour in any zone", "outside the allowed hours: no allowed hour in any zone"),
            ("unreachable: again later", "the phone or mailbox is off or full; again later"),
            ("number-permanent: the next channel", "the address does not exist or takes no messages; another channel is looked for"),
            ("gave up after 8 tries: capacity", "gave up after 8 tries: the provider asked to slow down"),
            ("no time left after unreachable", "no time left: the phone or mailbox is off or full"),
            ("template birthday/zh-CN: missing benefit", "template birthday/zh-CN: missing benefit"),
            ("something_new", "something new"),
            (None, ""),
        ],
    )  # fmt: skip
    def test_is_said_in_plain_words(self, reason, words) -> None:
        """Known or not."""
        assert in_words(reason).text == words

    @pytest.mark.parametrize(
        ("reason", "by_sms", "by_mail"),
        [
            ("unreachable", "the phone is off or full", "the mailbox is full or cannot be reached"),
            ("unreachable: again later", "the phone is off or full; again later", "the mailbox is full or cannot be reached; again later"),
            ("no time left after unreachable", "no time left: the phone is off or full", "no time left: the mailbox is full or cannot be reached"),
            ("filtered: no other channel", "the carrier filtered the text, and no other channel reaches", "the receiver took the mail for spam or has a rule against it, and no other channel reaches"),
            ("number-permanent: the next channel", "the number does not exist or takes no text messages; another channel is looked for", "the mailbox or its domain does not exist or takes no mail; another channel is looked for"),
        ],
    )  # fmt: skip
    def test_is_said_in_the_words_of_its_channel(self, reason, by_sms, by_mail) -> None:
        """A phone is off, a mailbox is full."""
        assert in_words(reason, "sms").text == by_sms
        assert in_words(reason, "email").text == by_mail

    @pytest.mark.parametrize("word", ErrorClass)
    def test_of_mail_speaks_of_no_phone(self, word) -> None:
        """Nor of a carrier, a text or a number, whatever went wrong."""
        said = in_words(f"{word}: {NO_OTHER}", "email")
        assert (
            not re.search(r"phone|carrier|text\b|number|registration", f"{said.text} {said.advice}") or word in _OF_ALL
        )

    @pytest.mark.parametrize(
        ("reason", "advice"),
        [
            ("unreachable", "care retry while there is time"),
            ("filtered", "check its wording and the sender's SPF, DKIM and DMARC, then care retry"),
            ("number-permanent", "correct the address, then care retry"),
        ],
    )
    def test_carries_its_own_advice_to_the_end(self, reason, advice) -> None:
        """A full mailbox is no wrong address."""
        assert status_in_words("undelivered", f"{reason}: {NO_OTHER}", "email").advice == advice

    @pytest.mark.parametrize("follows", [AGAIN, THE_NEXT, NO_OTHER])
    def test_is_read_as_the_sender_writes_it(self, follows) -> None:
        """Whatever follows from a failure."""
        assert in_words(f"filtered: {follows}", "sms").text.startswith("the carrier filtered the text")

    def test_of_what_goes_again_out_of_doubt_names_no_hour(self) -> None:
        """It waits for none: it goes at once."""
        words = status_in_words("planned", "sent again: the provider does not have it")
        assert words.text == "to be sent again: the provider does not have it"
        assert status_in_words("planned").text == "waiting for its hour"

    @pytest.mark.parametrize("word", ErrorClass)
    def test_of_a_provider_has_words_of_its_own(self, word) -> None:
        """None is shown as its code."""
        assert in_words(str(word)).text != str(word)

    def test_of_every_cap_is_readable(self) -> None:
        """Whatever the policy limits."""
        caps = load_policies().elsewhere.caps
        for name in caps.__dataclass_fields__:
            assert "_" not in in_words(f"frequency_cap:{name}").text


class TestAStatus:
    @pytest.mark.parametrize("status", MessageStatus)
    def test_always_says_what_to_do_next(self, status) -> None:
        """With a reason and without."""
        assert status_in_words(status).advice
        assert status_in_words(status, "unreachable", "email").advice
        assert "carrier" not in status_in_words(status, None, "email").text
        assert status_in_words(status, "no_consent").text.startswith(status_in_words(status).text)
