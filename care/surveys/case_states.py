"""Where a case stands, and where it may go from there: pure rules."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"  #: nobody has taken it
    TAKEN = "taken"  #: somebody is at it
    CLOSED = "closed"  #: settled; the customer will be asked again where a day is set
    RECONTACTED = "recontacted"  #: the customer was asked again


class Outcome(StrEnum):
    """How a case ended."""

    SOLVED = "solved"
    EXPLAINED = "explained"
    COMPENSATED = "compensated"
    NOT_REACHED = "not_reached"  #: the customer could not be reached; the note says how it was tried
    NO_FAULT = "no_fault"  #: nothing was wrong, or not with us


S = CaseState

NEXT_CASE_STATE: Mapping[CaseState, frozenset[CaseState]] = {
    S.OPEN: frozenset({S.TAKEN, S.CLOSED}),
    S.TAKEN: frozenset({S.TAKEN, S.CLOSED}),  # taken over from somebody
    S.CLOSED: frozenset({S.RECONTACTED}),
    S.RECONTACTED: frozenset(),
}
"""The only list of legal moves. A customer who is still not content opens a new case."""


class CaseMarks(Protocol):
    """The columns that say where a case stands."""

    taken_at: datetime | None
    closed_at: datetime | None
    recontacted_at: datetime | None


def state_of_case(marks: CaseMarks) -> CaseState:
    """Return where a case stands."""
    if marks.recontacted_at is not None:
        return S.RECONTACTED
    if marks.closed_at is not None:
        return S.CLOSED
    return S.TAKEN if marks.taken_at is not None else S.OPEN


def may_move(marks: CaseMarks, target: CaseState) -> bool:
    """Tell whether a case may go to a state."""
    return target in NEXT_CASE_STATE[state_of_case(marks)]
