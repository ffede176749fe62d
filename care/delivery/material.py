"""Fetch, set-wise, what a batch of claimed messages needs: customers, open contacts, subjects, spent channels."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, cast

import sqlalchemy as sa

from care.base.among import among
from care.base.hot import Hot
from care.base.vocabulary import Channel, Purpose
from care.campaigns.campaign_set import CampaignSet
from care.delivery.channels.base import ErrorClass
from care.delivery.lookups import CONSENT_COLUMN, Lookup
from care.delivery.model import Claimed, Failed
from care.messages.model import MessageStatus, Outcome
from care.messages.store import ClaimedRow
from care.messages.tables import attempt, receipt
from care.messages.words import MEANING

_came_back = sa.exists().where(
    receipt.c.attempt_id == attempt.c.id,
    sa.or_(*(receipt.c.status == word for word, means in MEANING.items() if means is MessageStatus.UNDELIVERED)),
)
_TRIES = Hot(
    sa.select(
        *(attempt.c[name] for name in ("message_id", "channel", "spent", "outcome", "error_class")),
        _came_back.correlate(attempt).label("came_back"),
    )
    .where(among(attempt.c.message_id, "ids"))
    .order_by(attempt.c.message_id, attempt.c.n)
)


def gather(
    conn: sa.Connection,
    rows: Sequence[ClaimedRow],
    *,
    purpose: Purpose,
    campaigns: CampaignSet,
    lookup: Lookup,
    subjects: Mapping[str, sa.FromClause],
) -> list[Claimed]:
    """Return claimed rows of one purpose with everything that rendering and addressing need.

    `subjects` names the table an occasion kind speaks of: {"subscription_end": subscription}.
    """
    customer_ids = {row.customer_id for row in rows}
    customers = lookup.customers(conn, customer_ids)
    tries = _tries(conn, [row.id for row in rows if row.attempts])
    spoken_of = _subjects(conn, rows, subjects)
    contacts = lookup.contacts(conn, customer_ids)
    named = lookup.named(conn, customer_ids, {str(said["address_hash"]) for said in spoken_of.values() if _names(said)})
    known = {campaign_id: campaigns.for_message(campaign_id) for campaign_id in {row.campaign_id for row in rows}}
    claimed = []
    for row in rows:
        who = customers.get(row.customer_id)
        subject = None if row.subject is None else spoken_of.get((_kind(row), row.subject))
        mine = contacts.get(row.customer_id, {})
        if subject is not None and (first := named.get((row.customer_id, str(subject.get("address_hash"))))):
            mine = {**mine, first.channel: first}
        allowed = {channel: c for channel, c in mine.items() if who[CONSENT_COLUMN[channel]]} if who else {}
        claimed.append(
            Claimed(
                id=row.id,
                campaign_id=row.campaign_id,
                occasion=row.occasion,
                customer_id=row.customer_id,
                leg=row.leg,
                purpose=purpose,
                due_at=row.due_at,
                use_by=row.use_by,
                attempts=row.attempts,
                occasion_on=row.occasion_on,
                strikes=row.strikes,
                campaign=known[row.campaign_id],
                is_file_broken=known[row.campaign_id] is None and campaigns.is_broken(row.campaign_id),
                customer=who,
                subject=subject,
                contacts=allowed,
                spent_channels=frozenset(Channel(one.channel) for one in tries[row.id] if one.spent)
                if tries
                else _NONE,
                failed=_failed(tries[row.id]) if tries else None,
                has_contact=bool(mine),
            )
        )
    return claimed


class _Try(NamedTuple):
    message_id: int
    channel: str
    spent: bool
    outcome: str
    error_class: str | None
    came_back: bool

    @property
    def has_failed(self) -> bool:
        """Tell whether it ended badly; a refusal for now only puts off."""
        return self.spent or (self.outcome == str(Outcome.ACCEPTED) and self.error_class is not None)


_NONE: frozenset[Channel] = frozenset()


def _tries(conn: sa.Connection, ids: Collection[int]) -> defaultdict[int, list[_Try]]:
    """Return the tries of messages that were tried before, the first one first."""
    tries = defaultdict[int, list[_Try]](list)
    if ids:
        for row in _TRIES.rows(conn, ids=ids):
            tries[row[0]].append(_Try._make(row))
    return tries


def _failed(tries: Sequence[_Try]) -> Failed | None:
    """Return how the last try ended, where that is bad; else how the last one did that was refused for good."""
    left = [one for one in tries if one.outcome != str(Outcome.ABANDONED)]
    bad = [one for one in left if one.spent or (one is left[-1] and one.has_failed)]
    if not bad:
        return None
    is_back = bad[-1].outcome == str(Outcome.ACCEPTED) and bad[-1].came_back
    status = MessageStatus.UNDELIVERED if is_back else MessageStatus.FAILED
    return Failed(str(status), bad[-1].error_class or str(ErrorClass.UNKNOWN))


def _names(said: Mapping[str, Any]) -> bool:
    return said.get("address_hash") is not None


def _kind(row: ClaimedRow) -> str:
    return row.occasion.partition(":")[0]


def _subjects(
    conn: sa.Connection, rows: Sequence[ClaimedRow], subjects: Mapping[str, sa.FromClause]
) -> dict[tuple[str, str | None], Mapping[str, Any]]:
    wanted: dict[str, set[str]] = {}
    for row in rows:
        if row.subject is not None and _kind(row) in subjects:
            wanted.setdefault(_kind(row), set()).add(row.subject)
    found: dict[tuple[str, str | None], Mapping[str, Any]] = {}
    for kind, names in wanted.items():
        table = subjects[kind]
        for spoken_of in conn.execute(sa.select(table).where(among(table.c.external_id, names))).mappings():
            found[kind, spoken_of["external_id"]] = cast("Mapping[str, Any]", spoken_of)
    return found
