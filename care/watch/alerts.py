"""Alerts: tells of each incident once when it opens and once when it is over, every address by itself.

An address that does not take one is tried again, ever more rarely. Only a crash between telling and noting tells twice.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import insert, read, write
from care.base.errors import UnavailableError
from care.watch.rules import TITLES
from care.watch.tables import alert, incident

OPEN, OVER = "open", "over"
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)
WORTH_TELLING = timedelta(days=1)
"""What ended longer ago is told to nobody any more."""

UNHEARD_AFTER = 4
"""Tries, within seven minutes; then it has to be told in another way."""

EXTRA_MISSING = "alerts.urls is set, but the extra is not installed. Run: pip install 'care[alerts]'"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What one address is told."""

    url: str
    title: str
    body: str
    is_over: bool

    def __repr__(self) -> str:
        """Leave the address out: tokens are part of it."""
        return f"Alert({self.title!r})"


Tell = Callable[[Alert], bool]
"""Tell one address; False when it was not taken."""


def tell_by_apprise(one: Alert) -> bool:
    """Tell by Apprise.

    Raises:
        UnavailableError: the extra is not installed.
    """
    apprise = load_apprise()
    address = apprise.Apprise()
    kind = apprise.NotifyType.SUCCESS if one.is_over else apprise.NotifyType.FAILURE
    try:
        return bool(address.add(one.url)) and bool(address.notify(title=one.title, body=one.body, notify_type=kind))
    except Exception as error:  # noqa: BLE001 - a hundred services, each with errors of its own
        log.error("alert.failed", problem=type(error).__name__)
        return False


def load_apprise() -> Any:
    """Return the library, silenced: its log lines hold addresses with their tokens.

    Raises:
        UnavailableError: the extra is not installed.
    """
    try:
        import apprise
    except ImportError:
        raise UnavailableError(EXTRA_MISSING) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise


def send_alerts(
    engine: sa.Engine, urls: Sequence[str], *, clock: Clock, zone: str, sender: str, tell: Tell = tell_by_apprise
) -> int:
    """Tell every address what it does not know yet; return how many were told. `sender` begins each title."""
    by_key = {_key(url): url for url in urls}
    with read(engine) as conn:
        if not _is_anything_new(conn, clock.now(), by_key):
            return 0
    with write(engine) as conn:
        _enter(conn, list(by_key), clock.now())
        due = _take(conn, list(by_key), clock.now())
    told = 0
    for row in due:
        is_over = row.kind == OVER
        state = "over" if is_over else "open"
        title = f"{sender}: {TITLES.get(row.rule, row.rule)} ({state})"
        if tell(Alert(url=by_key[row.url_key], title=title, body=_body(row, zone), is_over=is_over)):
            told += 1
            with write(engine) as conn:
                as_taken = alert.c.tries == row.tries  # not where there was more to tell meanwhile
                conn.execute(sa.update(alert).where(*_is(row), as_taken).values(sent_at=clock.now()))
        else:
            log.error("alert.not_taken", incident=row.incident_id, tries=row.tries)
    return told


def tell_again(conn: sa.Connection, incident_id: int, *, now: datetime) -> None:
    """Let whoever was told that an incident is open be told once more, as it is now."""
    mine = sa.and_(alert.c.incident_id == incident_id, alert.c.kind == OPEN)
    conn.execute(sa.update(alert).where(mine).values(sent_at=None, due_at=now, tries=0))


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _told(now: datetime) -> sa.ColumnElement[bool]:
    lately = sa.or_(incident.c.closed_at.is_(None), incident.c.closed_at >= now - WORTH_TELLING)
    return sa.and_(incident.c.counts_from <= now, lately)


def _is_anything_new(conn: sa.Connection, now: datetime, keys: Any) -> bool:
    return bool(keys) and conn.execute(sa.select(incident.c.id).where(_told(now)).limit(1)).first() is not None


def _untaken(now: datetime) -> sa.Select[Any]:
    worth_telling = alert.c.incident_id.in_(sa.select(incident.c.id).where(_told(now)))
    return sa.select(alert).where(alert.c.sent_at.is_(None), worth_telling)


def deaf_places(conn: sa.Connection, urls: Sequence[str], now: datetime) -> list[int]:
    """Return which of the addresses, from 1, have not taken an alert although it was offered more than once."""
    deaf = set(conn.execute(_untaken(now).with_only_columns(alert.c.url_key).where(alert.c.tries > 1)).scalars())
    return [place for place, url in enumerate(urls, start=1) if _key(url) in deaf]


def is_unheard(conn: sa.Connection, urls: Sequence[str], now: datetime) -> bool:
    """Tell whether an incident is open of which none of the addresses could be told, however often it was tried."""
    others = alert.alias("others")
    same = sa.and_(others.c.incident_id == alert.c.incident_id, others.c.kind == alert.c.kind)
    somebody_knows = sa.exists().where(same, others.c.sent_at.is_not(None)).correlate(alert)
    tried = sa.and_(alert.c.url_key.in_([_key(url) for url in urls]), alert.c.tries >= UNHEARD_AFTER)
    unheard = _untaken(now).where(alert.c.kind == OPEN, tried, sa.not_(somebody_knows))
    return conn.execute(unheard.limit(1)).first() is not None


def _enter(conn: sa.Connection, keys: Sequence[str], now: datetime) -> None:
    """Write down who is to be told what; what is over before it could be told is told as over."""
    for row in conn.execute(sa.select(incident).where(_told(now))).all():
        kind = OPEN if row.closed_at is None else OVER
        knows = sa.select(alert.c.url_key).where(alert.c.incident_id == row.id, alert.c.kind == OPEN)
        wanted = keys if kind == OPEN else [k for k in conn.execute(knows).scalars() if k in keys]
        rows = [{"incident_id": row.id, "kind": kind, "url_key": key, "due_at": now} for key in wanted]
        if rows:
            conn.execute(insert(conn, alert).on_conflict_do_nothing(), rows)
        if kind == OVER:
            late = sa.and_(alert.c.incident_id == row.id, alert.c.kind == OPEN, alert.c.sent_at.is_(None))
            conn.execute(sa.update(alert).where(late).values(sent_at=now))


def _take(conn: sa.Connection, keys: Sequence[str], now: datetime) -> Sequence[sa.Row[Any]]:
    """Take what is due, so that no other process tells it too; it is due again unless it is noted as sent."""
    due = _untaken(now).where(alert.c.due_at <= now, alert.c.url_key.in_(keys))
    taken = []
    for row in conn.execute(due.order_by(alert.c.incident_id).with_for_update(skip_locked=True)).all():
        pause = min(FIRST_PAUSE * 2 ** min(row.tries, 10), LONGEST_PAUSE)
        conn.execute(sa.update(alert).where(*_is(row)).values(tries=row.tries + 1, due_at=now + pause))
        taken.append((row.incident_id, row.kind, row.url_key))
    wanted = sa.tuple_(alert.c.incident_id, alert.c.kind, alert.c.url_key).in_(taken)
    about = sa.select(alert, incident.c.rule, incident.c.words, incident.c.opened_at, incident.c.closed_at)
    return conn.execute(about.join(incident).where(wanted).order_by(alert.c.incident_id)).all() if taken else ()


def _is(row: sa.Row[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    return alert.c.incident_id == row.incident_id, alert.c.kind == row.kind, alert.c.url_key == row.url_key


def _body(row: sa.Row[Any], zone: str) -> str:
    there = ZoneInfo(zone)
    since = f"{row.opened_at.astimezone(there):%Y-%m-%d %H:%M}"
    until = f" until {row.closed_at.astimezone(there):%Y-%m-%d %H:%M}" if row.closed_at else ""
    advice = "" if row.closed_at else "\nSee: care incidents. What to do: docs/on-call.md"
    return f"{row.words}\nSince {since}{until} ({zone}).{advice}"
