"""Promises that the ledger alone can prove: nobody twice, nobody who said no, no closed hour, no more than the caps.

Each check is a query of its own over what was handed over; none asks the code that was to keep the promise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import Instant
from care.base.vocabulary import Purpose
from care.campaigns.model import REMINDER_LEG
from care.customers.tables import consent, customer, customer_change, suppression
from care.messages.model import Outcome
from care.messages.tables import attempt, message
from care.planning.permission import silencing_scopes
from care.policy.caps import COUNTED, MARKETING, SURVEY
from care.policy.model import ConsentRule, Policies
from care.policy.windows import contact_window, is_open, zones_for
from care.reports.copies import taken_twice
from care.reports.evidence import Days, Finding, arrived, gather_ids, on_pages
from care.surveys.tables import follow_up

UNDER_WAY = timedelta(minutes=1)
"""A word that reaches us while a message leaves cannot stop it any more: so long an overlap is no violation."""

_LEFT = [str(outcome) for outcome in (Outcome.INTENT, Outcome.ACCEPTED, Outcome.UNKNOWN)]
_MINUTE = 60_000_000
MOST_EXAMPLES = 20
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class _Cap:
    name: str  # of the policy
    limits: frozenset[Purpose]
    counts: frozenset[Purpose]
    period: timedelta


_CAPS = (
    _Cap("marketing_per_7d", MARKETING, MARKETING, timedelta(days=7)),
    _Cap("marketing_per_30d", MARKETING, MARKETING, timedelta(days=30)),
    _Cap("survey_invites_per_30d", SURVEY, SURVEY, timedelta(days=30)),
    _Cap("all_per_day", MARKETING | SURVEY, COUNTED, timedelta(days=1)),
)


def broken_promises(conn: sa.Connection, days: Days, *, policies: Policies) -> list[Finding]:
    """Return each promise with how often it was broken on the pages; 0 everywhere is the aim."""
    return [
        _finding(conn, "duplicates", "messages that reached somebody twice", days, *_TWICE),
        _finding(conn, "suppressed", "messages sent to a silenced address", days, _to_silenced),
        _finding(conn, "no_consent", "messages sent against the customer's word", days, _against_their_word),
        _unasked(conn, days, policies),
        _outside_hours(conn, days, policies),
        _over_cap(conn, days, policies),
    ]


def _finding(conn: sa.Connection, name: str, text: str, days: Days, *questions: Any) -> Finding:
    queries = [question(*page) for page in days for question in questions]
    count, ids = gather_ids(conn, queries)
    return Finding(name=name, text=text, count=count, message_ids=ids)


def _twice_to_one(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    """One message that arrived by more than one attempt."""
    return (
        sa.select(message.c.id)
        .join(attempt, attempt.c.message_id == message.c.id)
        .where(on_pages(campaign_id, first, last), message.c.attempts > 1, arrived())
        .group_by(message.c.id)
        .having(sa.func.count() > 1)
    )


def _twice_to_a_phone(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    """Accounts that share an address, told more than once for one occasion; one of the messages stands for them."""
    return (
        sa.select(sa.func.max(message.c.id))
        .join(attempt, attempt.c.message_id == message.c.id)
        .where(on_pages(campaign_id, first, last), message.c.purpose != str(Purpose.REPLY), arrived())
        .group_by(message.c.occasion, message.c.leg == REMINDER_LEG, attempt.c.address_hash)
        .having(sa.func.count(message.c.id.distinct()) > 1)
    )


def _twice_by_one_attempt(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    """One message that its provider took twice; those that count by their attempts are left out."""
    counted = _twice_to_one(campaign_id, first, last)
    return taken_twice(campaign_id, first, last).where(message.c.id.not_in(counted))


_TWICE = (_twice_to_one, _twice_to_a_phone, _twice_by_one_attempt)


def _left(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    """Return messages with an attempt that left the house, or may have."""
    return (
        sa.select(message.c.id)
        .distinct()
        .join(attempt, attempt.c.message_id == message.c.id)
        .where(on_pages(campaign_id, first, last), attempt.c.outcome.in_(_LEFT))
    )


def _to_silenced(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    scopes = sa.or_(
        *(
            sa.and_(message.c.purpose == str(purpose), suppression.c.scope.in_(silencing_scopes(purpose)))
            for purpose in Purpose
        )
    )
    stood = sa.exists().where(
        suppression.c.address_hash == attempt.c.address_hash,
        suppression.c.channel == attempt.c.channel,
        _micros(suppression.c.created_at) + _span(UNDER_WAY) < _micros(attempt.c.intent_at),
        sa.or_(suppression.c.lifted_at.is_(None), suppression.c.lifted_at > attempt.c.intent_at),
        scopes,
        sa.or_(message.c.purpose != str(Purpose.REPLY), suppression.c.reason != "opt_out"),
    )
    return _left(campaign_id, first, last).where(stood.correlate(attempt, message))


def _against_their_word(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    """A withdrawal was recorded, and no later yes, when the message left."""
    later = consent.alias("later")
    mine = sa.and_(
        consent.c.customer_id == message.c.customer_id,
        consent.c.purpose == message.c.purpose,
        consent.c.channel == attempt.c.channel,
    )
    taken_back = sa.exists().where(
        later.c.customer_id == consent.c.customer_id,
        later.c.purpose == consent.c.purpose,
        later.c.channel == consent.c.channel,
        later.c.at > consent.c.at,
        later.c.given,
        later.c.recorded_at <= attempt.c.intent_at,
    )
    refused = sa.exists().where(
        mine,
        sa.not_(consent.c.given),
        _micros(consent.c.recorded_at) + _span(UNDER_WAY) < _micros(attempt.c.intent_at),
        sa.not_(taken_back.correlate(consent, attempt)),
    )
    return _left(campaign_id, first, last).where(refused.correlate(attempt, message))


def _unasked(conn: sa.Connection, days: Days, policies: Policies) -> Finding:
    """Purposes that need a recorded yes, sent without one; whoever was erased took the record along."""
    queries = [_unasked_on(*page, policies) for page in days]
    count, ids = gather_ids(conn, queries)
    return Finding(name="unasked", text="messages sent without a recorded consent", count=count, message_ids=ids)


def _unasked_on(campaign_id: str, first: date, last: date, policies: Policies) -> sa.Select[Any]:
    needed = []
    for purpose in Purpose:
        open_countries = [
            code for code, own in policies.countries.items() if own.consent_rule(purpose) is not ConsentRule.REQUIRED
        ]
        if policies.elsewhere.consent_rule(purpose) is ConsentRule.REQUIRED:
            needed.append(sa.and_(message.c.purpose == str(purpose), customer.c.country.not_in(open_countries)))
        else:
            asked = [code for code in policies.countries if code not in open_countries]
            needed.append(sa.and_(message.c.purpose == str(purpose), customer.c.country.in_(asked)))
    given = sa.exists().where(
        consent.c.customer_id == message.c.customer_id,
        consent.c.purpose == message.c.purpose,
        consent.c.channel == attempt.c.channel,
        consent.c.given,
        consent.c.recorded_at <= attempt.c.intent_at,
    )
    return (
        _left(campaign_id, first, last)
        .join(customer, customer.c.id == message.c.customer_id)
        .where(customer.c.erased_at.is_(None), sa.or_(*needed), sa.not_(given.correlate(attempt, message)))
    )


def _outside_hours(conn: sa.Connection, days: Days, policies: Policies) -> Finding:
    """Count hand-overs at a closed hour of the customer's clock; who has moved since is left out."""
    count, example = 0, list[int]()
    for page in days:
        for row in conn.execute(_by_minute(*page)):
            if not _was_open(row, policies):
                count += row.n
                example.append(int(row.id))
    return Finding(
        name="outside_hours",
        text="messages sent outside the allowed hours",
        count=count,
        message_ids=example[:MOST_EXAMPLES],
    )


def _by_minute(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    """Group hand-overs by minute and by what decides the hours: one question per group, not per message."""
    minute = _micros(attempt.c.intent_at) // _MINUTE
    moved = sa.exists().where(
        customer_change.c.customer_id == message.c.customer_id,
        customer_change.c.field.in_(["timezone", "country", "area"]),
        customer_change.c.at > attempt.c.intent_at,
    )
    keys = (message.c.purpose, customer.c.country, customer.c.timezone, customer.c.area, minute.label("minute"))
    return (
        sa.select(*keys, sa.func.count().label("n"), sa.func.min(message.c.id).label("id"))
        .select_from(
            message.join(attempt, attempt.c.message_id == message.c.id).join(
                customer, customer.c.id == message.c.customer_id
            )
        )
        .where(on_pages(campaign_id, first, last), attempt.c.outcome.in_(_LEFT), sa.not_(moved))
        .group_by(*keys)
    )


def _was_open(row: sa.Row[Any], policies: Policies) -> bool:
    purpose = Purpose(row.purpose)
    urgent = purpose is Purpose.EMERGENCY
    windows = contact_window(policies.country(row.country), purpose, urgent=urgent, area=row.area)
    if windows.is_any_time:
        return True
    at = EPOCH + timedelta(minutes=row.minute)
    return is_open(windows, zones_for(row.timezone, row.country, policies), at)


def _over_cap(conn: sa.Connection, days: Days, policies: Policies) -> Finding:
    """Count messages before which the customer had already got as many as the caps of their country allow."""
    count = 0
    for page in days:
        for cap in _CAPS:
            allowed = _allowed_by_country(policies, cap.name)
            for row in conn.execute(_earlier(*page, cap)):
                most = allowed.get(row.country, allowed[""])
                count += row.n if most is not None and row.earlier >= most else 0
    return Finding(name="over_cap", text="messages beyond a frequency cap", count=count)


def _allowed_by_country(policies: Policies, name: str) -> Mapping[str, int | None]:
    own = {code: getattr(policy.caps, name) for code, policy in policies.countries.items()}
    return own | {"": getattr(policies.elsewhere.caps, name)}


def _earlier(campaign_id: str, first: date, last: date, cap: _Cap) -> sa.Select[Any]:
    """Return how many messages had how many before them in the period, by country.

    Another word about the same is no second message, and follow-ups that are always asked heed no cap of surveys.
    """
    before = message.alias("before")
    sent = message.c.sent_at
    same = sa.and_(before.c.campaign_id == message.c.campaign_id, before.c.occasion == message.c.occasion)
    always = sa.exists().where(follow_up.c.external_id == message.c.subject, follow_up.c.is_capped.is_(False))
    heeds = sa.not_(always.correlate(message)) if cap.limits == SURVEY else sa.true()
    earlier = (
        sa.select(sa.func.count())
        .where(
            before.c.customer_id == message.c.customer_id,
            before.c.sent_at > sa.type_coerce(_micros(sent) - _span(cap.period), Instant),
            before.c.sent_at < sent,
            before.c.purpose.in_(_words(cap.counts)),
            sa.not_(same),
        )
        .correlate(message)
        .scalar_subquery()
    )
    each = (
        sa.select(customer.c.country, earlier.label("earlier"))
        .join_from(message, customer, customer.c.id == message.c.customer_id)
        .where(on_pages(campaign_id, first, last), sent.is_not(None), message.c.purpose.in_(_words(cap.limits)), heeds)
        .subquery()
    )
    return sa.select(each.c.country, each.c.earlier, sa.func.count().label("n")).group_by(
        each.c.country, each.c.earlier
    )


def _micros(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.type_coerce(column, sa.BigInteger)


def _span(period: timedelta) -> sa.ColumnElement[int]:
    return sa.literal(period // timedelta(microseconds=1), sa.BigInteger)


def _words(purposes: frozenset[Purpose]) -> list[str]:
    return sorted(str(purpose) for purpose in purposes)
