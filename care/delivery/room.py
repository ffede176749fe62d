"""Room on the disk: too little stops new plans, then new intents, before what is under way could not be recorded.

A ballast file is given up when sending stops, so that the outcomes of what is in the air still find room.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from care.base.disk import MIB, FreeSpace, fill, free_bytes
from care.base.settings_sections import DiskSettings

BALLAST = "care.ballast"
log = structlog.get_logger()


@dataclass(kw_only=True)
class Room:
    """Watches the folder of the database. One per process; cheap enough to ask before each commit."""

    folder: Path
    settings: DiskSettings
    free: FreeSpace = free_bytes
    is_ours: bool = True  # False: the ledger lies on a database server, whose disk we do not see
    _stopped: dict[str, bool] = field(default_factory=dict, init=False)

    @property
    def ballast(self) -> Path:
        """Where the ballast lies."""
        return self.folder / BALLAST

    def free_mib(self) -> int | None:
        """Return what is left in MiB, as if the ballast were still there; None when nobody can tell."""
        try:
            left = self.free(self.folder)
        except OSError:
            return None
        missing = 0 if self.ballast.exists() else self.settings.ballast_mib * MIB
        return max(0, left - missing) // MIB if self._stopped.get("send") else left // MIB

    def may_plan(self) -> bool:
        """Tell whether there is room for new plans."""
        return self._allows("plan", self.settings.plan_free_mib)

    def may_send(self) -> bool:
        """Tell whether there is room for new intents; gives the ballast up the moment there is not."""
        may = self._allows("send", self.settings.send_free_mib)
        if not may:
            with suppress(OSError):
                self.ballast.unlink(missing_ok=True)
        return may

    def _allows(self, what: str, least: int) -> bool:
        left = self.free_mib()
        stop = self.is_ours and left is not None and left < least
        if stop != self._stopped.get(what, False):
            self._stopped[what] = stop
            if stop:
                log.error("disk.low", stops=what, free_mib=left, needed_mib=least)
            else:
                log.info("disk.enough", starts=what, free_mib=left)
        return not stop

    def lay_ballast(self) -> None:
        """Put the ballast in its place, when there is room enough to plan; the leader does."""
        size = self.settings.ballast_mib * MIB
        if not (self.is_ours and size and self.may_plan() and self.may_send()):
            return
        with suppress(OSError):
            if not self.ballast.exists():
                fill(self.ballast, size)
