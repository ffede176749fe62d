"""Figures for monitoring, straight from the tables: a few index stretches each, no person in any of them.

What is open is counted whole; what has ended, for the last day only, so the cost follows a day's volume.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.vocabulary import LANES
from care.delivery.standstill import why_still
from care.inbound.events.tables import event
from care.inbound.missed import last_asked
from care.inbound.model import HandledAs
from care.inbound.tables import inbound_message, webhook
from care.inbound.twilio import was_fetched
from care.messages.model import CLAIMABLE, FINAL, OPEN, MessageStatus, Outcome
from care.messages.tables import attempt, message, pause
from care.surveys.model import MAIN
from care.surveys.tables import survey_answer, survey_case

DAY = timedelta(days=1)
_MAIN_QUESTIONS = sorted({str(question) for question in MAIN.values()})
OVERDUE_LIMIT = timedelta(minutes=15)
"""A due message that nobody took for so long, while nobody sends, means that the sender is not at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with its labels. `name` is a Prometheus name, always of a gauge."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def figures(conn: sa.Connection, now: datetime) -> Iterator[Figure]:
    """Yield every figure of this moment."""
    yield from _messages(conn, now)
    yield from _attempts(conn, now)
    yield from _inbox(conn, now)
    yield from _events(conn)
    yield from _surveys(conn, now)
    yield Figure(name="care_oldest_due_seconds", value=oldest_due(conn, now).total_seconds())


def _messages(conn: sa.Connection, now: datetime) -> Iterator[Figure]:
    for name, statuses, since in (
        ("care_messages_open", OPEN, None),
        ("care_messages_ended_last_day", FINAL, now - DAY),
    ):
        query = sa.select(message.c.status, message.c.lane, sa.func.count().label("n")).where(
            message.c.status.in_(_words(statuses)), message.c.lane.in_(range(len(LANES)))
        )
        if since is not None:
            query = query.where(message.c.wake_at >= since)
        for row in conn.execute(query.group_by(message.c.status, message.c.lane)):
            labels = (("status", row.status), ("purpose", str(LANES[row.lane])))
            yield Figure(name=name, value=row.n, labels=labels)


def _events(conn: sa.Connection) -> Iterator[Figure]:
    counts = sa.select(event.c.state, sa.func.count().label("n")).where(event.c.state.in_(["new", "waiting"]))
    for row in conn.execute(counts.group_by(event.c.state)):
        yield Figure(name="care_events_open", value=row.n, labels=(("state", row.state),))


def _attempts(conn: sa.Connection, now: datetime) -> Iterator[Figure]:
    keys = ("channel", "provider", "outcome", "error_class")
    columns = [sa.func.coalesce(attempt.c[key], "").label(key) for key in keys]
    query = sa.select(*columns, sa.func.count().label("n"), sa.func.sum(attempt.c.parts).label("parts"))
    lately = query.where(attempt.c.outcome.in_(list(map(str, Outcome))), attempt.c.intent_at >= now - DAY)
    for row in conn.execute(lately.group_by(*(attempt.c[key] for key in keys))):
        labels = tuple((key, str(getattr(row, key))) for key in keys)
        yield Figure(name="care_attempts_last_day", value=row.n, labels=labels)
        yield Figure(name="care_parts_last_day", value=row.parts, labels=labels)


def _inbox(conn: sa.Connection, now: datetime) -> Iterator[Figure]:
    waiting = sa.select(webhook.c.kind, sa.func.count().label("n"), sa.func.min(webhook.c.received_at).label("oldest"))
    oldest = now
    for row in conn.execute(waiting.where(webhook.c.done_at.is_(None)).group_by(webhook.c.kind)):
        oldest = min(oldest, row.oldest)
        yield Figure(name="care_webhooks_waiting", value=row.n, labels=(("kind", row.kind),))
    yield Figure(name="care_oldest_webhook_seconds", value=(now - oldest).total_seconds())
    yield from _worked_on(conn, now)
    for provider, asked_at in last_asked(conn).items():
        age = (now - asked_at).total_seconds()
        yield Figure(name="care_replies_asked_seconds", value=age, labels=(("provider", provider),))
    yield Figure(name="care_inbox_waiting", value=inbox_depth(conn))


def _worked_on(conn: sa.Connection, now: datetime) -> Iterator[Figure]:
    columns = [webhook.c.kind, webhook.c.problem.is_not(None).label("failed"), was_fetched().label("fetched")]
    done = sa.select(*columns, sa.func.count().label("n")).where(webhook.c.done_at >= now - DAY)
    counts, fetched = Counter[tuple[str, str]](), 0
    for row in conn.execute(done.group_by("kind", "failed", "fetched")):
        counts[row.kind, "unusable" if row.failed else "done"] += row.n
        fetched += row.n if row.fetched else 0
    for (kind, result), count in counts.items():
        labels = (("kind", kind), ("result", result))
        yield Figure(name="care_webhooks_last_day", value=count, labels=labels)
    yield Figure(name="care_replies_fetched_last_day", value=fetched)


def _surveys(conn: sa.Connection, now: datetime) -> Iterator[Figure]:
    a = survey_answer.c
    ratings = sa.select(a.survey, a.channel, sa.func.count().label("n")).where(
        a.at >= now - DAY, a.score.is_not(None), a.superseded_at.is_(None), a.question.in_(_MAIN_QUESTIONS)
    )
    for row in conn.execute(ratings.group_by(a.survey, a.channel)):
        labels = (("survey", row.survey), ("channel", row.channel))
        yield Figure(name="care_survey_answers_last_day", value=row.n, labels=labels)
    cases = sa.select(survey_case.c.reason, sa.func.count().label("n")).where(survey_case.c.closed_at.is_(None))
    for row in conn.execute(cases.group_by(survey_case.c.reason)):
        yield Figure(name="care_survey_cases_open", value=row.n, labels=(("reason", row.reason),))


def inbox_depth(conn: sa.Connection) -> int:
    """Return how many messages of customers wait for a person."""
    unanswered = sa.and_(inbound_message.c.handled_as == str(HandledAs.INBOX), inbound_message.c.answered_at.is_(None))
    return int(conn.execute(sa.select(sa.func.count()).select_from(inbound_message).where(unanswered)).scalar_one())


def oldest_due(conn: sa.Connection, now: datetime) -> timedelta:
    """Return for how long the longest waiting message has been due; what is paused does not count."""
    scopes = {row.scope for row in conn.execute(sa.select(pause)) if row.until is None or row.until > now}
    if "all" in scopes:
        return timedelta(0)
    campaigns = [scope.removeprefix("campaign:") for scope in scopes if scope.startswith("campaign:")]
    lanes = [purpose.lane for purpose in LANES if f"purpose:{purpose}" not in scopes]
    oldest = now
    for status in _words(CLAIMABLE):
        for lane in lanes:
            due = sa.select(message.c.wake_at).where(
                message.c.status == status, message.c.lane == lane, message.c.wake_at <= now, message.c.use_by > now
            )
            if campaigns:
                due = due.where(message.c.campaign_id.not_in(campaigns))
            first = conn.execute(due.order_by(message.c.wake_at).limit(1)).scalar()
            oldest = min(oldest, first or now)
    return now - oldest


def why_not_ready(conn: sa.Connection, now: datetime, limit: timedelta = OVERDUE_LIMIT) -> str:
    """Return why nobody should rely on this house now, '' when all is well.

    A backlog that is being worked off at its pace is no trouble; one that nobody touches is.
    """
    if still := why_still(conn):
        return still
    age = oldest_due(conn, now)
    if age <= limit:
        return ""
    tried = sa.select(attempt.c.id).where(
        attempt.c.outcome.in_(list(map(str, Outcome))), attempt.c.intent_at > now - limit
    )
    if conn.execute(tried.limit(1)).first() is not None:
        return ""
    minutes = int(age.total_seconds() // 60)
    return f"a message has been due for {minutes} minutes and nothing is sent. Is `care run` at work?"


def _words(statuses: Sequence[MessageStatus] | frozenset[MessageStatus]) -> list[str]:
    return sorted(str(status) for status in statuses)
