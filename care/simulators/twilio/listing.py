"""Lists of messages: filters and pages as Twilio's."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlencode

from care.simulators.twilio.answers import message_json
from care.simulators.twilio.model import Record
from care.simulators.twilio.store import MessageStore

_DEFAULT_PAGE, _LARGEST_PAGE = 50, 1000
_FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")


@dataclass(frozen=True, slots=True)
class _Page:
    """One page and the way to its neighbours."""

    records: list[Record]
    number: int
    size: int
    before: str | None  # token of the previous page
    after: str | None  # token of the next page


def page_json(store: MessageStore, account_sid: str, query: str) -> str:
    """Return one page of the list as JSON text, newest message first.

    `query` is the raw query string. A page token names a message, so that messages created meanwhile shift
    nothing.
    """
    given = dict(parse_qsl(query, keep_blank_values=True))
    wanted = _predicate(given)
    found = [each for each in store.newest_first(given.get("To")) if wanted(each)]
    page = _cut_out(found, given)
    base = f"/2010-04-01/Accounts/{account_sid}/Messages.json"
    filters = {name: given[name] for name in _FILTERS if name in given} | {"PageSize": str(page.size)}

    def uri(number: int, token: str | None) -> str:
        extra = {"Page": str(number)} | ({"PageToken": token} if token else {})
        return f"{base}?{urlencode(filters | extra)}"

    frame = {
        "end": page.number * page.size + max(len(page.records) - 1, 0),
        "first_page_uri": uri(0, None),
        "next_page_uri": uri(page.number + 1, page.after) if page.after else None,
        "page": page.number,
        "page_size": page.size,
        "previous_page_uri": uri(page.number - 1, page.before) if page.before else None,
        "start": page.number * page.size,
        "uri": uri(page.number, given.get("PageToken")),
    }
    messages = ", ".join(message_json(each, account_sid) for each in page.records)
    return f'{json.dumps(frame)[:-1]}, "messages": [{messages}]}}'


def no_media_json(path: str) -> str:
    """Return the media list of a text message, which has none."""
    uri = f"{path}?PageSize=50&Page=0"
    frame = {"end": 0, "first_page_uri": uri, "next_page_uri": None, "page": 0, "page_size": 50}
    return json.dumps(frame | {"previous_page_uri": None, "start": 0, "uri": uri, "media_list": []})


def _predicate(given: dict[str, str]) -> Callable[[Record], bool]:
    sender = given.get("From")
    on, before, after = (_day(given.get(name)) for name in ("DateSent", "DateSent<", "DateSent>"))
    has_date = any((on, before, after))

    def wanted(record: Record) -> bool:
        if sender and record.sender != sender:
            return False
        if not has_date:
            return True
        if record.sent_at is None:
            return False
        day = record.sent_at.date()
        return (on is None or day == on) and (before is None or day <= before) and (after is None or day >= after)

    return wanted


def _day(text: str | None) -> date | None:
    """Return the GMT day a filter names; Twilio ignores the time of day."""
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def _cut_out(found: list[Record], given: dict[str, str]) -> _Page:
    size = _whole(given.get("PageSize"), _DEFAULT_PAGE)
    size = min(max(size, 1), _LARGEST_PAGE)
    number = _whole(given.get("Page"), 0)
    token = given.get("PageToken", "")
    anchor = _whole(token[2:], 0)
    if token.startswith("PB"):
        newer = [each for each in found if each.number > anchor]
        start = max(len(newer) - size, 0)
    else:
        start = next((i for i, each in enumerate(found) if each.number < anchor), len(found)) if token else 0
    records = found[start : start + size]
    more = start + size < len(found)
    return _Page(
        records=records,
        number=number,
        size=size,
        before=f"PB{records[0].number}" if records and start > 0 else None,
        after=f"PA{records[-1].number}" if more else None,
    )


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default
