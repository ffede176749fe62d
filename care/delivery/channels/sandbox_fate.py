"""What becomes of a message in the sandbox: reserved recipients first, else a seeded draw.

Reserved telephone numbers end in 55 and five digits:

- a code of the error table: below 30000 it refuses the request (21614 not a mobile, 21610 opted out, 21211 no
  number), from 30000 on and for 14107 the message is accepted and then fails (30003 switched off, 30006 landline,
  30007 filtered)
- 00429 busy, not processed · 00598 no connection · 00409 no answer, not taken · 00408 no answer, though taken
- 00503, 00504 an error of the provider, not taken and taken
- 00000 never confirmed · 00900 slow · 00910 answers with an opt-out · 00911 answers with thanks

Reserved e-mail addresses have one of the words of `MAIL_WORDS` before the @ (or before a +) and the domain
`sandbox.test`: `unknown-user@sandbox.test`, `bounces+7@sandbox.test`.
"""

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

from care.base.vocabulary import Channel
from care.delivery.channels.errors import error_rules
from care.delivery.channels.sandbox_outbox import Sent


class Answer(StrEnum):
    """What the sandbox answers when a message is handed over."""

    ACCEPT = "accept"
    REFUSE = "refuse"  #: certainly not taken
    LOSE = "lose"  #: taken, but the caller is not told
    DROP = "drop"  #: not taken, and the caller is not told
    UNREACHABLE = "unreachable"  #: no connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """The answer at once, and what follows later."""

    answer: Answer = Answer.ACCEPT
    code: str = ""  # of the refusal or the doubt
    failure: str = ""  # code of a later failure
    is_silent: bool = False  # no receipt after `sent`
    is_slow: bool = False
    reply: str = ""  # a text the customer sends back


_FIRST_DELIVERY_CODE: Final = 30_000
_LOOP_CODE: Final = 14_107
_MARK: Final = "55"
_DIGITS: Final = 7
MAIL_DOMAIN: Final = "sandbox.test"
_TOO_LATE: Final = "30036"

NUMBER_WORDS: Final[Mapping[str, Fate]] = {
    "00429": Fate(answer=Answer.REFUSE, code="20429"),
    "00598": Fate(answer=Answer.UNREACHABLE, code="not-sent"),
    "00409": Fate(answer=Answer.DROP, code="no-answer"),
    "00408": Fate(answer=Answer.LOSE, code="no-answer"),
    "00503": Fate(answer=Answer.DROP, code="20503"),
    "00504": Fate(answer=Answer.LOSE, code="20503"),
    "00000": Fate(is_silent=True),
    "00900": Fate(is_slow=True),
    "00910": Fate(reply="退订"),
    "00911": Fate(reply="谢谢"),
}
MAIL_WORDS: Final[Mapping[str, Fate]] = {
    "unknown-user": Fate(answer=Answer.REFUSE, code="5.1.1"),
    "filtered": Fate(answer=Answer.REFUSE, code="5.7.1"),
    "full": Fate(answer=Answer.REFUSE, code="4.2.2"),
    "busy": Fate(answer=Answer.REFUSE, code="4.7.0"),
    "no-connection": Fate(answer=Answer.UNREACHABLE, code="not-sent"),
    "cut": Fate(answer=Answer.DROP, code="no-answer"),
    "lost-reply": Fate(answer=Answer.LOSE, code="no-answer"),
    "bounces": Fate(failure="5.1.1"),
    "bounces-full": Fate(failure="5.2.2"),
    "unconfirmed": Fate(is_silent=True),
    "slow": Fate(is_slow=True),
}
PLAIN: Final = Fate()


def reserved_fate(channel: Channel, to: str) -> Fate | None:
    """Return what a reserved recipient stands for, None for any other."""
    if channel is Channel.SMS:
        tail = to[-_DIGITS:]
        return _fate_of_code(tail[2:]) if tail.startswith(_MARK) and tail.isdecimal() else None
    name, _, domain = to.lower().partition("@")
    return MAIL_WORDS.get(name.partition("+")[0]) if domain == MAIL_DOMAIN else None


def _fate_of_code(digits: str) -> Fate | None:
    if digits in NUMBER_WORDS:
        return NUMBER_WORDS[digits]
    rule = error_rules().get(("twilio", digits))
    if rule is None:
        return None
    if int(digits) >= _FIRST_DELIVERY_CODE or int(digits) == _LOOP_CODE:
        return Fate(failure=digits)
    return Fate(answer=Answer.REFUSE if rule.outcome_is_certain else Answer.DROP, code=digits)


_FAILURES: Final[Mapping[Channel, Sequence[tuple[float, Fate]]]] = {
    Channel.SMS: (
        (0.012, Fate(failure="30003")),
        (0.004, Fate(failure="30005")),
        (0.003, Fate(failure="30006")),
        (0.003, Fate(failure="30008")),
        (0.008, Fate(is_silent=True)),
    ),
    Channel.EMAIL: ((0.008, Fate(failure="5.1.1")), (0.004, Fate(failure="5.2.2")), (0.02, Fate(is_silent=True))),
}
_REPLY_SHARE: Final[Mapping[str, float]] = {
    "": 0.02,
    "survey": 0.42,
    "complaint_closed": 0.42,
    "survey_low_apology": 0.6,
    "survey_nps": 0.42,
    "survey_ces": 0.42,
    "survey_thanks": 0,
    "survey_low_reason_thanks": 0,
}
"""How many answer, by the beginning of the template's name; the longest that fits counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something the sandbox's carrier or customer will do."""

    after: timedelta  # since the message was handed over
    status: str = ""  # of a receipt
    error_code: str = ""
    reply: str = ""  # text of an inbound message


def life_of(channel: Channel, sent: Sent, *, seed: int) -> Sequence[Event]:
    """Return what happens to an accepted message, soonest first; the same seed tells the same life."""
    dice = random.Random(f"{seed}:{channel}:{sent.message_id}:{sent.attempt_id}")  # noqa: S311 - a story, no secret
    fate = reserved_fate(channel, sent.to) or _drawn_fate(channel, dice)
    handed_over = timedelta(seconds=round(dice.uniform(1, 4), 3))
    told = handed_over + timedelta(seconds=round(dice.uniform(1, 20), 3))
    if channel is Channel.SMS and _is_too_late(sent, handed_over):
        return [Event(after=handed_over, status="undelivered", error_code=_TOO_LATE)]
    events = [Event(after=handed_over, status="sent")]
    if fate.failure:
        events.append(Event(after=told, status="undelivered", error_code=fate.failure))
    elif not fate.is_silent:
        events.append(Event(after=told, status="delivered"))
        reply = fate.reply or (_drawn_reply(sent, dice) if channel is Channel.SMS and fate is PLAIN else "")
        if reply:
            minutes = min(dice.lognormvariate(1.5, 1.2), 600)
            events.append(Event(after=told + timedelta(minutes=round(minutes, 2)), reply=reply))
    return events


def _is_too_late(sent: Sent, handed_over: timedelta) -> bool:
    if not sent.valid_until:
        return False
    return datetime.fromisoformat(sent.at) + handed_over > datetime.fromisoformat(sent.valid_until)


def _drawn_fate(channel: Channel, dice: random.Random) -> Fate:
    point = dice.random()
    for share, fate in _FAILURES[channel]:
        point -= share
        if point < 0:
            return fate
    return PLAIN


def _drawn_reply(sent: Sent, dice: random.Random) -> str:
    kind = max((begin for begin in _REPLY_SHARE if sent.template.startswith(begin)), key=len)
    if dice.random() >= _REPLY_SHARE[kind]:
        return ""
    weights, texts = _replies()[kind, "zh" if sent.locale.startswith("zh") else "en"]
    return dice.choices(texts, weights)[0]


@cache
def _replies() -> Mapping[tuple[str, str], tuple[list[float], list[str]]]:
    text = resources.files("care.delivery.channels").joinpath("sandbox_replies.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found: dict[tuple[str, str], tuple[list[float], list[str]]] = {}
    for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        weights, texts = found.setdefault((row["template"], row["locale"]), ([], []))
        weights.append(float(row["weight"]))
        texts.append(row["text"])
    return found
