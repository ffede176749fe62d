"""Small words of follow-ups: how long a promise is, and what a ticket is called in each language."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from care.campaigns.locales import fallbacks
from care.campaigns.scalars import mistake, parse_duration

_WORKING_DAYS = re.compile(r"([1-9]\d?) working days?")

_EVENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "repair": {"zh-CN": "报修", "zh-TW": "報修", "en": "repair"},
    "complaint": {"zh-CN": "投诉", "zh-TW": "申訴", "en": "complaint"},
    "installation": {"zh-CN": "装机", "zh-TW": "裝機", "en": "installation"},
}
_OTHER: Final[Mapping[str, str]] = {"zh-CN": "服务", "zh-TW": "服務", "en": "service request"}
_RESULT: Final[Mapping[str, str]] = {"zh-CN": "已处理完毕", "zh-TW": "已處理完畢", "en": "it has been dealt with"}


def parse_within(value: Any) -> timedelta | int:
    """Return the length of `72h`, or the number of days of `2 working days`."""
    if isinstance(value, int | timedelta) and not isinstance(value, bool):
        return value
    found = _WORKING_DAYS.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        return int(found[1])
    try:
        return parse_duration(value)
    except PydanticCustomError:
        raise mistake(f"'{value}' is not a deadline", "Write it as 72h, 3d or 1 working day") from None


Within = Annotated[
    timedelta | int,
    BeforeValidator(parse_within),
    WithJsonSchema({"type": "string", "examples": ["72h", "1 working day"]}),
]


def event_word(kind: str, locale: str) -> str:
    """Return what a ticket of a kind is called; kinds of the operator's own are a service request."""
    return _in(_EVENTS.get(kind, _OTHER), locale)


def default_result(locale: str) -> str:
    """Return what stands for a result that the ticket system did not tell."""
    return _in(_RESULT, locale)


def _in(words: Mapping[str, str], locale: str) -> str:
    return next(words[name] for name in fallbacks(locale) if name in words)
