"""Links in messages: signed, opaque, without personal data."""

import hmac
import json
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer, base64_encode


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeClaim:
    """What an unsubscribe link stands for."""

    customer_id: int
    channel: str
    address_hash: str
    purpose: str


_in_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class LinkSigner:
    """Make and read the links that messages carry.

    Tokens are read by itsdangerous and made as it would make them, with the key derived once and nothing compressed:
    they are too short to gain.
    """

    def __init__(self, secret: bytes, public_url: str) -> None:
        """`public_url` may be empty: then there are no links, as nobody could reach them."""
        self._serializer = URLSafeSerializer(secret, salt="care.unsubscribe")
        self._key = self._serializer.make_signer().derive_key()
        self._base = public_url.rstrip("/")

    def unsubscribe_url(self, claim: UnsubscribeClaim) -> str:
        """Return the link of the preference page, '' without a public address."""
        if not self._base:
            return ""
        return f"{self._base}/u/{self.token(claim)}"

    def token(self, claim: UnsubscribeClaim) -> str:
        """Return the signed token of a claim."""
        parts = [claim.customer_id, claim.channel, claim.address_hash, claim.purpose]
        payload = base64_encode(_in_json(parts))
        signature = base64_encode(hmac.digest(self._key, payload, "sha1"))
        return f"{payload.decode()}.{signature.decode()}"

    def read(self, token: str) -> UnsubscribeClaim | None:
        """Return what a token stands for, None if it was not signed by us."""
        try:
            customer_id, channel, address_hash, purpose = self._serializer.loads(token)
        except (BadSignature, ValueError, TypeError):
            return None
        return UnsubscribeClaim(
            customer_id=int(customer_id), channel=str(channel), address_hash=str(address_hash), purpose=str(purpose)
        )
