"""What people write instead of an answer: wishes, mistakes, questions, dangers; and what stands beside an answer."""

from typing import Final

from care.surveys.replies.model import Flag, Kind, Reading
from care.surveys.replies.numbers import find_numbers
from care.surveys.replies.text import Text

_URGENT: Final = frozenset({Flag.SAFETY, Flag.DATA_REQUEST, Flag.CANCEL_SERVICE, Flag.COMPLAINT, Flag.NOT_RESOLVED})
_BESIDE: Final = (
    ("safety", Flag.SAFETY),
    ("data_request", Flag.DATA_REQUEST),
    ("cancel_service", Flag.CANCEL_SERVICE),
    ("complaint", Flag.COMPLAINT),
    ("not_resolved", Flag.NOT_RESOLVED),
    ("call_back", Flag.CALL_BACK),
)
_FEW: Final = 3
_HIGHEST: Final = 10
_ENDS_OF_SCALE: Final = frozenset({"best", "worst", "full_marks"})
_ASKING: Final = frozenset({"is", "does", "which", "are", "do"})


def read_wish(text: Text) -> Reading | None:
    """Return what the text asks for, if it is no answer; None where it may be one."""
    met = text.met
    flags: tuple[Flag, ...] = ()
    if "safety" in met and not _is_denied(text, "safety"):
        flags = (Flag.SAFETY,)
    elif "data_request" in met:
        flags = (Flag.DATA_REQUEST,)
    elif "cancel_service" in met or _ends_a_service(text):
        flags = (Flag.CANCEL_SERVICE, Flag.CHURN_RISK)
    elif _asks_for_help(text):
        return Reading(kind=Kind.HELP)
    elif "wrong_number" in met and not text.has_digit and not met & {"best", "label"}:
        return Reading(kind=Kind.UNCLEAR, flags=(Flag.WRONG_NUMBER,))
    elif "opt_in" in met and _is_only_keyword(text):
        return Reading(kind=Kind.OPT_IN)
    return Reading(kind=Kind.UNCLEAR, alert=True, flags=flags) if flags else None


def side_flags(text: Text) -> tuple[Flag, ...]:
    """Return what a text says beside its answer."""
    return tuple(
        flag
        for meaning, flag in _BESIDE
        if meaning in text.met and not (flag is Flag.SAFETY and _is_denied(text, meaning))
    )


def needs_a_person(flags: tuple[Flag, ...]) -> bool:
    """Tell whether one of the flags asks for a person soon."""
    return not _URGENT.isdisjoint(flags)


def _counts(text: Text, index: int) -> bool:
    after = text.tokens[index + 1 : index + 2]
    return bool(after) and "count" in after[0].meanings


def _is_only_keyword(text: Text) -> bool:
    """Tell whether a few English words say "start" and nothing else: Chinese ones are news of a line that is back."""
    return (
        text.plain.isascii()
        and len(text.tokens) <= _FEW
        and all(token.is_end or token.meanings & {"opt_in", "thanks", "filler"} for token in text.tokens)
    )


def _asks_for_help(text: Text) -> bool:
    """Tell whether somebody asks who we are or how to answer; a question about a digit is one, too."""
    if "help" in text.met:
        place = next((index for index, token in enumerate(text.tokens) if "help" in token.meanings), 0)
        clause_has_score = any(token.value is not None for token in text.tokens[:place])
        if _is_asked_about(text, place):
            return True
        return not clause_has_score or "question" in text.met or text.asks
    if "help_alone" in text.met and all(
        token.is_end or token.meanings & {"help_alone", "filler", "ack", "question"} for token in text.tokens
    ):
        return True
    return _questions_a_digit(text) or ("fraud" in text.met and text.asks and not text.has_digit)


def _is_asked_about(text: Text, place: int) -> bool:
    """Tell whether it is a digit that the question is about: "1分是最好还是最差", 1代表什么."""
    before = text.tokens[max(0, place - 3) : place]
    while before and before[-1].meanings & {"yes", "rate", "point"} and before[-1].value is None:
        before = before[:-1]
    return bool(before) and before[-1].value is not None and not before[-1].is_end


def _questions_a_digit(text: Text) -> bool:
    """Tell whether a question and a digit of the scale stand in one clause: "5是最好的吗"."""
    ends = text.asks or (bool(text.tokens) and text.tokens[0].text in _ASKING)
    if not text.has_digit or "mock" in text.met or not ("question" in text.met or ends):
        return False
    digits = {number.first for number in find_numbers(text.tokens) if number.value <= _HIGHEST}
    digit = asked = False
    for index, token in enumerate(text.tokens):
        if token.is_end and token.text != "-":
            if digit and asked:
                return True
            digit = asked = False
        digit = digit or index in digits or (asked and _may_be_a_point(text, index))
        digit = digit or (index == 0 and not token.is_chinese and _may_be_a_point(text, index))
        asked = asked or "question" in token.meanings or (token.gap and token.text in _ASKING and ends)
        asked = asked or (text.asks and token.is_chinese and bool(token.meanings & _ENDS_OF_SCALE))
    return digit and asked


def _may_be_a_point(text: Text, index: int) -> bool:
    """Tell whether it is a number that counts nothing and tells no hour or price."""
    value = text.tokens[index].value
    if value is None or value > _HIGHEST or _counts(text, index):
        return False
    return index == 0 or "before_count" not in text.tokens[index - 1].meanings


def _ends_a_service(text: Text) -> bool:
    """Tell whether a word of ending stands before a service of ours, both inside one clause."""
    if not {"cancel", "service"} <= text.met:
        return False
    reach = 0
    for index, token in enumerate(text.tokens):
        if token.is_end:
            reach = 0
        elif "cancel" in token.meanings and not _denied_at(text, index):
            reach = 4
        elif reach and "service" in token.meanings:
            return True
        elif reach:
            reach -= 1
    return False


def _is_denied(text: Text, meaning: str) -> bool:
    places = [index for index, token in enumerate(text.tokens) if meaning in token.meanings]
    return bool(places) and all(_denied_at(text, index) for index in places)


def _denied_at(text: Text, index: int) -> bool:
    return any(
        token.meanings & {"neg", "dont"} and not token.is_end for token in text.tokens[max(0, index - 2) : index]
    )
