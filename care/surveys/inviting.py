"""New resolutions become follow-ups: due at their moment, merged, exempt, or handed to a person. One row each.

Each batch is one transaction; a resolution is marked as taken on in the same one, so a killed job goes on where it
stood and takes nothing on twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert, read, write
from care.base.failpoints import failpoint
from care.campaigns.model import Campaign
from care.customers.tickets.tables import ticket_resolution
from care.surveys import merging, phone_tasks
from care.surveys.asking import ORDINARY, Asking, place_of
from care.surveys.commitments import SPREAD, Moment, Place, choose_moment
from care.surveys.exemptions import Known, Verdict, verdict_on, why_exempt
from care.surveys.model import FollowUpState, Survey
from care.surveys.occasion import TicketResolved
from care.surveys.resolutions import ANYTHING, answered_before, crowds_of, next_resolutions
from care.surveys.tables import follow_up

AT_ONCE = 200
"""Resolutions per transaction."""

MASS_FAULT = 100
"""So many tickets under one parent are a mass fault: those asked about it are spread over half of the time there is."""

_S = FollowUpState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """When to ask, and what was promised."""

    commitment: str
    deadline_at: datetime
    call_deadline_at: datetime | None
    moment: Moment


def take_on(engine: sa.Engine, asking: Asking, *, now: datetime) -> int:
    """Take on every resolution that was not yet; return how many follow-ups were written.

    A kind whose campaign's file may merely be broken waits until it is mended.
    """
    total, after = 0, 0
    with read(engine) as conn:
        if not conn.execute(ANYTHING).scalar():
            return 0
    while True:
        with write(engine) as conn:
            rows = next_resolutions(conn, asking, after, limit=AT_ONCE)
            if not rows:
                return total
            after = rows[-1].id
            total += _take_on(conn, rows, asking, now)
            failpoint("take_on.before_commit")
        failpoint("take_on.committed")


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """What is known about some resolutions together."""

    asking: Asking
    now: datetime
    book: merging.Book
    answered: Collection[int]  # tickets
    crowds: Mapping[str, int]  # tickets per parent


def _take_on(conn: sa.Connection, rows: Sequence[sa.Row[Any]], asking: Asking, now: datetime) -> int:
    batch = _Batch(
        asking=asking,
        now=now,
        book=merging.Book.read(conn, [row.customer_id for row in rows], now=now),
        answered=answered_before(conn, [row.ticket_id for row in rows]),
        crowds=crowds_of(conn, {row.parent for row in rows if row.parent}, now),
    )
    taken = [row.id for row in rows if _write_one(conn, row, batch)]
    done = sa.update(ticket_resolution).where(among(ticket_resolution.c.id, taken)).values(followed_up_at=now)
    conn.execute(done)
    return len(taken)


def _write_one(conn: sa.Connection, row: sa.Row[Any], batch: _Batch) -> bool:
    """Write one follow-up down; return False where its campaign has to be mended first."""
    known, now = batch.asking.by_kind.get(row.kind), batch.now
    if known is None and batch.asking.may_be_missing:
        return False
    values = _values(row, known, batch)
    if values["is_capped"] and values["state"] in (str(_S.DUE), str(_S.PHONE_TASK)):
        values |= batch.book.place(values, now) or {}
    made = conn.execute(
        insert(conn, follow_up).values(values).on_conflict_do_nothing().returning(follow_up.c.id)
    ).scalar()
    if made is not None:
        batch.book.add(conn, int(made), values, now)
        phone_tasks.hand_over(conn, [int(made)] if values["state"] == str(_S.PHONE_TASK) else [], now=now)
    return True


def _values(row: sa.Row[Any], known: tuple[Campaign, TicketResolved] | None, batch: _Batch) -> dict[str, Any]:
    """Return the row of one follow-up as if it stood alone."""
    asking, now = batch.asking, batch.now
    times = _times(row, known, asking, now, is_mass=batch.crowds.get(row.parent or "", 0) >= MASS_FAULT)
    verdict = _verdict(row, known, asking, times, now, was_answered=row.ticket_id in batch.answered)
    return {
        "external_id": row.external_id,
        "resolution_id": row.id,
        "ticket_id": row.ticket_id,
        "customer_id": row.customer_id,
        "kind": row.kind,
        "survey": str(known[1].survey if known else Survey.TICKET),
        "campaign_id": known[0].id if known else None,
        "resolved_at": row.resolved_at,
        "due_at": times.moment.at,
        "commitment": times.commitment,
        "deadline_at": times.deadline_at,
        "call_deadline_at": times.call_deadline_at,
        "is_capped": known is not None and known[1].is_capped and row.n == 1 and _has_cap(asking, row.country),
        "state": str(verdict.state if verdict else _S.DUE),
        "reason": verdict.reason if verdict else _late_word(times.moment),
        "covered_at": now if verdict and verdict.state is not _S.PHONE_TASK else None,
        "state_at": now,
    }


def _late_word(moment: Moment) -> str | None:
    return "no_hour_before_deadline" if moment.place is Place.LATE else None


def _has_cap(asking: Asking, country: str | None) -> bool:
    return asking.policy(country or "").caps.survey_invites_per_30d is not None


def _verdict(
    row: sa.Row[Any],
    known: tuple[Campaign, TicketResolved] | None,
    asking: Asking,
    times: _Times,
    now: datetime,
    *,
    was_answered: bool,
) -> Verdict | None:
    """Return why nothing is due, None where the customer is asked by a message."""
    exempt = why_exempt(
        Known(
            is_test=row.is_test,
            is_erased=row.customer_row is None or row.erased_at is not None,
            is_deceased=bool(row.deceased),
            has_left=row.status == "left",
            customer_type=row.customer_type or "",
            legal_hold=str((row.attributes or {}).get("legal_hold", "")),
            stands=row.ticket_resolved_at is not None and row.rounds == row.n,
            resolved_at=row.resolved_at,
            has_campaign=known is not None,
            was_answered=was_answered,
        ),
        now,
    )
    if exempt is not None:
        return Verdict(_S.EXEMPT, exempt)
    assert known is not None
    allowed = asking.channels(known[0], row.country)
    word = row.why_not if allowed == known[0].channels else (row.why_no_mail if allowed else "no_inbound_sms")
    if word is not None:
        if word == "no_contact" and allowed != known[0].channels:
            word = "no_inbound_sms"
        return verdict_on(word)
    return Verdict(_S.PHONE_TASK, "no_allowed_hour") if times.moment.at is None else None


def _times(
    row: sa.Row[Any], known: tuple[Campaign, TicketResolved] | None, asking: Asking, now: datetime, *, is_mass: bool
) -> _Times:
    occasion = known[1] if known else None
    office, promise = asking.office(occasion), occasion.promise if occasion else ORDINARY
    deadline = promise.deadline(row.resolved_at, office)
    call = None
    if occasion and occasion.call_promise and row.first_call_at is not None:
        call = occasion.call_promise.deadline(row.first_call_at, office)
    moment = Moment(at=None, place=Place.NEVER)
    if occasion is not None and row.customer_row is not None:
        moment = moment_for(
            asking,
            row,
            earliest=max(row.resolved_at + occasion.delay, now),
            deadlines=[at for at in (call, deadline) if at is not None],
            now=now,
            is_mass=is_mass,
        )
    return _Times(commitment=promise.name, deadline_at=deadline, call_deadline_at=call, moment=moment)


def moment_for(
    asking: Asking,
    row: Any,
    *,
    earliest: datetime,
    deadlines: Sequence[datetime],
    now: datetime,
    is_mass: bool = False,
) -> Moment:
    """Return when a customer is asked: before the first of the deadlines that can still be kept."""
    waking = asking.waking(row.country, row.timezone, row.area)
    ahead = sorted(at for at in deadlines if at > now) or [now]
    moment = Moment(at=None, place=Place.NEVER)
    for deadline in ahead:
        over = max(SPREAD, (deadline - earliest) / 2) if is_mass else SPREAD
        moment = choose_moment(
            not_before=now,
            earliest=earliest,
            deadline=deadline,
            waking=waking,
            position=place_of(row.draw),
            over=min(over, timedelta(days=2)),
        )
        if moment.place in (Place.IN_TIME, Place.EARLY):
            break
    return moment
