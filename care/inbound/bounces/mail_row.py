"""A returned mail as a row of the inbox, and back."""

import base64
import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.delivery.mail_ids import claimed_message_refs, claimed_return_paths
from care.inbound.bounces.event import Event
from care.inbound.bounces.mime import MOST_BYTES, read_mail
from care.inbound.bounces.read import read_bounce

MAIL_KIND = "email.mail"
_MOST_TEXT = 256 * 1024


def mail_row(raw: bytes, now: datetime) -> dict[str, Any]:
    """Return the inbox row of a mail; the same mail again makes a row with the same `dedupe`."""
    kept = raw[:MOST_BYTES]
    return {
        "kind": MAIL_KIND,
        "dedupe": f"mail:{hashlib.sha256(kept).hexdigest()}",
        "token": None,
        "payload": {"mail": base64.b64encode(kept).decode()},
        "received_at": now,
        "wake_at": now,
    }


def mail_event(row: sa.Row[Any]) -> Event:
    """Return what a stored mail says."""
    raw = base64.b64decode(row.payload["mail"])
    reading, text = read_bounce(raw), _whole_text(raw)
    return Event(
        return_paths=tuple(claimed_return_paths(text)),
        message_refs=tuple(claimed_message_refs(_message_ids(raw))),
        findings=reading.findings,
        note=reading.note,
        is_complaint=reading.is_complaint,
    )


def _whole_text(raw: bytes) -> str:
    """Return the mail with its parts decoded as well, in which signed addresses may stand anywhere."""
    parts = [part.text for part in read_mail(raw).parts if part.headers.get("content-transfer-encoding")]
    return "\n".join([raw.decode("latin-1"), *parts])[:_MOST_TEXT]


def _message_ids(raw: bytes) -> str:
    """Return the Message-IDs of returned mails; a reply names ours elsewhere, and that is not the mail itself."""
    lines = raw.decode("latin-1")[:_MOST_TEXT].splitlines()
    return "\n".join(
        line for line in lines if line.lstrip(" >\t").lower().startswith(("message-id:", "original-message-id:"))
    )
