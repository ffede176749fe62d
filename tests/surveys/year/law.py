"""What must hold of the made-up year, judged by what the carrier saw and what the ticket system knows."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import read
from care.inbound.tables import inbound_message
from care.messages.tables import attempt, message, receipt
from care.surveys.model import FollowUpState
from care.surveys.tables import follow_up, survey_answer
from tests.surveys.year.play import Year
from tests.surveys.year.tickets import FOLLOWED

_S = FollowUpState
OPEN = {str(state) for state in (_S.DUE, _S.INVITED, _S.DELIVERED, _S.PHONE_TASK)}
FIRST_HOUR, LAST_HOUR = 9, 20


def resolutions_owed(year: Year) -> set[str]:
    """Return every resolution that a promise covers, by the ticket system's own list."""
    return {name for one in year.tickets if one.kind in FOLLOWED for name in one.resolutions}


def broken(year: Year) -> list[str]:
    """Return every break of the law, in words; none is as it should be."""
    return [*_every_ticket_once(year), *_nobody_asked_twice(year), *_within_windows(year), *_answers_are_true(year)]


def states(year: Year) -> Counter[str]:
    """Return how many follow-ups ended where."""
    with read(year.services.engine) as conn:
        found = conn.execute(sa.select(follow_up.c.state, sa.func.count().label("count")).group_by(follow_up.c.state))
        return Counter({row.state: row.count for row in found})


def _every_ticket_once(year: Year) -> Iterator[str]:
    with read(year.services.engine) as conn:
        rows = conn.execute(sa.select(follow_up.c.external_id, follow_up.c.state, follow_up.c.reason)).all()
    have, owed = Counter(row.external_id for row in rows), resolutions_owed(year)
    yield from (f"{name} has no follow-up" for name in sorted(owed - have.keys())[:5])
    yield from (f"{name} has {count} follow-ups" for name, count in have.items() if count > 1)
    yield from (f"{row.external_id} is still {row.state}" for row in rows if row.state in OPEN)
    tests = {name for one in year.tickets if one.is_test for name in one.resolutions}
    yield from (
        f"{row.external_id} is a test and was {row.state}"
        for row in rows
        if row.external_id in tests and row.state != "exempt"
    )


def _nobody_asked_twice(year: Year) -> Iterator[str]:
    """One invitation and one reminder about each resolution, one invitation about a mass fault.

    What a carrier could not deliver may be tried again: as many tries more as the carrier gave back.
    """
    with read(year.services.engine) as conn:
        rows = conn.execute(
            sa.select(*(message.c[name] for name in ("id", "occasion", "subject", "leg", "customer_id"))).where(
                message.c.purpose == "survey"
            )
        ).all()
        given_back = Counter(  # each attempt that the network gave back may be followed by another
            row.message_id
            for row in conn.execute(
                sa.select(attempt.c.message_id, attempt.c.id)
                .join(receipt, receipt.c.attempt_id == attempt.c.id)
                .where(receipt.c.status.in_(["undelivered", "failed"]))
                .distinct()
            )
        )
    by_id = {row.id: row for row in rows}
    left = Counter(kept.message_id for kept in year.life.kept if kept.message_id in by_id)
    yield from (
        f"{by_id[who].occasion} ({by_id[who].leg}) left {count} times"
        for who, count in left.items()
        if count > 1 + given_back[who]
    )
    asked = Counter((row.subject, row.leg) for row in rows if row.id in left)
    yield from (f"{subject} has {count} messages ({leg})" for (subject, leg), count in asked.items() if count > 1)
    storm = {f"ticket:{name}" for one in year.tickets if one.parent for name in one.resolutions[:1]}
    each = Counter(
        by_id[who].customer_id for who in left if by_id[who].occasion in storm and by_id[who].leg != "reminder"
    )
    yield from (f"customer {who} was asked {count} times about one fault" for who, count in each.items() if count > 1)


def _within_windows(year: Year) -> Iterator[str]:
    zones = {one.phone: one.zone for one in year.people} | {one.email: one.zone for one in year.people}
    with read(year.services.engine) as conn:
        surveys = set(conn.execute(sa.select(message.c.id).where(message.c.purpose == "survey")).scalars())
    for kept in year.life.kept:
        if kept.message_id in surveys:
            local = kept.at.astimezone(ZoneInfo(zones[kept.to]))
            if not FIRST_HOUR <= local.hour < LAST_HOUR:
                yield f"message {kept.message_id} left at {local:%H:%M} in {local.tzinfo}"


def _answers_are_true(year: Year) -> Iterator[str]:
    """Each answer says what its writer meant, about the ticket that was meant; late ones are marked."""
    with read(year.services.engine) as conn:
        about = {row.id: row.subject for row in conn.execute(sa.select(message.c.id, message.c.subject))}
        texts = {row.id: row.provider_ref for row in conn.execute(sa.select(inbound_message))}
        rows = conn.execute(
            sa.select(survey_answer, follow_up.c.external_id.label("ticket"), follow_up.c.invited_at)
            .join(follow_up, follow_up.c.id == survey_answer.c.follow_up_id)
            .where(survey_answer.c.channel == "sms", survey_answer.c.score.is_not(None))
        ).all()
    for row in rows:
        truth = year.life.truths.get(texts[int(row.source.partition(":")[2])])
        if truth is None:
            yield f"{row.source}: an answer nobody gave"
            continue
        if about[truth.invite] != row.ticket:
            yield f"{row.source}: meant {about[truth.invite]}, attached to {row.ticket}"
        if truth.scores.get(row.question) != row.score:
            yield f"{row.source}: meant {dict(truth.scores)}, written {row.question} {row.score}"
        if row.invited_at and row.is_late != (row.at - row.invited_at > timedelta(days=7)):
            yield f"{row.source}: late is {row.is_late} after {row.at - row.invited_at}"
