"""Answers that people took down: by phone or on paper, in the list of calls that was filled in."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from care.base.database import write
from care.base.errors import FileError
from care.base.ids import digest
from care.calendars.walltime import load_zone
from care.customers.importing.cells import CellError
from care.customers.importing.rejects import RejectsFile, guard
from care.customers.importing.sheet import Refusal
from care.customers.importing.source import Source, open_source
from care.customers.importing.tickets import moment_in
from care.customers.tickets.tables import ticket
from care.surveys import phone_tasks
from care.surveys.asked import QUESTIONS, USUAL_SCALE
from care.surveys.closing_loop import react_to_answers
from care.surveys.follow_ups import move_follow_ups, take_back_flags, when_called
from care.surveys.loop_rules import LoopRules
from care.surveys.model import DIMENSIONS, MAIN, AnswerChannel, FollowUpState, Question, Survey
from care.surveys.recording import REASON_SOURCE, About, Given, keep_words, record_answers
from care.surveys.replies.scales import scale_named
from care.surveys.tables import follow_up

_SCORES = (*DIMENSIONS, Question.EFFORT)
ANSWER_COLUMNS = ("outcome", *(str(one) for one in _SCORES), "solved", "comment", "channel", "by", "called_at")
"""What is filled in; `ref` or `ticket` says about what."""

OUTCOMES = ("answered", "not_reached", "refused")
NO_ANSWER = ("not_reached", "refused")

_YES_NO = {"yes": 1, "y": 1, "true": 1, "1": 1, "是": 1, "no": 0, "n": 0, "false": 0, "0": 0, "否": 0, "2": 0}
_CHOICES = frozenset(ANSWER_COLUMNS) - {"comment", "by"}
_TIME = re.compile(r"\d:\d\d")
_BATCH = 500


@dataclass(kw_only=True)
class AnswersReport:
    """What an import of answers did."""

    rows: int = 0
    answered: int = 0
    repeated: int = 0  # written down before
    not_reached: int = 0
    refused: int = 0
    empty: int = 0  # not filled in yet
    rejected: int = 0
    rejects_file: str | None = None
    refusals: list[Refusal] = field(default_factory=list)


class _BadCellError(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def import_answers(
    engine: sa.Engine, path: Path, *, rules: LoopRules, now: datetime, dry_run: bool = False
) -> AnswersReport:
    """Write the answers of a file down; the same file twice changes nothing. Bad rows go to `<path>.rejects.csv`.

    Raises:
        FileError: the file cannot be used.
    """
    source = open_source(path)
    _require(source, path)
    report = AnswersReport()
    with RejectsFile(path, source.header, keep_off_disk=dry_run) as rejects:
        for batch in source.batches(_BATCH):
            refused = [Refusal(number, "", reason, cells) for number, reason, cells in batch.broken]
            report.rows += len(batch.rows) + len(batch.broken)
            with write(engine) as conn:
                for number, cells in zip(batch.numbers, batch.rows, strict=True):
                    row = {name: _plain(name, cell) for name, cell in zip(batch.header, cells, strict=True)}
                    try:
                        _take(conn, row, report, rules=rules, now=now, dry_run=dry_run)
                    except _BadCellError as bad:
                        refused.append(Refusal(number, bad.column, bad.reason, cells))
            refused.sort(key=lambda one: one.number)
            rejects.add(batch.header, refused)
            report.refusals += refused
        report.rejected = len(report.refusals)
        report.rejects_file = str(rejects.path) if rejects.written else None
    return report


def _plain(name: str, cell: str) -> str:
    """Return a cell as it is read: choices and scores in any width, numbers without the guard of the list."""
    text = cell.strip()
    if name in _CHOICES:
        return unicodedata.normalize("NFKC", text).strip()
    is_guarded = name in ("ref", "ticket") and text.startswith("'") and guard(text[1:]) == text
    return text[1:] if is_guarded else text


def _require(source: Source, path: Path) -> None:
    if not source.is_json and not {"ref", "ticket"} & set(source.header):
        fix = "Take the list of: care surveys followup --phone-tasks"
        raise FileError(path, "has no column 'ref' or 'ticket'", fix)


def _take(
    conn: sa.Connection,
    row: Mapping[str, str],
    report: AnswersReport,
    *,
    rules: LoopRules,
    now: datetime,
    dry_run: bool,
) -> None:
    given, outcome = _given(row), row.get("outcome", "").lower().replace(" ", "_")
    reason = ""
    if outcome in NO_ANSWER:
        reason = next((one.comment for one in given if one.comment), "")
        given = [one for one in given if not one.comment]
    if not given and not outcome:
        report.empty += 1
        return
    if outcome and outcome not in OUTCOMES:
        raise _BadCellError("outcome", f"is none of {', '.join(OUTCOMES)}")
    if given and outcome in NO_ANSWER:
        raise _BadCellError("outcome", f"says {outcome}, but there are answers")
    found = _find(conn, row)
    _check(found.survey, given, outcome)
    called_at = _called_at(row, found, rules.zone, now)
    words = repr(given or reason) + (called_at.isoformat() if called_at else "")
    about = About(
        survey=found.survey,
        customer_id=found.customer_id,
        follow_up_id=found.id,
        session_id=None,
        channel=_channel(row),
        source=f"{'call:' if given else REASON_SOURCE}{found.external_id}:{digest(words)[:8]}",
        by=row.get("by", "")[:64] or None,
        said_at=called_at,
    )
    if dry_run:
        return
    if not given:
        _end(conn, found, outcome, called_at, now)
        setattr(report, outcome, getattr(report, outcome) + 1)
        if reason:
            keep_words(conn, reason, about, now=now)
        return
    if record_answers(conn, given, about, now=now):
        report.answered += 1
        react_to_answers(conn, given, about, rules=rules, now=now)
    else:
        report.repeated += 1
    _end(conn, found, "answered", called_at, now)


def _end(conn: sa.Connection, found: "_Found", outcome: str, called_at: datetime | None, now: datetime) -> None:
    """Settle the call; without a rating nobody is asked any more, as the call was the last way.

    A call that was made in time is not late because it was written down late.
    """
    closed = FollowUpState.CLOSED_UNANSWERED
    if found.state == str(FollowUpState.PHONE_TASK):  # an answer that counts has moved it before
        reason = "not_rated" if outcome == "answered" else outcome
        stamps = when_called(called_at, closed) if called_at else {}
        move_follow_ups(conn, [found.id], closed, now=now, reason=reason, **stamps)
    phone_tasks.settle(conn, found.id, outcome, now=called_at or now)
    if called_at is not None:
        take_back_flags(conn, found.id)


@dataclass(frozen=True, slots=True)
class _Found:
    id: int
    external_id: str
    customer_id: int
    state: str
    survey: Survey
    resolved_at: datetime


def _find(conn: sa.Connection, row: Mapping[str, str]) -> _Found:
    """Return the follow-up a row speaks of: by its own reference, else the last one of the ticket."""
    columns = [follow_up.c[name] for name in ("id", "external_id", "customer_id", "state", "survey", "resolved_at")]
    ref, number = row.get("ref", ""), row.get("ticket", "")
    if ref:
        query = sa.select(*columns).where(follow_up.c.external_id == ref)
    else:
        query = (
            sa.select(*columns)
            .join(ticket, ticket.c.id == follow_up.c.ticket_id)
            .where(ticket.c.external_id == number)
            .order_by(follow_up.c.id.desc())
            .limit(1)
        )
    found = conn.execute(query).one_or_none()
    if found is None:
        raise _BadCellError("ref" if ref else "ticket", "is not known, or its ticket was never resolved")
    return _Found(found.id, found.external_id, found.customer_id, found.state, Survey(found.survey), found.resolved_at)


def _called_at(row: Mapping[str, str], found: _Found, zone: str, now: datetime) -> datetime | None:
    """Return when the call was made, None where the list does not say; without offset it is of the operator's clock."""
    text = row.get("called_at", "")
    if not text:
        return None
    try:
        at = moment_in(load_zone(zone))(text) if _TIME.search(text) else None
    except CellError:
        at = None
    if not isinstance(at, datetime):
        raise _BadCellError("called_at", "is no day and time. Write it like 2027-01-31 18:00 or 2027-01-31T18:00+08:00")
    if at > now:
        raise _BadCellError("called_at", "lies in the future")
    if at < found.resolved_at.replace(second=0, microsecond=0):
        raise _BadCellError("called_at", "lies before the ticket was resolved")
    return at


def _check(survey: Survey, given: Sequence[Given], outcome: str) -> None:
    """Refuse scores of another survey than the ticket is asked about, and an answer without the one that counts."""
    main = MAIN[survey]
    other = next((one for one in given if one.question in _SCORES and one.question not in QUESTIONS[survey]), None)
    if other is not None:
        raise _BadCellError(other.question, f"is not asked about this ticket: fill in '{main}'")
    if outcome == "answered" and not any(one.question is main for one in given):
        raise _BadCellError(main, "is empty, but the outcome says answered")


def _given(row: Mapping[str, str]) -> list[Given]:
    found = [_score(question, row[question]) for question in _SCORES if row.get(question)]
    if row.get("solved"):
        found.append(Given(question=Question.SOLVED, score=_yes_no(row["solved"]), scale="yn"))
    if row.get("comment"):
        found.append(Given(question=Question.COMMENT, comment=row["comment"]))
    return found


def _score(question: Question, text: str) -> Given:
    scale = scale_named(USUAL_SCALE[question])
    if not (text.isascii() and text.isdigit() and len(text) == 1 and scale.holds(int(text))):
        raise _BadCellError(question, f"is not a score from {scale.low} to {scale.high}")
    return Given(question=question, score=int(text), raw=int(text), scale=scale.name)


def _yes_no(text: str) -> int:
    if text.lower() not in _YES_NO:
        raise _BadCellError("solved", "is neither yes nor no")
    return _YES_NO[text.lower()]


def _channel(row: Mapping[str, str]) -> AnswerChannel:
    word = row.get("channel", "").lower() or "phone"
    if word not in ("phone", "paper"):
        raise _BadCellError("channel", "is neither phone nor paper")
    return AnswerChannel(word)
