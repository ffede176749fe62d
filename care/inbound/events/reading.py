"""From the JSON that another system sent to events, or to what is wrong with it."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from care.base.ids import digest
from care.customers.importing import cells
from care.customers.importing.cells import KEEP, PLACEHOLDER, CellError, cell
from care.customers.importing.tickets import CLOCKS_DIFFER, MOMENTS, kind, moment_in, ticket_id
from care.customers.tickets.model import TEST_WORD, TEXT_WORDS, TIME_WORDS
from care.inbound.events.model import KNOWN_TYPES, Entry, EventProblem, EventType, NewEvent

LONGEST_ID: Final = 120
MOST_ITEMS: Final = 1_000
_LONGEST_NAME: Final = 100
_ID_NAMES: Final = ("ticket", "ticket_id", "id", "order")
"""What the ticket's id may be called in `data`; the first that is there counts."""
_OURS: Final = ("by", "webhook_id")
"""Words in `data` that tell who caused it: our own doing comes back as an event too."""
_NEED_CUSTOMER: Final = (EventType.OPENED, EventType.INSTALLED)

_text_cell: Final = cell(cells.text_of(LONGEST_ID))
_customer_cell: Final = cell(cells.text_of(cells.LONGEST_ID))


def read_body(body: bytes) -> tuple[list[Any], bool]:
    """Return the items of a request, and whether it was a list.

    Raises:
        EventProblem: it is no JSON object and no list of them, or a list too long.
    """
    try:
        value = json.loads(
            body, parse_int=str, parse_float=str, parse_constant=_no_number, object_pairs_hook=_object_of
        )
    except (ValueError, RecursionError):
        raise EventProblem(400, "no-json", "Not JSON", "the body is not JSON in UTF-8") from None
    if isinstance(value, dict):
        return [value], False
    if not isinstance(value, list) or not value:
        raise EventProblem(400, "no-event", "Not an event", "the body is neither an object nor a list of objects")
    if len(value) > MOST_ITEMS:
        raise EventProblem(413, "too-many", "Too many events", f"at most {MOST_ITEMS} events at once")
    return value, True


def read_entry(item: Any, *, zone: ZoneInfo, now: datetime, fallback_id: str | None = None) -> Entry:
    """Return one item as an event, or with its problem. `fallback_id` is its id where it says none."""
    if not isinstance(item, dict):
        return Entry(external_id=None, problem=_bad("an event is a JSON object"))
    if isinstance(item, _Ambiguous):
        return Entry(external_id=None, problem=_bad(f"{item.name}: stands twice"))
    try:
        external_id = _cell("id", item.get("id", fallback_id), _text_cell)
    except EventProblem as problem:
        return Entry(external_id=None, problem=problem)
    try:
        if external_id is None:
            raise _bad("id: is missing")
        return Entry(external_id=external_id, event=_event(external_id, item, zone=zone, now=now))
    except EventProblem as problem:
        return Entry(external_id=external_id, problem=problem)


def new_event(
    external_id: str, type_: EventType, *, customer: str | None, subject: str, at: datetime, data: Mapping[str, Any]
) -> NewEvent:
    """Return an event with the digest by which a repeat is known."""
    said = [type_, customer, subject, at.timestamp(), data]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return NewEvent(
        external_id=external_id,
        type=type_,
        customer=customer,
        subject=subject,
        at=at,
        data=data,
        digest=digest(text)[:32],
    )


def _event(external_id: str, item: Mapping[str, Any], *, zone: ZoneInfo, now: datetime) -> NewEvent:
    type_ = _type(item.get("type"))
    customer = _cell("customer", item.get("customer"), _customer_cell)
    if customer is None and type_ in _NEED_CUSTOMER:
        raise _bad("customer: is missing")
    at = _moment("at", item.get("at"), zone, now)
    if at is None:
        raise _bad("at: is missing. Say when it happened, like 2027-01-31T18:00:00+08:00")
    given = item.get("data")
    if not (given is None or isinstance(given, dict)):
        raise _bad("data: is no JSON object")
    if isinstance(given, _Ambiguous):
        raise _bad(f"data.{given.name}: stands twice")
    data = _data(given or {}, zone, now)
    subject = data.pop("ticket", None) or (external_id if type_ is EventType.INSTALLED else None)
    if subject is None:
        raise _bad("data.ticket: is missing. Say which ticket it is")
    _cell("data.ticket", subject, ticket_id)
    return new_event(external_id, type_, customer=customer, subject=subject, at=at, data=data)


def _type(given: Any) -> EventType:
    if not isinstance(given, str) or given not in [*EventType]:
        raise EventProblem(422, "unknown-type", "Unknown type of event", f"type: is none of: {KNOWN_TYPES}")
    return EventType(given)


def _data(given: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Return the words of an event, checked; times as ISO 8601, the ticket's id as `ticket`, None for what is cleared.

    Columns of an import mean the same here. When it was resolved or opened again is what `at` says.
    """
    data: dict[str, Any] = {}
    for name, value in given.items():
        place = f"data.{name}" if name in _CONVERTERS or name in TIME_WORDS else "data"
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise _bad("data: has a name that is empty, too long or not printable")
        if name in (*_ID_NAMES, *MOMENTS, "customer"):
            continue
        if name in TIME_WORDS:
            moment = _moment(place, value, zone, now)
            if moment is not None:
                data[name] = moment.isoformat()
            continue
        found = _read(place, value, _CONVERTERS.get(name, cells.attribute))
        if found is not KEEP:
            data[name] = found
    named = (_cell("data.ticket", given.get(name), ticket_id) for name in _ID_NAMES if given.get(name))
    return data | {"ticket": next(named, None)}


def _moment(place: str, given: Any, zone: ZoneInfo, now: datetime) -> datetime | None:
    found = _read(place, given, cell(moment_in(zone)))
    if found in (KEEP, PLACEHOLDER, None):
        return None
    assert isinstance(found, datetime)
    if found > now + CLOCKS_DIFFER:
        raise _bad(f"{place}: lies in the future")
    return found.astimezone(ZoneInfo("UTC")) if found.utcoffset() != timedelta(0) else found


def _cell(place: str, given: Any, convert: Callable[[str], Any]) -> str | None:
    found = _read(place, given, convert)
    return None if found is KEEP else found


def _read(place: str, given: Any, convert: Callable[[str], Any]) -> Any:
    if isinstance(given, (dict, list)):
        raise _bad(f"{place}: holds a list or an object. Give text, a number or true/false")
    if given is None:
        return KEEP
    text = str(given).lower() if isinstance(given, bool) else str(given)
    try:
        text.encode()
        return convert(text)
    except CellError as error:
        raise _bad(f"{place}: {error}") from None
    except UnicodeEncodeError:  # JSON may say half of a character, and no database keeps it
        raise _bad(f"{place}: holds half of a character") from None


def _bad(detail: str) -> EventProblem:
    return EventProblem(422, "unusable", "Unusable event", detail)


class _Ambiguous(dict[str, Any]):
    """An object that says one name twice: which of the two is meant nobody knows."""

    name: str


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    doubled = next(name for name in names if names.count(name) > 1)
    ambiguous = _Ambiguous(found)
    ambiguous.name = doubled if doubled.isprintable() and len(doubled) <= _LONGEST_NAME else "a name"
    return ambiguous


def _no_number(word: str) -> str:
    raise ValueError(word)


_CONVERTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **{name: cell(cells.text_of(longest)) for name, longest in TEXT_WORDS.items()},
    "kind": cell(kind),
    TEST_WORD: cell(cells.truth),
    **dict.fromkeys(_OURS, cell(cells.text_of(LONGEST_ID))),
}
