"""SendGrid: a list of events, signed with ECDSA over timestamp and body."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from care.delivery.mail_ids import claimed_message_refs
from care.inbound.bounces.event import Event
from care.inbound.bounces.hooks.base import HookRefusedError, HookUnreadableError, check_age, load, make_row, text
from care.inbound.bounces.hooks.verdicts import delivered_to, failure, named

SENDGRID_KIND = "email.sendgrid"
SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
_HEARD = frozenset({"bounce", "dropped", "delivered", "spamreport", "unsubscribe"})
_FIELDS = ("event", "email", "type", "status", "reason", "smtp-id", "bounce_classification")
_MOST_EVENTS = 5_000


class SendgridHook:
    """Webhooks signed with one key pair."""

    def __init__(self, public_key: str, tolerance: timedelta) -> None:
        """`public_key` as SendGrid shows it; without one everything is refused."""
        self._public_key, self._tolerance = public_key, tolerance

    def take(self, body: bytes, headers: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
        """See `EmailHook`."""
        stamp = headers.get(TIMESTAMP_HEADER, "")
        if not self._is_signed(stamp, body, headers.get(SIGNATURE_HEADER, "")):
            raise HookRefusedError("not signed by SendGrid for bounces.sendgrid_public_key")
        check_age(stamp, now, self._tolerance)
        events = load(body)
        if not isinstance(events, list) or len(events) > _MOST_EVENTS:
            raise HookUnreadableError("list of events")
        if not all(isinstance(each, dict) and text(each, "event") for each in events):
            raise HookUnreadableError("event")
        heard = [each for each in events if text(each, "event") in _HEARD]
        return [
            make_row(SENDGRID_KIND, text(each, "sg_event_id"), {name: text(each, name) for name in _FIELDS}, now)
            for each in heard
        ]

    def _is_signed(self, stamp: str, body: bytes, signature: str) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        if self._key is None or not (stamp and signature):
            return False
        try:
            given = base64.b64decode(signature, validate=True)
            self._key.verify(given, stamp.encode("utf-8", "replace") + body, ECDSA(SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    @cached_property
    def _key(self) -> Any:
        return load_public_key(self._public_key)


def load_public_key(written: str) -> Any:
    """Return an elliptic-curve key from the base64 that SendGrid shows; None if it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(base64.b64decode(written, validate=True)) if written else None
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) else None


def sendgrid_event(row: sa.Row[Any]) -> Event:
    """Return what a stored SendGrid event says."""
    said: Mapping[str, str] = row.payload
    word, recipient = said["event"], said["email"]
    is_delivered = word == "delivered"
    if word in ("bounce", "dropped"):
        is_bounce = word == "bounce" and said["type"] != "blocked"
        finding = failure(
            recipient,
            status=said["status"],
            said=said["reason"],
            is_about_address=is_bounce and said["bounce_classification"] == "Invalid Address",
            is_for_now=not is_bounce,
        )
    else:
        finding = delivered_to(recipient) if is_delivered else named(recipient)
    return Event(
        message_refs=tuple(claimed_message_refs(said["smtp-id"])),
        findings=(finding,),
        is_complaint=word == "spamreport",
        is_opt_out=word == "unsubscribe",
        is_delivered=is_delivered,
        is_vouched=True,
    )
