"""From settings to the conversation: words that follow their file, and texts of campaigns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from care.base.errors import CareError
from care.base.settings import Settings
from care.customers.addresses import AddressHasher
from care.planning.shelf import Shelf
from care.policy.model import Policies
from care.surveys.conversation.handler import SurveyConversation
from care.surveys.loop_rules import loop_rules_of
from care.surveys.replies.lexicon import Lexicon
from care.surveys.replies.overlay import FILE, load_lexicon

log = structlog.get_logger()


@dataclass(kw_only=True)
class OwnWords:
    """The word lists with the operator's file over them, read again when it changes."""

    path: Path
    policies: Policies
    _stamp: tuple[int, int] | None = field(default=None, init=False)
    _lexicon: Lexicon | None = field(default=None, init=False)

    def __call__(self) -> Lexicon:
        """Return the lists; a file with a mistake leaves them as they were."""
        stamp = _stamp_of(self.path)
        if self._lexicon is None or stamp != self._stamp:
            self._stamp = stamp
            self._lexicon = self._read()
        return self._lexicon

    def _read(self) -> Lexicon:
        try:
            return load_lexicon(self.path, self.policies)
        except CareError as error:
            log.error("replies.unreadable", problem=str(error).splitlines()[0])
            return self._lexicon or load_lexicon(None, self.policies)


def build_conversation(
    settings: Settings, root: Path, policies: Policies, hasher: AddressHasher, shelf: Shelf
) -> SurveyConversation:
    """Return who hears replies to surveys; `root` is where relative paths start."""
    folder, operator = root / settings.paths.campaigns, settings.operator
    return SurveyConversation(
        lexicon=OwnWords(path=folder / FILE, policies=policies),
        template_of=_template_of(shelf),
        loop=loop_rules_of(settings, root, hasher),
        zone=operator.timezone,
        locale=operator.locale,
    )


def _template_of(shelf: Shelf) -> Callable[[str], str]:
    """Return what finds a campaign's text; a name that is changed while this process runs counts from then on."""

    def find(campaign_id: str) -> str:
        try:
            campaign = shelf.current().for_message(campaign_id)
        except CareError:  # customers' messages are heard, whatever is wrong with the files of campaigns
            return ""
        return campaign.template if campaign else ""

    return find


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
