"""What a provider's code means: one data table, `error_classes.tsv`, for every channel.

Columns of the table:

- `provider`: `twilio` (its error codes), `twilio-http` (status of the answer when the code says nothing),
  `twilio-receipt`, `transport` (seen on our side), `smtp` (enhanced status), `smtp-text` (words in the reply),
  `smtp-reply` (reply code), `smtp-sender` (reply to our own sender or sign-in)
- `code`: the code; `4xx` and `5xx` stand for the rest of a hundred
- `class`: an `ErrorClass`
- `retry`: a `Retry`
- `suppress`: a `Suppress`
- `certain`: `no` when the message may have been taken or delivered all the same
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from care.delivery.channels.base import ErrorClass, ErrorRule, Retry, Suppress

TABLE: Final = "error_classes.tsv"
_GENERIC: Final = frozenset({"5.0.0", "4.0.0", "5.5.0", "5.7.1", "5.1.0", "5.2.0"})
"""Enhanced codes that servers give for anything; words in the reply know better."""


@cache
def error_rules() -> Mapping[tuple[str, str], ErrorRule]:
    """Return the whole table by `(provider, code)`, in the order of the file."""
    text = resources.files("care.delivery.channels").joinpath(TABLE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {
        (row["provider"], row["code"]): ErrorRule(
            error_class=ErrorClass(row["class"]),
            retry=Retry(row["retry"]),
            suppress=Suppress(row["suppress"]),
            outcome_is_certain=row["certain"] == "yes",
            meaning=row["meaning"],
        )
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    }


@cache
def classify_twilio(http_status: int | None, code: int | None) -> ErrorRule:
    """Return what Twilio's answer or receipt means.

    `http_status` is None for a receipt. A 5xx is uncertain and a 429 unprocessed whatever the code says;
    a code the table does not know falls back to its HTTP status.
    """
    rules = error_rules()
    if http_status is None:
        return rules.get(("twilio", str(code)), rules["twilio-receipt", "*"])
    by_status = _by_number("twilio-http", http_status)
    if http_status == 429 or not by_status.outcome_is_certain:  # noqa: PLR2004 - HTTP's own number
        return by_status
    return rules.get(("twilio", str(code)), by_status)


def classify_transport(event: str) -> ErrorRule:
    """Return what an event on our side means: `not-sent`, `bad-certificate` or `no-answer`."""
    return error_rules()["transport", event]


def classify_smtp(code: int, enhanced: str, text: str, *, is_about_sender: bool = False) -> ErrorRule:
    """Return what a refusing SMTP reply means.

    `code` is the reply code, `enhanced` the status after it such as `5.1.1` or empty, `text` the rest.
    `is_about_sender` marks replies to our sign-in or MAIL command: they never speak about the recipient.
    """
    if is_about_sender:
        return _by_number("smtp-sender", code)
    rules = error_rules()
    if enhanced[:1] != str(code)[:1]:  # the reply code decides whether a refusal is for good
        enhanced = ""
    exact = rules.get(("smtp", enhanced))
    if exact is not None and enhanced not in _GENERIC:
        return exact
    return _by_words(code, text) or exact or _by_number("smtp-reply", code)


def classify_receipt(code: str) -> ErrorRule:
    """Return what the error code of a receipt means, whichever provider wrote it: `30006` or `5.1.1`."""
    if code.isdecimal():
        return classify_twilio(None, int(code))
    first = code[:1]
    return classify_smtp(int(first) * 100, code, "") if first.isdecimal() else classify_twilio(None, None)


def _by_words(code: int, text: str) -> ErrorRule | None:
    if code < 500:  # noqa: PLR2004 - words about a temporary refusal change nothing
        return None
    lowered = text.lower()
    return next(
        (rule for (provider, words), rule in error_rules().items() if provider == "smtp-text" and words in lowered),
        None,
    )


def _by_number(provider: str, number: int) -> ErrorRule:
    rules = error_rules()
    exact = rules.get((provider, str(number)))
    return exact or rules.get((provider, f"{number // 100}xx"), _STRANGE)


_STRANGE: Final = ErrorRule(
    error_class=ErrorClass.UNKNOWN,
    retry=Retry.NEVER,
    suppress=Suppress.NONE,
    outcome_is_certain=False,
    meaning="an answer outside the protocol",
)
