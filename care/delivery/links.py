"""Links in messages: signed, opaque, without personal data."""

import binascii
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer, base64_encode


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeClaim:
    """What an unsubscribe link stands for."""

    customer_id: int
    channel: str
    address_hash: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyClaim:
    """What a survey link stands for: the invitation, until a full hour (UTC) from which it opens nothing."""

    message_id: int
    expires_at: datetime


SURVEY_LINK_LASTS: Final = timedelta(days=14)
"""After the latest moment at which the invitation may leave."""

_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ID_BYTES, _HOUR_BYTES, _SEAL_BYTES = 5, 3, 16
_SURVEY_TOKEN: Final = (_ID_BYTES + _HOUR_BYTES + _SEAL_BYTES) * 4 // 3
"""Letters: a multiple of three bytes, so that base64 has no spare bits and a token is written in one way only."""

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
        self._survey_key = hmac.digest(secret, b"care.survey", "sha256")
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

    def survey_url(self, message_id: int, use_by: datetime) -> str:
        """Return the link of the survey page for an invitation that may leave until `use_by`, '' without an address."""
        if not self._base:
            return ""
        return f"{self._base}/s/{self.survey_token(survey_claim(message_id, use_by))}"

    def survey_token(self, claim: SurveyClaim) -> str:
        """Return the signed token of a survey claim, 32 letters; 128 bits of it nobody can guess."""
        hours = (claim.expires_at - _EPOCH) // _HOUR
        said = claim.message_id.to_bytes(_ID_BYTES, "big") + hours.to_bytes(_HOUR_BYTES, "big")
        return urlsafe_b64encode(said + self._seal(said)).decode()

    def read_survey(self, token: str, now: datetime | None) -> SurveyClaim | None:
        """Return what a token of a survey link stands for, None if it was not signed by us or its time is over.

        Without `now` its time does not matter: who wants no more surveys may say so at any time.
        """
        if len(token) != _SURVEY_TOKEN or not token.isascii():
            return None
        try:
            raw = urlsafe_b64decode(token)
        except binascii.Error:
            return None
        said, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
        if urlsafe_b64encode(raw).decode() != token or not hmac.compare_digest(seal, self._seal(said)):
            return None
        hours = int.from_bytes(said[_ID_BYTES:], "big")
        claim = SurveyClaim(message_id=int.from_bytes(said[:_ID_BYTES], "big"), expires_at=_EPOCH + hours * _HOUR)
        return claim if now is None or now < claim.expires_at else None

    def _seal(self, said: bytes) -> bytes:
        return hmac.digest(self._survey_key, said, "sha256")[:_SEAL_BYTES]


def survey_claim(message_id: int, use_by: datetime) -> SurveyClaim:
    """Return the claim of an invitation's link: the same for every try to send it."""
    hours = -((_EPOCH - (use_by + SURVEY_LINK_LASTS)) // _HOUR)
    return SurveyClaim(message_id=message_id, expires_at=_EPOCH + hours * _HOUR)
