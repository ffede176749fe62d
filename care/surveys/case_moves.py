"""A person works on a case: takes it, closes it, asks the customer again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.errors import AnswerIsNoError, InputError
from care.inbound.events.outgoing import Told
from care.surveys.case_states import NEXT_CASE_STATE, CaseState, Outcome, may_move, state_of_case
from care.surveys.cases import tell_of_case
from care.surveys.tables import survey_case

LONGEST_NAME = 64
LONGEST_NOTE = 2_000


class CaseError(AnswerIsNoError):
    """This case cannot be moved there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a case ended. Without `recontact_at` the customer is not asked again."""

    outcome: Outcome
    note: str
    recontact_at: datetime | None


def take_case(conn: sa.Connection, case_id: int, *, by: str, now: datetime) -> str | None:
    """Make somebody the owner of a case and return who had it before.

    Raises:
        CaseError: no such case, or it is closed.
        InputError: the name is empty or too long.
    """
    owner = _words("--by", by, LONGEST_NAME)
    row = _lock(conn, case_id, CaseState.TAKEN)
    if row.owner != owner:
        _set(conn, case_id, owner=owner, taken_at=now)
    return str(row.owner) if row.owner else None


def close_case(conn: sa.Connection, case_id: int, closing: Closing, *, now: datetime) -> None:
    """Close a case with its outcome and what was done.

    Raises:
        CaseError: no such case, or it is closed already.
        InputError: the note is empty or too long.
    """
    note = _words("--note", closing.note, LONGEST_NOTE)
    _lock(conn, case_id, CaseState.CLOSED)
    values = {"outcome": str(closing.outcome), "note": note, "recontact_at": closing.recontact_at}
    _set(conn, case_id, closed_at=now, **values)


def plan_recontact(conn: sa.Connection, case_id: int, *, at: datetime, now: datetime) -> None:
    """Set when the customer of a closed case is asked again.

    Raises:
        CaseError: no such case, it is open, or the customer was asked again.
        InputError: the moment has passed.
    """
    if at <= now:
        raise InputError("--at: has passed. Name a moment to come")
    _lock(conn, case_id, CaseState.RECONTACTED)
    _set(conn, case_id, recontact_at=at)


def note_recontact(conn: sa.Connection, case_id: int, *, now: datetime) -> None:
    """Write down that the customer of a closed case was asked again.

    Raises:
        CaseError: no such case, it is open, or it was noted before.
    """
    _lock(conn, case_id, CaseState.RECONTACTED)
    _set(conn, case_id, recontacted_at=now)


def escalate_overdue(conn: sa.Connection, *, now: datetime) -> list[int]:
    """Mark the open cases whose time has passed, tell the ticket system, and return their ids: each is told once."""
    late = (
        sa.update(survey_case)
        .where(survey_case.c.closed_at.is_(None), survey_case.c.escalated_at.is_(None), survey_case.c.due_at < now)
        .values(escalated_at=now)
        .returning(survey_case.c.id)
    )
    ids = sorted(conn.execute(late).scalars())
    for case_id in ids:
        tell_of_case(conn, Told.CASE_OVERDUE, case_id, now=now)
    return ids


def _lock(conn: sa.Connection, case_id: int, target: CaseState) -> sa.Row[Any]:
    row = conn.execute(sa.select(survey_case).where(survey_case.c.id == case_id).with_for_update()).first()
    if row is None:
        raise CaseError(f"cases: no case {case_id}. See: care surveys cases list --all")
    if not may_move(row, target):
        state = state_of_case(row)
        ways = " or ".join(sorted(NEXT_CASE_STATE[state])) or "nothing else"
        raise CaseError(f"cases: case {case_id} is {state} and can become {ways}, not {target}")
    return row


def _set(conn: sa.Connection, case_id: int, **values: Any) -> None:
    conn.execute(sa.update(survey_case).where(survey_case.c.id == case_id).values(**values))


def _words(option: str, text: str, longest: int) -> str:
    words = text.strip()
    if not words or len(words) > longest:
        raise InputError(f"{option}: needs 1 to {longest} characters, has {len(words)}. Write it shorter")
    return words
