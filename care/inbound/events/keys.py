"""Keys of other systems. The secret half follows from our secret key and the key's id, so none is stored."""

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from care.inbound.events.signing import SECRET_PREFIX, SIGNATURE_HEADER, signer_of
from care.inbound.events.tables import api_key

SCOPES: Final = ("events",)
"""What a key may be allowed."""
_BEARER_PREFIX: Final = "care_"
_ID_BYTES: Final = 6
_USED_EVERY = timedelta(minutes=1)


class KeyKind(StrEnum):
    """How a key proves who sends."""

    BEARER = "bearer"  #: it is sent along
    WEBHOOK = "webhook"  #: it signs, as Standard Webhooks does


class RefusedError(Exception):
    """Who sends may not; `status` is 401 for a stranger, 403 for somebody who may other things."""

    def __init__(self, status: int) -> None:
        """Say nothing more: whoever guesses learns nothing."""
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Derives the secrets of keys."""

    secret: bytes

    def bearer(self, key_id: str) -> str:
        """Return what a system sends as `Authorization: Bearer …`."""
        return f"{_BEARER_PREFIX}{key_id}_{self._derived('bearer', key_id).hex()}"

    def signing_secret(self, key_id: str) -> bytes:
        """Return the bytes that a system signs webhooks with."""
        return self._derived("webhook", key_id)

    def shown(self, kind: KeyKind, key_id: str) -> str:
        """Return a key as its holder needs it."""
        if kind is KeyKind.BEARER:
            return self.bearer(key_id)
        return SECRET_PREFIX + base64.b64encode(self.signing_secret(key_id)).decode()

    def _derived(self, use: str, key_id: str) -> bytes:
        return hmac.digest(self.secret, f"care.api_key:{use}:{key_id}".encode(), "sha256")


def create_key(conn: sa.Connection, *, kind: KeyKind, name: str, scopes: Sequence[str], now: datetime) -> str:
    """Write a new key down and return its id."""
    key_id = secrets.token_hex(_ID_BYTES)
    row = {"key_id": key_id, "kind": str(kind), "name": name, "scopes": " ".join(scopes), "created_at": now}
    conn.execute(sa.insert(api_key).values(row))
    return key_id


def revoke_key(conn: sa.Connection, key_id: str, now: datetime) -> bool:
    """End a key at once; return False if none of this id is good."""
    good = sa.and_(api_key.c.key_id == key_id, api_key.c.revoked_at.is_(None))
    return conn.execute(sa.update(api_key).where(good).values(revoked_at=now)).rowcount > 0


def list_keys(conn: sa.Connection) -> Sequence[sa.RowMapping]:
    """Return every key there ever was, oldest first."""
    return conn.execute(sa.select(api_key).order_by(api_key.c.created_at, api_key.c.key_id)).mappings().all()


def note_use(conn: sa.Connection, key_ids: Sequence[str], now: datetime) -> None:
    """Note that keys were used; once a minute is enough."""
    long_ago = sa.or_(api_key.c.last_used_at.is_(None), api_key.c.last_used_at <= now - _USED_EVERY)
    conn.execute(sa.update(api_key).where(api_key.c.key_id.in_(key_ids), long_ago).values(last_used_at=now))


def who_sends(
    conn: sa.Connection, ring: KeyRing, headers: Mapping[str, str], body: bytes, *, scope: str, now: datetime
) -> str:
    """Return the id of the key that a request proves to have.

    Raises:
        RefusedError: 401 for no key, a wrong or a revoked one; 403 if it lacks the scope.
    """
    if SIGNATURE_HEADER in headers:
        found = _by_signature(conn, ring, headers, body, now)
    else:
        found = _by_bearer(conn, ring, headers.get("authorization", ""))
    if found is None:
        raise RefusedError(401)
    if scope not in found.scopes.split():
        raise RefusedError(403)
    return str(found.key_id)


def _by_bearer(conn: sa.Connection, ring: KeyRing, header: str) -> sa.Row[Any] | None:
    scheme, _, given = header.partition(" ")
    key_id = given.strip().removeprefix(_BEARER_PREFIX).partition("_")[0]
    if scheme.lower() != "bearer" or not key_id.isalnum():
        return None
    expected = ring.bearer(key_id).encode()
    if not hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), expected):
        return None
    return conn.execute(_good(KeyKind.BEARER).where(api_key.c.key_id == key_id)).one_or_none()


def _by_signature(
    conn: sa.Connection, ring: KeyRing, headers: Mapping[str, str], body: bytes, now: datetime
) -> sa.Row[Any] | None:
    good = {row.key_id: row for row in conn.execute(_good(KeyKind.WEBHOOK))}
    signer = signer_of(headers, body, [(key_id, ring.signing_secret(key_id)) for key_id in good], now)
    return good[signer] if signer else None


def _good(kind: KeyKind) -> sa.Select[Any]:
    return sa.select(api_key).where(api_key.c.kind == str(kind), api_key.c.revoked_at.is_(None))
