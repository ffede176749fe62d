"""Campaigns and segments as the files say now: read again when a file changes, never a half-written mix."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from care.base.errors import CareError
from care.base.vocabulary import Channel
from care.campaigns.campaign_set import CampaignSet
from care.campaigns.load import SEGMENTS_FILE, load_campaigns
from care.campaigns.occasion import OccasionSpec
from care.campaigns.occasions import KINDS
from care.campaigns.templates import TemplateLibrary
from care.segments.book import SegmentBook
from care.segments.fields import STANDARD_FIELDS, Fields
from care.segments.load import load_segments

log = structlog.get_logger()
Stamp = Mapping[str, tuple[int, int]]


@dataclass(kw_only=True)
class Shelf:
    """What marketing wrote, kept up to date."""

    directory: Path
    library: TemplateLibrary
    country: str
    fields: Fields = STANDARD_FIELDS
    kinds: Mapping[str, type[OccasionSpec]] = field(default_factory=lambda: KINDS)
    installation: Callable[[], str] = str  # a word of its own that lots are drawn with
    _book: SegmentBook | None = field(default=None, init=False)
    _set: CampaignSet | None = field(default=None, init=False)
    _stamp: Stamp = field(default_factory=dict, init=False)

    @property
    def book(self) -> SegmentBook:
        """Segments as last read.

        Raises:
            CareError: if they cannot be used and never could.
        """
        if self._book is None:
            self.refresh()
        assert self._book is not None
        return self._book

    @property
    def campaigns(self) -> CampaignSet:
        """Campaigns as last read; broken files are in its `problems`.

        Raises:
            CareError: if the folder or the segments cannot be used and never could.
        """
        if self._set is None:
            self.refresh()
        assert self._set is not None
        return self._set

    def fresh(self) -> CampaignSet:
        """Return the campaigns after looking whether files have changed."""
        self.refresh()
        return self.campaigns

    def current(self) -> CampaignSet:
        """Return the campaigns as their files say now, without a look at templates: cheap enough for every message."""
        if _stamp_of(self.directory) != self._stamp:
            self.refresh()
        return self.campaigns

    def channels_of(self, campaign_id: str, leg: str) -> tuple[Channel, ...]:
        """Return the channels that a message may use; every one where its campaign cannot be told."""
        try:
            campaign = self.current().for_message(campaign_id)
        except CareError:  # what providers say is heard, whatever is wrong with the files of campaigns
            campaign = None
        return campaign.channels_on(leg) if campaign is not None else tuple(Channel)

    def refresh(self) -> bool:
        """Read again if a file changed; return whether anything did.

        Segments that cannot be read any more leave all campaigns as they were: nothing is cancelled for a typo.
        """
        stamp = _stamp_of(self.directory)
        changed = self.library.reload()
        if stamp == self._stamp and not changed and self._set is not None:
            return False
        try:
            book = load_segments(self.directory / SEGMENTS_FILE, fields=self.fields)
            found = load_campaigns(
                self.directory,
                book,
                country=self.country,
                template_digest=self.library.digest,
                kinds=self.kinds,
                installation=self.installation,
            )
        except CareError as error:
            if self._set is None:
                raise
            log.error("campaigns.unreadable", kept=len(self._set), problem=str(error).splitlines()[0])
            self._stamp = stamp
            return False
        self._book, self._set, self._stamp = book, found, stamp
        for problem in found.problems:
            log.warning("campaign.broken", file=problem.path.name, line=problem.line)
        return True


def _stamp_of(directory: Path) -> Stamp:
    """Return name, time and size of each file: cheap enough to ask at every tick."""
    try:
        return {path.name: _stamp_of_file(path) for path in directory.iterdir() if path.suffix in (".yaml", ".yml")}
    except OSError:
        return {}  # whoever reads the folder says what is wrong with it


def _stamp_of_file(path: Path) -> tuple[int, int]:
    """Return time and size, for a file that cannot be reached (a link to itself or to nothing) what keeps it so."""
    try:
        stat = path.stat()
    except OSError as error:
        return -1, error.errno or 0
    return stat.st_mtime_ns, stat.st_size
