"""The sent journal: what may have left, written outside the database before its first byte.

A database that is restored from a backup forgets what was sent after it; the journal does not. One write per group
goes to the kernel before anything leaves, so the death of this process loses nothing; a thread brings it to the disk
at most once a second.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path

from care.base.clock import Clock
from care.base.database import to_micros
from care.base.disk import MIB, FreeSpace, free_bytes
from care.base.errors import UnavailableError
from care.delivery.journal_name import JournalName, give_name, read_name, settle_name
from care.delivery.journal_pages import ENDING, Owed, day_of, first_line, instance_of, newest_instance, pages
from care.delivery.model import Ready

KEPT = timedelta(days=40)
"""How long pages are kept. Nothing is owed for so long: what was sent then is past its `use_by`."""

FORGET_AFTER = KEPT + timedelta(days=2)
"""How long what was taken over is kept: a little longer than the page that would tell of it again."""

SYNC_SECONDS = 1.0
_LEAST_FREE = MIB


class JournalError(UnavailableError):
    """The journal cannot be written, so nothing may leave."""


class Journal:
    """One process's pages. Not for several threads, but the one that brings pages to the disk is its own."""

    def __init__(self, folder: Path, secret: bytes, clock: Clock, *, free: FreeSpace = free_bytes) -> None:
        self.folder, self.secret, self.owed = folder, secret, Owed(secret)
        self._clock, self._free = clock, free
        self._handle, self._day = -1, date.min
        self._instance = self._life = self._problem = ""
        self.last = ""  # token of the last attempt written since `begin`
        self._is_torn = False
        self._dirty, self._closing = threading.Event(), threading.Event()
        self._turning = threading.Lock()  # a page is not closed while it is brought to the disk
        self._syncer: threading.Thread | None = None

    def name(self) -> JournalName:
        """Return the name of this journal, '' where nothing has looked after it yet.

        Raises:
            UnavailableError: it cannot be read.
        """
        with self.reading():
            return read_name(self.folder)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read from it, or say in one line what cannot be read.

        Raises:
            UnavailableError: for any OSError.
        """
        try:
            yield
        except OSError as error:
            where = error.filename or self.folder
            raise UnavailableError(f"{where}: cannot be read ({error.strerror}). Mend the folder") from None

    def be_named(self) -> JournalName:
        """Return the name of this journal, which gets one now if it has none.

        Raises:
            JournalError: it cannot be written.
        """
        try:
            return give_name(self.folder)
        except OSError as error:
            raise self._trouble(error) from None

    def settle(self, former: str) -> None:
        """Note that a database knows this journal, and the machine not by its `former` digest alone.

        What cannot be written now is written at the next start.
        """
        with suppress(OSError):
            if former not in read_name(self.folder).settled:
                settle_name(self.folder, former)

    def begin(self, instance: str, life: str) -> None:
        """Write for this database and this life from now on; the page is made with the first group."""
        self._instance, self._life, self.last = instance, life, ""

    def write(self, ready: Sequence[Ready], *, provider: str, incarnation: int, account: str | None = None) -> None:
        """Write a group down; when this returns, the end of this process loses none of it.

        Raises:
            JournalError: it cannot be written. Nothing of the group may leave.
        """
        if not ready:
            return
        now = self._clock.now()
        head = f"@ {to_micros(now)} {incarnation} {ready[0].prepared.contact.channel} {provider}\n"
        if account is not None:
            head += f"= {account}\n"  # a line of its own: an older program passes over it
        try:
            self._open_page(now)
            self._append(head + "".join(map(self._line, ready)))
        except OSError as error:
            raise self._trouble(error) from None
        if self._problem:
            raise JournalError(self._problem)
        self.last = ready[-1].outgoing.token
        self._dirty.set()

    def _line(self, one: Ready) -> str:
        owed, out = one.prepared.message, one.outgoing
        assert owed.customer is not None, "a message without its customer is not sent"
        told = self.owed.digest(owed.campaign_id, owed.occasion, owed.customer["external_id"], owed.leg)
        sent = one.prepared
        return f"{out.attempt_id} {out.token} {told} {sent.contact.address_hash} {sent.text_digest} {sent.parts}\n"

    def pages(self, instance: str) -> list[Path]:
        """Return the pages of a database that still count, oldest first.

        Raises:
            UnavailableError: the folder or a page cannot be read.
        """
        with self.reading():
            return pages(self.folder, self.secret, instance, since=(self._clock.now() - KEPT).date())

    def has_written(self, instance: str) -> bool:
        """Tell whether anything was ever written for a database.

        Raises:
            UnavailableError: the folder or a page cannot be read.
        """
        with self.reading():
            return bool(pages(self.folder, self.secret, instance))

    def newest_instance(self) -> str:
        """Return the database that was last written for, '' if none was.

        Raises:
            UnavailableError: the folder or a page cannot be read.
        """
        with self.reading():
            return newest_instance(self.folder, self.secret)

    def probe(self) -> None:
        """See whether the journal can be written again.

        Raises:
            JournalError: it cannot.
        """
        self._problem = ""
        with suppress(OSError):
            self._leave_page()  # its disk may have been away: what is open on it stays lost
        try:
            self._open_page(self._clock.now())
            if self._free(self.folder) < _LEAST_FREE:
                raise JournalError(f"{self.folder}: the disk is full, so nothing is sent. Free space")
            self._append("#\n")
            os.fsync(self._handle)
        except OSError as error:
            raise self._trouble(error) from None

    def _append(self, text: str) -> None:
        """Write once; what was torn off by a full disk is closed with a line's end before anything else."""
        data = ("\n" + text if self._is_torn else text).encode()
        self._is_torn = True
        written = os.write(self._handle, data)
        if written < len(data):
            raise OSError(28, "No space left on device")
        self._is_torn = False

    def _open_page(self, now: datetime) -> None:
        if self._handle >= 0 and self._day == now.date():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{now:%Y-%m-%d}.{self._life}{ENDING}"
        self._leave_page()
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._handle, self._day = handle, now.date()
        self._is_torn = bool(instance_of(path, self.secret))  # for all we know
        if not self._is_torn:  # new, or the disk was full when it was: nothing else stands in it
            os.ftruncate(handle, 0)
            self._append(first_line(self._instance, self.secret))
        self._sync_folder()
        self._remove_old(now)
        if self._syncer is None:
            self._syncer = threading.Thread(target=self._sync_often, name="journal", daemon=True)
            self._syncer.start()

    def _sync_folder(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _remove_old(self, now: datetime) -> None:
        for path in self.folder.glob(f"*{ENDING}"):
            day = day_of(path)
            if day is not None and day < (now - KEPT).date():
                path.unlink(missing_ok=True)

    def _sync_often(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            try:
                with self._turning:
                    if self._handle >= 0:
                        os.fsync(self._handle)
            except OSError as error:
                self._problem = (
                    f"{self.folder}: {error.strerror}, so nothing is sent. Mend the disk, or set paths.journal"
                )
            self._closing.wait(SYNC_SECONDS)

    def _trouble(self, error: OSError) -> JournalError:
        return JournalError(
            f"{self.folder}: the journal cannot be written ({error.strerror}), so nothing is sent. "
            "Free space, mend the folder, or set paths.journal"
        )

    def _leave_page(self) -> None:
        with self._turning:
            if self._handle >= 0:
                handle, self._handle = self._handle, -1
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def close(self) -> None:
        """Bring everything to the disk and end."""
        self._closing.set()
        self._dirty.set()
        if self._syncer is not None:
            self._syncer.join()
            self._syncer = None
        try:
            self._leave_page()
        except OSError as error:
            raise self._trouble(error) from None
