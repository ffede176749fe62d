"""Twilio's webhooks as rows of the inbox, and back: the only inbound file that knows Twilio's words."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.settings import Settings
from care.base.vocabulary import Channel
from care.delivery.receipts import Receipt
from care.inbound.model import Incoming
from care.inbound.tables import webhook

STATUS_KIND = "twilio.status"
INBOUND_KIND = "twilio.inbound"
PROVIDER = "twilio"
ANSWERED_WORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
    | {"START", "YES", "UNSTOP", "HELP", "INFO"}
)
"""What Twilio answers by itself when it is the whole message."""

_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_STATUS = re.compile(r"[a-z_]{2,24}")
_ERROR = re.compile(r"\d{0,9}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,32}")
_LONGEST_SENDER = 64
_OPT_OUT_TYPES = ("STOP", "START", "HELP")
_STATUS_FIELDS = ("MessageSid", "MessageStatus", "ErrorCode", "RawDlrDoneDate", "ChannelStatusMessage")
_OWNER = "provider"  # a key of ours among Twilio's; rows of earlier versions lack it
_WRITTEN = "written_at"  # another: when the customer wrote, where we fetched it later
_IMPERSONAL_FIELDS = ("MessageSid", "To", "MessagingServiceSid", "NumMedia", "NumSegments", "OptOutType", _WRITTEN)


def answered_words(settings: Settings) -> frozenset[str]:
    """Return the words that the provider of these settings confirms by itself."""
    by_twilio = settings.sms.provider == "twilio" and settings.twilio.opt_out_replies == "twilio"
    return ANSWERED_WORDS if by_twilio else frozenset()


class UnreadableHookError(ValueError):
    """A webhook lacks what Twilio always sends; the text names the field."""


def status_row(form: Mapping[str, str], now: datetime, *, token: str, provider: str = PROVIDER) -> dict[str, Any]:
    """Return the inbox row of a status callback; phone numbers are not kept, the attempt knows them.

    `provider` names the account that signed it.

    Raises:
        UnreadableHookError: if a field is missing or not in Twilio's form.
    """
    sid, error = _sid(form), form.get("ErrorCode", "")
    status = form.get("MessageStatus", "")
    if not _STATUS.fullmatch(status):
        raise UnreadableHookError("MessageStatus")
    if not _ERROR.fullmatch(error):
        raise UnreadableHookError("ErrorCode")
    if not _TOKEN.fullmatch(token):
        raise UnreadableHookError("token")
    return {
        "kind": STATUS_KIND,
        "dedupe": f"{sid}:{status}:{error}:{token}",
        "token": token,
        "payload": {name: form[name][:100] for name in _STATUS_FIELDS if name in form} | {_OWNER: provider},
        "received_at": now,
        "wake_at": now,
    }


def inbound_row(form: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return the inbox row of a customer's message, with every field that came.

    Raises:
        UnreadableHookError: if a field is missing or not in Twilio's form.
    """
    sid, sender = _sid(form), form.get("From", "").strip()
    if not sender or len(sender) > _LONGEST_SENDER:
        raise UnreadableHookError("From")
    if "Body" not in form:
        raise UnreadableHookError("Body")
    return {
        "kind": INBOUND_KIND,
        "dedupe": f"{sid}:received",
        "token": None,
        "payload": dict(form),
        "received_at": now,
        "wake_at": now,
    }


def fetched_row(form: Mapping[str, str], now: datetime, *, written_at: datetime) -> dict[str, Any]:
    """Return the inbox row of a customer's message from the provider's list, the same that its webhook makes.

    By the provider's clock it may be of an hour to come: then whatever we hear next would count as said before it.

    Raises:
        UnreadableHookError: if a field is missing or not in Twilio's form.
    """
    row = inbound_row(form, now)
    return row | {"payload": row["payload"] | {_WRITTEN: min(written_at, now).isoformat()}}


def was_fetched() -> sa.ColumnElement[bool]:
    """Tell, as a condition on stored webhooks, what came from the provider's list and not by itself."""
    return sa.case((webhook.c.kind == INBOUND_KIND, webhook.c.payload[_WRITTEN].as_string().is_not(None)), else_=False)


def _sid(form: Mapping[str, str]) -> str:
    sid = form.get("MessageSid") or form.get("SmsSid") or ""
    if not _SID.fullmatch(sid):
        raise UnreadableHookError("MessageSid")
    return sid


def receipt_of(row: sa.Row[Any]) -> Receipt:
    """Return what a stored status callback says."""
    return Receipt(
        provider=row.payload.get(_OWNER, PROVIDER),
        provider_ref=row.payload["MessageSid"],
        status=row.payload["MessageStatus"],
        error_code=row.payload.get("ErrorCode", ""),
        token=row.token,
        at=row.received_at,
    )


def incoming_of(row: sa.Row[Any]) -> Incoming:
    """Return what a stored inbound webhook says; characters that no database keeps are dropped."""
    form = row.payload
    word = form.get("OptOutType", "").upper()
    return Incoming(
        provider_ref=form["MessageSid"],
        channel=Channel.SMS,
        sender=form["From"].strip().replace("\0", ""),
        text=form["Body"].replace("\0", ""),
        provider_word=word if word in _OPT_OUT_TYPES else "",
        received_at=datetime.fromisoformat(form[_WRITTEN]) if _WRITTEN in form else row.received_at,
    )


def impersonal(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an inbound webhook may stay once the message is stored in its own table."""
    return {name: payload[name] for name in _IMPERSONAL_FIELDS if name in payload}
