"""The suppression key is the right one, or nothing is hashed: with another key opt-outs would be forgotten."""

from datetime import datetime

import sqlalchemy as sa

from care.base.database import insert
from care.base.errors import SettingsError
from care.base.ids import keyed_hash
from care.customers.tables import suppression_key


class WrongKeyError(SettingsError):
    """The settings hold another suppression key than the one this database was written with."""


def key_id(key: bytes) -> str:
    """Return the public name of a key, 16 hex digits; it tells nothing about the key."""
    return keyed_hash(key, "care:suppression-key:id")[:16]


def check_key(conn: sa.Connection, key: bytes) -> bool:
    """Tell whether the database knows this key; False while it knows none.

    Raises:
        WrongKeyError: if it was written with another one.
    """
    oldest = sa.select(suppression_key).order_by(suppression_key.c.created_at, suppression_key.c.key_id).limit(1)
    known = conn.execute(oldest).first()
    if known is None:
        return False
    if (known.key_id, known.check_value) != (key_id(key), _check_value(key)):
        raise WrongKeyError(
            f"security.suppression_key: wrong suppression key (this is {key_id(key)}, the database was written with "
            f"{known.key_id}). Put the former key back: with another one opt-outs would not be recognised"
        )
    return True


def ensure_key(conn: sa.Connection, key: bytes, now: datetime) -> None:
    """Check the key, or register it as the database's key if it is the first. Needs a writing transaction.

    Raises:
        WrongKeyError: if the database was written with another one.
    """
    if check_key(conn, key):
        return
    row = {"key_id": key_id(key), "check_value": _check_value(key), "created_at": now}
    conn.execute(insert(conn, suppression_key).values(row).on_conflict_do_nothing())
    check_key(conn, key)


def _check_value(key: bytes) -> str:
    return keyed_hash(key, "care:suppression-key:check")
