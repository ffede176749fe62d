"""Which resolutions wait to be taken on, and what is known about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.vocabulary import Channel, Purpose
from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.planning.permission import ConsentByCountry, reason_not_to_write
from care.surveys.asking import Asking
from care.surveys.model import FollowUpState
from care.surveys.tables import follow_up, survey_answer, survey_case

ANYTHING = sa.select(sa.exists().where(ticket_resolution.c.followed_up_at.is_(None)))
"""Whether a resolution waits: at most ticks none does, and nothing else has to be worked out."""

_OF_CUSTOMER = ("draw", "country", "timezone", "status", "deceased", "customer_type", "erased_at", "attributes")


def next_resolutions(conn: sa.Connection, asking: Asking, after: int, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the next resolutions to take on, each with its customer and why they may not be written to."""
    return conn.execute(_waiting(asking), {"after": after, "most": limit}).all()


@lru_cache(maxsize=2)
def _waiting(asking: Asking) -> sa.Select[Any]:
    r = ticket_resolution
    return (
        sa.select(
            r,
            ticket.c.resolutions.label("rounds"),
            ticket.c.resolved_at.label("ticket_resolved_at"),
            customer.c.id.label("customer_row"),
            *(customer.c[name] for name in _OF_CUSTOMER),
            _why_not(asking, mail_only=False).label("why_not"),
            _why_not(asking, mail_only=True).label("why_no_mail"),
        )
        .select_from(r.join(ticket, ticket.c.id == r.c.ticket_id).outerjoin(customer, customer.c.id == r.c.customer_id))
        .where(r.c.followed_up_at.is_(None), r.c.id > sa.bindparam("after", type_=sa.BigInteger))
        .order_by(r.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


def _why_not(asking: Asking, *, mail_only: bool) -> sa.ColumnElement[Any]:
    """Return, as the planner works it out, why the campaign of a ticket's kind may not write to the customer."""
    rules = ConsentByCountry.read(asking.policies, Purpose.SURVEY)
    branches = []
    for kind, (campaign, _) in sorted(asking.by_kind.items()):
        channels = tuple(c for c in campaign.channels if not mail_only or c is Channel.EMAIL)
        if channels:
            why = reason_not_to_write(campaign, channels, rules, also_to=ticket_resolution.c.address_hash)
            branches.append((ticket_resolution.c.kind == kind, why))
    nothing: sa.ColumnElement[Any] = sa.literal("no_inbound_sms") if mail_only else sa.cast(sa.null(), sa.String)
    return sa.case(*branches, else_=nothing) if branches else nothing


def answered_before(conn: sa.Connection, ticket_ids: Sequence[int]) -> set[int]:
    """Return the tickets of which an earlier resolution was answered, and not with "not solved"."""
    unsolved = sa.or_(
        sa.exists().where(survey_case.c.follow_up_id == follow_up.c.id, survey_case.c.reason == "not_solved"),
        sa.exists().where(
            survey_answer.c.follow_up_id == follow_up.c.id,
            survey_answer.c.question == "solved",
            survey_answer.c.score == 0,
            survey_answer.c.superseded_at.is_(None),
        ),
    )
    query = sa.select(follow_up.c.ticket_id).where(
        among(follow_up.c.ticket_id, ticket_ids), follow_up.c.state == str(FollowUpState.ANSWERED), sa.not_(unsolved)
    )
    return set(conn.execute(query).scalars())


def crowds_of(conn: sa.Connection, parents: set[str], now: datetime) -> dict[str, int]:
    """Return how many tickets were resolved lately under each parent."""
    if not parents:
        return {}
    r = ticket_resolution
    query = (
        sa.select(r.c.parent, sa.func.count().label("n"))
        .where(among(r.c.parent, parents), r.c.resolved_at > now - timedelta(days=3))
        .group_by(r.c.parent)
    )
    return {row.parent: int(row.n) for row in conn.execute(query)}
