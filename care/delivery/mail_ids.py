"""What a mail of ours carries so that it is recognised when it comes back: its return path and its Message-ID.

Both are signed, so that nobody can make up a bounce of a mail they never had. The return path names one attempt,
the Message-ID one message, the same for every attempt. Letters are small ones only: some servers fold case.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from typing import Final

_MAC_BYTES: Final = 15
_REF_DIGITS: Final = 20
_RETURN_PATH = re.compile(r"\bb\+(\d{1,18})\.([a-z2-7]{24})@", re.IGNORECASE)
_MESSAGE_REF = re.compile(r"<(\d{1,18})\.([0-9a-f]{20})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An id that somebody claims was ours, with the signature they gave; nothing until it is checked."""

    id: int
    mac: str


class MailIds:
    """Signs and checks the ids with the secret key."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret key; with another key bounces of earlier mails are not recognised."""
        self._return_key = hmac.digest(secret, b"care.return-path", "sha256")
        self._message_key = hmac.digest(secret, b"care.message-id", "sha256")

    def return_path(self, attempt_id: int, token: str, domain: str) -> str:
        """Return the envelope sender of one attempt; its local part has 45 characters at most."""
        return f"b+{attempt_id}.{self._return_mac(attempt_id, token)}@{domain}"

    def message_ref(self, message_id: int, occasion: str, domain: str) -> str:
        """Return the Message-ID of one message; `occasion` tells it from others that ever had its number."""
        return f"<{message_id}.{self._message_mac(message_id, occasion)}@{domain}>"

    def is_return_path(self, claimed: Claimed, token: str) -> bool:
        """Tell whether we made this return path for the attempt that has the token."""
        return hmac.compare_digest(claimed.mac, self._return_mac(claimed.id, token))

    def is_message_ref(self, claimed: Claimed, occasion: str) -> bool:
        """Tell whether we made this Message-ID for the message of that occasion."""
        return hmac.compare_digest(claimed.mac, self._message_mac(claimed.id, occasion))

    def _return_mac(self, attempt_id: int, token: str) -> str:
        mac = hmac.digest(self._return_key, f"{attempt_id} {token}".encode(), "sha256")
        return base64.b32encode(mac[:_MAC_BYTES]).decode().lower()

    def _message_mac(self, message_id: int, occasion: str) -> str:
        return hmac.digest(self._message_key, f"{message_id} {occasion}".encode(), "sha256").hex()[:_REF_DIGITS]


def claimed_return_paths(text: str) -> list[Claimed]:
    """Return what looks like return paths of ours anywhere in a text, each once, in its order."""
    return _claims(_RETURN_PATH, text)


def claimed_message_refs(text: str) -> list[Claimed]:
    """Return what looks like Message-IDs of ours, each once, in its order."""
    return _claims(_MESSAGE_REF, text)


def _claims(form: re.Pattern[str], text: str) -> list[Claimed]:
    found = (Claimed(id=int(each[1]), mac=each[2].lower()) for each in form.finditer(text))
    return list(dict.fromkeys(found))
