"""Undo a ban that bounces wrote: the mailbox is alive after all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.base.errors import AnswerIsNoError
from care.base.vocabulary import Channel
from care.customers.model import SuppressionReason
from care.customers.suppressions import lift_suppression
from care.delivery.bans import ASKED_FOR, find_bans, require_customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """How many bans by bounces ended, and the reasons of those that still stand on the same customer's addresses."""

    bans: int
    standing: Sequence[str]


def lift_bounces(conn: sa.Connection, external_id: str, *, by: str, now: datetime) -> Lifted:
    """Lift the bans that bounces wrote on a customer's e-mail address. Other bans stay, complaints above all.

    Raises:
        AnswerIsNoError: no such customer, or no such ban.
    """
    require_customer(conn, external_id)
    standing = find_bans(conn, customer_id=external_id)
    bounced = [ban for ban in standing if ban.channel == Channel.EMAIL and ban.reason == SuppressionReason.HARD_BOUNCE]
    left = sorted({ban.reason for ban in standing if ban not in bounced})
    if not bounced:
        raise AnswerIsNoError(
            f"bounces: no bounce stands against customer {external_id}; what stands: {', '.join(left) or 'nothing'}. "
            f"{what_ends(external_id, left)}"
        )
    return Lifted(bans=sum(lift_suppression(conn, ban.id, now=now, by=by) for ban in bounced), standing=left)


def what_ends(external_id: str, reasons: Sequence[str]) -> str:
    """Return the command that ends, or else shows, bans of these reasons."""
    asked_for = next((reason for reason in reasons if reason in ASKED_FOR), None)
    if asked_for is None:
        return f"See: care suppressions show {external_id}"
    return (
        "It ends by the customer's word only: "
        f'care suppressions lift {external_id} --reason {asked_for} --asked-again "by phone on 3 March"'
    )
