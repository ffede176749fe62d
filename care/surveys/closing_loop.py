"""What follows an answer: a low score, "not solved" or a danger becomes a case with a deadline.

The same for every way an answer can come: call `react_to_answers` in the transaction that writes the answers down.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.customers.tickets.tables import ticket
from care.inbound.events.outgoing import Told
from care.surveys.asked import is_low
from care.surveys.cases import Concern, find_open, open_case, tell_of_case
from care.surveys.loop_rules import LoopRules
from care.surveys.model import CaseReason, Question
from care.surveys.recording import About, Given
from care.surveys.replies.model import Flag
from care.surveys.tables import follow_up, survey_case

NOT_SOLVED_REASON = 3
"""The digit of the reason menu that says so."""

_BY_FLAG = {
    Flag.SAFETY: CaseReason.DANGER,
    Flag.NOT_RESOLVED: CaseReason.NOT_SOLVED,
    Flag.CANCEL_SERVICE: CaseReason.CANCELLATION,
    Flag.CALL_BACK: CaseReason.CALL_BACK,
    Flag.DATA_REQUEST: CaseReason.DATA_REQUEST,
    Flag.WRONG_NUMBER: CaseReason.WRONG_NUMBER,
}
_ANSWERED_BY_A_CALL = (CaseReason.LOW_SCORE, CaseReason.CALL_BACK)
"""One call settles them: where another case is opened about the same matter, they need none of their own."""

_SLIGHTER = {
    CaseReason.NOT_SOLVED: (CaseReason.LOW_SCORE, CaseReason.CALL_BACK),
    CaseReason.LOW_SCORE: (CaseReason.CALL_BACK,),
}
"""What is open for one of these reasons becomes the case of the graver one."""

WANTS_A_CALL = "Asks to be called."
"""Noted in a case about something graver, until its closing note replaces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What followed."""

    cases: dict[CaseReason, int] = field(default_factory=dict)  # ids of what is open about it now
    call_by: datetime | None = None  # when the customer may be told to expect a call at the latest
    reopened: bool = False  # the ticket system was asked to reopen the ticket just now


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The case of one concern, whether it was there before or not."""

    case_id: int
    due_at: datetime
    reopened: bool  # its ticket was opened again just now


def concerns_of(given: Sequence[Given], flags: Collection[Flag] = ()) -> list[CaseReason]:
    """Return why a person has to act on these answers, the most urgent first; nothing for most of them."""
    found = {_BY_FLAG[flag] for flag in flags if flag in _BY_FLAG}
    if any(is_low(one.question, one.score, one.scale) for one in given):
        found.add(CaseReason.LOW_SCORE)
    if any(_says_not_solved(one) for one in given):
        found.add(CaseReason.NOT_SOLVED)
    if found.difference(_ANSWERED_BY_A_CALL, {CaseReason.DATA_REQUEST, CaseReason.WRONG_NUMBER}):
        found.difference_update(_ANSWERED_BY_A_CALL)
    return [reason for reason in CaseReason if reason in found]


def _says_not_solved(given: Given) -> bool:
    if given.question is Question.SOLVED:
        return given.score == 0
    return given.question is Question.REASON and given.raw == NOT_SOLVED_REASON


def react_to_answers(
    conn: sa.Connection,
    given: Sequence[Given],
    about: About,
    *,
    rules: LoopRules,
    now: datetime,
    flags: Collection[Flag] = (),
) -> Reaction:
    """Open the cases that answers call for, and have the ticket reopened that they say is not solved.

    `flags` are what the reply parser found in the words. Doing it twice changes nothing. What the customer is told is
    the caller's to say: the promise is `call_by`.
    """
    opened = {}
    for reason in concerns_of(given, flags):
        concern = Concern(
            reason=reason,
            customer_id=about.customer_id,
            due_at=rules.due(reason, now),
            follow_up_id=about.follow_up_id,
            session_id=about.session_id,
        )
        opened[reason] = open_concern(conn, concern, rules=rules, now=now)
    return Reaction(
        cases={reason: one.case_id for reason, one in opened.items()},
        call_by=min((one.due_at for one in opened.values()), default=None),
        reopened=any(one.reopened for one in opened.values()),
    )


def open_concern(conn: sa.Connection, concern: Concern, *, rules: LoopRules, now: datetime) -> Opened:
    """Open the case of a concern, or find the one that stands for it; what is not solved opens its ticket again."""
    case_id, is_new = _open_or_turn(conn, concern, now=now)
    reopens = concern.reason is CaseReason.NOT_SOLVED and is_new and concern.follow_up_id is not None
    if reopens:
        tell_of_case(conn, Told.TICKET_REOPEN, case_id, now=now)
        if rules.reopen is not None:
            rules.reopen(conn, _ticket_of(conn, concern), now)
    return Opened(case_id=case_id, due_at=_due_at(conn, case_id), reopened=reopens)


def _ticket_of(conn: sa.Connection, concern: Concern) -> str:
    mine = sa.select(ticket.c.external_id).join(follow_up, follow_up.c.ticket_id == ticket.c.id)
    return str(conn.execute(mine.where(follow_up.c.id == concern.follow_up_id)).scalar_one())


def _open_or_turn(conn: sa.Connection, concern: Concern, *, now: datetime) -> tuple[int, bool]:
    """Return the case of a concern, and whether it is news.

    One matter stays one case, so that nobody is called twice: a low score whose reason turns out to be that nothing is
    solved, and a wish to be called beside a low score, which is noted there.
    """
    if concern.follow_up_id is not None:  # one at a time per matter, so that two answers open one case
        conn.execute(sa.select(follow_up.c.id).where(follow_up.c.id == concern.follow_up_id).with_for_update())
    standing = find_open(conn, concern)
    if standing is None and concern.reason in _ANSWERED_BY_A_CALL:
        standing = find_open(conn, replace(concern, reason=CaseReason.NOT_SOLVED))
    if standing is None and concern.reason is CaseReason.CALL_BACK:
        standing = find_open(conn, replace(concern, reason=CaseReason.LOW_SCORE))
        if standing is not None:
            _turn(conn, standing, note=WANTS_A_CALL)
    if standing is not None:
        return standing, False
    turned = _turn_slighter(conn, concern)
    if turned is not None:
        return turned, True
    made = open_case(conn, concern, now=now)
    assert made is not None, "looked up just before, under a lock"
    return made, True


def _turn_slighter(conn: sa.Connection, concern: Concern) -> int | None:
    """Let the case of a slighter reason about the same matter stand for this one; None where there is none."""
    for slighter in _SLIGHTER.get(concern.reason, ()):
        found = find_open(conn, replace(concern, reason=slighter))
        if found is not None:
            noted = {"note": WANTS_A_CALL} if slighter is CaseReason.CALL_BACK else {}
            _turn(conn, found, reason=str(concern.reason), **noted)
            return found
    return None


def _turn(conn: sa.Connection, case_id: int, **values: Any) -> None:
    conn.execute(sa.update(survey_case).where(survey_case.c.id == case_id).values(**values))


def _due_at(conn: sa.Connection, case_id: int) -> datetime:
    due: datetime = conn.execute(sa.select(survey_case.c.due_at).where(survey_case.c.id == case_id)).scalar_one()
    return due
