"""Who need not be asked, and who is asked by a person: from what is known to a state and a reason. Pure rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from care.surveys.model import FollowUpState

TOO_OLD = timedelta(days=14)
"""A resolution that we hear of so late is not asked about: nobody remembers the visit."""

OPTED_OUT = "opted_out"
ASKED_RECENTLY = "asked_recently"
ANSWERED_BEFORE = "answered_before"
REOPENED = "reopened"
NO_CAMPAIGN = "no_campaign"

_HELD = frozenset({"1", "true", "yes", "y", "是"})
_EXEMPT_WORDS = {
    "deceased": "deceased",
    "left": "left",
    "no_consent": OPTED_OUT,
    "suppressed:opt_out": OPTED_OUT,
    "suppressed:complaint": OPTED_OUT,
    "customer erased": "erased",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known about a resolution and its customer."""

    is_test: bool
    is_erased: bool
    is_deceased: bool
    has_left: bool
    customer_type: str
    legal_hold: str  # the customer's attribute of that name, as imported
    stands: bool  # the ticket is still resolved, by this very resolution
    resolved_at: datetime
    has_campaign: bool
    was_answered: bool  # an earlier resolution of the same ticket, and not with "not solved"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state that follows, with its reason."""

    state: FollowUpState
    reason: str


def why_exempt(known: Known, now: datetime) -> str | None:
    """Return why the customer is not asked about this resolution, None when they are. The order is the policy."""
    answers = (
        (known.is_test, "test_ticket"),
        (known.customer_type == "staff", "staff"),
        (known.is_erased, "erased"),
        (known.is_deceased, "deceased"),
        (known.legal_hold.strip().lower() in _HELD, "legal_hold"),
        (known.has_left, "left"),
        (not known.has_campaign, NO_CAMPAIGN),
        (not known.stands, REOPENED),
        (known.was_answered, ANSWERED_BEFORE),
        (now - known.resolved_at > TOO_OLD, "too_old"),
    )
    return next((word for is_so, word in answers if is_so), None)


def verdict_on(word: str) -> Verdict:
    """Return what follows from a reason of planner or sender not to write.

    Exempt where the customer's word or the law says so; else a person calls.
    """
    if word.startswith("holdout:"):
        return Verdict(FollowUpState.EXEMPT, word[:64])
    exempt = _EXEMPT_WORDS.get(word)
    if exempt is not None:
        return Verdict(FollowUpState.EXEMPT, exempt)
    return Verdict(FollowUpState.PHONE_TASK, word[:64])
