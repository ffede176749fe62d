"""One open question per phone: a digit that comes back has to answer one of them only."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from care.delivery.model import Prepared

About = tuple[str, str]
"""Campaign and occasion of a question: its reminder is about the same, and so is the ticket's next resolution."""

ANOTHER = "another question is open"
_JUST_ASKED = timedelta(hours=1)
MARGIN = timedelta(hours=1)
"""So long before its last allowed moment a question that cannot wait any more takes the phone: sending takes time."""
_ROUND = re.compile(r":r\d+$")


class OpenQuestions(Protocol):
    """What is known of questions that phones may still answer."""

    def asked(
        self, conn: sa.Connection, address_hashes: Collection[str], now: datetime
    ) -> Mapping[str, tuple[datetime, About]]:
        """Return by address until when its open question keeps others waiting, and what that question is about."""
        ...

    def last_moment(self, prepared: Prepared, now: datetime) -> datetime:
        """Return the last instant from `now` on at which a message is of use and its customer may be asked."""
        ...


def keep_one_question(
    conn: sa.Connection, passed: Sequence[Prepared], ask: OpenQuestions, now: datetime
) -> tuple[list[Prepared], list[tuple[Prepared, datetime]]]:
    """Return those that may ask now, and those that wait, each with until when.

    One that cannot wait so long waits as long as it can, and then takes the phone: an answer to the older question then
    needs its reference.
    """
    asked = dict(ask.asked(conn, {prepared.contact.address_hash for prepared in passed}, now))
    kept: list[Prepared] = []
    waiting: list[tuple[Prepared, datetime]] = []
    for prepared in passed:
        about = prepared.message.campaign_id, prepared.message.occasion
        until, open_about = asked.get(prepared.contact.address_hash, (now, about))
        if now < until and not _are_one_matter(about, open_about):
            until = min(until, ask.last_moment(prepared, now) - MARGIN)
        else:
            until = now
        if now < until:
            waiting.append((prepared, until))
        else:
            asked[prepared.contact.address_hash] = now + _JUST_ASKED, about
            kept.append(prepared)
    return kept, waiting


def _are_one_matter(one: About, other: About) -> bool:
    return one[0] == other[0] and _ROUND.sub("", one[1]) == _ROUND.sub("", other[1])
