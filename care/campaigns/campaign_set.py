"""The campaigns of a folder: those that are sound, and what is wrong with the others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from care.base.errors import AnswerIsNoError, CareError, FileError, ManyErrors
from care.base.yamlfile import did_you_mean
from care.campaigns.builtin import builtin_campaign
from care.campaigns.model import Campaign


class UnknownCampaignError(AnswerIsNoError):
    """No campaign has this name or id."""

    def __init__(self, word: str, fix: str) -> None:
        """Name the word and the nearest campaign."""
        super().__init__(f"campaign '{word}' is not known. {fix}")
        self.word = word


@dataclass(frozen=True, kw_only=True)
class CampaignSet:
    """Sound campaigns by id. A broken file stops itself only: what it had planned is held, never cancelled."""

    live: Mapping[str, Campaign]
    problems: tuple[FileError, ...] = ()
    broken_ids: frozenset[str] = frozenset()  # ids of files that cannot be used now
    nameless_breakage: bool = False  # a broken file does not even say its id
    unreadable: frozenset[Path] = frozenset()  # broken files that are not even YAML

    def __iter__(self) -> Iterator[Campaign]:
        return iter(self.live.values())

    def __len__(self) -> int:
        return len(self.live)

    @cached_property
    def _by_name(self) -> Mapping[str, Campaign]:
        return {campaign.name: campaign for campaign in self.live.values()}

    def named(self, word: str) -> Campaign:
        """Return the campaign with this name, or else this id.

        Raises:
            UnknownCampaignError: if there is none, with what is wrong with its file, or the nearest name.
        """
        found = self._by_name.get(word) or self.live.get(word)
        if found is None:
            raise UnknownCampaignError(word, self._left_out(word) or did_you_mean(word, {*self._by_name, *self.live}))
        return found

    def _left_out(self, word: str) -> str:
        """Return what keeps the campaign of this file or id from being used; empty where no broken file is of it."""
        for problem in self.problems:
            if word == problem.path.stem:
                return f"Its file is left out: {problem}"
        return "Its file is left out. See what is wrong: care campaigns check" if word in self.broken_ids else ""

    def for_message(self, campaign_id: str) -> Campaign | None:
        """Return what renders and judges a message of this campaign, built-in replies too; None if it is gone."""
        return self.live.get(campaign_id) or builtin_campaign(campaign_id)

    def is_broken(self, campaign_id: str) -> bool:
        """Tell whether the file of this id may merely be broken: its unsent messages are held, not cancelled."""
        if self.for_message(campaign_id):
            return False
        return self.nameless_breakage or campaign_id in self.broken_ids

    def require_sound(self) -> None:
        """Refuse to go on where any file is broken.

        Raises:
            ManyErrors: every mistake of every file.
        """
        if self.problems:
            listed: list[CareError] = list(self.problems)
            raise ManyErrors(listed)
