"""Mailgun: an HMAC over timestamp and token inside the body; the token makes a repeat harmless."""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.delivery.mail_ids import claimed_message_refs, claimed_return_paths
from care.inbound.bounces.event import Event
from care.inbound.bounces.hooks.base import (
    HookRefusedError,
    HookUnreadableError,
    check_age,
    load,
    make_row,
    table,
    text,
)
from care.inbound.bounces.hooks.verdicts import delivered_to, failure, named
from care.inbound.bounces.model import Finding

MAILGUN_KIND = "email.mailgun"
_HEARD = frozenset({"failed", "delivered", "complained", "unsubscribed"})
_FIELDS = ("event", "severity", "reason", "recipient")


class MailgunHook:
    """Webhooks signed with one key."""

    def __init__(self, key: str, tolerance: timedelta) -> None:
        """Without a key everything is refused."""
        self._key, self._tolerance = key.encode(), tolerance

    def take(self, body: bytes, _headers: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
        """See `EmailHook`."""
        content = load(body)
        signature = table(content, "signature")
        stamp, token, given = (text(signature, name) for name in ("timestamp", "token", "signature"))
        expected = hmac.digest(self._key, f"{stamp}{token}".encode(), "sha256").hex() if self._key else ""
        if not (expected and token and hmac.compare_digest(expected.encode(), given.encode())):
            raise HookRefusedError("not signed by Mailgun with bounces.mailgun_signing_key")
        check_age(stamp, now, self._tolerance)
        data = table(content, "event-data")
        if not text(data, "event"):
            raise HookUnreadableError("event-data.event")
        if text(data, "event") not in _HEARD:
            return []
        payload = {name: text(data, name) for name in _FIELDS} | {
            "message_id": text(data, "message", "headers", "message-id"),
            "sender": text(data, "envelope", "sender"),
            "code": text(data, "delivery-status", "code"),
            "enhanced": text(data, "delivery-status", "enhanced-code"),
            "said": text(data, "delivery-status", "message") or text(data, "delivery-status", "description"),
            "bounce_type": text(data, "delivery-status", "bounce-type"),
        }
        return [make_row(MAILGUN_KIND, token, payload, now)]


def mailgun_event(row: sa.Row[Any]) -> Event:
    """Return what a stored Mailgun event says."""
    said: Mapping[str, str] = row.payload
    word, recipient = said["event"], said["recipient"]
    findings: tuple[Finding, ...] = ()
    if word == "failed" and said["severity"] == "permanent":
        findings = (
            failure(
                recipient,
                status=said["enhanced"],
                said=f"{said['code']} {said['said']}",
                is_about_address=said["bounce_type"] == "hard" and said["reason"] == "bounce",
            ),
        )
    elif word != "failed":
        findings = (delivered_to(recipient) if word == "delivered" else named(recipient),)
    return Event(
        return_paths=tuple(claimed_return_paths(said["sender"])),
        message_refs=tuple(claimed_message_refs(f"<{said['message_id'].strip('<>')}>")),
        findings=findings,
        note="" if findings else "delayed",
        is_complaint=word == "complained",
        is_opt_out=word == "unsubscribed",
        is_delivered=word == "delivered",
        is_vouched=True,
    )
