"""The story of one message: planned, decided, tried, answered, in the order in which it happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.delivery.billing import MICROS
from care.delivery.channels.base import ErrorClass
from care.delivery.channels.errors import classify_receipt
from care.delivery.copies import is_another
from care.messages.model import Outcome
from care.messages.tables import attempt, message, move, receipt
from care.messages.words import MEANING
from care.reports.log import Entry, entries_by_id
from care.reports.providers import failovers
from care.reports.reasons import in_words, standing_in_words

_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.INTENT: "no answer yet",
    Outcome.ACCEPTED: "the provider took it",
    Outcome.REFUSED: "the provider refused it",
    Outcome.UNKNOWN: "no answer that settles it",
    Outcome.ABANDONED: "given up before anything left",
}
_WHO: Mapping[str, str] = {
    "planner": "the planner",
    "dispatcher": "the sender",
    "receipt": "the provider's receipt",
    "watchdog": "the watch",
    "resolver": "after the look at messages in doubt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a message. `kind` is planned, decision, attempt, answer or receipt."""

    at: datetime
    kind: str
    text: str
    details: Mapping[str, Any]  # for machines; no address, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One message with everything the ledger knows of it."""

    entry: Entry
    use_by: datetime
    plan_digest: str
    events: Sequence[Event]


def tell_story(conn: sa.Connection, message_id: int) -> Story | None:
    """Return the story of a message, oldest event first; None if there is no such message."""
    row = conn.execute(sa.select(message).where(message.c.id == message_id)).one_or_none()
    if row is None:
        return None
    attempts = conn.execute(sa.select(attempt).where(attempt.c.message_id == message_id).order_by(attempt.c.n)).all()
    ids = [one.id for one in attempts]
    receipts = conn.execute(sa.select(receipt).where(receipt.c.attempt_id.in_(ids)).order_by(receipt.c.id)).all()
    moves = conn.execute(sa.select(move).where(move.c.message_id == message_id).order_by(move.c.id)).all()
    events = [
        _planned(row, is_untouched=not (moves or attempts)),
        *(_decision(one, _channel_at(attempts, one.at)) for one in moves),
    ]
    if row.reason and row.status_at > row.planned_at and not (moves or attempts):
        events.append(_judged_anew(row))
    other_ways = failovers(conn, [message_id])
    for one in attempts:
        events += _tried(one, other_ways.get(one.id, ""))
    tried = {one.id: one for one in attempts}
    events += [_received(one, tried[one.attempt_id], Purpose(row.purpose)) for one in receipts]
    return Story(
        entry=entries_by_id(conn, [message_id])[0],
        use_by=row.use_by,
        plan_digest=row.plan_digest,
        events=sorted(events, key=lambda event: event.at),
    )


def _planned(row: sa.Row[Any], *, is_untouched: bool) -> Event:
    was_decided = is_untouched and row.status_at == row.planned_at and row.reason
    text = f"planned for {row.occasion}"
    if was_decided:
        text = f"entered as {row.status}: {in_words(row.reason).text}"
    return Event(
        at=row.planned_at,
        kind="planned",
        text=text,
        details={"due_at": row.due_at, "use_by": row.use_by, "plan": row.plan_digest},
    )


def _judged_anew(row: sa.Row[Any]) -> Event:
    """Return what the planner found of an unsent message when it last asked who qualifies."""
    return Event(
        at=row.status_at,
        kind="decision",
        text=f"looked at again: {row.status}: {in_words(row.reason).text}",
        details={"status": row.status, "reason": row.reason, "by": "planner"},
    )


def _channel_at(attempts: Sequence[sa.Row[Any]], at: datetime) -> str | None:
    """Return the channel of the last try by then: a decision about a failure speaks of it."""
    return next((one.channel for one in reversed(attempts) if one.intent_at <= at), None)


def _decision(row: sa.Row[Any], channel: str | None) -> Event:
    who = _WHO.get(row.by, row.by)
    stands, why = standing_in_words(row.status, row.reason, channel)
    text = f"{who}: {stands}" + (f", because {why}" if why else "")
    return Event(
        at=row.at, kind="decision", text=text, details={"status": row.status, "reason": row.reason, "by": row.by}
    )


def _tried(row: sa.Row[Any], failover: str) -> list[Event]:
    parts = f", {row.parts} parts" if row.channel == "sms" and row.parts != 1 else ""
    parts += f", as {failover}" if failover else ""
    begun = Event(
        at=row.intent_at,
        kind="attempt",
        text=f"try {row.n} by {row.channel} through {row.provider}{parts}",
        details={
            "n": row.n,
            "channel": row.channel,
            "provider": row.provider,
            "parts": row.parts,
            "failover": failover,
        },
    )
    if row.done_at is None:
        return [begun]
    taken = row.outcome == Outcome.ACCEPTED  # an error of a taken attempt came later, and its receipt tells it
    code = f" ({row.error_code}: {_error(row.error_class, row.channel)})" if row.error_code and not taken else ""
    reference = f", reference {row.provider_ref}" if row.provider_ref and not code else ""
    bill, price = _bill(row)
    return [
        begun,
        Event(
            at=row.done_at,
            kind="answer",
            text=f"try {row.n}: {_OUTCOMES[Outcome(row.outcome)]}{code}{reference}{bill}",
            details={
                "n": row.n,
                "outcome": row.outcome,
                "provider_ref": row.provider_ref,
                "error_code": row.error_code,
                "error_class": row.error_class,
                "billed_parts": row.billed_parts,
                "billed_price": price,
                "billed_currency": row.billed_currency,
            },
        ),
    ]


def _bill(row: sa.Row[Any]) -> tuple[str, Decimal | None]:
    """Return what the provider billed, in words and as a price in major units."""
    price = None if row.billed_micros is None else Decimal(int(row.billed_micros)) / MICROS
    parts = "" if row.billed_parts is None else f", billed as {row.billed_parts} part" + "s" * (row.billed_parts != 1)
    return parts + (f" for {price.normalize():f} {row.billed_currency}" if parts and price is not None else ""), price


_UNWILLING: Mapping[str, str] = {
    "complained": "the recipient complained about it",
    "unsubscribed": "the recipient unsubscribed at the provider",
}
"""Words that move no message and silence the address."""


def _received(row: sa.Row[Any], tried: sa.Row[Any], purpose: Purpose) -> Event:
    text = f"receipt for try {tried.n}: {_UNWILLING.get(row.status, row.status)}"
    if is_another(tried.provider_ref, row.provider_ref):
        text += f", under a second reference {row.provider_ref}"
    if row.status in _UNWILLING:
        stopped = "greetings, offers and surveys" if purpose is Purpose.SURVEY else "greetings and offers"
        text += f": no more {stopped} to this address"
    elif row.error_code:
        text += f" ({row.error_code}: {_error(str(classify_receipt(row.error_code).error_class), tried.channel)})"
    elif MEANING.get(row.status) is None:
        text += " (a word that moves nothing)"
    return Event(
        at=row.received_at,
        kind="receipt",
        text=text,
        details={"n": tried.n, "status": row.status, "error_code": row.error_code, "provider_ref": row.provider_ref},
    )


def _error(word: str | None, channel: str) -> str:
    return in_words(word or str(ErrorClass.UNKNOWN), channel).text
