"""Which survey a reply belongs to, and whether one is open at all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from care.surveys.replies.model import Flag, Kind, Reading, Reply
from care.surveys.replies.text import Text

_OFFERS: Final = ("offer", "renewal")
_LATE_UNTIL_DAYS: Final = 14
"""After these an answer belongs to no survey any more."""
_HOURS: Final = 24
_AGE: Final = re.compile(r"-?(\d{1,6})([dh])")
_SOME: Final = (Kind.SCORE, Kind.COMMENT, Kind.UNCLEAR)


def settle(reply: Reply, reading: Reading, text: Text) -> Reading:
    """Return the reading in the light of what is open, closed and was sent last; without a context nothing changes."""
    context = reply.context
    if "open" not in context or reading.kind not in _SOME:
        return reading
    last_out = str(context.get("last_out") or "").partition(":")[0]
    opened = _surveys(context, "open")
    return _while_open(reading, opened, last_out, text) if opened else _while_closed(reading, context, last_out, text)


def _while_open(reading: Reading, opened: Sequence[Mapping[str, Any]], last_out: str, text: Text) -> Reading:
    if reading.kind is Kind.SCORE and last_out.endswith(_OFFERS) and len(text.tokens) == 1:
        return Reading(kind=Kind.UNCLEAR, alert=True, flags=(Flag.AMBIGUOUS,), about=last_out)
    if last_out and reading.kind is Kind.UNCLEAR:
        return _about_last(reading, last_out)
    return replace(reading, about=_about(opened, text))


def _while_closed(reading: Reading, context: Mapping[str, Any], last_out: str, text: Text) -> Reading:
    if reading.kind is not Kind.SCORE:
        return _about_last(reading, last_out)
    if closed := [one for one in _surveys(context, "closed") if _age_days(one) <= _LATE_UNTIL_DAYS]:
        return replace(reading, flags=(*reading.flags, Flag.LATE), about=_about(closed, text))
    return Reading(kind=Kind.UNCLEAR, flags=(Flag.NO_OPEN_SURVEY,), about=last_out)


def _about_last(reading: Reading, last_out: str) -> Reading:
    """Tie words to what we sent last; thanks for a greeting are friendly, a question about an offer is a lead."""
    flags = reading.flags
    if last_out == "greeting" and flags == (Flag.ACKNOWLEDGEMENT,):
        flags = (Flag.POSITIVE,)
    alert = reading.alert or (Flag.QUESTION in flags and last_out.endswith(_OFFERS))
    return replace(reading, flags=flags, alert=alert, about=last_out)


def _surveys(context: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    found = context.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, Sequence) else []


def _age_days(survey: Mapping[str, Any]) -> float:
    """Return how many days ago it was asked, `"asked": "-10d"` or `"-30h"`; 0 where that is not said."""
    age = _AGE.fullmatch(str(survey.get("asked") or ""))
    return 0 if age is None else int(age[1]) / (1 if age[2] == "d" else _HOURS)


def _about(surveys: Sequence[Mapping[str, Any]], text: Text) -> str:
    """Return the survey whose reference the text names, else the one asked last."""
    words = {token.text for token in text.tokens}
    named = [one for one in surveys if str(one.get("ref") or "").casefold() in words]
    return str((named or [surveys[-1]])[0].get("id") or "")
