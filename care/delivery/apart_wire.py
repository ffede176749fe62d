"""How a suspect travels to the process that renders it and back: one line of JSON each way, nothing that runs code."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from care.base.vocabulary import Channel, Purpose
from care.campaigns.campaign_set import CampaignSet
from care.delivery.model import Claimed, Contact, Failed, Prepared, Verdict

_PLAIN = ("id", "campaign_id", "occasion", "customer_id", "leg", "due_at", "use_by", "attempts", "occasion_on")
_ROWS = ("is_file_broken", "customer", "subject", "has_contact", "strikes")
_WORDS = ("text", "subject", "html", "parts", "locale", "template", "country", "unsubscribe_url")


def write_claimed(claimed: Claimed, now: datetime) -> bytes:
    """Return the line that asks for one message to be rendered."""
    told = {name: getattr(claimed, name) for name in (*_PLAIN, *_ROWS)}
    told |= {
        "purpose": str(claimed.purpose),
        "contacts": [asdict(contact) for contact in claimed.contacts.values()],
        "spent_channels": sorted(str(channel) for channel in claimed.spent_channels),
        "failed": claimed.failed,
        "now": now,
    }
    return _line(told)


def read_claimed(line: bytes, campaigns: CampaignSet) -> tuple[Claimed, datetime]:
    """Return the message, with its campaign as the files say now, and the instant it is rendered for."""
    told = _told(line)
    now = told.pop("now")
    contacts = [Contact(**one | {"channel": Channel(one["channel"])}) for one in told.pop("contacts")]
    claimed = Claimed(
        purpose=Purpose(told.pop("purpose")),
        contacts={contact.channel: contact for contact in contacts},
        spent_channels=frozenset(Channel(word) for word in told.pop("spent_channels")),
        failed=Failed(*failed) if (failed := told.pop("failed", None)) else None,
        campaign=campaigns.for_message(told["campaign_id"]),
        **told,
    )
    return claimed, now


def write_answer(answer: Prepared | Verdict) -> bytes:
    """Return the line that tells what became of it."""
    if isinstance(answer, Verdict):
        return _line({"verdict": asdict(answer)})
    words = {name: getattr(answer, name) for name in _WORDS}
    return _line({"channel": str(answer.contact.channel), **words})


def read_answer(line: bytes, claimed: Claimed) -> Prepared | Verdict:
    """Return what the line says of a message."""
    told = _told(line)
    if "verdict" in told:
        return Verdict(**told["verdict"])
    return Prepared(message=claimed, contact=claimed.contacts[Channel(told.pop("channel"))], **told)


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, default=_tagged).encode() + b"\n"


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$instant": value.isoformat()}
    if isinstance(value, date):
        return {"$day": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot travel")


_TAGS: Mapping[str, Callable[[str], Any]] = {
    "$instant": datetime.fromisoformat,
    "$day": date.fromisoformat,
    "$decimal": Decimal,
}


def _told(line: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line, object_hook=_untagged)
    return told


def _untagged(values: dict[str, Any]) -> Any:
    for tag, read in _TAGS.items():
        if len(values) == 1 and tag in values:
            return read(values[tag])
    return values
