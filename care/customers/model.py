"""Words of the customers' floor: what a ban silences and why it was written."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.base.vocabulary import Purpose


class SuppressionScope(StrEnum):
    """Which purposes a standing ban silences. Replies to the customer's own word are never silenced."""

    ALL = "all"
    MARKETING = "marketing"
    SURVEY = "survey"
    MARKETING_AND_SURVEY = "marketing_and_survey"

    @property
    def silenced(self) -> frozenset[Purpose]:
        """Return the purposes that may not be written."""
        return _SILENCED[self]


_MARKETING = frozenset(purpose for purpose in Purpose if purpose.is_marketing)
_SILENCED = {
    SuppressionScope.ALL: frozenset(Purpose) - {Purpose.REPLY},
    SuppressionScope.MARKETING: _MARKETING,
    SuppressionScope.SURVEY: frozenset({Purpose.SURVEY}),
    SuppressionScope.MARKETING_AND_SURVEY: _MARKETING | {Purpose.SURVEY},
}


class SuppressionReason(StrEnum):
    """Why an address is banned. Only an opt-out can be taken back by its owner."""

    OPT_OUT = "opt_out"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    BAD_NUMBER = "bad_number"
    WRONG_NUMBER = "wrong_number"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One standing ban on one address."""

    id: int
    address_hash: str
    channel: str
    scope: SuppressionScope
    reason: SuppressionReason
    source: str
    created_at: datetime  # aware


class ConsentOutcome(StrEnum):
    """What became of one word about consent."""

    RECORDED = "recorded"  #: it is the latest word now
    KEPT = "kept"  #: stored as history, a later word stands
    KNOWN = "known"  #: exactly this word was there already
    REFUSED = "refused"  #: a grant that a later or simultaneous withdrawal forbids
