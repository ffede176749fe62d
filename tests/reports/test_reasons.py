"""Every reason the program writes is said in words, and every word of providers too."""

import pytest

from care.delivery.channels.base import ErrorClass
from care.messages.model import MessageStatus
from care.policy.load import load_policies
from care.reports.reasons import in_words, status_in_words


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
            ("unreachable: again later", "the phone is off or full; again later"),
            ("number-permanent: the next channel", "the address does not exist or takes no messages; tried on the next channel"),
            ("gave up after 8 tries: capacity", "gave up after 8 tries: the provider asked to slow down"),
            ("no time left after unreachable", "no time left: the phone is off or full"),
            ("template birthday/zh-CN: missing benefit", "template birthday/zh-CN: missing benefit"),
            ("something_new", "something new"),
            (None, ""),
        ],
    )  # fmt: skip
    def test_is_said_in_plain_words(self, reason, words) -> None:
        """Known or not."""
        assert in_words(reason).text == words

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
        assert status_in_words(status, "no_consent").text.startswith(status_in_words(status).text)
