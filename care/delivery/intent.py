"""The intent transaction: re-check on locked rows, claim the contact, take a slice of pace, write the attempt down.

Nothing leaves the house before this has been committed durably; nothing in it talks to the outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from care.base.ids import digest, random_tokens
from care.base.vocabulary import Channel, Purpose
from care.delivery import brakes
from care.delivery.channels.base import Outgoing
from care.delivery.evidence import ask_who_was_told, read_evidence
from care.delivery.judge import Evidence, Judge, contact_key
from care.delivery.lanes import Lane
from care.delivery.lookups import Lookup
from care.delivery.model import Prepared, Ready, Verdict
from care.delivery.one_question import ANOTHER, OpenQuestions, keep_one_question
from care.delivery.pace import last_moment, take_slice
from care.messages import store as ledger
from care.messages.contacts import claim_contacts, release_contacts
from care.messages.intents import count_attempts, write_intents
from care.messages.model import MessageStatus

S = MessageStatus


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
    evidence = read_evidence(
        conn, group, purpose=purpose, lookup=rules.lookups[purpose], incarnation=incarnation, now=now
    )
    passed = _judge(conn, group, outcome, rules.judge, evidence)
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


def _judge(
    conn: sa.Connection, group: Sequence[Prepared], outcome: IntentOutcome, judge: Judge, evidence: Evidence
) -> list[Prepared]:
    """Return who may go. Who was told already is asked last, mostly for nobody: claiming the address tells it too."""
    passed, others = list[Prepared](), list[Prepared]()
    for prepared in group:
        if prepared.message.id not in evidence.mine:
            continue
        verdict = judge.judge(prepared, evidence)
        if verdict is None:
            passed.append(prepared)
            if not evidence.are_strangers:
                _count(prepared, evidence, evidence.now)
        else:
            others.append(prepared)
            outcome.verdicts.append((prepared, verdict))
    if others and evidence.are_strangers and others[0].message.purpose is not Purpose.REPLY:
        ask_who_was_told(conn, others, evidence)  # it may be the truer reason
        outcome.verdicts = [(one, judge.judge(one, evidence) or verdict) for one, verdict in outcome.verdicts]
    return passed


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
    holders = claim_contacts(conn, [(*contact_key(p), p.message.id) for p in claimed], now)
    if not holders:
        return passed
    kept = []
    for prepared in passed:
        holder = holders.get(contact_key(prepared), prepared.message.id)
        if holder == prepared.message.id:
            kept.append(prepared)
        else:
            outcome.verdicts.append((prepared, Verdict(status=S.SKIPPED, reason=f"told_via:{holder}")))
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
    kept, stopped = passed, list[int]()
    if passed and passed[0].message.purpose is not Purpose.EMERGENCY and not day.takes(_parts_by_country(passed)):
        kept = []
        for prepared in passed:
            brake = day.refuse(prepared.country, prepared.parts)
            if brake is None:
                kept.append(prepared)
                continue
            stopped.append(prepared.message.id)
            outcome.verdicts.append((prepared, rules.judge.hold(prepared, day.tomorrow_at, brake)))
    if stopped:
        release_contacts(conn, stopped)
    brakes.close_day(conn, day)
    return kept


def _parts_by_country(passed: Sequence[Prepared]) -> dict[str, int]:
    parts = dict[str, int]()
    for prepared in passed:
        parts[prepared.country] = parts.get(prepared.country, 0) + prepared.parts
    return parts


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
    now, purpose, rate = evidence.now, passed[0].message.purpose, lane.rate_per_second
    total, sender = sum(prepared.parts for prepared in passed), lane.pace_key(purpose, rules.senders)
    start = take_slice(conn, sender=sender, parts=total, rate_per_second=rate, now=now)
    tokens = random_tokens(len(passed), now)
    for prepared in passed:
        prepared.text_digest = digest(prepared.text)[:16]
    made = write_intents(
        conn,
        [
            (p.message.id, p.message.attempts + 1, token, p.contact.address_hash, p.parts, p.text_digest)
            for p, token in zip(passed, tokens, strict=True)
        ],
        channel=lane.channel,
        provider=lane.provider,
        account=lane.account,
        incarnation=incarnation,
        now=now,
    )
    count_attempts(conn, list(made), channel=lane.channel)
    ahead, sender = (start - now).total_seconds(), lane.sender_of(purpose, rules.senders)
    for prepared, token in zip(passed, tokens, strict=True):
        owed = prepared.message
        outgoing = Outgoing(  # by place and not by name: one for every message
            made[owed.id],
            owed.id,
            token,
            prepared.contact.address,
            prepared.text,
            rules.judge.closing(prepared, evidence),
            sender,
            prepared.subject,
            prepared.html,
            lane.mail_ids.message_ref(owed.id, owed.occasion, lane.mail_domain) if lane.mail_ids else "",
            prepared.unsubscribe_url,
            prepared.locale,
            prepared.template,
        )
        leave_by = monotonic + last_moment(ahead, owed.use_by, now)
        outcome.ready.append(Ready(prepared, outgoing, monotonic + ahead, leave_by, lane.provider))
        ahead += prepared.parts / rate


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
