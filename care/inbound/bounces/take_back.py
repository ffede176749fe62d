"""Carry out what returned mails and providers say: receipts, and bans on addresses that are dead or unwilling."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from care.base.vocabulary import Channel, Purpose
from care.customers.model import SuppressionReason, SuppressionScope
from care.customers.suppressions import suppress_hash
from care.delivery.channels.errors import classify_receipt
from care.delivery.copies import OURS
from care.delivery.pace import lock_retry_queues
from care.delivery.receipts import Receipt, apply_receipts
from care.delivery.suppressing import suppress_by_rule
from care.inbound import store
from care.inbound.bounces.event import Event
from care.inbound.bounces.hooks.mailgun import MAILGUN_KIND, mailgun_event
from care.inbound.bounces.hooks.sendgrid import SENDGRID_KIND, sendgrid_event
from care.inbound.bounces.hooks.ses import SES_KIND, ses_event
from care.inbound.bounces.mail_row import MAIL_KIND, mail_event
from care.inbound.bounces.origin import find_attempt, finding_about
from care.inbound.route import InboundRules

READERS: Mapping[str, Callable[[sa.Row[Any]], Event]] = {
    MAIL_KIND: mail_event,
    SES_KIND: ses_event,
    SENDGRID_KIND: sendgrid_event,
    MAILGUN_KIND: mailgun_event,
}
"""Who reads which kind of stored row."""

BOUNCE_KINDS = tuple(READERS)
NOT_OURS = "about no mail of ours"
SOURCE = "feedback"
COMPLAINED = "complained"
UNSUBSCRIBED = "unsubscribed"

log = structlog.get_logger()


def take_back(
    conn: sa.Connection, rows: Sequence[sa.Row[Any]], *, rules: InboundRules, now: datetime, dice: random.Random
) -> None:
    """Work on stored rows in the transaction of the caller; their words go, what they meant stays."""
    events = {row.id: READERS[row.kind](row) for row in rows}
    found = {
        row.id: find_attempt(conn, events[row.id], ids=rules.mail_ids, hasher=rules.hasher, now=now)
        for row in rows
        if events[row.id].asks_for_something
    }
    attempts = {row_id: tried for row_id, tried in found.items() if tried is not None}
    if attempts:
        lock_retry_queues(conn, [Channel.EMAIL])  # before anything else, as all who queue for another try do
    store.lock_addresses(conn, [tried.address_hash for tried in attempts.values()])
    for row_id in sorted(attempts, key=lambda i: (attempts[i].message_id, i)):  # as the sender locks them
        _carry_out(conn, events[row_id], attempts[row_id], rules, now=now, dice=dice)
    store.forget_words(conn, {row_id: _impersonal(event) for row_id, event in events.items()})
    strange = [row_id for row_id, tried in found.items() if tried is None]
    store.finish(conn, [row.id for row in rows if row.id not in strange], now=now)
    if strange:
        store.finish(conn, strange, now=now, problem=NOT_OURS)
    log.info("bounces.taken", not_ours=len(strange), **Counter(_word(event) for event in events.values()))


def _carry_out(
    conn: sa.Connection, event: Event, tried: sa.Row[Any], rules: InboundRules, *, now: datetime, dice: random.Random
) -> None:
    def tell(status: str, code: str = "") -> bool:
        """Apply one receipt; return whether it was news."""
        one = Receipt(
            provider=tried.provider,
            provider_ref=f"{OURS}{tried.id}",
            status=status,
            error_code=code,
            token=tried.token,
            at=now,
        )
        return apply_receipts(conn, [one], now=now, dice=dice, allowed=rules.allowed) > 0

    failed = finding_about(event.findings, tried.address_hash, rules.hasher)
    if event.is_delivered:
        tell("delivered")
    elif event.is_complaint or event.is_opt_out:
        if tell(COMPLAINED if event.is_complaint else UNSUBSCRIBED):
            _silence(conn, tried, SuppressionReason.COMPLAINT if event.is_complaint else SuppressionReason.OPT_OUT, now)
    elif failed is not None and tell("undelivered", failed.error_code):
        _spare(conn, failed.error_code, tried.address_hash, now)


def _spare(conn: sa.Connection, code: str, address_hash: str, now: datetime) -> None:
    """Ban the address as the code asks; also where the message has moved on, as it was thought delivered."""
    rule = classify_receipt(code)
    suppress_by_rule(conn, rule.suppress, channel=Channel.EMAIL, address_hash=address_hash, now=now)


def _silence(conn: sa.Connection, tried: sa.Row[Any], reason: SuppressionReason, now: datetime) -> None:
    """Send no more greetings and offers to who does not want them; after a survey, no more surveys either."""
    is_survey = tried.purpose == Purpose.SURVEY
    suppress_hash(
        conn,
        address_hash=tried.address_hash,
        channel=Channel.EMAIL,
        scope=SuppressionScope.MARKETING_AND_SURVEY if is_survey else SuppressionScope.MARKETING,
        reason=reason,
        source=SOURCE,
        now=now,
    )


def _impersonal(event: Event) -> dict[str, Any]:
    """Return what of a report may stay."""
    findings = [{"kind": str(each.kind), "status": each.status, "reason": each.reason} for each in event.findings]
    return {"word": _word(event), "findings": findings[:10]}


def _word(event: Event) -> str:
    if event.is_complaint:
        return "complaint"
    if event.is_opt_out:
        return "opt_out"
    if event.is_delivered:
        return "delivered"
    kinds = {each.kind for each in event.findings}
    return next((str(kind) for kind in ("hard", "soft") if kind in kinds), "none")
