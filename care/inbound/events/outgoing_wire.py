"""How a webhook is signed and when it is tried again: pure rules after the Standard Webhooks specification."""

import hmac
import json
import random
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

FIRST_WAIT = timedelta(seconds=20)
LONGEST_WAIT = timedelta(hours=3)
_MOST_DOUBLINGS = 20


def body_of(payload: Mapping[str, Any]) -> bytes:
    """Return the bytes that travel, the same at every try."""
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def headers_of(webhook_id: str, body: bytes, *, secret: bytes, at: datetime) -> dict[str, str]:
    """Return the headers of one try; the signature covers id, time and body."""
    seconds = str(int(at.timestamp()))
    signed = b".".join((webhook_id.encode(), seconds.encode(), body))
    signature = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "care",
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }


def wait_after(tries: int, dice: random.Random) -> timedelta:
    """Return the wait after so many tries: half to all of 20 s, doubled each time, at most three hours."""
    ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(tries - 1, _MOST_DOUBLINGS))
    return timedelta(seconds=ceiling.total_seconds() * dice.uniform(0.5, 1))
