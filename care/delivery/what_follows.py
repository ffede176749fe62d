"""What a refusal or a bad receipt leads to: another try, another channel, or the end."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.delivery.channels.base import ErrorClass, ErrorRule, Retry
from care.delivery.pace import join_retry_queue, retry_queue
from care.delivery.retry import TRIES, Again, after_failure, is_budgeted, most_tries
from care.delivery.suppressing import suppress_by_rule
from care.delivery.tries import own_tries, spend_channel, tries_alike
from care.messages import store as ledger
from care.messages.model import MessageStatus
from care.messages.tables import message

S = MessageStatus

THE_NEXT, AGAIN = "the next channel", "again later"
OUR_FAULT = tuple(f"{word}: {AGAIN}" for word in (ErrorClass.CONFIG, ErrorClass.TRANSPORT))
"""Why a message waits that nothing was wrong with."""
NO_ROOM = f"{ErrorClass.CAPACITY}: {AGAIN}"
"""Why one waits whose provider had no room for it."""


def follow(
    conn: sa.Connection,
    *,
    message_id: int,
    purpose: Purpose,
    rule: ErrorRule,
    channel: Channel,
    address_hash: str,
    attempts: int,
    channels_left: tuple[Channel, ...],
    use_by: datetime,
    now: datetime,
    dice: random.Random,
    by: str,
    is_final: bool = False,
    asked_wait: timedelta = timedelta(0),
) -> None:
    """Carry out what a refusal or a bad receipt leads to: another try, another channel, or the end.

    `is_final` says that the message already has its final status, from the receipt.
    """
    banned = suppress_by_rule(conn, rule.suppress, channel=channel, address_hash=address_hash, now=now)
    if banned and not rule.is_permanent:
        rule = replace(rule, retry=Retry.OTHER_CHANNEL)  # nothing goes to this address any more
    if attempts >= (most := most_tries(channels_left)):
        is_none = rule.error_class is ErrorClass.CAPACITY and not is_final  # it goes on waiting for longest
        attempts = most - 1 if is_none else own_tries(conn, message_id)
    queued = retry_queue(conn, channel, purpose, now) if is_budgeted(rule, purpose) else None
    decision = after_failure(
        rule,
        attempts=attempts,
        channels_left=channels_left,
        now=now,
        use_by=use_by,
        dice=dice,
        asked_wait=asked_wait,
        queued=queued or timedelta(0),
        alike=tries_alike(conn, message_id, channel, rule.error_class) if rule.retry in TRIES else 1,
    )
    if isinstance(decision, Again):
        if decision.other_channel:
            spend_channel(conn, message_id, channel)
        reason = f"{rule.error_class}: {THE_NEXT if decision.other_channel else AGAIN}"
        ledger.move_messages(conn, [message_id], S.PLANNED, now=now, by=by, reason=reason, wake_at=decision.at)
        if not decision.other_channel:
            if queued is not None:
                join_retry_queue(conn, channel, purpose, queued, now)
            return  # the household waits for the next try: the same phone would fail the others too
    elif is_final:
        say_why(conn, message_id, decision.reason, now=now, by=by)
    else:
        to = S.EXPIRED if decision.expired else S.FAILED
        ledger.move_messages(conn, [message_id], to, now=now, by=by, reason=decision.reason)
    ledger.reelect(conn, [message_id], now=now)


def say_why(conn: sa.Connection, message_id: int, reason: str, *, now: datetime, by: str) -> None:
    """Note why nothing follows, where the receipt has given the message its end.

    That an earlier request was taken, or is in doubt, is no end.
    """
    ended = sa.and_(message.c.id == message_id, message.c.status.in_([str(S.UNDELIVERED), str(S.FAILED)]))
    if ledger.leave_in_doubt(conn, [ended], {"reason": reason, "status_at": now}, by=by):
        return
    said = sa.update(message).where(ended).values(reason=reason).returning(message.c.status)
    for status in conn.execute(said).scalars().all():
        ledger.note_moves(conn, [(message_id, S(status), reason)], by=by, now=now)
