"""The sandbox's outbox: one file of JSON lines per channel, appended to, readable by its owner alone."""

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message that would have left the machine."""

    ref: str
    at: str  # ISO 8601, UTC
    attempt_id: int
    message_id: int
    token: str
    to: str
    sender: str
    body: str
    subject: str = ""
    html: str = ""
    template: str = ""
    locale: str = ""
    message_ref: str = ""
    unsubscribe_url: str = ""
    valid_until: str = ""

    @classmethod
    def of(cls, line: bytes) -> Self:
        """Read one line of an outbox."""
        return cls(**json.loads(line))


class Outbox:
    """Appends whole lines, so that several processes may share one file."""

    def __init__(self, path: Path) -> None:
        """Name the file; `open` makes it and its folder."""
        self.path = path
        self._descriptor: int | None = None

    def open(self) -> None:
        """Open for appending; file and folder are for their owner alone."""
        if self._descriptor is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, sent: Sent) -> None:
        """Add one message in one write.

        Raises:
            OSError: the disk is full, or the outbox is closed.
        """
        if self._descriptor is None:
            raise OSError("the outbox is closed")
        line = json.dumps(asdict(sent), ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
        if os.write(self._descriptor, line) < len(line):
            os.write(self._descriptor, b"\n")  # so that the torn line spoils no other
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self, offset: int = 0) -> Iterator[tuple[int, Sent]]:
        """Yield messages from `offset` on, each with where the next line begins; an unfinished last line waits."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                if line.endswith(b"}\n"):  # others were torn by a full disk
                    yield offset, Sent.of(line)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return what was saved, or nothing if there is no such file."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def save_checkpoint(path: Path, values: dict[str, Any]) -> None:
    """Replace the file in one step."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(values), encoding="utf-8")
    fresh.replace(path)
