"""Random tokens, stable digests and the household draw."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

MERSENNE_31 = 2_147_483_647
"""The prime 2**31 - 1: products of two draws stay below 2**62, so SQLite, PostgreSQL and Python agree."""


def random_token(bytes_of_entropy: int = 16) -> str:
    """Return a URL-safe secret; 16 bytes are 128 bits, 22 characters."""
    return secrets.token_urlsafe(bytes_of_entropy)


def random_tokens(count: int, now: datetime, bytes_of_entropy: int = 16) -> list[str]:
    """Return so many such secrets; the system is asked once for all of them.

    Each begins with the moment they were made in, eight characters that keep no secret: neighbours in time are
    neighbours in an index, so a group of them is written to a page or two of it and not all over.
    """
    raw = secrets.token_bytes(count * bytes_of_entropy)
    ends = range(bytes_of_entropy, len(raw) + 1, bytes_of_entropy)
    moment = b"%08x" % (int(now.timestamp() * 64) % 2**32)
    return [
        (moment + base64.urlsafe_b64encode(raw[end - bytes_of_entropy : end]).rstrip(b"=")).decode() for end in ends
    ]


def digest(text: str) -> str:
    """Return the SHA-256 of a text as 64 hex digits, for change detection, never for secrets."""
    return hashlib.sha256(text.encode()).hexdigest()


def keyed_hash(key: bytes, text: str) -> str:
    """Return HMAC-SHA256 as 32 hex digits (128 bits): recognises an address without keeping it."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def household_draw(household: str) -> int:
    """Return the stable lot of a household, 1 to 2**31 - 2; the same text always draws the same lot."""
    return 1 + int.from_bytes(hashlib.sha256(b"draw:" + household.encode()).digest()[:8]) % (MERSENNE_31 - 1)


def group_line(group: str) -> tuple[int, int]:
    """Return `(a, b)` so that `(draw * a + b) % MERSENNE_31` shuffles households afresh for each group."""
    raw = hashlib.sha256(b"group:" + group.encode()).digest()
    a = 1 + int.from_bytes(raw[:8]) % (MERSENNE_31 - 1)
    b = int.from_bytes(raw[8:16]) % MERSENNE_31
    return a, b


def group_position(draw: int, group: str) -> float:
    """Return where a household stands in a group, 0.0 to 1.0; below the held-out share means held out."""
    a, b = group_line(group)
    return (draw * a + b) % MERSENNE_31 / MERSENNE_31
