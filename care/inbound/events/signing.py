"""The signature of Standard Webhooks: who knows the secret has sent these bytes, and lately."""

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - how such a secret begins
_LONGEST_ID = 120
_is_timestamp = re.compile(r"[0-9]{1,12}").fullmatch
_MOST_SIGNATURES = 10


def sign(secret: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature, such as `v1,g0hM9SsE…`; `timestamp` is in seconds since 1970."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def signer_of(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[tuple[str, bytes]], now: datetime
) -> str | None:
    """Return which of some named secrets has signed, None if none has, or not within five minutes of now.

    Several may be good at once, and a sender may sign with several, so that secrets change without a pause. All
    are compared, each in constant time.
    """
    webhook_id, timestamp = headers.get(ID_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    if not (0 < len(webhook_id) <= _LONGEST_ID and _is_timestamp(timestamp)):
        return None
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return None
    given = headers.get(SIGNATURE_HEADER, "").split()[:_MOST_SIGNATURES]
    found = None
    for name, secret in secrets:
        expected = sign(secret, webhook_id, int(timestamp), body).encode()
        for one in given:
            if hmac.compare_digest(one.encode("utf-8", "surrogateescape"), expected):
                found = name
    return found
