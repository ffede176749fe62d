"""The pages of the sent journal: how a line looks, and how to read what may end in the middle of one.

One file per day (UTC) and life. The first line names the database; an `@` line opens each group, an `=` line after it
names the account that got it; every other line is an attempt. Only ids, secrets and digests stand in it, never an
address, a name or a text.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from care.base.database import from_micros
from care.base.ids import keyed_hash

ENDING = ".sent"
_FIRST = "care-journal 1"
_TAIL = 16 * 1024
_GROUP_WORDS, _ACCOUNT_WORDS, _ATTEMPT_WORDS = 5, 2, 6


_Group = tuple[datetime, int, str, str]


class Entry(NamedTuple):
    """One attempt that may have left."""

    attempt_id: int
    token: str
    owed: str  # keyed digest of what was owed, see `Owed`
    address_hash: str
    body_digest: str
    parts: int
    at: datetime
    incarnation: int
    channel: str
    provider: str
    account: str | None = None


class Owed:
    """Digests of what the ledger is unique by, so that a message is recognised when every id is another."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = hashlib.blake2b(b"", key=hashlib.sha256(b"owed:" + secret).digest(), digest_size=16)

    def digest(self, campaign_id: str, occasion: str, customer: str, leg: str) -> str:
        """Return 32 hex digits; `customer` is the id that the operator gave, which outlives ours."""
        mac = self._keyed.copy()
        mac.update(f"{campaign_id}\n{occasion}\n{customer}\n{leg}".encode())
        return mac.hexdigest()


def first_line(instance: str, secret: bytes) -> str:
    """Return the line that names the database, signed."""
    return f"{_FIRST} {instance} {keyed_hash(secret, f'journal:{instance}')}\n"


def instance_of(path: Path, secret: bytes) -> str:
    """Return which database a page belongs to, '' when it is not signed with our secret.

    Raises:
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as page:
        line = page.readline(512)
    words = line.split()
    named = words[2] if len(words) == 4 else ""  # noqa: PLR2004 - two words, name and signature
    return named if named and line == first_line(named, secret) else ""


def day_of(path: Path) -> date | None:
    """Return the day of a page by its name; None: it is none of ours."""
    try:
        return date.fromisoformat(path.name[:10])
    except ValueError:
        return None


def pages(folder: Path, secret: bytes, instance: str, *, since: date = date.min) -> list[Path]:
    """Return the pages of a database from a day on, oldest first.

    Raises:
        OSError: the folder or a page cannot be read.
    """
    lately = [path for path in _all(folder) if (day_of(path) or date.min) >= since]
    return [path for path in lately if instance and instance_of(path, secret) == instance]


def newest_instance(folder: Path, secret: bytes) -> str:
    """Return the database of the newest page that is signed with our secret, '' where there is none.

    Raises:
        OSError: the folder or a page cannot be read.
    """
    return next(filter(None, (instance_of(path, secret) for path in reversed(_all(folder)))), "")


def _all(folder: Path) -> list[Path]:
    """Return the pages in the order of their days; an absent folder has none, and one that is closed to us fails."""
    if not folder.exists():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(ENDING) and day_of(path))


def read_page(path: Path) -> Iterator[Entry]:
    """Yield every attempt of a page; a line that was torn off, or that nobody wrote, is passed over."""
    group: _Group | None = None
    account: str | None = None
    with path.open(encoding="utf-8", errors="replace") as page:
        for line in page:
            words = line.split(" ") if line.endswith("\n") else []
            if len(words) == _GROUP_WORDS and words[0] == "@":
                group, account = _group(words), None
            elif len(words) == _ACCOUNT_WORDS and words[0] == "=":
                account = words[1].rstrip("\n")
            elif len(words) == _ATTEMPT_WORDS and group is not None and (entry := _entry(words, group, account)):
                yield entry


def _group(words: Sequence[str]) -> _Group | None:
    try:
        return from_micros(int(words[1])), int(words[2]), words[3], words[4].rstrip("\n")
    except ValueError:
        return None


def _entry(words: Sequence[str], group: _Group, account: str | None) -> Entry | None:
    try:
        number, parts = int(words[0]), int(words[5])
    except ValueError:
        return None
    at, incarnation, channel, provider = group
    return Entry(number, words[1], words[2], words[3], words[4], parts, at, incarnation, channel, provider, account)


def last_tokens(path: Path) -> list[str]:
    """Return the tokens at the end of a page: whoever forgot anything forgot the last."""
    with path.open("rb") as page:
        page.seek(max(0, os.fstat(page.fileno()).st_size - _TAIL))
        lines = page.read().decode(errors="replace").splitlines(keepends=True)
    return [line.split(" ")[1] for line in lines if line.endswith("\n") and line.count(" ") == _ATTEMPT_WORDS - 1]
