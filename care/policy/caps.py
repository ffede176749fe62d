"""Frequency caps: how many messages a customer may get in rolling days, and when the next one is free."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from care.base.vocabulary import Purpose
from care.policy.model import Caps

MARKETING = frozenset({Purpose.OFFER, Purpose.GREETING})
SURVEY = frozenset({Purpose.SURVEY})
COUNTED = frozenset(Purpose) - {Purpose.REPLY}

LOOK_BACK = timedelta(days=30)
"""Messages older than this never matter to a cap."""


@dataclass(frozen=True, slots=True)
class Release:
    """Why a message has to wait, and until when; `until` None is for ever."""

    until: datetime | None
    rule: str


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    limits: frozenset[Purpose]
    counts: frozenset[Purpose]
    period: timedelta


_RULES = (
    _Rule("marketing_per_7d", MARKETING, MARKETING, timedelta(days=7)),
    _Rule("marketing_per_30d", MARKETING, MARKETING, timedelta(days=30)),
    _Rule("survey_invites_per_30d", SURVEY, SURVEY, timedelta(days=30)),
    _Rule("all_per_day", MARKETING | SURVEY, COUNTED, timedelta(days=1)),
)


def cap_release(
    sent_at: Sequence[tuple[datetime, Purpose]], purpose: Purpose, caps: Caps, now: datetime
) -> Release | None:
    """Return when the next message of this purpose may go out, or None if it may now.

    `sent_at` are the customer's messages of the last `LOOK_BACK`, aware instants in any order; planned
    ones may be among them. Service, emergency and reply are never capped; replies do not count either,
    the others count for `all_per_day`. Days are rolling 24 hours. Of several caps the latest release wins.
    """
    releases = [found for rule in _RULES if (found := _release_of(rule, sent_at, purpose, caps, now))]
    for_ever = next((found for found in releases if found.until is None), None)
    return for_ever or max(releases, key=lambda found: found.until or now, default=None)


def _release_of(
    rule: _Rule, sent_at: Sequence[tuple[datetime, Purpose]], purpose: Purpose, caps: Caps, now: datetime
) -> Release | None:
    cap: int | None = getattr(caps, rule.name)
    if cap is None or purpose not in rule.limits:
        return None
    if cap == 0:
        return Release(None, rule.name)
    counted = sorted((at for at, sent in sent_at if sent in rule.counts and at > now - rule.period), reverse=True)
    return Release(counted[cap - 1] + rule.period, rule.name) if len(counted) >= cap else None
