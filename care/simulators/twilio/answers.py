"""Answer bodies, shaped and typed as Twilio's."""

import json
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import Final

from care.simulators.twilio.catalogue import Refusal
from care.simulators.twilio.model import Record

PRICE_PER_PART: Final = 0.0075
_UNPRICED: Final = frozenset({"accepted", "scheduled", "queued", "sending", "receiving", "canceled", "failed"})


def _rfc2822(at: datetime) -> str:
    return _rfc2822_of_second(at.replace(microsecond=0))


@lru_cache(maxsize=4096)
def _rfc2822_of_second(at: datetime) -> str:
    return format_datetime(at)


def _text(value: str | None) -> str:
    return "null" if value is None else quote(value)


def message_json(record: Record, account_sid: str) -> str:
    """Return a Message resource as JSON text."""
    uri = f"/2010-04-01/Accounts/{account_sid}/Messages/{record.sid}"
    failure = record.failure if record.is_finished else None
    priced = record.status not in _UNPRICED
    return (
        f'{{"account_sid": "{account_sid}", "api_version": "2010-04-01", "body": {quote(record.body)}, '
        f'"date_created": "{_rfc2822(record.created_at)}", '
        f'"date_sent": {quote(_rfc2822(record.sent_at)) if record.sent_at else "null"}, '
        f'"date_updated": "{_rfc2822(record.updated_at)}", "direction": "{record.direction}", '
        f'"error_code": {failure.code if failure else "null"}, '
        f'"error_message": {quote(failure.message) if failure else "null"}, '
        f'"from": {_text(record.sender)}, "messaging_service_sid": {_text(record.service)}, '
        f'"num_media": "{record.media}", "num_segments": "{record.segments}", '
        f'"price": {_price(record) if priced else "null"}, "price_unit": {_text("USD" if priced else None)}, '
        f'"sid": "{record.sid}", "status": "{record.status}", '
        f'"subresource_uris": {{"media": "{uri}/Media.json"}}, "to": {quote(record.to)}, "uri": "{uri}.json"}}'
    )


def _price(record: Record) -> str:
    return f'"-{PRICE_PER_PART * max(record.segments, 1):.5f}"'


def refusal_json(refusal: Refusal) -> str:
    """Return an error answer as JSON text."""
    return json.dumps(
        {
            "code": refusal.code,
            "message": refusal.message,
            "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
            "status": refusal.status,
        }
    )


def account_json(account_sid: str, opened_at: datetime) -> str:
    """Return the Account resource as JSON text; the token is never shown."""
    root = f"/2010-04-01/Accounts/{account_sid}"
    opened = _rfc2822(opened_at)
    return json.dumps(
        {
            "auth_token": "[redacted]",
            "date_created": opened,
            "date_updated": opened,
            "friendly_name": "Simulated account",
            "owner_account_sid": account_sid,
            "sid": account_sid,
            "status": "active",
            "subresource_uris": {"messages": f"{root}/Messages.json", "balance": f"{root}/Balance.json"},
            "type": "Full",
            "uri": f"{root}.json",
        }
    )


def balance_json(account_sid: str, spent: float) -> str:
    """Return the Balance resource as JSON text; `spent` in dollars since the start."""
    return json.dumps({"account_sid": account_sid, "balance": f"{1000 - spent:.4f}", "currency": "USD"})
