"""One look at everything the table of alarms judges; a few index stretches each."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from care.base.database import insert
from care.base.vocabulary import LANES, Channel
from care.delivery.failover import HOLD, IN_MAINTENANCE, closed_reason
from care.delivery.incarnation import DISPATCH
from care.delivery.prepare import MENDING
from care.delivery.spam import told_of
from care.delivery.standstill import standing
from care.delivery.tables import incarnation, job_run
from care.inbound.events.outgoing import untold
from care.inbound.events.store import long_waiting
from care.inbound.tables import webhook
from care.messages.model import MessageStatus
from care.messages.tables import message
from care.reports.metrics import why_not_ready
from care.reports.providers import closed_now
from care.surveys.case_store import overdue_cases
from care.surveys.figures.alarm import drop_words
from care.surveys.phone_tasks import overdue_calls
from care.watch.book_store import LOOK_BACK, is_uncompared, parts_of, wrong_pages, wrong_verdicts
from care.watch.incidents import parts_told, words_of
from care.watch.rules import SATISFACTION, Facts, WrongPage

RESOLVED_WITHIN = timedelta(minutes=15)
TOLD_WITHIN = timedelta(hours=1)
GIVEN_UP_LATELY = timedelta(days=1)
REPAIRED_WITHIN = timedelta(days=1)
COMPARE_EVERY = timedelta(hours=1)
A_DAY = timedelta(days=1)
S = MessageStatus


def look(
    conn: sa.Connection,
    *,
    now: datetime,
    today: date,
    compared: date,
    zone: str,
    turns: Mapping[str, timedelta],
    oldest_due: timedelta,
    enough: int | None,
    free_mib: int | None,
    least_mib: int,
) -> Facts:
    """Return the facts of this moment. `turns` names the jobs that must end, and within which time.

    `compared` is the last day whose books ought to have been looked at by now.

    `enough` answers are needed on each side before satisfaction is compared; None: it was lately, and stands as it was.
    """
    since = today - A_DAY - LOOK_BACK  # the oldest day that is compared; what was told before it ends by being mended
    overdue, oldest_case = overdue_cases(conn, now)
    calls, oldest_call = overdue_calls(conn, now)
    waiting, given_up = untold(conn, now=now, older_than=TOLD_WITHIN, lately=GIVEN_UP_LATELY)
    old_events, oldest_event = long_waiting(conn, came_before=now - REPAIRED_WITHIN)
    known = parts_told(conn, "books")
    verdicts = {day: found for day, found in wrong_verdicts(conn).items() if day >= since or str(day) in known}
    return Facts(
        wrong_books=list(verdicts),
        wrong_sums={f"{day} {kind}": count for day, found in verdicts.items() for kind, count in found.items()},
        wrong_pages=[
            WrongPage(place=f"{page.provider} {page.channel}", day=page.day, words=page.words, parts=parts_of(page))
            for page in wrong_pages(conn, since=since, told=parts_told(conn, "provider_books"))
        ],
        uncompared=compared if is_uncompared(conn, compared, zone=zone) else None,
        standstill=(still := "; ".join(one.words for one in standing(conn))),
        not_sending="" if still else why_not_ready(conn, now, oldest_due),
        leader_unseen=leader_unseen(conn, now),
        sender_unseen=_sender_unseen(conn, now),
        closed_channels=_closed(conn, now),
        closed_providers=closed_now(conn, now),
        spam=told_of(conn, now),
        unmended=_unmended(conn, now),
        in_doubt=_in_doubt(conn, now),
        oldest_webhook=_oldest_webhook(conn, now),
        overdue_cases=overdue,
        oldest_case=oldest_case,
        overdue_calls=calls,
        oldest_call=oldest_call,
        untold=waiting,
        given_up=given_up,
        old_events=old_events,
        oldest_event=now - (oldest_event or now),
        stuck_jobs=stuck_jobs(conn, now, turns),
        satisfaction=words_of(conn, SATISFACTION) if enough is None else drop_words(conn, now, least=enough),
        free_mib=free_mib,
        least_mib=least_mib,
    )


def is_compared(conn: sa.Connection, now: datetime) -> bool:
    """Tell whether satisfaction was compared within the hour, by any process: four weeks change slowly."""
    last: datetime | None = conn.execute(sa.select(job_run.c.last_at).where(job_run.c.name == SATISFACTION)).scalar()
    return last is not None and last <= now < last + COMPARE_EVERY


def note_compared(conn: sa.Connection, now: datetime) -> None:
    """Write down that satisfaction was compared."""
    statement = insert(conn, job_run).values(name=SATISFACTION, last_at=now)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"last_at": now}))


def look_at_jobs(conn: sa.Connection, *, now: datetime, turns: Mapping[str, timedelta]) -> Facts:
    """Return the facts about jobs alone: for when the rest cannot be looked at, which must not stay unknown."""
    return Facts(leader_unseen=leader_unseen(conn, now), stuck_jobs=stuck_jobs(conn, now, turns))


def leader_unseen(conn: sa.Connection, now: datetime) -> timedelta | None:
    """Return for how long no job of any leader has ended, None in a house that has just been made."""
    last = max(_ended(conn).values(), default=None) or _begun(conn, {})
    return None if last is None else now - last


def stuck_jobs(conn: sa.Connection, now: datetime, turns: Mapping[str, timedelta]) -> list[str]:
    """Return the jobs that have not ended in their time; one that never did is counted from when the house began."""
    ended = _ended(conn)
    begun = _begun(conn, ended)
    since = {name: ended.get(name, begun) for name in turns}
    return [name for name, last in since.items() if last is not None and now - last > turns[name]]


def _ended(conn: sa.Connection) -> dict[str, datetime]:
    """Return when each job of the leader last ended; the comparison of satisfaction is noted by others as well."""
    jobs = sa.select(job_run).where(job_run.c.name != SATISFACTION)
    return {row.name: row.last_at for row in conn.execute(jobs)}


def _begun(conn: sa.Connection, ended: Mapping[str, datetime]) -> datetime | None:
    """Return when the first process began, or since when jobs have been noted if that is longer ago."""
    first: datetime | None = conn.execute(
        sa.select(incarnation.c.started_at).order_by(incarnation.c.id).limit(1)
    ).scalar()
    return min([*ended.values(), *([first] if first else [])], default=None)


def _sender_unseen(conn: sa.Connection, now: datetime) -> timedelta | None:
    seen = sa.select(sa.func.max(incarnation.c.seen_at)).where(incarnation.c.role == DISPATCH)
    last: datetime | None = conn.execute(seen).scalar()
    return None if last is None else now - last


def _closed(conn: sa.Connection, now: datetime) -> dict[str, int]:
    """Return the channels for which due messages are held until they open, and how many; not for what was planned."""
    found = {}
    for channel in Channel:
        held = sa.select(sa.func.count()).where(
            message.c.status == str(S.HELD),
            message.c.lane.in_(range(len(LANES))),
            message.c.wake_at.between(now, now + HOLD),
            message.c.reason.startswith(closed_reason(channel)),
            sa.not_(message.c.reason.startswith(closed_reason(channel) + IN_MAINTENANCE)),
        )
        if count := int(conn.execute(held).scalar_one()):
            found[str(channel)] = count
    return found


def _unmended(conn: sa.Connection, now: datetime) -> dict[str, int]:
    """Return which files keep messages waiting, as their reason says, and how many; mended, they let them go."""
    held = sa.select(message.c.reason, sa.func.count().label("number")).where(
        message.c.status == str(S.HELD),
        message.c.lane.in_(range(len(LANES))),
        message.c.wake_at <= now + MENDING,
        message.c.reason.endswith(" is broken"),
    )
    return {str(row.reason): int(row.number) for row in conn.execute(held.group_by(message.c.reason))}


def _in_doubt(conn: sa.Connection, now: datetime) -> int:
    doubtful = sa.select(sa.func.count()).where(
        message.c.status == str(S.UNKNOWN), message.c.status_at < now - RESOLVED_WITHIN
    )
    return int(conn.execute(doubtful).scalar_one())


def _oldest_webhook(conn: sa.Connection, now: datetime) -> timedelta:
    oldest: datetime | None = conn.execute(
        sa.select(sa.func.min(webhook.c.received_at)).where(webhook.c.done_at.is_(None))
    ).scalar()
    return now - oldest if oldest else timedelta(0)
