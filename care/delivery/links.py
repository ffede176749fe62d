"""Links in messages: signed, opaque, without personal data."""

from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, Serializer, URLSafeSerializer
from itsdangerous.encoding import base64_encode


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeClaim:
    """What an unsubscribe link stands for."""

    customer_id: int
    channel: str
    address_hash: str
    purpose: str


class _UncompressedSerializer(URLSafeSerializer):
    """Writes tokens without trying to compress them: they are too short to gain, and trying costs more than signing."""

    def dump_payload(self, obj: Any) -> bytes:
        """Return the payload as it travels in a link."""
        return base64_encode(Serializer.dump_payload(self, obj))


class LinkSigner:
    """Make and read the links that messages carry."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        """`public_url` may be empty: then there are no links, as nobody could reach them."""
        self._serializer = _UncompressedSerializer(secret, salt="care.unsubscribe")
        self._base = public_url.rstrip("/")

    def unsubscribe_url(self, claim: UnsubscribeClaim) -> str:
        """Return the link of the preference page, '' without a public address."""
        if not self._base:
            return ""
        return f"{self._base}/u/{self.token(claim)}"

    def token(self, claim: UnsubscribeClaim) -> str:
        """Return the signed token of a claim."""
        parts = [claim.customer_id, claim.channel, claim.address_hash, claim.purpose]
        return str(self._serializer.dumps(parts))

    def read(self, token: str) -> UnsubscribeClaim | None:
        """Return what a token stands for, None if it was not signed by us."""
        try:
            customer_id, channel, address_hash, purpose = self._serializer.loads(token)
        except (BadSignature, ValueError, TypeError):
            return None
        return UnsubscribeClaim(
            customer_id=int(customer_id), channel=str(channel), address_hash=str(address_hash), purpose=str(purpose)
        )
