"""One open question per phone: a digit that comes back has to answer one of them only."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.delivery.model import Prepared

About = tuple[str, str]
"""Campaign and occasion of a question: its reminder is about the same, and so is the ticket's next resolution."""
OpenQuestions = Callable[[sa.Connection, Collection[str], datetime], Mapping[str, tuple[datetime, About]]]
"""By address: until when its open question keeps others waiting, and what that question is about."""

ANOTHER = "another question is open"
_JUST_ASKED = timedelta(hours=1)
_ROUND = re.compile(r":r\d+$")


def keep_one_question(
    conn: sa.Connection, passed: Sequence[Prepared], ask: OpenQuestions, now: datetime
) -> tuple[list[Prepared], list[tuple[Prepared, datetime]]]:
    """Return those that may ask now, and those that wait, each with until when.

    One that cannot wait so long takes the phone: an answer to the older question then needs its reference.
    """
    asked = dict(ask(conn, {prepared.contact.address_hash for prepared in passed}, now))
    kept: list[Prepared] = []
    waiting: list[tuple[Prepared, datetime]] = []
    for prepared in passed:
        about = prepared.message.campaign_id, prepared.message.occasion
        until, open_about = asked.get(prepared.contact.address_hash, (now, about))
        if now < until < prepared.message.use_by and not _are_one_matter(about, open_about):
            waiting.append((prepared, until))
        else:
            asked[prepared.contact.address_hash] = now + _JUST_ASKED, about
            kept.append(prepared)
    return kept, waiting


def _are_one_matter(one: About, other: About) -> bool:
    return one[0] == other[0] and _ROUND.sub("", one[1]) == _ROUND.sub("", other[1])
