"""Settle messages in doubt: ask the provider's own list, then do what the message's class allows.

A callback by the request's token settles most of them before; see `receipts`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.errors import UnavailableError
from care.base.ids import digest
from care.base.vocabulary import DELIVERIES, Channel, Delivery, Purpose
from care.campaigns.campaign_set import CampaignSet
from care.delivery.bad_news import Allowed, every_channel
from care.delivery.channels.base import Capabilities, Gateway, ProviderMessage, Records, records_of
from care.delivery.doubt import SETTLE, Doubt, Seen, Step, next_step
from care.delivery.incarnation import BEFORE_RESTORE, LEASE_LOST
from care.delivery.receipts import Receipt, apply_receipts
from care.delivery.routes import Routes
from care.messages import store as ledger
from care.messages.model import MessageStatus
from care.messages.tables import attempt, message

S = MessageStatus
IN_FLIGHT = 8
SLACK = timedelta(seconds=5)
"""What the list has from so long before a request may be it: clocks differ, and providers' have whole seconds."""

EARLIER = timedelta(minutes=15)
"""What it has from so long before is not taken for it, but forbids to say that it is absent.

Our clock may be ahead of the provider's by as much; or it is an earlier request of the same message.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message in doubt, and what its provider said of the request."""

    message_id: int
    attempt_id: int
    token: str
    provider: str
    doubt: Doubt
    found: ProviderMessage | None = None
    seen: Seen = Seen.NOT_TOLD


async def look(
    routes: Routes,
    rows: Sequence[sa.Row[Any]],
    *,
    known: Callable[[Collection[str]], frozenset[str]],
    campaigns: CampaignSet,
) -> list[Case]:
    """Ask providers about requests, a few at a time. One that gives no answer is asked nothing more this time."""
    asker = _Asker(routes, known)
    waiting = iter(rows)
    cases: list[Case] = []

    async def work() -> None:
        for row in waiting:
            seen, found = await asker.ask(row)
            declares, is_alone = asker.declares(row), asker.is_alone(row)
            cases.append(_case(row, campaigns, seen, found, declares=declares, is_alone=is_alone))

    async with routes.opened():
        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return cases


class _Asker:
    def __init__(self, routes: Routes, known: Callable[[Collection[str]], frozenset[str]]) -> None:
        self._routes, self._known = routes, known
        self._silent: set[tuple[Channel, str]] = set()

    def _asked(self, row: sa.Row[Any]) -> Gateway | None:
        """Return the gateway of the account that got the request, None when it is set up no more.

        What another account lacks proves nothing, and it would take a repeat for another message.
        """
        return self._routes.holder(row.provider, Channel(row.channel), row.account)

    def declares(self, row: sa.Row[Any]) -> Capabilities | None:
        gateway = self._asked(row)
        return gateway.capabilities if gateway is not None else None

    def is_alone(self, row: sa.Row[Any]) -> bool:
        """Tell whether whatever is sent again goes to the account that has the request: no other serves the channel."""
        return len(self._routes.of(Channel(row.channel))) == 1

    async def ask(self, row: sa.Row[Any]) -> tuple[Seen, ProviderMessage | None]:
        gateway = self._asked(row)
        records = records_of(gateway) if gateway is not None else None
        if gateway is None or records is None or row.address is None:
            return Seen.NOT_TOLD, None
        place = gateway.channel, gateway.provider
        if place in self._silent:
            return Seen.NOT_TOLD, None
        try:
            listed = await self._list(records, row)
        except UnavailableError:
            self._silent.add(place)
            return Seen.NOT_TOLD, None
        is_complete = gateway.capabilities.list_is_authoritative
        return judge_list(listed, row.body_digest, since=row.intent_at - SLACK, is_complete=is_complete)

    async def _list(self, records: Records, row: sa.Row[Any]) -> list[ProviderMessage]:
        listed = await records.list_to(row.address, row.intent_at - EARLIER)
        mine = self._known([one.sid for one in listed])
        return [one for one in listed if one.sid not in mine]


def judge_list(
    unclaimed: Sequence[ProviderMessage], body_digest: str, *, since: datetime, is_complete: bool
) -> tuple[Seen, ProviderMessage | None]:
    """Return what a list says, of messages to the address that belong to no request we know.

    A provider may change a text on its way, so one that looks otherwise is unclear, not absent; and so is one from
    before `since`, as the clocks may differ.
    """
    since = since.replace(microsecond=0)
    same = [one for one in unclaimed if one.created_at >= since and digest(one.body)[:16] == body_digest]
    if len(same) == 1:
        return Seen.LISTED, same[0]
    if unclaimed:
        return Seen.UNCLEAR, None
    return (Seen.ABSENT if is_complete else Seen.NOT_TOLD), None


def _case(
    row: sa.Row[Any],
    campaigns: CampaignSet,
    seen: Seen,
    found: ProviderMessage | None,
    *,
    declares: Capabilities | None,
    is_alone: bool,
) -> Case:
    """Return what is known of a request; a repeat counts as known only where no other account could get it."""
    campaign = campaigns.for_message(row.campaign_id)
    delivery: Delivery = campaign.delivery_class if campaign else DELIVERIES[Purpose(row.purpose)][0]
    doubt = Doubt(
        delivery=delivery,
        since=row.done_at,
        use_by=row.use_by,
        is_sender_gone=row.error_code not in {LEASE_LOST, BEFORE_RESTORE},
        requests_in_doubt=row.in_doubt,
        is_taken_before=row.is_taken,
        is_over=(row.reason or "").startswith(ledger.IN_DOUBT_STILL),
        settle=max(SETTLE, declares.list_settle) if declares else SETTLE,
        repeat_before=declares.repeatable_until(row.first_at) if declares and is_alone else None,
    )
    return Case(
        message_id=row.message_id,
        attempt_id=row.id,
        token=row.token,
        provider=row.provider,
        doubt=doubt,
        found=found,
        seen=seen,
    )


def settle(
    conn: sa.Connection,
    cases: Sequence[Case],
    *,
    now: datetime,
    dice: random.Random,
    allowed: Allowed = every_channel,
) -> Counter[Step]:
    """Carry out what follows and return how often; what was settled meanwhile, or tried again, is left alone.

    `now` is when the providers were asked: what their lists lack may have come since.
    """
    steps = Counter[Step]()
    taken, again = dict[int, Receipt](), list[Case]()
    for case in sorted(cases, key=lambda case: case.message_id):
        step = next_step(case.doubt, case.seen, now)
        if step is Step.TAKEN and case.found is not None:
            taken[case.attempt_id] = _receipt(case, case.found, now)
        elif step is Step.SEND_AGAIN:
            again.append(case)
        else:
            steps[step] += 1
    if taken:
        # first: it may queue for another try
        apply_receipts(conn, list(taken.values()), now=now, dice=dice, allowed=allowed)
        steps += _taken_or_left(conn, taken)
    conn.execute(
        sa.update(attempt).where(among(attempt.c.id, [case.attempt_id for case in cases])).values(asked_at=now)
    )
    for why, ids in _still_doubtful(conn, again, now).items():
        moved = ledger.move_messages(
            conn,
            ids,
            S.PLANNED,
            now=now,
            by="resolver",
            reason=f"sent again: {why}",
            wake_at=now,
            only_from=[S.UNKNOWN],
        )
        steps += Counter({Step.SEND_AGAIN: len(moved)})
    return steps


def _taken_or_left(conn: sa.Connection, told: Mapping[int, Receipt]) -> Counter[Step]:
    """Return how many attempts go by the reference that was found; one message of a list is of one of them alone."""
    named = sa.select(attempt.c.id, attempt.c.provider_ref).where(among(attempt.c.id, list(told)))
    is_taken = Counter(ref == told[id_].provider_ref for id_, ref in conn.execute(named))
    return +Counter({Step.TAKEN: is_taken[True], Step.LEAVE: is_taken[False]})


def _still_doubtful(conn: sa.Connection, cases: Sequence[Case], now: datetime) -> dict[str, list[int]]:
    """Return the messages, by why they go again, whose doubt is still about the request that was asked about.

    Another resolver may have sent one again while this one waited for an answer: its next request may be in doubt by
    now, and of that this list says nothing.
    """
    same = (
        sa.select(attempt.c.id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(
            among(attempt.c.id, [case.attempt_id for case in cases]),
            attempt.c.n == message.c.attempts,
            message.c.status == str(S.UNKNOWN),
        )
        .order_by(message.c.id)
        .with_for_update(of=message)
    )
    doubtful = set(conn.execute(same).scalars()) if cases else set()
    found = dict[str, list[int]]()
    for case in cases:
        if case.attempt_id in doubtful:
            found.setdefault(_why_again(case, now), []).append(case.message_id)
    return found


def _why_again(case: Case, now: datetime) -> str:
    if case.seen is Seen.ABSENT:
        return "the provider does not have it"
    if case.doubt.repeat_before is not None and now < case.doubt.repeat_before:
        return "the provider knows a repeat for what it has"
    return "nobody can tell, and it must arrive"


def _receipt(case: Case, found: ProviderMessage, now: datetime) -> Receipt:
    return Receipt(
        provider=case.provider,
        provider_ref=found.sid,
        status=found.status,
        error_code=found.error_code,
        token=case.token,
        at=now,
    )
