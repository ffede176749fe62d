"""The intent transaction: re-check on locked rows, claim the contact, take a slice of pace, write the attempt down.

Nothing leaves the house before this has been committed durably; nothing in it talks to the outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from care.base.among import among
from care.base.database import is_sqlite
from care.base.hot import Hot
from care.base.ids import digest, random_tokens
from care.base.vocabulary import Channel, Purpose
from care.customers.tables import contact_point
from care.delivery import brakes
from care.delivery.channels.base import Outgoing
from care.delivery.history import history_of, other_legs
from care.delivery.judge import CAPPED, Evidence, Judge, contact_key
from care.delivery.lanes import Lane
from care.delivery.lookups import Lookup
from care.delivery.model import Prepared, Ready, Verdict
from care.delivery.occasions import named_addresses, no_longer_owed
from care.delivery.one_question import ANOTHER, OpenQuestions, keep_one_question
from care.delivery.pace import last_moment, take_slice
from care.messages import store as ledger
from care.messages.contacts import claim_contacts, held_contacts, release_contacts
from care.messages.intents import count_attempts, write_intents
from care.messages.model import MessageStatus
from care.messages.tables import message, pause

S = MessageStatus
_MINE = Hot(
    sa.select(message.c.id)
    .where(among(message.c.id, "ids"), message.c.status == str(S.SENDING))
    .where(message.c.lease_owner == sa.bindparam("owner"))
    .order_by(message.c.id)
    .with_for_update()  # nobody takes a row away between this look and its intent
)
_PAUSES = Hot(sa.select(pause.c.scope, pause.c.until))
_LOCK = Hot(  # an opt-out locks the same rows, and so does whoever writes to these people on another channel
    sa.select(contact_point.c.id)
    .where(sa.or_(among(contact_point.c.address_hash, "hashes"), among(contact_point.c.customer_id, "customers")))
    .order_by(contact_point.c.id)  # everyone locks in this order
    .with_for_update()
)


@dataclass(frozen=True, kw_only=True)
class IntentRules:
    """Everything the intent transaction needs to know beyond the messages."""

    judge: Judge
    lookups: Mapping[Purpose, Lookup]
    lanes: Mapping[Channel, Lane]
    senders: Mapping[str, str]
    operator_zone: str
    operator_country: str
    spend_limit_minor: int | None
    international_limit: int
    price_minor: Mapping[str, Decimal]
    open_questions: OpenQuestions | None = None


@dataclass(kw_only=True)
class IntentOutcome:
    """What the transaction decided: who may leave, and what became of the others."""

    ready: list[Ready] = field(default_factory=list)
    verdicts: list[tuple[Prepared, Verdict]] = field(default_factory=list)


def commit_intents(
    conn: sa.Connection,
    group: Sequence[Prepared],
    *,
    rules: IntentRules,
    lane: Lane,
    incarnation: int,
    now: datetime,
    monotonic: float,
) -> IntentOutcome:
    """Judge one group (one purpose, one channel) again and write attempts on a lane for those that may go."""
    outcome, purpose = IntentOutcome(), group[0].message.purpose
    evidence = _read_evidence(conn, group, purpose=purpose, rules=rules, incarnation=incarnation, now=now)
    passed: list[Prepared] = []
    for prepared in group:
        if prepared.message.id not in evidence.mine:
            continue  # another sender has it now
        verdict = rules.judge.judge(prepared, evidence)
        if verdict is None:
            passed.append(prepared)
            _count(prepared, evidence, now)
        else:
            outcome.verdicts.append((prepared, verdict))
    if purpose is Purpose.SURVEY and lane.channel is Channel.SMS and rules.open_questions:
        passed, waiting = keep_one_question(conn, passed, rules.open_questions, now)
        outcome.verdicts += [(one, rules.judge.hold(one, until, ANOTHER)) for one, until in waiting]
    passed = _claim_contacts(conn, passed, outcome, now)
    if lane.channel is Channel.SMS:
        passed = _brake(conn, passed, outcome, rules, now)
    if passed:
        _write(
            conn,
            passed,
            outcome,
            rules=rules,
            lane=lane,
            evidence=evidence,
            incarnation=incarnation,
            monotonic=monotonic,
        )
    together: dict[Verdict, list[int]] = {}  # equal verdicts travel in one statement
    for prepared, verdict in outcome.verdicts:
        together.setdefault(verdict, []).append(prepared.message.id)
    move_by_verdict(conn, together, now=now, owner=incarnation)
    return outcome


def _read_evidence(
    conn: sa.Connection,
    group: Sequence[Prepared],
    *,
    purpose: Purpose,
    rules: IntentRules,
    incarnation: int,
    now: datetime,
) -> Evidence:
    ids = [prepared.message.id for prepared in group]
    customers = {prepared.message.customer_id for prepared in group}
    hashes = {prepared.contact.address_hash for prepared in group}
    if not is_sqlite(conn):
        _LOCK.rows(conn, hashes=hashes, customers=customers)
    mine = _MINE.rows(conn, ids=ids, owner=incarnation)
    lookup = rules.lookups[purpose]
    evidence = Evidence(
        now=now,
        mine=frozenset(row[0] for row in mine),
        customers=lookup.judged(conn, customers),
        open_addresses=lookup.open_addresses(conn, customers, named=named_addresses(group)),
        paused={scope: until for scope, until in _PAUSES.rows(conn) if not until or until > now},
        no_longer_owed=no_longer_owed(conn, group),
    )
    if purpose is not Purpose.REPLY:
        evidence.told = held_contacts(conn, {contact_key(prepared) for prepared in group})
    if purpose in CAPPED:
        evidence.history = history_of(conn, customers=customers, address_hashes=hashes, lane=purpose.lane, now=now)
        several = [p.message.id for p in group if (c := p.message.campaign) and (c.on_every_channel or c.reminder)]
        evidence.other_legs = other_legs(conn, several)
    return evidence


def _count(prepared: Prepared, evidence: Evidence, now: datetime) -> None:
    """Let later messages of the same group see this one."""
    message_id, touch = prepared.message.id, (now, prepared.message.purpose)
    evidence.history.by_customer.setdefault(prepared.message.customer_id, {})[message_id] = touch
    evidence.history.by_address.setdefault(prepared.contact.address_hash, {})[message_id] = touch
    if prepared.message.purpose is not Purpose.REPLY:
        evidence.told.setdefault(contact_key(prepared), message_id)


def _claim_contacts(
    conn: sa.Connection, passed: list[Prepared], outcome: IntentOutcome, now: datetime
) -> list[Prepared]:
    claimed = [prepared for prepared in passed if prepared.message.purpose is not Purpose.REPLY]
    winners = claim_contacts(conn, [(*contact_key(p), p.message.id) for p in claimed], now)
    kept = []
    for prepared in passed:
        winner = winners.get(contact_key(prepared), prepared.message.id)
        if winner == prepared.message.id:
            kept.append(prepared)
        else:
            outcome.verdicts.append((prepared, Verdict(status=S.SKIPPED, reason=f"told_via:{winner}")))
    return kept


def _brake(
    conn: sa.Connection, passed: list[Prepared], outcome: IntentOutcome, rules: IntentRules, now: datetime
) -> list[Prepared]:
    day = brakes.open_day(
        conn,
        now=now,
        zone=rules.operator_zone,
        home=rules.operator_country,
        spend_limit_minor=rules.spend_limit_minor,
        international_limit=rules.international_limit,
        price_minor=rules.price_minor,
    )
    kept, stopped = [], []
    for prepared in passed:
        brake = None if prepared.message.purpose is Purpose.EMERGENCY else day.refuse(prepared.country, prepared.parts)
        if brake is None:
            kept.append(prepared)
            continue
        stopped.append(prepared.message.id)
        outcome.verdicts.append((prepared, rules.judge.hold(prepared, day.tomorrow_at, brake)))
    if stopped:
        release_contacts(conn, stopped)
    brakes.close_day(conn, day)
    return kept


def _write(
    conn: sa.Connection,
    passed: list[Prepared],
    outcome: IntentOutcome,
    *,
    rules: IntentRules,
    lane: Lane,
    evidence: Evidence,
    incarnation: int,
    monotonic: float,
) -> None:
    now, total = evidence.now, sum(prepared.parts for prepared in passed)
    sender = lane.pace_key(passed[0].message.purpose, rules.senders)
    start = take_slice(conn, sender=sender, parts=total, rate_per_second=lane.rate_per_second, now=now)
    tokens = dict(zip((prepared.message.id for prepared in passed), random_tokens(len(passed), now), strict=True))
    for prepared in passed:
        prepared.text_digest = digest(prepared.text)[:16]
    made = write_intents(
        conn,
        [
            (
                prepared.message.id,
                prepared.message.attempts + 1,
                tokens[prepared.message.id],
                prepared.contact.address_hash,
                prepared.parts,
                prepared.text_digest,
            )
            for prepared in passed
        ],
        channel=lane.channel,
        provider=lane.provider,
        incarnation=incarnation,
        now=now,
    )
    count_attempts(conn, list(made), channel=lane.channel)
    gone = 0
    for prepared in passed:
        made_id, token = made[prepared.message.id], tokens[prepared.message.id]
        outgoing = _outgoing(prepared, made_id, token, rules, evidence, lane=lane)
        not_before = start + timedelta(seconds=gone / lane.rate_per_second)
        leave_by = last_moment(not_before, prepared.message.use_by, now=now, monotonic=monotonic)
        ready = Ready(prepared=prepared, outgoing=outgoing, not_before=not_before, leave_by=leave_by)
        ready.provider = lane.provider
        outcome.ready.append(ready)
        gone += prepared.parts


def _outgoing(
    prepared: Prepared, attempt_id: int, token: str, rules: IntentRules, evidence: Evidence, *, lane: Lane
) -> Outgoing:
    owed = prepared.message
    return Outgoing(
        attempt_id=attempt_id,
        message_id=owed.id,
        token=token,
        to=prepared.contact.address,
        body=prepared.text,
        valid_until=rules.judge.closing(prepared, evidence),
        sender=lane.sender_of(owed.purpose, rules.senders),
        subject=prepared.subject,
        html=prepared.html,
        message_ref=lane.mail_ids.message_ref(owed.id, owed.occasion, lane.mail_domain) if lane.mail_ids else "",
        unsubscribe_url=prepared.unsubscribe_url,
        locale=prepared.locale,
        template=prepared.template,
    )


def move_by_verdict(conn: sa.Connection, together: Mapping[Verdict, list[int]], *, now: datetime, owner: int) -> None:
    """Move each list of message ids as its verdict says; only rows still leased to `owner`."""
    for verdict, ids in together.items():
        ledger.move_messages(
            conn,
            ids,
            S(verdict.status),
            now=now,
            by="dispatcher",
            reason=verdict.reason,
            wake_at=verdict.wake_at,
            only_owner=owner,
        )
