"""The messages of one account, in memory, and the log of what was accepted."""

import json
import random
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from care.simulators.twilio.model import Record


class MessageStore:
    """Messages in the order of creation, found by sid and by recipient."""

    def __init__(self) -> None:
        """Start empty; sids are never repeated, not even by a restart."""
        self._sids = random.SystemRandom()
        self._seeded = random.Random(self._sids.getrandbits(128))  # noqa: S311 - unique, no secret
        self.by_sid: dict[str, Record] = {}
        self._by_to: defaultdict[str, list[Record]] = defaultdict(list)
        self._created = 0

    def new_sid(self, prefix: str) -> str:
        """Return a fresh identifier: `prefix` and 32 hexadecimal digits."""
        return f"{prefix}{self._seeded.getrandbits(128):032x}"

    def next_number(self) -> int:
        """Return the number of the message about to be created."""
        self._created += 1
        return self._created - 1

    def add(self, record: Record) -> None:
        """Keep a new message."""
        self.by_sid[record.sid] = record
        self._by_to[record.to].append(record)

    def remove(self, record: Record) -> None:
        """Forget a message."""
        del self.by_sid[record.sid]
        self._by_to[record.to].remove(record)

    def newest_first(self, to: str | None = None) -> list[Record]:
        """Return the messages, or those to one number, newest first."""
        found = self._by_to.get(to, []) if to else list(self.by_sid.values())
        return found[::-1]


class AcceptLog:
    """Appends one JSON line per accepted message, before any answer is given.

    The line goes to the operating system at once, so it survives the end of this process.
    """

    def __init__(self, path: Path | None) -> None:
        """Open `path` for appending; None keeps no log."""
        self._file: BinaryIO | None = path.open("ab", buffering=0) if path else None

    def append(self, record: Record, *, request: int, fault: str, at: datetime) -> None:
        """Write down one accepted message."""
        if self._file is None:
            return
        line = {
            "at": at.isoformat(),
            "request": request,
            "fault": fault,
            "sid": record.sid,
            "to": record.to,
            "from": record.sender,
            "messaging_service_sid": record.service,
            "body": record.body,
            "status_callback": record.callback_url,
            "validity_period": record.validity_seconds,
        }
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
