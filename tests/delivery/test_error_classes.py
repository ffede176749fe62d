import csv
from importlib import resources

import pytest

from care.delivery.channels.base import ErrorClass, Retry, Suppress
from care.delivery.channels.errors import (
    TABLE,
    classify_receipt,
    classify_smtp,
    classify_transport,
    classify_twilio,
    error_rules,
)
from care.simulators.twilio.catalogue import FAILURES, REFUSALS


class TestTable:
    def test_has_every_row_once_and_no_odd_word(self) -> None:
        """Reading it checks classes, retries and suppressions; a doubled code would hide one of its rows."""
        text = resources.files("care.delivery.channels").joinpath(TABLE).read_text(encoding="utf-8")
        rows = list(csv.DictReader([line for line in text.splitlines() if not line.startswith("#")], delimiter="\t"))
        assert len(rows) == len(error_rules())
        assert {row["certain"] for row in rows} == {"yes", "no"}
        assert all(row["meaning"] and None not in row.values() for row in rows)

    def test_never_sends_again_from_a_doubt(self) -> None:
        """What may have been taken is not retried, suppresses nobody and is not called permanent."""
        for rule in error_rules().values():
            if not rule.outcome_is_certain:
                assert rule.error_class is ErrorClass.AMBIGUOUS
                assert rule.retry is Retry.NEVER
                assert rule.suppress is Suppress.NONE
                assert not rule.is_permanent

    def test_suppresses_nobody_for_our_faults(self) -> None:
        """Configuration, capacity, filters and time say nothing about the recipient."""
        ours = {ErrorClass.CONFIG, ErrorClass.CAPACITY, ErrorClass.FILTERED, ErrorClass.EXPIRED, ErrorClass.RISK}
        assert all(rule.suppress is Suppress.NONE for rule in error_rules().values() if rule.error_class in ours)

    def test_knows_every_code_of_the_look_alike(self) -> None:
        """No refusal or failure that the simulator can give falls through to a default."""
        known = {int(code) for provider, code in error_rules() if provider == "twilio"}
        harmless = {20001, 20009, 21620, 21655, 30409}  # of parameters we never send
        assert set(REFUSALS) | set(FAILURES) <= known | harmless


class TestClassifyTwilio:
    @pytest.mark.parametrize(
        ("status", "code", "error_class", "retry", "suppress"),
        [
            (429, None, ErrorClass.CAPACITY, Retry.NOW, Suppress.NONE),
            (429, 20429, ErrorClass.CAPACITY, Retry.NOW, Suppress.NONE),
            (429, 21610, ErrorClass.CAPACITY, Retry.NOW, Suppress.NONE),
            (400, 21211, ErrorClass.NUMBER_PERMANENT, Retry.OTHER_CHANNEL, Suppress.NUMBER),
            (400, 21614, ErrorClass.NUMBER_PERMANENT, Retry.OTHER_CHANNEL, Suppress.NUMBER_FOR_SMS),
            (400, 21610, ErrorClass.OPTED_OUT, Retry.NEVER, Suppress.CONSENT),
            (400, 21611, ErrorClass.CAPACITY, Retry.LATER, Suppress.NONE),
            (400, 12345, ErrorClass.UNKNOWN, Retry.NEVER, Suppress.NONE),
            (401, None, ErrorClass.CONFIG, Retry.LATER, Suppress.NONE),
            (418, None, ErrorClass.UNKNOWN, Retry.NEVER, Suppress.NONE),
            (500, 20500, ErrorClass.AMBIGUOUS, Retry.NEVER, Suppress.NONE),
            (502, 21614, ErrorClass.AMBIGUOUS, Retry.NEVER, Suppress.NONE),
            (201, None, ErrorClass.AMBIGUOUS, Retry.NEVER, Suppress.NONE),
            (101, None, ErrorClass.UNKNOWN, Retry.NEVER, Suppress.NONE),
            (None, 30003, ErrorClass.UNREACHABLE, Retry.FEW, Suppress.AFTER_N),
            (None, 30005, ErrorClass.NUMBER_SOFT, Retry.ONCE, Suppress.AFTER_N),
            (None, 30006, ErrorClass.NUMBER_PERMANENT, Retry.OTHER_CHANNEL, Suppress.NUMBER_FOR_SMS),
            (None, 30007, ErrorClass.FILTERED, Retry.NEVER, Suppress.NONE),
            (None, 30023, ErrorClass.CAPACITY, Retry.NEXT_DAY, Suppress.NONE),
            (None, 30410, ErrorClass.AMBIGUOUS, Retry.NEVER, Suppress.NONE),
            (None, 30450, ErrorClass.RISK, Retry.AFTER_30_MIN, Suppress.NONE),
            (None, 99999, ErrorClass.UNKNOWN, Retry.LATER, Suppress.NONE),
            (None, None, ErrorClass.UNKNOWN, Retry.LATER, Suppress.NONE),
        ],
    )
    def test_reads_status_and_code(
        self, status: int | None, code: int | None, error_class: ErrorClass, retry: Retry, suppress: Suppress
    ) -> None:
        """The HTTP status decides on certainty, the code on everything else."""
        rule = classify_twilio(status, code)
        assert (rule.error_class, rule.retry, rule.suppress) == (error_class, retry, suppress)
        assert rule.outcome_is_certain is not (status in (500, 502, 201, 101) or code == 30410)


class TestClassifySmtp:
    @pytest.mark.parametrize(
        ("code", "enhanced", "text", "error_class", "suppress"),
        [
            (550, "5.1.1", "no", ErrorClass.NUMBER_PERMANENT, Suppress.NUMBER),
            (550, "5.7.1", "User unknown in table", ErrorClass.NUMBER_PERMANENT, Suppress.NUMBER),
            (550, "5.7.1", "policy", ErrorClass.FILTERED, Suppress.NONE),
            (554, "5.7.1", "Relay access denied", ErrorClass.CONFIG, Suppress.NONE),
            (550, "", "mailbox not found", ErrorClass.NUMBER_PERMANENT, Suppress.NUMBER),
            (550, "", "no", ErrorClass.NUMBER_SOFT, Suppress.AFTER_N),
            (552, "5.2.2", "over quota", ErrorClass.UNREACHABLE, Suppress.AFTER_N),
            (450, "4.1.1", "user unknown, perhaps", ErrorClass.UNREACHABLE, Suppress.NONE),
            (451, "5.1.1", "confused", ErrorClass.CAPACITY, Suppress.NONE),
            (550, "4.2.2", "confused", ErrorClass.NUMBER_SOFT, Suppress.AFTER_N),
            (459, "", "", ErrorClass.UNREACHABLE, Suppress.NONE),
            (599, "", "", ErrorClass.UNKNOWN, Suppress.NONE),
        ],
    )
    def test_reads_status_words_and_code(
        self, code: int, enhanced: str, text: str, error_class: ErrorClass, suppress: Suppress
    ) -> None:
        """A telling enhanced status, then words, then the reply code; the reply code alone says for how long."""
        rule = classify_smtp(code, enhanced, text)
        assert (rule.error_class, rule.suppress) == (error_class, suppress)
        assert rule.outcome_is_certain
        assert rule.is_permanent is (code >= 500 and error_class is not ErrorClass.CONFIG)

    @pytest.mark.parametrize("code", [450, 550, 553, 535])
    def test_of_our_sender_says_nothing_of_the_recipient(self, code: int) -> None:
        """Even `553` to MAIL spares the customer's address."""
        rule = classify_smtp(code, "5.1.1", "user unknown", is_about_sender=True)
        assert rule.suppress is Suppress.NONE
        assert not rule.is_permanent


class TestClassifyReceipt:
    @pytest.mark.parametrize(
        ("code", "error_class"),
        [
            ("30006", ErrorClass.NUMBER_PERMANENT),
            ("5.1.1", ErrorClass.NUMBER_PERMANENT),
            ("4.2.2", ErrorClass.UNREACHABLE),
            ("", ErrorClass.UNKNOWN),
            ("nonsense", ErrorClass.UNKNOWN),
            ("0", ErrorClass.UNKNOWN),
            ("9.9.9", ErrorClass.UNKNOWN),
        ],
    )
    def test_tells_providers_apart_by_the_form_of_the_code(self, code: str, error_class: ErrorClass) -> None:
        """A number is Twilio's, three with dots are mail's, anything else is unknown."""
        assert classify_receipt(code).error_class is error_class


class TestClassifyTransport:
    def test_tells_what_left_from_what_may_have(self) -> None:
        """Only silence is a doubt."""
        assert classify_transport("not-sent").retry is Retry.NOW
        assert classify_transport("bad-certificate").error_class is ErrorClass.CONFIG
        assert not classify_transport("no-answer").outcome_is_certain
