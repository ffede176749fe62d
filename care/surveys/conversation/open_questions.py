"""One open question per phone: what asks a phone that has one waits its turn."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.delivery.model import Prepared
from care.delivery.one_question import About
from care.messages.tables import attempt, message
from care.policy.model import Policies, Windows
from care.policy.windows import NeverOpensError, closes_at, contact_window, next_open, zones_for
from care.surveys.conversation.sessions import NEVER_LEFT, OPEN
from care.surveys.tables import survey_session

HAS_THE_PHONE: Final = timedelta(hours=24)
"""So long a question keeps others waiting; longer, and a complaint would miss its working day."""


@dataclass(frozen=True, kw_only=True)
class PhonesInUse:
    """What the sender asks before it puts a question to a phone."""

    policies: Policies

    def asked(
        self, conn: sa.Connection, address_hashes: Collection[str], now: datetime
    ) -> Mapping[str, tuple[datetime, About]]:
        """Return by address until when its open question keeps others waiting, and what that question is about."""
        return open_questions(conn, address_hashes, now)

    def last_moment(self, prepared: Prepared, now: datetime) -> datetime:
        """Return the last instant from `now` on at which a question keeps its promises and its customer may be asked.

        `use_by` ends with the promise that counts from the resolution; what counts from the first call may be over
        sooner.
        """
        who, use_by = prepared.message.customer or {}, prepared.message.use_by
        call: datetime | None = (prepared.message.subject or {}).get("call_deadline_at")
        if call is not None and call > now:
            use_by = min(use_by, call)
        country = who.get("country")
        windows = contact_window(self.policies.country(country or ""), Purpose.SURVEY, area=who.get("area"))
        return last_open(windows, zones_for(who.get("timezone"), country, self.policies), now, use_by)


def last_open(windows: Windows, zones: Sequence[str], now: datetime, end: datetime) -> datetime:
    """Return the end of the last stretch of allowed hours between two instants, `now` where there is none."""
    last = at = now
    while at < end:
        try:
            opens = next_open(windows, zones, at)
        except NeverOpensError:
            break
        if opens >= end:
            break
        last = at = min(end, closes_at(windows, zones, opens) or end)
    return last


def has_open_question(conn: sa.Connection, address_hash: str, now: datetime, *, about: About | None = None) -> bool:
    """Tell whether a phone was asked something that it may still answer, other than what is `about`."""
    found = open_questions(conn, [address_hash], now).get(address_hash)
    return found is not None and found[1] != about


def open_questions(
    conn: sa.Connection, address_hashes: Collection[str], now: datetime
) -> Mapping[str, tuple[datetime, About]]:
    """Return by address until when its open question keeps others waiting, and what that question is about.

    A question is open from the invitation's intent until it is answered, refused, given to a person or a day old.
    """
    found: dict[str, tuple[datetime, About]] = {}
    for row in conn.execute(_asked(address_hashes, since=now - HAS_THE_PHONE)):
        asked_at = row.left_at if row.asked_at is None else max(row.asked_at, row.left_at)
        known = found.get(row.address_hash)
        if known is None or asked_at + HAS_THE_PHONE > known[0]:
            found[row.address_hash] = asked_at + HAS_THE_PHONE, (row.campaign_id, row.occasion)
    return found


def _asked(address_hashes: Collection[str], *, since: datetime) -> sa.Select[Any]:
    session = survey_session.c
    is_open = sa.or_(session.id.is_(None), session.stage.in_([str(stage) for stage in OPEN]))
    left_at = sa.func.max(attempt.c.intent_at, type_=attempt.c.intent_at.type).label("left_at")
    columns = (attempt.c.address_hash, message.c.campaign_id, message.c.occasion, session.asked_at)
    return (
        sa.select(*columns, left_at)
        .select_from(
            attempt.join(message, message.c.id == attempt.c.message_id).outerjoin(
                survey_session, session.message_id == message.c.id
            )
        )
        .where(
            attempt.c.address_hash.in_(sorted(address_hashes)),
            attempt.c.outcome.not_in(NEVER_LEFT),
            message.c.purpose == str(Purpose.SURVEY),
            is_open,
            sa.or_(attempt.c.intent_at > since, session.asked_at > since),
        )
        .group_by(*columns)
    )
